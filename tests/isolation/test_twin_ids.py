"""Rows of Umbra whose ids, or whose people, Aero comes to know: named in a query, in an audit row or in a run."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.http import QueryDict
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import members
from accounts.models import AuditEvent, Membership
from accounts.switching import teams_without_admin
from catalog import actions, change_visits, requests
from catalog.batches import Check
from catalog.bulk import frozen
from catalog.correctors import correctors
from catalog.display import display
from catalog.models import ChangeVisit, ImageChange, Registration, SavedView, SyncRun
from catalog.registration_history import had_password
from tests.isolation.test_pages import MOMENTARY, WORD, make_world, shown  # noqa: F401 - a fixture
from tests.isolation.test_second_wall import Worlds, worlds  # noqa: F401 - a fixture
from tests.isolation.world import REGISTERED, World

pytestmark = [pytest.mark.access, pytest.mark.django_db]

REGION = "cn-hangzhou"
# (page, key of its query, whose rows)
ASKED = [
    *((page, "source", "source") for page in (
        "image_list", "image_bulk", "image_ids", "change_list", "change_feed", "registration_list", "saved_view_add",
    )),
    ("image_export", "source", "source"),
    ("change_atom", "source", "source"),
    ("image_list", "view", "view"),
    ("change_list", "run", "run"),
    ("change_list", "image", "image"),
    ("registration_add", "like", "registration"),
    ("registration_add", "image", "image"),
    ("registration_add", "image", "registered"),
    ("registration_add", "account", "account"),
    ("batch_add", "again", "batch"),
    ("source_add", "account", "account"),
    ("image_compare", "a", "image"),
    ("registration_images", "account", "account"),
]  # fmt: skip


def id_of(world: World, kind: str) -> str:
    own = {"source": world.sources[0], "image": world.images[0], "account": world.account}
    own["registered"] = world.images[REGISTERED]
    return str((own.get(kind) or world.one(kind)).id)


def address(world: World, page: str) -> str:
    if page == "change_atom":
        return reverse("catalog:change_atom", args=[world.token])
    return reverse(f"catalog:{page}", args=[world.team.slug, *(["csv"] if page == "image_export" else [])])


def answered(client: Client, url: str, key: str, row_id: str) -> tuple[int, list[bytes]]:
    answer = client.get(url, {key: row_id}, follow=True)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    ids = rb"[0-9a-f-]{36,37}|f-source-[0-9a-f]+|" + row_id[:8].encode() + rb"(?:[0-9a-f-]*\xe2\x80\xa6)?"
    said = re.sub(ids, b"ID", MOMENTARY.sub(b"", body))
    return answer.status_code, [line for line in said.splitlines() if b"etag" not in line.lower()]


@pytest.mark.parametrize(("name", "key", "kind"), ASKED)
def test_a_row_of_another_team_is_as_one_that_is_not(
    name: str, key: str, kind: str, worlds: Worlds, as_user: Any  # noqa: F811
) -> None:  # fmt: skip
    aero, umbra = worlds
    client, url = as_user(aero.admin), address(aero, name)
    answered(client, url, key, str(uuid4()))  # what a first look writes, as a visit, is written
    (status, foreign), (as_usual, none) = (
        answered(client, url, key, one) for one in (id_of(umbra, kind), str(uuid4()))
    )
    assert status == as_usual
    assert [line for line in foreign if line not in none] == [line for line in none if line not in foreign] == []
    assert not [line for line in foreign if WORD.encode() in line]


PLACED = ("registration_add", "batch_add", "source_add", "overview", "source_list", "change_list")


@pytest.mark.parametrize("name", PLACED)
def test_regions_of_another_team_are_no_choice(name: str, worlds: Worlds, make_source: Any, as_user: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    client = as_user(aero.admin)
    shown(client, aero, name)
    before = shown(client, aero, name)
    for kind in ("alibaba_ehpc_registered", "alibaba_ens_self"):
        source = make_source(kind, umbra.account, region="cn-aaa-first")
        source.__class__.objects.filter(id=source.id).update(created_at=timezone.now() - timedelta(days=9))
    assert shown(client, aero, name) == before


AUDITED = ("image_detail", "change_list", "run_detail", "registration_detail", "batch_detail", "audit_list")


@pytest.mark.parametrize("name", AUDITED)
def test_audit_rows_of_another_team_tell_nothing(name: str, worlds: Worlds, as_user: Any) -> None:  # noqa: F811
    """Even those that name Aero's rows."""
    aero, umbra = worlds
    client = as_user(aero.admin)
    before = shown(client, aero, name)
    forge(aero, umbra)
    assert shown(client, aero, name) == before


