"""A key's whole life: added, promoted, everything sealed anew with it, the old one dropped; killed at any point."""

import json
import os
import signal
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.keysets import key_of, keys_of, primary_of, with_new_key, with_primary, without
from accounts.models import AuditEvent, SealedSecret, Team
from accounts.rotation import BATCH
from accounts.secrets import KeysetError, Secret, new_keyset, open_secret, seal, seal_many
from tests.processes import answer, manage, refused, start_manage
from tests.waiting import wait_until

pytestmark = [pytest.mark.crypto, pytest.mark.django_db(transaction=True)]
TABLE, FIELD = "accounts_cloudaccount", "credential"
MANY = 2 * BATCH + 100


def sealed(team: Team, count: int) -> dict[uuid.UUID, str]:
    texts = {uuid.uuid4(): f"s3cret-{n}-开放" for n in range(count)}
    seal_many(team.id, TABLE, FIELD, {row: Secret(text) for row, text in texts.items()})
    return texts


def opened(team: Team, texts: dict[uuid.UUID, str]) -> dict[uuid.UUID, str]:
    return {row: open_secret(team.id, TABLE, row, FIELD).reveal() for row in texts}


def keys_in_use() -> dict[int | None, int]:
    found: dict[int | None, int] = {}
    for ciphertext in SealedSecret.sealed.values_list("ciphertext", flat=True):
        key = key_of(bytes(ciphertext))
        found[key] = found.get(key, 0) + 1
    return found


@pytest.fixture
def keyset() -> Secret[str]:
    return Secret(os.environ["BOOTSHELF_KEYSET"])


