"""Whether anybody syncs at all: workers and the beat are heard of, or the Sources page says that they are not."""

import threading
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from catalog import tasks
from catalog.models import Pulse
from catalog.pulses import EVERY_SECONDS, attendance
from tests.waiting import wait_until
from tests.workers import kill, worker

NO_WORKER, STILL, GONE = "No worker is running.", "the beat, stands still.", "One worker is gone."


def heard(role: str, seconds_ago: int, **fields) -> Pulse:
    name = f"{role} {Pulse.objects.count()}"
    return Pulse.objects.create(name=name, role=role, seen_at=Now() - timedelta(seconds=seconds_ago), **fields)


def page(client) -> str:
    return client.get("/t/aero/sources/").content.decode()


def told(client) -> set[str]:
    shown = page(client)
    return {words for words in (NO_WORKER, STILL, GONE, "Nobody is syncing.") if words in shown}


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("workers", "beats", "words"),
    [
        ([], [], set()),
        ([5], [5], set()),
        ([61], [5], {NO_WORKER}),
        ([5], [61], {STILL}),
        ([61, 90_000], [9_000], {NO_WORKER, STILL}),
        ([5, 61], [5], {GONE}),
        ([5, 3_700], [5], set()),
        ([], [61], {STILL}),
    ],
)
def test_the_page_says_who_is_not_heard_of(as_user, bob, make_source, workers, beats, words):
    make_source("alibaba_ens_self")
    for seconds in workers:
        heard("worker", seconds)
    for seconds in beats:
        heard("beat", seconds)
    assert told(as_user(bob)) == words


@pytest.mark.django_db
def test_it_says_since_when_and_not_twice(as_user, bob, make_source):
    make_source("alibaba_ens_self", next_sync_at=Now() - timedelta(minutes=9))
    assert told(as_user(bob)) == {"Nobody is syncing."}
    heard("worker", 9 * 60)
    assert told(as_user(bob)) == {NO_WORKER} and "9 min ago" in page(as_user(bob))


@pytest.mark.django_db
def test_a_worker_that_stopped_in_order_is_missed_only_if_it_was_the_last():
    heard("worker", 5), heard("worker", 90, stopped_at=Now())
    assert attendance().is_complete
    Pulse.objects.filter(stopped_at=None).update(stopped_at=Now())
    assert attendance().idle_since == Pulse.objects.order_by("seen_at").last().seen_at


@pytest.mark.django_db
def test_what_nobody_misses_is_forgotten_but_not_the_last():
    heard("worker", 90_000), heard("worker", 95_000), heard("beat", 95_000)
    tasks.tidy()
    assert {(row.role, row.name) for row in Pulse.objects.all()} == {("worker", "worker 0"), ("beat", "beat 2")}
    assert attendance().idle_since


@pytest.mark.django_db
def test_it_is_one_query():
    for _ in range(5):
        heard("worker", 5)
    with CaptureQueriesContext(connection) as queries:
        attendance()
    assert len(queries) == 1


def set_back() -> None:
    Pulse.objects.update(seen_at=F("seen_at") - timedelta(minutes=2))


def is_heard(role: str) -> bool:
    return Pulse.objects.filter(role=role, seen_at__gt=Now() - timedelta(seconds=30)).exists()


@pytest.mark.slow
@pytest.mark.faults
@pytest.mark.django_db(transaction=True)
def test_a_worker_and_a_beat_that_are_killed_are_missed_and_heard_of_again(
    start_worker, start_beat, as_user, bob, make_source
):
    make_source("alibaba_ens_self", paused_at=Now(), paused_reason="admin")
    client, both = as_user(bob), [start_worker(), start_beat()]
    wait_until(lambda: is_heard("worker") and is_heard("beat"))
    assert told(client) == set()
    set_back()
    assert told(client) == {NO_WORKER, STILL}
    wait_until(lambda: told(client) == set())  # they go on
    for process in both:
        kill(process)
    set_back()
    threading.Event().wait(EVERY_SECONDS + 2)
    assert told(client) == {NO_WORKER, STILL}
    start_worker(), start_beat()
    wait_until(lambda: told(client) == set())


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_worker_that_is_stopped_says_so(as_user, bob):
    with worker():
        wait_until(lambda: is_heard("worker"))
        assert told(as_user(bob)) == set()
    assert Pulse.objects.get().stopped_at
    assert told(as_user(bob)) == {NO_WORKER}
