"""A person's own account: what they sign in with, and where they are signed in."""

from datetime import UTC, datetime
from typing import Any, NamedTuple

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import generate_recovery_codes
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts import audit
from accounts.access import FACTORS, SignInRequired
from accounts.models import User
from accounts.reauthentication import require_recent_sign_in
from accounts.session_store import stored
from accounts.sessions import SEEN, hold_keys, is_over


class OwnSession(NamedTuple):
    row: UserSession
    seen_at: datetime
    current: bool

    @property
    def browser(self) -> str:
        """Firefox, Windows: what the browser says of itself, in two words. The order matters: most claim to be more."""
        agent = self.row.user_agent
        name = next((word for mark, word in _BROWSERS if mark in agent), _("Unknown browser"))
        system = next((word for mark, word in _SYSTEMS if mark in agent), "")
        return f"{name}, {system}" if system else name


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Windows", "Windows"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


def _person(request: HttpRequest) -> User:
    if not request.user.is_authenticated:
        raise SignInRequired
    return request.user


@require_safe
def your_account(request: HttpRequest) -> HttpResponse:
    """One page that says it all and leads to what changes it."""
    user = _person(request)
    factors = [str(found) for found in Authenticator.objects.filter(user=user).values_list("type", flat=True)]
    context = {
        "addresses": EmailAddress.objects.filter(user=user).order_by("-primary", "email"),
        "has_app": Authenticator.Type.TOTP in factors,
        "passkeys": factors.count(Authenticator.Type.WEBAUTHN),
        "protected": any(kind in factors for kind in FACTORS),
        "sessions": len(_sessions(request, user)),
        "sso": SocialAccount.objects.filter(user=user).exists(),
    }
    return render(request, "accounts/your_account.html", context)


@require_http_methods(["GET", "POST"])
def session_list(request: HttpRequest) -> HttpResponse:
    """Where this person is signed in; each but this one can be ended, or all."""
    user = _person(request)
    if request.method == "POST":
        require_recent_sign_in(request)
        ended = _end(request, user, request.POST.get("session", ""))
        text = ngettext("%(n)s session is ended.", "%(n)s sessions are ended.", ended) % {"n": ended}
        messages.success(request, text)
        return redirect("session_list")
    return render(request, "accounts/session_list.html", {"sessions": _sessions(request, user)})


@transaction.atomic
def recovery_codes_renew(request: HttpRequest) -> HttpResponse:
    """allauth's page, with an audit row."""
    response: HttpResponse = generate_recovery_codes(request)
    if request.method == "POST" and response.status_code == 302:
        audit.record(None, _person(request), "recovery_codes.renewed")
    return response


def _sessions(request: HttpRequest, user: User) -> list[OwnSession]:
    """Those that go on, the present one first. Two queries."""
    rows = UserSession.objects.filter(user=user).order_by("-created_at")
    kept = {one.session_key: one.get_decoded() for one in Session.objects.filter(session_key__in=_keys(user))}
    found = [
        OwnSession(row, _seen(kept[row.session_key]), row.session_key == _here(request))
        for row in rows
        if row.session_key in kept and _goes_on(user, kept[row.session_key])
    ]
    return sorted(found, key=lambda one: (not one.current, -one.seen_at.timestamp()))


def _goes_on(user: User, session: dict[str, Any]) -> bool:
    """Neither over nor of a password that has changed since."""
    return session.get("_auth_user_hash") == user.get_session_auth_hash() and not is_over(session)


def _here(request: HttpRequest) -> str:
    return stored(request.session.session_key)


def _keys(user: User) -> Any:
    return UserSession.objects.filter(user=user).values("session_key")


def _seen(session: dict[str, Any]) -> datetime:
    return datetime.fromtimestamp(session[SEEN], UTC)


@transaction.atomic
def _end(request: HttpRequest, user: User, which: str) -> int:
    """End the session of this id, or all but this one ("others"); how many there were."""
    hold_keys(user)
    rows = UserSession.objects.filter(user=user).exclude(session_key=_here(request))
    if which != "others":
        rows = rows.filter(id=int(which)) if which.isascii() and which.isdigit() and len(which) < 18 else rows.none()
    keys = list(rows.values_list("session_key", flat=True))
    if keys:
        Session.objects.filter(session_key__in=keys).delete()
        rows.delete()
        audit.record(None, user, "session.ended", target=user.email, changes={"sessions": len(keys)})
    return len(keys)
