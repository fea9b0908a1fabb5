"""The orders a list of images can have: by every column. Sort keys are never NULL: an unknown text sorts behind every
other, an unknown number before.

What every image has of its own, a name or a time, has indexes in its order. Other keys follow from the facet values of
an image, its source's among them, so that the counts tell how many images have each: these orders need no index of
their own, or a small one of those images whose key they do not tell (catalog/walks.py).
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import orjson
from psycopg import sql

from catalog.combinations import Value
from catalog.os_support import row_of

BEHIND_ALL = "\U0010ffff"
_BEHIND_ALL = "U&'\\+10FFFF'"
_NEXT = "\x01"  # between the labels of an image, before whatever a label may hold


class Order(NamedTuple):
    """A sort key in SQL (`i` is the image, `s` its source) and its type. For one that follows from facet values: the
    axis of theirs, and the same key from a value of it, None where only the image itself tells. So do those whose value
    of the axis "kind" is `apart`. `own` is the key of such images in SQL, and which they are, as an index has them.

    A key that stands in the source's row is `of_source`, SQL over `s`, and read before a list is (catalog/pages.py).
    One that is `plain` is a facet value itself, and of no image its own.
    """

    sql: str
    type: str = "text"
    axis: str = ""
    key: Callable[[Value], str | None] = lambda value: None
    own: tuple[str, str] | None = None
    apart: Callable[[Value], bool] | None = None
    of_source: str = ""
    plain: bool = False

    @property
    def collated(self) -> str:
        return ' COLLATE "C"' if self.type == "text" else ""


def _facet(column: str, axis: str, place: int) -> Order:
    return Order(f"i.{column}::text", axis=axis, key=lambda value: value[place], plain=True)


def _text(column: str, longest: int = 60) -> str:
    """As catalog.models.SortText has it in an index."""
    return f"coalesce(lower(left(nullif(i.{column}, ''), {longest}) COLLATE \"C\"), {_BEHIND_ALL})"


def _of_container(column: str) -> Order:
    """What a virtual machine's image has not."""
    key, which = _text(column), "i.type = 'container'"
    whole = f"CASE WHEN {which} THEN {key} ELSE {_BEHIND_ALL} END"
    return Order(whole, axis="kind", key=lambda v: None if v[0] == "container" else BEHIND_ALL, own=(key, which))


def _of_source(key: str, **more: Any) -> Order:
    return Order(key, axis="place", of_source=key, **more)


def _labels(value: Value) -> str:
    return _NEXT.join(value) if value else BEHIND_ALL


def by_support(systems: Iterable[Value]) -> Order:
    """By the last day of support. `systems` are the (os, distribution, version, …) there are."""
    rows = {f"{one[1]} {one[2]}": row_of(one[1], one[2]) for one in systems}
    days = {system: row.ends.isoformat() for system, row in rows.items() if row}
    table = sql.quote(orjson.dumps(days).decode()).replace("%", "%%")
    key = f"coalesce({table}::jsonb ->> (i.distribution_facet || ' ' || i.os_version_facet), {_BEHIND_ALL})"
    return Order(key, axis="system", key=lambda v: days.get(f"{v[1]} {v[2]}", BEHIND_ALL))


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
_MICROSECONDS = "lpad((extract(epoch FROM {} AT TIME ZONE 'UTC') * 1000000)::bigint::text, 18, '0')"
# As catalog.models.LastSeen has it in an index.
_OWN_LAST_SEEN = _MICROSECONDS.format("coalesce(i.last_seen_at, i.first_seen_at)")
_LOST = "i.state IN ('missing', 'archived')"
# An image that a registration put here counts with its source until a listing has it.
_LAST_SEEN = Order(
    f"CASE WHEN {_LOST} OR s.last_complete_at IS NULL"
    f" THEN {_OWN_LAST_SEEN} ELSE {_MICROSECONDS.format('s.last_complete_at')} END",
    axis="place",
    of_source=_MICROSECONDS.format("s.last_complete_at"),
    apart=lambda value: value[3] in ("missing", "archived"),
    own=(f'{_OWN_LAST_SEEN} COLLATE "C"', _LOST),
)
# A source that names no cluster lists those of every one, if it lists containers.
_CLUSTER_OF_SOURCE = (
    "CASE WHEN s.cluster <> '' THEN lower(left(s.cluster, 60) COLLATE \"C\")"
    f" WHEN s.kind <> 'alibaba_ehpc_container' THEN {_BEHIND_ALL} END"
)
_CLUSTER = Order(
    f"coalesce({_CLUSTER_OF_SOURCE}, {_text('cluster')})",
    axis="place",
    of_source=_CLUSTER_OF_SOURCE,
    own=(_text("cluster"), "i.type = 'container'"),
)
ORDERS = {
    "name": Order("i.name_key"),
    "os": _SYSTEM,
    "distribution": _SYSTEM,
    "os_version": _VERSION,
    "arch": _facet("arch", "kind", 1),
    "type": _facet("type", "kind", 0),
    "visibility": _facet("visibility", "kind", 2),
    "source": _of_source("(s.kind || ' ' || s.region || ' ' || s.cluster || ' ' || s.id)"),
    "account": _of_source('lower(s.account_name COLLATE "C")'),
    "region": _facet("region", "place", 1),
    "cluster": _CLUSTER,
    "size": Order("coalesce(i.size_gib, -1)", "bigint"),
    "state": _facet("state", "kind", 3),
    "star": Order("CASE WHEN i.starred THEN 'yes' ELSE 'no' END", axis="kind", key=lambda value: value[4], plain=True),
    "labels": Order(
        f"coalesce(nullif(array_to_string(i.labels, U&'\\0001'), ''), {_BEHIND_ALL})", axis="label", key=_labels
    ),
    "support": by_support([]),
    "version": Order(_text("version")),
    "repository": _of_container("repository"),
    "tag": _of_container("tag"),
    "remote_id": Order('lower(left(i.remote_id, 120) COLLATE "C")'),
    "description": Order(_text("description")),
    "first_seen": Order("i.first_seen_at", "timestamptz"),
    "last_seen": _LAST_SEEN,
    "changed": Order("i.changed_at", "timestamptz"),
}
