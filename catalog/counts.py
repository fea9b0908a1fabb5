"""How many images a filter selects, and how many each value of each facet would: one query, whatever the size of the
shelf.

Without a search these are sums over what is kept of each combination of facet values (catalog/combinations.py). A
search has no counts kept: then the matching images themselves are counted, up to MOST of them. A facet's counts leave
out its own choice and honour all others.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import or_
from typing import NamedTuple

import orjson
from django.db import connection

from catalog import hits
from catalog.browse import NOTHING, Choice, ImageFilter
from catalog.combinations import AXES, Axis, Combinations, Tally, Value, read, tally
from catalog.hits import Hit, allows_name, looked_at, looked_up, placed
from catalog.labels import DIMENSIONS
from catalog.selection import foreign_distributions, searched
from catalog.steps import Selected
from catalog.walks import count_by_facets

MOST_FILTERS = 32  # of a team, of which is kept what follows from its counts until one of these is another

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
        return None if self.capped and self.total > hits.MOST else self.total

    def with_choice(self, dimension: str, choice: Choice) -> int:
        """How many would be selected with this choice of the dimension instead."""
        if dimension == "label":  # an image has several, so the counts of its values do not add up
            return sum(n for labels, n in self.label_sets.items() if choice.allows_any(labels))
        return sum(n for value, n in self.facets[dimension].items() if choice.allows(value))


# Where counting took too long: every number may be larger.
UNKNOWN = Counts(Selected(tally(Combinations(), []), (), 0), capped=True)


def count(asked: ImageFilter) -> Counts:
    """One query; a second one where a search finds more images than are counted, and few of them are selected."""
    words, foreign = searched(asked, by_index=True), foreign_distributions(asked)
    if not words and not foreign:
        kept, _ = read(asked.team_id)
        return _remembered(asked, kept, _without_search)
    kept, found = read(asked.team_id, *looked_up(asked, words, foreign))
    listed: list[Hit] = orjson.loads(found or "[]")
    in_all = sum(n for _number, n, *_ in listed)
    is_all = words or set(map(str.lower, asked.choices["distribution"].wanted)) == {*foreign}
    selected = replace(_remembered(asked, kept, _selected), hits=in_all if is_all else None)
    counts, rows = Counts(selected, shelf=_shelf(kept), capped=in_all > hits.MOST), kept.combinations.rows
    seen = {} if foreign else {rows[number]: n for number, n, *_ in listed}
    met = [_Part(kept.combinations.axes, list(seen), seen)]
    for part in _parts(asked, kept, listed, by_name=not words) if foreign else met:
        _add(counts, asked, part, _failed(asked, part))
    if in_all > looked_at():
        counts.selected = replace(selected, hits=None, seen=seen)
        if counts.total <= hits.MOST:
            counts.total = count_matching(asked, counts.selected)
            counts.selected = replace(counts.selected, found=counts.total)
    elif is_all:
        counts.selected = placed(asked, selected, listed)
    return counts


def select(asked: ImageFilter) -> Selected:
    """What the filter selects, without its counts; `hits` are not known then. One query."""
    kept, _ = read(asked.team_id)
    return _remembered(asked, kept, _selected)


def count_matching(asked: ImageFilter, selected: Selected | None = None) -> int:
    """The selected images themselves, counted up to MOST + 1."""
    where = count_by_facets(asked, selected or select(asked), hits.MOST + 1)
    with connection.cursor() as cursor:
        cursor.execute(*where)
        return int(cursor.fetchone()[0])


class _Part(NamedTuple):
    """Some images: of the combinations in these rows, so many of each. `sums` are those of a Tally, where they are
    known. `allows` says of systems under "other", where the text of an image tells, whether the choice of distributions
    allows these.
    """

    axes: Mapping[str, Axis]
    rows: Sequence[int]
    counts: Sequence[int] | Mapping[int, int]
    sums: Mapping[str, list[int]] | None = None
    allows: bool | None = None


def _all(kept: Tally) -> _Part:
    return _Part(kept.combinations.axes, range(len(kept.counts)), kept.counts, kept.sums)


def _parts(asked: ImageFilter, kept: Tally, listed: list[Hit], *, by_name: bool) -> Iterator[_Part]:
    """What was looked up; `by_name`, with all others that are kept, of which those under "other" are called otherwise.
    They are left out where more are called so than were looked up: no number is too large.
    """
    combinations, choice = kept.combinations, asked.choices.get("distribution", NOTHING)
    axes, system = combinations.axes, combinations.axes["system"]
    split: dict[bool | None, Counter[int]] = defaultdict(Counter)
    for number, n, text, *_ in listed:
        split[None if text is None else allows_name(choice, text)][combinations.rows[number]] += n
    if by_name:
        named, allows_rest = sum(split.values(), Counter[int]()), allows_name(choice, "")
        is_other = [value[1] == "other" for value in system.values]
        others = [row for row, place in enumerate(system.places) if is_other[place]]
        yield _Part(axes, [row for row, place in enumerate(system.places) if not is_other[place]], kept.counts)
        if not allows_rest or named.total() <= looked_at():
            yield _Part(axes, others, {row: kept.counts[row] - named[row] for row in others}, None, allows_rest)
    for allows, found in split.items():
        yield _Part(axes, list(found), found, None, allows)


def _remembered[T](asked: ImageFilter, kept: Tally, made: Callable[[ImageFilter, Tally], T]) -> T:
    """What follows from the choices alone: other pages, orders and searches of a list have the same, for everybody."""
    which = made, asked.systems.day, frozenset((d, choice) for d, choice in asked.choices.items() if choice)
    found: T | None = kept.counted.pop(which, None)
    if found is None:
        found = made(asked, kept)
    kept.counted[which] = found  # the one asked for last comes last
    for oldest in list(kept.counted)[:-MOST_FILTERS]:
        kept.counted.pop(oldest, None)
    return found


def _without_search(asked: ImageFilter, kept: Tally) -> Counts:
    counts, every = Counts(_remembered(asked, kept, _selected), shelf=_shelf(kept)), _all(kept)
    _add(counts, asked, every, _failed(asked, every, sure=False))
    return counts


def _selected(asked: ImageFilter, kept: Tally) -> Selected:
    bits = _failed(asked, _all(kept), sure=False)
    others = array(
        "l", [row for row, failed in enumerate(bits) if failed and kept.counts[row]]
    )  # kept: a tenth in size
    return Selected(kept, others, kept.images - sum(map(kept.counts.__getitem__, others)))


def _add(counts: Counts, asked: ImageFilter, part: _Part, bits: list[int]) -> None:
    """The images of a part. Those that fail one choice count where that choice is left out."""
    failing = [row for row, failed in zip(part.rows, bits, strict=True) if failed]
    is_most = part.sums is not None and 2 * len(failing) < len(bits)
    rows = failing if is_most else [row for row, failed in zip(part.rows, bits, strict=True) if not failed]
    for name, dimensions in AXES.items():
        sums = _sums(part, name, rows)
        if is_most and part.sums is not None:
            sums = list(map(int.__sub__, part.sums[name], sums))
        if name == "kind":
            counts.total += sum(sums)
        for dimension in dimensions:
            here = sums
            if failing and asked.choice(dimension):
                bit = _BITS[dimension]
                own = [row for row, failed in zip(part.rows, bits, strict=True) if failed == bit]
                here = list(map(int.__add__, sums, _sums(part, name, own)))
            _tell(counts, dimension, part.axes[name], here, asked)


def _sums(part: _Part, name: str, rows: Iterable[int]) -> list[int]:
    """Of each value of the axis, the images of these rows."""
    found, places, counts = [0] * len(part.axes[name].values), part.axes[name].places, part.counts
    for row in rows:
        found[places[row]] += counts[row]
    return found


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


def _failed(asked: ImageFilter, part: _Part, *, sure: bool = True) -> list[int]:
    """For each row of a part, the bits of the dimensions whose choice it does not meet. Where that depends on the text
    of an image, which is not known of a count, it meets it unless `sure`.
    """
    found = [0] * len(part.rows)
    for name, dimensions in AXES.items():
        axis = part.axes[name]
        choices = [(d, choice) for d in dimensions if (choice := asked.choice(d))]
        if not choices and part.allows is None:
            continue
        masks = [sum(_BITS[d] for d, c in choices if not _allows(asked, d, c, v, sure)) for v in axis.values]
        if part.allows is not None and name == "system":
            masks = [_by_text(mask, value, part.allows) for mask, value in zip(masks, axis.values, strict=True)]
        if any(masks):
            places = axis.places if part.sums is not None else map(axis.places.__getitem__, part.rows)
            found = list(map(or_, found, map(masks.__getitem__, places)))
    return found


def _by_text(mask: int, value: Value, allows: bool) -> int:
    """What fails, with another verdict on the distributions under "other"."""
    bit = _BITS["distribution"]
    return mask & ~bit | (0 if allows else bit) if value[1] == "other" else mask


def _allows(asked: ImageFilter, dimension: str, choice: Choice, value: Value, sure: bool) -> bool:
    if dimension == "label":
        return choice.allows_any(value or ("unknown",))
    if not sure and dimension == "distribution" and value[1] == "other" and foreign_distributions(asked):
        return "other" not in choice.unwanted
    return choice.allows(_value(dimension, value, asked))
