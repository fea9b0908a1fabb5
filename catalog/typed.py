"""What people type into the search box: words, and filters as `key:value` among them.

`distribution:ubuntu,centos -arch:i386 cuda` is two filters and a word. A value with spaces or commas stands in quotes:
`distribution:"Alibaba Cloud Linux"`; so does a word that only looks like a filter: `"os:linux"`. The keys are those of
the address; whatever else has a colon (`ubuntu:22.04`) is a word. What Chinese keyboards and word processors make of
colons, commas, dashes and quotes is taken as meant.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from catalog.labels import DIMENSIONS
from catalog.search import fold, query_pieces

KEYS = (*DIMENSIONS, "sort")

_QUOTES = '"“”'
# Marks that are not seen, as they come along with copied text: zero widths, directions, a byte order mark.
_UNSEEN = "\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff"
_UNSEEN_AT_EDGES = re.compile(rf"(?<!\S)[{_UNSEEN}]+|[{_UNSEEN}]+(?!\S)")
_CONTROLS = re.compile(r"[\0-\x1f\x7f-\x9f]")
# Letters one by one: with re.IGNORECASE "ı" would be an i, and no key.
_ANY_KEY = "|".join("".join(f"[{c}{c.upper()}]" for c in key) for key in KEYS)
_QUOTED = rf"[{_QUOTES}][^{_QUOTES}]*(?:[{_QUOTES}]|\Z)"
_FILTER = re.compile(rf"(?<!\S)([-－]?)({_ANY_KEY})[:：]((?:{_QUOTED}|[^\s{_QUOTES}])*)")
_PIECE = re.compile(rf"[{_QUOTES}][^{_QUOTES}]*[{_QUOTES}]?|[,，]|[^,，{_QUOTES}]+")
_TRIMMED = re.compile(rf"^[{_UNSEEN}{_QUOTES}]+|[{_UNSEEN}{_QUOTES}]+$")


class Filter(NamedTuple):
    """One value of a key, wanted or not."""

    key: str
    excluded: bool
    value: str


@dataclass(slots=True)
class Typed:
    """`pending` is the filter at the end that somebody may still be typing; it is not among `filters`. `signs` are the
    words without a letter or digit, which nothing finds.
    """

    filters: list[Filter] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    signs: list[str] = field(default_factory=list)
    without_value: list[str] = field(default_factory=list)
    pending: Filter | None = None

    def searched(self, most: int, length: int) -> tuple[list[str], bool]:
        """As many of the words as a search takes, each once, and whether these are all."""
        found: list[str] = []
        for word in dict.fromkeys(self.words):
            if len(found) == most or len(" ".join([*found, word])) > length:
                return found or [_TRIMMED.sub("", word[:length])], False
            found.append(word)
        return found, True


def read(text: str, *, typing: bool = False) -> Typed:
    """With `typing`, a filter that ends where the text ends is taken up to its last comma, the rest being `pending`."""
    text = _UNSEEN_AT_EDGES.sub("", _CONTROLS.sub(" ", text))
    found, rest, at = Typed(), "", 0
    for match in _FILTER.finditer(text):
        rest, at = rest + text[at : match.start()], match.end()
        key = match[2].lower()
        filters = [Filter(key, bool(match[1]) or out, value) for out, value in _values(match[3])]
        if typing and at == len(text):
            found.pending = filters.pop()
        elif not any(one.value for one in filters):
            found.without_value.append(key)
        found.filters += [one for one in filters if one.value]
    for part in (rest + text[at:]).split():
        word = _TRIMMED.sub("", part)
        if query_pieces(fold(word)):
            found.words.append(word)
        elif not (typing and text.endswith(part)):  # "-" may be the beginning of a filter
            found.signs.append(word or part)
    return found


def _values(text: str) -> Iterator[tuple[bool, str]]:
    """(excluded, value) of each between the commas, at least one."""
    value, out = "", False
    for piece in _PIECE.findall(text):
        if piece in ",，":
            yield out, value.strip()
            value, out = "", False
        elif piece[0] in _QUOTES:
            value += piece.strip(_QUOTES)
        elif not value and piece[0] in "-－":
            value, out = piece[1:], True
        else:
            value += piece
    yield out, value.strip()


def written(word: str) -> str:
    """A word as it is typed: in quotes where it would be taken for a filter."""
    return f'"{word}"' if _FILTER.match(word) else word
