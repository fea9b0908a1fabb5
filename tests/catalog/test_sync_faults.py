"""Workers and database connections that die, and rows that are deleted, in the middle of a sync: injected for real."""

import os
import signal
import threading
from contextlib import contextmanager

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Team
from catalog.completeness import Tally
from catalog.locks import SourceBusy, lock_source
from catalog.models import FacetCount, Image, ImageDocument, Source, SyncRun
from catalog.runs import reconcile
from catalog.sync import run_sync, start_run, sync_now
from tests.catalog.test_sync import shelf, sync
from tests.processes import start_manage
from tests.waiting import at_once, wait_until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults]

PAGED = {"listing": "alibaba_ens_self", "region": "cn-hangzhou"}


@pytest.fixture
def source(simulated, make_source) -> Source:
    """A source that was synced once, and a cloud that has changed since."""
    source = make_source("alibaba_ens_self")
    sync(source)
    simulated.mutate(**PAGED, change=20, remove=5, add=4)
    return source


@pytest.fixture
def worker(simulated):
    """A process that syncs the team's sources; it is killed in the end, whatever became of it."""
    process = start_manage("sync", "aero", SIMULATOR_URL=simulated.url, REDIS_URL="unix:///nowhere")
    yield process
    process.kill()
    process.communicate()


def kill(process) -> None:
    """SIGKILL, and the lease is over at once instead of in thirty seconds."""
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    SyncRun.objects.filter(state__in=["listing", "applying"]).update(lease_until=timezone.now())


def running(state: str) -> bool:
    return SyncRun.objects.filter(state=state, pages__gte=1).exists()


def temporary_tables() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")
        return cursor.fetchone()[0]


@contextmanager
def applying_held_up(source):
    """The lock of the source is somebody else's: who applies its listing waits."""
    with transaction.atomic():
        lock_source(source.id)
        yield


def test_a_worker_killed_while_it_lists_leaves_nothing_and_the_next_attempt_finishes(source, simulated, request):
    before = shelf(source)
    simulated.fail(operation="DescribeSelfImages", page=2, delay=60.0)
    worker = request.getfixturevalue("worker")
    wait_until(lambda: running("listing"))
    kill(worker)
    wait_until(lambda: temporary_tables() == 0)
    assert shelf(source) == before
    assert reconcile()["requeued"] == 1
    run = run_sync(SyncRun.objects.get(state="queued"), 5)
    assert (run.state, run.attempt, run.listed) == ("complete", 2, simulated.size(**PAGED))


def test_a_worker_killed_while_it_applies_leaves_nothing_and_the_next_attempt_finishes(source, simulated, request):
    before = shelf(source)
    with applying_held_up(source):
        worker = request.getfixturevalue("worker")
        wait_until(lambda: running("applying"))
        kill(worker)
    assert shelf(source) == before
    assert reconcile()["requeued"] == 1
    run = run_sync(SyncRun.objects.get(state="queued"), 5)
    assert (run.state, run.attempt, run.added) == ("complete", 2, 4)


def test_a_connection_cut_while_it_lists_starts_the_run_again(source, monkeypatch):
    cut: list[bool] = []

    def cut_connection(tally, page, *, add=Tally.add):
        if page.number == 2 and not cut:
            cut.append(terminate_own_backend())
        add(tally, page)

    monkeypatch.setattr(Tally, "add", cut_connection)
    monkeypatch.setattr("catalog.sync.PROGRESS_SECONDS", 0)
    run = sync_now(source, "test", 5)
    assert cut and (run.state, run.attempt, run.added) == ("complete", 2, 4)


def test_a_connection_cut_while_it_applies_starts_the_run_again(source, monkeypatch):
    cut: list[bool] = []

    def cut_connection(*words):
        if not cut:
            cut.append(terminate_own_backend())

    monkeypatch.setattr("catalog.applying.close_seen", cut_connection)
    before = shelf(source)
    run = run_sync(start_run(source, "command"), 5)
    assert (run.state, run.attempt) == ("queued", 2) and shelf(source) == before
    assert run_sync(run, 5).state == "complete"


