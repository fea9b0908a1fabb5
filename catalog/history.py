"""The history of one image, as its page tells it: what syncs and admins changed of it (ImageChange), and what people
marked it with, which the audit trail knows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from django.db import connection
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from catalog.change_words import FIELD_KINDS, field_label, value_words
from catalog.correctors import correctors
from catalog.models import Image, ImageChange

CHANGES_SHOWN = 50
NOTE_SHOWN = 200

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
MARKED = {
    "image.labelled": _("Labelled"),
    "image.unlabelled": _("Label removed"),
    "image.starred": _("Starred"),
    "image.unstarred": _("Star taken away"),
    "image.noted": _("Note changed"),
    "label.renamed": _("Label renamed"),
    "label.deleted": _("Label removed"),
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
    """What changed, the latest first, down to when the image was first seen. Two queries, one more where somebody
    corrected it.
    """
    rows = ImageChange.objects.filter(team_id=image.team_id, image=image).order_by("-at", "-id")[:CHANGES_SHOWN]
    changes = list(rows)
    people = correctors(image.team_id, changes)
    events = [_event(change, people.get(change.id, "")) for change in changes] + _marks(image)
    events = sorted(events, key=lambda event: event.at, reverse=True)[:CHANGES_SHOWN]
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


# Done to this image alone, and to several of which it was one. The OFFSET keeps the planner from going by the times.
_MARKS = f"""
    (SELECT at, actor, action, target, changes, id FROM accounts_auditevent
        WHERE team = %(team)s AND target_id = %(image)s AND action = ANY(%(actions)s)
        ORDER BY at DESC, id DESC LIMIT {CHANGES_SHOWN})
    UNION ALL (SELECT at, actor, action, target, changes - 'ids', id FROM (
            SELECT * FROM accounts_auditevent
            WHERE team = %(team)s AND target_id IS NULL AND changes -> 'ids' @> %(ids)s::jsonb OFFSET 0) AS among
        WHERE action = ANY(%(actions)s) ORDER BY at DESC, id DESC LIMIT {CHANGES_SHOWN})"""  # noqa: S608


def _marks(image: Image) -> list[Event]:
    """What people did to its labels, star and note, the latest."""
    ids = orjson.dumps([str(image.id)]).decode()
    with connection.cursor() as cursor:
        cursor.execute(_MARKS, {"team": image.team_id, "image": image.id, "actions": list(MARKED), "ids": ids})
        rows = sorted(cursor.fetchall(), key=lambda row: row[-1], reverse=True)
    return [_mark(at, actor, action, target, orjson.loads(told)) for at, actor, action, target, told, _id in rows]


def _mark(at: datetime, actor: str, action: str, target: str, told: dict[str, Any]) -> Event:
    title, detail = MARKED[action], ", ".join(told.get("labels", ()))
    if action == "image.noted":
        before, after = (" ".join(text.split())[:NOTE_SHOWN] for text in told["note"])
        title = title if before and after else _("Note written") if after else _("Note removed")
        detail = f"{before} → {after}" if before and after else before or after
    elif action.startswith("label."):
        detail = f"{target} → {told['to']}" if "to" in told else target
    return Event(at, str(title), detail, "", actor)
