"""What is being looked at: one object, read from a page's query string and written back as one.

The same object gives the words that describe it (`chips`) and the addresses of its neighbours (`toggled`, `sorted_by`,
`query`). Its SQL is in catalog.selection, counting in catalog.counts, pages in catalog.pages. The team is part of it,
so that no query can be made without one.

A query string holds, in any order, each as often as wanted: `type os distribution os_version arch visibility source
region state support label star` with values separated by commas (a backslash makes the next character mean itself),
`-value` to exclude, `unknown` for what is not known (a label: for none); `q` with words that must all be found, and
filters as people type them among them (catalog.typed), which become filters like the others; `sort` with a column, `-`
before it for descending. `page` and `size` belong to the page alone.
So does `view`: the saved view the page is in, by the start of its id, or `all` for none where a bare address would lead
to the team's default view. It filters nothing.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qsl, quote
from uuid import UUID

from django.http import QueryDict
from django.utils.translation import gettext as _

from catalog.columns import COLUMNS
from catalog.labels import DIMENSIONS, SHORT, source_names, value_label
from catalog.models import Source
from catalog.search import fold, is_at_starts
from catalog.supported import Systems
from catalog.typed import Filter, read, written
from catalog.values import CLOSED, canonical, escaped, is_none, split

PAGE_KEYS = ("page", "size")
SORTS = tuple(COLUMNS)
DEFAULT_SORT = "name"

LONGEST_VALUE = 200
MOST_VALUES = 200
MOST_WORDS = 10

_VIEW = re.compile(r"[0-9a-f]{8}((-[0-9a-f]{4}){3}-[0-9a-f]{12})?")
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # neither is PostgreSQL's


class UnknownFilter(Exception):
    """A query string that names something there is not; its text is one sentence. For commands, never for pages."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What is chosen of one dimension: any of `wanted` (all, if empty), none of `unwanted`."""

    wanted: tuple[str, ...] = ()
    unwanted: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.wanted or self.unwanted)

    def allows(self, value: str) -> bool:
        return (not self.wanted or value in self.wanted) and value not in self.unwanted

    def allows_any(self, values: Collection[str]) -> bool:
        """Of what has several values: one wanted is enough, one unwanted too many."""
        return (not self.wanted or not set(self.wanted).isdisjoint(values)) and set(self.unwanted).isdisjoint(values)

    def without(self, value: str) -> "Choice":
        return Choice(tuple(v for v in self.wanted if v != value), tuple(v for v in self.unwanted if v != value))


NOTHING = Choice()


@dataclass(frozen=True, slots=True)
class Chip:
    """One chosen value in words, and the query string without it."""

    dimension: str
    value: str
    label: str
    text: str
    excluded: bool
    query: str


