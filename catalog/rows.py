"""From a RemoteImage to the columns of its row: made safe for PostgreSQL, cut to their lengths, with what is derived
for the page.

Sync and registration both write images through here, so that a placeholder and a listed image look alike.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from operator import attrgetter
from typing import Any

import orjson

from catalog.providers.base import FIELDS, RemoteImage
from catalog.providers.systems import KNOWN_DISTRIBUTIONS
from catalog.search import fold, search_pieces, search_text

# Part of every content hash. Raise it when `derived` or the lengths below change, so that every row is written anew.
MAPPING = 1

# A btree entry holds 2 704 bytes; a longer key is cut and told apart by its hash.
KEY_BYTES = 1_000
FACET_LENGTH = 60
NAME_KEY_LENGTH = 200
REGION_LENGTH, CLUSTER_LENGTH = 100, 200
DEEPEST = 100
_BIG = 2**63
_UNSAFE = re.compile("[\0\ud800-\udfff]")

# The columns that hold what the cloud reported, in the order of `values`. A change in one of these is told to people.
REPORTED_COLUMNS = ["remote_id", *FIELDS, "remote_created_at", "remote_updated_at"]
DERIVED_COLUMNS = ["distribution_facet", "os_version_facet", "name_key", "search_text", "search_pieces"]
JSON_COLUMNS = ["provenance", "extra"]
COLUMNS = [*REPORTED_COLUMNS, *JSON_COLUMNS, *DERIVED_COLUMNS]

_reported = attrgetter(*REPORTED_COLUMNS)
_hashed = attrgetter("key", *REPORTED_COLUMNS, *JSON_COLUMNS, "document")


def content_hash(image: RemoteImage) -> tuple[RemoteImage, bytes, int]:
    """The image, made safe where it has to be, the 16 bytes that tell whether anything of it changed, and its size
    in bytes.

    The order of a document's keys says nothing and is left out.
    """
    try:
        blob = _canonical(image)
        unsafe = b"\\u0000" in blob
    except (TypeError, ValueError):  # a lone surrogate, a number beyond 64 bits, a document too deep
        unsafe = True
    if unsafe or not _fits(image):
        image = _safe_image(image)
        blob = _canonical(image)
    return image, hashlib.blake2b(blob, digest_size=16).digest(), len(blob)


def values(image: RemoteImage) -> tuple[Any, ...]:
    """The values of COLUMNS for an image that `content_hash` has returned; JSON as text."""
    text = search_text(image.name, image.remote_id, image.repository, image.tag, image.description)
    return (
        *_reported(image),
        to_json(image.provenance),
        to_json(image.extra),
        distribution_facet(image.distribution),
        os_version_facet(image.os_version),
        name_key(image.name),
        text,
        search_pieces(text),
    )


def columns(image: RemoteImage) -> dict[str, Any]:
    """The columns of an Image row for this image, with its key and without its hash, for one that is written by
    itself."""
    image = _safe_image(image)
    found = dict(zip(COLUMNS, values(image), strict=True))
    return found | {"key": image.key, "provenance": dict(image.provenance), "extra": dict(image.extra)}


def distribution_facet(distribution: str | None) -> str:
    """The value the facet groups by: a distribution of the table, "other" for any else, "unknown" for none."""
    if not distribution:
        return "unknown"
    return distribution if distribution in KNOWN_DISTRIBUTIONS else "other"


def os_version_facet(version: str | None) -> str:
    return version[:FACET_LENGTH] if version else "unknown"


def name_key(name: str) -> str:
    """What names are sorted by; folding may make a text longer, hence the second cut."""
    return fold(name[:NAME_KEY_LENGTH])[:NAME_KEY_LENGTH]


def to_json(document: Mapping[str, Any]) -> str:
    return orjson.dumps(document, default=dict).decode()


def _canonical(image: RemoteImage) -> bytes:
    return orjson.dumps((MAPPING, *_hashed(image)), default=dict, option=orjson.OPT_SORT_KEYS)


def _fits(image: RemoteImage) -> bool:
    """Whether the columns hold it as it is."""
    for number in (image.size_gib, image.min_ram_mb, image.min_disk_gb):
        if number is not None and not -_BIG <= number < _BIG:
            return False
    return (
        len(image.region) <= REGION_LENGTH
        and len(image.cluster or "") <= CLUSTER_LENGTH
        and len(image.key) * 4 <= KEY_BYTES
    )


def _safe_image(image: RemoteImage) -> RemoteImage:
    """The image without what PostgreSQL cannot hold: NUL, lone surrogates, numbers beyond bigint, keys and names of
    places too long."""
    safe = {name: _safe(getattr(image, name)) for name in ("key", *REPORTED_COLUMNS, *JSON_COLUMNS, "document")}
    safe["key"] = _short_key(safe["key"])
    safe["region"] = safe["region"][:REGION_LENGTH]
    safe["cluster"] = safe["cluster"] and safe["cluster"][:CLUSTER_LENGTH]
    for name in ("size_gib", "min_ram_mb", "min_disk_gb"):
        number = getattr(image, name)
        safe[name] = number if number is None or -_BIG <= number < _BIG else None
    return replace(image, **safe)


def _short_key(key: str) -> str:
    encoded = key.encode()
    if len(encoded) <= KEY_BYTES:
        return key
    start = encoded[: KEY_BYTES - 64].decode(errors="ignore")
    return f"{start}…{hashlib.blake2b(encoded, digest_size=16).hexdigest()}"


def _safe(value: Any, depth: int = 0) -> Any:
    """A value as JSON and text columns hold it. A number that is no 64-bit one stays as text, what lies too deep is
    dropped."""
    if isinstance(value, str):
        return _safe_text(value)
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, int):
        return value if -_BIG <= value < _BIG else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping | list | tuple) and depth >= DEEPEST:
        return None
    if isinstance(value, Mapping):
        return {_safe_text(str(name)): _safe(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_safe(inner, depth + 1) for inner in value]
    return value


def _safe_text(text: str) -> str:
    return _UNSAFE.sub("\ufffd", text)
