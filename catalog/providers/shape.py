"""From a cloud's own item to a RemoteImage: clean text, numbers, moments, provenance. Shared by every mapping."""

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from catalog.providers.base import DERIVED, FIELDS, REPORTED, UNKNOWN, RemoteImage

# What PostgreSQL holds in no text: NUL and lone surrogates (PROVIDERS.md 2a).
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
# Never stored, wherever in a document: the database address of a cluster, the password of a registry.
FORBIDDEN = frozenset({"dbinfo", "password"})
MAX_DEPTH = 60
_MAX_NUMBER = 2**53
_KEY_BYTES = 512


class ShapeError(ValueError):
    """An item is not of the documented shape. The text names the field, never a value."""


_DEFAULTS: dict[str, Any] = {"visibility": UNKNOWN, "os": UNKNOWN, "arch": UNKNOWN, "state": UNKNOWN}

ARCHITECTURES = {
    "x86_64": "x86_64",
    "x86": "x86_64",  # Huawei's word, and ENS's "x86 computing", for what is 64 bit today
    "x64": "x86_64",
    "amd64": "x86_64",
    "i386": "i386",
    "i686": "i386",
    "arm64": "arm64",
    "aarch64": "arm64",
    "arm": "arm64",
}
COMPUTE_TYPES = {"ens_vm": "x86_64", "arm_vm": "arm64", "bare_metal": "x86_64", "pcfarm": "mixed"}
OWNERS = {"self": "private", "others": "shared", "system": "public"}
_CREATING = (
    "creating",
    "waiting",
    "packing",
    "uploading",
    "copying",
    "importing",
    "pending",
    "queued",
    "saving",
    "building",
)
_FAILED = ("fail", "failed", "error", "createfailed", "pack_failed", "upload_failed", "unusable", "abnormal")
_AVAILABLE = ("available", "ready", "active", "normal", "success", "succeeded")
STATES = (
    dict.fromkeys(_AVAILABLE, "available") | dict.fromkeys(_CREATING, "creating") | dict.fromkeys(_FAILED, "failed")
)


def clean(value: str) -> str:
    """Text that the database can hold, otherwise as it came."""
    return value if value.isascii() and "\0" not in value else _UNSTORABLE.sub(REPLACEMENT, value)


def text(value: object) -> str | None:
    """A text of the cloud's, or None where it has none: absent, blank, or not a text at all."""
    return clean(value) if isinstance(value, str) and value.strip() else None


def identifier(item: Mapping[str, Any], field: str) -> str:
    """An item's id, without white space around it. Raises ShapeError where there is none."""
    found = text(item.get(field))
    if found is None:
        raise ShapeError(f"an item has no {field}")
    return found.strip()


def number(value: object) -> int | None:
    """A whole number from 0 on, also as its digits. A documented number that is none of these is unknown."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdecimal() and len(value) < 17:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MAX_NUMBER:
        return value
    return None


def moment(value: object) -> datetime | None:
    """A time in ISO 8601; one without a zone is taken as UTC (PROVIDERS.md section 2)."""
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value.strip())
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None


def word(table: Mapping[str, str], value: object) -> str | None:
    """The table's word for an enumeration's value, whatever its case. None is unknown."""
    return table.get(value.strip().lower()) if isinstance(value, str) else None


def state(status: str | None) -> tuple[str | None, str | None]:
    """(reported, derived) state: by the cloud's word; an image listed without one is available (derived)."""
    return (None, "available") if status is None else (STATES.get(status.strip().lower()), None)


def storable(value: Any, depth: int = 0) -> Any:
    """A document without what must never be stored, in text that can be. Raises ShapeError for one too deep to be an
    item."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, dict):
        if depth > MAX_DEPTH:
            raise ShapeError("an item is nested too deeply")
        return {clean(k): storable(v, depth + 1) for k, v in value.items() if k.strip().lower() not in FORBIDDEN}
    if isinstance(value, list):
        if depth > MAX_DEPTH:
            raise ShapeError("an item is nested too deeply")
        return [storable(item, depth + 1) for item in value]
    return value


def join_key(*parts: str | None) -> str:
    """One key of several parts, readable and unambiguous; a very long one by its digest, for an index entry is
    bounded."""
    if len(parts) == 1:
        key = parts[0] or ""
    else:
        key = "/".join((part or "").replace("%", "%25").replace("/", "%2F") for part in parts)
    if len(key) <= _KEY_BYTES // 4 or len(key.encode()) <= _KEY_BYTES:
        return key
    return "sha256:" + hashlib.sha256(key.encode()).hexdigest()


@cache  # a listing has a handful of patterns: its images share them
def _provenance(marks: tuple[str, ...]) -> Mapping[str, str]:
    return dict(zip(FIELDS, marks, strict=True))


def build(
    *,
    key: str,
    remote_id: str,
    reported: Mapping[str, Any],
    derived: Mapping[str, Any],
    document: Mapping[str, Any],
    extra: Mapping[str, Any] | None = None,
    created_at: datetime | None = None,
    updated_at: datetime | None = None,
) -> RemoteImage:
    """The image of these fields: what is reported wins, then what is derived; a None in both is unknown."""
    values: dict[str, Any] = {}
    marks = []
    for name in FIELDS:
        if (value := reported.get(name)) is not None:
            mark = REPORTED
        elif (value := derived.get(name)) is not None:
            mark = DERIVED
        else:
            value, mark = _DEFAULTS.get(name), UNKNOWN
        if value == UNKNOWN and name in _DEFAULTS:
            mark = UNKNOWN
        values[name] = value
        marks.append(mark)
    return RemoteImage(
        key=key,
        remote_id=remote_id,
        provenance=_provenance(tuple(marks)),
        extra=extra or {},
        document=storable(document),
        remote_created_at=created_at,
        remote_updated_at=updated_at,
        **values,
    )