@dataclass(frozen=True, slots=True)
class ImageFilter:
    team_id: UUID
    choices: Mapping[str, Choice] = field(default_factory=dict)
    q: str = ""
    sort: str = DEFAULT_SORT
    names: Mapping[str, str] = field(default_factory=dict)  # of the team's sources, by id
    notices: tuple[str, ...] = ()
    systems: Systems = field(default_factory=Systems, compare=False, repr=False)
    view: str = ""
    has_default: bool = field(default=False, compare=False)  # the team has a default view: "everything" must be said
    took: bool = field(default=False, compare=False)  # filters typed among the words are now choices
    pending: Filter | None = field(default=None, compare=False)  # the one that is still being typed

    def choice(self, dimension: str) -> Choice:
        """What holds for a dimension. Archived images are shown only to who asks for them."""
        choice = self.choices.get(dimension, NOTHING)
        if dimension == "state" and "archived" not in choice.wanted:
            return Choice(choice.wanted, (*choice.unwanted, "archived"))
        return choice

    @property
    def is_narrow(self) -> bool:
        return bool(self.q) or any(self.choices.values())

    def toggled(self, dimension: str, value: str, *, exclude: bool = False) -> "ImageFilter":
        """With this value chosen (or excluded), or without it if it was."""
        choice = self.choices.get(dimension, NOTHING)
        there = value in (choice.unwanted if exclude else choice.wanted)
        choice = choice.without(value)
        if not there and exclude:
            choice = Choice(choice.wanted, (*choice.unwanted, value))
        elif not there:
            choice = Choice((*choice.wanted, value), choice.unwanted)
        return self.with_choice(dimension, choice)

    def with_choice(self, dimension: str, choice: Choice) -> "ImageFilter":
        return replace(self, choices={**self.choices, dimension: choice})

    def sorted_by(self, column: str) -> "ImageFilter":
        """By this column, the other way round if it already is."""
        return replace(self, sort=f"-{column}" if self.sort == column else column)

    def without_search(self) -> "ImageFilter":
        return replace(self, q="")

    @property
    def at_starts(self) -> list[str]:
        """The words that are found at the starts of words alone (catalog/search.py)."""
        return [word for word in self.q.split() if is_at_starts(fold(word))]

    @property
    def typed(self) -> str:
        """The words as the search box holds them, and the address."""
        return " ".join(map(written, self.q.split()))

    def in_view(self, view: str, *, has_default: bool) -> "ImageFilter":
        return replace(self, view=view, has_default=has_default)

    def cleared(self) -> "ImageFilter":
        """Everything, in the same order and view."""
        return replace(self, choices={}, q="")

    def bare_query(self) -> str:
        """The canonical query string of filters and sort alone: what a view keeps and a cursor belongs to."""
        return self.in_view("", has_default=False).query()

    def query(self, **page: str) -> str:
        """The query string: canonical and short, "" for everything. `page` adds what belongs to the page alone."""
        pairs = [(d, ",".join(self._written(d))) for d in DIMENSIONS if self.choices.get(d)]
        pairs += [("q", self.typed)] if self.q else []
        pairs += [("sort", self.sort)] if self.sort != DEFAULT_SORT else []
        view = self.view or ("all" if self.has_default and not pairs else "")
        pairs += [("view", view)] if view else []
        pairs += [(key, value) for key, value in page.items() if value]
        return "&".join(f"{key}={quote(value, safe=',-._~')}" for key, value in pairs)

    def _written(self, dimension: str) -> list[str]:
        choice = self.choices[dimension]
        write = self._short_id if dimension == "source" else escaped
        return [*sorted(map(write, choice.wanted)), *("-" + v for v in sorted(map(write, choice.unwanted)))]

    def _short_id(self, source: str) -> str:
        alone = source in self.names and sum(name.startswith(source[:8]) for name in self.names) == 1
        return source[:8] if alone else escaped(source)

    def chips(self) -> list[Chip]:
        chips = []
        for dimension, label in DIMENSIONS.items():
            choice = self.choices.get(dimension, NOTHING)
            for excluded, values in ((False, choice.wanted), (True, choice.unwanted)):
                for value in values:
                    rest = self.with_choice(dimension, choice.without(value))
                    words = self.value_label(dimension, value)
                    chips.append(
                        Chip(dimension, value, str(SHORT.get(dimension, label)), words, excluded, rest.query())
                    )
        if self.q:
            chips.append(Chip("q", self.q, _("Search"), self.q, False, self.without_search().query()))
        return chips

    def value_label(self, dimension: str, value: str) -> str:
        return self.names.get(value, value) if dimension == "source" else value_label(dimension, value)


# Reading


