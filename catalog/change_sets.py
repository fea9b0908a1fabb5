"""Pages of changes by keyset, the newest first, as fast on the last page as on the first.

What a run changed, and what a person did to an image, has one time and one source: a *set*. A page of sets reads the
first changes of each and skips the others by index, so that a run of a million changes costs as much as one of ten.
Filters by kind and field are looked up in that index too (imagechange_team_set), rare ones in one of their own.
A position is the time and source of a set, or the id of a change within one; any filter may be read from there.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from catalog.browse import ImageFilter
from catalog.change_words import FIELD_KINDS, KINDS
from catalog.changes import ChangeFilter
from catalog.models import SyncRun
from catalog.overrides import CORRECTABLE
from catalog.positions import BadCursor, Page, page_of, read_cursor, write_cursor
from catalog.query_strings import midnight
from catalog.selection import Condition, all_of, searched

SETS, ROWS_SHOWN, ROWS = 25, 5, 50
# Those that tell of no field.
WHOLE_KINDS = frozenset(KINDS) - set(FIELD_KINDS)
# A set's changes are counted so far.
MOST_COUNTED = 1_000
# So many images that have the words are looked up by their changes; with more, changes are looked through for images.
MOST_IMAGES = 500
LONGEST = 500

_ROW_CURSOR = re.compile(r"([on])(\d{1,18})")


class Found(NamedTuple):
    """One change, with what is shown of its image. Strangers' texts are cut."""

    id: int
    at: datetime
    source_id: UUID
    run_id: UUID | None
    image_id: UUID
    kind: str
    field: str
    before: str | None
    after: str | None
    name: str
    remote_id: str


@dataclass(slots=True)
class ChangeSet:
    """`rows` are its first changes, of `found` that fit the filter (MOST_COUNTED + 1: more than that). `counts` is what
    its run did in all, by kind, None without a run; `finished_at` when that was there to be seen.
    """

    rows: list[Found]
    found: int
    counts: dict[str, int] | None
    finished_at: datetime | None

    @property
    def at(self) -> datetime:
        return self.rows[0].at

    @property
    def source_id(self) -> UUID:
        return self.rows[0].source_id

    @property
    def run_id(self) -> UUID | None:
        return self.rows[0].run_id


class Told(NamedTuple):
    """Where changes are read from, as `c`, and what selects them there; `known` is what comes before all of it."""

    known: Condition
    table: str
    condition: Condition


def fetch_sets(
    asked: ChangeFilter, *, since: datetime | None = None, cursor: str = "", size: int = SETS
) -> Page[ChangeSet]:
    """The page of sets at a cursor, "" for the newest; of what is newer than `since`. One query, one more for words.

    Raises BadCursor.
    """
    place, newer = read_cursor(cursor)
    rows = _query(*_sets_sql(_told(asked, since), place, newer, size))
    sets = [_set(list(group)) for _n, group in groupby(rows, key=lambda row: row[0])]
    return page_of(sets, size, cursor, newer, lambda one, way: write_cursor(one.at, one.source_id, way))


def fetch_rows(asked: ChangeFilter, run: SyncRun, *, cursor: str = "", size: int = ROWS) -> Page[Found]:
    """The page of the changes of one run. One query, one more for words.

    Raises BadCursor.
    """
    last, newer = _read_row(cursor)
    told = _told(asked, None)
    at = "SELECT at FROM catalog_imagechange WHERE team_id = %s AND run_id = %s LIMIT 1"
    place = Condition(f"c.source_id = %s AND c.at = ({at})", [run.source_id, run.team_id, run.id])
    beyond = Condition(f"c.id {'>' if newer else '<'} %s" if last else "true", [last] if last else [])
    which, way = all_of(told.condition, place, beyond), "ASC" if newer else "DESC"
    sql = f"""
        WITH {told.known.sql} picked AS (SELECT c.id FROM {told.table} WHERE {which.sql} ORDER BY c.id {way} LIMIT %s)
        SELECT {_COLUMNS} FROM picked p JOIN catalog_imagechange c ON c.id = p.id {_IMAGE} ORDER BY c.id {way}"""  # noqa: S608
    rows = [Found(*row) for row in _query(sql, [*told.known.params, *which.params, size + 1])]
    return page_of(rows, size, cursor, newer, lambda one, way: f"{way}{one.id}")


def has_changes(team_id: UUID) -> bool:
    return bool(_query("SELECT EXISTS (SELECT FROM catalog_imagechange WHERE team_id = %s)", [team_id])[0][0])


_COLUMNS = f"""c.id, c.at, c.source_id, c.run_id, c.image_id, c.kind, c.field, left(c.before, {LONGEST}),
    left(c.after, {LONGEST}), left(i.name, {LONGEST}), left(i.remote_id, {LONGEST})"""
_IMAGE = "JOIN catalog_image i ON i.team_id = c.team_id AND i.id = c.image_id"


