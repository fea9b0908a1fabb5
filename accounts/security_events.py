"""What is written down of sign-ins and of what one signs in with: a change in the audit trail, of no team; the rest in
the log.

allauth makes these changes and tells of them. Its views run inside a transaction (accounts/account_urls.py), and so
the row is in the one of the change.
"""

import logging
from typing import Any

from allauth.account import signals as account
from allauth.account.adapter import get_adapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.signals import social_account_added
from django.contrib.auth import signals as auth
from django.db.models.signals import post_delete, post_save
from django.dispatch import Signal
from django.http import HttpRequest

from accounts import audit, invitations, secrets
from accounts.access import FACTORS
from accounts.models import User
from accounts.second_factors import TABLE

logger = logging.getLogger(__name__)


def connect() -> None:
    auth.user_logged_in.connect(_signed_in, dispatch_uid="signed-in")
    auth.user_login_failed.connect(_failed, dispatch_uid="sign-in-failed")
    post_save.connect(_factor_saved, Authenticator, dispatch_uid="factor-saved")
    post_delete.connect(_factor_deleted, Authenticator, dispatch_uid="factor-deleted")
    for signal, action in (
        (account.password_changed, "password.changed"),
        (account.password_set, "password.set"),
        (account.password_reset, "password.reset"),
    ):
        _record_user(signal, action)
    account.user_signed_up.connect(_signed_up, dispatch_uid="signed-up")
    social_account_added.connect(_sso_connected, dispatch_uid="sso-connected")
    account.email_added.connect(_email_added, dispatch_uid="email-added")
    account.email_removed.connect(_email_removed, dispatch_uid="email-removed")
    account.email_changed.connect(_email_changed, dispatch_uid="email-changed")


def _record_user(signal: Signal, action: str) -> None:
    def receive(sender: object, user: User, **told: Any) -> None:
        audit.record(None, user, action, target=user.email)

    signal.connect(receive, weak=False, dispatch_uid=action)


def _signed_up(sender: object, request: HttpRequest, user: User, **told: Any) -> None:
    """In whatever way; of whoever comes by an invitation for an address of theirs it tells that they joined."""
    if invitations.accept_held(request, user) is None:
        audit.record(None, user, "user.signed_up", target=user.email, target_id=user.id)


def _sso_connected(sender: object, sociallogin: SocialLogin, **told: Any) -> None:
    """A provider's word lets this person in from now on; where their address was not verified, it alone."""
    user, changes = sociallogin.user, {"provider": sociallogin.provider.name}
    if sociallogin.had_password and not user.has_usable_password():
        changes["removed"] = "password"
    audit.record(None, user, "single_sign_on.connected", target=user.email, changes=changes)


def _email_added(sender: object, user: User, email_address: Any, **told: Any) -> None:
    audit.record(None, user, "email.added", target=email_address.email)


def _email_removed(sender: object, user: User, email_address: Any, **told: Any) -> None:
    audit.record(None, user, "email.removed", target=email_address.email)


def _email_changed(sender: object, user: User, from_email_address: Any, to_email_address: Any, **told: Any) -> None:
    before = from_email_address.email if from_email_address else ""
    audit.record(None, before or user, "email.changed", target=to_email_address.email, changes={"before": before})


def _factor_saved(
    sender: object, instance: Authenticator, created: bool, update_fields: Any = None, **told: Any
) -> None:
    """Recovery codes are made with the first factor, and anew by accounts/views/account.py, which tells of that. What
    is saved field by field is when one was used or looked at.
    """
    factor = instance.type in FACTORS
    if created or update_fields is not None:
        action = "second_factor.added" if factor and created else ""
    else:
        action = "second_factor.renamed" if factor else "recovery_code.used"
    if action:
        audit.record(None, instance.user, action, target=_name(instance))


def _factor_deleted(sender: object, instance: Authenticator, **told: Any) -> None:
    if instance.type != Authenticator.Type.WEBAUTHN:
        secrets.forget_field(None, TABLE, instance.user_id, str(instance.type))
    if instance.type in FACTORS and not hasattr(instance, "told"):  # by accounts/second_factors.py
        audit.record(None, instance.user, "second_factor.removed", target=_name(instance))


def _name(factor: Authenticator) -> str:
    return str(factor.wrap().name) if factor.type == Authenticator.Type.WEBAUTHN else str(factor.type)


def _signed_in(sender: object, request: HttpRequest, user: User, **told: Any) -> None:
    logger.info("%s signed in from %s", user.email, get_adapter(request).get_client_ip(request))


def _failed(sender: object, request: HttpRequest | None = None, **told: Any) -> None:
    """Nothing of what was typed: in the field of the address may be a password."""
    logger.warning("a sign-in failed from %s", get_adapter(request).get_client_ip(request) if request else "here")
