"""Two images side by side: every fact with where it comes from, each value of the clouds' documents by its path."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from catalog.facts import MOST_LINES, Fact, cut, document_values, facts
from catalog.models import Image
from catalog.os_support import support
from catalog.sources import source_label
from catalog.supported import today

# Values of one document that are compared; a stranger's may have a million.
MOST_COMPARED = 5_000


@dataclass(frozen=True, slots=True)
class Pair:
    """One line of the comparison. A side is None where that image has no such thing."""

    label: str | Promise
    left: Fact | None
    right: Fact | None
    differs: bool


@dataclass(frozen=True, slots=True)
class Part:
    """`differing` of `total` lines differ; `pairs` are those shown, `left_out` were too many."""

    pairs: list[Pair]
    total: int
    differing: int
    left_out: int


def compare_facts(left: Image, right: Image, *, only_differing: bool) -> Part:
    sides = [{_key(fact): fact for fact in _facts(image)} for image in (left, right)]

    def differs(key: str) -> bool:
        one, other = (side.get(key) for side in sides)
        if key.startswith("."):  # the whole value, of which a fact may show the beginning
            return bool(getattr(left, key[1:]) != getattr(right, key[1:]))
        return one is None or other is None or one.value != other.value

    pairs = []
    for key in merged(*sides):
        one, other = (side.get(key) for side in sides)
        label = (one or other or Fact("", "")).label
        pairs.append(Pair(label, one, other, differs(key)))
    return _part(pairs, only_differing)


def compare_documents(left: Image, right: Image, *, only_differing: bool) -> Part:
    """By path. What differs is told by the whole values, what is shown of them is cut."""
    sides = [dict(islice(document_values(image), MOST_COMPARED)) for image in (left, right)]
    pairs = []
    for path in merged(*sides):
        one, other = (side.get(path) for side in sides)
        shown = [None if value is None else Fact(path, cut(value)) for value in (one, other)]
        pairs.append(Pair(path, shown[0], shown[1], one != other))
    return _part(pairs, only_differing)


def merged(left: Mapping[str, Any], right: Mapping[str, Any]) -> list[str]:
    """The keys of both in the order of both: what only the right one has stands where it stands there."""
    behind: dict[str, list[str]] = {}
    last = ""
    for key in right:
        if key in left:
            last = key
        else:
            behind.setdefault(last, []).append(key)
    order = behind.get("", [])
    for key in left:
        order += [key, *behind.get(key, [])]
    return order


def _part(pairs: Sequence[Pair], only_differing: bool) -> Part:
    differing = [pair for pair in pairs if pair.differs]
    wanted = differing if only_differing else list(pairs)
    return Part(wanted[:MOST_LINES], len(pairs), len(differing), max(0, len(wanted) - MOST_LINES))


def _key(fact: Fact) -> str:
    """Facts of a column are compared by its value, others by what they say."""
    return f".{fact.field}" if fact.field else str(fact.label)


def _facts(image: Image) -> Iterator[Fact]:
    yield Fact(_("ID"), cut(image.remote_id), field="remote_id")
    yield from facts(image, support(image.distribution, image.os_version, today()))
    yield Fact(_("Source"), source_label(image.source))
    yield Fact(_("Cloud account"), image.source.account_name)
    yield from _own(image)
    times: Iterable[tuple[str | Promise, Any]] = (
        (_("Created in the cloud"), image.remote_created_at),
        (_("Updated in the cloud"), image.remote_updated_at),
        (_("First seen"), image.first_seen_at),
    )
    for label, at in times:
        if at:
            yield Fact(label, date_format(at, "DATETIME_FORMAT"))


def _own(image: Image) -> Iterator[Fact]:
    """What the team itself says of it."""
    if image.labels:
        yield Fact(_("Labels"), ", ".join(image.labels))
    if image.starred:
        yield Fact(_("Star"), _t("Yes"))
    if image.note:
        yield Fact(_("Note"), cut(image.note))
