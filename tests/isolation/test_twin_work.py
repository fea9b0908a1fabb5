"""What workers, commands and seldom pages do for Aero: they find nothing of its twin Umbra, and leave that as it is."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.actions import ActionError, add_member
from accounts.management.base import PlainCommand
from accounts.models import CloudAccount, Membership, Team, User
from catalog import actions, batch_command, combinations, ecs_images, recount, request_mails
from catalog.actions.requests import MOST_WAITING
from catalog.batches import Check, LeftOut, Row
from catalog.change_sets import has_changes
from catalog.models import Registration, RequestMail, Source
from catalog.registration_spec import Spec
from catalog.supported import Systems
from tests.catalog.shelf import put
from tests.isolation.test_actions import told
from tests.isolation.test_pages import WORD, Populate, make_world, shown  # noqa: F401 - a fixture
from tests.isolation.test_second_wall import Worlds, worlds  # noqa: F401 - a fixture
from tests.isolation.world import REGISTERED, World, all_rows, url_name

pytestmark = [pytest.mark.access, pytest.mark.django_db]

REGION = "cn-hangzhou"
SPEC = Spec(type="vm", name="made", image_id="m-1")


def is_buried(world: World) -> bool:
    combinations.read(world.team.id)
    return combinations.is_buried(world.team.id)


FOUND: dict[str, Callable[[World], Any]] = {
    "counts": lambda w: recount.verify([w.team.id]),
    "support": lambda w: Systems().dated(w.team.id),
    "ecs-images": lambda w: ecs_images.find(w.account, REGION, "odd"),
    "ecs-image": lambda w: ecs_images.look_up(w.account, REGION, "m-odd"),
    "hidden": is_buried,
}


@pytest.mark.parametrize("what", FOUND)
def test_what_is_found_is_the_same_whatever_another_team_has(
    what: str, team: Team, other_team: Team, alice: User, charlie: User, make_world: Populate, make_source: Any,  # noqa: F811
    make_run: Any,
) -> None:  # fmt: skip
    aero = make_world(team, alice, "aaaero")
    before = FOUND[what](aero)
    umbra = make_world(other_team, charlie, WORD)
    source = make_source("alibaba_ehpc_custom", umbra.account)
    put(source, "odd", os="linux", distribution="Debian", os_version="10", arch="x86_64")
    make_run(source, "applying", listed=1_000_000)
    assert FOUND[what](aero) == before
    assert FOUND[what](umbra) != before


def test_a_team_with_most_images_finds_its_own(
    team: Team, other_team: Team, alice: User, charlie: User, as_user: Any, make_world: Populate  # noqa: F811
) -> None:  # fmt: skip
    """Its images are not looked up by an index then (catalog.combinations.holds_most)."""
    aero = make_world(team, alice, "aaaero")
    client = as_user(aero.admin)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE catalog_image")
    before = shown(client, aero, "image_list")
    assert combinations.holds_most(aero.team.id)
    make_world(other_team, charlie, WORD)
    after = shown(client, aero, "image_list")
    assert [url for url in before if before[url] != after[url]] == []


NOTHING = sorted(
    {"overview", "label_list", "saved_view_list", "saved_view_add", "source_list", "source_add", "change_list",
     "change_feed", "registration_list", "registration_add", "batch_add", "audit_list", "image_list"}
)  # fmt: skip


@pytest.mark.parametrize("has_account", [False, True])
def test_a_team_that_has_nothing_is_shown_nothing(
    has_account: bool, make_account: Any, other_team: Team, alice: User, charlie: User, as_user: Any,
    make_world: Populate,  # noqa: F811
) -> None:  # fmt: skip
    bare = Team.objects.create(slug="bare", name="Bare")
    for team in (bare, other_team):
        Membership.objects.create(team=team, user=alice, role="admin")
    if has_account:
        make_account(team=bare)
    client = as_user(alice)

    def seen() -> dict[str, list[str]]:
        """The lines of each page without what differs between two requests."""
        found = {}
        for name in NOTHING:
            answer = client.get(reverse(url_name(name), args=[bare.slug]), follow=True)
            lines = answer.content.decode().splitlines()
            found[name] = [line for line in lines if "csrf" not in line.lower() and "<time" not in line]
        return found

    seen()
    before = seen()
    make_world(other_team, charlie, WORD)
    assert seen() == before
    assert [has_changes(team.id) for team in (bare, other_team)] == [False, True]


def row() -> Row:
    return Row(1, uuid4(), REGION, SPEC)


REFUSED: dict[str, tuple[Callable[[World, World], Any], str]] = {
    "sync": (lambda a, u: call_command("sync", a.team.slug, str(u.sources[0].id)), "has no source"),
    "remove_image": (
        lambda a, u: call_command(
            "remove_image", a.team.slug, str(u.images[REGISTERED].id), confirm=u.images[REGISTERED].name
        ),
        "has no registered image",
    ),
    "account": (lambda a, u: PlainCommand().account(a.team, u.account.name), "has no cloud account"),
    "batch": (
        lambda a, u: actions.create_batch(a.team, "cli", u.account, "x", Check("row", 1, [row()], [], [])),
        "no longer there",
    ),
    "register": (
        lambda a, u: actions.create_registration(a.team, a.admin, u.account, REGION, SPEC, None),
        "no longer there",
    ),
    "outcome": (
        lambda a, u: batch_command._outcome(a.team, row(), LeftOut("unknown", "", registration=u.one("registration"))),
        "does not exist",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_another_teams_is_refused_by_its_name(what: str, worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    before = told(all_rows(umbra.team))
    call, words = REFUSED[what]
    with pytest.raises((CommandError, ActionError, Registration.DoesNotExist), match=words):
        call(aero, umbra)
    assert told(all_rows(umbra.team)) == before


def test_a_source_of_another_team_filters_nothing(worlds: Worlds, capsys: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    call_command("images", aero.team.slug, f"source={umbra.sources[0].id}")
    assert "There is no source" in capsys.readouterr().err


def test_a_draft_of_another_team_is_none(worlds: Worlds, as_user: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    CloudAccount.objects.filter(id=umbra.account.id).update(draft_until=timezone.now() + timedelta(minutes=5))
    with pytest.raises(ActionError, match="This test is over"):
        actions.promote_draft(aero.team, aero.admin, umbra.account, name="mine")
    page = reverse("catalog:cloud_account_add", args=[aero.team.slug])
    answer = as_user(aero.admin).get(page, {"draft": str(umbra.account.id)})
    assert WORD.encode() not in answer.content
    assert actions.promote_draft(umbra.team, umbra.admin, umbra.account, name="mine").draft_until is None


def test_a_sync_also_asked_for_is_the_teams_own(worlds: Worlds, as_user: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    before = told(all_rows(umbra.team))
    page = reverse("catalog:source_sync", args=[aero.team.slug, aero.sources[0].id])
    client: Client = as_user(aero.admin)
    assert client.post(page, {"also": [str(umbra.sources[0].id), str(aero.sources[2].id)]}).status_code == 302
    assert told(all_rows(umbra.team)) == before
    assert aero.sources[2].runs.filter(state="queued").exists()


def test_changes_of_another_teams_sync_are_no_choice(worlds: Worlds, as_user: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    answer = as_user(aero.admin).get(
        reverse("catalog:change_list", args=[aero.team.slug]), {"run": str(umbra.rows["run"][0].id)}, follow=True
    )
    assert "There is no such sync any more." in answer.content.decode()


def test_mails_about_a_request_go_to_its_team(worlds: Worlds, settings: Any) -> None:  # noqa: F811
    aero, umbra = worlds
    settings.MAIL_IS_SET = True
    Membership.objects.create(team=umbra.team, user=aero.admin, role="admin")
    asked = aero.one("request")
    request_mails.tell_who_asked(asked)
    request_mails.tell_who_decides(asked)
    mails = RequestMail.objects.filter(registration=asked).values_list("kind", "membership__user__email")
    assert set(mails) == {("decided", aero.admin.email), ("asked", aero.one("member").user.email)}
    assert len(mails) == 2


def test_requests_are_counted_in_their_team(worlds: Worlds) -> None:  # noqa: F811
    aero, umbra = worlds
    Registration.objects.bulk_create(
        Registration(
            team=umbra.team, cloud_account=umbra.account, account_name=umbra.account.name, region=REGION, type="vm",
            name=f"wanted {n}", state="requested", requester=aero.admin, requested_by=aero.admin.email,
        )
        for n in range(MOST_WAITING)
    )  # fmt: skip
    assert actions.request_registration(aero.team, aero.admin, aero.account, REGION, SPEC).state == "requested"
    with pytest.raises(ActionError, match="wait for an admin already"):
        actions.request_registration(umbra.team, aero.admin, umbra.account, REGION, SPEC)


def test_who_is_on_one_team_can_join_another(eve: User, other_team: Team) -> None:
    add_member(other_team, eve.email, "viewer", "cli")
    assert set(eve.memberships.values_list("team__slug", "role")) == {("aero", "editor"), ("umbra", "viewer")}


def test_the_demo_is_loaded_beside_another_team(
    other_team: Team, charlie: User, make_world: Populate, settings: Any  # noqa: F811
) -> None:  # fmt: skip
    umbra = make_world(other_team, charlie, WORD)
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    before = told(all_rows(umbra.team))
    call_command("load_demo")
    assert told(all_rows(umbra.team)) == before
    assert Source.objects.exclude(team=umbra.team).exists()
