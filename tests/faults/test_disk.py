"""A database whose disk is full where a listing is staged: a small file system for temporary tables, full for real."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from django.db import connection

from catalog.runs import request_sync
from tests.faults.runs import begin, has_ended, held_up, temporary_tables
from tests.faults.servers import OwnServer
from tests.faults.stage import Stage
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("small_disk"),  # before there is a row
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]

# Rows of a page each, until no page is to be had: a table grows by one at a time so.
FILL = """
DO $$ BEGIN
    LOOP INSERT INTO ballast VALUES (repeat('x', 8000)); END LOOP;
EXCEPTION WHEN disk_full THEN NULL; END $$"""


@pytest.fixture
def small_disk(database: OwnServer) -> Iterator[None]:
    """Temporary tables are on it, of every process that connects from now on."""
    if database.disk is None:
        pytest.skip("neither root nor a user namespace may mount a file system here, and /dev/shm is large")
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TABLESPACE small LOCATION '{database.disk}'")
        cursor.execute("ALTER DATABASE bootshelf SET temp_tablespaces = small")
    connection.close()
    yield
    wait_until(lambda: not temporary_tables())
    with connection.cursor() as cursor:
        cursor.execute("ALTER DATABASE bootshelf RESET temp_tablespaces")
        cursor.execute("DROP TABLESPACE small")


@contextmanager
def full_disk() -> Iterator[None]:
    """What others store takes all the room that was left."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("CREATE TEMP TABLE ballast (it text STORAGE PLAIN)")
            cursor.execute(FILL)
        yield
    finally:
        other.close()


@pytest.mark.parametrize("point", ["at its start", "listing", "applying"])
def test_the_run_fails_and_says_so_and_the_next_one_works(
    make_stage: Callable[..., Stage], start_worker: Any, alice: Any, point: str
) -> None:
    stage = make_stage()
    run = begin(stage)
    with ExitStack() as disk:
        if point == "at its start":
            disk.enter_context(full_disk())
            start_worker()
        else:
            with held_up(stage, run.id, point) as reach:
                start_worker()
                reach()
                disk.enter_context(full_disk())
        wait_until(lambda: has_ended(run))
    stage.check_failed(run, "internal", "sync")
    assert run.error["code"] == "DatabaseFull" and "no room left (53100)" in run.error["message"]
    stage.check_untouched()
    again = request_sync(stage.source, alice)
    wait_until(lambda: has_ended(again))
    assert (again.state, again.error) == ("complete", None)
    stage.check_shows_now()
    stage.sync()
