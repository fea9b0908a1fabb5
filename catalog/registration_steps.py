"""The steps of a registration, or of a removal, as its page shows them, and its call."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.following import Wait
from catalog.lookups import LOOKUPS
from catalog.models import CloudWrite
from catalog.sources import OVERDUE


@dataclass(frozen=True, slots=True)
class Step:
    """`tone` is "" for what is still to come, "now" for what goes on, else as the stylesheet names it."""

    tone: str
    title: str
    text: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallLine:
    """One parameter of the call; an object's own line has no value, and its members are a step deeper."""

    depth: int
    name: str
    value: str


def call_lines(rows: Iterable[tuple[str, str]]) -> list[CallLine]:
    """registration_spec.preview() as it is shown: the members of each object below its name."""
    lines: list[CallLine] = []
    opened: list[str] = []
    for dotted, value in rows:
        *objects, name = dotted.split(".")
        for depth, parent in enumerate(objects):
            if opened[depth : depth + 1] != [parent]:
                lines.append(CallLine(depth, parent, ""))
                opened[depth:] = [parent]
        opened[len(objects) :] = []
        lines.append(CallLine(len(objects), name, value))
    return lines


def registration_steps(registration: CloudWrite, wait: Wait | None) -> list[Step]:
    """Validated, sent, accepted, seen. A refusal or an unknown outcome ends them. `wait` is following.wait_for_sync of
    one that succeeded.
    """
    steps = [Step("ok", _("Validated"), _("Every field was checked."), registration.created_at)]
    return steps + sending_steps(registration, _("Seen in a sync"), wait)


def sending_steps(row: CloudWrite, seen: str, wait: Wait | None) -> list[Step]:
    """Sent, accepted, and seen in a sync, which is called `seen`."""
    steps = [_sent(row)] if row.was_not_sent else [_sent(row), _accepted(row)]
    if row.state not in ("rejected", "unknown"):
        steps.append(_seen(row, seen, wait))
    return steps


def _sent(row: CloudWrite) -> Step:
    if row.state == "pending":
        if timezone.now() - (getattr(row, "decided_at", None) or row.created_at) > OVERDUE:
            text = _("No worker has taken it for minutes: ask whoever runs this Bootshelf to look. Nothing is lost.")
            return Step("warn", _("Waiting for a worker"), text)
        return Step("now", _("Waiting for a worker"), _("It is sent once, within seconds."))
    if row.state == "sending":
        return Step("now", _("Sending"), _("The cloud is being asked."), row.sent_at)
    if row.sent_at is None:
        return Step("bad", _("Not sent"))
    return Step("ok", _("Sent"), "", row.sent_at)


def _accepted(row: CloudWrite) -> Step:
    if row.state in ("succeeded", "seen"):
        ids = [row.remote_id, row.request_id and f"{_('request')} {row.request_id}"]
        told = _("decided by %(who)s") % {"who": row.settled_by} if row.settled_by else ""
        return Step("ok", _("Accepted"), " · ".join(filter(None, [*ids, told])), row.finished_at)
    if row.state == "rejected":
        told = _("decided by %(who)s") % {"who": row.settled_by} if row.settled_by else ""
        return Step("bad", _("Rejected"), told, row.finished_at)
    if row.state == "unknown":
        tries = _("Looked up %(n)s of %(most)s times.") % {"n": min(row.lookups, len(LOOKUPS)), "most": len(LOOKUPS)}
        return Step("warn", _("Outcome unknown"), tries)
    return Step("", _("Accepted by the cloud"))


def _seen(row: CloudWrite, title: str, wait: Wait | None) -> Step:
    if row.state == "seen":
        return Step("ok", title, "", row.seen_at)
    return Step(wait.tone, title, wait.text) if wait else Step("", title)