def _sets_sql(told: Told, place: tuple[datetime, UUID] | None, newer: bool, size: int) -> tuple[str, list[Any]]:
    table, condition = told.table, told.condition
    way, sign = ("ASC", ">") if newer else ("DESC", "<")
    order = f"ORDER BY c.at {way}, c.source_id {way} LIMIT 1"
    begin = Condition(f"(c.at, c.source_id) {sign} (%s, %s)" if place else "true", list(place or ()))
    first = all_of(condition, begin)
    inside = f"FROM {table} WHERE {condition.sql} AND c.at = s.at AND c.source_id = s.source_id"
    sql = f"""
        WITH RECURSIVE {told.known.sql} sets AS (
            (SELECT c.at, c.source_id, 1 AS n FROM {table} WHERE {first.sql} {order})
            UNION ALL
            SELECT f.at, f.source_id, s.n + 1 FROM sets s CROSS JOIN LATERAL (
                SELECT c.at, c.source_id FROM {table}
                WHERE {condition.sql} AND (c.at, c.source_id) {sign} (s.at, s.source_id) {order}
            ) AS f WHERE s.n <= %s
        ), counted AS MATERIALIZED (
            SELECT s.*, (SELECT count(*) FROM (SELECT {inside} LIMIT {MOST_COUNTED + 1}) AS few) AS found FROM sets s
        )
        SELECT s.n, s.found, r.added, r.changed, r.missing, r.returned, r.finished_at, {_COLUMNS}
        FROM counted s CROSS JOIN LATERAL (SELECT c.id {inside} ORDER BY c.id DESC LIMIT {ROWS_SHOWN}) AS f
        JOIN catalog_imagechange c ON c.id = f.id {_IMAGE} LEFT JOIN catalog_syncrun r ON r.id = c.run_id
        ORDER BY s.n, c.id DESC"""  # noqa: S608
    inner = condition.params
    return sql, [*told.known.params, *first.params, *inner, size, *inner, *inner]


def _told(asked: ChangeFilter, since: datetime | None) -> Told:
    condition = all_of(*_conditions(asked, since))
    words = searched(ImageFilter(asked.team_id, q=asked.q), "i")
    if words is None:
        return Told(Condition("", []), "catalog_imagechange c", condition)
    found = _query(
        f"SELECT i.id FROM catalog_image i WHERE i.team_id = %s AND {words.sql} LIMIT {MOST_IMAGES + 1}",  # noqa: S608
        [asked.team_id, *words.params],
    )
    if len(found) <= MOST_IMAGES:
        theirs = "SELECT * FROM catalog_imagechange WHERE team_id = %s AND image_id = ANY(%s::uuid[])"
        known = Condition(f"theirs AS MATERIALIZED ({theirs}),", [asked.team_id, [row[0] for row in found]])
        return Told(known, "theirs c", condition)
    # Not flattened, and by what the index has: the walk goes on in it alone, and looks at images where all else fits.
    one = f"""(SELECT {words.sql} FROM catalog_imagechange w JOIN catalog_image i
        ON i.team_id = w.team_id AND i.id = w.image_id WHERE w.id = c.id)"""  # noqa: S608
    return Told(Condition("", []), "catalog_imagechange c", all_of(condition, Condition(one, words.params)))


def _conditions(asked: ChangeFilter, since: datetime | None) -> Iterator[Condition]:
    yield Condition("c.team_id = %s", [asked.team_id])
    if sources := asked.choices.get("source"):
        yield Condition("c.source_id = ANY(%s::uuid[])", [[one for one in sources if one in asked.names]])
    kinds, fields = asked.choices.get("kind", ()), asked.choices.get("field", ())
    if kinds:
        yield Condition("c.kind = ANY(%s)", [list(kinds)])
    # A kind says what fields there may be, and the index of rare changes begins with those.
    if fields or (kinds and "changed" not in kinds):
        yield Condition("c.field = ANY(%s)", [list(fields or _fields_of(kinds))])
    if asked.first:
        yield Condition("c.at >= %s", [midnight(asked.first)])
    if asked.last:
        yield Condition("c.at < %s", [midnight(asked.last + timedelta(days=1))])
    if since:
        yield Condition("c.at > %s", [since])


def _fields_of(kinds: Iterable[str]) -> Iterator[str]:
    yield ""
    if not WHOLE_KINDS.issuperset(kinds):
        yield from CORRECTABLE


def _query(sql: str, params: Iterable[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, list(params))
        return cursor.fetchall()


def _set(rows: list[tuple[Any, ...]]) -> ChangeSet:
    (_n, found, added, changed, missing, returned, finished_at), first = rows[0][:7], Found(*rows[0][7:])
    counts = {"added": added, "changed": changed, "missing": missing, "returned": returned} if first.run_id else None
    return ChangeSet([Found(*row[7:]) for row in rows], found, counts, finished_at)


def _read_row(cursor: str) -> tuple[int, bool]:
    if not cursor:
        return 0, False
    if not (parts := _ROW_CURSOR.fullmatch(cursor)):
        raise BadCursor
    return int(parts[2]), parts[1] == "n"
