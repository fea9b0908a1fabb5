"""Keyset pages of what is listed the newest first: a position is a time and the id beside it, as an address holds it,
with the way on from there: "o" for older, "n" for newer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID

_CURSOR = re.compile(r"([on])(\d{1,17})-([0-9a-f]{32})")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class BadCursor(Exception):
    """A position that is none."""


@dataclass(slots=True)
class Page[Row]:
    """`newer` and `older` are cursors, "" where there is nothing."""

    rows: list[Row] = field(default_factory=list)
    newer: str = ""
    older: str = ""


def page_of[Row](rows: list[Row], size: int, cursor: str, newer: bool, write: Callable[[Row, str], str]) -> Page[Row]:
    """From up to size + 1 rows behind the cursor, nearest first. `write` gives the cursor of a row and a way."""
    more, rows = len(rows) > size, rows[:size]
    if newer:
        rows.reverse()
    if not rows:
        return Page()
    is_first, is_last = (not more, False) if newer else (not cursor, not more)
    return Page(rows, "" if is_first else write(rows[0], "n"), "" if is_last else write(rows[-1], "o"))


def write_cursor(at: datetime, row_id: UUID, way: str) -> str:
    return f"{way}{(at - _EPOCH) // _MICROSECOND}-{row_id.hex}"


def read_cursor(cursor: str) -> tuple[tuple[datetime, UUID] | None, bool]:
    """The position, None for the newest, and whether the way is to newer ones. Raises BadCursor."""
    if not cursor:
        return None, False
    if not (parts := _CURSOR.fullmatch(cursor)):
        raise BadCursor
    way, microseconds, row_id = parts.groups()
    try:
        return (_EPOCH + int(microseconds) * _MICROSECOND, UUID(row_id)), way == "n"
    except OverflowError:
        raise BadCursor from None
