"""What a search finds, looked up itself, as no counts are kept of words: how many images of each combination, and where
these lie if all of them are few.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import xor
from typing import Any

from catalog.browse import Choice, ImageFilter
from catalog.combinations import BURIED_NOW, holds_most, is_buried
from catalog.selection import Condition, all_of, called, of_team
from catalog.steps import DIGEST, Places, Selected

MOST = 10_000  # are counted
MOST_PLACES = 5_000  # with more hits the images of a page are found some other way

# A combination's number, how many images of it a search finds, the distribution that has no count of its own if that
# is asked for, and, if all that are found are few, these images' places as a tid[] and the digest of their ids.
Hit = tuple[int, int, str | None, str | None, int | None]


def looked_at() -> int:
    """So many images a search looks at: some more than MOST, since a few of them are not selected."""
    return MOST + MOST // 16


def looked_up(asked: ImageFilter, words: Condition | None, foreign: list[str]) -> tuple[str, list[Any]]:
    """SQL that gives what a search finds, each a Hit, as JSON; the images of distributions that have no count of
    their own, if nothing is searched but these.
    """
    text = "CASE WHEN i.distribution_facet = 'other' THEN lower(i.distribution) END" if foreign else "NULL"
    by = "facets, text" if foreign else "facets"
    where = all_of(of_team(asked, by_index=not holds_most(asked.team_id)), words or called(foreign, "i"))
    columns, params = f"i.id, i.ctid AS at, i.facets, {text} AS text", where.params
    rows = f"SELECT {columns} FROM catalog_image i WHERE {where.sql}"  # noqa: S608
    if is_buried(asked.team_id):  # each of its images, by its combination; unless all have come to light meanwhile
        rows = (
            "(SELECT p.* FROM catalog_facetcount k CROSS JOIN LATERAL"  # noqa: S608
            f" ({rows} AND i.facets = k.facets OFFSET 0) AS p WHERE k.team_id = %s AND k.n > 0 AND {BURIED_NOW})"
            f" UNION ALL ({rows} AND NOT {BURIED_NOW})"
        )
        team = asked.team_id
        params = [*params, team, team, team, *params, team, team]
    are_few = "FILTER (WHERE (SELECT are FROM few))"
    return (
        f"WITH found AS MATERIALIZED ({rows}"  # noqa: S608
        f" LIMIT {looked_at() + 1}), few AS (SELECT count(*) <= {min(MOST_PLACES, looked_at())} AS are FROM found)"
        f" SELECT json_agg(json_build_array(facets, n, {'text' if foreign else 'NULL'}, places::text, ids))::text"
        f" FROM (SELECT {by}, count(*) AS n, array_agg(at) {are_few} AS places, {DIGEST} {are_few} AS ids"
        f" FROM found GROUP BY {by}) AS grouped",
        params,
    )


def placed(asked: ImageFilter, selected: Selected, listed: Sequence[Hit]) -> Selected:
    """With how many of the images that a search finds are selected, and where these are unless they are too many."""
    others, rows, choice = set(selected.others), selected.kept.combinations.rows, asked.choice("distribution")
    named = (hit for hit in listed if hit[2] is None or allows_name(choice, hit[2]))
    here = [hit for hit in named if rows[hit[0]] not in others]
    lists = [(places[1:-1], ids) for *_, places, ids in here if places is not None and ids is not None]
    at = f"{{{','.join(places for places, _ in lists)}}}"
    places = Places(at, reduce(xor, (ids for _, ids in lists), 0)) if len(lists) == len(here) else None
    return replace(selected, found=sum(n for _number, n, *_ in here), places=places)


def allows_name(choice: Choice, name: str) -> bool:
    """A distribution under "other" is that, and what it is called."""
    lowered = Choice(tuple(map(str.lower, choice.wanted)), tuple(map(str.lower, choice.unwanted)))
    return lowered.allows_any({"other", name})
