"""RemoveImage, sent once by the worker: refused, not known, done, and gone from the shelf by a sync."""

import json
from typing import Any

import pytest
from django.test import Client
from django.utils import translation
from django.utils.html import escape

from accounts.models import AuditEvent, Team, User
from catalog import actions, tasks
from catalog.errors import explain
from catalog.models import Image, Source
from catalog.sync import sync_now
from tests.catalog.registration.asked import CUT_OFF, LISTING, REGION, VM, image_page, listed, settle, settle_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


def calls(cloud: Any) -> list[dict[str, Any]]:
    return cloud.requests("RemoveImage")


# The way out


def test_a_removed_image_is_missing_when_a_sync_agrees(remove: Any, image: Image, cloud: Any) -> None:
    made = remove()
    assert (made.state, made.error, made.remote_id) == ("succeeded", None, VM["image_id"]) and made.request_id
    (call,) = calls(cloud)
    assert call["parameters"] == {"ImageId": VM["image_id"], "RegionId": REGION} and call["version"] == "2023-07-01"
    image.refresh_from_db()
    assert image.missing_since is None and listed(cloud) == 0, "the shelf believes a listing and nothing else"
    run = sync_now(image.source, "test", 10)
    assert (run.state, run.missing) == ("complete", 1), "an image that was to go makes no listing suspect"
    image.refresh_from_db()
    made.refresh_from_db()
    assert image.state == "missing" and (made.state, bool(made.seen_at)) == ("seen", True)


def test_the_beat_has_it_listed_soon(remove: Any, image: Image) -> None:
    before = Source.objects.get(id=image.source_id).next_sync_at
    remove()
    tasks.settle_registrations()
    run = image.source.runs.latest("created_at")
    assert run.state == "queued" and run.trigger == "schedule"
    assert Source.objects.get(id=image.source_id).next_sync_at != before
    tasks.settle_registrations()
    assert image.source.runs.filter(state="queued").count() == 1


def test_a_sync_that_began_before_is_not_taken_for_an_answer(remove: Any, image: Image, make_run: Any) -> None:
    """The listing that was going on may have had the image still: another follows it."""
    made = remove()
    make_run(image.source, "complete", 1)
    tasks.settle_registrations()
    assert image.source.runs.filter(state="queued").count() == 1
    made.refresh_from_db()
    assert made.state == "succeeded"


def test_other_losses_stay_suspect(remove: Any, image: Image, cloud: Any) -> None:
    """An outage that comes with a removal loses more than was asked for."""
    cloud.add(listing=LISTING, region=REGION, items=[{"ImageId": "m-2", "ImageType": "VM", "Name": "two"}])
    assert sync_now(image.source, "test", 10).state == "complete"
    remove()
    cloud.serve(listing=LISTING, region=REGION, items=[])
    run = sync_now(image.source, "test", 10)
    assert run.state == "suspect" and [one["name"] for one in run.error["images"]] == ["two"]


def test_what_happens_is_audited_once_each(remove: Any, image: Image, cloud: Any) -> None:
    made = remove()
    sync_now(image.source, "test", 10)
    rows = AuditEvent.objects.filter(target_id=made.id).order_by("at", "id")
    assert [(row.actor, row.action, row.target) for row in rows] == [
        ("alice@example.org", "removal.created", "cfd-base"),
        ("worker", "removal.succeeded", "cfd-base"),
        ("sync", "removal.seen", "cfd-base"),
    ]
    assert rows[0].changes["image_id"] == VM["image_id"]


@pytest.mark.parametrize("language", ["en", "zh-hans"])
@pytest.mark.parametrize(
    ("status", "code"),
    [(403, "ImageInUse"), (407, "NotAuthorized"), (400, "InDebt"), (400, "NotEnabled"), (400, "InvalidParams"),
     (406, "EcsError"), (406, "DbError"), (400, "Throttling.User")],
)  # fmt: skip
def test_a_refusal_is_explained_and_changes_nothing(
    remove: Any, image: Image, cloud: Any, admin: Client, status: int, code: str, language: str
) -> None:
    cloud.fail(operation="RemoveImage", status=status, code=code)
    made = remove()
    assert (made.state, made.error["operation"], made.error["code"]) == ("rejected", "RemoveImage", code)
    shown = image_page(admin, image, headers={"Accept-Language": language})
    with translation.override(language):
        told = explain(made.error, retried=False)
    for part in (escape(told.title), escape(told.advice), f"RemoveImage: {code}", made.request_id):
        assert part in shown
    assert ("ehpc:RemoveImage" in shown) is (code == "NotAuthorized")
    assert len(calls(cloud)) == 1 and listed(cloud) == 1
    image.refresh_from_db()
    assert image.state == "available"


