"""Asking for RemoveImage: the form that takes the image's name, who may, for which images, and the command."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import Team, User
from catalog import actions, tasks
from catalog.models import Image, Removal
from catalog.sync import sync_now
from tests.catalog.registration.asked import LISTING, REGION, VM, image_page, listed
from tests.processes import answer
from tests.running import run_command
from tests.waiting import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


def calls(cloud: Any) -> list[dict[str, Any]]:
    return cloud.requests("RemoveImage")


# Asking for it


def test_the_form_says_what_happens_and_takes_the_name_only(admin: Client, image: Image, cloud: Any) -> None:
    asked = image_page(admin, image, "remove/")
    assert "jobs can no longer use it" in asked and VM["image_id"] in asked
    for typed in ("", "cfd", "CFD-BASE", VM["image_id"]):
        refused = admin.post(f"/t/aero/images/{image.id}/remove/", {"confirm": typed})
        assert refused.status_code == 422 and "errorlist" in refused.content.decode()
    assert not Removal.objects.exists()
    done = admin.post(f"/t/aero/images/{image.id}/remove/", {"confirm": " cfd-base "}, follow=True).content.decode()
    assert "The image is being removed." in done and "Being removed from the cloud" in done and "every 1s" in done
    made = Removal.objects.get()
    assert (made.state, made.requested_by, made.image_id) == ("pending", "alice@example.org", image.id)
    tasks.remove_image(str(made.id))
    assert "The cloud has removed it" in image_page(admin, image) and "about to begin" in image_page(admin, image)
    sync_now(image.source, "test", 10)
    shown = image_page(admin, image)
    assert "Removed from the cloud" in shown and "Not listed by its source" in shown and "No longer listed" in shown


def test_in_the_drawer_it_stays_in_the_drawer(admin: Client, image: Image) -> None:
    htmx = {"HX-Request": "true", "HX-Target": "drawer"}
    asked = image_page(admin, image, "remove/", headers=htmx)
    assert "<html" not in asked and 'hx-target="#drawer"' in asked
    url = f"/t/aero/images/{image.id}/remove/"
    refused = admin.post(url, {"confirm": "no"}, headers=htmx)
    assert refused.status_code == 422 and "<html" not in refused.content.decode()
    done = admin.post(url, {"confirm": "cfd-base"}, headers=htmx)
    assert done.status_code == 200 and "Being removed from the cloud" in done.content.decode()
    assert json.loads(done.headers["HX-Trigger"])["told"]["text"] == "The image is being removed."


def test_a_name_that_cannot_be_typed_is_stood_for_by_the_id(
    admin: Client, cloud: Any, make_source: Any, account: Any
) -> None:
    items = [
        {"ImageId": "m-long", "ImageType": "VM", "Name": "x" * 300},
        {"ImageId": "m-rtl", "ImageType": "VM", "Name": "a\u202eb"},
    ]
    cloud.serve(listing=LISTING, region=REGION, items=items)
    sync_now(make_source(LISTING, account), "test", 10)
    for item in items:
        image = Image.objects.get(remote_id=item["ImageId"])
        url = f"/t/aero/images/{image.id}/remove/"
        assert "Type the ID of the image to confirm" in admin.get(url).content.decode()
        assert admin.post(url, {"confirm": item["Name"]}).status_code == 422
        assert admin.post(url, {"confirm": item["ImageId"]}).status_code == 302
    assert Removal.objects.count() == 2


def test_what_has_the_same_id_is_named_before(admin: Client, image: Image, cloud: Any) -> None:
    cloud.add(
        listing=LISTING, region=REGION,
        items=[{"ImageId": VM["image_id"], "ImageType": "VM", "Name": "cfd-base", "Version": "V2-too"}],
    )  # fmt: skip
    sync_now(image.source, "test", 10)
    asked = image_page(admin, image, "remove/")
    assert "may go with it" in asked and "V2-too" in asked


def test_an_image_of_another_listing_says_why_not(admin: Client, make_source: Any, make_image: Any, cloud: Any) -> None:
    image = make_image(make_source("alibaba_ens_self"))
    why = "Only images registered in E-HPC are removed from here."
    assert why in image_page(admin, image) and "image_remove" not in image_page(admin, image)
    for method in (admin.get, admin.post):
        answered = method(f"/t/aero/images/{image.id}/remove/", {"confirm": image.name}, follow=True)
        assert why in answered.content.decode()
    assert not Removal.objects.exists()


def test_a_missing_or_archived_image_says_why_not(
    admin: Client, image: Image, cloud: Any, remove: Any, team: Team, alice: User, account: Any
) -> None:
    remove()
    assert "The next sync marks it missing." in image_page(admin, image)
    sync_now(image.source, "test", 10)
    assert "there is nothing to remove" in image_page(admin, image)
    actions.delete_cloud_account(team, alice, account, "archive")
    assert "no longer connected" in image_page(admin, image)
    with pytest.raises(actions.ActionError):
        actions.create_removal(team, alice, Image.objects.select_related("source__cloud_account").get(id=image.id))


def test_a_cloud_that_says_it_is_gone_and_lists_it_may_be_asked_again(
    remove: Any, image: Image, cloud: Any, admin: Client
) -> None:
    cloud.fail(operation="RemoveImage", body={"RequestId": "R", "Success": True}, status=200)
    assert remove().state == "succeeded"
    assert sync_now(image.source, "test", 10).state == "complete"
    assert "did not agree yet" in image_page(admin, image) and "Remove from E-HPC…" in image_page(admin, image)
    assert remove().state == "succeeded" and listed(cloud) == 0


def test_two_who_ask_at_once_make_one_removal(image: Image, team: Team, alice: User, eve: User) -> None:
    def ask(user: User) -> object:
        try:
            return actions.create_removal(team, user, image, queue=False)
        except actions.ActionError as error:
            return error.message

    told = at_once(lambda: ask(alice), lambda: ask(eve), lambda: ask(alice))
    assert told.count("This image is being removed already.") == 2 and Removal.objects.count() == 1


def test_viewers_and_editors_see_it_happen_and_cannot_ask(
    image: Image, as_user: Any, bob: User, eve: User, remove: Any
) -> None:
    for person in (bob, eve):
        assert "Remove from E-HPC" not in image_page(as_user(person), image)
        assert as_user(person).post(f"/t/aero/images/{image.id}/remove/", {"confirm": "cfd-base"}).status_code == 403
    remove()
    assert "The cloud has removed it" in image_page(as_user(bob), image)


def test_it_hides_other_teams_images(image: Image, as_user: Any, charlie: User) -> None:
    for team in ("aero", "umbra"):
        for name in ("remove/", "remove/look/"):
            assert (
                as_user(charlie).post(f"/t/{team}/images/{image.id}/{name}", {"confirm": "cfd-base"}).status_code == 404
            )
    assert not Removal.objects.exists()


def test_names_are_data(admin: Client, cloud: Any, make_source: Any, account: Any) -> None:
    name = '<b hx-get="/evil">'
    cloud.serve(listing=LISTING, region=REGION, items=[{"ImageId": "m-1", "ImageType": "VM", "Name": name}])
    sync_now(make_source(LISTING, account), "test", 10)
    image = Image.objects.get()
    admin.post(f"/t/aero/images/{image.id}/remove/", {"confirm": name})
    assert Removal.objects.get().name == name
    assert "<b hx-get" not in image_page(admin, image) + image_page(admin, image, "remove/")


# The command


@pytest.fixture
def command(capsys: Any, monkeypatch: Any) -> Callable[..., Any]:
    return lambda *words: run_command(capsys, monkeypatch, "remove_image", "aero", *words)


def test_the_command_removes_by_either_id_and_tells_the_outcome(command: Any, image: Image, cloud: Any) -> None:
    cloud.fail(operation="RemoveImage", status=403, code="ImageInUse")
    told = answer(command(VM["image_id"], "--confirm", "cfd-base"), code=1)
    assert (told["state"], told["error"]["code"], told["image_id"]) == ("rejected", "ImageInUse", VM["image_id"])
    assert answer(command(str(image.id), "--confirm", "cfd-base")) == {
        "state": "succeeded", "image_id": VM["image_id"], "error": None,
    }  # fmt: skip
    assert listed(cloud) == 0 and Removal.objects.latest("created_at").requested_by == "remove_image"


def test_the_command_tells_an_unknown_outcome(command: Any, image: Image, cloud: Any) -> None:
    cloud.fail(operation="RemoveImage", apply=True, reset=True)
    told = answer(command(VM["image_id"], "--confirm", "cfd-base"), code=3)
    assert told["state"] == "unknown" and told["error"]["operation"] == "RemoveImage" and len(calls(cloud)) == 1


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["m-nothing", "--confirm", "x"], "has no registered image 'm-nothing'"),
        ([VM["image_id"], "--confirm", "other"], "confirm with 'cfd-base'"),
    ],
)
def test_the_command_refuses_in_one_line(
    command: Any, image: Image, cloud: Any, words: list[str], sentence: str
) -> None:
    done = command(*words)
    assert done.returncode == 1 and sentence in done.stderr and len(done.stderr.splitlines()) == 1
    assert not calls(cloud)


def test_the_command_asks_which_where_an_id_stands_twice(command: Any, image: Image, cloud: Any) -> None:
    cloud.add(
        listing=LISTING, region=REGION,
        items=[{"ImageId": VM["image_id"], "ImageType": "VM", "Name": "cfd-base", "Version": "V2"}],
    )  # fmt: skip
    sync_now(image.source, "test", 10)
    done = command(VM["image_id"], "--confirm", "cfd-base")
    assert done.returncode == 1 and str(image.id) in done.stderr and not calls(cloud)


def test_the_command_refuses_an_image_of_another_listing(
    command: Any, make_source: Any, make_image: Any, cloud: Any
) -> None:
    image = make_image(make_source("alibaba_ens_self"))
    done = command(str(image.id), "--confirm", image.name)
    assert done.returncode == 1 and "Only images registered in E-HPC" in done.stderr and not Removal.objects.exists()
