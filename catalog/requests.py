"""Requests: an editor asks for a registration, an admin decides. What the pages say of them; actions/requests.py acts.

A request is a registration in state "requested", its password sealed as ever; nothing is sent. It waits REQUEST_LIFE at
most.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.access import admins_of
from accounts.models import Membership, Team, User
from catalog.models import Registration
from catalog.registration import spec_of
from catalog.registration_history import had_password
from catalog.registration_spec import preview, warnings
from catalog.registration_steps import call_lines
from catalog.registration_twins import twins

REQUEST_LIFE = timedelta(days=7)
_TO_BE_SEEN = """
    SELECT count(*) FROM catalog_registration WHERE team_id = %(team)s AND %(asks)s
        AND (decided_at IS NOT NULL AND told_at IS NULL AND requester_id = %(user)s
            OR %(decides)s AND state = 'requested')"""
NAMED = 5  # of decisions that nobody has looked at, so many are named


def waits_until(asked: Registration) -> datetime:
    return asked.created_at + REQUEST_LIFE


def to_be_seen(membership: Membership) -> tuple[str, dict[str, Any]]:
    """SQL that counts for the navigation: for who decides, the requests that wait; for who asked, decisions not yet
    seen. A viewer has none to see to.
    """
    return _TO_BE_SEEN, {
        "team": membership.team_id,
        "user": membership.user_id,
        "asks": membership.allows("editor"),
        "decides": membership.allows("admin"),
    }


def waiting(team: Team) -> QuerySet[Registration]:
    """Those that an admin is to decide, the one that ends first first."""
    return Registration.objects.filter(team=team, state="requested").order_by("created_at", "id")


def decided_unseen(membership: Membership) -> QuerySet[Registration]:
    """Those of this member that were decided and not looked at since."""
    mine = Registration.objects.filter(team_id=membership.team_id, requester=membership.user_id, told_at=None)
    return mine.exclude(decided_at=None).order_by("-decided_at", "id")


def mark_told(asked: Registration, user: User) -> None:
    """Who asked has its page before them: a decision is no news any more."""
    if asked.decided_at and asked.told_at is None and asked.requester_id == user.id:
        Registration.objects.filter(id=asked.id, told_at=None).update(told_at=Now())


def at_review(membership: Membership) -> dict[str, Any]:
    """Whether what is reviewed will be a request, and who decides on it then."""
    asks = not membership.allows("admin")
    return {"asks": asks, "admins": admins_of(membership.team) if asks else []}


def request_context(asked: Registration, user: User) -> dict[str, Any]:
    """What the page of a request shows: the call, masked, and what speaks against it now."""
    spec, has_password = spec_of(asked), had_password(asked)
    is_waiting, account = asked.state == "requested", asked.cloud_account
    there = twins(account, asked.region, spec, asked.id) if is_waiting and account else []
    member = Membership.objects.filter(team=asked.team_id, user=asked.requester_id).exists()
    return {
        "registration": asked,
        "lines": call_lines(preview(spec, has_password=has_password)),
        "has_password": has_password,
        "until": waits_until(asked),
        "outcome": outcome(asked),
        "is_mine": asked.requester_id == user.id,
        "requester_left": not member,
        "warnings": [text for _field, text in warnings(spec, asked.region, has_password=has_password)],
        "admins": admins_of(asked.team) if is_waiting else [],
        "twins": there,
        "may_approve": not any(twin.is_in_the_way for twin in there),
    }


def outcome(asked: Registration) -> str:
    """How a request ended, in one sentence; "" while it waits."""
    if asked.decision == "expired":
        return _("Nobody decided within 7 days.")
    if asked.decision == "dropped":
        return _("The cloud account was deleted before it was decided.")
    who = {"who": asked.decided_by}
    sentences = {
        "approved": _("%(who)s approved it."),
        "declined": _("%(who)s declined it."),
        "withdrawn": _("%(who)s withdrew it."),
    }
    return sentences[asked.decision] % who if asked.decision in sentences else ""
