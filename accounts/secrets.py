"""The one door to secrets: sealed with Tink AEAD, a team's opened only in the worker or a management command.

A person's own, the seeds of their second factor, are of no team (`team_id` None), their row is the person, and the web
opens them where that person signs in (accounts/second_factors.py). All the others it never opens.

A sealed text is bound to its place: the associated data names team, table, row and field, so that a ciphertext moved to
another row, field or team does not open. The keyset comes from BOOTSHELF_KEYSET or BOOTSHELF_KEYSET_FILE, never
from SECRET_KEY, and a missing one is an error, never plain text.
"""

import functools
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, NoReturn
from uuid import UUID

import tink
from django.db.models import QuerySet
from tink import aead, json_proto_keyset_format, secret_key_access

from accounts.models import SealedSecret
from config import env


class KeysetError(Exception):
    """The keyset is missing or is not one; one clear line."""


class SecretUnreadable(Exception):
    """A sealed text that does not open: another key, another place, or damage. Never carries the ciphertext."""


class Secret[T]:
    """A secret, a text or a credential, on its way from the door to its use. Only `reveal()` gives it; nothing prints,
    compares or stores it.

    What `reveal()` gives is no local variable where something else may fail: error reporters print those.
    """

    __slots__ = ("_inside",)

    def __init__(self, inside: T) -> None:
        self._inside = inside

    def reveal(self) -> T:
        return self._inside

    def __repr__(self) -> str:
        return "Secret(••••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return repr(self)

    def __reduce_ex__(self, protocol: Any) -> NoReturn:
        raise TypeError("a Secret is not pickled")

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is not copied")


def shut[T](given: Secret[T] | T) -> Secret[T]:
    """It as a Secret, where it is none yet."""
    return given if isinstance(given, Secret) else Secret(given)


def new_keyset() -> str:
    """A fresh keyset as Tink's JSON, for a file of mode 0600."""
    aead.register()
    handle = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    return json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN)


@functools.lru_cache(maxsize=2)
def _primitive(text: str) -> Any:
    """None where it is no keyset: an error would leave with the text in its frame."""
    aead.register()
    try:
        return json_proto_keyset_format.parse(text, secret_key_access.TOKEN).primitive(aead.Aead)
    except (tink.TinkError, ValueError):
        return None


def keyset_text() -> Secret[str]:
    """The keyset as it is given. Raises KeysetError where there is none."""
    try:
        keyset = Secret(env.text("BOOTSHELF_KEYSET") or "")
    except SystemExit as stop:  # its file is gone since the start: an error of this request or task, not the end of all
        raise KeysetError(str(stop).removeprefix("bootshelf: ")) from None
    if not keyset.reveal():
        raise KeysetError(
            "BOOTSHELF_KEYSET is not set. Set it, or BOOTSHELF_KEYSET_FILE, to the keyset; "
            "`manage new_keyset` makes one."
        )
    return keyset


def load_keyset() -> Any:
    """The AEAD primitive. Raises KeysetError where there is no keyset or it is not one."""
    return primitive_of(keyset_text())


def primitive_of(keyset: Secret[str]) -> Any:
    """The AEAD primitive of a keyset. Raises KeysetError where it is none."""
    primitive = _primitive(keyset.reveal())
    if primitive is None:
        raise KeysetError("BOOTSHELF_KEYSET is not a Tink AEAD keyset in JSON.")
    return primitive


def _place(team_id: UUID | None, table: str, row_id: UUID, field: str) -> bytes:
    return f"bootshelf:1:{team_id}:{table}:{row_id}:{field}".encode()


def _place_of(row: SealedSecret) -> bytes:
    return _place(row.team_id, row.table, row.row, row.field)


def seal(team_id: UUID | None, table: str, row_id: UUID, field: str, text: Secret[str] | str) -> None:
    """Seal `text` for this place, replacing what was there."""
    text = shut(text)
    ciphertext = load_keyset().encrypt(text.reveal().encode(), _place(team_id, table, row_id, field))
    SealedSecret.sealed.update_or_create(
        team_id=team_id,  # type: ignore[misc]
        table=table,
        row=row_id,
        field=field,
        defaults={"ciphertext": ciphertext},
    )


