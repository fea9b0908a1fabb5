"""Workers that are killed, frozen or too many, for real: processes and signals."""

import signal
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from catalog.errors import explain
from catalog.models import SyncRun
from catalog.queueing import send
from catalog.runs import TASK, request_sync, start_run
from catalog.sync import run_sync
from tests.faults.runs import (
    POINTS,
    begin,
    has_ended,
    held_up,
    is_at,
    lose,
    nothing_is_queued,
    somebody_waits_for_the_run,
    temporary_tables,
)
from tests.faults.stage import Stage
from tests.waiting import wait_until
from tests.workers import kill

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

OPERATION = "DescribeSelfImages"
PAGES = 3
# A process with this in it is killed by itself as soon as it connects to the cloud, and leaves its number in a file.
POISON = """
import os, signal, sys

def die(event, words):
    if event == "socket.connect" and words[1][:2] == ("127.0.0.1", {port}):
        open("{graves}/" + str(os.getpid()), "w").close()
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(die)
"""

type Process = subprocess.Popen[Any]


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()


def children(process: Process) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("by", ["command", "threads", "prefork"])
def test_a_worker_that_is_killed_leaves_nothing_and_the_next_attempt_finishes(
    stage: Stage, start_worker: Any, start_command: Any, by: str, point: str
) -> None:
    """The whole tree of its processes: a prefork worker has two children."""
    run = begin(stage)
    with held_up(stage, run.id, point) as reach:
        worker = start_command() if by == "command" else start_worker(by)
        reach()
        kill(worker)
    wait_until(lambda: not temporary_tables())
    stage.check_untouched()
    assert lose(run) == "queued"
    again = run_sync(run, 5)
    assert (again.state, again.attempt, again.error) == ("complete", 2, None)
    stage.check_shows_now()
    stage.sync()


def test_a_worker_whose_parent_is_killed_finishes_or_leaves_nothing(stage: Stage, start_worker: Any) -> None:
    """An orphaned child may go on, holding its run, or end with its parent."""
    run = begin(stage)
    with held_up(stage, run.id, "applying") as reach:
        worker = start_worker("prefork")
        reach()
        orphans = children(worker)
        worker.kill()
        worker.wait()
        stage.check_untouched()
    wait_until(lambda: has_ended(run) or not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    if not has_ended(run):
        assert lose(run) == "queued"
        assert run_sync(run, 5)
        run.refresh_from_db()
    assert run.state == "complete"
    stage.check_shows_now()
    stage.sync()


@pytest.mark.parametrize("pool", ["prefork", "threads"])
def test_a_task_that_kills_its_worker_each_time_is_given_up_and_told(
    stage: Stage, start_worker: Any, tmp_path: Path, alice: Any, pool: str
) -> None:
    """Prefork replaces the child; a worker of threads is gone as a whole, and started again by whoever runs it."""
    graves = tmp_path / "graves"
    graves.mkdir()

    def has_died(times: int) -> bool:
        return len([*graves.iterdir()]) == times

    port = stage.cloud.url.rpartition(":")[2]
    (tmp_path / "sitecustomize.py").write_text(POISON.format(port=port, graves=graves))
    run = request_sync(stage.source, alice)
    assert run
    for attempt in (1, 2, 3):
        if attempt == 1 or pool == "threads":
            worker = start_worker(pool, concurrency=1, PYTHONPATH=str(tmp_path))
        wait_until(partial(has_died, attempt))
        wait_until(lambda: not temporary_tables())
        assert is_at(run.id, "listing") and SyncRun.objects.get(id=run.id).attempt == attempt
        if pool == "threads":
            assert worker.wait(60) == -signal.SIGKILL
        else:
            assert worker.poll() is None
        assert lose(run) == ("queued" if attempt < 3 else "abandoned")
    stage.check_untouched()
    stage.source.refresh_from_db()
    assert run.error["code"] == stage.source.last_error["code"] == "Abandoned"
    assert "3 times" in run.error["message"] and (stage.source.failures, stage.source.paused_at) == (1, None)
    assert "worker was lost" in explain(run.error).title
    kill(worker)
    start_worker(pool)
    again = request_sync(stage.source, alice)
    wait_until(lambda: has_ended(again))
    assert (again.state, again.attempt) == ("complete", 1)
    stage.check_shows_now()
    stage.sync()


@pytest.mark.parametrize("point", ["listing", "applying"])
def test_a_worker_that_was_frozen_past_its_lease_changes_nothing_when_it_wakes(
    stage: Stage, start_command: Any, point: str
) -> None:
    """While it sleeps it may hold the lock of the source; its successor gets it all the same."""
    run = start_run(stage.source, "person")
    with held_up(stage, run.id, point) as reach:
        frozen = start_command(DJANGO_SETTINGS_MODULE="tests.faults.brisk")
        reach()
        frozen.send_signal(signal.SIGSTOP)
        wait_until(lambda: state_of(frozen) == "T")
        stage.check_untouched()
        assert lose(run) == "queued"
    again = run_sync(run, 5)
    assert (again.state, again.attempt) == ("complete", 2)
    frozen.send_signal(signal.SIGCONT)
    _, told = frozen.communicate(timeout=180)
    assert frozen.returncode == 0 and "Traceback" not in told
    again.refresh_from_db()
    assert (again.state, again.attempt) == ("complete", 2)
    stage.check_shows_now()
    stage.sync()


def state_of(process: Process) -> str:
    return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_workers_that_race_for_a_source_sync_it_once(stage: Stage, start_worker: Any, start_command: Any) -> None:
    asked = len(stage.cloud.requests(OPERATION))
    run = begin(stage)
    with held_up(stage, run.id, "applying") as reach:
        racing = [start_command(), start_command()]
        start_worker("threads")
        reach()
        wait_until(lambda: nothing_is_queued() and somebody_waits_for_the_run())
    for process in racing:
        assert process.wait(120) == 0
    wait_until(lambda: has_ended(run))
    assert (run.state, run.attempt) == ("complete", 1)
    stage.check_shows_now()
    assert len(stage.cloud.requests(OPERATION)) - asked == PAGES * SyncRun.objects.exclude(id=run.id).count()
    stage.sync()


def test_a_message_that_comes_many_times_is_one_sync(stage: Stage, start_worker: Any) -> None:
    asked = len(stage.cloud.requests(OPERATION))
    run = begin(stage)
    with held_up(stage, run.id, "applying") as reach:
        start_worker("threads")
        start_worker("prefork")
        reach()
        for _ in range(6):
            assert send(TASK, run.id)
        wait_until(nothing_is_queued)
    wait_until(lambda: has_ended(run))
    assert send(TASK, run.id)
    wait_until(nothing_is_queued)
    assert (run.state, run.attempt, SyncRun.objects.filter(state="queued").count()) == ("complete", 1, 0)
    assert len(stage.cloud.requests(OPERATION)) - asked == PAGES
    stage.check_shows_now()
    stage.sync()
