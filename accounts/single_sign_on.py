"""Sign-in by the operator's OpenID Connect provider. Who may come in by it is who may come in otherwise: whoever is
known by an address the provider has verified, is invited, or signs up where that is open.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView
from allauth.socialaccount.providers.openid_connect import views as openid
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from requests import RequestException

from accounts import invitations, kept_forms
from accounts.models import User

logger = logging.getLogger(__name__)

_THEIRS = (RequestException, OAuth2Error)  # what the provider did; all else is a fault of ours, and told as one
_NEEDED = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    """Who signs up asks AccountAdapter, as everybody does; an invitation opens it for its own address alone."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: SocialLogin) -> bool:
        theirs = {address.email.lower() for address in sociallogin.email_addresses if address.verified}
        invited = invitations.held(request)
        return bool(settings.SIGNUP_OPEN) or (invited is not None and invited.email in theirs)

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Once it is known who comes, and before allauth signs out whoever is signed in, or takes a password away that
        somebody set who had not verified the address (accounts/security_events.py tells of it).
        """
        user = sociallogin.user
        sociallogin.had_password = bool(user and user.pk and user.has_usable_password())
        if request.user == user:
            kept_forms.carry(request)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        user.name = str(data.get("name") or "")[:100]
        return user

    def get_provider(self, request: HttpRequest, provider: str, client_id: str | None = None) -> Any:
        found = super().get_provider(request, provider, client_id)
        found.oauth2_adapter_class = NamedIssuer
        return found

    def on_authentication_error(
        self, request: HttpRequest, provider: Any, error: Any = None, exception: Exception | None = None, **told: Any
    ) -> None:
        raise ImmediateHttpResponse(_failed(request, error, exception))


class NamedIssuer(openid.OpenIDConnectOAuth2Adapter):
    """The provider, which has to call itself as OIDC_ISSUER does (OpenID Connect Discovery 1.0, section 4.3): the
    document of another would make its tokens pass for the right one's.
    """

    @property
    def openid_config(self) -> dict[str, Any]:
        with _understood("configuration"):
            config: dict[str, Any] = super().openid_config
            if missing := [name for name in _NEEDED if not isinstance(config.get(name), str)]:
                raise KeyError(*missing)
        ours = self.get_provider().app.settings["server_url"].partition("/.well-known/")[0]
        if str(config.get("issuer")).rstrip("/") != ours.rstrip("/"):
            raise OAuth2Error(f"it calls itself {str(config.get('issuer'))[:200]!r}, OIDC_ISSUER is {ours!r}")
        return config

    def complete_login(self, *words: Any, **told: Any) -> SocialLogin:
        with _understood("answer about the person"):
            login: SocialLogin = super().complete_login(*words, **told)
        return login


@contextlib.contextmanager
def _understood(what: str) -> Iterator[None]:
    """What a provider sends may be of any shape. Raises OAuth2Error."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise OAuth2Error(f"its {what} is not understood: {error!r}"[:300]) from error


def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """A page with a button: nobody is signed in by following a link. What it sends leads to a page that goes on to the
    provider, for the policy of our pages lets a form end on this site alone.
    """
    try:
        response: HttpResponse = openid.login(request, provider_id)
    except _THEIRS as error:
        return _failed(request, "no configuration", error)
    there = response.get("Location", "")
    if not urlsplit(there).netloc:
        return response
    return render(request, "socialaccount/onward.html", {"there": there, "name": settings.OIDC["name"]})


def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Back from the provider."""
    try:
        response: HttpResponse = OAuth2CallbackView.adapter_view(NamedIssuer(request, provider_id))(request)
    except SocialApp.DoesNotExist:
        raise Http404 from None
    except _THEIRS as error:
        return _failed(request, "no configuration", error)
    return response


def _failed(request: HttpRequest, error: object, exception: Exception | None) -> HttpResponse:
    """What went wrong is the operator's to know; the person is told that something did."""
    logger.error("single sign-on failed: %s %s", error or "", exception or "")
    text = _("Signing in by %(name)s did not work. Try again, or sign in with your password.")
    messages.error(request, text % {"name": settings.OIDC["name"]})
    return redirect("account_login")
