from collections.abc import Mapping
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import translation

from accounts import kept_forms
from accounts.models import User
from accounts.reauthentication import signed_in_recently


class AccountAdapter(DefaultAccountAdapter):
    """Sign-up is closed unless SIGNUP_OPEN says otherwise. A person's language goes with them: into a browser where
    none was chosen yet, and into their mails, whoever asked for these.
    """

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return bool(settings.SIGNUP_OPEN)

    def is_reauthentication_required(self, *, app: str, **told: Any) -> bool:
        """Not right after a sign-in, which allauth itself does not count."""
        return super().is_reauthentication_required(app=app) and not signed_in_recently(self.request)

    def post_login(self, request: HttpRequest, user: User, **told: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **told)
        kept_forms.remember(request)
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
        with translation.override(_language(context.get("user")) or translation.get_language()):
            super().send_mail(template_prefix, email, context)


def _language(user: User | None) -> str | None:
    return user.language if isinstance(user, User) else None
