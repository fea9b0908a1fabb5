"""Who holds the lock of a source and falls silent loses it: a frozen process, a host that is gone without a word."""

from uuid import uuid4

import pytest
from django.db import InternalError, connection, transaction
from psycopg import errors

from catalog.locks import LOCK_SQL, SILENT_SECONDS, lock_name, lock_source
from catalog.sync import run_sync, start_run
from tests.catalog.test_sync import shelf, sync
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

# The statement as it is, with one second for its minute.
BRIEF = LOCK_SQL.replace(f"'{SILENT_SECONDS}s'", "'1s'")


@pytest.fixture
def other():
    """A connection beside the test's own."""
    other = connection.copy()
    yield other
    other.close()


def is_cut_off(other, pid: int) -> bool:
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
        return not cursor.fetchone()[0]


def test_the_lock_is_free_a_while_after_its_holder_said_the_last_word(other):
    assert BRIEF != LOCK_SQL
    source_id = uuid4()
    other.set_autocommit(False)
    with other.cursor() as cursor:
        cursor.execute(BRIEF, [lock_name(source_id)])
    with transaction.atomic():
        lock_source(source_id, timeout=60)
    with pytest.raises(InternalError) as told, other.cursor() as cursor:
        cursor.execute("SELECT 1")
    assert isinstance(told.value.__cause__, errors.IdleInTransactionSessionTimeout)


def test_who_is_waited_for_is_not_cut_off_while_a_statement_takes_long(other):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(BRIEF, [lock_name(uuid4())])
        cursor.execute("SELECT pg_sleep(1.5)")
    with connection.cursor() as cursor:
        cursor.execute("SHOW idle_in_transaction_session_timeout")
        assert cursor.fetchone() == ("0",)  # it was the transaction's own


def test_a_sync_that_fell_silent_has_changed_nothing_and_is_queued_again(simulated, make_source, monkeypatch, other):
    source = make_source("alibaba_ens_self")
    sync(source)
    simulated.mutate(listing="alibaba_ens_self", region="cn-hangzhou", change=20, remove=5, add=4)
    before = shelf(source)

    def fall_silent(applied):
        pid = connection.connection.info.backend_pid
        wait_until(lambda: is_cut_off(other, pid))

    with monkeypatch.context() as patch:
        patch.setattr("catalog.applying.LOCK_SQL", BRIEF)
        patch.setattr("catalog.applying.close_seen", fall_silent)
        run = run_sync(start_run(source, "schedule"), 5)
    assert (run.state, run.attempt) == ("queued", 2) and shelf(source) == before
    assert run_sync(run, 5).state == "complete"
