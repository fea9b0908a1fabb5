"""A run that is held up at a known point of a sync, and workers that are lost there."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.db.models.functions import Now

from catalog.locks import LOCK_SQL, lock_name
from catalog.models import SyncRun
from catalog.queueing import send
from catalog.runs import ANNOUNCE_AGAIN_SECONDS, TASK, reconcile, start_run
from config.celery import app
from tests.faults.stage import Stage
from tests.waiting import wait_until

# Where a sync may be hurt: between two pages; with its listing complete and nothing changed yet; with everything
# written and not committed.
POINTS = ("listing", "applying", "written")
LONG_SECONDS = 600.0
_COMMITTING = "UPDATE catalog_syncrun SET state = ''complete''%"  # catalog.leases.close_complete


def begin(stage: Stage) -> SyncRun:
    """A run that a person asked for, and its message."""
    run = start_run(stage.source, "person", "alice@example.org")
    assert run and send(TASK, run.id)
    return run


@contextmanager
def held_up(stage: Stage, run_id: UUID, point: str) -> Iterator[Callable[[], None]]:
    """Until the block ends nobody gets past this point of the run; what is yielded waits until somebody is there.

    Where the cloud is to be slow, its second page is; else this process holds a lock that the worker needs, on a
    connection that may be cut.
    """
    if point == "listing":
        stage.cloud.fail(page=2, delay=LONG_SECONDS)
        yield lambda: wait_until(lambda: is_at(run_id, "listing", pages=1))
        stage.cloud.heal()
        stage.cloud.hang_up()
        return
    shelf, run = connection.copy(), connection.copy()

    def reach() -> None:
        wait_until(lambda: is_at(run_id, "applying"))
        if point == "written":
            run.set_autocommit(False)
            with run.cursor() as cursor:
                cursor.execute("SELECT FROM catalog_syncrun WHERE id = %s FOR NO KEY UPDATE", [run_id])
            shelf.rollback()
            wait_until(somebody_waits_to_commit)

    try:
        shelf.set_autocommit(False)
        with shelf.cursor() as cursor:
            cursor.execute(LOCK_SQL, [lock_name(stage.source.id)])
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")  # a busy machine may be slow
        yield reach
    finally:
        shelf.close()
        run.close()


def is_at(run_id: UUID, state: str, pages: int = 0) -> bool:
    return SyncRun.objects.filter(id=run_id, state=state, pages__gte=pages).exists()


def has_ended(run: SyncRun) -> bool:
    run.refresh_from_db()
    return not run.is_running


def somebody_waits_to_commit() -> bool:
    return _counted(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        f" AND query LIKE '{_COMMITTING}' AND datname = current_database()"
    )


def somebody_waits_for_the_run() -> bool:
    """A `manage sync` that found its source's run taken looks at it again and again."""
    return _counted(
        "SELECT count(*) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND state = 'idle'"
        """ AND query LIKE 'SELECT%FROM "catalog_syncrun" WHERE%' AND datname = current_database()"""
    )


def temporary_tables() -> bool:
    return _counted("SELECT count(*) FROM pg_class WHERE relpersistence = 't' AND relkind = 'r'")


def _counted(query: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return bool(cursor.fetchone()[0])


def nothing_is_queued() -> bool:
    with app.connection_for_read() as broker:
        return not broker.default_channel.client.llen(app.conf.task_default_queue)


def lose(run: SyncRun) -> str:
    """The run's lease is over at once instead of in thirty seconds, and that is noticed. Its state afterwards."""
    held = SyncRun.objects.filter(id=run.id, state__in=["listing", "applying"]).update(lease_until=Now())
    found = reconcile()
    assert held == found["requeued"] + found["abandoned"]
    run.refresh_from_db()
    return run.state


def announce() -> None:
    """It is noticed at once, instead of in a minute, that nobody has taken the queued runs: their message was lost, or
    there was none."""
    SyncRun.objects.filter(state="queued").update(heartbeat_at=Now() - timedelta(seconds=ANNOUNCE_AGAIN_SECONDS + 1))
    reconcile()
