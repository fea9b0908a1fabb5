import logging
import threading
from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.core.internal.httpkit import get_client_ip
from allauth.core.internal.ratelimit import respond_429
from django.conf import settings
from django.contrib.sites.shortcuts import get_current_site
from django.core.exceptions import ValidationError
from django.core.mail import EmailMessage
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from accounts import invitations, kept_forms
from accounts.models import Team, User
from accounts.reauthentication import signed_in_recently

logger = logging.getLogger(__name__)


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed unless SIGNUP_OPEN says otherwise, or an invitation's link was followed. A person's language
    goes with them: into a browser where none was chosen yet, and into their mails, whoever asked for these.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN) or invitations.held(request) is not None

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Who has an invitation's link had it from the mail to that address, or from an admin who may let them in."""
        invited = invitations.held(request)
        return (invited is not None and invited.email == email.lower()) or super().is_email_verified(request, email)

    def is_reauthentication_required(self, *, app: str, **told: Any) -> bool:
        """Not right after a sign-in, which allauth itself does not count."""
        return super().is_reauthentication_required(app=app) and not signed_in_recently(self.request)

    def get_reauthentication_methods(self, user: Any) -> list[dict[str, Any]]:
        """Also the provider of single sign-on, for who has come from there once."""
        methods: list[dict[str, Any]] = super().get_reauthentication_methods(user)
        for method in methods:
            if method["id"] == "mfa_reauthenticate:webauthn":
                method["description"] = _("Use a passkey")
        if settings.OIDC and user.is_authenticated and user.socialaccount_set.exists():
            there = reverse("openid_connect_login", args=[settings.OIDC["provider_id"]])
            url = f"{there}?process=login&auth_params=prompt%3Dlogin"
            methods.append({"id": "sso", "description": settings.OIDC["name"], "url": url})
        return methods

    def get_client_ip(self, request: HttpRequest) -> str:
        """An address also where the server names none, as on a socket: without one nobody could sign in."""
        return get_client_ip(request) or "0.0.0.0"  # noqa: S104 - nothing listens there

    def validation_error(self, code: str, *words: Any) -> ValidationError:
        """Too many tries are answered with a page of their own, 429, instead of a line in the form."""
        if code in ("too_many_login_attempts", "rate_limited"):
            raise ImmediateHttpResponse(respond_429(self.request))
        error: ValidationError = super().validation_error(code, *words)
        return error

    def send_notification_mail(self, *words: Any, **told: Any) -> None:
        """That a password or a second factor has changed: nobody waits for it, so that it does not go to the log."""
        if settings.MAIL_IS_SET:
            super().send_notification_mail(*words, **told)

    def pre_login(self, request: HttpRequest, user: User, **told: Any) -> HttpResponse | None:
        """The form behind the sign-in page waits while a second factor is asked for."""
        kept_forms.remember(request)
        response: HttpResponse | None = super().pre_login(request, user, **told)
        return response

    def post_login(self, request: HttpRequest, user: User, **told: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **told)
        if told.get("signup") and (joined := Team.objects.filter(memberships__user=user).first()):
            response = redirect("catalog:overview", joined.slug)
        if (kept := _language(user)) and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            response.set_cookie(
                settings.LANGUAGE_COOKIE_NAME,
                kept,
                max_age=settings.LANGUAGE_COOKIE_AGE,
                secure=settings.LANGUAGE_COOKIE_SECURE,
                httponly=settings.LANGUAGE_COOKIE_HTTPONLY,
                samesite="Lax",
            )
        return response

    def send_mail(self, template_prefix: str, email: str, context: Mapping[str, Any]) -> None:
        """Beside the answer, where there is a server: how long one takes, or that it fails, would tell who is here."""
        site = {"request": self.request, "email": email, "current_site": get_current_site(self.request)}
        with translation.override(_language(context.get("user")) or translation.get_language()):
            message = self.render_mail(template_prefix, email, {**site, **context})
        if settings.MAIL_IS_SET:
            threading.Thread(target=_send, args=(message, template_prefix), daemon=True).start()
        else:
            message.send()


def _send(message: EmailMessage, what: str) -> None:
    try:
        message.send()
    except OSError:  # SMTPException is one
        logger.exception("%s was not mailed", what)


def _language(user: User | None) -> str | None:
    return user.language if isinstance(user, User) else None
