"""A person's second factor by allauth: an authenticator app (TOTP), passkeys, recovery codes.

The seeds of the app and of the recovery codes are sealed as the person's own (accounts/secrets.py): allauth's row only
says which, and what is found under that name is that of the person who is signing in. A row or a ciphertext moved to
another person's opens nothing. While an app is set up its new seed lies in the session, sealed for this person.
"""

import contextlib
from typing import Any

import qrcode
from allauth.account.internal.stagekit import get_pending_stage
from allauth.core import context
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter, get_adapter
from allauth.mfa.base.forms import AuthenticateForm as _AuthenticateForm
from allauth.mfa.base.forms import ReauthenticateForm as _ReauthenticateForm
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.forms import ActivateTOTPForm as _ActivateTOTPForm
from allauth.mfa.totp.internal.auth import SECRET_SESSION_KEY, generate_totp_secret
from allauth.mfa.webauthn.forms import AddWebAuthnForm, EditWebAuthnForm
from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.forms import CharField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from qrcode.image.svg import SvgPathFillImage

from accounts import audit, secrets
from accounts.access import FACTORS
from accounts.models import User

TABLE = "mfa_authenticator"
_MARK = "sealed:"
_NEW = "new_totp"
_LONGEST_NAME = 100  # of a passkey


class MFAAdapter(DefaultMFAAdapter):
    """Seals and opens the seeds of whoever is signed in or is signing in."""

    def get_totp_issuer(self) -> str:
        return "Bootshelf"

    def _get_site_name(self) -> str:
        return "Bootshelf"

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:
        n = Authenticator.objects.filter(user_id=user.pk, type=type).count() + 1
        return _("Passkey %(n)s") % {"n": n} if n > 1 else _("Passkey")

    def build_totp_svg(self, url: str) -> str:
        """On white, also where the page is dark: else no phone reads it."""
        return str(qrcode.make(url, image_factory=SvgPathFillImage).to_string(encoding="unicode"))

    def encrypt(self, text: str) -> str:
        field = _kind(text)
        secrets.seal(None, TABLE, _person().pk, field, text)
        return _MARK + field

    def decrypt(self, encrypted_text: str) -> str:
        field = encrypted_text.removeprefix(_MARK)
        return secrets.open_secret(None, TABLE, _person().pk, field).reveal()


class ActivateTOTPForm(_ActivateTOTPForm):
    """allauth keeps the seed that is being set up in the session: here sealed, for the session lies in the database."""

    secret: str

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        session = context.request.session
        if self.secret.startswith(_MARK):
            with contextlib.suppress(secrets.SecretUnreadable):  # the keyset was replaced: another seed is shown
                sealed = self.secret.removeprefix(_MARK)
                self.secret = secrets.open_from_session(self.user.pk, _NEW, sealed).reveal()
                return
            self.secret = generate_totp_secret()
        session[SECRET_SESSION_KEY] = _MARK + secrets.seal_for_session(self.user.pk, _NEW, self.secret)


def remove_factors(user: User, actor: str) -> int:
    """All that they have, for whoever lost it; how many. One audit row, the operator's."""
    with transaction.atomic():
        rows = list(Authenticator.objects.select_for_update().filter(user=user))
        for row in rows:
            row.told = True
            row.delete()
        factors = sum(row.type in FACTORS for row in rows)
        if rows:
            changes = {"factors": factors}
            audit.record(None, actor, "second_factor.removed", target=user.email, target_id=user.id, changes=changes)
    return factors


class _Once:
    """A code is taken once for as long as it holds: half a minute before and after its own. allauth remembers it for
    half a minute alone.
    """

    user: User

    def clean_code(self) -> str:
        code: str = super().clean_code()  # type: ignore[misc]
        if not cache.add(f"second-factor:{self.user.pk}:{code}", True, timeout=3 * app_settings.TOTP_PERIOD):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateForm(_Once, _AuthenticateForm):
    pass


class ReauthenticateForm(_Once, _ReauthenticateForm):
    pass


class AddPasskeyForm(AddWebAuthnForm):
    """allauth's in our words."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].label = _("Name")
        self.fields["name"].widget.attrs["maxlength"] = _LONGEST_NAME
        passwordless = self.fields["passwordless"]
        passwordless.initial = True
        passwordless.label = _("Sign in with it alone")
        passwordless.help_text = _("Without email and password: the device then asks for its PIN or your fingerprint.")

    def clean_name(self) -> str:
        """A passkey is there before its name is looked at: one that is too long is cut, not refused."""
        return str(super().clean_name())[:_LONGEST_NAME]


class RenamePasskeyForm(EditWebAuthnForm):
    name = CharField(label=gettext_lazy("Name"), max_length=_LONGEST_NAME)


def _person() -> User:
    request = context.request
    if request.user.is_authenticated:
        return request.user
    stage = get_pending_stage(request)
    if stage is None:
        raise PermissionDenied
    return stage.login.user


def _kind(seed: str) -> str:
    """allauth does not say what it seals: of an app it is base 32, in capitals, of recovery codes hexadecimal."""
    return "totp" if seed == seed.upper() else "recovery_codes"
