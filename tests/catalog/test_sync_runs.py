"""Who runs what: runs are queued once, taken once, held by a lease, and given back when their worker is gone."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.db.models import F
from django.utils import timezone

from catalog import leases
from catalog.completeness import Tally
from catalog.leases import Heartbeat, RunLost, close_complete, close_failed, give_back, show, take
from catalog.models import Source, SyncRun
from catalog.providers.base import Page, ProviderError
from catalog.runs import queue_due_sources, reconcile, request_sync, start_run
from catalog.sync import run_sync
from config.celery import app
from tests.waiting import at_once, wait_until

pytestmark = pytest.mark.django_db


@pytest.fixture
def source(make_source) -> Source:
    return make_source("alibaba_ens_self")


@pytest.fixture
def told(monkeypatch) -> list[str]:
    """The run ids that were sent to the broker, in this order; the broker of the tests takes them too."""
    sent: list[str] = []
    send = app.send_task

    def spy(task, args, **options):
        sent.extend(args)
        return send(task, args=args, **options)

    monkeypatch.setattr(app, "send_task", spy)
    return sent


def lapse(run: SyncRun) -> None:
    """The lease of this run is over."""
    SyncRun.objects.filter(id=run.id).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_source_has_one_run_at_a_time(source):
    first = start_run(source, "schedule")
    again = start_run(source, "person", "alice@example.org")
    assert again.id == first.id
    assert (again.trigger, again.requested_by) == ("person", "alice@example.org"), "it is theirs who ask for it"
    assert SyncRun.objects.get().state == "queued"


def test_a_source_that_was_removed_starts_none(source):
    Source.objects.update(archived_at=timezone.now())
    assert start_run(source, "person") is None
    Source.objects.all().delete()
    assert start_run(source, "person") is None


@pytest.mark.django_db(transaction=True)
def test_eight_that_start_one_source_at_once_start_one_run(source):
    runs = at_once(*[lambda: start_run(source, "person")] * 8)
    assert len({run.id for run in runs}) == SyncRun.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_run_is_taken_once(source):
    run = start_run(source, "schedule")
    holds = at_once(*[lambda: take(run.id)] * 8)
    assert sum(hold is not None for hold in holds) == 1


def test_a_taken_run_is_held_for_thirty_seconds_of_the_databases_time(source):
    hold = take(start_run(source, "schedule").id)
    run = SyncRun.objects.get()
    assert (run.state, run.attempt, hold.attempt) == ("listing", 1, 1)
    assert timedelta(seconds=29) < run.lease_until - run.heartbeat_at < timedelta(seconds=31)


def test_sync_now_tells_the_worker_on_commit(source, alice, told, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        run = request_sync(source, alice)
        assert told == []
    assert told == [str(run.id)] and (run.trigger, run.requested_by) == ("person", alice.email)


def test_due_sources_are_queued_once_and_their_next_sync_moves_on(source, told):
    (run_id,) = queue_due_sources()
    run = SyncRun.objects.get()
    source.refresh_from_db()
    assert run.id == run_id and (run.state, run.trigger) == ("queued", "schedule") and told == [str(run_id)]
    assert timedelta(minutes=53) < source.next_sync_at - timezone.now() < timedelta(minutes=67)
    assert queue_due_sources() == []


@pytest.fixture
def slow_to_check() -> Iterator[None]:
    """Between a person's run in its index and the look at its source, it waits for lock 1: 'A' is before the key's
    own trigger.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION a_waits() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;"
            'CREATE TRIGGER "A_waits" AFTER INSERT ON catalog_syncrun FOR EACH ROW'
            " WHEN (NEW.trigger = 'person') EXECUTE FUNCTION a_waits()"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP FUNCTION a_waits CASCADE")


def waiting_for_locks() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pg_blocking_pids(pid) <> '{}'"
        )
        return cursor.fetchone()[0]


@pytest.mark.django_db(transaction=True)
def test_who_asks_for_a_sync_and_who_queues_what_is_due_do_not_wait_for_each_other(source, slow_to_check):
    def go_on() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(1)")
            held.set()
            wait_until(lambda: waiting_for_locks() == 2)
            cursor.execute("SELECT pg_advisory_unlock(1)")

    def ask() -> SyncRun | None:
        held.wait()
        return start_run(source, "person", "alice@example.org")

    def queue() -> list[UUID]:
        wait_until(lambda: waiting_for_locks() == 1)
        return queue_due_sources()

    held = threading.Event()
    _none, run, queued = at_once(go_on, ask, queue)
    assert queued == [] and SyncRun.objects.get().id == run.id, "a deadlock ends one of them with an error"