def test_a_connection_that_is_cut_each_time_abandons_the_run(source, monkeypatch):
    monkeypatch.setattr("catalog.applying.close_seen", lambda source: terminate_own_backend())
    before = shelf(source)
    run = sync_now(source, "test", 5)
    source.refresh_from_db()
    assert (run.state, run.attempt, source.last_error["code"]) == ("abandoned", 3, "Abandoned")
    assert shelf(source) == before


def terminate_own_backend() -> bool:
    """Have the server end this thread's connection, as a restart does."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [connection.connection.info.backend_pid])
            return cursor.fetchone()[0]
    finally:
        other.close()


@pytest.mark.parametrize("what", [Source, Team])
def test_a_source_or_team_deleted_while_it_is_listed_takes_everything_along(source, monkeypatch, what):
    def delete(tally, page, *, add=Tally.add):
        if page.number == 2:
            what.objects.all().delete()
        add(tally, page)

    monkeypatch.setattr(Tally, "add", delete)
    assert run_sync(start_run(source, "schedule"), 5) is None
    assert nothing_is_left()


@pytest.mark.parametrize("what", [Source, Team])
def test_a_source_or_team_deleted_before_it_is_applied_takes_everything_along(source, what):
    run = start_run(source, "schedule")
    ended = []
    thread = threading.Thread(target=lambda: ended.append(run_and_close(run)))
    with applying_held_up(source):
        thread.start()
        wait_until(lambda: running("applying"))
        what.objects.all().delete()
    thread.join()
    assert ended == [None] and nothing_is_left()


@pytest.mark.parametrize("what", [Source, Team])
def test_a_source_or_team_deleted_while_it_is_applied_takes_everything_along(source, monkeypatch, what):
    """The deletion waits for the transaction that applies, and then takes what that wrote."""
    run = start_run(source, "schedule")
    deleting = threading.Thread(target=at_once, args=[lambda: what.objects.all().delete()])

    def delete_meanwhile(source):
        deleting.start()
        wait_until(somebody_waits_for_a_lock)

    monkeypatch.setattr("catalog.applying.close_seen", delete_meanwhile)
    run_sync(run, 5)
    deleting.join()
    assert nothing_is_left()


def run_and_close(run):
    try:
        return run_sync(run, 5)
    finally:
        connection.close()


def somebody_waits_for_a_lock() -> bool:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return cursor.fetchone()[0] > 0
    finally:
        other.close()


def nothing_is_left() -> bool:
    return not any(model.objects.exists() for model in (Source, SyncRun, Image, ImageDocument, FacetCount))


def test_two_workers_that_race_for_a_source_sync_it_once(source, simulated):
    run = start_run(source, "schedule")
    asked = len(simulated.requests("DescribeSelfImages"))
    ended = at_once(lambda: run_sync(run, 5), lambda: run_sync(run, 5))
    assert sorted(one is None for one in ended) == [False, True]
    assert len(simulated.requests("DescribeSelfImages")) - asked == 3


def test_who_writes_the_images_of_a_source_that_is_being_applied_hears_so(source, monkeypatch):
    heard = []

    def try_to_write(applied):
        def write():
            try:
                with transaction.atomic():
                    lock_source(source.id, timeout=0.05)
            except SourceBusy:
                heard.append("busy")

        at_once(write)

    monkeypatch.setattr("catalog.applying.close_seen", try_to_write)
    sync(source)
    assert heard == ["busy"]


def test_the_shelf_can_be_read_while_a_listing_is_applied(source, monkeypatch):
    read = []

    def read_meanwhile(applied):
        read.extend(at_once(lambda: Image.objects.filter(team_id=source.team_id).count()))

    monkeypatch.setattr("catalog.applying.close_seen", read_meanwhile)
    sync(source)
    assert read == [120]
