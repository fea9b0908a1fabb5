"""A PostgreSQL that is restarted, or away for a while, at every point of a sync. It is one of the tests' own."""

import signal
import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from catalog.models import SyncRun
from catalog.pulses import attendance
from catalog.runs import request_sync
from tests.faults.runs import LONG_SECONDS, POINTS, announce, begin, has_ended, held_up
from tests.faults.servers import OwnServer
from tests.faults.stage import Stage
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("database"),  # before there is a row
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(400),
]

AWAY_SECONDS = 20.0


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()


def restart(server: OwnServer) -> None:
    """As `pg_ctl restart -m immediate`: nobody is asked to finish, and what was not committed is gone."""
    server.end(signal.SIGQUIT)
    server.start()


def is_queued_again(run: SyncRun) -> bool:
    return SyncRun.objects.filter(id=run.id, state="queued", attempt=2).exists()


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("pool", ["threads", "prefork"])
def test_a_worker_gives_its_run_back_and_the_next_attempt_finishes(
    stage: Stage, database: OwnServer, start_worker: Any, pool: str, point: str
) -> None:
    run = begin(stage)
    with held_up(stage, run.id, point) as reach:
        start_worker(pool)
        reach()
        restart(database)
    wait_until(lambda: is_queued_again(run))
    stage.check_untouched()
    announce()
    wait_until(lambda: has_ended(run))
    assert (run.state, run.attempt, run.error) == ("complete", 2, None)
    stage.check_shows_now()
    stage.sync()


@pytest.mark.parametrize("point", POINTS)
def test_a_command_starts_its_run_again_by_itself(
    stage: Stage, database: OwnServer, start_command: Any, point: str
) -> None:
    run = begin(stage)
    with held_up(stage, run.id, point) as reach:
        command = start_command()
        reach()
        restart(database)
    out, told = command.communicate(timeout=120)
    assert command.returncode == 0 and "complete" in out and "Traceback" not in told
    run.refresh_from_db()
    assert (run.state, run.attempt, run.error) == ("complete", 2, None)
    stage.check_shows_now()
    stage.sync()


@pytest.mark.parametrize("point", ["listing", "applying"])
def test_one_that_is_away_for_twenty_seconds_holds_a_sync_up_and_no_more(
    stage: Stage, database: OwnServer, start_worker: Any, start_brisk_beat: Any, alice: Any, point: str
) -> None:
    """Nobody helps: the run's lease is over, the beat has it looked for, the worker takes it again."""
    run = request_sync(stage.source, alice)
    assert run
    with held_up(stage, run.id, point) as reach:
        start_worker(), start_brisk_beat()
        reach()
        wait_until(lambda: attendance().workers)
        database.end(signal.SIGINT)
    assert Client().get("/health/").status_code == 503
    threading.Event().wait(AWAY_SECONDS)
    stage.cloud.fail(times=0, delay=LONG_SECONDS)  # nobody lists until it was looked at
    database.start()
    assert Client().get("/health/").status_code == 200
    stage.check_untouched()
    stage.cloud.heal()
    stage.cloud.hang_up()
    wait_until(lambda: has_ended(run), 200)
    assert (run.state, run.attempt, run.error) == ("complete", 2, None)
    stage.check_shows_now()
    wait_until(lambda: attendance().is_complete)
    again = request_sync(stage.source, alice)
    wait_until(lambda: has_ended(again))
    assert (again.state, again.attempt) == ("complete", 1)
    stage.sync()
