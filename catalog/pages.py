"""Pages of images by keyset: as fast in the middle as at the start, and no image twice or never when others come and
go.

A position is the sort key and the id of a row. It travels as a signed cursor that holds team, filter and sort, and is
worth nothing with another of these. Sort keys are never NULL: an unknown text sorts behind every other, an unknown
number before.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core import signing
from django.db import connection

from catalog.browse import ImageFilter
from catalog.selection import Condition, all_of, matching

SALT = "catalog.pages"
SIZES = (25, 50, 100)
DEFAULT_SIZE = 50
LAST = "last"
_BEHIND_ALL = "U&'\\+10FFFF'"


class Order(NamedTuple):
    """A sort key in SQL (`i` is the image, `s` its source), and the type its position is given back as."""

    sql: str
    type: str = "text"


def _text(column: str) -> Order:
    return Order(f'coalesce(lower(left({column}, 60)), {_BEHIND_ALL}) COLLATE "C"')


ORDERS = {
    "name": Order("i.name_key"),
    "os": Order(
        f"(coalesce(lower(left(i.distribution, 60)), {_BEHIND_ALL} || i.os)"
        " || ' ' || coalesce(left(i.os_version, 60), '')) COLLATE \"C\""
    ),
    "distribution": _text("i.distribution"),
    "os_version": _text("i.os_version"),
    "arch": Order("i.arch"),
    "type": Order("i.type"),
    "visibility": Order("i.visibility"),
    "source": Order("(s.kind || ' ' || s.region || ' ' || s.cluster || ' ' || s.id)"),
    "region": Order("i.region"),
    "size": Order("coalesce(i.size_gib, -1)", "bigint"),
    "state": Order("i.state"),
    "changed": Order("i.changed_at", "timestamptz"),
}


class Position(NamedTuple):
    """Behind (or before) the row with this key and id; `start` is the place, counted from 1, of the row behind, 0 if
    not known.
    """

    key: Any
    id: UUID
    backwards: bool
    start: int


class BadCursor(Exception):
    """A cursor that is not ours, or of another team, filter or sort."""


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in their order, each as the columns asked for. `start` is the place of the first, from 1; None where it is
    not known.

    `previous` and `next` are cursors, "" where there is none.
    """

    rows: list[tuple[Any, ...]]
    start: int | None
    previous: str
    next: str

    @property
    def end(self) -> int | None:
        return self.start + len(self.rows) - 1 if self.start and self.rows else None


def fetch(
    asked: ImageFilter, columns: str, *, cursor: str = "", size: int = DEFAULT_SIZE, total: int | None = None
) -> Page:
    """The page at a cursor ("" is the first, LAST the last). One query. `total` numbers the last page.

    Raises BadCursor.
    """
    position = None if cursor in ("", LAST) else _read(asked, cursor)
    backwards = cursor == LAST or (position is not None and position.backwards)
    found = select(asked, columns, position=position, backwards=backwards, limit=size + 1)
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    start = _start(position, cursor, len(found), more, total)
    before = more if backwards else position is not None
    behind = more if not backwards else cursor != LAST
    rows = [row[2:] for row in found]
    return Page(
        rows,
        start,
        _write(asked, found[0], True, start or 0) if found and before else "",
        _write(asked, found[-1], False, (start or 0) and start + len(found)) if found and behind else "",
    )


def _start(position: Position | None, cursor: str, n: int, more: bool, total: int | None) -> int | None:
    if cursor == LAST:
        return max(1, total - n + 1) if total is not None else None
    if position is None:
        return 1
    if not position.backwards:
        return position.start or None
    return 1 if not more else max(1, position.start - n) if position.start else None


def stream(asked: ImageFilter, columns: str, *, batch: int = 1000) -> Iterator[tuple[Any, ...]]:
    """Every row, a batch at a time: memory does not grow, and no server-side cursor is kept open."""
    for rows in batches(asked, columns, batch=batch):
        yield from rows


def batches(asked: ImageFilter, columns: str, *, batch: int) -> Iterator[list[tuple[Any, ...]]]:
    """As `stream`, by the batch; the last one has less than `batch` rows, and may be empty."""
    position = None
    while True:
        found = select(asked, columns, position=position, limit=batch)
        yield [row[2:] for row in found]
        if len(found) < batch:
            return
        position = Position(found[-1][0], found[-1][1], False, 0)


def select(
    asked: ImageFilter, columns: str, *, position: Position | None = None, backwards: bool = False, limit: int
) -> list[tuple[Any, ...]]:
    """(key, id, *columns) of the rows behind a position, nearest first. `columns` is SQL over `i`, the image, and `s`,
    its source.
    """
    order, falling = ORDERS[asked.sort.removeprefix("-")], asked.sort.startswith("-") != backwards
    parts = [matching(asked)]
    if position is not None:
        sign = "<" if falling else ">"
        parts.append(Condition(f"({order.sql}, i.id) {sign} (%s::{order.type}, %s)", [position.key, position.id]))
    where, way = all_of(*parts), "DESC" if falling else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {order.sql}, i.id, {columns} FROM catalog_image i JOIN catalog_source s ON s.id = i.source_id"  # noqa: S608
            f" WHERE {where.sql} ORDER BY {order.sql} {way}, i.id {way} LIMIT %s",
            [*where.params, limit],
        )
        return cursor.fetchall()


def _stamp(asked: ImageFilter) -> str:
    """What a cursor belongs to: the team and the query string, sort included."""
    return hashlib.blake2b(f"{asked.team_id}?{asked.bare_query()}".encode(), digest_size=9).hexdigest()


def _write(asked: ImageFilter, row: tuple[Any, ...], backwards: bool, start: int) -> str:
    key = row[0].isoformat() if isinstance(row[0], datetime) else row[0]
    return signing.dumps([_stamp(asked), key, row[1].hex, int(backwards), start], salt=SALT, compress=True)


def _read(asked: ImageFilter, cursor: str) -> Position:
    if len(cursor) > 4000:
        raise BadCursor
    try:
        stamp, key, row_id, backwards, start = signing.loads(cursor, salt=SALT)
    except (signing.BadSignature, ValueError):
        raise BadCursor from None
    if stamp != _stamp(asked):
        raise BadCursor
    return Position(key, UUID(row_id), bool(backwards), start)