@pytest.mark.parametrize(
    "fields",
    [
        {"paused_at": timezone.now()},
        {"archived_at": timezone.now()},
        {"cloud_account": None},
        {"next_sync_at": timezone.now() + timedelta(days=1)},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_source_is_not_due(source, fields):
    Source.objects.update(**fields)
    assert queue_due_sources() == []


def test_a_source_that_is_syncing_is_not_due(source):
    start_run(source, "person")
    assert queue_due_sources() == []
    source.refresh_from_db()
    assert source.next_sync_at < timezone.now()


@pytest.mark.django_db(transaction=True)
def test_two_beats_queue_a_source_once(make_source):
    for region in ("cn-hangzhou", "cn-shanghai", "cn-beijing"):
        make_source("alibaba_ens_self", region=region)
    queued = at_once(*[queue_due_sources] * 4)
    assert sum(len(ids) for ids in queued) == SyncRun.objects.count() == 3


def test_a_lease_that_is_over_gives_the_run_back(source, told):
    run = start_run(source, "schedule")
    take(run.id)
    assert reconcile() == {"requeued": 0, "abandoned": 0, "announced": 0}
    lapse(run)
    assert reconcile() == {"requeued": 1, "abandoned": 0, "announced": 0}
    run.refresh_from_db()
    assert (run.state, run.attempt, run.lease_until, told) == ("queued", 2, None, [str(run.id)])


def test_after_three_attempts_a_run_is_abandoned_and_the_source_says_why(source):
    run = start_run(source, "schedule")
    for attempt in (1, 2, 3):
        assert take(run.id).attempt == attempt
        lapse(run)
        reconcile()
    run.refresh_from_db()
    source.refresh_from_db()
    assert (run.state, run.error["code"]) == ("abandoned", "Abandoned") and run.finished_at
    assert source.last_error["code"] == "Abandoned" and source.failures == 1 and source.paused_at is None
    assert take(run.id) is None
    assert start_run(source, "person").state == "queued"


def test_a_queued_run_that_nobody_heard_of_is_announced_again(source, told):
    run = start_run(source, "schedule")
    assert reconcile()["announced"] == 0
    SyncRun.objects.update(heartbeat_at=F("heartbeat_at") - timedelta(seconds=61))
    assert reconcile()["announced"] == 1 and told == [str(run.id)]
    assert reconcile()["announced"] == 0


def test_a_worker_that_was_given_up_on_changes_nothing(source):
    run = start_run(source, "schedule")
    old = take(run.id)
    lapse(run)
    reconcile()
    new, tally = take(run.id), Tally()
    tally.add(Page(scope="x", number=1, images=[], total=120, part=2, parts=2))
    for change in (
        lambda: show(old, "listing", 7, tally),
        lambda: show(old, "applying", 7, tally),
        lambda: close_complete(old, {"listed": 7}),
    ):
        with pytest.raises(RunLost):
            change()
    close_failed(old, ProviderError("x", "Late", "late", kind="unavailable"))
    give_back(old)
    run.refresh_from_db()
    source.refresh_from_db()
    assert (run.state, run.attempt, run.pages, run.error, source.failures) == ("listing", new.attempt, 0, None, 0)
    show(new, "listing", 50, tally)
    run.refresh_from_db()
    assert (run.pages, run.listed, run.expected, run.part, run.parts) == (1, 50, 120, 2, 2)


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_renews_the_lease_while_the_run_works(source, monkeypatch):
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    run = start_run(source, "schedule")
    hold = take(run.id)
    lapse(run)
    with Heartbeat(hold) as beat:
        wait_until(lambda: SyncRun.objects.get().lease_until > timezone.now() + timedelta(seconds=25))
        beat.check()


@pytest.mark.django_db(transaction=True)
def test_the_heartbeat_tells_that_the_run_is_another_workers(source, monkeypatch):
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)
    run = start_run(source, "schedule")
    old = take(run.id)
    lapse(run)
    reconcile()
    take(run.id)
    with Heartbeat(old) as beat:
        wait_until(beat._lost.is_set)
        with pytest.raises(RunLost):
            beat.check()


def test_a_run_that_was_given_back_is_another_workers(simulated, source, monkeypatch):
    """The first worker stalls in its listing; a second does the work; the first applies nothing when it wakes."""
    run = start_run(source, "schedule")
    stalled: list[leases.Hold] = []

    def stall(hold, state, *progress):
        if not stalled and state == "applying":
            stalled.append(hold)
            lapse(run)
            reconcile()
            assert run_sync(run, 5).state == "complete"
        show(hold, state, *progress)

    monkeypatch.setattr("catalog.sync.show", stall)
    monkeypatch.setattr("catalog.leases.Heartbeat._run", lambda beat: None)
    assert run_sync(run, 5).state == "complete"
    run.refresh_from_db()
    assert (stalled[0].attempt, run.attempt, run.added) == (1, 2, 120)
