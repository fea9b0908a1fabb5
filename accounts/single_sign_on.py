"""Sign-in by the operator's OpenID Connect provider. Who may come in by it is who may come in otherwise: whoever is
known by an address the provider has verified, is invited, or signs up where that is open.
"""

import logging
from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from requests import RequestException

from accounts import invitations
from accounts.models import User

logger = logging.getLogger(__name__)


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Who signs up asks AccountAdapter, as everybody does; an invitation opens it for its own address alone."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        theirs = {address.email.lower() for address in sociallogin.email_addresses if address.verified}
        invited = invitations.held(request)
        return bool(settings.SIGNUP_OPEN) or (invited is not None and invited.email in theirs)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = str(data.get("name") or "")[:100]
        return user

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Exception | None = None, **told: Any
    ) -> None:
        raise ImmediateHttpResponse(_failed(request, error, exception))


def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """To the provider, which has to answer for it."""
    try:
        response: HttpResponse = openid.login(request, provider_id)
    except (RequestException, KeyError, ValueError) as error:
        return _failed(request, "no configuration", error)
    return response


def _failed(request: HttpRequest, error: object, exception: Exception | None) -> HttpResponse:
    """What went wrong is the operator's to know; the person is told that something did."""
    logger.error("single sign-on failed: %s %s", error or "", exception or "")
    text = _("Signing in by %(name)s did not work. Try again, or sign in with your password.")
    messages.error(request, text % {"name": settings.OIDC["name"]})
    return redirect("account_login")
