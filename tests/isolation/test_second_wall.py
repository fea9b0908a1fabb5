"""Behind the views' wall stands another: an action that is given a row of another team leaves that row as it is."""

import contextlib
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from django.db.models.functions import Now

from accounts import invitations, members, secrets
from accounts.access import admins_of
from accounts.models import Team, User
from catalog import actions, recount
from catalog.display import display
from catalog.models import FacetCount, Source
from tests.clouds import credentials
from tests.isolation.test_actions import told
from tests.isolation.test_pages import WORD, Populate, make_world  # noqa: F401 - a fixture
from tests.isolation.world import World, all_rows

pytestmark = [pytest.mark.access, pytest.mark.django_db]

TABLE, FIELD = "accounts_cloudaccount", "credential"

type Worlds = tuple[World, World]

# Aero's admin, in Aero's name, with Umbra's rows.
CALLS: dict[str, Callable[[World, World], Any]] = {
    "star": lambda a, u: actions.set_star(a.team, a.admin, [u.images[0].id], True),
    "label": lambda a, u: actions.add_labels(a.team, a.admin, [u.images[0].id], ["new"]),
    "unlabel": lambda a, u: actions.remove_labels(a.team, a.admin, [u.images[0].id], ["gpu"]),
    "note": lambda a, u: actions.set_note(a.team, a.admin, u.images[0], "mine"),
    "correct": lambda a, u: actions.correct_image(
        a.team, a.admin, u.images[1], {"arch": "arm64"}, {"arch": "x86_64"}, "I know"
    ),
    "restore": lambda a, u: actions.remove_override(a.team, a.admin, u.images[2], "arch"),
    "update-source": lambda a, u: actions.update_source(a.team, a.admin, u.sources[0], every_minutes=45),
    "pause": lambda a, u: actions.pause_source(a.team, a.admin, u.sources[0]),
    "resume": lambda a, u: actions.resume_source(a.team, a.admin, u.sources[1]),
    "wake": lambda a, u: actions.replace_credential(
        a.team, a.admin, a.account, credentials.DEFAULT["alibaba"]
    ),
    "save-view": lambda a, u: actions.save_view(
        a.team, a.admin, u.one("view"), query="os=windows", display=display(None, ""), seen=u.one("view").updated_at
    ),
    "rename-view": lambda a, u: actions.rename_view(a.team, a.admin, u.one("view"), "Other"),
    "share-view": lambda a, u: actions.share_view(a.team, a.admin, u.rows["view"][1], True),
    "default-view": lambda a, u: actions.set_default(a.team, a.admin, u.one("view"), False),
    "delete-view": lambda a, u: actions.delete_view(a.team, a.admin, u.one("view")),
    "look-again": lambda a, u: actions.look_again(a.team, a.admin, u.rows["registration"][3]),
    "look-removed": lambda a, u: actions.look_again(a.team, a.admin, u.rows["removal"][0]),
    "approve": lambda a, u: actions.approve_request(a.team, a.admin, u.rows["request"][0].id),
    "decline": lambda a, u: actions.decline_request(a.team, a.admin, u.rows["request"][0].id, "no"),
    "withdraw": lambda a, u: actions.withdraw_request(a.team, u.admin, u.rows["request"][0].id),
    "cancel-batch": lambda a, u: actions.cancel_batch(a.team, a.admin, u.one("batch")),
    "change-role": lambda a, u: members.change_role(a.team, a.admin, u.one("member"), "viewer"),
    "remove-member": lambda a, u: members.remove_member(a.team, a.admin, u.one("member")),
    "transfer": lambda a, u: members.transfer_team(a.team, a.admin, u.one("member"), "editor"),
    "resend-invitation": lambda a, u: invitations.resend(a.team, a.admin, u.one("invitation")),
    "revoke-invitation": lambda a, u: invitations.revoke(a.team, a.admin, u.one("invitation")),
    "count-anew": lambda a, u: count_anew(a),
}  # fmt: skip


def count_anew(world: World) -> None:
    FacetCount.objects.filter(team=world.team).update(n=50)
    recount.repair([world.team.id], "test", world.team)
    assert not FacetCount.objects.filter(team=world.team, n=50).exists()


@pytest.fixture
def worlds(team: Team, other_team: Team, alice: User, charlie: User, make_world: Populate) -> Worlds:  # noqa: F811
    return make_world(team, alice, "aaaero"), make_world(other_team, charlie, WORD)


@pytest.mark.parametrize("name", CALLS)
def test_an_action_leaves_the_rows_of_another_team(name: str, worlds: Worlds) -> None:
    aero, umbra = worlds
    before = told(all_rows(umbra.team))
    with contextlib.suppress(Exception), transaction.atomic():  # refused or nothing done: both will do
        CALLS[name](aero, umbra)
    assert told(all_rows(umbra.team)) == before


@pytest.mark.parametrize("name", CALLS)
def test_the_same_call_does_something_to_ones_own(name: str, worlds: Worlds) -> None:
    aero, _umbra = worlds
    before = told(all_rows(aero.team))
    CALLS[name](aero, aero)
    assert told(all_rows(aero.team)) != before


def test_images_of_another_team_are_not_selected(worlds: Worlds) -> None:
    aero, umbra = worlds
    with pytest.raises(actions.CountChanged):
        actions.set_star(aero.team, aero.admin, [umbra.images[0].id], True, expected=1)


def test_admins_are_those_of_the_team(worlds: Worlds) -> None:
    aero, umbra = worlds
    found = [{one.user_id for one in admins_of(world.team)} for world in worlds]
    assert aero.admin.pk in found[0] and umbra.admin.pk in found[1] and found[0].isdisjoint(found[1])


def test_a_credential_that_is_replaced_wakes_the_sources_of_its_own_team(worlds: Worlds) -> None:
    aero, umbra = worlds
    for world in worlds:
        Source.objects.filter(id=world.sources[0].id).update(paused_at=Now(), paused_reason="authentication")
    before = told(all_rows(umbra.team))
    actions.replace_credential(aero.team, aero.admin, aero.account, credentials.DEFAULT["alibaba"])
    assert told(all_rows(umbra.team)) == before
    assert Source.objects.get(id=aero.sources[0].id).paused_at is None


FORGOTTEN: dict[str, Callable[[UUID, UUID], Any]] = {
    "row": lambda team, row: secrets.forget(team, TABLE, row),
    "field": lambda team, row: secrets.forget_field(team, TABLE, row, FIELD),
    "many": lambda team, row: secrets.forget_many(team, TABLE, [row]),
    "team": lambda team, row: secrets.forget_team(team),
}


@pytest.mark.parametrize("what", FORGOTTEN)
def test_a_secret_is_its_teams_whoever_knows_its_row(what: str, team: Team, other_team: Team) -> None:
    row = uuid4()
    secrets.seal(team.id, TABLE, row, FIELD, "word")
    with pytest.raises(secrets.SecretUnreadable):
        secrets.open_secret(other_team.id, TABLE, row, FIELD)
    assert not secrets.is_sealed(other_team.id, TABLE, row, FIELD)
    assert [secrets.sealed_rows(one.id, TABLE, FIELD, [row]) for one in (team, other_team)] == [{row}, set()]
    FORGOTTEN[what](other_team.id, row)
    secrets.seal(other_team.id, TABLE, row, FIELD, "another")
    assert secrets.open_secret(team.id, TABLE, row, FIELD).reveal() == "word"
    FORGOTTEN[what](team.id, row)
    assert not secrets.is_sealed(team.id, TABLE, row, FIELD)
    assert secrets.open_secret(other_team.id, TABLE, row, FIELD).reveal() == "another"
