"""A source or a whole team that is deleted in the middle of a sync takes everything along, and nothing of others."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from accounts.models import AuditEvent, CloudAccount, Team, User
from catalog import actions
from catalog.actions import ActionError
from catalog.models import FacetCount, Image, ImageChange, ImageDocument, Source, SyncRun
from catalog.queueing import send
from catalog.runs import TASK, start_run
from tests.faults.runs import POINTS, has_ended, held_up, temporary_tables
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
    check_nothing_is_left(other)


@pytest.mark.parametrize("point", POINTS)
def test_a_team_that_its_admin_deletes_mid_sync_takes_everything_along(
    make_stage: Callable[..., Stage],
    make_account: Callable[..., CloudAccount],
    make_source: Callable[..., Source],
    team: Team,
    other_team: Team,
    alice: User,
    start_worker: Any,
    point: str,
) -> None:
    """At once while the cloud is asked. While the listing is applied the admin is told to try again, and everything is
    as it was.
    """
    stage = make_stage()
    other = set_up(stage.cloud, make_source("alibaba_ens_public", make_account("alibaba", team=other_team)))
    run = start_run(stage.source, "person")
    with held_up(stage, run.id, point) as reach:
        start_worker()
        assert send(TASK, run.id)
        reach()
        if point == "listing":
            actions.delete_team(team, alice)
            wait_until(lambda: not Team.objects.filter(id=team.id).exists(), 120)
        else:
            with pytest.raises(ActionError, match="A sync is being applied"):
                actions.delete_team(team, alice)
            assert Team.objects.filter(id=team.id, deleted_at=None).exists()
            assert not AuditEvent.objects.filter(team=team.id, action="team.deleted").exists()
    if point != "listing":
        wait_until(lambda: has_ended(run))
        assert run.state == "complete", run.error
        stage.check_shows_now()
        actions.delete_team(team, alice)
        wait_until(lambda: not Team.objects.filter(id=team.id).exists(), 120)
    assert AuditEvent.objects.filter(team=team.id, action="team.deleted").count() == 1
    check_nothing_is_left(other)


def check_nothing_is_left(other: Stage) -> None:
    """But what is another team's, whole; and the worker has given up what it had staged."""
    wait_until(lambda: not temporary_tables(), 120)
    for model in ROWS:
        left = model._default_manager.all()
        assert not left.exclude(team=other.source.team_id).exists(), f"a {model.__name__} is left"
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
