"""How many images a filter selects, and how many each value of each facet would: one query, whatever the size of the
shelf.

Without a search these are sums over catalog_facetcount, which triggers keep (migration 0003). A search has no counts
kept: then the matching images themselves are counted, up to MOST of them. A facet's counts leave out its own choice and
honour all others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import orjson
from django.db import connection

from catalog.browse import Choice, ImageFilter
from catalog.labels import DIMENSIONS
from catalog.selection import (
    COLUMNS,
    Condition,
    all_of,
    chosen,
    foreign_distributions,
    matching,
    of_team,
    searched,
    supported,
)

MOST = 10_000
VALUES = {"label": "to_json(b.labels)::text", "star": "CASE WHEN b.starred THEN 'yes' ELSE 'no' END"}
SEPARATOR = "\x1f"  # in no distribution of the table


@dataclass(slots=True)
class Counts:
    """`total` images are selected, of `shelf` in all (archived ones not). `capped` says that a search found more than
    MOST: then the facets' numbers are lower bounds, and `total` is one where it is above MOST.
    """

    total: int = 0
    shelf: int = 0
    capped: bool = False
    facets: dict[str, dict[str, int]] = field(default_factory=lambda: {d: {} for d in DIMENSIONS})
    label_sets: dict[tuple[str, ...], int] = field(default_factory=dict)

    @property
    def exact_total(self) -> int | None:
        return None if self.capped and self.total > MOST else self.total

    def with_choice(self, dimension: str, choice: Choice) -> int:
        """How many would be selected with this choice of the dimension instead."""
        if dimension == "label":  # an image has several, so the counts of its values do not add up
            return sum(n for labels, n in self.label_sets.items() if choice.allows_any(labels))
        return sum(n for value, n in self.facets[dimension].items() if choice.allows(value))

    def add_labels(self, labels: Sequence[str], n: int) -> None:
        found = tuple(labels) or ("unknown",)
        self.label_sets[found] = self.label_sets.get(found, 0) + n
        for label in found:
            self.facets["label"][label] = self.facets["label"].get(label, 0) + n


def count(asked: ImageFilter) -> Counts:
    """One query; a second one when a search finds more than MOST images."""
    base, found = _base(asked), Counts()
    parts = [
        *_facets(asked),
        _sum("'total'", "''", _chosen(asked)),
        _sum("'hits'", "''", Condition("b.counted", [])),
        Condition(
            "SELECT 'shelf', '', coalesce(sum(n), 0)::bigint FROM catalog_facetcount f"
            " WHERE f.team_id = %s AND f.state <> 'archived'",
            [asked.team_id],
        ),
    ]
    fits = all_of(*supported(asked, "a"))
    sql = f"WITH base AS MATERIALIZED (SELECT a.*, {fits.sql} AS fits FROM ({base.sql}) AS a) "  # noqa: S608
    sql += " UNION ALL ".join(part.sql for part in parts)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*fits.params, *base.params, *(param for part in parts for param in part.params)])
        for dimension, value, n in cursor.fetchall():
            if dimension == "total":
                found.total = n
            elif dimension == "shelf":
                found.shelf = n
            elif dimension == "hits":
                found.capped = n > MOST
            elif dimension == "support":  # pairs of distribution and version, brought to their states here
                state = asked.systems.state(*value.split(SEPARATOR, 1))
                found.facets[dimension][state] = found.facets[dimension].get(state, 0) + n
            elif dimension == "label" and n:
                found.add_labels(orjson.loads(value), n)
            elif n:
                found.facets[dimension][value] = n
    if found.capped:
        found.total = count_matching(asked)
    return found


def count_matching(asked: ImageFilter) -> int:
    """The selected images themselves, counted up to MOST + 1."""
    where = matching(asked)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM catalog_image i WHERE {where.sql} LIMIT {MOST + 1}) AS found"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(sql, where.params)
        return int(cursor.fetchone()[0])


def _sum(dimension: str, value: str, where: Condition) -> Condition:
    sql = f"SELECT {dimension}, {value}, coalesce(sum(n), 0)::bigint FROM base b WHERE {where.sql}"  # noqa: S608
    return Condition(sql, where.params)


def _chosen(asked: ImageFilter, leave_out: str = "") -> Condition:
    """Of the base's rows. Whether OS support `fits` was found out once a row, not anew for each facet: it is dear."""
    fits = [Condition("b.fits", [])] if leave_out != "support" else []
    return all_of(chosen(asked, "b", {leave_out, "support"}), *fits)


def _facets(asked: ImageFilter) -> Iterator[Condition]:
    for dimension, column in COLUMNS.items():
        where = _chosen(asked, dimension)
        value = VALUES.get(dimension, f"b.{column}::text")
        sql = f"SELECT '{dimension}', {value}, sum(n)::bigint FROM base b WHERE {where.sql} GROUP BY 2"  # noqa: S608
        yield Condition(sql, where.params)
    where = _chosen(asked, "support")
    pair = "b.distribution_facet || %s || b.os_version_facet"
    sql = f"SELECT 'support', {pair}, sum(n)::bigint FROM base b WHERE {where.sql} GROUP BY 2"  # noqa: S608
    yield Condition(sql, [SEPARATOR, *where.params])


def _base(asked: ImageFilter) -> Condition:
    """Rows of facet values with a count each: the kept ones, the images a search finds, or, for distributions the table
    does not know, the kept ones with the images under "other" in the place of their counts.
    """
    columns = ", ".join(COLUMNS.values())
    foreign, words = foreign_distributions(asked), searched(asked)
    if not foreign and not words:
        return _kept(columns, of_team(asked, "k"))
    text = "lower(distribution)" if foreign else "NULL::text"
    where = all_of(of_team(asked), words or Condition("i.distribution_facet = 'other'", []))
    counted = Condition(
        f"SELECT {columns}, {text} AS distribution, count(*) AS n, true AS counted FROM ("  # noqa: S608
        f"SELECT {columns}, distribution FROM catalog_image i WHERE {where.sql} LIMIT {MOST + 1}"
        f") AS found GROUP BY {columns}, {text}",
        where.params,
    )
    if words:
        return counted
    kept = _kept(columns, all_of(of_team(asked, "k"), Condition("k.distribution_facet <> 'other'", [])))
    return Condition(f"{kept.sql} UNION ALL {counted.sql}", [*kept.params, *counted.params])


def _kept(columns: str, where: Condition) -> Condition:
    return Condition(
        f"SELECT {columns}, NULL::text AS distribution, n, false AS counted FROM catalog_facetcount k"  # noqa: S608
        f" WHERE k.n > 0 AND {where.sql}",
        where.params,
    )
