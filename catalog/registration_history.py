"""The history of one registration, as its page tells it: its audit rows, and when it was sent, which has none."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEvent
from catalog.errors import explain
from catalog.history import Event
from catalog.models import Registration
from catalog.registration import WORKER
from catalog.shelving import SYNC

MOST = 50
_PASSWORD = "ContainerImageSpec.RegistryCredential.Password"  # noqa: S105 - its name in the call
ASKED = ("registration.created", "registration.requested")

HAPPENED: dict[str, tuple[Promise, str]] = {
    "created": (_("Submitted"), ""),
    "requested": (_("Asked for"), ""),
    "approved": (_("Approved"), "ok"),
    "declined": (_("Declined"), "bad"),
    "withdrawn": (_("Withdrawn"), ""),
    "expired": (_("Expired"), "warn"),
    "dropped": (_("Ended with its cloud account"), "warn"),
    "succeeded": (_("Accepted by the cloud"), "ok"),
    "rejected": (_("Rejected by the cloud"), "bad"),
    "unknown": (_("Outcome unknown"), "warn"),
    "lookup_requested": (_("Looked for once more"), ""),
    "confirmed": (_("Found to be there"), "ok"),
    "denied": (_("Found not to be there"), "bad"),
    "seen": (_("Seen in a sync"), "ok"),
}


def audit_rows(registration: Registration) -> list[AuditEvent]:
    """What was done to it and by whom, the latest first."""
    rows = AuditEvent.objects.filter(team=registration.team_id, target_id=registration.id)
    return list(rows.order_by("-at", "-id")[:MOST])


def registration_history(registration: Registration, rows: list[AuditEvent]) -> list[Event]:
    """The latest first, down to when it was submitted."""
    events = [_event(registration, row) for row in rows]
    if registration.sent_at:
        events.append(Event(registration.sent_at, str(_("Sent to the cloud")), "", ""))
    if not any(row.action in ASKED for row in rows):  # it came with a file
        events.append(Event(registration.created_at, str(HAPPENED["created"][0]), "", "", registration.requested_by))
    events += _end_told_elsewhere(registration, rows)
    return sorted(events, key=lambda event: event.at, reverse=True)


def _event(registration: Registration, row: AuditEvent) -> Event:
    """What the product itself did is told without a name."""
    happened = row.action.partition(".")[2]
    words, tone = HAPPENED.get(happened, (happened, ""))
    if happened == "rejected" and registration.was_not_sent:
        words, tone = _("Not sent"), "bad"
    code, word = row.changes.get("error"), row.changes.get("word")
    failed = {"operation": "AddImage", "code": code, "kind": row.changes.get("kind")}
    detail = explain(failed).label if code else word or ""
    if happened == "succeeded" and not detail:
        detail = registration.remote_id or ""
    return Event(row.at, str(words), detail, tone, "" if row.actor in (WORKER, SYNC) else row.actor)


def _end_told_elsewhere(registration: Registration, rows: list[AuditEvent]) -> list[Event]:
    """Of one that ended with its cloud account or its batch, whose audit row tells of it."""
    told = {row.action for row in rows}
    if registration.decision == "dropped" and registration.decided_at and "registration.dropped" not in told:
        ended, tone = HAPPENED["dropped"]
        return [Event(registration.decided_at, str(ended), "", tone, registration.decided_by)]
    if registration.finished_at and registration.was_not_sent and "registration.rejected" not in told:
        words, why = str(_("Not sent")), explain(registration.error).label if registration.error else ""
        return [Event(registration.finished_at, words, why if why != words else "", "bad")]
    return []


def had_password(registration: Registration) -> bool:
    """Whether it was asked for with a registry password, which is deleted when it ends. Of one that came with a file,
    which is audited as a whole, a user name tells.
    """
    rows = AuditEvent.objects.filter(team=registration.team_id, target_id=registration.id)
    asked = rows.filter(action__in=ASKED).first()
    return _PASSWORD in asked.changes if asked else bool(registration.registry_user)
