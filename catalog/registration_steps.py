"""The steps of a registration as its page shows them, and its error in plain words."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.errors import Explanation, explain
from catalog.lookups import LOOKUPS
from catalog.models import Registration
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


def registration_steps(registration: Registration) -> list[Step]:
    """Validated, sent, accepted, seen. A refusal or an unknown outcome ends them."""
    steps = [Step("ok", _("Validated"), _("Every field was checked."), registration.created_at), _sent(registration)]
    steps.append(_accepted(registration))
    if registration.state not in ("rejected", "unknown"):
        steps.append(_seen(registration))
    return steps


def _sent(registration: Registration) -> Step:
    if registration.state == "pending":
        if timezone.now() - (registration.decided_at or registration.created_at) > OVERDUE:
            text = _("No worker has taken it for minutes: ask whoever runs this Bootshelf to look. Nothing is lost.")
            return Step("warn", _("Waiting for a worker"), text)
        return Step("now", _("Waiting for a worker"), _("It is sent once, within seconds."))
    if registration.state == "sending":
        return Step("now", _("Sending"), _("The cloud is being asked."), registration.sent_at)
    if registration.sent_at is None:
        return Step("bad", _("Not sent"))
    return Step("ok", _("Sent"), "", registration.sent_at)


def _accepted(registration: Registration) -> Step:
    state = registration.state
    if state in ("succeeded", "seen"):
        ids = [registration.remote_id, registration.request_id and f"{_('request')} {registration.request_id}"]
        return Step("ok", _("Accepted"), " · ".join(filter(None, ids)), registration.finished_at)
    if state == "rejected":
        return Step("bad", _("Rejected"), "", registration.finished_at)
    if state == "unknown":
        tries = _("Looked up %(n)s of %(most)s times.") % {"n": registration.lookups, "most": len(LOOKUPS)}
        return Step("warn", _("Outcome unknown"), tries)
    return Step("", _("Accepted by the cloud"))


def _seen(registration: Registration) -> Step:
    if registration.state == "seen":
        return Step("ok", _("Seen in a sync"), "", registration.seen_at)
    if registration.state == "succeeded":
        return Step("now", _("Seen in a sync"), _("The next sync of this region's registered images confirms it."))
    return Step("", _("Seen in a sync"))


def is_watched(registration: Registration) -> bool:
    """Whether the page asks again: something is still to happen by itself."""
    return registration.state in ("pending", "sending", "succeeded") or registration.next_lookup_at is not None


def registration_explanation(registration: Registration) -> Explanation | None:
    return explain(registration.error, retried=False) if registration.error else None
