"""The SQL of a filter: what selects its images, and the rows that count them. Parameters stay parameters; columns are
literals.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from catalog.browse import NOTHING, Choice, ImageFilter
from catalog.orders import ORDERS
from catalog.providers.systems import KNOWN_DISTRIBUTIONS
from catalog.search import covering_patterns, fold, has_trigrams, is_piece, query_pieces

# Each dimension's column, of catalog_image and of catalog_facetcount alike.
COLUMNS = {
    "type": "type",
    "os": "os",
    "distribution": "distribution_facet",
    "os_version": "os_version_facet",
    "arch": "arch",
    "visibility": "visibility",
    "source": "source_id",
    "region": "region",
    "state": "state",
    "label": "labels",
    "star": "starred",
}
_KNOWN = frozenset(KNOWN_DISTRIBUTIONS) | {"other", "unknown"}


class Condition(NamedTuple):
    """SQL that is true for what is selected, and its parameters."""

    sql: str
    params: list[Any]


def all_of(*conditions: Condition) -> Condition:
    sql = " AND ".join(f"({one.sql})" if " OR " in one.sql else one.sql for one in conditions)
    return Condition(sql or "true", [param for one in conditions for param in one.params])


def of_team(asked: ImageFilter, alias: str = "i", *, by_index: bool = True) -> Condition:
    """The CASE keeps the planner from looking for the team in an index of words."""
    if not by_index:
        return Condition(f"CASE WHEN {alias}.team_id = %s THEN 1 END = 1", [asked.team_id])
    return Condition(f"{alias}.team_id = %s", [asked.team_id])


def chosen(asked: ImageFilter, alias: str = "i", leave_out: Collection[str] = ()) -> Condition:
    """What the choices select, all but those of some dimensions. Neither the team nor the search is in it."""
    parts = [one for d in COLUMNS if d not in leave_out for one in _conditions(d, asked.choice(d), alias)]
    return all_of(*parts, *(supported(asked, alias) if "support" not in leave_out else ()))


def matching(asked: ImageFilter, alias: str = "i") -> Condition:
    """Everything the filter asks of catalog_image: team, choices and search."""
    parts = [of_team(asked, alias), chosen(asked, alias)]
    return all_of(*parts, *filter(None, [searched(asked, alias)]))


def searched(asked: ImageFilter, alias: str = "i", *, by_index: bool = False) -> Condition | None:
    """What selects the images that have every word, None without a search.

    A word without trigrams is sought by its pieces (catalog/search.py), the text then only where these are; one of
    signs alone is passed over. `by_index` is for a query that goes by the index of words: it is asked for as few
    trigrams as cover a word, and COLLATE keeps the planner from asking it for the others too.
    """
    if not asked.q:
        return None
    found = []
    for word in fold(asked.q).split():
        if has_trigrams(word):
            pattern = re.sub(r"([\\%_])", r"\\\1", word)
            covering = covering_patterns(word) if by_index else []
            found += [Condition(f"{alias}.search_text LIKE %s", [one]) for one in covering]
            collated = ' COLLATE "C"' * bool(covering)
            found.append(Condition(f"{alias}.search_text{collated} LIKE %s", [f"%{pattern}%"]))
        elif pieces := query_pieces(word):
            found.append(Condition(f"{alias}.search_pieces @> %s::text[]", [pieces]))
            if not is_piece(word):
                found.append(Condition(f"strpos({alias}.search_text, %s) > 0", [word]))
    return all_of(*found) if found else Condition("false", [])


def by_text(asked: ImageFilter, alias: str = "i") -> Condition | None:
    """What the filter asks for that no combination of facet values tells: words, distributions of somebody's own."""
    parts = [searched(asked, alias)]
    if foreign_distributions(asked):
        parts.append(all_of(*_distribution(asked.choices["distribution"], alias)))
    found = list(filter(None, parts))
    return all_of(*found) if found else None


def foreign_distributions(asked: ImageFilter) -> list[str]:
    """Distributions asked for that the table does not know, in small letters: they have no count of their own."""
    choice = asked.choices.get("distribution", NOTHING)
    return _split((*choice.wanted, *choice.unwanted))[1]


