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
from dataclasses import dataclass, field, replace
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
BURIED = 20  # times as many images as the team has
_HIDDEN = "(SELECT coalesce(sum(listed), 0) FROM catalog_syncrun WHERE team_id = %s AND state = 'applying')"
# SQL that says what `is_buried` remembers, as it is by now; the team's id is its parameter, twice.
BURIED_NOW = f"(SELECT {_HIDDEN} > {BURIED} * coalesce(sum(n), 0) FROM catalog_facetcount WHERE team_id = %s)"  # noqa: S608
# Numbers and counts only where they are others than the process has, as a digest of the sources' stamps tells.
_READ = (
    "WITH told AS MATERIALIZED (SELECT coalesce(bit_xor(uuid_hash_extended(stamp, 0)), 0) AS digest"  # noqa: S608
    " FROM catalog_facetstamp WHERE team_id = %s)"
    " SELECT told.digest, packed.*, (SELECT reltuples FROM pg_class WHERE oid = 'catalog_image'::regclass),"
    f" {_HIDDEN}::bigint, ({{}})"
    " FROM told LEFT JOIN LATERAL ("
    "SELECT string_agg(int8send(facets), ''::bytea), string_agg(int8send(n), ''::bytea), max(id),"
    f" json_agg(json_build_array({_VALUES})) FILTER (WHERE id > %s)::text"
    " FROM catalog_facetcount WHERE team_id = %s AND n > 0 AND told.digest IS DISTINCT FROM %s"
    ") AS packed ON true"
)
MOST_KEPT = 120_000  # combinations of all teams in one process: some 30 MB

Value = tuple[str, ...]


@dataclass(slots=True)
class Axis:
    """Its distinct values, the rows of the combinations that have each, and of each row its value's place."""

    values: list[Value] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    places: list[int] = field(default_factory=list)
    _known: dict[Value, int] = field(default_factory=dict)

    def add(self, value: Value, row: int) -> None:
        place = self._known.setdefault(value, len(self.values))
        if place == len(self.rows):
            self.rows.append([])
            self.values.append(value)
        self.rows[place].append(row)
        self.places.append(place)

    def copy(self) -> "Axis":
        return Axis(list(self.values), [list(rows) for rows in self.rows], list(self.places), dict(self._known))

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
    last: tuple[int, "Tally"] | None = None  # as it was read, with the digest of that
    everybody: float = 0  # about so many images there are of all teams, by the last ANALYZE
    hidden: int = 0  # at most so many rows of the team a sync has written that nobody sees yet

    def extended(self, found: Sequence[Sequence[Any]], newest: int = 0) -> "Combinations":
        """With these, (number, a value of each axis). Nothing changes in what another thread may be reading."""
        if not found:
            return self
        axes = {name: axis.copy() for name, axis in self.axes.items()}
        more = replace(self, rows=dict(self.rows), numbers=list(self.numbers), axes=axes, last=None)
        more.newest = max(self.newest, newest)
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
    """How many images have the combination in each row, how many in all have each value of each axis, and how many
    there are; so many combinations have any. Nobody changes it. `counted` is for what follows from it
    (catalog/counts.py).
    """

    combinations: Combinations
    counts: list[int]
    sums: dict[str, list[int]]
    images: int
    used: int
    counted: dict[Any, Any]


def tally(combinations: Combinations, counts: list[int]) -> Tally:
    sums = {name: axis.sums(counts) for name, axis in combinations.axes.items()}
    return Tally(combinations, counts, sums, sum(counts), len(counts) - counts.count(0), {})


_known: OrderedDict[UUID, Combinations] = OrderedDict()
_lock = threading.Lock()


def read(team_id: UUID, more: str = "NULL", params: Sequence[Any] = ()) -> tuple[Tally, Any]:
    """What is kept of a team, and the one value of the SQL `more`, in one query. A second one follows where a
    combination is new to this process though its count was made long ago: there were no such images meanwhile.
    """
    with _lock:
        combinations = _known.get(team_id) or Combinations()
    digest, last = combinations.last or (None, None)
    with connection.cursor() as cursor:
        given = [team_id, team_id, *params, combinations.newest, team_id, digest]
        cursor.execute(_READ.format(more), given)
        now, numbers, counts, newest, values, everybody, hidden, found = cursor.fetchone()
        combinations.everybody, combinations.hidden = everybody, hidden
        if last is not None and now == digest:  # no image came or went since
            return last, found
        combinations = combinations.extended(orjson.loads(values or "[]"), newest or 0)
        counted = list(zip(_integers(numbers or b""), _integers(counts or b""), strict=True))
        try:
            spread = combinations.spread(counted)
        except KeyError:
            unknown = [number for number, _ in counted if number not in combinations.rows]
            cursor.execute(f"SELECT {_VALUES} FROM catalog_facetcount WHERE facets = ANY(%s)", [unknown])  # noqa: S608
            combinations = combinations.extended(cursor.fetchall())
            spread = combinations.spread(counted)
    kept = tally(combinations, spread)
    combinations.last = now, kept
    _keep(team_id, combinations, kept.used)
    return kept, found


def holds_most(team_id: UUID) -> bool:
    """Whether most images of all teams are this team's, as far as this process has seen. Then it costs more to look
    its images up in an index of words (a third of the time of a search in a million) than to pass the others'.
    """
    last = _last(team_id)
    return last is not None and 2 * last.images > last.combinations.everybody > 0


def is_buried(team_id: UUID) -> bool:
    """Whether a sync is writing very many more images than the team has, as far as this process has seen: an index of
    words leads to those first, and to nothing else for half a second of a million.
    """
    last = _last(team_id)
    return last is not None and last.combinations.hidden > BURIED * last.images


def _last(team_id: UUID) -> Tally | None:
    with _lock:
        combinations = _known.get(team_id)
    return combinations.last[1] if combinations is not None and combinations.last else None


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
