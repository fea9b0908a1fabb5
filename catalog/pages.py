"""Pages of images by keyset: as fast in the middle as at the start, and no image twice or never when others come and
go.

A position is the sort key and the id of a row. It travels as a signed cursor that holds team, filter and sort, and is
worth nothing with another of these. What the counts know of a filter decides how its rows are found (catalog/walks.py);
who has counted already hands that on as `selected`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.core import signing
from django.db import connection

from catalog import counts
from catalog.browse import ImageFilter
from catalog.orders import ORDERS, Order, by_support
from catalog.steps import Selected, Step
from catalog.walks import walk

SALT = "catalog.pages"
SIZES = (25, 50, 100)
DEFAULT_SIZE = 50
LAST = "last"


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


NONE = Page([], None, "", "")


def fetch(
    asked: ImageFilter,
    columns: str,
    *,
    cursor: str = "",
    size: int = DEFAULT_SIZE,
    total: int | None = None,
    selected: Selected | None = None,
) -> Page:
    """The page at a cursor ("" is the first, LAST the last). `total` numbers the last page. One query, one more without
    `selected`, one more for an order by what the sources' rows tell.

    Raises BadCursor.
    """
    position = None if cursor in ("", LAST) else _read(asked, cursor)
    backwards = cursor == LAST or (position is not None and position.backwards)
    found = select(asked, columns, position=position, backwards=backwards, limit=size + 1, selected=selected)
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
    position, selected = None, counts.select(asked)
    while True:
        found = select(asked, columns, position=position, limit=batch, selected=selected)
        yield [row[2:] for row in found]
        if len(found) < batch:
            return
        position = Position(found[-1][0], found[-1][1], False, 0)


def select(
    asked: ImageFilter,
    columns: str,
    *,
    position: Position | None = None,
    backwards: bool = False,
    limit: int,
    selected: Selected | None = None,
) -> list[tuple[Any, ...]]:
    """(key, id, *columns) of the rows behind a position, nearest first. `columns` is SQL over `i`, the image, and `s`,
    its source.
    """
    selected = selected or counts.select(asked)
    falling = asked.sort.startswith("-") != backwards
    after = None if position is None else (position.key, position.id)
    step = Step(_order(asked, selected), falling, limit, after)
    rows = walk(asked, selected, step)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH picked AS MATERIALIZED (SELECT k, id FROM ({rows.sql}) AS r"  # noqa: S608
            f" ORDER BY k{step.order.collated} {step.way}, id {step.way} LIMIT {limit})"
            f" SELECT p.k, p.id, {columns} FROM picked p"
            " JOIN catalog_image i ON i.id = p.id JOIN catalog_source s ON s.id = i.source_id"
            f" ORDER BY p.k{step.order.collated} {step.way}, p.id {step.way}",
            rows.params,
        )
        return cursor.fetchall()


def _order(asked: ImageFilter, selected: Selected) -> Order:
    """A source's place in the order is in its row, a system's in the table of support."""
    column = asked.sort.removeprefix("-")
    order = ORDERS[column]
    if column == "support":
        return by_support(selected.kept.combinations.axes["system"].values)
    if not order.of_source:
        return order
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT s.id::text, {order.of_source} FROM catalog_source s WHERE s.team_id = %s",  # noqa: S608
            [asked.team_id],
        )
        keys = dict(cursor.fetchall())
    return order._replace(key=lambda value: keys.get(value[0]))


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
