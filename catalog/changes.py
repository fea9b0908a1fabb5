"""Which changes are looked at: one object, read from a page's query string and written back as one, in one spelling.

A query string holds, in any order, each as often as wanted: `source kind field` with values separated by commas; `from`
and `to`, the first and the last day as 2026-11-20 (`day` is both), in the reader's time zone; `since=visit` for what
came since their last visit; `q` with words that the image must have; `run` with the id of a sync. `page` belongs to the
page alone. The SQL is in catalog/change_sets.py.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from urllib.parse import quote
from uuid import UUID

from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from catalog.browse import Chip
from catalog.change_words import FIELDS, KINDS, field_label, kind_label
from catalog.labels import source_names
from catalog.models import Source
from catalog.query_strings import cut, days, no_value, texts_of, values_of, words
from catalog.search import fold, query_pieces
from catalog.values import canonical, escaped

VISIT = "visit"

DIMENSIONS: dict[str, Promise] = {
    "source": gettext_lazy("Source"),
    "kind": gettext_lazy("Kind"),
    "field": gettext_lazy("Field"),
}
_CLOSED = {"kind": KINDS, "field": FIELDS}
_DAYS: dict[str, Promise] = {"from": gettext_lazy("From"), "to": gettext_lazy("To")}
_KEYS = (*DIMENSIONS, *_DAYS, "day", "since", "q", "run")


@dataclass(frozen=True, slots=True)
class ChangeFilter:
    """`choices` are the values of each dimension, any of which will do; a value there is not selects nothing."""

    team_id: UUID
    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None
    since_visit: bool = False
    q: str = ""
    run: UUID | None = None
    names: Mapping[str, str] = field(default_factory=dict)  # of the team's sources, by id
    notices: tuple[str, ...] = ()

    @property
    def is_narrow(self) -> bool:
        return bool(self.query())

    @property
    def cuts_sets(self) -> bool:
        """Whether of what one sync found only some may be shown, so that its own counts say something else."""
        return bool(self.q or self.choices.get("kind") or self.choices.get("field"))

    def query(self, **page: str) -> str:
        """The canonical query string, "" for everything. `page` adds what belongs to the page alone."""
        pairs = [(d, ",".join(sorted(map(self._written, self.choices.get(d, ()))))) for d in DIMENSIONS]
        pairs += [("from", self.first.isoformat() if self.first else "")]
        pairs += [("to", self.last.isoformat() if self.last else "")]
        pairs += [("since", VISIT if self.since_visit else ""), ("q", self.q), ("run", str(self.run or ""))]
        return "&".join(f"{key}={quote(text, safe=',-._~')}" for key, text in (*pairs, *page.items()) if text)

    def _written(self, value: str) -> str:
        alone = value in self.names and sum(name.startswith(value[:8]) for name in self.names) == 1
        return value[:8] if alone else escaped(value)

    def of_run(self, run_id: UUID) -> "ChangeFilter":
        """The same of one sync alone, whose time and source are known."""
        rest = {d: values for d, values in self.choices.items() if d != "source"}
        return replace(self, choices=rest, first=None, last=None, since_visit=False, run=run_id)

    def for_feed(self) -> "ChangeFilter":
        """The same without what only a page has: a visit, and one sync."""
        told = [_("“%(key)s” is nothing for a feed.") % {"key": "since"}] if self.since_visit else []
        told += [_("“%(key)s” is nothing for a feed.") % {"key": "run"}] if self.run else []
        return replace(self, since_visit=False, run=None, notices=(*self.notices, *told))

    def options(self, dimension: str) -> list[tuple[str, str, bool]]:
        """(value, words, chosen) of everything that may be chosen, in the order of a list."""
        chosen = self.choices.get(dimension, ())
        known = self.names if dimension == "source" else _CLOSED[dimension]
        found = [(value, str(words), value in chosen) for value, words in known.items()]
        return found if dimension == "kind" else sorted(found, key=lambda option: option[1].lower())

    def chips(self) -> list[Chip]:
        return [
            Chip(d, value, str(label), words, False, rest.query()) for d, value, label, words, rest in self._parts()
        ]

    def _parts(self) -> Iterator[tuple[str, str, str | Promise, str, "ChangeFilter"]]:
        """Each part: what it is of, its value, both in words, and the filter without it."""
        for d, label in DIMENSIONS.items():
            for value in self.choices.get(d, ()):
                others = tuple(other for other in self.choices[d] if other != value)
                yield d, value, label, self.value_label(d, value), replace(self, choices={**self.choices, d: others})
        if self.first:
            yield "from", "", _DAYS["from"], date_format(self.first, "DATE_FORMAT"), replace(self, first=None)
        if self.last:
            yield "to", "", _DAYS["to"], date_format(self.last, "DATE_FORMAT"), replace(self, last=None)
        if self.since_visit:
            yield "since", VISIT, _("Since"), _("my last visit"), replace(self, since_visit=False)
        if self.q:
            yield "q", self.q, _("Image"), self.q, replace(self, q="")
        if self.run:
            yield "run", str(self.run), _("Sync"), str(self.run)[:8], replace(self, run=None)

    def value_label(self, dimension: str, value: str) -> str:
        words = {"kind": kind_label, "field": field_label}.get(dimension)
        return words(value) if words else self.names.get(value, value)


# Reading


def parse(query: QueryDict, team_id: UUID, sources: Iterable[Source]) -> ChangeFilter:
    """What a query string asks for among the team's `sources`. What it does not understand is left out, and told in
    `notices`.
    """
    names = {str(source_id): name for source_id, name in source_names(sources).items()}
    notices: list[str] = []
    found = texts_of(query.lists(), _KEYS, notices)
    choices = {d: _choice(d, found.get(d, ()), names, notices) for d in DIMENSIONS}
    first, last = days(found, notices)
    since, run = _since(found.get("since", ()), notices), _run(found.get("run", ()), notices)
    q = _searched(words(found.get("q", ()), notices), notices)
    told = tuple(dict.fromkeys(notices))[:5]
    return ChangeFilter(team_id, choices, first, last, since, q, run, names, told)


def _choice(d: str, texts: Iterable[str], names: Mapping[str, str], notices: list[str]) -> tuple[str, ...]:
    if d != "source":
        chosen = values_of(d, texts, notices, lambda text: [text.lower()])
        notices += [no_value(d, value, _CLOSED[d]) for value in chosen if value not in _CLOSED[d]]
        return tuple(sorted(chosen))
    chosen = values_of(d, texts, notices, lambda text: canonical("source", text, names))
    notices += [_("There is no source “%(value)s”.") % {"value": cut(value)} for value in chosen if value not in names]
    return tuple(sorted(chosen))


def _searched(text: str, notices: list[str]) -> str:
    """Without the words of signs alone, which nothing finds."""
    given = text.split()
    sought = [word for word in given if query_pieces(fold(word))]
    if sought != given:
        signs = cut(" ".join(word for word in given if word not in sought))
        notices.append(_("“%(word)s” has no letter or digit, so it is not searched.") % {"word": signs})
    return " ".join(sought)


def _since(texts: Iterable[str], notices: list[str]) -> bool:
    said = [text for text in texts if text]
    if any(text != VISIT for text in said):
        notices.append(_("“since” knows only your last visit: since=visit. For a day there is “from”."))
    return VISIT in said


def _run(texts: Iterable[str], notices: list[str]) -> UUID | None:
    for text in filter(None, texts):
        try:
            return UUID(text)
        except ValueError:
            notices.append(_("There is no sync “%(run)s”.") % {"run": cut(text)})
    return None