def test_an_image_that_jobs_use_is_removed_once_they_ended(remove: Any, cloud: Any) -> None:
    cloud.change(listing=LISTING, region=REGION, changes={VM["image_id"]: {"_in_use": True}})
    first = remove()
    assert (first.state, first.error["code"]) == ("rejected", "ImageInUse") and listed(cloud) == 1
    cloud.change(listing=LISTING, region=REGION, changes={VM["image_id"]: {"_in_use": False}})
    assert remove().state == "succeeded" and listed(cloud) == 0


def test_an_image_that_is_gone_already_is_what_was_wanted(remove: Any, cloud: Any) -> None:
    cloud.serve(listing=LISTING, region=REGION, items=[])
    made = remove()
    assert (made.state, made.error) == ("succeeded", None) and made.request_id


def test_success_false_in_a_200_is_a_refusal(remove: Any, cloud: Any) -> None:
    cloud.fail(operation="RemoveImage", soft=True)
    assert remove().state == "rejected" and listed(cloud) == 1


# Nobody knows


@pytest.mark.parametrize("fault", [fault for name, fault in CUT_OFF.items() if name != "no id"],
                         ids=[name for name in CUT_OFF if name != "no id"])  # fmt: skip
@pytest.mark.parametrize("applied", [True, False], ids=["removed", "not removed"])
def test_an_answer_that_is_cut_off_is_settled_by_what_is_listed(
    remove: Any, cloud: Any, fault: dict[str, Any], applied: bool
) -> None:
    cloud.fail(operation="RemoveImage", apply=applied, times=0, **fault)
    made = remove()
    assert made.state == "unknown" and made.error["code"] and made.next_lookup_at
    tasks.remove_image(str(made.id))
    settle_all(made)
    is_gone = listed(cloud) == 0  # an answer that was cut short was made, and the image with it
    assert is_gone >= applied and len(calls(cloud)) == 1
    assert (made.state, made.lookups) == (("succeeded", 1) if is_gone else ("rejected", 5))
    assert is_gone or made.error["code"] == "StillListed"
    asked = cloud.requests("ListImages")[-1]["parameters"]
    assert (json.loads(asked["ImageIds"]), asked["ImageType"]) == ([VM["image_id"]], "VM")


def test_another_version_of_the_same_id_is_another_image(remove: Any, cloud: Any) -> None:
    cloud.add(
        listing=LISTING, region=REGION,
        items=[{"ImageId": VM["image_id"], "ImageType": "VM", "Name": "cfd-base", "Version": "V2"}],
    )  # fmt: skip
    cloud.fail(operation="RemoveImage", reset=True)
    made = remove()
    cloud.remove(listing=LISTING, region=REGION, ids=[VM["image_id"]])
    cloud.add(
        listing=LISTING, region=REGION,
        items=[{"ImageId": VM["image_id"], "ImageType": "VM", "Name": "cfd-base", "Version": "V2"}],
    )  # fmt: skip
    assert settle(made).state == "succeeded" and made.looks[0]["found"][0]["is_it"] is False


def test_a_cloud_that_cannot_be_asked_leaves_it_to_people(remove: Any, cloud: Any, admin: Client, image: Image) -> None:
    cloud.fail(operation="RemoveImage", apply=True, reset=True)
    cloud.fail(operation="ListImages", status=407, code="NotAuthorized", times=0)
    made = settle_all(remove())
    assert made.state == "unknown" and [look["error"]["code"] for look in made.looks] == ["NotAuthorized"] * 5
    shown = image_page(admin, image)
    assert "Removing it once more harms nothing" in shown and "The cloud could not be asked." in shown
    assert "hx-trigger" not in shown.split('id="image-removal"')[1].split(">")[0]
    cloud.heal()
    admin.post(f"/t/aero/images/{image.id}/remove/look/")
    assert settle(made).state == "succeeded"


def test_once_more_is_harmless_where_nobody_knows(remove: Any, cloud: Any) -> None:
    cloud.fail(operation="RemoveImage", apply=True, reset=True)
    cloud.fail(operation="ListImages", status=407, code="NotAuthorized", times=0)
    first = settle_all(remove())
    second = remove()
    assert (first.state, second.state) == ("unknown", "succeeded") and listed(cloud) == 0


def test_a_sync_settles_it_too(remove: Any, cloud: Any, image: Image) -> None:
    cloud.fail(operation="RemoveImage", apply=True, reset=True)
    made = remove()
    assert sync_now(image.source, "test", 10).state == "complete"
    made.refresh_from_db()
    assert (made.state, made.error) == ("seen", None)


def test_an_account_deleted_before_sending_rejects_what_waits(
    image: Image, team: Team, alice: User, cloud: Any, account: Any
) -> None:
    made = actions.create_removal(team, alice, image, queue=False)
    actions.delete_cloud_account(team, alice, account, "archive")
    tasks.remove_image(str(made.id))
    made.refresh_from_db()
    assert (made.state, made.error["code"], made.cloud_account) == ("rejected", "AccountDeleted", None)
    assert not calls(cloud) and "E-HPC console" in explain(made.error).advice
