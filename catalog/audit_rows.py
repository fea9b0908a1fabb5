"""Audit rows as people read them, and as a file holds them."""

import json
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import AuditEvent, Team
from catalog import export
from catalog.audit_filter import AuditFilter
from catalog.audit_words import ACTIONS, NAMES
from catalog.list_filter import behind

MOST_DETAILS, LONGEST = 12, 200
# Lists of things; any other list of two is what was before and what is now.
LISTS = frozenset({"clusters", "columns", "ended_with_it", "ids", "labels", "listings", "names", "regions", "sources"})
# A row says how many there were.
HIDDEN = frozenset({"ids"})
KEYS = ("at", "actor", "action", "target", "target_id", "changes")


@dataclass(frozen=True, slots=True)
class Detail:
    """`before` is None where there is only one value."""

    name: str
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class Row:
    at: datetime
    actor: str
    words: str
    target: str
    details: list[Detail]
    more: int  # details that are in an export alone


def row_of(event: AuditEvent) -> Row:
    details = [_detail(name, value) for name, value in event.changes.items() if name not in HIDDEN]
    words = str(ACTIONS.get(event.action, event.action))
    return Row(event.at, event.actor, words, event.target, details[:MOST_DETAILS], max(0, len(details) - MOST_DETAILS))


def _detail(name: str, value: Any) -> Detail:
    label = str(NAMES.get(name, name))
    if isinstance(value, list) and len(value) == 2 and (name not in LISTS or isinstance(value[0], list)):
        return Detail(label, _text(value[0]), _text(value[1]))
    return Detail(label, None, _text(value))


def _text(value: Any) -> str:
    if value is None or value in ("", []):
        return "—"
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        value = ", ".join(value)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def parts(team: Team, asked: AuditFilter, form: export.Format, *, person: UUID) -> Generator[bytes]:
    """The file of all the rows it selects, the newest first. Raises export.Busy and DatabaseError."""
    with export.place(person), export.snapshot():
        yield from export.written(KEYS, form, _tables(team, asked))


def _tables(team: Team, asked: AuditFilter) -> Generator[export.Batch]:
    rows, place = asked.of(team).order_by("-at", "-id"), None
    while True:
        found: Sequence[tuple[Any, ...]] = list(
            (behind(rows, "at", *place) if place else rows).values_list("id", *KEYS)[: export.BATCH]
        )
        is_last = len(found) < export.BATCH
        columns: export.Table = list(zip(*found, strict=True))
        yield (columns[1:] or None), is_last
        if is_last:
            return
        place = (found[-1][1], UUID(int=found[-1][0]))
