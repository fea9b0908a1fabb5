"""The next images by a key that follows from facet values: the counts tell which values come next and how many images
have them, so that no such order needs an index of its own.

Within one value the order is that of the ids, which are random: a walk along them meets the images of any value evenly.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from math import isqrt
from typing import Any

from catalog.browse import ImageFilter
from catalog.combinations import Axis, Tally, Value
from catalog.orders import Order
from catalog.selection import Condition, all_of, of_team
from catalog.steps import (
    ALWAYS,
    NOTHING,
    PASSED,
    TEXT_WALK,
    Selected,
    Step,
    first_of,
    found,
    gathered,
    has,
    listed,
    to_the_end,
)

Group = tuple[str, list[int], int]


def by_value(asked: ImageFilter, selected: Selected, step: Step) -> Condition:
    """Value by value, as many as hold the rows of the step: of many images along the ids, of few all. What has no value
    of its own (a system called as its image says) is gathered beside them.
    """
    few: list[tuple[str, int]] = []
    parts: list[Condition] = []
    left = step.limit
    alone, indexed = _own_rows(selected.kept, step.order)
    groups = _groups(selected, step, alone)
    for group in groups:
        key, rows, images = group
        is_here = step.after is not None and key == step.after[0]
        if step.is_few(images, selected.team):
            few += [(key, row) for row in rows]
        else:
            parts.append(_along_ids(asked, selected, step, group, is_here=is_here))
        left -= 0 if is_here else images
        if left <= 0:
            break
    if few:
        parts.append(_all_of_few(selected, step, few))
    parts += _own(asked, selected, step, indexed)
    if rest := selected.of(alone - indexed):
        parts.append(gathered(asked, selected, step, rest))
    return _together(parts)


def by_value_with_words(asked: ImageFilter, selected: Selected, step: Step, text: Condition) -> Condition:
    """The same of images with words that very many have. Where they were met while counting tells which values surely
    hold the rows of the step: in these they are found all together, but where they were met often, along the ids.
    """
    parts: list[Condition] = []
    left, met = step.limit, sum(selected.seen.values())
    alone, indexed = _own_rows(selected.kept, step.order)
    rows, own = selected.of(alone - indexed), selected.of(indexed)
    images = sum(map(selected.kept.counts.__getitem__, own))
    if not own or step.is_few(images, selected.team):
        rows += own
    else:  # as many rows as are found at once, where so few are found that the walk does not suffice
        walked, _ = _own_walk(asked, step, all_of(has(selected, own), text), isqrt(step.limit * images))
        parts.append(first_of(step, walked, found(asked, selected, step, text, own)))
    for key, here, _images in _groups(selected, step, alone):
        is_here, seen = step.after is not None and key == step.after[0], sum(selected.seen.get(row, 0) for row in here)
        if step.is_few(seen, met):
            rows += here
        else:
            walked = _ids_with_words(asked, selected, step, key, here, text)
            parts.append(first_of(step, walked, found(asked, selected, step, text, here)))
        left -= 0 if is_here else seen
        if left <= 0:
            break
    return _together([*parts, *([found(asked, selected, step, text, rows)] if rows else [])])


def _together(parts: list[Condition]) -> Condition:
    if not parts:
        return NOTHING
    return Condition(" UNION ALL ".join(f"({p.sql})" for p in parts), [one for p in parts for one in p.params])


def _groups(selected: Selected, step: Step, alone: set[int]) -> list[Group]:
    """(key, combinations, images) of the values not yet passed, in order. Images of the combinations that are `alone`
    have keys of their own.
    """
    kept, name = selected.kept, step.order.axis
    axis, counts = kept.combinations.axes[name], selected.counts
    found: dict[str, list[int]] = defaultdict(list)
    sums: Counter[str] = Counter()
    for value, rows, images in zip(axis.values, axis.rows, kept.sums[name], strict=True):
        here, n = rows, images
        if selected.others or alone:
            here = [row for row in rows if counts[row] and row not in alone]
            n = sum(map(counts.__getitem__, here))
        if n and (key := step.order.key(value)) is not None:
            found[key] += here
            sums[key] += n
    groups = [(key, found[key], sums[key]) for key in sorted(found, reverse=step.falling)]
    if step.after is not None:
        after = step.after[0]
        groups = [group for group in groups if (group[0] <= after if step.falling else group[0] >= after)]
    return groups


def _own_rows(kept: Tally, order: Order) -> tuple[set[int], set[int]]:
    """All combinations whose images have keys of their own, and of them those whose keys the index of such has."""
    axes = kept.combinations.axes
    found = {row for value, rows in _each(axes[order.axis]) if order.key(value) is None for row in rows}
    if order.apart is None:
        return found, found if order.own else set()
    apart = {row for value, rows in _each(axes["kind"]) if order.apart(value) for row in rows}
    return found | apart, apart


def _each(axis: Axis) -> Iterator[tuple[Value, list[int]]]:
    return zip(axis.values, axis.rows, strict=True)


def _own(asked: ImageFilter, selected: Selected, step: Step, indexed: set[int]) -> list[Condition]:
    """The images with keys of their own: along an index that has these, and perhaps some more; or all of them."""
    rows, counts = selected.of(indexed), selected.kept.counts
    if step.order.own is None or not rows:
        return []
    images, all_of_them = sum(map(counts.__getitem__, rows)), sum(map(counts.__getitem__, indexed))
    everything = gathered(asked, selected, step, rows)
    if step.is_few(images, all_of_them):
        return [everything]
    bound = step.patience(images, all_of_them)
    walked, passed = _own_walk(asked, step, has(selected, rows), bound)
    return [first_of(step, walked, everything, to_the_end(passed, bound))]


def _own_walk(asked: ImageFilter, step: Step, only: Condition, bound: int) -> tuple[Condition, Condition]:
    """Along the index of own keys, past `bound` rows at most; and these."""
    assert step.order.own is not None
    key, which = step.order.own
    where = all_of(of_team(asked), Condition(which, []), step.behind(key))
    way = f"ORDER BY {key} {step.way}, i.id {step.way} LIMIT {bound}"
    passed = Condition(f"SELECT {key} AS k, {PASSED} FROM catalog_image i WHERE {where.sql} {way}", where.params)  # noqa: S608
    sort = f"ORDER BY k {step.way}, id {step.way} LIMIT {step.limit}"
    sql = f"SELECT k, id FROM ({passed.sql}) AS i WHERE {only.sql} {sort}"  # noqa: S608
    return Condition(sql, [*passed.params, *only.params]), passed


def _along_ids(asked: ImageFilter, selected: Selected, step: Step, group: Group, *, is_here: bool) -> Condition:
    """They are many, and ids are random: no other images lie together in front of them."""
    key, rows, _images = group
    after = Condition(f"i.id {step.sign} %s::uuid", [step.after[1]]) if is_here and step.after else ALWAYS
    is_told = step.order.plain and not selected.others
    where = all_of(of_team(asked), after, _has_key(step, key) if is_told else has(selected, rows))
    order = f"ORDER BY i.id {step.way} LIMIT {step.limit}"
    return Condition(f"SELECT %s::text AS k, i.id FROM catalog_image i WHERE {where.sql} {order}", [key, *where.params])  # noqa: S608


def _ids_with_words(
    asked: ImageFilter, selected: Selected, step: Step, key: str, rows: list[int], text: Condition
) -> Condition:
    """Of one value, along the ids, past TEXT_WALK rows at most."""
    is_here = step.after is not None and key == step.after[0]
    after = Condition(f"i.id {step.sign} %s::uuid", [step.after[1]]) if is_here and step.after else ALWAYS
    where, only = all_of(of_team(asked), after), all_of(has(selected, rows), text)
    passed = f"SELECT {PASSED} FROM catalog_image i WHERE {where.sql} ORDER BY i.id {step.way} LIMIT {TEXT_WALK}"  # noqa: S608
    sql = (
        f"SELECT %s::text AS k, i.id FROM ({passed}) AS i WHERE {only.sql} ORDER BY i.id {step.way} LIMIT {step.limit}"  # noqa: S608
    )
    return Condition(sql, [key, *where.params, *only.params])


def _has_key(step: Step, key: str) -> Condition:
    """The CASE keeps the planner from looking for it by an index."""
    return Condition(f"CASE WHEN {step.order.sql} = %s THEN 1 END = 1", [key])


def _all_of_few(selected: Selected, step: Step, few: list[tuple[str, int]]) -> Condition:
    """Of (key, combination), in one query for all keys."""
    keys = list(dict.fromkeys(key for key, _ in few))
    places = {key: place for place, key in enumerate(keys, 1)}
    where = ALWAYS
    if step.after is not None and step.after[0] in places:
        where = Condition(f"c.place <> %s OR p.id {step.sign} %s::uuid", [places[step.after[0]], step.after[1]])
    params: list[Any] = [keys, listed(selected, [row for _, row in few]), [places[key] for key, _ in few]]
    sql = (
        "SELECT (%s::text[])[c.place] AS k, p.id FROM unnest(%s::bigint[], %s::int[]) AS c(f, place)"  # noqa: S608
        " CROSS JOIN LATERAL (SELECT i.id FROM catalog_image i WHERE i.facets = c.f OFFSET 0) AS p"
        f" WHERE {where.sql}"
    )
    return Condition(sql, [*params, *where.params])