def parse(
    query: "QueryDict | str", team_id: UUID, sources: Iterable[Source], *, strict: bool = False, typing: bool = False
) -> ImageFilter:
    """The filter a query string asks for, among the team's `sources`.

    What it does not understand is left out and told in `notices`; with `strict`, for commands, it raises UnknownFilter
    instead, since a filter that is not applied must never look like one that is. A value there is not does apply: it
    selects nothing, which is told. With `typing`, a filter at the end of the search is `pending` until something
    follows it.
    """
    names = {str(source_id): name for source_id, name in source_names(sources).items()}
    found: dict[str, list[str]] = {}
    notices: list[str] = []
    for key, value in _pairs(query):
        if key == "q" and _NO_TEXT.search(value):
            notices.append(_("The search held a character that no text can hold; it was left out."))
        value = _NO_TEXT.sub("" if key == "q" else "\ufffd", value)
        if key in DIMENSIONS or key in ("q", "sort") or (key == "view" and not strict):
            found.setdefault(key, []).append(value if key == "q" else value.strip())
        elif strict or key not in PAGE_KEYS:
            notices.append(_("There is no filter “%(key)s”.") % {"key": _cut(_NO_TEXT.sub("\ufffd", key))})
    typed = read(" ".join(found.get("q", [])), typing=typing)
    for key in typed.without_value:
        notices.append(_("After “%(key)s:” goes a value, without a space between them.") % {"key": key})
    choices = {}
    for d in DIMENSIONS:
        said = [Filter(d, *value) for text in found.get(d, ()) for value in split(text)]
        if choice := _choice([*said, *(one for one in typed.filters if one.key == d)], names, notices):
            choices[d] = choice
    if typed.signs:
        told_of = {"word": _cut(" ".join(typed.signs))}
        notices.append(_("“%(word)s” has no letter or digit, so it is not searched.") % told_of)
    words, all_of_them = typed.searched(MOST_WORDS, LONGEST_VALUE)
    if not all_of_them:
        notices.append(_("The search is too long; only its beginning is searched."))
    sorts = ["-" * one.excluded + one.value for one in typed.filters if one.key == "sort"]
    sort = _sort([*sorts, *found.get("sort", [])], notices)
    view = _view(found.get("view", []), notices)
    if strict and notices:
        raise UnknownFilter(notices[0])
    chosen = [(d, value) for d, choice in choices.items() for value in (*choice.wanted, *choice.unwanted)]
    notices += [_no_value(d, value) for d, value in chosen if is_none(d, value, names)]
    told = tuple(dict.fromkeys(notices))[:5]
    asked = ImageFilter(team_id, choices, " ".join(words), sort, names, told, view=view)
    return replace(asked, took=bool(typed.filters), pending=typed.pending)


def _pairs(query: "QueryDict | str") -> Iterable[tuple[str, str]]:
    if isinstance(query, str):
        try:
            return parse_qsl(query.removeprefix("?"), keep_blank_values=True, max_num_fields=1000)
        except ValueError:
            raise UnknownFilter(_("The query has too many parts.")) from None
    return ((key, value) for key, values in query.lists() for value in values)


def _choice(said: Iterable[Filter], names: Mapping[str, str], notices: list[str]) -> Choice:
    """Of one dimension. A value that is wanted here and excluded there is what was said of it last."""
    chosen: dict[tuple[bool, str], None] = {}
    for dimension, excluded, text in said:
        if not text:
            notices.append(_("“%(filter)s=-” names nothing to exclude.") % {"filter": dimension})
            continue
        values = canonical(dimension, text, names) if len(text) <= LONGEST_VALUE else [text]
        for value in values:
            if len(value) > LONGEST_VALUE or len(chosen) >= MOST_VALUES:
                left_out = _("“%(filter)s” has too many or too long values; some were left out.")
                notices.append(left_out % {"filter": dimension})
                continue
            chosen.pop((not excluded, value), None)
            chosen[excluded, value] = None
    return Choice(*(tuple(sorted((v for out, v in chosen if out is way), key=escaped)) for way in (False, True)))


def _no_value(dimension: str, value: str) -> str:
    if dimension == "source":
        return _("There is no source “%(value)s”.") % {"value": _cut(value)}
    known = {"value": _cut(value), "filter": dimension, "values": ", ".join(CLOSED[dimension])}
    return _("“%(value)s” is no value of “%(filter)s”, which has: %(values)s.") % known


def _sort(texts: list[str], notices: list[str]) -> str:
    """The first that is a column."""
    for text in filter(None, texts):
        if text.removeprefix("-") in SORTS:
            return text
        notices.append(_("There is no column “%(column)s” to sort by.") % {"column": _cut(text)})
    return DEFAULT_SORT


def _view(texts: list[str], notices: list[str]) -> str:
    """Whether there is such a view, and for whom, is for catalog.saved_views to say."""
    text = next((text.lower() for text in texts if text), "all")
    if text != "all" and not _VIEW.fullmatch(text):
        notices.append(_("There is no saved view “%(view)s”.") % {"view": _cut(text)})
    return text if _VIEW.fullmatch(text) else ""


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"
