"""Passwords as people have them, long and with any characters, and sessions that are worth nothing when over."""

import re

import pytest
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.session_store import stored
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LONG = 'Ein sehr langer Satz, 很长的密码, mit  zwei Leerzeichen und "Zeichen" <&> ' + "x" * 40


@pytest.fixture(autouse=True)
def fresh_limits():
    """allauth counts attempts in the cache, which outlives a test."""
    cache.clear()


def is_in(client: Client) -> bool:
    return client.get("/account/password/change/").status_code == 200


def sign_in(email: str, password: str, client: Client | None = None) -> Client:
    client = client or Client()
    client.post("/account/login/", {"login": email, "password": password})
    return client


def change(client: Client, old: str, new: str) -> None:
    client.post("/account/password/change/", {"oldpassword": old, "password1": new, "password2": new})


def test_a_password_is_taken_exactly_as_it_was_typed(alice):
    change(sign_in(alice.email, PASSWORD), PASSWORD, LONG)
    assert len(LONG) > 64 and is_in(sign_in(alice.email, LONG))
    for other in (LONG[:-1], LONG[:64], LONG.lower(), LONG.replace("  ", " ")):
        assert not is_in(sign_in(alice.email, other)), other


def test_a_new_password_needs_the_old_one(alice):
    for old in ("", "wrong-wrong-wrong"):
        change(sign_in(alice.email, PASSWORD), old, LONG)
    assert is_in(sign_in(alice.email, PASSWORD)) and not is_in(sign_in(alice.email, LONG))


def test_a_password_is_hidden_and_may_be_filled_in(alice, as_user):
    pages = {
        "/account/login/": (Client(), {"password": "current-password"}),
        "/account/password/change/": (
            as_user(alice),
            {"oldpassword": "current-password", "password1": "new-password", "password2": "new-password"},
        ),
    }
    for path, (client, fields) in pages.items():
        page = client.get(path).content.decode()
        for name, kind in fields.items():
            [field] = re.findall(rf'<input[^>]*name="{name}"[^>]*>', page)
            assert 'type="password"' in field and f'autocomplete="{kind}"' in field, path
            assert "maxlength" not in field


def test_a_session_has_a_new_key_after_signing_in(alice):
    client = Client()
    client.get("/account/login/?next=/t/aero/images/")
    client.session.save()
    keys = {client.session.session_key}
    for _ in range(2):
        sign_in(alice.email, PASSWORD, client)
        keys.add(client.cookies[settings.SESSION_COOKIE_NAME].value)
        client.post("/account/logout/")
    assert len(keys) == 3 and all(re.fullmatch("[a-z0-9]{32}", key) for key in keys)


def test_a_session_has_a_new_key_after_a_confirmation(alice):
    client, thief = sign_in(alice.email, PASSWORD), Client()
    before = client.cookies[settings.SESSION_COOKIE_NAME].value
    thief.cookies[settings.SESSION_COOKIE_NAME] = before
    assert client.post("/account/reauthenticate/", {"password": "wrong"}).status_code == 200
    assert client.cookies[settings.SESSION_COOKIE_NAME].value == before and is_in(thief)
    assert client.post("/account/reauthenticate/?next=/account/", {"password": PASSWORD})["Location"] == "/account/"
    assert client.cookies[settings.SESSION_COOKIE_NAME].value != before
    assert is_in(client) and not is_in(thief)
    [row] = alice.usersession_set.all()
    assert row.session_key == stored(client.session.session_key), "and it is the same place in the list of sessions"


def test_the_key_of_an_ended_session_opens_nothing(alice):
    client = sign_in(alice.email, PASSWORD)
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    thief = Client()
    thief.cookies[settings.SESSION_COOKIE_NAME] = key
    assert is_in(thief)
    client.post("/account/logout/")
    assert not is_in(thief) and SESSION_KEY not in thief.session


def test_a_session_ends_when_its_person_is_switched_off(alice):
    client = sign_in(alice.email, PASSWORD)
    assert is_in(client)
    User.objects.filter(id=alice.id).update(is_active=False)
    assert not is_in(client)
