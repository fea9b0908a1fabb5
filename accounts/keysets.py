"""The keys of a keyset: which there are, one more, another primary, one less. docs/keys.md has the order of a rotation.

What is here changes a text in Tink's JSON and nothing else. A key is named by its id, which is also in the first bytes
of all that it sealed (Tink's wire format: a byte of 1, then the id, 4 bytes, big-endian).
"""

import json
from typing import Any, NamedTuple

from accounts.secrets import KeysetError, Secret, new_keyset, primitive_of

type Keyset = Secret[str]


class Key(NamedTuple):
    id: int
    is_primary: bool
    is_enabled: bool
    has_prefix: bool  # whether what it sealed begins with its id

    @property
    def prefix(self) -> bytes:
        return b"\x01" + self.id.to_bytes(4, "big")


def key_of(ciphertext: bytes) -> int | None:
    """The id of the key that sealed this, None where it does not say."""
    return int.from_bytes(ciphertext[1:5], "big") if ciphertext[:1] == b"\x01" and len(ciphertext) > 5 else None


def keys_of(keyset: Keyset) -> list[Key]:
    """Its keys, in their order. Raises KeysetError where it is no keyset."""
    document = _document(keyset)
    primary = document["primaryKeyId"]
    return [
        Key(one["keyId"], one["keyId"] == primary, one["status"] == "ENABLED", one["outputPrefixType"] == "TINK")
        for one in document["key"]
    ]


def primary_of(keyset: Keyset) -> Key:
    """The key that seals. Raises KeysetError where what it seals would not tell by which key."""
    key = next(key for key in keys_of(keyset) if key.is_primary)
    if not key.has_prefix:
        raise KeysetError("The primary key's output prefix is not TINK: add a key by `manage keyset add`, promote it.")
    return key


def with_new_key(keyset: Keyset) -> tuple[Keyset, int]:
    """The keyset with one more key, which opens and does not seal yet; and its id."""
    document = _document(keyset)
    taken = {one["keyId"] for one in document["key"]}
    while (added := json.loads(new_keyset())["key"][0])["keyId"] in taken:
        pass
    return _written(document | {"key": [*document["key"], added]}), added["keyId"]


def with_primary(keyset: Keyset, key_id: int) -> Keyset:
    """The keyset in which this key seals. Raises KeysetError where it has no such key that is enabled."""
    key = _key(keyset, key_id)
    if not key.is_enabled:
        raise KeysetError(f"The key {key_id} is not enabled.")
    return _written(_document(keyset) | {"primaryKeyId": key_id})


def without(keyset: Keyset, key_id: int) -> Keyset:
    """The keyset without this key. Raises KeysetError where it has none such, or it is the one that seals."""
    if _key(keyset, key_id).is_primary:
        raise KeysetError(f"The key {key_id} is the primary one, which seals: promote another before.")
    document = _document(keyset)
    return _written(document | {"key": [one for one in document["key"] if one["keyId"] != key_id]})


def _key(keyset: Keyset, key_id: int) -> Key:
    found = keys_of(keyset)
    for key in found:
        if key.id == key_id:
            return key
    raise KeysetError(f"The keyset has no key {key_id}. It has {', '.join(str(key.id) for key in found)}.")


def _document(keyset: Keyset) -> dict[str, Any]:
    primitive_of(keyset)
    found: dict[str, Any] = json.loads(keyset.reveal())
    return found


def _written(document: dict[str, Any]) -> Keyset:
    """On one line, as an environment file needs it. What Tink would not take is no keyset."""
    keyset = Secret(json.dumps(document, separators=(",", ":")))
    primitive_of(keyset)
    return keyset
