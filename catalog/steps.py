"""One step through a list of images, and the SQL that every way of making it is put together from (catalog/walks.py).

The SQL of a way gives `k` and `id`, the sort key and the id of images. `i` is the image, `c.f` the number of a
combination of facet values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from uuid import UUID

from catalog.browse import ImageFilter
from catalog.combinations import Tally, holds_most
from catalog.orders import Order
from catalog.selection import Condition, all_of, of_team

LONGEST_PAGE = 200  # what is longer is a batch of all there is
# What of the images that were passed is looked at, words included.
PASSED = "i.id, i.facets, i.search_text, i.search_pieces, i.distribution, i.distribution_facet, i.os_version"
TEXT_WALK = 20_000  # rows along an index, each looked through for words
DIGEST = "bit_xor(uuid_hash_extended(id, 0))"  # of which images there are, in any order
NOTHING = Condition("SELECT NULL::text AS k, NULL::uuid AS id WHERE false", [])
ALWAYS = Condition("true", [])
NEVER = Condition("false", [])


class Places(NamedTuple):
    """Where images were met, as a tid[], and the DIGEST of which ones."""

    at: str
    ids: int


@dataclass(frozen=True, slots=True)
class Selected:
    """What the choices of a filter select, whatever is searched: of the combinations that are kept all but those in the
    rows `others`; `images` in all.

    `hits` is how many images the search finds, all choices aside, where that is known, `found` how many of these are
    selected, and `places` where these were, if the hits are few. Of a search that finds too many to count,
    `seen` is how many were met of the combination in each row.
    """

    kept: Tally
    others: Sequence[int]
    images: int
    hits: int | None = None
    found: int | None = None
    places: Places | None = None
    seen: Mapping[int, int] = field(default_factory=dict)

    @property
    def team(self) -> int:
        """How many images there are, those included that nobody sees yet: an index leads past them too."""
        return self.kept.images + self.kept.combinations.hidden

    @property
    def counts(self) -> list[int]:
        """As those of `kept`, of what is selected."""
        found = self.kept.counts.copy()
        for row in self.others:
            found[row] = 0
        return found

    @property
    def rows(self) -> list[int]:
        """The combinations that are selected."""
        return [row for row, n in enumerate(self.counts) if n]

    def of(self, rows: Iterable[int]) -> list[int]:
        """Those of these combinations that are selected."""
        counts = self.counts
        return [row for row in rows if counts[row]]

    @property
    def combinations(self) -> int:
        """How many those are."""
        return self.kept.used - len(self.others)

    @property
    def is_mostly_others(self) -> bool:
        return 2 * len(self.others) > self.kept.used


@dataclass(frozen=True, slots=True)
class Step:
    """The next `limit` rows behind `after`, which is a key and an id; `falling` is the way."""

    order: Order
    falling: bool
    limit: int
    after: tuple[Any, UUID] | None = None

    @property
    def way(self) -> str:
        return "DESC" if self.falling else "ASC"

    @property
    def sign(self) -> str:
        return "<" if self.falling else ">"

    def behind(self, key: str) -> Condition:
        """Of the images whose key is this SQL."""
        if self.after is None:
            return ALWAYS
        return Condition(f"({key}, i.id) {self.sign} (%s::{self.order.type}, %s::uuid)", list(self.after))

    def sorted(self, rows: Condition) -> Condition:
        """The first ones of a way."""
        order = f"ORDER BY k{self.order.collated} {self.way}, id {self.way} LIMIT {self.limit}"
        return Condition(f"SELECT k, id FROM ({rows.sql}) AS unsorted {order}", rows.params)  # noqa: S608

    def patience(self, images: int, team: int) -> int:
        """How many rows to pass until the step is made, where so many images of the team's lie evenly among all; eight
        times as many, as they do not quite.
        """
        return 8 * self.limit * team // images

    def is_far(self, images: int | None, team: int) -> bool:
        """Whether so many images, if that is known, lie too far apart to walk to a page of them and look for words."""
        return images is not None and 2 * self.limit * team > TEXT_WALK * images

    def is_few(self, images: int, team: int) -> bool:
        """Then looking at all of so many images is less than walking past those between them, a team's all in all."""
        return images * images < 2 * self.limit * team


def listed(selected: Selected, rows: Iterable[int]) -> str:
    """The numbers of these combinations, as a bigint[]."""
    return "{" + ",".join(map(selected.kept.combinations.numbers.__getitem__, rows)) + "}"


def numbers(selected: Selected, rows: Iterable[int]) -> Condition:
    """A table c of the numbers of these combinations."""
    return Condition("unnest(%s::bigint[]) AS c(f)", [listed(selected, rows)])


def selected_numbers(asked: ImageFilter, selected: Selected) -> Condition:
    """The same of those that are selected; by way of the others, where those are fewer."""
    if selected.is_mostly_others:
        return numbers(selected, selected.rows)
    sql = (
        "(SELECT k.facets AS f FROM catalog_facetcount k WHERE k.team_id = %s AND k.n > 0"
        " AND NOT k.facets = ANY(%s::bigint[])) AS c"
    )
    return Condition(sql, [asked.team_id, listed(selected, selected.others)])


