"""Sealing and opening: what is bound to a place opens nowhere else, and a Secret shows itself to nobody."""

import copy
import json
import logging
import os
import pickle
import traceback
import uuid

import pytest
from django.db import connection

from accounts.models import SealedSecret, Team
from accounts.secrets import (
    KeysetError,
    Secret,
    SecretUnreadable,
    forget,
    is_sealed,
    load_keyset,
    new_keyset,
    open_secret,
    seal,
)
from tests.processes import manage

pytestmark = [pytest.mark.crypto, pytest.mark.django_db]
TABLE, FIELD, TEXT = "accounts_cloudaccount", "credential", "s3cret-开放-🔑"


type Place = tuple[uuid.UUID, str, uuid.UUID, str]


@pytest.fixture
def place(team: Team) -> Place:
    found: Place = (team.id, TABLE, uuid.uuid4(), FIELD)
    seal(*found, TEXT)
    return found


def test_a_sealed_text_opens_at_its_place(place: Place):
    assert open_secret(*place).reveal() == TEXT
    assert is_sealed(*place)


def test_the_database_holds_no_part_of_it(place: Place):
    with connection.cursor() as cursor:
        cursor.execute("SELECT ciphertext FROM accounts_sealedsecret")
        ((ciphertext,),) = cursor.fetchall()
    assert TEXT.encode() not in bytes(ciphertext)
    assert b"s3cret" not in bytes(ciphertext)


def test_sealing_the_same_text_twice_gives_two_ciphertexts(place: Place):
    first = bytes(SealedSecret.sealed.get().ciphertext)
    seal(*place, TEXT)
    assert bytes(SealedSecret.sealed.get().ciphertext) != first


def test_sealing_again_replaces_what_was_there(place: Place):
    seal(*place, "another")
    assert open_secret(*place).reveal() == "another"
    assert SealedSecret.sealed.count() == 1


@pytest.mark.parametrize("moved", ["team", "table", "row", "field"])
def test_a_ciphertext_moved_elsewhere_does_not_open(place: Place, other_team, moved):
    there = {"team": other_team.id, "table": "catalog_registration", "row": uuid.uuid4(), "field": "registry_password"}
    column = "team_id" if moved == "team" else moved
    SealedSecret.sealed.update(**{column: there[moved]})
    elsewhere = tuple(
        there[name] if name == moved else here
        for name, here in zip(("team", "table", "row", "field"), place, strict=True)
    )
    with pytest.raises(SecretUnreadable) as caught:
        open_secret(*elsewhere)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


def test_two_swapped_ciphertexts_do_not_open(place: Place):
    other = (*place[:2], uuid.uuid4(), FIELD)
    seal(*other, "the other")
    one, two = SealedSecret.sealed.order_by("row")
    for row, ciphertext in ((one, bytes(two.ciphertext)), (two, bytes(one.ciphertext))):
        SealedSecret.sealed.filter(id=row.id).update(ciphertext=ciphertext)
    for where in (place, other):
        with pytest.raises(SecretUnreadable):
            open_secret(*where)


@pytest.mark.parametrize("damage", [lambda c: c[:-1], lambda c: c[:20] + bytes([c[20] ^ 1]) + c[21:], lambda c: b""])
def test_a_damaged_ciphertext_does_not_open_and_is_not_shown(place: Place, damage):
    ciphertext = bytes(SealedSecret.sealed.get().ciphertext)
    SealedSecret.sealed.update(ciphertext=damage(ciphertext))
    with pytest.raises(SecretUnreadable) as caught:
        open_secret(*place)
    assert ciphertext.hex()[:16] not in str(caught.value)


def test_another_keyset_does_not_open_it(place: Place, monkeypatch):
    monkeypatch.setenv("BOOTSHELF_KEYSET", new_keyset())
    with pytest.raises(SecretUnreadable, match="does not open with this keyset"):
        open_secret(*place)


def test_a_missing_secret_is_an_error_and_not_an_empty_text(team):
    with pytest.raises(SecretUnreadable, match="No secret is kept"):
        open_secret(team.id, TABLE, uuid.uuid4(), FIELD)


def test_forgetting_a_row_deletes_every_secret_of_it_and_no_other(place: Place):
    team_id, table, row, _ = place
    seal(team_id, table, row, "second", "x")
    seal(team_id, table, uuid.uuid4(), FIELD, "stays")
    forget(team_id, table, row)
    assert not is_sealed(*place) and SealedSecret.sealed.count() == 1


def test_secrets_go_with_their_team(place: Place, team):
    team.delete()
    assert not SealedSecret.sealed.exists()


# What a Secret refuses

SECRET = Secret(TEXT)


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r}".format,
        lambda s: f"{s}",
        lambda s: f"{s:>40}",
        lambda s: "%s" % s,  # noqa: UP031
        lambda s: "%r" % [s],
    ],
)
def test_a_secret_hides_itself_from_every_way_of_printing(show):
    assert TEXT not in show(SECRET) and "••••" in show(SECRET)


