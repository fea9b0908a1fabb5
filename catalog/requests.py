"""Requests: an editor asks for a registration, an admin decides. What the pages say of them; actions/requests.py acts.

A request is a registration in state "requested", its password sealed as ever; nothing is sent. It waits REQUEST_LIFE at
most.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.access import admins_of
from accounts.models import CloudAccount, Membership, Team, User
from accounts.secrets import is_sealed
from catalog.models import Image, Registration
from catalog.registration import TABLE, asked_for, spec_of
from catalog.registration_spec import PASSWORD, Spec, preview, warnings
from catalog.registration_steps import Step, call_lines, registration_steps
from catalog.shelving import on_shelf

REQUEST_LIFE = timedelta(days=7)
NAMED = 5  # of decisions that nobody has looked at, so many are named


def waits_until(asked: Registration) -> datetime:
    return asked.created_at + REQUEST_LIFE


def to_be_seen(membership: Membership) -> int:
    """What the navigation counts: for who decides, the requests that wait; for who asked, decisions not yet seen."""
    mine = Q(requester=membership.user_id, decided_at__isnull=False, told_at=None)
    wanted = mine | Q(state="requested") if membership.allows("admin") else mine
    return Registration.objects.filter(wanted, team_id=membership.team_id).count()


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


def at_review(membership: Membership, account: CloudAccount, region: str, spec: Spec) -> dict[str, Any]:
    """What the review says beside the call: who decides, where that is somebody else, and who asked for the same."""
    asks = not membership.allows("admin")
    return {
        "asks": asks,
        "admins": admins_of(membership.team) if asks else [],
        "same": asked_for(account, region, spec).filter(state="requested").order_by("created_at"),
    }


def request_context(asked: Registration, user: User) -> dict[str, Any]:
    """What the page of a request shows: the call, masked, and what speaks against it now."""
    spec, has_password = spec_of(asked), is_sealed(asked.team_id, TABLE, asked.id, PASSWORD)
    is_waiting = asked.state == "requested"
    member = Membership.objects.filter(team=asked.team_id, user=asked.requester_id).exists()
    return {
        "registration": asked,
        "lines": call_lines(preview(spec, has_password=has_password)),
        "has_password": has_password,
        "until": waits_until(asked),
        "outcome": outcome(asked),
        "steps": request_steps(asked),
        "is_mine": asked.requester_id == user.id,
        "requester_left": not member,
        "warnings": [text for _field, text in warnings(spec, asked.region, has_password=has_password)],
        "admins": admins_of(asked.team) if is_waiting else [],
        **(_now_there(asked, spec) if is_waiting else {}),
    }


def outcome(asked: Registration) -> str:
    """How a request ended, in one sentence; "" while it waits."""
    if asked.decision == "expired":
        return _("Nobody decided within 7 days.")
    who = {"who": asked.decided_by}
    sentences = {
        "approved": _("%(who)s approved it."),
        "declined": _("%(who)s declined it."),
        "withdrawn": _("%(who)s withdrew it."),
    }
    return sentences[asked.decision] % who if asked.decision in sentences else ""


def request_steps(asked: Registration) -> list[Step]:
    """Asked for and decided: before the steps of the registration that it became. None of one that nobody asked for."""
    if asked.state != "requested" and not asked.decision:
        return []
    found = [Step("ok", _("Asked for"), asked.requested_by, asked.created_at)]
    if asked.state == "requested":
        return [*found, Step("now", _("Waiting for an admin"))]
    titles = {
        "approved": _("Approved"),
        "declined": _("Declined"),
        "withdrawn": _("Withdrawn"),
        "expired": _("Expired"),
    }
    tone = {"approved": "ok", "declined": "bad", "expired": "warn"}.get(asked.decision, "")
    text = " · ".join(filter(None, [asked.decided_by, asked.decision_word]))
    if asked.decision == "expired":
        text = _("Nobody decided within 7 days.")
    return [*found, Step(tone, titles[asked.decision], text, asked.decided_at)]


def steps_of(registration: Registration) -> list[Step]:
    """From the form to the shelf, by way of who approved it, where somebody had to."""
    first, *rest = registration_steps(registration)
    return [first, *request_steps(registration), *rest]


def _now_there(asked: Registration, spec: Spec) -> dict[str, Image | Iterable[Registration] | None]:
    """What is in its way by now: the same image on the shelf, on its way there, or asked for by others too."""
    account = asked.cloud_account
    if account is None:
        return {}
    others = asked_for(account, asked.region, spec).exclude(id=asked.id).order_by("created_at")
    return {
        "existing": on_shelf(account, asked.region, spec.type, spec.name, spec.version),
        "under_way": others.filter(state__in=["pending", "sending", "unknown"]),
        "same": others.filter(state="requested"),
    }
