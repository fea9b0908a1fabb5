"""AddImage is not idempotent and has no token (PROVIDERS.md section 5): unknown is not failed, and not sent twice."""

import pytest
from django.db.models.functions import Now
from django.urls import reverse

from catalog import actions, lookups, tasks
from catalog.models import Image, Registration
from catalog.sync import sync_now
from tests.catalog.registration.asked import CUT_OFF, REGION, VM, sent, settle, settle_all

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


# AddImage is not idempotent and has no token: unknown is not failed, and nothing is sent again by itself


@pytest.mark.parametrize("fault", CUT_OFF.values(), ids=CUT_OFF.keys())
@pytest.mark.parametrize("applied", [True, False], ids=["added", "not added"])
def test_an_answer_that_is_cut_off_means_unknown_and_is_sent_once(send, cloud, fault, applied):
    cloud.fail(operation="AddImage", apply=applied, times=0, **fault)
    made = send(VM)
    assert made.state == "unknown" and made.error["code"] and made.next_lookup_at and not made.finished_at
    assert not Image.objects.exists()
    for _ in range(3):
        tasks.register_image(str(made.id))
        tasks.settle_registrations()
    made.refresh_from_db()
    assert made.state == "unknown" and len(sent(cloud)) == 1


def test_a_timeout_after_sending_means_unknown(send, cloud, monkeypatch):
    monkeypatch.setattr("catalog.providers.wire.READ_SECONDS", 0.3)
    cloud.fail(operation="AddImage", apply=True, delay=2.0)
    assert send(VM).state == "unknown" and len(sent(cloud)) == 1


@pytest.mark.parametrize("code", ["EcsError", "AliyunError", "DbError"])
def test_the_clouds_own_trouble_may_have_come_after_the_image_was_added(send, cloud, code):
    """406 is the provider's own trouble; whichever way it is judged, it is never sent again and the truth comes out."""
    cloud.fail(operation="AddImage", status=406, code=code, apply=True)
    made = send(VM)
    assert made.state in ("rejected", "unknown") and len(sent(cloud)) == 1


def test_listimages_settles_an_unknown_outcome_as_success(send, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    made = settle(send(VM))
    assert (made.state, made.remote_id, made.error) == ("succeeded", "m-bp1akkkr1rkxtb", None)
    assert made.image.name == "cfd-base" and made.finished_at and made.lookups == 1 and len(sent(cloud)) == 1


def test_an_unknown_outcome_is_looked_up_five_times_within_an_hour(send, cloud):
    cloud.fail(operation="AddImage", reset=True)
    made = send(VM)
    waits = []
    while made.next_lookup_at:
        waits.append(made.next_lookup_at)
        before = len(cloud.requests("ListImages"))
        settle(made)
        assert len(cloud.requests("ListImages")) == before + 1
    assert (made.state, made.lookups) == ("unknown", 5)
    assert sum(pause.total_seconds() for pause in lookups.LOOKUPS) == 3600
    settle(made)
    assert len(sent(cloud)) == 1


def test_nobody_decides_while_the_last_try_is_made_and_its_page_goes_on_asking(send, cloud, as_user, alice):
    cloud.fail(operation="AddImage", reset=True)
    made = settle_all(send(VM))
    page = reverse("catalog:registration_detail", args=["aero", made.id])
    made.next_lookup_at = Now()
    made.save(update_fields=["next_lookup_at"])
    assert lookups.take(made) and not lookups.take(made)
    during = as_user(alice).get(page)
    assert b'hx-trigger="every 4s"' in during.content and b"It is not there" not in during.content
    assert b"Bootshelf asks the cloud now." in during.content
    lookups.release(made)
    after = as_user(alice).get(page)
    assert b"hx-trigger=" not in after.content.partition(b'id="registration-state"')[2].partition(b">")[0]
    assert b"It is not there" in after.content


def test_the_last_try_of_a_worker_that_was_killed_is_made_by_another(send, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    cloud.fail(operation="ListImages", status=403, code="NoPermission", times=0)
    made = settle_all(send(VM))
    cloud.heal()
    Registration.objects.filter(id=made.id).update(next_lookup_at=Now())
    made.refresh_from_db()
    assert lookups.take(made)
    tasks.settle_registrations()
    made.refresh_from_db()
    assert made.state == "unknown", "somebody has it"
    assert settle(made).state == "succeeded"


def test_a_try_that_is_asked_for_during_the_last_one_is_made_too(send, cloud, team, alice):
    cloud.fail(operation="AddImage", reset=True)
    made = settle_all(send(VM))
    actions.look_again(team, alice, made)
    made.refresh_from_db()
    assert lookups.take(made)
    actions.look_again(team, alice, made)
    lookups.release(made)
    made.refresh_from_db()
    assert made.next_lookup_at


def test_an_image_of_another_version_or_type_does_not_settle_it(send, cloud):
    cloud.fail(operation="AddImage", reset=True)
    made = send(VM)
    others = [
        {"ImageId": "m-1", "ImageType": "VM", "Name": "cfd-base", "Version": "V9"},
        {"ImageId": "m-2", "ImageType": "Container", "Name": "cfd-base", "Version": "V1.0"},
        {"ImageId": "m-3", "ImageType": "VM", "Name": "cfd-base-2", "Version": "V1.0"},
    ]
    cloud.add(listing="alibaba_ehpc_registered", region=REGION, items=others)
    assert settle(made).state == "unknown"


def test_a_lookup_that_fails_leaves_it_unknown_and_is_tried_later(send, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    made = send(VM)
    cloud.fail(operation="ListImages", status=407, code="NotAuthorized")
    assert settle(made).state == "unknown" and made.next_lookup_at
    assert settle(made).state == "succeeded"


def test_a_sync_that_lists_the_image_settles_an_unknown_outcome_too(send, cloud, make_source, account):
    source = make_source("alibaba_ehpc_registered", account)
    cloud.fail(operation="AddImage", apply=True, reset=True)
    made = send(VM)
    assert sync_now(source, "test", 10).state == "complete"
    made.refresh_from_db()
    assert made.state == "seen" and made.image.name == "cfd-base"


def test_image_already_exists_after_an_unknown_outcome_means_it_worked(send, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    first = send(VM)
    second = send(VM)
    first.refresh_from_db()
    assert (first.state, second.state) == ("succeeded", "succeeded")
    assert first.image_id == second.image_id and second.image.remote_id == "m-bp1akkkr1rkxtb"
    assert second.error is None and len(sent(cloud)) == 2, "each was asked for by a person, and sent once"


def test_image_already_exists_after_an_unknown_outcome_is_success_even_if_nothing_can_be_looked_up(send, cloud):
    cloud.fail(operation="AddImage", apply=True, reset=True)
    first = send(VM)
    cloud.fail(operation="ListImages", status=407, code="NotAuthorized", times=0)
    second = send(VM)
    first.refresh_from_db()
    assert (first.state, second.state, second.image_id) == ("succeeded", "succeeded", None)


def test_image_already_exists_without_an_unknown_outcome_before_is_a_rejection(send, cloud):
    send(VM, version="V0")
    cloud.fail(operation="AddImage", status=400, code="ImageAlreadyExists")
    assert send(VM).state == "rejected"
