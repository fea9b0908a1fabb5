"""The combinations of facet values that a team's images have, and how many images have each.

A combination's number (Image.facets) is the hash of its values: what it stands for never changes. So each process reads
a team's values once, keeps them column by column, and asks the database for numbers and counts alone. Of a million
images these are some ten thousand rows: 5 ms, where grouping them by every facet in SQL takes 60.
"""

import sys
import threading
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

# Facets that go together: of the values of each row of these there are few, so that most work is done once a value.
AXES: dict[str, tuple[str, ...]] = {
    "kind": ("type", "arch", "visibility", "state", "star"),
    "system": ("os", "distribution", "os_version", "support"),
    "place": ("source", "region"),
    "label": ("label",),
}
_VALUES = (
    "facets, ARRAY[type, arch, visibility, state, CASE WHEN starred THEN 'yes' ELSE 'no' END],"
    " ARRAY[os, distribution_facet, os_version_facet], ARRAY[source_id::text, region], labels"
)
_READ = (
    "WITH packed AS MATERIALIZED (SELECT string_agg(int8send(facets), ''::bytea) AS numbers,"  # noqa: S608
    " string_agg(int8send(n), ''::bytea) AS counts, max(id) AS newest,"
    f" json_agg(json_build_array({_VALUES})) FILTER (WHERE id > %s)::text AS new"
    " FROM catalog_facetcount WHERE team_id = %s AND n > 0),"
    " told AS MATERIALIZED (SELECT coalesce(md5(numbers || counts), '') AS digest, * FROM packed)"
    " SELECT digest, CASE WHEN digest <> %s THEN numbers END, CASE WHEN digest <> %s THEN counts END, newest, new, ({})"
    " FROM told"
)
MOST_KEPT = 120_000  # combinations of all teams in one process: some 30 MB

Value = tuple[str, ...]


@dataclass(slots=True)
class Axis:
    """Its distinct values, and the rows of the combinations that have each."""

    values: list[Value] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    _places: dict[Value, int] = field(default_factory=dict)

    def add(self, value: Value, row: int) -> None:
        place = self._places.setdefault(value, len(self.values))
        if place == len(self.rows):
            self.rows.append([])
            self.values.append(value)
        self.rows[place].append(row)

    def copy(self) -> "Axis":
        return Axis(list(self.values), [list(rows) for rows in self.rows], dict(self._places))

    def sums(self, counts: Sequence[int]) -> list[int]:
        """Of each value, from the counts of all rows."""
        return [sum(map(counts.__getitem__, rows)) for rows in self.rows]


@dataclass(slots=True)
class Combinations:
    """Of one team, all that this process has met: a row each, which `rows` finds by the number. `newest` is the
    greatest id of a FacetCount that was read.
    """

    rows: dict[int, int] = field(default_factory=dict)
    numbers: list[str] = field(default_factory=list)
    axes: dict[str, Axis] = field(default_factory=lambda: {name: Axis() for name in AXES})
    newest: int = 0
    last: tuple[str, "Tally"] | None = None  # as it was read, with a digest of that

    def extended(self, found: Sequence[Sequence[Any]], newest: int = 0) -> "Combinations":
        """With these, (number, a value of each axis). Nothing changes in what another thread may be reading."""
        if not found:
            return self
        axes = {name: axis.copy() for name, axis in self.axes.items()}
        more = Combinations(dict(self.rows), list(self.numbers), axes, max(self.newest, newest))
        for number, *values in found:
            if number not in more.rows:
                more.rows[number] = row = len(more.numbers)
                more.numbers.append(str(number))
                for axis, value in zip(axes.values(), values, strict=True):
                    axis.add(tuple(value), row)
        return more

    def spread(self, counts: Iterable[tuple[int, int]]) -> list[int]:
        """The counts of all rows, from (number, count) of some. Raises KeyError for a number not met."""
        found, rows = [0] * len(self.numbers), self.rows
        for number, n in counts:
            found[rows[number]] = n
        return found


class Tally(NamedTuple):
    """How many images have the combination in each row, which nobody changes; so many combinations have any."""

    combinations: Combinations
    counts: list[int]
    used: int


_known: OrderedDict[UUID, Combinations] = OrderedDict()
_lock = threading.Lock()


def read(team_id: UUID, more: str = "NULL", params: Sequence[Any] = ()) -> tuple[Tally, Any]:
    """What is kept of a team, and the one value of the SQL `more`, in one query. A second one follows where a
    combination is new to this process though its count was made long ago: there were no such images meanwhile.
    """
    with _lock:
        combinations = _known.get(team_id) or Combinations()
    digest, last = combinations.last or ("", None)
    with connection.cursor() as cursor:
        cursor.execute(_READ.format(more), [combinations.newest, team_id, digest, digest, *params])
        now, numbers, counts, newest, values, found = cursor.fetchone()
        if last is not None and now == digest:  # no image came or went since
            return last, found
        numbers, counts = numbers or b"", counts or b""
        combinations = combinations.extended(orjson.loads(values or "[]"), newest or 0)
        counted = list(zip(_integers(numbers), _integers(counts), strict=True))
        try:
            spread = combinations.spread(counted)
        except KeyError:
            unknown = [number for number, _ in counted if number not in combinations.rows]
            cursor.execute(f"SELECT {_VALUES} FROM catalog_facetcount WHERE facets = ANY(%s)", [unknown])  # noqa: S608
            combinations = combinations.extended(cursor.fetchall())
            spread = combinations.spread(counted)
    tally = Tally(combinations, spread, len(counted))
    combinations.last = now, tally
    _keep(team_id, combinations, len(counted))
    return tally, found


def _keep(team_id: UUID, combinations: Combinations, used: int) -> None:
    """For the next request, unless most of it is of the past."""
    with _lock:
        _known.pop(team_id, None)
        if len(combinations.rows) <= 2 * used + 1000:
            _known[team_id] = combinations
        while len(_known) > 1 and sum(len(one.rows) for one in _known.values()) > MOST_KEPT:
            _known.popitem(last=False)


def _integers(packed: bytes) -> Sequence[int]:
    """What int8send and string_agg made of them: in the order of the network."""
    found = array("q", packed)
    if sys.byteorder == "little":
        found.byteswap()
    return found