def forge(aero: World, umbra: World) -> None:
    for event in list(AuditEvent.objects.filter(team=aero.team.id)):
        AuditEvent.objects.create(
            team=umbra.team.id, actor=f"{WORD}@example.org", action=event.action, target=event.target,
            target_id=event.target_id, changes=event.changes,
        )  # fmt: skip
    AuditEvent.objects.create(
        team=umbra.team.id, actor=WORD, action="image.labelled", changes={"ids": [str(aero.images[0].id)]}
    )
    password = {"ContainerImageSpec.RegistryCredential.Password": "***"}
    for n, row in enumerate([*aero.rows["registration"], *aero.rows["request"]]):
        AuditEvent.objects.create(
            team=umbra.team.id, actor=WORD, target_id=row.id, changes=password,
            action=("registration.created", "registration.requested")[n % 2],
        )  # fmt: skip


def test_nobody_elses_words_on_a_row(worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    view = aero.one("view")
    for action in ("view.changed", "image.overridden", "image.noted"):
        AuditEvent.objects.create(team=umbra.team.id, actor=WORD, action=action, target_id=view.id)
    forge(aero, umbra)
    assert not any(had_password(one) for one in aero.rows["registration"])
    long_ago = timezone.now() - timedelta(days=1)
    with pytest.raises(actions.ViewChanged) as changed:
        actions.save_view(aero.team, aero.admin, view, query="os=windows", display=display(None, ""), seen=long_ago)
    assert changed.value.by == ""


def test_nobody_elses_correction(worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    change = ImageChange.objects.create(
        team=aero.team, source=aero.sources[0], image=aero.images[0], run=aero.rows["run"][0], at=timezone.now(),
        kind="corrected", field="arch", before="x86_64", after="arm64",
    )  # fmt: skip
    AuditEvent.objects.create(
        team=umbra.team.id, actor=WORD, action="image.overridden", target_id=change.image_id,
        changes={"arch": ["x86_64", "arm64"]},
    )  # fmt: skip
    assert correctors(aero.team.id, [change]) == {}
    assert correctors(umbra.team.id, [change]) == {change.id: WORD}


def test_a_list_of_another_teams_source_is_kept_as_it_was_asked_for(worlds: Worlds, as_user: Any) -> None:  # noqa: F811
    """Of a source of the team, a view keeps the beginning of its id, as addresses do."""
    aero, umbra = worlds
    client, url = as_user(aero.admin), address(aero, "saved_view_add")
    for source, kept in ((aero.sources[0], str(aero.sources[0].id)[:8]), (umbra.sources[0], str(umbra.sources[0].id))):
        assert f'"source={kept}"' in client.get(url, {"source": str(source.id)}).text


def test_a_view_of_another_teams_source_names_none(worlds: Worlds, as_user: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    SavedView.objects.filter(id=aero.one("view").id).update(query=f"source={umbra.sources[0].id}")
    page = as_user(aero.admin).get(reverse("catalog:saved_view_list", args=[aero.team.slug]))
    assert page.status_code == 200 and WORD.encode() not in page.content


def test_a_run_that_names_rows_of_another_team(worlds: Worlds, as_user: Any, make_run: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    client, run = as_user(aero.admin), aero.rows["run"][-1]

    def told(image_id: object, run_id: object) -> tuple[int, list[bytes]]:
        lost = {"images": [{"name": "solver", "id": str(image_id)}], "accepted_run": str(run_id)}
        SyncRun.objects.filter(id=run.id).update(error={**run.error, **lost})
        return answered(client, reverse("catalog:run_detail", args=[aero.team.slug, run.id]), "x", str(image_id))

    going_on = make_run(umbra.sources[1], "queued")
    assert told(umbra.images[0].id, going_on.id) == told(uuid4(), uuid4())


def test_a_sync_of_another_team_hides_no_news(worlds: Worlds, make_run: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    make_run(umbra.sources[0], "applying", minutes_ago=60)
    member = Membership.objects.get(team=aero.team, user=aero.admin)
    change_visits.open_page(member)
    visits, hour = ChangeVisit.objects.filter(membership=member), timedelta(hours=1)
    assert visits.get().shown_until > timezone.now() - hour / 2
    visits.update(since=timezone.now() - hour)
    assert change_visits.new_in_visit(member) == ImageChange.objects.filter(team=aero.team).count()
    assert frozen(QueryDict(f"source={umbra.sources[0].id}"), aero.team).notices


def test_what_somebody_did_in_another_team(worlds: Worlds) -> None:  # noqa: F811
    """Who is on both teams has drafts, requests and views in each."""
    aero, umbra = worlds
    person, member = aero.admin, Membership.objects.get(team=aero.team, user=aero.admin)
    draft = actions.draft_batch(umbra.team, person, umbra.account, "theirs", Check("row", 0, [], [], []))
    with pytest.raises(actions.DraftOver):
        actions.confirm_batch(aero.team, person, draft.id, expected=0, passwords={})
    asked = Registration.objects.filter(id=umbra.one("request").id)
    asked.update(requester=person, decided_at=timezone.now(), decision="declined", decided_by="x", state="rejected")
    assert not requests.decided_unseen(member).exists()
    left = aero.one("request")
    Membership.objects.create(team=umbra.team, user=person, role="viewer")
    member.delete()
    assert requests.request_context(left, person)["requester_left"]


def test_a_deleted_team_ends_only_its_own_looking(worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    Registration.objects.filter(state="unknown").update(next_lookup_at=timezone.now())
    actions.delete_team(aero.team, aero.admin)
    waiting = Registration.objects.filter(next_lookup_at__isnull=False)
    assert {one.team_id for one in waiting} == {umbra.team.id}


def test_the_last_admin_is_the_teams(worlds: Worlds) -> None:  # noqa: F811
    aero, _umbra = worlds
    member = Membership.objects.get(team=aero.team, user=aero.admin)
    assert not members.is_last_admin(aero.team, member) and not teams_without_admin(aero.admin)
    aero.one("member").delete()
    assert members.is_last_admin(aero.team, member) and teams_without_admin(aero.admin) == [aero.team.slug]


@pytest.mark.parametrize("shared", [True, False])
def test_views_are_counted_in_their_team(shared: bool, worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    SavedView.objects.bulk_create(
        SavedView(team=umbra.team, owner=aero.admin, name=f"View {n}", query="", shared=shared) for n in range(100)
    )
    assert actions.create_view(aero.team, aero.admin, name="More", query="", display=display(None, ""), shared=shared)
    with pytest.raises(actions.ActionError, match="which is the most"):
        actions.create_view(umbra.team, aero.admin, name="More", query="", display=display(None, ""), shared=shared)


def test_the_default_before_is_the_teams_own(worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    SavedView.objects.filter(team=aero.team).update(is_default=False)
    SavedView.objects.filter(team=umbra.team, is_default=True).update(name=WORD)
    actions.set_default(aero.team, aero.admin, aero.one("view"), True)
    event = AuditEvent.objects.filter(team=aero.team.id, action="view.made_default").latest("id")
    assert event.changes == {"default": [None, aero.one("view").name]}
