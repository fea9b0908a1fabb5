"""Changes as pages show them: the sets, with what each did in a line, and their rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import ngettext

from catalog.change_sets import MOST_COUNTED, ChangeSet, Found, fetch_rows
from catalog.change_words import COUNTED, FIELD_KINDS, TONES, field_label, kind_label, value_words
from catalog.changes import ChangeFilter
from catalog.correctors import correctors
from catalog.models import SyncRun
from catalog.positions import BadCursor


@dataclass(frozen=True, slots=True)
class Row:
    """One change. `field` is "" where it tells of the whole image; `by` whose correction it is, "" if unknown."""

    image_id: UUID
    name: str
    remote_id: str
    kind: str
    tone: str
    field: str
    before: str
    after: str
    by: str


@dataclass(frozen=True, slots=True)
class Group:
    """One set. `all_of_it` is the query string that shows more of it than `rows`, "" where there is no more."""

    at: datetime
    source: str
    run_id: UUID | None
    summary: str
    is_new: bool
    rows: list[Row]
    total: str
    all_of_it: str


def groups(asked: ChangeFilter, sets: Iterable[ChangeSet], since: datetime | None) -> list[Group]:
    """What is after `since` is new. One query where somebody corrected, none else."""
    sets = list(sets)
    people = correctors(asked.team_id, [row for one in sets for row in one.rows])
    return [_group(asked, one, since, people) for one in sets]


def run_changes(run: SyncRun, cursor: str) -> dict[str, Any]:
    """For the page of a complete run: one page of what it changed, and what tells why there is none."""
    asked = ChangeFilter(run.team_id, run=run.id)
    try:
        page = fetch_rows(asked, run, cursor=cursor)
    except BadCursor:
        page = fetch_rows(asked, run)
    told = {way: f"page={at}" for way, at in (("newer", page.newer), ("older", page.older)) if at}
    runs = SyncRun.objects.filter(team_id=run.team_id, source_id=run.source_id, state="complete")
    is_first = runs.order_by("created_at").values_list("id", flat=True).first() == run.id
    return told | {"rows": rows(page.rows), "is_first": is_first, "keep_days": settings.KEEP_CHANGES_DAYS}


def rows(found: Iterable[Found], people: dict[int, str] | None = None) -> list[Row]:
    return [_row(one, (people or {}).get(one.id, "")) for one in found]


def summary(one: ChangeSet, asked: ChangeFilter) -> str:
    """ "3 added, 12 changed", in images, as its run counted; under a filter that leaves some out "15 changes"."""
    if one.counts and not asked.cuts_sets:
        told = [(COUNTED[kind], {"n": _grouped(n), "number": n}) for kind, n in one.counts.items() if n]
        if told:
            return ", ".join(words % values for words, values in told)
    return ngettext("%(n)s change", "%(n)s changes", one.found) % {"n": counted(one.found)}


def counted(n: int) -> str:
    return f"{_grouped(MOST_COUNTED)}+" if n > MOST_COUNTED else _grouped(n)


def _group(asked: ChangeFilter, one: ChangeSet, since: datetime | None, people: dict[int, str]) -> Group:
    more = one.run_id if one.found > len(one.rows) else None
    return Group(
        at=one.at,
        source=asked.names.get(str(one.source_id), ""),
        run_id=one.run_id,
        summary=summary(one, asked),
        is_new=since is not None and one.at > since,
        rows=rows(one.rows, people),
        total=counted(one.found),
        all_of_it=asked.of_run(more).query() if more else "",
    )


def _row(one: Found, by: str) -> Row:
    words = before = after = ""
    if one.kind in FIELD_KINDS:
        words = field_label(one.field)
        if one.field != "document":
            before, after = value_words(one.field, one.before), value_words(one.field, one.after)
    tone = TONES.get(one.kind, "")
    return Row(one.image_id, one.name, one.remote_id, kind_label(one.kind), tone, words, before, after, by)


def _grouped(n: int) -> str:
    return str(number_format(n, force_grouping=True))
