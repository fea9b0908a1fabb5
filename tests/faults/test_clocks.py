"""Clocks that are one hour off, of a worker and of the beat, both ways: by libfaketime (Debian: faketime)."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db.models.functions import Now

from accounts.models import User
from catalog.errors import explain
from catalog.models import Image, Pulse, SyncRun
from catalog.runs import ANNOUNCE_AGAIN_SECONDS, reconcile, request_sync, start_run
from tests.faults.runs import begin, has_ended, held_up
from tests.faults.stage import Stage
from tests.waiting import wait_until
from tests.workers import kill

LIBRARIES = [there for place in ("*/", "") for there in Path("/usr/lib").glob(f"{place}faketime/libfaketimeMT.so.1")]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not LIBRARIES, reason="no libfaketime on this machine (Debian: apt-get install faketime)"),
]

AHEAD, BEHIND = "+1h", "-1h"
BOTH_WAYS = pytest.mark.parametrize("off", [AHEAD, BEHIND], ids=["ahead", "behind"])
# Python sleeps until a time of the monotonic clock, which libfaketime before 0.9.11 takes for one of the other's.
SLEEP = "import select, time; time.sleep = lambda seconds: select.select([], [], [], seconds) and None"


@pytest.fixture
def clock(tmp_path: Path) -> Iterator[Callable[[str], dict[str, str]]]:
    """`clock("+1h")`: the environment of a process whose clock is so far off. What passes is measured right."""
    (tmp_path / "sitecustomize.py").write_text(SLEEP)
    fixed = {"FAKETIME_DONT_FAKE_MONOTONIC": "1", "NO_FAKE_STAT": "1", "PYTHONPATH": str(tmp_path)}
    yield lambda off: {"LD_PRELOAD": str(LIBRARIES[0]), "FAKETIME": off, **fixed} if off else {}
    for left in Path("/dev/shm").glob("*faketime_*"):  # a killed process leaves its own
        if not Path("/proc", left.name.rpartition("_")[2]).exists():
            left.unlink(missing_ok=True)


def unheard(stage: Stage) -> SyncRun:
    """A queued run whose message was lost a while ago: only the beat finds it."""
    run = start_run(stage.source, "schedule")
    assert run
    SyncRun.objects.filter(id=run.id).update(heartbeat_at=Now() - timedelta(seconds=ANNOUNCE_AGAIN_SECONDS + 1))
    return run


@BOTH_WAYS
@pytest.mark.parametrize("kind", ["alibaba_ens_self", "huawei_workspace"])
def test_a_cloud_that_refuses_a_workers_clock_is_understood(
    make_stage: Callable[..., Stage], start_worker: Any, clock: Any, alice: User, kind: str, off: str
) -> None:
    """Its requests are signed with the time. It is no fault of the credential, so nothing is paused."""
    stage = make_stage(kind)
    run = begin(stage)
    wrong = start_worker(**clock(off))
    wait_until(lambda: has_ended(run))
    assert "Clock is off" in str(explain(run.error, vendor=kind.partition("_")[0]).label)
    stage.check_failed(run, "invalid", stage.calls[0]["operation"])
    stage.check_untouched()
    kill(wrong)
    start_worker()
    again = request_sync(stage.source, alice)
    wait_until(lambda: has_ended(again))
    assert (again.state, again.error) == ("complete", None)
    stage.check_shows_now()
    stage.sync()


@pytest.mark.parametrize(
    ("of_worker", "of_beat"),
    [(AHEAD, ""), (BEHIND, AHEAD), ("", BEHIND)],
    ids=["the worker is ahead", "the worker is behind and the beat ahead", "the beat is behind"],
)
def test_what_the_beat_sends_is_done(
    make_stage: Callable[..., Stage],
    start_worker: Any,
    start_brisk_beat: Any,
    clock: Any,
    patient_cloud: None,
    of_worker: str,
    of_beat: str,
) -> None:
    stage = make_stage()
    start_worker(**clock(of_worker))
    start_brisk_beat(**clock(of_beat))
    run = unheard(stage)
    wait_until(lambda: has_ended(run))
    assert (run.state, run.attempt, run.error) == ("complete", 1, None)
    stage.check_shows_now()
    stage.sync()


@pytest.fixture
def patient_cloud(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cloud that does not look at the time of a signature."""
    monkeypatch.setattr("tests.clouds.signatures.FRESH_SECONDS", 24 * 3600)


@BOTH_WAYS
def test_a_run_of_such_a_worker_is_neither_taken_away_nor_kept(
    make_stage: Callable[..., Stage], start_worker: Any, clock: Any, patient_cloud: None, off: str
) -> None:
    """Leases, heartbeats and the times of images are the database's."""
    stage = make_stage()
    run = begin(stage)
    with held_up(stage, run.id, "applying") as reach:
        wrong = start_worker(**clock(off))
        reach()
        run.refresh_from_db()
        assert timedelta(0) < run.lease_until - run.heartbeat_at < timedelta(seconds=31)
        assert SyncRun.objects.filter(id=run.id, heartbeat_at__gt=Now() - timedelta(seconds=30)).exists()
        assert not any(reconcile().values())
        assert Pulse.objects.filter(seen_at__range=(Now() - timedelta(seconds=30), Now())).exists()
    wait_until(lambda: has_ended(run))
    assert (run.state, run.attempt, run.error) == ("complete", 1, None)
    assert abs(run.finished_at - run.created_at) < timedelta(minutes=10)
    stage.check_shows_now()
    new = Image.objects.filter(source=stage.source, key__in=stage.now.keys() - stage.before.keys())
    lost = Image.objects.filter(source=stage.source).exclude(missing_since=None)
    assert all(run.started_at < at < run.finished_at for at in new.values_list("first_seen_at", flat=True))
    assert all(run.started_at < at < run.finished_at for at in lost.values_list("missing_since", flat=True))
    kill(wrong)
    stage.sync()


def test_a_beat_whose_clock_was_set_back_goes_on(
    make_stage: Callable[..., Stage], start_worker: Any, start_brisk_beat: Any, clock: Any
) -> None:
    """It wrote down when it sent what, an hour from now."""
    stage = make_stage()
    ahead = start_brisk_beat(**clock(AHEAD))
    wait_until(lambda: Pulse.objects.filter(role="beat").exists())  # it ticked
    kill(ahead)
    start_worker(), start_brisk_beat()
    run = unheard(stage)
    wait_until(lambda: has_ended(run))
    assert (run.state, run.error) == ("complete", None)
    stage.check_shows_now()
    stage.sync()
