"""What whoever runs Bootshelf does at once about a person, or everybody: end their sessions, switch them off and on.

It is for the day on which a laptop is stolen or somebody leaves: nothing waits for a session to end by itself.
"""

from typing import cast

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.utils import user_pk_to_url_str
from allauth.usersessions.models import UserSession
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import transaction
from django.dispatch import Signal
from django.utils import timezone

from accounts import audit
from accounts.models import Membership, User
from accounts.sessions import hold_keys, is_over

# Sent with `user`, in the transaction in which they are switched off. What receivers give, {what: how many}, is what
# they ended of this person's ways in.
switched_off = Signal()


def end_sessions(user: User | None, actor: str) -> int:
    """Those of this person, or of everybody; how many there were. One audit row where there was any."""
    with transaction.atomic():
        ended = _end(user)
        if ended:
            name, user_id = (user.email, user.id) if user else ("", None)
            audit.record(None, actor, "session.ended", target=name, target_id=user_id, changes={"sessions": ended})
    return ended


def switch_off(user: User, actor: str) -> dict[str, int] | None:
    """No way in any more, and every session and feed ended for good: how many of each; None if they were off already.
    One audit row.
    """
    with transaction.atomic():
        if not User.objects.filter(id=user.id, is_active=True).update(is_active=False):
            return None
        ended = {"sessions": _end(user)}
        for _receiver, others in switched_off.send(User, user=user):
            ended |= cast(dict[str, int], others)
        audit.record(None, actor, "user.disabled", target=user.email, target_id=user.id, changes=ended)
    return ended


def switch_on(user: User, actor: str) -> bool:
    """With the password, second factor and teams that they had; False if they were on already."""
    with transaction.atomic():
        woken = User.objects.filter(id=user.id, is_active=False).update(is_active=True)
        if woken:
            audit.record(None, actor, "user.enabled", target=user.email, target_id=user.id)
    return bool(woken)


def teams_without_admin(user: User) -> list[str]:
    """The slugs of the teams that this person administers and, once they are off, nobody does."""
    admins = Membership.objects.filter(role="admin", user__is_active=True).exclude(user=user)
    theirs = Membership.objects.filter(user=user, role="admin").exclude(team__in=admins.values("team"))
    return sorted(theirs.values_list("team__slug", flat=True))


def _end(user: User | None) -> int:
    """How many sessions went on. Those that were over go too, as does a sign-in that waits for its second factor and
    could be finished later, which counts. A session says whose it is in what it holds alone: each is looked into.
    """
    hold_keys(user)
    places = UserSession.objects.all() if user is None else UserSession.objects.filter(user=user)
    keys, ended = [], 0
    for one in Session.objects.iterator():
        held = one.get_decoded()
        waiting = (held.get(LOGIN_SESSION_KEY) or {}).get("user_pk")
        if user is None or held.get(SESSION_KEY) == str(user.pk) or waiting == user_pk_to_url_str(user):
            keys.append(one.pk)
            ended += one.expire_date > timezone.now() and bool(waiting or (SESSION_KEY in held and not is_over(held)))
    places.delete()
    (Session.objects.all() if user is None else Session.objects.filter(pk__in=keys)).delete()
    return ended