def _conditions(dimension: str, choice: Choice, alias: str) -> Iterator[Condition]:
    column, cast = f"{alias}.{COLUMNS[dimension]}", ""
    wanted, unwanted = list(choice.wanted), list(choice.unwanted)
    if dimension in _OWN_WAY:
        yield from _OWN_WAY[dimension](choice, alias)
        return
    if dimension == "source":
        cast, wanted, unwanted = "::uuid[]", list(filter(_is_uuid, wanted)), list(filter(_is_uuid, unwanted))
    if choice.wanted:
        yield Condition(f"{column} = ANY(%s{cast})", [wanted])
    if unwanted:
        yield Condition(f"{column} <> ALL(%s{cast})", [unwanted])


def _distribution(choice: Choice, alias: str) -> Iterator[Condition]:
    """A known distribution by its facet; any other text, whatever its case, among those grouped under "other"."""
    column, text = f"{alias}.distribution_facet", f"lower({alias}.distribution)"
    known, foreign = _split(choice.wanted)
    if foreign and not known:
        yield called(foreign, alias)
    elif foreign:
        yield Condition(f"{column} = ANY(%s) OR {column} = 'other' AND {text} = ANY(%s)", [known, foreign])
    elif known:
        yield Condition(f"{column} = ANY(%s)", [known])
    known, foreign = _split(choice.unwanted)
    if known:
        yield Condition(f"{column} <> ALL(%s)", [known])
    if foreign:
        yield Condition(f"{column} <> 'other' OR {text} <> ALL(%s)", [foreign])


def called(names: Sequence[str], alias: str) -> Condition:
    """Of the images whose distribution is under "other", those called so, in small letters; the ranges are for the
    index of own systems (catalog/orders.py).
    """
    assert ORDERS["os"].own is not None
    key, which = (part.replace("i.", f"{alias}.") for part in ORDERS["os"].own)
    start = "lower(left(%s, 60))"
    one = f"({key} >= ({start} || ' ') COLLATE \"C\" AND {key} < ({start} || '!') COLLATE \"C\")"
    ranges = " OR ".join([one] * len(names))
    sql = f"{which} AND ({ranges}) AND lower({alias}.distribution) = ANY(%s)"
    return Condition(sql, [*(name for name in names for _ in "<>"), list(names)])


def _labels(choice: Choice, alias: str) -> Iterator[Condition]:
    """An image has several labels: one wanted suffices, one unwanted excludes. "unknown" is having none."""
    column, none = f"{alias}.labels", f"{alias}.labels = '{{}}'"
    wanted = [label for label in choice.wanted if label != "unknown"]
    unwanted = [label for label in choice.unwanted if label != "unknown"]
    if choice.wanted:
        yield Condition(f"{column} && %s::varchar[]" + f" OR {none}" * ("unknown" in choice.wanted), [wanted])
    if unwanted:
        yield Condition(f"NOT {column} && %s::varchar[]", [unwanted])
    if "unknown" in choice.unwanted:
        yield Condition(f"{alias}.labels <> '{{}}'", [])


def _star(choice: Choice, alias: str) -> Iterator[Condition]:
    allowed = [starred for value, starred in (("yes", True), ("no", False)) if choice.allows(value)]
    if len(allowed) < 2:
        yield Condition(f"{alias}.starred = ANY(%s::boolean[])", [allowed])


_OWN_WAY = {"distribution": _distribution, "label": _labels, "star": _star}


def supported(asked: ImageFilter, alias: str) -> Iterator[Condition]:
    """What the choice of OS support selects, if there is one: by the pairs of distribution and version in the states
    chosen, or, since what is unknown has no pairs, by those that are not.
    """
    choice = asked.choices.get("support", NOTHING)
    if not choice:
        return
    dated, unknown = asked.systems.dated(asked.team_id), choice.allows("unknown")
    systems = [pair for state, found in dated.items() if choice.allows(state) != unknown for pair in found.items()]
    one = f"{alias}.distribution_facet = %s AND {alias}.os_version_facet = ANY(%s)"
    sql = " OR ".join([one] * len(systems)) or "false"
    yield Condition(f"NOT ({sql})" if unknown else sql, [value for pair in systems for value in pair])


def _split(values: Sequence[str]) -> tuple[list[str], list[str]]:
    return [v for v in values if v in _KNOWN], [v.lower() for v in values if v not in _KNOWN]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
