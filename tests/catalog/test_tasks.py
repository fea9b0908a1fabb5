"""The worker for real: `celery worker` as a process, on the tests' own PostgreSQL and Valkey."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from catalog.models import Image, SyncRun
from catalog.runs import queue_due_sources, reconcile, request_sync, start_run
from catalog.tasks import sync_source
from config.celery import app
from tests.waiting import wait_until
from tests.workers import kill

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=["threads", "prefork"])
def pool(request) -> str:
    return request.param


def ended(run: SyncRun) -> bool:
    run.refresh_from_db()
    return not run.is_running


def test_every_entry_of_the_beat_is_a_task():
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= set(app.tasks)
    assert {"catalog.tasks.queue_due_sources", "catalog.tasks.reconcile"} <= set(app.tasks)


def test_the_worker_syncs_what_a_person_asked_for(start_worker, pool, make_source, alice):
    start_worker(pool)
    with transaction.atomic():
        run = request_sync(make_source("alibaba_ens_self"), alice)
    wait_until(lambda: ended(run))
    assert (run.state, run.added, run.attempt) == ("complete", 120, 1)


def test_the_worker_syncs_what_is_due_at_the_same_time(start_worker, pool, make_source):
    for region in ("cn-hangzhou", "cn-shanghai", "cn-beijing"):
        make_source("alibaba_ens_self", region=region)
    make_source("huawei_workspace")
    start_worker(pool)
    runs = [SyncRun.objects.get(id=run_id) for run_id in queue_due_sources()]
    wait_until(lambda: all(ended(run) for run in runs))
    assert [run.state for run in runs] == ["complete"] * 4
    assert Image.objects.count() == sum(run.listed for run in runs)


@pytest.mark.faults
def test_a_killed_workers_run_is_finished_by_another(start_worker, pool, make_source, simulated, alice):
    simulated.fail(operation="DescribeSelfImages", page=2, delay=60.0)
    run = request_sync(make_source("alibaba_ens_self"), alice)
    first = start_worker(pool)
    wait_until(lambda: SyncRun.objects.filter(state="listing", pages__gte=1).exists())
    kill(first)
    SyncRun.objects.update(lease_until=timezone.now())
    start_worker(pool)
    assert reconcile()["requeued"] == 1
    wait_until(lambda: ended(run))
    assert (run.state, run.attempt, run.added) == ("complete", 2, 120)


def test_a_message_that_comes_twice_or_late_does_nothing(simulated, make_source):
    run = start_run(make_source("alibaba_ens_self"), "schedule")
    for _ in range(3):
        sync_source(str(run.id))
    assert ended(run) and run.state == "complete"
    assert len(simulated.requests("DescribeSelfImages")) == 3
    SyncRun.objects.all().delete()
    sync_source(str(run.id))


@pytest.mark.faults
def test_a_message_that_is_lost_with_the_broker_is_sent_again(start_worker, make_source, alice):
    run = request_sync(make_source("alibaba_ens_self"), alice)
    with app.connection_for_write() as broker:
        app.control.purge(connection=broker)
    start_worker("threads")
    SyncRun.objects.update(heartbeat_at=run.created_at - timedelta(minutes=2))
    assert reconcile()["announced"] == 1
    wait_until(lambda: ended(run))
    assert run.state == "complete"
