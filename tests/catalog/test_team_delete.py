"""A team deleted: counted and typed first, gone for its people at once, its rows by the worker, its past kept."""

import threading
import uuid
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.test import Client

from accounts.actions import create_team
from accounts.invitations import accept, invite
from accounts.models import AuditEvent, CloudAccount, Membership, SealedSecret, Team, User
from catalog import actions, tasks
from catalog.actions.sources import AT_ONCE
from catalog.locks import lock_source
from catalog.models import FacetCount, Image, Registration, Source
from catalog.runs import start_run
from tests.accounts.test_member_races import at_once
from tests.catalog.shelf import put

pytestmark = pytest.mark.django_db
HERE = "/t/aero/team/delete/"


@pytest.fixture
def admin(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


@pytest.fixture
def shelf(make_source: Callable[..., Source], bob: User) -> Source:
    source = make_source("alibaba_ehpc_custom")
    for n in range(3):
        put(source, f"image-{n}")
    return source


def request(source: Source, state: str) -> Registration:
    account = source.cloud_account
    return Registration.objects.create(
        team_id=source.team_id, cloud_account=account, account_name="a", region="cn-hangzhou", type="vm", name=state,
        state=state,
    )  # fmt: skip


def test_what_goes_is_counted_and_nothing_goes_before_the_name_is_typed(admin: Client, shelf: Source, team: Team):
    text = admin.get(HERE).content.decode()
    assert "<dd>2 <" in text and "<dd>3 <" in text and "Aero HPC" in text
    for typed in ("", "aero", "Aero", "Umbra Labs"):
        answer = admin.post(HERE, {"confirm": typed})
        assert answer.status_code == 422
    assert Team.objects.get().slug == "aero" and not AuditEvent.objects.exists()


def test_it_is_gone_at_once_and_its_rows_by_the_worker(admin: Client, shelf: Source, bob: User, as_user, team: Team):
    bobs = as_user(bob)
    for state in ("requested", "pending", "unknown", "seen"):
        request(shelf, state)
    answer = admin.post(HERE, {"confirm": " Aero  HPC "}, follow=True)
    assert "Aero HPC is deleted." in answer.content.decode()
    assert [client.get("/t/aero/images/").status_code for client in (admin, bobs)] == [404, 404]
    assert not Membership.objects.exists() and not SealedSecret.sealed.exists()
    assert not Registration.objects.filter(state__in=["requested", "pending"]).exists()
    row = AuditEvent.objects.get()
    assert (row.team, row.actor, row.action, row.target) == (team.id, "alice@example.org", "team.deleted", "Aero HPC")
    assert row.changes == {
        "slug": "aero", "members": 2, "cloud_accounts": 1, "sources": 1, "images": 3, "registrations": 4
    }  # fmt: skip
    create_team("aero", "Another", "test")  # the address is free
    tasks.finish_removals()
    assert [one.name for one in Team.objects.all()] == ["Another"]
    left = [model for model in (Source, Image, FacetCount, Registration, CloudAccount) if model.objects.exists()]
    assert left == [] and AuditEvent.objects.filter(team=team.id).count() == 1


def test_another_team_keeps_everything(admin: Client, shelf: Source, other_team: Team, make_account, make_source):
    theirs = make_source("alibaba_ens_self", make_account(team=other_team, name="theirs"))
    put(theirs, "kept")
    admin.post(HERE, {"confirm": "Aero HPC"})
    tasks.tidy()
    assert list(Team.objects.all()) == [other_team] and Image.objects.get().name == "kept"
    assert SealedSecret.sealed.count() == 1 and Source.objects.get().archived_at is None


def test_what_was_queued_for_a_deleted_team_ends_quietly(admin: Client, shelf: Source, caplog):
    """Messages outlive what they name: those of rows that wait for their end, and of rows that are gone."""
    unknown, sending = request(shelf, "unknown"), request(shelf, "sending")
    run = start_run(shelf, "schedule")
    assert run
    admin.post(HERE, {"confirm": "Aero HPC"})
    for _ in range(2):
        tasks.sync_source(str(run.id))
        for one in (unknown, sending):
            tasks.register_image(str(one.id))
        for task in (tasks.queue_due_sources, tasks.reconcile, tasks.settle_registrations, tasks.retire, tasks.tidy):
            task()
    for of_a_row in (tasks.sync_source, tasks.register_image, tasks.remove_image, tasks.register_batch):
        of_a_row(str(uuid.uuid4()))
    assert not Team.objects.exists()
    assert [record.message for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")] == []


def test_an_open_invitation_leads_nowhere_any_more(admin: Client, alice: User, charlie: User, team: Team, as_user):
    _invitation, token = invite(team, alice, charlie.email, "admin")
    client = as_user(charlie)
    assert client.get(f"/invitations/{token}/").status_code == 302
    admin.post(HERE, {"confirm": "Aero HPC"})
    assert client.post("/invitation/").status_code == client.get(f"/invitations/{token}/").status_code == 404
    assert not Membership.objects.filter(team=team).exists()
    assert "Aero HPC" not in client.get("/", follow=True).content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_time", range(3))
def test_nobody_is_left_on_it_who_joins_while_it_is_deleted(alice: User, charlie: User, team: Team, _time: int):
    invitation, _token = invite(team, alice, charlie.email, "admin")
    at_once(lambda: accept(invitation, charlie), lambda: actions.delete_team(team, alice))
    assert Team.objects.get(id=team.id).deleted_at and not Membership.objects.filter(team=team).exists()
    assert AuditEvent.objects.filter(action="team.deleted").count() == 1


def test_a_source_that_came_in_between_goes_too(admin: Client, shelf: Source, team: Team):
    admin.post(HERE, {"confirm": "Aero HPC"})
    Source.objects.create(team=team, account_name="late", kind="alibaba_ens_self", region="cn-beijing")
    tasks.finish_removals()
    tasks.finish_removals()
    assert not Team.objects.exists()


def test_many_images_are_not_taken_away_in_the_request(admin: Client, shelf: Source, django_assert_max_num_queries):
    assert AT_ONCE > 3
    with django_assert_max_num_queries(40):
        admin.post(HERE, {"confirm": "Aero HPC"})
    assert Image.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_while_a_sync_is_applied_it_says_so(alice: User, team: Team, shelf: Source):
    held, done = threading.Event(), threading.Event()

    def hold() -> None:
        with transaction.atomic():
            lock_source(shelf.id)
            held.set()
            done.wait(20)
        connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert held.wait(10)
        with pytest.raises(actions.ActionError, match="A sync is being applied"):
            actions.delete_team(team, alice)
    finally:
        done.set()
        holder.join()
    assert Membership.objects.filter(team=team).exists()
    actions.delete_team(team, alice)
    assert not Membership.objects.filter(team=team).exists()
