"""The history of one image, as its page tells it."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from catalog.change_words import FIELD_KINDS, field_label, value_words
from catalog.correctors import correctors
from catalog.models import Image, ImageChange

CHANGES_SHOWN = 50

HAPPENED: dict[str, tuple[Promise, str]] = {
    "added": (_("First seen"), "ok"),
    "missing": (_("No longer listed"), "bad"),
    "returned": (_("Listed again"), "ok"),
}
# What becomes of one field, by the kind of the change.
FIELD_HAPPENED = {
    "changed": _("%(field)s changed"),
    "corrected": _("%(field)s corrected"),
    "restored": _("%(field)s: correction taken back"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """`by` is who did it, "" for a sync and where nobody knows."""

    at: datetime
    title: str
    detail: str
    tone: str
    by: str = ""


def history(image: Image) -> list[Event]:
    """What changed, the latest first, down to when the image was first seen. One query, one more if a person did."""
    rows = ImageChange.objects.filter(team_id=image.team_id, image=image).order_by("-at", "-id")[:CHANGES_SHOWN]
    changes = list(rows)
    people = correctors(image.team_id, changes)
    events = [_event(change, people.get(change.id, "")) for change in changes]
    if not any(change.kind == "added" for change in changes):
        events.append(Event(image.first_seen_at, _t("First seen"), "", ""))
    return events


def _event(change: ImageChange, by: str) -> Event:
    if change.kind in FIELD_KINDS:
        title = FIELD_HAPPENED[change.kind] % {"field": field_label(change.field)}
        if change.field == "document":
            return Event(change.at, title, "", "")
        detail = f"{value_words(change.field, change.before)} → {value_words(change.field, change.after)}"
        return Event(change.at, title, detail, "", by)
    words, tone = HAPPENED.get(change.kind, (change.kind, ""))
    return Event(change.at, str(words), "", tone)