@pytest.fixture
def promoted(keyset: Secret[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """The id of a second key, which is the primary one of the keyset that everything runs with, from when it is set."""
    made, key_id = with_new_key(keyset)
    monkeypatch.setenv("NEW_KEYSET", with_primary(made, key_id).reveal())
    return key_id


def take_new(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOOTSHELF_KEYSET", os.environ["NEW_KEYSET"])


# The keyset


def test_a_new_key_opens_and_does_not_seal_until_it_is_promoted(keyset):
    made, key_id = with_new_key(keyset)
    assert [(key.id, key.is_primary) for key in keys_of(made)] == [(1, True), (key_id, False)]
    assert primary_of(with_primary(made, key_id)).id == key_id
    assert [key.id for key in keys_of(without(with_primary(made, key_id), 1))] == [key_id]
    assert keyset.reveal() == os.environ["BOOTSHELF_KEYSET"]


@pytest.mark.parametrize("change", [lambda k: with_primary(k, 7), lambda k: without(k, 7), lambda k: without(k, 1)])
def test_a_key_that_is_not_there_or_that_seals_is_one_clear_line(keyset, change):
    with pytest.raises(KeysetError, match=r"^(The keyset has no key 7\. It has 1\.|The key 1 is the primary one, .*)$"):
        change(keyset)


def test_a_disabled_key_is_not_promoted(keyset):
    made, key_id = with_new_key(keyset)
    document = json.loads(made.reveal())
    document["key"][1]["status"] = "DISABLED"
    with pytest.raises(KeysetError, match="is not enabled"):
        with_primary(Secret(json.dumps(document)), key_id)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "keyset.json"
    path.write_text(new_keyset(), encoding="utf-8")
    path.chmod(0o640)
    return path


def by_file(file: Path, *words: str, **extra: str | None) -> Any:
    return manage(*words, BOOTSHELF_KEYSET=None, BOOTSHELF_KEYSET_FILE=str(file), **extra)


def test_a_rotation_from_the_first_step_to_the_last(file: Path, team: Team, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    monkeypatch.setenv("BOOTSHELF_KEYSET_FILE", str(file))
    texts = sealed(team, 30)
    ((old, _),) = keys_in_use().items()
    first = file.stat().st_ino
    added = answer(by_file(file, "keyset", "add", "--json"))["keys"][1]["id"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_ino != first
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    seal(team.id, TABLE, (row := uuid.uuid4()), FIELD, "while it is only added")
    assert set(keys_in_use()) == {old}
    answer(by_file(file, "keyset", "promote", str(added), "--json"))
    assert f"{old}" in refused(by_file(file, "keyset", "drop", str(old)))
    told = answer(by_file(file, "secrets_rotate", "--json"), 0)
    assert told == {"key": added, "resealed": 31, "unreadable": 0}
    doctor = answer(by_file(file, "secrets_doctor", "--json"))
    assert doctor["keys"] == [
        {"id": old, "primary": False, "enabled": True, "secrets": 0, "may_go": True},
        {"id": added, "primary": True, "enabled": True, "secrets": 31, "may_go": False},
    ]
    assert by_file(file, "keyset", "drop", str(old)).stdout.startswith(f"The key {old} is gone.")
    assert by_file(file, "keyset", "show").stdout == f"{added} primary\n"
    assert opened(team, texts | {row: "while it is only added"}) == texts | {row: "while it is only added"}


def test_a_keyset_in_the_variable_is_printed(file: Path):
    done = manage("keyset", "add", BOOTSHELF_KEYSET=file.read_text(encoding="utf-8"))
    assert len(keys_of(Secret(done.stdout))) == 2 and len(done.stdout.splitlines()) == 1
    assert "Put the keyset above where the old one was." in done.stderr


def test_a_keyset_that_cannot_be_replaced_stays_and_is_one_clear_line(file: Path):
    before = file.read_text(encoding="utf-8")
    file.with_name("keyset.json.new").mkdir()
    assert "cannot be replaced" in refused(by_file(file, "keyset", "add"))
    assert file.read_text(encoding="utf-8") == before
    assert len(keys_of(Secret(by_file(file, "keyset", "add", "--print").stdout))) == 2


@pytest.mark.parametrize("words", [["add", "7"], ["promote"], ["drop", "x"], ["drop", "99999999999"], ["promote", "7"]])
def test_a_key_that_is_none_changes_nothing(file: Path, words: list[str]):
    before = file.read_text(encoding="utf-8")
    refused(by_file(file, "keyset", *words))
    assert file.read_text(encoding="utf-8") == before


@pytest.mark.parametrize(
    ("mode", "debug", "starts"),
    [(0o604, "", False), (0o644, "", False), (0o640, "", True), (0o600, "", True), (0o644, "true", True)],
)
def test_the_start_refuses_a_keyset_that_others_may_read(file: Path, mode: int, debug: str, starts: bool):
    file.chmod(mode)
    done = by_file(file, "check", DEBUG=debug)
    assert (done.returncode == 0) == starts
    assert ("bootshelf.E003" in done.stderr) != starts and "Traceback" not in done.stderr


# Sealing anew


def test_everything_is_sealed_anew_and_only_the_ciphertext_changes(team, promoted, monkeypatch):
    texts = sealed(team, MANY)
    take_new(monkeypatch)
    sealed(team, 5)
    rest = ("id", "team", "table", "row", "field", "sealed_at")
    before = list(SealedSecret.sealed.order_by("id").values_list(*rest))
    done = manage("secrets_rotate")
    assert (done.returncode, done.stdout) == (0, f"{MANY} secrets are sealed with the key {promoted} now.\n")
    assert done.stderr.splitlines() == [f"{n} of {MANY}" for n in (BATCH, 2 * BATCH, MANY)]
    assert list(SealedSecret.sealed.order_by("id").values_list(*rest)) == before, (
        "a lease knows a credential by its time"
    )
    assert keys_in_use() == {promoted: MANY + 5} and opened(team, texts) == texts
    row = AuditEvent.objects.get()
    assert (row.actor, row.action, row.team) == ("secrets_rotate", "secrets.rotated", None)
    assert row.changes == {"key_id": promoted, "rows": MANY}
    assert manage("secrets_rotate").stdout.startswith("0 secrets") and AuditEvent.objects.count() == 1


def test_what_is_a_persons_own_is_sealed_anew_and_examined_too(team, promoted, monkeypatch):
    """The seed of a second factor, which is of no team."""
    own = (None, "accounts_user", uuid.uuid4(), "totp")
    seal(*own, "seed of a second factor")
    take_new(monkeypatch)
    assert answer(manage("secrets_rotate", "--json"))["resealed"] == 1
    assert keys_in_use() == {promoted: 1} and open_secret(*own).reveal() == "seed of a second factor"
    SealedSecret.sealed.update(row=uuid.uuid4())
    lost = json.loads(manage("secrets_doctor", "--json").stdout)["unreadable"]
    assert [(one["team"], one["table"], one["field"]) for one in lost] == [(None, "accounts_user", "totp")]


def test_killed_half_way_it_goes_on_the_next_time(team: Team, promoted: int, monkeypatch: pytest.MonkeyPatch):
    texts = sealed(team, MANY)
    take_new(monkeypatch)
    in_second_batch = SealedSecret.sealed.order_by("id")[BATCH + 10].id
    with transaction.atomic():
        SealedSecret.sealed.select_for_update().get(id=in_second_batch)  # it waits here
        process = start_manage("secrets_rotate")
        wait_until(lambda: waits_for_a_lock() or process.poll() is not None)
        process.send_signal(signal.SIGKILL)
        process.communicate()
    assert process.returncode == -signal.SIGKILL
    wait_until(lambda: not waits_for_a_lock())
    assert keys_in_use() == {promoted: BATCH, 1: MANY - BATCH}, "a batch is whole or not begun"
    assert opened(team, texts) == texts
    assert answer(manage("secrets_doctor", "--json"))["opened"] == MANY
    assert answer(manage("secrets_rotate", "--json"))["resealed"] == MANY - BATCH
    assert keys_in_use() == {promoted: MANY} and opened(team, texts) == texts
    assert [row.changes["rows"] for row in AuditEvent.objects.order_by("id")] == [MANY, MANY - BATCH]


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


def test_a_secret_that_is_replaced_meanwhile_keeps_its_new_text(team: Team, promoted: int, monkeypatch):
    texts = sealed(team, 3)
    row = next(iter(texts))
    take_new(monkeypatch)
    with transaction.atomic():
        seal(team.id, TABLE, row, FIELD, "typed meanwhile")
        process = start_manage("secrets_rotate")
        wait_until(lambda: waits_for_a_lock() or process.poll() is not None)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 0, told
    assert opened(team, texts) == texts | {row: "typed meanwhile"}


# What does not open


@pytest.fixture
def stranger(team: Team, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """The ciphertext of a secret whose key is lost, among others that open."""
    own = os.environ["BOOTSHELF_KEYSET"]
    monkeypatch.setenv("BOOTSHELF_KEYSET", new_keyset())
    sealed(team, 1)
    ciphertext = bytes(SealedSecret.sealed.get().ciphertext)
    monkeypatch.setenv("BOOTSHELF_KEYSET", own)
    sealed(team, 2)
    return ciphertext


def test_a_secret_of_a_lost_key_stays_and_is_told_without_its_ciphertext(team, stranger, promoted, monkeypatch):
    take_new(monkeypatch)
    lost = key_of(stranger)
    for command, code in (("secrets_doctor", 1), ("secrets_rotate", 1), ("secrets_doctor", 1)):
        done = manage(command)
        assert done.returncode == code
        line = done.stderr.splitlines()[-1]
        assert line.startswith(f"1 secrets do not open with this keyset: 1 sealed with the key {lost}.")
        for shown in (stranger, stranger[5:]):
            assert shown.hex()[:16] not in done.stdout + done.stderr
    assert keys_in_use() == {lost: 1, promoted: 2}
    assert SealedSecret.sealed.filter(ciphertext=stranger).exists()
    document = json.loads(manage("secrets_doctor", "--json").stdout)
    assert [(one["table"], one["key"]) for one in document["unreadable"]] == [(TABLE, lost)]
    assert not any(key["may_go"] for key in document["keys"]), "the key that is sought may be among them"


@pytest.mark.parametrize("command", ["secrets_rotate", "secrets_doctor", "keyset"])
@pytest.mark.parametrize("keyset", [None, "{}", "not a keyset", '{"primaryKeyId":5,"key":[]}'])
def test_a_missing_or_broken_keyset_is_one_clear_line(team, command, keyset):
    sealed(team, 1)
    before = bytes(SealedSecret.sealed.get().ciphertext)
    words = ["keyset", "show"] if command == "keyset" else [command]
    assert "BOOTSHELF_KEYSET is not" in refused(manage(*words, BOOTSHELF_KEYSET=keyset))
    assert bytes(SealedSecret.sealed.get().ciphertext) == before


def test_a_ciphertext_too_short_to_name_its_key_is_counted_too(team):
    sealed(team, 2)
    SealedSecret.sealed.filter(id=SealedSecret.sealed.order_by("id")[0].id).update(ciphertext=b"\x01\x02")
    done = manage("secrets_doctor")
    assert done.returncode == 1 and "1 sealed with an unknown key" in done.stderr
    assert done.stdout.startswith("1 of 2 secrets open.")


def test_a_key_that_seals_without_a_mark_is_not_rotated_to(team, monkeypatch):
    sealed(team, 1)
    document = json.loads(os.environ["BOOTSHELF_KEYSET"])
    document["key"][0]["outputPrefixType"] = "RAW"
    monkeypatch.setenv("BOOTSHELF_KEYSET", json.dumps(document))
    assert "output prefix is not TINK" in refused(manage("secrets_rotate"))
