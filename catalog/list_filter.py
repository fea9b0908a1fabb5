"""Which rows of a list are looked at: one object, read from the page's query string and written back in one spelling.

A query string holds values of each of the list's dimensions, separated by commas; `from` and `to`, the first and the
last day as 2026-11-20 (`day` is both), in the reader's time zone; `q` with words. `page` belongs to the page alone.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, ClassVar, Self
from urllib.parse import quote
from uuid import UUID

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.browse import Chip
from catalog.positions import Page, page_of, read_cursor, write_cursor
from catalog.query_strings import days, midnight, texts_of, values_of, words
from catalog.values import escaped

SIZE = 50


@dataclass(frozen=True, slots=True)
class ListFilter:
    """`choices` are the values of each dimension, any of which will do; a value there is not selects nothing. `people`
    are who may be chosen.
    """

    DIMENSIONS: ClassVar[Mapping[str, Promise]]

    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None
    q: str = ""
    people: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()

    def query(self, **page: str) -> str:
        """The canonical query string, "" for everything. `page` adds what belongs to the page alone."""
        pairs = [(d, ",".join(sorted(map(escaped, self.choices.get(d, ()))))) for d in self.DIMENSIONS]
        pairs += [("from", self.first.isoformat() if self.first else "")]
        pairs += [("to", self.last.isoformat() if self.last else ""), ("q", self.q)]
        return "&".join(f"{key}={quote(text, safe=',-._~@')}" for key, text in (*pairs, *page.items()) if text)

    def known(self, dimension: str) -> Iterable[tuple[str, str]]:
        """(value, words) of what may be chosen, in the order of a list: here, people."""
        return [(who, who) for who in sorted({*self.people, *self.choices.get(dimension, ())})]

    def options(self, dimension: str) -> list[tuple[str, str, bool]]:
        """(value, words, chosen) of everything that may be chosen."""
        chosen = self.choices.get(dimension, ())
        return [(value, text, value in chosen) for value, text in self.known(dimension)]

    def chips(self) -> list[Chip]:
        return [Chip(d, value, str(label), text, False, rest.query()) for d, value, label, text, rest in self._parts()]

    def _parts(self) -> Iterator[tuple[str, str, str | Promise, str, Self]]:
        """Each part: what it is of, its value, both in words, and the filter without it."""
        for d, label in self.DIMENSIONS.items():
            known = dict(self.known(d))
            for value in self.choices.get(d, ()):
                others = tuple(other for other in self.choices[d] if other != value)
                rest = replace(self, choices={**self.choices, d: others})
                yield d, value, label, known.get(value, value), rest
        if self.first:
            yield "from", "", _("From"), date_format(self.first, "DATE_FORMAT"), replace(self, first=None)
        if self.last:
            yield "to", "", _("To"), date_format(self.last, "DATE_FORMAT"), replace(self, last=None)
        if self.q:
            yield "q", self.q, _("Search"), self.q, replace(self, q="")

    def within_days[Rows: QuerySet[Any]](self, rows: Rows, column: str) -> Rows:
        """Those of the rows whose time is on the chosen days."""
        if self.first:
            rows = rows.filter(**{f"{column}__gte": midnight(self.first)})
        if self.last:
            rows = rows.filter(**{f"{column}__lt": midnight(self.last + timedelta(days=1))})
        return rows


def parse[F: ListFilter](
    query: QueryDict, kind: type[F], closed: Mapping[str, Callable[[str], str | None]], people: tuple[str, ...] = ()
) -> F:
    """What a query string asks for. What it does not understand is left out, and told in `notices`. `closed` are the
    dimensions, in lower case, of which each value is known: what is wrong with one, or None.
    """
    notices: list[str] = []
    found = texts_of(query.lists(), (*kind.DIMENSIONS, "from", "to", "day", "q"), notices)
    choices = {}
    for d in kind.DIMENSIONS:
        meant = str.lower if d in closed else str
        values = values_of(d, found.get(d, ()), notices, lambda text, meant=meant: [meant(text)])  # type: ignore[misc]
        notices += [told for value in values if d in closed and (told := closed[d](value))]
        choices[d] = tuple(sorted(values))
    first, last = days(found, notices)
    q = words(found.get("q", ()), notices)
    return kind(choices, first, last, q, people, tuple(dict.fromkeys(notices))[:5])


def fetch_page(rows: QuerySet[Any], column: str, cursor: str, size: int = SIZE) -> Page[Any]:
    """The page at a cursor, "" for the newest by this time and id. One query, however many rows. Raises BadCursor."""
    place, newer = read_cursor(cursor)
    if place:
        rows = behind(rows, column, *place, newer=newer)
    way = "" if newer else "-"
    found = list(rows.order_by(f"{way}{column}", f"{way}id")[: size + 1])
    return page_of(found, size, cursor, newer, lambda one, to: write_cursor(getattr(one, column), _uuid(one.id), to))


def behind[Rows: QuerySet[Any]](rows: Rows, column: str, at: Any, row_id: UUID, *, newer: bool = False) -> Rows:
    """The rows that come after a place in the list, older ones or `newer`."""
    side = "gt" if newer else "lt"
    key = row_id if rows.model._meta.pk.get_internal_type() == "UUIDField" else min(row_id.int, 2**63 - 1)
    rows = rows.filter(**{f"{column}__{side}e": at})
    return rows.filter(Q(**{f"{column}__{side}": at}) | Q(**{f"id__{side}": key}))


def _uuid(row_id: UUID | int) -> UUID:
    return row_id if isinstance(row_id, UUID) else UUID(int=row_id)
