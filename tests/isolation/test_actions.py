"""What Aero does leaves its twin Umbra as it is, of the same names, ids and labels; Umbra's rows serve it nothing."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.models import Membership, Team, User
from catalog.bulk import choose
from catalog.marks import note_digest
from catalog.models import Image, Registration, Source
from catalog.override_forms import CorrectionForm
from tests.isolation.test_pages import WORD, Populate, make_world  # noqa: F401 - a fixture
from tests.isolation.world import REGISTERED, World, all_rows, url_name

pytestmark = [pytest.mark.access, pytest.mark.django_db]


@pytest.fixture
def worlds(team: Team, other_team: Team, alice: User, charlie: User, make_world: Populate) -> tuple[World, World]:  # noqa: F811
    """Alice administers Aero, and is on Umbra too."""
    worlds = make_world(team, alice, "aaaero"), make_world(other_team, charlie, WORD)
    Membership.objects.create(team=other_team, user=alice, role="viewer")
    return worlds


class Doing:
    """Alice's requests to Aero's addresses; `rows` are whose ids go into them."""

    def __init__(self, client: Client, aero: World, rows: World) -> None:
        self.client, self.aero, self.rows = client, aero, rows

    def post(self, view: str, /, *ids: Any, **fields: Any) -> int:
        url = reverse(url_name(view), args=[self.aero.team.slug, *ids])
        return self.client.post(url, fields).status_code

    def read(self, view: str) -> int:
        return self.client.get(reverse(f"catalog:{view}", args=[self.aero.team.slug])).status_code

    def image(self, view: str, n: int = 0, **fields: Any) -> int:
        return self.post(view, self.rows.images[n].id, **fields)

    def bulk(self, do: str, labels: str = "", **which: Any) -> int:
        found = choose(self.rows.team, which.get("filter", ""), which.get("image", ()))
        return self.post("image_bulk", do=do, labels=labels, digest=found.digest, count=found.total, **which)


ACTIONS: dict[str, Callable[[Doing], int]] = {
    "star": lambda d: d.image("image_star", star="yes"),
    "label": lambda d: d.image("image_labels", add="new"),
    "unlabel": lambda d: d.image("image_labels", remove="gpu"),
    "note": lambda d: d.image("image_note", 5, note="mine", seen=note_digest("")),
    "correct": lambda d: d.image("image_correct", 1, **corrected(d.rows.images[1], arch="arm64")),
    "restore": lambda d: d.image("image_correct", 2, remove="arch"),
    "bulk-label": lambda d: d.bulk("label", "new", filter="q=solver"),
    "bulk-unlabel": lambda d: d.bulk("unlabel", "gpu", filter="label=gpu"),
    "bulk-star": lambda d: d.bulk("star", filter=""),
    "bulk-selected": lambda d: d.bulk("star", image=[str(image.id) for image in d.rows.images[:3]]),
    "rename-label": lambda d: d.post("label_edit", label="gpu", name="accelerated"),
    "merge-labels": lambda d: d.post("label_edit", label="gpu", name="prod", merge="prod"),
    "delete-label": lambda d: d.post("label_delete", label="gpu"),
    "save-view": lambda d: d.post(
        "saved_view_save", d.rows.one("view").id, query="os=windows", seen=d.rows.one("view").updated_at.isoformat()
    ),
    "rename-view": lambda d: d.post("saved_view_rename", d.rows.one("view").id, name="Other"),
    "share-view": lambda d: d.post("saved_view_share", d.rows.rows["view"][1].id, shared="yes"),
    "default-view": lambda d: d.post("saved_view_default", d.rows.one("view").id, default="no"),
    "delete-view": lambda d: d.post("saved_view_delete", d.rows.one("view").id),
    "add-view": lambda d: d.post("saved_view_add", name="Arm too", query="arch=arm64", shared="on"),
    "edit-source": lambda d: d.post("source_edit", d.rows.sources[0].id, every_minutes=45),
    "sync": lambda d: d.post("source_sync", d.rows.sources[0].id),
    "pause": lambda d: d.post("source_pause", d.rows.sources[0].id),
    "resume": lambda d: d.post("source_resume", d.rows.sources[1].id),
    "delete-source": lambda d: d.post("source_delete", d.rows.sources[0].id, images="remove", confirm="yes"),
    "accept": lambda d: d.post("run_accept", d.rows.rows["run"][-1].id),
    "keep": lambda d: d.post("run_keep", d.rows.rows["run"][-1].id),
    "seen": lambda d: d.read("change_list") and d.post("changes_seen"),
    "feed": lambda d: d.post("change_feed", revoke=""),
    "edit-account": lambda d: d.post(
        "cloud_account_edit", d.rows.account.id, name="other", site="china", regions="cn-hangzhou"
    ),
    "test-account": lambda d: d.post("cloud_account_test", d.rows.account.id),
    "delete-account": lambda d: d.post(
        "cloud_account_delete", d.rows.account.id, images="remove", confirm=d.rows.account.name
    ),
    "look-again": lambda d: d.post("registration_look", d.rows.rows["registration"][3].id),
    "found": lambda d: d.post(
        "registration_found", d.rows.rows["registration"][3].id, which="other", remote_id="m-9", seen="-"
    ),
    "absent": lambda d: d.post("registration_absent", d.rows.rows["registration"][3].id, seen="-"),
    "remove-image": lambda d: d.image("image_remove", REGISTERED + 1, confirm=d.rows.images[REGISTERED + 1].name),
    "look-removed": lambda d: d.image("removal_look", REGISTERED),
    "approve": lambda d: d.post("registration_decide", d.rows.rows["request"][0].id, decision="approve"),
    "decline": lambda d: d.post("registration_decide", d.rows.rows["request"][1].id, decision="decline", word="no"),
    "withdraw": lambda d: d.post("registration_withdraw", d.rows.rows["request"][0].id),
    "cancel-batch": lambda d: d.post("batch_cancel", d.rows.one("batch").id),
    "add-source": lambda d: d.post(
        "source_add", account=d.rows.account.id, kind="alibaba_ens_public", regions="cn-beijing", every_minutes=60
    ),
    "register": lambda d: d.post(
        "registration_add", step="review", type="vm", account=d.rows.account.id, region="cn-hangzhou", name="new",
        image_id="m-1",
    ),
    "rename-team": lambda d: d.post("team_rename", name="Other"),
    "change-role": lambda d: d.post("member_edit", d.rows.one("member").id, role="viewer"),
    "remove-member": lambda d: d.post("member_remove", d.rows.one("member").id),
    "transfer": lambda d: d.post("team_transfer", member=d.rows.one("member").id, after="editor"),
    "invite": lambda d: d.post("invitation_add", email="frank@example.org", role="viewer"),
    "resend-invitation": lambda d: d.post("invitation_resend", d.rows.one("invitation").id),
    "revoke-invitation": lambda d: d.post("invitation_revoke", d.rows.one("invitation").id),
    "delete-team": lambda d: d.post("team_delete", confirm=d.aero.team.name),
    "leave": lambda d: d.post("team_leave"),
}  # fmt: skip
# Without an id: what they change is found by a name, or by a filter, within the team.
BY_NAME = {
    "bulk-label", "bulk-unlabel", "bulk-star", "rename-label", "merge-labels", "delete-label", "seen", "feed",
    "add-view", "rename-team", "leave", "invite", "delete-team",
}  # fmt: skip
# A source or account of another team is no choice of the form.
REFUSED = {"add-source": 200, "register": 422, "bulk-selected": 200, "transfer": 422}


def corrected(image: Image, **fields: str) -> dict[str, str]:
    """The form of corrections as it was shown, and these of its fields filled in."""
    form = CorrectionForm(image)
    shown = {name: str(value or "") for name, value in form.initial.items()}
    return shown | {form.add_initial_prefix(name): text for name, text in shown.items()} | fields


def told(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {name: found for name, found in rows.items() if found}


@pytest.mark.parametrize("name", ACTIONS)
def test_what_a_team_does_is_nothing_to_another(name: str, worlds: tuple[World, World], as_user: Any) -> None:
    aero, umbra = worlds
    before, own = told(all_rows(umbra.team)), told(all_rows(aero.team))
    status = ACTIONS[name](Doing(as_user(aero.admin), aero, aero))
    assert status in (200, 302), "it is done"
    assert told(all_rows(umbra.team)) == before
    assert (told(all_rows(aero.team)) != own) == (name != "register")
    assert not [one for one in mail.outbox if WORD in one.body]


@pytest.mark.parametrize("name", [name for name in ACTIONS if name not in BY_NAME])
def test_rows_of_another_team_serve_nobody(name: str, worlds: tuple[World, World], as_user: Any) -> None:
    aero, umbra = worlds
    before, own = told(all_rows(umbra.team)), told(all_rows(aero.team))
    client = as_user(aero.admin)
    status = ACTIONS[name](Doing(client, aero, umbra))
    assert status == REFUSED.get(name, 404)
    assert (told(all_rows(umbra.team)), told(all_rows(aero.team))) == (before, own)


def test_the_twins_have_the_same_names(worlds: tuple[World, World]) -> None:
    aero, umbra = worlds
    for model, fields in ((Image, ("remote_id", "name")), (Registration, ("name",)), (Source, ("kind", "region"))):
        one, other = (
            sorted(model._default_manager.filter(team=world.team).values_list(*fields)) for world in (aero, umbra)
        )
        assert one == other and one
