"""Somebody guesses the addresses of feeds: after a few they are told nothing, not even of a right one."""

import secrets
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Membership, Team, User
from catalog import actions
from config import cache as config_cache

MOST, WINDOW_SECONDS = 20, 300  # accounts/limits.py

pytestmark = [pytest.mark.access, pytest.mark.django_db]


@pytest.fixture(params=["Valkey is there", "Valkey is away"], autouse=True)
def _both_ways(request: pytest.FixtureRequest, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if request.param == "Valkey is away":
        settings.CACHES = {"default": settings.CACHES["default"] | {"LOCATION": "unix:///nowhere/valkey.sock"}}
        monkeypatch.setattr(config_cache, "_away_until", 0.0)
    cache.clear()
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def window(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time as the counter sees it: a test does not run over the end of a window by chance."""
    now = [1_000_000.0 * WINDOW_SECONDS]
    monkeypatch.setattr(ratelimit.time, "time", lambda: now[0])
    return now


@pytest.fixture
def address(team: Team, bob: User) -> str:
    _feed, token = actions.make_feed(Membership.objects.get(team=team, user=bob), None)
    return f"/feeds/{token}/changes.atom"


def guess(count: int, **sender: str) -> Counter[int]:
    client = Client()
    return Counter(
        client.get(f"/feeds/{secrets.token_urlsafe(32)}/changes.atom", **sender).status_code for _ in range(count)
    )


def test_who_guesses_is_soon_told_nothing(address: str) -> None:
    assert guess(500, REMOTE_ADDR="203.0.113.7") == {404: MOST, 429: 500 - MOST}
    answer = Client().get(address, REMOTE_ADDR="203.0.113.7")
    assert (answer.status_code, answer["Retry-After"]) == (429, "60"), "a right guess is not told from a wrong one"
    assert Client().get(address, REMOTE_ADDR="203.0.113.8").status_code == 200, "others read on"


def test_what_is_refused_is_not_looked_up(address: str) -> None:
    guess(MOST)
    with CaptureQueriesContext(connection) as captured:
        assert guess(50) == {429: 50}
    assert len(captured) == 0


def test_it_ends(address: str, window: list[float]) -> None:
    assert guess(MOST + 1)[429] == 1
    window[0] += WINDOW_SECONDS
    assert Client().get(address).status_code == 200 and guess(1) == {404: 1}


def test_who_reads_their_own_feed_does_not_guess(address: str) -> None:
    for _ in range(3):
        guess(MOST // 3)
        assert Client().get(address).status_code == 200


def test_a_host_with_many_addresses_is_one(address: str) -> None:
    codes = Counter[int]()
    for n in range(3 * MOST):
        codes += guess(1, REMOTE_ADDR=f"2001:db8:1:2::{n:x}")
    assert codes == {404: MOST, 429: 2 * MOST}
    assert guess(1, REMOTE_ADDR="2001:db8:1:3::1") == {404: 1}


@pytest.mark.parametrize("odd", ["x", "%00", "%ff", "a" * 5000, "…"])
def test_a_token_that_is_none_at_all_is_a_guess_too(odd: str) -> None:
    assert [Client().get(f"/feeds/{odd}/changes.atom").status_code for _ in range(MOST + 1)][-2:] == [404, 429]