@pytest.mark.parametrize(
    "take",
    [
        pickle.dumps,
        lambda s: pickle.dumps(s, 0),
        copy.copy,
        copy.deepcopy,
        json.dumps,
        lambda s: json.dumps({"password": s}),
        vars,
        lambda s: s.__getstate__(),
        lambda s: s + "",
        lambda s: s.encode(),
    ],
)
def test_a_secret_refuses_to_be_taken_along(take):
    with pytest.raises((TypeError, AttributeError)) as caught:
        take(SECRET)
    assert TEXT not in str(caught.value)


def test_a_secret_refuses_djangos_and_celerys_json():
    from django.core.serializers.json import DjangoJSONEncoder
    from kombu.utils.json import dumps

    for encode in (dumps, lambda s: json.dumps(s, cls=DjangoJSONEncoder)):
        with pytest.raises(Exception) as caught:
            encode(SECRET)
        assert TEXT not in str(caught.value)


def test_a_secret_is_not_compared_by_its_text():
    assert Secret(TEXT) != Secret(TEXT) and hash(Secret(TEXT)) != hash(TEXT)


def test_a_logged_secret_stays_hidden(caplog):
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("any").debug("here %s %r %s", SECRET, SECRET, {"a": SECRET})
    assert "here" in caplog.text and TEXT not in caplog.text


def test_a_sealed_row_shows_only_what_it_is(place: Place):
    row = SealedSecret.sealed.get()
    assert repr(row) == str(row) == "<SealedSecret accounts_cloudaccount.credential>"


def test_secrets_are_absent_from_default_queries_and_from_related_managers(place: Place, team):
    assert not hasattr(SealedSecret, "objects")
    assert not any("sealed" in name for name in dir(team))


# The keyset


def test_a_missing_keyset_is_one_clear_line(place: Place, monkeypatch):
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    for act in (load_keyset, lambda: open_secret(*place), lambda: seal(*place, "x")):
        with pytest.raises(KeysetError) as caught:
            act()
        assert str(caught.value).startswith("BOOTSHELF_KEYSET is not set.") and "\n" not in str(caught.value)


def test_nothing_is_written_as_plain_text_without_a_keyset(place: Place, monkeypatch):
    before = bytes(SealedSecret.sealed.get().ciphertext)
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    with pytest.raises(KeysetError):
        seal(*place, "x")
    assert bytes(SealedSecret.sealed.get().ciphertext) == before


@pytest.mark.parametrize("text", ["not json", "{}", "[]", '{"primaryKeyId": 1, "key": []}', '"x"', "null", "{\0"])
def test_a_wrong_keyset_is_one_clear_line_that_does_not_repeat_it(monkeypatch, text):
    monkeypatch.setattr("config.env.text", lambda name: text)
    with pytest.raises(KeysetError, match=r"^BOOTSHELF_KEYSET is not a Tink AEAD keyset in JSON\.$"):
        load_keyset()


def test_a_keyset_of_another_kind_is_refused(monkeypatch):
    import tink
    from tink import json_proto_keyset_format, mac, secret_key_access

    mac.register()
    handle = tink.new_keyset_handle(mac.mac_key_templates.HMAC_SHA256_128BITTAG)
    monkeypatch.setenv("BOOTSHELF_KEYSET", json_proto_keyset_format.serialize(handle, secret_key_access.TOKEN))
    with pytest.raises(KeysetError):
        load_keyset()


def test_a_keyset_comes_from_a_file(place: Place, monkeypatch, tmp_path):
    file = tmp_path / "keyset.json"
    file.write_text(os.environ["BOOTSHELF_KEYSET"] + "\n")
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    monkeypatch.setenv("BOOTSHELF_KEYSET_FILE", str(file))
    assert open_secret(*place).reveal() == TEXT


def test_a_keyset_whose_file_is_gone_is_one_clear_line(place: Place, monkeypatch, tmp_path):
    """An error of whoever needs it, and not the end of the process."""
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    monkeypatch.setenv("BOOTSHELF_KEYSET_FILE", str(tmp_path / "gone"))
    with pytest.raises(KeysetError, match=r"^BOOTSHELF_KEYSET_FILE names .*, which cannot be read: No such file"):
        open_secret(*place)


def test_no_report_of_an_error_shows_a_keyset_or_what_was_to_be_sealed(place: Place, monkeypatch):
    broken = os.environ["BOOTSHELF_KEYSET"].replace('"ENABLED"', '"ENABLED?"')
    for keyset in (broken, ""):
        monkeypatch.setenv("BOOTSHELF_KEYSET", keyset)
        for act in (lambda: open_secret(*place), lambda: seal(*place, TEXT), lambda: seal(*place, Secret(TEXT))):
            with pytest.raises(KeysetError) as caught:
                act()
            error = caught.value.with_traceback(caught.tb.tb_next)  # without this test's own frame
            report = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
            assert "in load_keyset" in report and "GiAAAQID" not in report and TEXT not in report


def test_the_start_names_a_missing_keyset():
    done = manage("check", BOOTSHELF_KEYSET=None)
    assert done.returncode == 1 and "BOOTSHELF_KEYSET is not set." in done.stderr
    assert "Traceback" not in done.stderr
