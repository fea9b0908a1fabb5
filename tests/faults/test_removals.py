"""A source or a whole team that is deleted in the middle of a sync takes everything along, and nothing of others."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import CloudAccount, Team
from catalog.models import FacetCount, Image, ImageChange, ImageDocument, Source, SyncRun
from catalog.queueing import send
from catalog.runs import TASK, start_run
from tests.faults.runs import POINTS, held_up, temporary_tables
from tests.faults.stage import Stage, set_up
from tests.waiting import wait_until

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.faults,
    pytest.mark.slow,
    pytest.mark.timeout(300),
]
ROWS = (Source, SyncRun, Image, ImageDocument, ImageChange, FacetCount)


@pytest.mark.parametrize("what", [Source, Team])
@pytest.mark.parametrize("point", POINTS)
def test_a_source_or_team_deleted_mid_sync_takes_everything_along(
    make_stage: Callable[..., Stage],
    make_account: Callable[..., CloudAccount],
    make_source: Callable[..., Source],
    other_team: Team,
    start_worker: Any,
    point: str,
    what: Any,
) -> None:
    stage = make_stage()
    bystander = make_source("alibaba_ens_public", make_account("alibaba", team=other_team))
    other = set_up(stage.cloud, bystander)
    run = start_run(stage.source, "person")
    doomed = what.objects.filter(id=stage.source.id if what is Source else stage.source.team_id)
    deleting = threading.Thread(target=delete, args=[doomed])
    with held_up(stage, run.id, point) as reach:
        start_worker()
        assert send(TASK, run.id)
        reach()
        deleting.start()
        wait_until(lambda: not doomed.exists() if point == "listing" else not deleting.is_alive() or waits_for_a_lock())
    deleting.join(120)
    assert not deleting.is_alive() and not doomed.exists()
    wait_until(lambda: not temporary_tables(), 120)
    for model in ROWS:
        left = model._default_manager.all()
        assert not left.exclude(team=other_team).exists(), f"a {model.__name__} is left"
    other.check_untouched()
    other.sync()


def delete(rows: Any) -> None:
    try:
        rows.delete()
    finally:
        connection.close()


def waits_for_a_lock() -> bool:
    """The deletion: the worker waits too, for what this test holds."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
            " AND (query LIKE 'DELETE%%' OR query LIKE '%%FOR UPDATE%%')"
        )
        return bool(cursor.fetchone()[0])
