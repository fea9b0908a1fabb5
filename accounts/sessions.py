"""How long a session lasts, and when its person last proved who they are: three times, kept in the session itself.

It is over SESSION_IDLE_HOURS after the last request, and SESSION_ABSOLUTE_HOURS after the sign-in whatever was done
since. Reading them costs no query: whoever is signed in has their session read anyway. The last request is written down
once in a while only, so that a page does not cost a write.
"""

import time
from collections.abc import Callable, Iterable
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.core import context
from allauth.core.internal.httpkit import HTTP_USER_AGENT_MAX_LENGTH
from allauth.usersessions.adapter import DefaultUserSessionsAdapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.sessions.exceptions import SessionInterrupted
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import Exists, OuterRef
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.cache import patch_vary_headers

from accounts.access import SignInRequired
from accounts.models import User
from accounts.session_store import stored

STARTED, SEEN = "started_at", "seen_at"
# Of the idle time: how much may pass until the last request is written down.
_OFTEN = 30


def begin(sender: object, request: HttpRequest, **told: Any) -> None:
    """Receives Django's `user_logged_in`: a session begins with every sign-in."""
    request.session[STARTED] = request.session[SEEN] = time.time()


def note_place(sender: object, request: HttpRequest, user: User, **told: Any) -> None:
    """Receives allauth's signals of a sign-in and of a new password, each of which gives the session another key: where
    it is, for its person's page. In place of allauth's own receivers, which would keep the key itself.
    """
    if not request.session.session_key:
        request.session.save()
    here = {
        "user": user,
        "ip": get_adapter(request).get_client_ip(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:HTTP_USER_AGENT_MAX_LENGTH],
        "last_seen_at": timezone.now(),
    }
    UserSession.objects.update_or_create(session_key=stored(request.session.session_key), defaults=here)


def hold_keys(user: User | None) -> None:
    """Until the transaction ends, no session of this person, or of anybody, gets another key by a confirmation: whoever
    ends sessions would not know the new one.
    """
    people = User.objects.order_by("pk").select_for_update(no_key=True)
    list((people if user is None else people.filter(pk=user.pk)).values_list("pk"))


def renew(sender: object, request: HttpRequest, user: User, reauthenticated: bool = False, **told: Any) -> None:
    """Receives allauth's `authentication_step_completed`: whoever confirms that it is they has a new key from then on,
    as at a sign-in (OWASP ASVS 5.0, 7.2.4). The old one opens nothing any more. Raises SignInRequired where the session
    was ended meanwhile: its data, read before, must not make another.
    """
    if not reauthenticated:
        return
    before = stored(request.session.session_key)
    with transaction.atomic():
        hold_keys(user)
        if Session.objects.select_for_update().filter(session_key=before).first() is None:
            raise SignInRequired
        request.session.cycle_key()
        here = stored(request.session.session_key)
        if not UserSession.objects.filter(session_key=before).update(session_key=here):
            note_place(sender, request, user)


def proved_at(request: HttpRequest) -> float:
    """When the person of this session signed in or, later, confirmed that it is still they. Reads the session only."""
    again = [
        float(record["at"])
        for record in get_authentication_records(request, request.user)
        if record.get("reauthenticated")
    ]
    return max([float(request.session.get(STARTED, 0)), *again])


def is_over(session: Any) -> bool:
    now = time.time()
    started, seen = session.get(STARTED, 0), session.get(SEEN, 0)
    return bool(now - started > settings.SESSION_ABSOLUTE_SECONDS or now - seen > settings.SESSION_IDLE_SECONDS)


def forget_over() -> None:
    """Delete what nobody can use any more, and what told of it on its person's page. Two queries."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.filter(~Exists(Session.objects.filter(session_key=OuterRef("session_key")))).delete()


class PlacesAdapter(DefaultUserSessionsAdapter):
    """USERSESSIONS_ADAPTER: allauth itself would take what a place keeps for the key, and not its digest."""

    def end_sessions(self, sessions: Iterable[UserSession]) -> None:
        """All but the present one, which allauth does not know by its digest either: it only ends others."""
        keys = {one.session_key for one in sessions} - {stored(context.request.session.session_key)}
        with transaction.atomic():
            Session.objects.filter(session_key__in=keys).delete()
            UserSession.objects.filter(session_key__in=keys).delete()


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's, for a browser that asks several things at once: a page's poll may arrive with the key of before a
    confirmation, and its answer after that of the confirmation. Only a request that made a key or ended the session
    tells the browser so; what any other wants to write into a session that is gone is dropped, and its answer stays.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        try:
            response = super().process_response(request, response)
        except SessionInterrupted:
            patch_vary_headers(response, ("Cookie",))
        name = settings.SESSION_COOKIE_NAME
        if name in response.cookies and name in request.COOKIES:
            told = response.cookies[name].value
            if told == request.COOKIES[name] or not (told or getattr(request.session, "flushed", False)):
                del response.cookies[name]
        return response


class SessionLimitsMiddleware:
    """Ends a session that has lasted its time. Whoever meets the sign-in page by it is led back (SignInMiddleware)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if settings.SESSION_COOKIE_NAME in request.COOKIES and "_auth_user_id" in request.session:
            if is_over(request.session):
                logout(request)
            elif time.time() - request.session[SEEN] > settings.SESSION_IDLE_SECONDS / _OFTEN:
                request.session[SEEN] = time.time()
        return self.get_response(request)
