"""A connection to the database that is cut, as a restart or a network does, at every point of a sync."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from catalog.completeness import Tally
from catalog.sync import run_sync, start_run, sync_now
from tests.faults.stage import Stage

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.faults, pytest.mark.slow]


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage()


def terminate_own_backend() -> bool:
    """Have the server end this thread's connection."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 60000)", [connection.connection.info.backend_pid])
            return bool(cursor.fetchone()[0])
    finally:
        other.close()


@pytest.mark.parametrize("number", [1, 2, 3])
def test_one_that_is_cut_while_it_lists_starts_the_run_again(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    cut: list[bool] = []

    def cut_connection(tally: Tally, one: Any, *, add: Any = Tally.add) -> None:
        if one.number == number and not cut:
            cut.append(terminate_own_backend())
        add(tally, one)

    monkeypatch.setattr(Tally, "add", cut_connection)
    monkeypatch.setattr("catalog.sync.PROGRESS_SECONDS", 0)
    run = sync_now(stage.source, "test", 5)
    assert cut == [True] and (run.state, run.attempt, run.error) == ("complete", 2, None)
    stage.check_shows_now()
    stage.sync()


def test_one_that_is_cut_while_it_applies_starts_the_run_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("catalog.applying.close_seen", lambda source: terminate_own_backend())
        run = run_sync(start_run(stage.source, "command"), 5)
    assert (run.state, run.attempt) == ("queued", 2)
    stage.check_untouched()
    assert run_sync(run, 5).state == "complete"
    stage.check_shows_now()
    stage.sync()


def test_one_that_is_cut_each_time_abandons_the_run_and_the_source_says_so(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("catalog.applying.close_seen", lambda source: terminate_own_backend())
        run = sync_now(stage.source, "test", 5)
    stage.source.refresh_from_db()
    assert (run.state, run.attempt, stage.source.last_error["code"]) == ("abandoned", 3, "Abandoned")
    stage.check_untouched()
    stage.sync()
