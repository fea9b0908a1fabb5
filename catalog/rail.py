"""The facet rail: each dimension with its values, how many images each would show, and which are chosen."""

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from html import escape

from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from catalog.browse import NOTHING, Chip, Choice, ImageFilter
from catalog.counts import Counts
from catalog.labels import DIMENSIONS
from catalog.selection import foreign_distributions
from catalog.values import escaped

SHOWN = 6  # values of a facet before "n more"; a chosen one is always shown
MOST = 150  # what a page can carry; the most frequent ones
SEARCHABLE = 12
CUT = 8  # characters, if wide ones: a longer value may not fit into its line, and says itself in full when pointed at
SUGGESTED = 6
# A facet with no other values says nothing.
NOTHING_TO_CHOOSE = {"support": {"unknown"}, "label": {"unknown"}, "star": {"no"}}


@dataclass(frozen=True, slots=True)
class FacetValue:
    """One value. `field` is what its checkbox sends, with a "-" where the value is excluded."""

    value: str
    label: str
    n: int
    chosen: bool
    excluded: bool
    dom_id: str

    @property
    def field(self) -> str:
        return f"-{self.sent}" if self.excluded else self.sent

    @property
    def sent(self) -> str:
        return escaped(self.value)


@dataclass(frozen=True, slots=True)
class Facet:
    """`values` are its list items, `more` those that are folded away, so many; the rarest are `left_out`."""

    dimension: str
    label: str | Promise
    values: SafeString
    more: SafeString
    folded: int
    left_out: int

    @property
    def is_long(self) -> bool:
        return self.folded > SEARCHABLE


def facets(asked: ImageFilter, counts: Counts) -> list[Facet]:
    """Every facet that has something to choose, in the order of the page."""
    return [facet for d in DIMENSIONS if (facet := _facet(asked, counts, d))]


def _facet(asked: ImageFilter, counts: Counts, dimension: str) -> Facet | None:
    choice, found = asked.choices.get(dimension, NOTHING), counts.facets[dimension]
    values = [_value(asked, dimension, value, n, choice) for value, n in found.items()]
    values += [_value(asked, dimension, v, 0, choice) for v in (*choice.wanted, *choice.unwanted) if v not in found]
    # The most frequent first, what is not known last, whatever is chosen.
    values.sort(key=lambda v: (v.value in ("other", "unknown", "archived"), v.value == "unknown", -v.n, v.label))
    if not values or (dimension == "os_version" and not choice and not asked.choices.get("distribution")):
        return None  # versions say nothing without their distribution
    if dimension == "region" and len(values) < 2 and not choice:
        return None
    if found.keys() <= NOTHING_TO_CHOOSE.get(dimension, set()) and not choice:
        return None
    head = [value for place, value in enumerate(values) if place < SHOWN or value.chosen or value.excluded]
    rest = [value for value in values[SHOWN:] if not (value.chosen or value.excluded)]
    if len(rest) == 1:
        head, rest = values, []
    return Facet(
        dimension,
        DIMENSIONS[dimension],
        _items(dimension, head, counts.capped),
        _items(dimension, rest[:MOST], counts.capped),
        len(rest[:MOST]),
        max(0, len(rest) - MOST),
    )


def _value(asked: ImageFilter, dimension: str, value: str, n: int, choice: Choice) -> FacetValue:
    dom_id = f"f-{dimension}-{zlib.crc32(value.encode()):x}"
    label = asked.value_label(dimension, value)
    return FacetValue(value, label, n, value in choice.wanted, value in choice.unwanted, dom_id)


def _items(dimension: str, values: Iterable[FacetValue], capped: bool) -> SafeString:
    """An <li> a value. They are made here and not by a template, for a page has hundreds of them."""
    exclude, exclude_this, excluded = escape(_("Exclude")), escape(_("Exclude %(value)s")), escape(_("(excluded)"))
    language, least, found = get_language(), "+" if capped else "", []
    for v in values:
        label, field = escape(v.label), escape(v.field)
        box = f'<label><input type="checkbox" id="{v.dom_id}" name="{dimension}" value="{field}"'
        title = f' title="{label}"' if len(v.label) > CUT else ""
        box += f"{' checked' if v.chosen or v.excluded else ''}><bdi{title}>{label}</bdi>"
        n = f'<span class="n">{_grouped(v.n, language)}{least}</span></label>'
        if v.excluded:
            found.append(f'<li class="not">{box}<span class="sr">{excluded}</span>{n}</li>\n')
            continue
        button = f'<button class="exclude" name="{dimension}" value="-{field}" title="{exclude}"'
        button += f' aria-label="{exclude_this % {"value": label}}">−</button>'
        found.append(f"<li{' class="on"' if v.chosen else ''}>{box}{n}{button}</li>\n")
    return mark_safe("".join(found))  # noqa: S308 - every text was escaped


@lru_cache(maxsize=10_000)
def _grouped(n: int, language: str | None) -> str:
    """A number as the language writes it: the same ones come back with every page of a shelf."""
    return number_format(n, force_grouping=True)


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A value that goes on as a filter being typed begins, with the query string that has it."""

    label: str
    n: int
    query: str


def suggestions(asked: ImageFilter, counts: Counts) -> list[Suggestion]:
    """The most frequent values that hold what was typed so far of `asked.pending`, those that begin with it first."""
    if asked.pending is None or asked.pending.key not in DIMENSIONS:
        return []
    dimension, excluded, typed = asked.pending
    choice, begun = asked.choices.get(dimension, NOTHING), typed.casefold()
    found = []
    for value, n in counts.facets[dimension].items():
        label = asked.value_label(dimension, value)
        if value not in (*choice.wanted, *choice.unwanted) and begun in f"{label}\n{value}".casefold():
            rest = asked.toggled(dimension, value, exclude=excluded).query()
            last = value in ("other", "unknown"), not label.casefold().startswith(begun), -n
            found.append((last, Suggestion(label, n, rest)))
    return [one for _last, one in sorted(found, key=lambda one: one[0])[:SUGGESTED]]


@dataclass(frozen=True, slots=True)
class Removal:
    """A chip, and how many images its removal would leave; None where that is not known."""

    chip: Chip
    n: int | None


def removals(asked: ImageFilter, counts: Counts, without_search: int | None) -> list[Removal]:
    """For a filter that excludes everything: what each part of it takes away."""
    found = []
    for chip in asked.chips():
        if chip.dimension == "q":
            found.append(Removal(chip, without_search))
            continue
        choice = asked.choices[chip.dimension].without(chip.value)
        rest = asked.with_choice(chip.dimension, choice)
        # A distribution that has no count of its own cannot be told from the others under "other".
        uncounted = chip.dimension == "distribution" and choice and foreign_distributions(rest)
        left = None if uncounted else counts.with_choice(chip.dimension, rest.choice(chip.dimension))
        found.append(Removal(chip, left))
    return sorted(found, key=lambda removal: -(removal.n or 0))
