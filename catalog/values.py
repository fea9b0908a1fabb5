"""The values of a filter: as an address holds them, and the one spelling of what people see and type."""

import re
from collections.abc import Iterator, Mapping
from uuid import UUID

from catalog.labels import TYPES_SHORT, VALUES, VISIBILITIES_SHORT
from catalog.os_support import STATES as SUPPORT_STATES
from catalog.providers.base import ARCHITECTURES, STATES, SYSTEMS, TYPES, VISIBILITIES
from catalog.providers.shape import ARCHITECTURES as ARCHITECTURE_WORDS
from catalog.providers.systems import canonical_distribution

# The dimensions that have no other values than these.
CLOSED: dict[str, tuple[str, ...]] = {
    "type": TYPES, "os": SYSTEMS, "arch": ARCHITECTURES, "visibility": VISIBILITIES, "state": STATES,
    "support": SUPPORT_STATES, "star": ("yes", "no"),
}  # fmt: skip
_SHORT = {"type": TYPES_SHORT, "visibility": VISIBILITIES_SHORT}
_ALSO: dict[str, Mapping[str, str]] = {"arch": ARCHITECTURE_WORDS, "support": {"eol": "past"}}
_LONGEST_VERSION = 60
_VALUE = re.compile(r"(?:\\.|[^,\\]|\\$)+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_SHORTEST_ID = 8


def escaped(value: str) -> str:
    """A value as a query string holds it: a comma in it ends nothing, a dash before it excludes nothing."""
    value = value.replace("\\", "\\\\").replace(",", "\\,")
    return f"\\{value}" if value.startswith("-") else value


def split(text: str) -> Iterator[tuple[bool, str]]:
    """(excluded, value) of each value in what a query string holds; "" only where nothing is excluded."""
    for part in map(str.strip, _VALUE.findall(text)):
        excluded, value = part.startswith("-"), _ESCAPED.sub(r"\1", part.removeprefix("-")).strip()
        if value or excluded:
            yield excluded, value


def canonical(dimension: str, text: str, names: Mapping[str, str]) -> list[str]:
    """The values a text means, in their one spelling; several only for a source, which any part of its name names.

    `names` are those of the team's sources, by id. What is no value of the dimension stays, and selects nothing.
    Reading what it gave gives the same again.
    """
    if dimension == "source":
        return _sources(text, names)
    if dimension == "region":
        return [text]
    small = text.lower()
    if small in CLOSED.get(dimension, ()) or small in VALUES.get(dimension, ()):
        return [small]
    if seen := _as_seen(dimension, small):
        return [seen]
    if dimension == "distribution":
        return [canonical_distribution(text) or text]
    return [text[:_LONGEST_VERSION].strip() if dimension == "os_version" else small]


def is_none(dimension: str, value: str, names: Mapping[str, str]) -> bool:
    """Whether a value is surely none of the dimension's."""
    return value not in names if dimension == "source" else value not in CLOSED.get(dimension, (value,))


def _as_seen(dimension: str, small: str) -> str | None:
    """The value that people see called so, in their language, if it is one."""
    seen = [pair for words in (VALUES, _SHORT) for pair in words.get(dimension, {}).items()]
    found = {value for value, word in seen if str(word).lower() == small}
    return found.pop() if len(found) == 1 else _ALSO.get(dimension, {}).get(small)


def _sources(text: str, names: Mapping[str, str]) -> list[str]:
    small = text.lower()
    try:
        return [str(UUID(text))]
    except ValueError:
        pass
    if len(small) >= _SHORTEST_ID and len(found := [one for one in names if one.startswith(small)]) == 1:
        return found
    if found := [one for one, name in names.items() if name.lower() == small]:
        return found
    words = small.split()
    return [one for one, name in names.items() if all(word in name.lower() for word in words)] or [small]