def is_selected(selected: Selected) -> Condition:
    """That an image has a combination that is selected; that it has none of the others, where those are fewer."""
    if not selected.others:
        return ALWAYS
    if selected.is_mostly_others:
        return has(selected, selected.rows)
    return has(selected, selected.others, "0 ELSE 1")


def has(selected: Selected, rows: Iterable[int], then: str = "1") -> Condition:
    """That an image has one of these combinations. The CASE keeps the planner from looking for it by an index."""
    return Condition(f"CASE WHEN i.facets = ANY(%s::bigint[]) THEN {then} END = 1", [listed(selected, rows)])


def gathered(asked: ImageFilter, selected: Selected, step: Step, rows: list[int] | None = None,
             text: Condition = ALWAYS) -> Condition:  # fmt: skip
    """All images of these combinations (of all that are selected) that lie behind the position. The OFFSET keeps the
    planner from another way.
    """
    table = selected_numbers(asked, selected) if rows is None else numbers(selected, rows)
    where = all_of(text, step.behind(f"{step.order.sql}{step.order.collated}"))
    inner = f"SELECT {step.order.sql} AS k, i.id FROM {images(step)} WHERE i.facets = c.f AND {where.sql} OFFSET 0"  # noqa: S608
    sql = f"SELECT p.k, p.id FROM {table.sql} CROSS JOIN LATERAL ({inner}) AS p"  # noqa: S608
    return Condition(sql, [*table.params, *where.params])


def with_words(asked: ImageFilter, selected: Selected, text: Condition, rows: list[int] | None = None) -> Condition:
    """What selects the images of these combinations (of all that are selected) in which the words are. Where these are
    fewer than the others, the database may meet their index with that of the words.
    """
    of_its_team = of_team(asked, by_index=not holds_most(asked.team_id))
    if rows is None and 2 * selected.images > selected.team:
        return all_of(of_its_team, text, is_selected(selected))
    numbers = listed(selected, selected.rows if rows is None else rows)
    return all_of(of_its_team, text, Condition("i.facets = ANY(%s::bigint[])", [numbers]))


def found(asked: ImageFilter, selected: Selected, step: Step, text: Condition,
          rows: list[int] | None = None) -> Condition:  # fmt: skip
    """All of `with_words` that lie behind the position; the OFFSET keeps the planner from looking along an order."""
    key = f"{step.order.sql} AS k, i.id FROM {images(step)}"
    where = all_of(with_words(asked, selected, text, rows), step.behind(f"{step.order.sql}{step.order.collated}"))
    looked_up = Condition(f"SELECT {key} WHERE {where.sql} OFFSET 0", where.params)
    if selected.places is None:
        return looked_up
    # An image that is written anew moves, and another may take its place: unless the same ones are there, they are
    # looked up again. The CASE keeps the planner from looking for the words by their index.
    where, behind = all_of(of_team(asked), text), step.behind(f"i.k{step.order.collated}")
    sql = (
        f"WITH placed AS MATERIALIZED (SELECT {key} WHERE i.ctid = ANY(%s::tid[])"  # noqa: S608
        f" AND CASE WHEN {where.sql} THEN 1 END = 1),"
        f" moved AS MATERIALIZED (SELECT (SELECT coalesce({DIGEST}, 0) FROM placed) <> %s AS is_so)"
        f" SELECT i.k, i.id FROM placed AS i WHERE NOT (SELECT is_so FROM moved) AND {behind.sql}"
        f" UNION ALL SELECT k, id FROM ({looked_up.sql}) AS again WHERE (SELECT is_so FROM moved)"
    )
    return Condition(sql, [selected.places.at, *where.params, selected.places.ids, *behind.params, *looked_up.params])


def images(step: Step) -> str:
    """The images, with their sources where the key needs them."""
    return "catalog_image i" + " JOIN catalog_source s ON s.id = i.source_id" * ("s." in step.order.sql)


def first_of(step: Step, walked: Condition, otherwise: Condition, whole: Condition = NEVER) -> Condition:
    """What was met on a walk that ends somewhere, or the other way where that was not enough; it is if there was no
    more to meet (`whole`, which is looked at only then).
    """
    sql = (
        f"WITH walked AS MATERIALIZED ({walked.sql}), enough AS MATERIALIZED"  # noqa: S608
        f" (SELECT CASE WHEN (SELECT count(*) FROM walked) >= {step.limit} THEN true ELSE {whole.sql} END AS is_so)"
        " SELECT k, id FROM walked WHERE (SELECT is_so FROM enough)"
        f" UNION ALL SELECT k, id FROM ({otherwise.sql}) AS o WHERE NOT (SELECT is_so FROM enough)"
    )
    return Condition(sql, [*walked.params, *whole.params, *otherwise.params])


def to_the_end(passed: Condition, bound: int) -> Condition:
    """That a walk of at most `bound` rows met less than these: it came to the end."""
    return Condition(f"(SELECT count(*) FROM ({passed.sql}) AS passed) < {bound}", passed.params)  # noqa: S608
