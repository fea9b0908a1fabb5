"""How the next images of a list are found: SQL that gives the keys and ids of some rows behind a position, nearest
first, in a time that does not depend on how many images there are.

The way there is chosen by what the counts say, not by the planner's guess (`Selected` is exact, pg_trgm's estimates are
not). Of M images selected among the team's N, in C combinations of facet values:

- few (M² < 2 · limit · N): all of them, found by their combinations, then sorted;
- many, by a key of the images' own, as a name or a time: along that order's index, past what is not selected. Where the
  selected ones lie together at its far end that is long, so it ends after about as many rows as the other way costs:
  the first image of each combination, then the next ones of the `limit` combinations that come first;
- many, by a key that follows from facet values: value by value (catalog/value_walks.py);
- with words, which no count knows: what they find, where that is known to be little; else one of the above, with the
  words looked for row by row, up to so many rows that finding all is less.
"""

from catalog.browse import ImageFilter
from catalog.selection import Condition, all_of, by_text, of_team
from catalog.steps import (
    ALWAYS,
    LONGEST_PAGE,
    NOTHING,
    PASSED,
    TEXT_WALK,
    Selected,
    Step,
    first_of,
    found,
    gathered,
    is_selected,
    selected_numbers,
    to_the_end,
    with_words,
)
from catalog.value_walks import by_value, by_value_with_words

LEAST_WALK = 500  # rows along an index
DESCENT = 4  # so many of them cost what finding the first image of a combination does
GLANCE = 2_000  # so many images are looked through before an index is asked for words


def walk(asked: ImageFilter, selected: Selected, step: Step) -> Condition:
    """SQL that gives k and id of the rows of a step, and perhaps of some behind them."""
    if not selected.images or 0 in (selected.hits, selected.found):
        return NOTHING
    text = by_text(asked)
    if text is not None:
        return step.sorted(_by_text(asked, selected, step, text))
    if step.is_few(selected.images, selected.team):
        return step.sorted(gathered(asked, selected, step))
    if step.order.axis:
        return step.sorted(by_value(asked, selected, step))
    return _along(asked, selected, step)


def count_by_facets(asked: ImageFilter, selected: Selected, most: int) -> Condition:
    """SQL that counts what the filter selects, up to `most`."""
    ids = ids_by_facets(asked, selected, most)
    return Condition(f"SELECT count(*) FROM ({ids.sql}) AS found", ids.params)  # noqa: S608


def ids_by_facets(asked: ImageFilter, selected: Selected, most: int) -> Condition:
    """SQL that gives the ids of what the filter selects, up to `most`, in no order."""
    where = with_words(asked, selected, by_text(asked) or ALWAYS)
    return Condition(f"SELECT i.id FROM catalog_image i WHERE {where.sql} LIMIT {most}", where.params)  # noqa: S608


def _along(asked: ImageFilter, selected: Selected, step: Step) -> Condition:
    patience = step.patience(selected.images, selected.team)
    if step.limit > LONGEST_PAGE:
        whole = to_the_end(_passed(asked, step, patience), patience)
        return first_of(step, _walked(asked, selected, step, patience), gathered(asked, selected, step), whole)
    bound = max(LEAST_WALK, min(patience, DESCENT * selected.combinations))
    leading = _leading(asked, selected, step)
    return leading if patience > 4 * bound else first_of(step, _walked(asked, selected, step, bound), leading)


def _walked(asked: ImageFilter, selected: Selected, step: Step, bound: int, text: Condition = ALWAYS) -> Condition:
    """Along the index of the order, past `bound` rows at most."""
    passed, only = _passed(asked, step, bound), all_of(is_selected(selected), text)
    order = f"ORDER BY k {step.way}, id {step.way} LIMIT {step.limit}"
    return Condition(f"SELECT k, id FROM ({passed.sql}) AS i WHERE {only.sql} {order}", [*passed.params, *only.params])  # noqa: S608


def _passed(asked: ImageFilter, step: Step, bound: int) -> Condition:
    key, where = step.order.sql, all_of(of_team(asked), step.behind(step.order.sql))
    order = f"ORDER BY {key} {step.way}, i.id {step.way} LIMIT {bound}"
    return Condition(f"SELECT {key} AS k, {PASSED} FROM catalog_image i WHERE {where.sql} {order}", where.params)  # noqa: S608


def _leading(asked: ImageFilter, selected: Selected, step: Step) -> Condition:
    """The next image of each combination, then the next ones of those combinations that come first: the rows of a page
    are of no others.
    """
    key, where, table = step.order.sql, step.behind(step.order.sql), selected_numbers(asked, selected)

    def next_ones(limit: int) -> str:
        order = f"ORDER BY {key} {step.way}, i.id {step.way} LIMIT {limit}"
        return f"(SELECT {key} AS k, i.id FROM catalog_image i WHERE i.facets = c.f AND {where.sql} {order}) AS p"  # noqa: S608

    sort = f"ORDER BY p.k {step.way}, p.id {step.way} LIMIT {step.limit}"
    first = f"SELECT c.f FROM {table.sql} CROSS JOIN LATERAL {next_ones(1)} {sort}"  # noqa: S608
    sql = f"SELECT p.k, p.id FROM ({first}) AS c CROSS JOIN LATERAL {next_ones(step.limit)} {sort}"  # noqa: S608
    return Condition(sql, [*table.params, *where.params, *where.params])


def _by_text(asked: ImageFilter, selected: Selected, step: Step, text: Condition) -> Condition:
    """With words, or with distributions no count knows."""
    if selected.images <= max(GLANCE, selected.hits or 0):
        return gathered(asked, selected, step, text=text)
    everything = found(asked, selected, step, text)
    if selected.hits is not None or step.is_far(selected.found, selected.team):
        return everything
    if step.order.axis:
        return by_value_with_words(asked, selected, step, text) if selected.seen else everything
    is_page, patience = step.limit <= LONGEST_PAGE, step.patience(selected.images, selected.team)
    bound = TEXT_WALK if is_page else max(TEXT_WALK, patience)
    return first_of(step, _walked(asked, selected, step, bound, text), everything)
