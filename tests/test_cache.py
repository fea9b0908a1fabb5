"""The cache with Valkey and without: people sign in, and are limited, all the same."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from config import cache as config_cache
from tests.conftest import PASSWORD


@pytest.fixture
def valkey_is_away(settings, monkeypatch):
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/valkey.sock"}}
    monkeypatch.setattr(config_cache, "_away_until", 0.0)
    yield
    cache.own.clear()


@pytest.fixture(params=["there", "away"])
def valkey(request):
    if request.param == "away":
        request.getfixturevalue("valkey_is_away")
    cache.clear()


def sign_in(email: str, password: str):
    return Client().post(reverse("account_login"), {"login": email, "password": password})


def test_it_keeps_what_it_is_given(valkey):
    assert cache.add("a", 1) and not cache.add("a", 2)
    cache.set_many({"b": "x", "c": [2.5]})
    assert cache.get_many(["a", "b", "c", "d"]) == {"a": 1, "b": "x", "c": [2.5]}
    assert cache.incr("a") == 2 and cache.touch("b") and "b" in cache and "d" not in cache
    cache.delete("a"), cache.delete_many(["b"])
    assert cache.get("a", "gone") == "gone" and cache.get("b") is None and cache.get("c") == [2.5]
    cache.clear()
    assert cache.get("c") is None


@pytest.mark.django_db
def test_people_sign_in(valkey, alice):
    assert sign_in(alice.email, PASSWORD)["Location"] == "/"


@pytest.mark.django_db
def test_who_guesses_passwords_is_stopped(valkey, alice):
    for number in range(5):
        assert b"Too many" not in sign_in(alice.email, f"wrong-{number}").content
    refused = sign_in(alice.email, PASSWORD)
    assert refused.status_code == 429 and b"Too many" in refused.content


@pytest.mark.django_db
def test_it_is_not_asked_again_at_once(valkey_is_away, alice, caplog):
    for _ in range(3):
        sign_in(alice.email, PASSWORD)
    assert [record.message for record in caplog.records if "Valkey is away" in record.message] == [
        "the cache is this process's own, Valkey is away (ConnectionError)"
    ]


def test_it_is_asked_again_after_a_while(valkey_is_away, settings, monkeypatch):
    cache.set("a", 1)
    settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": settings.REDIS_URL}}
    cache.delete("a")
    monkeypatch.setattr(config_cache, "_away_until", 0.0)
    cache.set("a", 2)
    assert cache.get("a") == 2 and cache.own.get("a") is None
    cache.clear()
