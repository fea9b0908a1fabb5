"""An image as machines get it: the fields of exports and of `manage images`, by name. Names and values are the same in
every language; where the page's address selects by a value, it is the same value.
"""

from collections.abc import Iterable
from typing import NamedTuple

# A stranger's text longer than this is exported up to here, so that no batch of rows outgrows the memory.
LONGEST, LONGEST_DESCRIPTION = 1_000, 8_000


class Field(NamedTuple):
    """`sql` over `i`, the image, and `s`, its source; `kind` says what it gives: text (a stranger's, or a list of an
    editor's), word (the product's own), number, time, truth.
    """

    sql: str
    kind: str = "word"


def _text(column: str) -> Field:
    return Field(f"left({column}, {LONGEST})", "text")


FIELDS: dict[str, Field] = {
    "id": Field("i.id::text"),
    "source": Field("i.source_id::text"),
    "kind": Field("s.kind"),
    "account": _text("s.account_name"),
    "remote_id": _text("i.remote_id"),
    "name": _text("i.name"),
    "version": _text("i.version"),
    "type": Field("i.type"),
    "visibility": Field("nullif(i.visibility, 'unknown')"),
    "os": Field("nullif(i.os, 'unknown')"),
    "distribution": _text("i.distribution"),
    "os_version": _text("i.os_version"),
    "arch": Field("nullif(i.arch, 'unknown')"),
    "size_gib": Field("i.size_gib", "number"),
    "state": Field("nullif(i.state, 'unknown')"),
    "repository": _text("i.repository"),
    "tag": _text("i.tag"),
    "description": Field(f"left(i.description, {LONGEST_DESCRIPTION})", "text"),
    "region": _text("i.region"),
    "cluster": _text("i.cluster"),
    "labels": Field("i.labels", "text"),
    "starred": Field("i.starred", "truth"),
    "first_seen_at": Field("i.first_seen_at", "time"),
    # As Image.seen_at: a present image was seen by its source's last complete run.
    "last_seen_at": Field(
        "CASE WHEN i.missing_since IS NULL AND s.last_complete_at IS NOT NULL"
        " THEN greatest(s.last_complete_at, i.first_seen_at) ELSE coalesce(i.last_seen_at, i.first_seen_at) END",
        "time",
    ),
    "changed_at": Field("i.changed_at", "time"),
}
# Found out from other fields, not read. `support_ends` is a day.
DERIVED = {"url": ("id",), "support": ("distribution", "os_version"), "support_ends": ("distribution", "os_version")}

# What a column of the images page shows.
OF_COLUMN: dict[str, tuple[str, ...]] = {
    "name": ("name", "remote_id"),
    "star": ("starred",),
    "labels": ("labels",),
    "os": ("os", "distribution", "os_version", "support"),
    "distribution": ("distribution",),
    "os_version": ("os_version",),
    "support": ("support", "support_ends"),
    "arch": ("arch",),
    "type": ("type",),
    "visibility": ("visibility",),
    "source": ("source", "kind", "region"),
    "account": ("account",),
    "region": ("region",),
    "cluster": ("cluster",),
    "size": ("size_gib",),
    "state": ("state",),
    "version": ("version",),
    "repository": ("repository",),
    "tag": ("tag",),
    "remote_id": ("remote_id",),
    "description": ("description",),
    "first_seen": ("first_seen_at",),
    "last_seen": ("last_seen_at",),
    "changed": ("changed_at",),
}
ALWAYS = ("id", "url")


def of_columns(columns: Iterable[str]) -> tuple[str, ...]:
    """The fields of these columns, each once, then what tells an image from all others."""
    return tuple(dict.fromkeys([*(field for column in columns for field in OF_COLUMN[column]), *ALWAYS]))
