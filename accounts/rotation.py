"""All secrets at once: sealed anew with the primary key, or opened to see whether they open. Nothing shows any.

For management commands only: the web opens none of a team's.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import BinaryField, QuerySet
from django.db.models.functions import Substr

from accounts import audit
from accounts.keysets import Key, key_of, keys_of, primary_of
from accounts.models import SealedSecret
from accounts.secrets import SecretUnreadable, keyset_text, primitive_of, resealed, unseal

BATCH = 500
MOST_TOLD = 100
PREFIX = 5  # bytes: Tink's, of the key


class Unreadable(NamedTuple):
    """A secret that does not open. Its `key` is None where its ciphertext does not say by which key it was sealed."""

    team: UUID | None  # of a person's own, none
    table: str
    row: UUID
    field: str
    key: int | None


class Rotated(NamedTuple):
    key: int
    resealed: int
    left: list[Unreadable]


class Examined(NamedTuple):
    """`used` counts what was opened by the id of the key that sealed it."""

    keys: list[Key]
    used: Counter[int | None]
    unreadable: list[Unreadable]


def rotate(actor: str, tell: Callable[[int, int], None]) -> Rotated:
    """Seal with the primary key what another sealed, in batches, each a transaction of its own: ended at any moment,
    what was done stays done, and the next time goes on. No key is taken away. `tell` gets how many are done, of how
    many.

    What does not open stays as it is. Raises KeysetError.
    """
    keyset = keyset_text()
    key, primary = primitive_of(keyset), primary_of(keyset)
    others = _not_sealed_by(primary)
    total, done, last, left = others.count(), 0, UUID(int=0), list[Unreadable]()
    while True:
        with transaction.atomic():
            rows = list(others.filter(id__gt=last).order_by("id").select_for_update(of=("self",))[:BATCH])
            if not rows:
                return Rotated(primary.id, done, left)
            lost = _reseal(rows, key)
            if len(lost) < len(rows) and not done:
                audit.record(None, actor, "secrets.rotated", changes={"key_id": primary.id, "rows": total})
        done, last = done + len(rows) - len(lost), rows[-1].id
        left += lost
        tell(done, total)


def examine() -> Examined:
    """Open every secret. Raises KeysetError."""
    keyset = keyset_text()
    key, used, lost = primitive_of(keyset), Counter[int | None](), list[Unreadable]()
    for row in SealedSecret.sealed.order_by("id").iterator(BATCH):
        try:
            unseal(row, key)
        except SecretUnreadable:
            lost.append(_lost(row))
        else:
            used[key_of(bytes(row.ciphertext))] += 1
    return Examined(keys_of(keyset), used, lost)


def sealed_by(key: Key) -> int:
    """How many secrets this key sealed, whether or not they open; of a key that leaves no mark, how many it may."""
    marked = _headed().filter(head=key.prefix)
    return (marked if key.has_prefix else _not_sealed_by(primary_of(keyset_text()))).count()


def _reseal(rows: list[SealedSecret], key: Any) -> list[Unreadable]:
    """Those that did not open. `sealed_at` stays: it tells when a credential was replaced."""
    lost = []
    for row in rows:
        try:
            row.ciphertext = resealed(row, key)
        except SecretUnreadable:
            lost.append(_lost(row))
    SealedSecret.sealed.bulk_update(rows, ["ciphertext"])
    return lost


def _lost(row: SealedSecret) -> Unreadable:
    return Unreadable(row.team_id, row.table, row.row, row.field, key_of(bytes(row.ciphertext)))


def _headed() -> QuerySet[Any]:
    return SealedSecret.sealed.annotate(head=Substr("ciphertext", 1, PREFIX, output_field=BinaryField()))


def _not_sealed_by(key: Key) -> QuerySet[SealedSecret]:
    return _headed().exclude(head=key.prefix)
