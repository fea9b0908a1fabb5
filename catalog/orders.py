"""The orders a list of images can have. Sort keys are never NULL: an unknown text sorts behind every other, an unknown
number before.

Name, size and time of the last change have indexes in their order. Every other key follows from the facet values of an
image, so that the counts tell how many images have it: these orders need no index of their own (catalog/walks.py).
"""

from collections.abc import Callable
from typing import NamedTuple

from catalog.combinations import Value

BEHIND_ALL = "\U0010ffff"
_BEHIND_ALL = "U&'\\+10FFFF'"


class Order(NamedTuple):
    """A sort key in SQL (`i` is the image, `s` its source) and its type. For one that follows from facet values: the
    axis of theirs, and the same key from a value of it, None where only the image itself tells; `own` is the key of
    those in SQL, and which images they are.
    """

    sql: str
    type: str = "text"
    axis: str = ""
    key: Callable[[Value], str | None] = lambda value: None
    own: tuple[str, str] | None = None

    @property
    def collated(self) -> str:
        return ' COLLATE "C"' if self.type == "text" else ""


def _facet(column: str, axis: str, place: int) -> Order:
    return Order(f"i.{column}::text", axis=axis, key=lambda value: value[place])


def _system(value: Value) -> str | None:
    """As the SQL of "os": a system the table does not know is called as its image says."""
    os, distribution, version = value
    if distribution == "other":
        return None
    name = BEHIND_ALL + os if distribution == "unknown" else distribution.lower()
    return f"{name} {'' if version == 'unknown' else version}"


def _version(value: Value) -> str | None:
    return BEHIND_ALL if value[2] == "unknown" else value[2].lower()


_SYSTEM = Order(
    f"(coalesce(lower(left(nullif(i.distribution, ''), 60)), {_BEHIND_ALL} || i.os)"
    " || ' ' || coalesce(left(i.os_version, 60), ''))",
    axis="system",
    key=_system,
    # As image_team_own_system has it.
    own=(
        "(lower(left(i.distribution, 60)) || ' ' || coalesce(left(i.os_version, 60), '')) COLLATE \"C\"",
        "i.distribution_facet = 'other'",
    ),
)
_VERSION = Order(f"coalesce(lower(left(nullif(i.os_version, ''), 60)), {_BEHIND_ALL})", axis="system", key=_version)
ORDERS = {
    "name": Order("i.name_key"),
    "os": _SYSTEM,
    "distribution": _SYSTEM,
    "os_version": _VERSION,
    "arch": _facet("arch", "kind", 1),
    "type": _facet("type", "kind", 0),
    "visibility": _facet("visibility", "kind", 2),
    "source": Order("(s.kind || ' ' || s.region || ' ' || s.cluster || ' ' || s.id)", axis="place"),
    "region": _facet("region", "place", 1),
    "size": Order("coalesce(i.size_gib, -1)", "bigint"),
    "state": _facet("state", "kind", 3),
    "changed": Order("i.changed_at", "timestamptz"),
}
