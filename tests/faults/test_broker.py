"""A broker that is killed and started again, with its data or without, or emptied, at every point of a sync.

PostgreSQL holds the truth and a message is only a hint: what runs goes on, what was queued is found, nobody is held up.
It is a Valkey of the test's own.
"""

import signal
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import redis
from django.test import Client
from django.urls import reverse

from accounts.models import User
from catalog.beat import QUEUE, Scheduler
from catalog.models import SyncRun
from catalog.runs import request_sync
from tests.catalog.test_beat import beat, make_due, tick_all  # noqa: F401 - a fixture
from tests.conftest import PASSWORD
from tests.faults.runs import announce, begin, has_ended, held_up, nothing_is_queued
from tests.faults.servers import OwnServer
from tests.faults.stage import Stage
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("broker"),  # before anything is queued
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]


@pytest.fixture
def stages(make_stage: Callable[..., Stage]) -> list[Stage]:
    """One that is synced while it happens, one whose message waits, one that is asked for while the broker is down."""
    return [make_stage("alibaba_ens_self"), make_stage("alibaba_ens_public"), make_stage("alibaba_ehpc_custom")]


def finish(stages: list[Stage], runs: list[SyncRun]) -> None:
    """All that was asked for is done, and so is what is asked for next."""
    for stage, run in zip(stages, runs, strict=True):
        wait_until(partial(has_ended, run))
        assert (run.state, run.attempt, run.error) == ("complete", 1, None)
        stage.check_shows_now()
    again = begin(stages[0])
    wait_until(lambda: has_ended(again))
    assert (again.state, again.attempt) == ("complete", 1)
    stages[0].sync()


@pytest.mark.parametrize("point", ["listing", "applying"])
@pytest.mark.parametrize("pool", ["threads", "prefork"])
@pytest.mark.parametrize("keeps", [True, False], ids=["with its data", "without its data"])
def test_one_that_is_killed_and_started_again_stops_no_sync(
    stages: list[Stage], broker: OwnServer, start_worker: Any, alice: User, pool: str, point: str, keeps: bool
) -> None:
    running = begin(stages[0])
    with held_up(stages[0], running.id, point) as reach:
        start_worker(pool, concurrency=1)
        reach()
        waiting = begin(stages[1])
        broker.end(signal.SIGKILL)
        asked = ask(stages[2], alice)
        if not keeps:
            broker.forget()
        broker.start()
    wait_until(lambda: has_ended(running))
    if not keeps:
        assert not has_ended(waiting) and not has_ended(asked)
    announce()
    finish(stages, [running, waiting, asked])


def ask(stage: Stage, person: User) -> SyncRun:
    """*Sync now* of the page, by somebody who signs in first. They need no broker."""
    client = Client()
    signed_in = client.post(reverse("account_login"), {"login": person.email, "password": PASSWORD})
    assert (signed_in.status_code, signed_in["Location"]) == (302, "/")
    answer = client.post(f"/t/aero/sources/{stage.source.id}/sync/")
    assert answer.status_code == 302
    assert client.get("/t/aero/sources/").status_code == 200
    return SyncRun.objects.get(source=stage.source, state="queued")


@pytest.mark.parametrize("point", ["listing", "applying"])
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_one_that_is_emptied_stops_no_sync(
    stages: list[Stage], broker: OwnServer, start_worker: Any, alice: User, pool: str, point: str
) -> None:
    running = begin(stages[0])
    with held_up(stages[0], running.id, point) as reach:
        start_worker(pool, concurrency=1)
        reach()
        waiting = begin(stages[1])
        with redis.Redis.from_url(broker.url) as valkey:
            valkey.flushall()
            assert not valkey.dbsize()
        asked = request_sync(stages[2].source, alice)
    assert asked
    wait_until(lambda: has_ended(running) and has_ended(asked))  # its message came after
    wait_until(nothing_is_queued)
    announce()
    finish(stages, [running, waiting, asked])


def test_the_beat_goes_on(broker: OwnServer, beat: Scheduler) -> None:  # noqa: F811
    def sent() -> int:
        make_due(beat)
        tick_all(beat)
        with redis.Redis.from_url(broker.url) as valkey:
            return int(valkey.llen(QUEUE)) if broker.is_up else 0

    assert sent() == len(beat.schedule)
    broker.end(signal.SIGKILL)
    assert sent() == 0
    broker.forget()
    broker.start()
    assert sent() == len(beat.schedule)
