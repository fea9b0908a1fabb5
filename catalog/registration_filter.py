"""Which registrations are looked at: one object, read from the page's query string and written back in one spelling.

A query string holds `state` and `who` (who asked for it), values separated by commas; `from` and `to`, the first and
the last day as 2026-11-20 (`day` is both), in the reader's time zone; `q` with words that the name, version, reference
or ID must have. `page` belongs to the page alone.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from urllib.parse import quote

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from catalog.browse import Chip
from catalog.models import Registration, RegistrationState
from catalog.positions import Page, page_of, read_cursor, write_cursor
from catalog.query_strings import days, midnight, no_value, texts_of, values_of, words
from catalog.values import escaped

SIZE = 50
MOST_PEOPLE = 200
DIMENSIONS: dict[str, Promise] = {"state": _("State"), "who": _("Who")}
_KEYS = (*DIMENSIONS, "from", "to", "day", "q")
_SEARCHED = ("name", "version", "registry_url", "vm_image_id", "remote_id")


@dataclass(frozen=True, slots=True)
class RegistrationFilter:
    """`choices` are the values of each dimension, any of which will do; a value there is not selects nothing."""

    choices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    first: date | None = None
    last: date | None = None
    q: str = ""
    people: tuple[str, ...] = ()  # who may be chosen
    notices: tuple[str, ...] = ()

    def query(self, **page: str) -> str:
        """The canonical query string, "" for everything. `page` adds what belongs to the page alone."""
        pairs = [(d, ",".join(sorted(map(escaped, self.choices.get(d, ()))))) for d in DIMENSIONS]
        pairs += [("from", self.first.isoformat() if self.first else "")]
        pairs += [("to", self.last.isoformat() if self.last else ""), ("q", self.q)]
        return "&".join(f"{key}={quote(text, safe=',-._~@')}" for key, text in (*pairs, *page.items()) if text)

    def options(self, dimension: str) -> list[tuple[str, str, bool]]:
        """(value, words, chosen) of everything that may be chosen."""
        chosen = self.choices.get(dimension, ())
        if dimension == "state":
            return [(value, str(label), value in chosen) for value, label in RegistrationState.choices]
        return [(who, who, who in chosen) for who in sorted({*self.people, *chosen})]

    def chips(self) -> list[Chip]:
        return [Chip(d, value, str(label), text, False, rest.query()) for d, value, label, text, rest in self._parts()]

    def _parts(self) -> Iterator[tuple[str, str, str | Promise, str, "RegistrationFilter"]]:
        """Each part: what it is of, its value, both in words, and the filter without it."""
        for d, label in DIMENSIONS.items():
            known = {value: text for value, text, _chosen in self.options(d)}
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

    def of(self, team: Team) -> QuerySet[Registration]:
        """Those of the team that it selects."""
        found = Registration.objects.filter(team=team)
        if states := self.choices.get("state"):
            found = found.filter(state__in=states)
        if people := self.choices.get("who"):
            found = found.filter(requested_by__in=people)
        if self.first:
            found = found.filter(created_at__gte=midnight(self.first))
        if self.last:
            found = found.filter(created_at__lt=midnight(self.last + timedelta(days=1)))
        for word in self.q.split():
            anywhere = Q()
            for column in _SEARCHED:
                anywhere |= Q(**{f"{column}__icontains": word})
            found = found.filter(anywhere)
        return found


def parse(query: QueryDict, people: tuple[str, ...]) -> RegistrationFilter:
    """What a query string asks for. What it does not understand is left out, and told in `notices`."""
    notices: list[str] = []
    found = texts_of(query.lists(), _KEYS, notices)
    states = values_of("state", found.get("state", ()), notices, lambda text: [text.lower()])
    notices += [
        no_value("state", state, RegistrationState.values) for state in states if state not in RegistrationState.values
    ]
    who = values_of("who", found.get("who", ()), notices, lambda text: [text])
    first, last = days(found, notices)
    choices = {"state": tuple(sorted(states)), "who": tuple(sorted(who))}
    q = words(found.get("q", ()), notices)
    return RegistrationFilter(choices, first, last, q, people, tuple(dict.fromkeys(notices))[:5])


def who_asked(team: Team) -> tuple[str, ...]:
    """Everyone who registered or asked for something, former members too."""
    asked = Registration.objects.filter(team=team).order_by("requested_by").values_list("requested_by", flat=True)
    return tuple(asked.distinct()[:MOST_PEOPLE])


def fetch(team: Team, asked: RegistrationFilter, cursor: str) -> Page[Registration]:
    """The page at a cursor, "" for the newest. One query, however many there are. Raises BadCursor."""
    place, newer = read_cursor(cursor)
    rows, way = asked.of(team).defer("description", "error"), "" if newer else "-"
    if place:
        at, row_id = place
        side = "gt" if newer else "lt"
        rows = rows.filter(**{f"created_at__{side}e": at}).filter(
            Q(**{f"created_at__{side}": at}) | Q(**{f"id__{side}": row_id})
        )
    found = list(rows.order_by(f"{way}created_at", f"{way}id")[: SIZE + 1])
    return page_of(found, SIZE, cursor, newer, lambda one, to: write_cursor(one.created_at, one.id, to))
