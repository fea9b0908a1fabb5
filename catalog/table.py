"""The images table: what is read for the columns shown, its headers and its rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe

from catalog import columns
from catalog.browse import ImageFilter
from catalog.cells import Shelf
from catalog.columns import COLUMNS
from catalog.marked import star, tags

# What the name's cell needs, and what the template shows beside it.
_FIRST = "i.id, left(i.name, 200), left(i.remote_id, 120), i.starred, i.labels"


class Row(NamedTuple):
    """`star` and `tags` are the team's own marks (catalog/marked.py), `cells` a <td> each for the columns that the
    template does not make itself.
    """

    id: UUID
    name: str
    remote_id: str
    star: SafeString
    tags: SafeString
    cells: SafeString


@dataclass(frozen=True, slots=True)
class Header:
    """A column, with its sort as ARIA says it ("" if the list is sorted by another) and the query that sorts by it."""

    column: str
    label: str | Promise
    number: bool
    sorted: str
    query: str


def sql(shown: Sequence[str]) -> str:
    made = columns.sql(_made_here(shown))
    return f"{_FIRST}, {made}" if made else _FIRST


def headers(asked: ImageFilter, shown: Sequence[str]) -> list[Header]:
    return [_header(asked, key) for key in shown]


def _header(asked: ImageFilter, key: str) -> Header:
    column = COLUMNS[key]
    here = asked.sort.removeprefix("-") == key
    way = ("descending" if asked.sort.startswith("-") else "ascending") if here else ""
    other = asked.sorted_by(key) if here or not column.falling else asked.sorted_by(f"-{key}")
    return Header(key, column.label, column.number, way, other.query())


def rows(found: list[tuple[Any, ...]], shown: Sequence[str], shelf: Shelf) -> list[Row]:
    """The rows of what was read with sql(shown)."""
    plan, at = [], 5
    for key in _made_here(shown):
        end = at + len(COLUMNS[key].sql)
        plan.append((key, COLUMNS[key].cell, at, end))
        at = end
    return [_row(shelf, plan, values) for values in found]


def _row(shelf: Shelf, plan: list[tuple[str, Any, int, int]], values: tuple[Any, ...]) -> Row:
    cells = "".join([_cell(shelf, step, values) for step in plan])
    image_id, name, remote_id, starred, labels = values[:5]
    marks = star(shelf.images_url, image_id, starred, shelf.may_edit), tags(labels)
    return Row(image_id, name, remote_id, *marks, mark_safe(cells))  # noqa: S308 - cells escape


def _cell(shelf: Shelf, step: tuple[str, Any, int, int], values: tuple[Any, ...]) -> str:
    """Most cells of a page are like one above: each is made once."""
    key, cell, start, end = step
    own = key, values[start:end]
    if own not in shelf.memo:
        shelf.memo[own] = cell(shelf, *values[start:end])
    return shelf.memo[own]


def _made_here(shown: Sequence[str]) -> list[str]:
    return [key for key in shown if COLUMNS[key].cell]
