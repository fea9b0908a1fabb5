"""The facet counts, held against the images themselves: what `manage facets_verify` tells, and mends.

The triggers keep the counts (migration 0003), so there is never a difference, unless somebody went past them.
"""

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from accounts import audit
from accounts.models import Team
from catalog.locks import lock_source
from catalog.models import FACETS

MOST_TOLD = 1_000
COLUMNS = [f"{name}_id" if name in ("team", "source") else name for name in FACETS]
_COLUMNS = ", ".join(COLUMNS)
_TEXTS = ", ".join(f"{column}::text" for column in COLUMNS[1:])
# One statement, hence one moment. A number that does not belong to its values is a difference too.
_BOTH = f"""
    WITH counted AS MATERIALIZED (
        SELECT {_COLUMNS}, facets, count(*) AS n FROM catalog_image WHERE team_id = %(team)s GROUP BY {_COLUMNS}, facets
    ), kept AS (
        SELECT {_COLUMNS}, facets, n FROM catalog_facetcount WHERE team_id = %(team)s AND n <> 0
    )"""  # noqa: S608
_WRONG = f"counted FULL JOIN kept USING ({_COLUMNS}, facets) WHERE counted.n IS DISTINCT FROM kept.n"
_COMPARE = f"""{_BOTH}
    SELECT (SELECT count(*) FROM counted), (SELECT coalesce(sum(n), 0)::bigint FROM counted), ARRAY(
        SELECT json_build_array(ARRAY[{_TEXTS}], coalesce(kept.n, 0), coalesce(counted.n, 0))
        FROM {_WRONG} ORDER BY {_COLUMNS} LIMIT {MOST_TOLD}
    )"""  # noqa: S608
_WRONG_SOURCES = f"{_BOTH} SELECT source_id, count(*) FROM {_WRONG} GROUP BY source_id"  # noqa: S608
_EMPTY = "DELETE FROM catalog_facetcount WHERE source_id = %s"
_FILL = f"""
    INSERT INTO catalog_facetcount ({_COLUMNS}, n)
    SELECT {_COLUMNS}, count(*) FROM catalog_image WHERE source_id = %s GROUP BY {_COLUMNS} ORDER BY {_COLUMNS}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Difference:
    """`values` are those of COLUMNS but the team's, as text."""

    values: dict[str, str]
    kept: int
    counted: int


@dataclass(slots=True)
class Verdict:
    """So many combinations of facet values and images there are; at most MOST_TOLD differences a team."""

    combinations: int = 0
    images: int = 0
    differences: list[Difference] = field(default_factory=list)


def verify(team_ids: list[UUID]) -> Verdict:
    """Each team as it is at one moment; writers are not held up."""
    found = Verdict()
    for team_id in team_ids:
        with connection.cursor() as cursor:
            cursor.execute(_COMPARE, {"team": team_id})
            combinations, images, differences = cursor.fetchone()
        found.combinations += combinations
        found.images += images
        found.differences += [_difference(*one) for one in differences]
    return found


def _difference(values: list[Any], kept: int, counted: int) -> Difference:
    return Difference(dict(zip(COLUMNS[1:], values, strict=True)), kept, counted)


def repair(team_ids: list[UUID], actor: str, team: Team | None) -> None:
    """Count the sources that differ anew, in one transaction, while nobody else may write their images. One audit row
    of what was mended, where anything was: of `team`, or of none for all of them.
    """
    with transaction.atomic():
        locked = sorted(_wrong_sources(team_ids))
        for source_id in locked:
            lock_source(source_id)
        wrong = _wrong_sources(team_ids)  # as it is now that nobody writes
        mended = [source_id for source_id in locked if source_id in wrong]
        with connection.cursor() as cursor:
            for source_id in mended:
                cursor.execute(_EMPTY, [source_id])
                cursor.execute(_FILL, [source_id])
        if mended:
            changes = {"differences": sum(wrong[source_id] for source_id in mended), "sources": len(mended)}
            audit.record(team, actor, "counts.repaired", changes=changes)


def _wrong_sources(team_ids: list[UUID]) -> dict[UUID, int]:
    """How many differences each source of these teams has that has any."""
    found: dict[UUID, int] = {}
    with connection.cursor() as cursor:
        for team_id in team_ids:
            cursor.execute(_WRONG_SOURCES, {"team": team_id})
            found |= cursor.fetchall()
    return found