def open_secret(team_id: UUID | None, table: str, row_id: UUID, field: str) -> Secret[str]:
    """The secret of this place. Raises SecretUnreadable where there is none or it does not open."""
    row = SealedSecret.sealed.filter(team_id=team_id, table=table, row=row_id, field=field).first()  # type: ignore[misc]
    if row is None:
        raise SecretUnreadable(f"No secret is kept for {table} {row_id}.")
    return unseal(row, load_keyset())


def unseal(row: SealedSecret, key: Any) -> Secret[str]:
    """The secret of a row, by this primitive. Raises SecretUnreadable."""
    try:
        return Secret(key.decrypt(bytes(row.ciphertext), _place_of(row)).decode())
    except tink.TinkError:
        raise SecretUnreadable(f"The secret of {row.table} {row.row} does not open with this keyset.") from None


def resealed(row: SealedSecret, key: Any) -> bytes:
    """What the row holds, sealed anew with the primary key. Raises SecretUnreadable."""
    return key.encrypt(unseal(row, key).reveal().encode(), _place_of(row))


def is_sealed(team_id: UUID, table: str, row_id: UUID, field: str) -> bool:
    return SealedSecret.sealed.filter(team_id=team_id, table=table, row=row_id, field=field).exists()


def forget(team_id: UUID | None, table: str, row_id: UUID) -> None:
    """Delete every secret of a row."""
    SealedSecret.sealed.filter(team_id=team_id, table=table, row=row_id).delete()  # type: ignore[misc]


def forget_team(team_id: UUID) -> None:
    """Delete every secret of a team."""
    SealedSecret.sealed.filter(team_id=team_id).delete()


def forget_unclaimed(table: str, rows: QuerySet[Any], before: datetime) -> int:
    """Delete the secrets of `table` sealed before then whose row never came to be; `rows` are those there are."""
    sealed = SealedSecret.sealed.filter(table=table, sealed_at__lt=before)
    return sealed.exclude(row__in=rows.values("id")).delete()[0]


def forget_field(team_id: UUID | None, table: str, row_id: UUID, field: str) -> None:
    SealedSecret.sealed.filter(team_id=team_id, table=table, row=row_id, field=field).delete()  # type: ignore[misc]


# In a session, which is no place to be found in: for as long as a page is filled in


def seal_for_session(user_id: UUID, field: str, text: str) -> str:
    return b64encode(load_keyset().encrypt(text.encode(), _place(None, "session", user_id, field))).decode()


def open_from_session(user_id: UUID, field: str, sealed: str) -> Secret[str]:
    """Raises SecretUnreadable."""
    try:
        return Secret(load_keyset().decrypt(b64decode(sealed), _place(None, "session", user_id, field)).decode())
    except (tink.TinkError, ValueError):
        raise SecretUnreadable(f"What the session holds as {field} does not open with this keyset.") from None


# Of many rows at once


def seal_many(team_id: UUID, table: str, field: str, texts: Mapping[UUID, Secret[str]]) -> None:
    """Seal the texts of rows of one table that have none in this field yet, in one query."""
    key = load_keyset()
    SealedSecret.sealed.bulk_create(
        SealedSecret(
            team_id=team_id, table=table, row=row_id, field=field,
            ciphertext=key.encrypt(text.reveal().encode(), _place(team_id, table, row_id, field)),
        )
        for row_id, text in texts.items()
    )  # fmt: skip


def sealed_rows(team_id: UUID, table: str, field: str, row_ids: Iterable[UUID]) -> set[UUID]:
    """Which of these rows have something sealed in this field."""
    found = SealedSecret.sealed.filter(team_id=team_id, table=table, field=field, row__in=list(row_ids))
    return set(found.values_list("row", flat=True))


def forget_many(team_id: UUID, table: str, row_ids: Iterable[UUID]) -> None:
    """Delete every secret of these rows."""
    SealedSecret.sealed.filter(team_id=team_id, table=table, row__in=list(row_ids)).delete()
