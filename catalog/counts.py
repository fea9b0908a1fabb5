"""How many images a filter selects, and how many each value of each facet would: one query, whatever the size of the
shelf.

Without a search these are sums over what is kept of each combination of facet values (catalog/combinations.py). A
search has no counts kept: then the matching images themselves are counted, up to MOST of them. A facet's counts leave
out its own choice and honour all others.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import orjson
from django.db import connection

from catalog.browse import NOTHING, Choice, ImageFilter
from catalog.combinations import AXES, Axis, Combinations, Tally, Value, read, tally
from catalog.labels import DIMENSIONS
from catalog.selection import Condition, all_of, foreign_distributions, of_team, searched
from catalog.steps import Selected
from catalog.walks import count_by_facets

MOST = 10_000

_BITS = {dimension: 1 << place for place, dimension in enumerate(DIMENSIONS)}
_PLACES = {dimension: place for dimensions in AXES.values() for place, dimension in enumerate(dimensions)}


@dataclass(slots=True)
class Counts:
    """`total` images are selected, of `shelf` in all (archived ones not). `capped` says that a search found more than
    MOST: then the facets' numbers are lower bounds, and `total` is one where it is above MOST.
    """

    selected: Selected
    total: int = 0
    shelf: int = 0
    capped: bool = False
    facets: dict[str, dict[str, int]] = field(default_factory=lambda: {d: {} for d in DIMENSIONS})
    label_sets: dict[Value, int] = field(default_factory=dict)

    @property
    def is_known(self) -> bool:
        return self is not UNKNOWN

    @property
    def exact_total(self) -> int | None:
        return None if self.capped and self.total > MOST else self.total

    def with_choice(self, dimension: str, choice: Choice) -> int:
        """How many would be selected with this choice of the dimension instead."""
        if dimension == "label":  # an image has several, so the counts of its values do not add up
            return sum(n for labels, n in self.label_sets.items() if choice.allows_any(labels))
        return sum(n for value, n in self.facets[dimension].items() if choice.allows(value))


# Where counting took too long: every number may be larger.
UNKNOWN = Counts(Selected(tally(Combinations(), []), [], 0), capped=True)


def count(asked: ImageFilter) -> Counts:
    """One query; a second one where a search finds more images than are counted, and few of them are selected."""
    words, foreign = searched(asked), foreign_distributions(asked)
    if not words and not foreign:
        kept, _ = read(asked.team_id)
        return _counted(asked, kept, [_Part(kept)], None)
    kept, found = read(asked.team_id, *_looked_up(asked, words, bool(foreign)))
    listed = orjson.loads(found or "[]")
    hits = sum(n for _number, n, _text in listed)
    counts = _counted(asked, kept, _parts(asked, kept, listed, only_other=not words), hits if words else None)
    counts.capped = hits > MOST
    if hits > _looked_at():
        counts.selected = replace(counts.selected, hits=None)
        if counts.total <= MOST:
            counts.total = count_matching(asked, counts.selected)
    return counts


def select(asked: ImageFilter) -> Selected:
    """What the filter selects, without its counts; `hits` are not known then. One query."""
    kept, _ = read(asked.team_id)
    return _selected(kept, _failed(asked, kept.combinations.axes, sure=False), None)


def count_matching(asked: ImageFilter, selected: Selected | None = None) -> int:
    """The selected images themselves, counted up to MOST + 1."""
    where = count_by_facets(asked, selected or select(asked), MOST + 1)
    with connection.cursor() as cursor:
        cursor.execute(*where)
        return int(cursor.fetchone()[0])


def _looked_at() -> int:
    """So many images a search looks at: some more than MOST, since a few of them are not selected."""
    return MOST + MOST // 4


class _Part(NamedTuple):
    """`allows` says of systems under "other", where the text of an image tells, whether the choice of distributions
    allows these.
    """

    tally: Tally
    allows: bool | None = None


def _looked_up(asked: ImageFilter, words: Condition | None, by_text: bool) -> tuple[str, list[Any]]:
    """SQL that gives [number, count, distribution] of what a search finds, as JSON; of what is under "other", if
    nothing is searched but a distribution that has no count of its own.
    """
    text = "CASE WHEN i.distribution_facet = 'other' THEN lower(i.distribution) END" if by_text else "NULL::text"
    if words:
        where = all_of(of_team(asked), words)
        rows = f"SELECT i.facets, {text} AS text FROM catalog_image i WHERE {where.sql}"  # noqa: S608
    else:
        where = Condition("k.team_id = %s AND k.distribution_facet = 'other'", [asked.team_id])
        inner = f"SELECT i.facets, {text} AS text FROM catalog_image i WHERE i.facets = k.facets OFFSET 0"  # noqa: S608
        rows = f"SELECT p.* FROM catalog_facetcount k CROSS JOIN LATERAL ({inner}) AS p WHERE {where.sql}"  # noqa: S608
    return (
        "SELECT json_agg(json_build_array(facets, n, text))::text FROM ("  # noqa: S608
        f"SELECT facets, text, count(*) AS n FROM ({rows} LIMIT {_looked_at() + 1}) AS found GROUP BY 1, 2) AS grouped",
        where.params,
    )


def _parts(
    asked: ImageFilter, kept: Tally, listed: list[tuple[int, int, str | None]], *, only_other: bool
) -> Iterator[_Part]:
    """What was looked up; with `only_other`, in the place of what is kept of the distributions under "other"."""
    combinations, choice = kept.combinations, asked.choices.get("distribution", NOTHING)
    if only_other:
        counts, system = kept.counts.copy(), combinations.axes["system"]
        for value, rows in zip(system.values, system.rows, strict=True):
            for row in rows if value[1] == "other" else ():
                counts[row] = 0
        yield _Part(tally(combinations, counts))
    split: dict[bool | None, Counter[int]] = defaultdict(Counter)
    for number, n, text in listed:
        split[None if text is None else _allows_text(choice, text)][number] += n
    for allows, found in split.items():
        yield _Part(tally(combinations, combinations.spread(found.items())), allows)


def _counted(asked: ImageFilter, kept: Tally, parts: Iterable[_Part], hits: int | None) -> Counts:
    axes = kept.combinations.axes
    failed = _failed(asked, axes)
    unsure = _failed(asked, axes, sure=False) if foreign_distributions(asked) else failed
    counts = Counts(_selected(kept, unsure, hits), shelf=_shelf(kept))
    for part in parts:
        fails = failed if part.allows is None else _by_its_text(axes["system"], failed, part.allows)
        _add(counts, asked, part.tally, {row: bits for row, bits in fails.items() if bits and part.tally.counts[row]})
    return counts


def _add(counts: Counts, asked: ImageFilter, part: Tally, failed: Mapping[int, int]) -> None:
    """The images of a part. Those that fail one choice count where that choice is left out."""
    missed: dict[int, list[int]] = {_BITS[dimension]: [] for dimension in DIMENSIONS if asked.choice(dimension)}
    for row, bits in failed.items():
        if bits in missed:
            missed[bits].append(row)
    counts.total += part.images - sum(map(part.counts.__getitem__, failed))
    passing = None
    if 2 * len(failed) > part.used:
        passing = [row for row, n in enumerate(part.counts) if n and row not in failed]
    for name, dimensions in AXES.items():
        axis = part.combinations.axes[name]
        sums = _sums(axis, part, passing) if passing is not None else _less(axis, part, part.sums[name], failed)
        for dimension in dimensions:
            own = _sums(axis, part, missed.get(_BITS[dimension], ()))
            _tell(counts, dimension, axis, list(map(int.__add__, sums, own)), asked)


def _sums(axis: Axis, part: Tally, rows: Iterable[int]) -> list[int]:
    """Of each value of the axis, the images of these rows."""
    found, places, counts = [0] * len(axis.values), axis.places, part.counts
    for row in rows:
        found[places[row]] += counts[row]
    return found


def _less(axis: Axis, part: Tally, sums: list[int], rows: Iterable[int]) -> list[int]:
    return list(map(int.__sub__, sums, _sums(axis, part, rows)))


def _selected(kept: Tally, failed: Mapping[int, int], hits: int | None) -> Selected:
    others = [row for row in failed if kept.counts[row]]
    return Selected(kept, others, kept.images - sum(map(kept.counts.__getitem__, others)), hits)


def _shelf(kept: Tally) -> int:
    axis, place = kept.combinations.axes["kind"], _PLACES["state"]
    return sum(n for value, n in zip(axis.values, kept.sums["kind"], strict=True) if value[place] != "archived")


def _tell(counts: Counts, dimension: str, axis: Axis, sums: list[int], asked: ImageFilter) -> None:
    told = counts.facets[dimension]
    for value, n in zip(axis.values, sums, strict=True):
        if not n:
            continue
        if dimension == "label":
            labels = value or ("unknown",)
            counts.label_sets[labels] = counts.label_sets.get(labels, 0) + n
        else:
            labels = (_value(dimension, value, asked),)
        for one in labels:
            told[one] = told.get(one, 0) + n


def _value(dimension: str, value: Value, asked: ImageFilter) -> str:
    if dimension == "support":
        return asked.systems.state(value[1], value[2])
    return value[_PLACES[dimension]]


# What fails


def _failed(asked: ImageFilter, axes: Mapping[str, Axis], *, sure: bool = True) -> dict[int, int]:
    """The rows that do not meet some choice, with the bits of those dimensions. Where that depends on an image's own
    text, which is not known of a count, it meets it unless `sure`.
    """
    failed: dict[int, int] = {}
    for name, dimensions in AXES.items():
        choices = [(d, choice) for d in dimensions if (choice := asked.choice(d))]
        for value, rows in zip(axes[name].values, axes[name].rows, strict=True):
            bits = sum(_BITS[d] for d, choice in choices if not _allows(asked, d, choice, value, sure))
            if bits:
                for row in rows:
                    failed[row] = failed.get(row, 0) | bits
    return failed


def _by_its_text(system: Axis, failed: Mapping[int, int], allows: bool) -> dict[int, int]:
    """What fails, with another verdict on the distributions under "other"."""
    found, bit = dict(failed), _BITS["distribution"]
    for value, rows in zip(system.values, system.rows, strict=True):
        for row in rows if value[1] == "other" else ():
            found[row] = found.get(row, 0) & ~bit | (0 if allows else bit)
    return found


def _allows(asked: ImageFilter, dimension: str, choice: Choice, value: Value, sure: bool) -> bool:
    if dimension == "label":
        return choice.allows_any(value or ("unknown",))
    if not sure and dimension == "distribution" and value[1] == "other" and foreign_distributions(asked):
        return "other" not in choice.unwanted
    return choice.allows(_value(dimension, value, asked))


def _allows_text(choice: Choice, text: str) -> bool:
    """A distribution under "other" is that, and what it is called."""
    lowered = Choice(tuple(map(str.lower, choice.wanted)), tuple(map(str.lower, choice.unwanted)))
    return lowered.allows_any({"other", text})
