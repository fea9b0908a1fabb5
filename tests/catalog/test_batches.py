"""Many registrations at once: checked as a whole, drafted, confirmed once, sent one after another, stopped."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now
from django.utils import timezone

from accounts.models import AuditEvent, SealedSecret
from accounts.secrets import Secret, open_secret
from catalog import actions, batch_files, batch_results, batch_sending, batches, tasks
from catalog.models import Batch, Image, Registration
from catalog.registration import TABLE
from catalog.registration_spec import PASSWORD
from tests.catalog.batching import as_csv, checked, confirmed, containers, drafted, states, vms, work
from tests.catalog.registration.asked import CANARY, CONTAINER, VM, age, sent
from tests.waiting import at_once

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


@pytest.fixture
def account(make_account):
    return make_account("alibaba", name="prod")


def check(rows, region="cn-hangzhou"):
    return batches.check_file(batch_files.read_text(as_csv(rows), "images.csv"), region)


def told(problems):
    return [(one.at, one.field) for one in problems]


# The check


def test_every_error_of_every_row_is_told_with_its_field():
    rows = [VM, VM | {"name": "", "type": "iso"}, CONTAINER | {"registry_url": "https://x/y", "is_acr": "perhaps"}]
    found = check([*rows, VM | {"region": "CN"}, VM | {"name": "x", "registry_user": "y"}])
    assert set(told(found.errors)) == {
        (3, "type"), (3, "name"), (4, "registry_url"), (4, "is_acr"), (5, "region"), (6, "registry_user"),
    }  # fmt: skip
    assert found.total == 5 and [row.at for row in found.rows] == [2]
    assert all(one.sentence for one in found.errors)


def test_the_same_image_twice_in_a_file_is_an_error_of_the_second():
    found = check([VM, VM | {"region": "cn-shanghai"}, VM | {"version": "V2"}, VM | {"region": "cn-hangzhou "}])
    assert told(found.errors) == [(5, "name")] and "row 2" in found.errors[0].sentence


def test_a_row_may_name_its_region_and_one_without_any_is_an_error():
    assert [row.region for row in check([VM, vms(1, region="cn-shanghai")[0]]).rows] == ["cn-hangzhou", "cn-shanghai"]
    assert told(check([VM, vms(1, region="cn-shanghai")[0]], region="").errors) == [(2, "region")]


def test_a_user_without_a_server_is_for_the_registry_of_the_reference():
    (row,) = check([CONTAINER | {"registry_server": None}]).rows
    assert row.spec.registry_server == "team-registry-vpc.cn-hangzhou.cr.aliyuncs.com"


def test_no_repr_of_a_check_has_a_password():
    file = batch_files.read_text(as_csv([CONTAINER]), "a.csv")
    assert "c4nary" not in repr(file) + repr(batches.check_file(file, "cn-hangzhou"))


def test_what_looks_wrong_is_told_and_no_error():
    found = check([CONTAINER | {"registry_server": "ghcr.io"}])
    assert not found.errors and told(found.warnings) == [(2, "registry_server")]


# Drafts


def test_a_draft_sends_nothing_and_holds_its_passwords_sealed(account, alice, cloud):
    batch = drafted(account, alice, [VM, *containers(2)])
    assert "c4nary" not in str(Batch.objects.values().get())
    assert not Registration.objects.exists() and not AuditEvent.objects.exists() and not sent(cloud)
    rows = batches.draft_rows(batch)
    assert batches.sealed_passwords(account.team, rows) == {rows[1].id, rows[2].id}
    assert open_secret(account.team_id, TABLE, rows[1].id, PASSWORD).reveal() == CANARY


def test_a_draft_that_nobody_confirmed_goes_with_its_passwords(account, alice):
    batch = drafted(account, alice, containers(2))
    tasks.tidy()
    assert Batch.objects.exists() and SealedSecret.sealed.filter(table=TABLE).count() == 2
    Batch.objects.update(created_at=timezone.now() - timedelta(minutes=31))
    with pytest.raises(actions.DraftOver):
        actions.confirm_batch(account.team, alice, batch.id, expected=2, passwords={})
    SealedSecret.sealed.filter(table=TABLE).update(sealed_at=timezone.now() - timedelta(minutes=61))
    Batch.objects.update(created_at=timezone.now() - timedelta(minutes=61))
    tasks.tidy()
    assert not Batch.objects.exists() and not SealedSecret.sealed.filter(table=TABLE).exists()


def test_a_confirmed_batch_is_not_tidied_away(account, alice):
    confirmed(account, alice, vms(1))
    Batch.objects.update(created_at=timezone.now() - timedelta(days=9))
    tasks.tidy()
    assert Batch.objects.exists()


# Confirming


def test_a_confirmed_batch_is_registered_in_one_transaction_with_one_audit_row(account, alice):
    batch = confirmed(account, alice, [*vms(2), *containers(1)])
    made = Registration.objects.filter(batch=batch).order_by("batch_at")
    assert [(one.state, one.name, one.batch_at) for one in made] == [
        ("pending", "image-1", 2), ("pending", "image-2", 3), ("pending", "container-1", 4),
    ]  # fmt: skip
    assert {(one.requested_by, one.requester, one.account_name) for one in made} == {(alice.email, alice, "prod")}
    (event,) = AuditEvent.objects.all()
    assert (event.actor, event.action, event.target, event.target_id) == (
        alice.email, "batch.created", "images.csv", batch.id,
    )  # fmt: skip
    assert event.changes["images"] == 3 and event.changes["names"][2] == "container-1 2.1"
    assert "c4nary" not in str(event.changes)
    batch.refresh_from_db()
    assert batch.confirmed_at and batch.drafted is None


def test_a_draft_is_confirmed_once_by_two_clicks_at_once(account, alice):
    draft = drafted(account, alice, vms(3))

    def confirm():
        try:
            return actions.confirm_batch(account.team, alice, draft.id, expected=3, passwords={})
        except actions.DraftOver:
            return None

    assert at_once(confirm, confirm).count(None) == 1
    assert Registration.objects.count() == 3


def test_two_drafts_of_one_file_confirmed_at_once_register_each_image_once(account, alice):
    drafts = [drafted(account, alice, vms(3)) for _twice in range(2)]

    def confirm(draft):
        try:
            return actions.confirm_batch(account.team, alice, draft.id, expected=3, passwords={})
        except actions.CountChanged as error:
            return error.now

    assert sorted(map(str, at_once(*[lambda d=d: confirm(d) for d in drafts])))[0] == "0"
    assert Registration.objects.count() == 3


def test_a_draft_is_its_authors_alone(account, alice, eve):
    draft = drafted(account, alice, vms(1))
    with pytest.raises(actions.DraftOver):
        actions.confirm_batch(account.team, eve, draft.id, expected=1, passwords={})


def test_an_account_deleted_meanwhile_is_told(account, alice):
    draft = drafted(account, alice, vms(1))
    actions.delete_cloud_account(account.team, alice, account, "archive")
    with pytest.raises(actions.ActionError, match="no longer there"):
        actions.confirm_batch(account.team, alice, draft.id, expected=1, passwords={})


def test_what_is_on_the_shelf_or_on_its_way_or_unknown_is_left_out(account, alice, cloud):
    first = confirmed(account, alice, vms(3))
    tasks.register_batch(str(first.id))
    Registration.objects.filter(name="image-2").update(state="unknown")
    rows = checked(vms(4)).rows
    out = batches.left_out(account, rows)
    assert [out[row.id].why if row.id in out else "" for row in rows] == ["shelf", "unknown", "under_way", ""]
    draft = drafted(account, alice, vms(4))
    with pytest.raises(actions.CountChanged):
        actions.confirm_batch(account.team, alice, draft.id, expected=4, passwords={})
    batch = actions.confirm_batch(account.team, alice, draft.id, expected=1, passwords={})
    assert states(batch) == ["pending"] and Batch.objects.get(id=batch.id).left_out == 3


def test_another_region_version_type_or_account_is_another_image(account, alice, make_account):
    work(confirmed(account, alice, vms(1)))
    (image,) = vms(1)
    others = [image | {"region": "cn-shanghai"}, image | {"version": ""}, CONTAINER | {"name": image["name"]}]
    assert not batches.left_out(account, checked(others).rows)
    assert not batches.left_out(make_account("alibaba"), checked([image]).rows)
    assert len(batches.left_out(account, checked([image]).rows)) == 1


def test_what_is_left_out_of_a_confirmed_batch_leaves_no_password(account, alice):
    confirmed(account, alice, containers(1))
    draft = drafted(account, alice, containers(2))
    actions.confirm_batch(account.team, alice, draft.id, expected=1, passwords={})
    held = set(SealedSecret.sealed.filter(table=TABLE).values_list("row", flat=True))
    assert held == set(Registration.objects.values_list("id", flat=True))


def test_passwords_given_at_the_review_are_sealed_for_the_images_that_lack_them(account, alice):
    rows = [*containers(2, registry_password=None), CONTAINER, containers(1, name="x", registry_user="other")[0]]
    draft = drafted(account, alice, rows)
    wanted = batches.draft_rows(draft)
    asked = batches.logins(wanted, batches.sealed_passwords(account.team, wanted))
    assert [(one.user, one.images) for one in asked] == [("robot", 2)]
    actions.confirm_batch(
        account.team, alice, draft.id, expected=4, passwords={(asked[0].server, "robot"): Secret("typed")}
    )
    opened = [open_secret(account.team_id, TABLE, row.id, PASSWORD).reveal() for row in wanted]
    assert opened == ["typed", "typed", CANARY, CANARY]


# Sending


def test_every_image_is_sent_once_in_the_order_of_the_file(account, alice, cloud):
    batch = confirmed(account, alice, [*vms(3), *containers(2)])
    work(batch)
    assert states(batch) == ["succeeded"] * 5 and Image.objects.count() == 5
    names = [call["parameters"]["Name"] for call in sent(cloud)]
    assert names == ["image-1", "image-2", "image-3", "container-1", "container-2"]
    assert not SealedSecret.sealed.filter(table=TABLE).exists()
    work(batch)
    tasks.register_batch(str(batch.id))
    assert len(sent(cloud)) == 5


def test_one_that_is_rejected_does_not_hold_up_the_others(account, alice, cloud):
    rows = vms(3)
    rows[1]["image_id"] = "m-missing1"
    batch = confirmed(account, alice, rows)
    work(batch)
    assert states(batch) == ["succeeded", "rejected", "succeeded"]


def test_each_message_sends_one_and_passes_itself_on(account, alice, monkeypatch):
    batch, told = confirmed(account, alice, vms(2)), []
    monkeypatch.setattr("catalog.batch_sending.send", lambda task, row_id: told.append((task, row_id)))
    tasks.register_batch(str(batch.id))
    assert states(batch) == ["succeeded", "pending"] and told == [(batch_sending.TASK, batch.id)]
    tasks.register_batch(str(batch.id))
    assert states(batch) == ["succeeded", "succeeded"] and len(told) == 1


def test_messages_too_many_end_where_the_lanes_are_taken(account, alice, cloud):
    batch = confirmed(account, alice, vms(4))
    first = Registration.objects.filter(batch=batch).order_by("batch_at")[: batch_sending.LANES]
    Registration.objects.filter(id__in=[one.id for one in first]).update(state="sending", sent_at=Now())
    tasks.register_batch(str(batch.id))
    assert not sent(cloud)
    for one in first:
        age(one, "sent_at", 60)
    tasks.register_batch(str(batch.id))
    assert len(sent(cloud)) == 1, "who is silent for so long was killed"


def test_a_batch_whose_messages_were_lost_is_gone_on_with(account, alice, monkeypatch):
    batch, told = confirmed(account, alice, vms(3)), []
    monkeypatch.setattr("catalog.batch_sending.send", lambda task, row_id: told.append((task, row_id)))
    monkeypatch.setattr("catalog.writes.send", lambda task, row_id: told.append((task, row_id)))
    tasks.settle_registrations()
    assert told == [], "a fresh one has its messages"
    Batch.objects.update(confirmed_at=timezone.now() - timedelta(minutes=2))
    Registration.objects.update(created_at=timezone.now() - timedelta(minutes=2))
    tasks.settle_registrations()
    assert told == [(batch_sending.TASK, batch.id)] * batch_sending.LANES, "and no message for each image"
    tasks.register_batch(str(batch.id))
    del told[:]
    tasks.settle_registrations()
    assert told == [], "it goes on"
    for one in Registration.objects.filter(batch=batch).exclude(sent_at=None):
        age(one, "sent_at", 60)
    tasks.settle_registrations()
    assert len(told) == batch_sending.LANES
    actions.cancel_batch(account.team, alice, batch)
    del told[:]
    tasks.settle_registrations()
    assert told == []


@pytest.mark.parametrize("code", ["InDebt", "NotEnabled", "NotAuthorized", "InvalidAccessKeyId"])
def test_a_refusal_that_holds_for_all_stops_the_rest(account, alice, cloud, code):
    batch = confirmed(account, alice, containers(4))
    cloud.fail(operation="AddImage", status=400, code=code, times=0)
    work(batch)
    assert len(sent(cloud)) == 1 and states(batch) == ["rejected"] * 4
    codes = [one.error["code"] for one in Registration.objects.order_by("batch_at")]
    assert codes == [code, *[batches.STOPPED] * 3]
    assert not SealedSecret.sealed.filter(table=TABLE).exists()
    event = AuditEvent.objects.get(action="batch.stopped")
    assert (event.actor, event.target_id, event.changes["images"]) == ("worker", batch.id, 3)
    assert batch_results.why_stopped(batch).error["code"] == code


def test_trouble_that_goes_on_stops_the_rest_and_one_does_not(account, alice, cloud):
    batch = confirmed(account, alice, vms(8))
    cloud.fail(operation="AddImage", throttle=True, times=2)
    work(batch, 3)
    assert states(batch)[:4] == ["rejected", "rejected", "succeeded", "pending"]
    cloud.fail(operation="AddImage", reset=True, times=0)
    work(batch)
    assert states(batch) == ["rejected", "rejected", "succeeded", *["unknown"] * 3, *["rejected"] * 2]
    assert len(sent(cloud)) == 6


def test_what_is_wrong_with_the_images_themselves_stops_nothing(account, alice, cloud):
    batch = confirmed(account, alice, vms(5))
    cloud.fail(operation="AddImage", status=400, code="InvalidParams", times=0)
    work(batch)
    assert len(sent(cloud)) == 5


# Cancelling, and again


def test_what_waits_is_cancelled_and_what_was_sent_stays(account, alice, cloud):
    batch = confirmed(account, alice, containers(4))
    tasks.register_batch(str(batch.id))
    assert actions.cancel_batch(account.team, alice, batch) == 3
    assert states(batch) == ["succeeded", *["rejected"] * 3] and not SealedSecret.sealed.filter(table=TABLE).exists()
    assert actions.cancel_batch(account.team, alice, batch) == 0
    assert AuditEvent.objects.filter(action="batch.cancelled").count() == 1
    tasks.register_batch(str(batch.id))
    assert len(sent(cloud)) == 1
    tally = batch_results.tally(batch)
    assert (tally.counts["registered"], tally.counts["not_sent"], tally.waiting, tally.again) == (1, 3, 0, 3)


def test_deleting_the_account_rejects_what_waits(account, alice, cloud):
    batch = confirmed(account, alice, containers(2))
    actions.delete_cloud_account(account.team, alice, account, "archive")
    tasks.register_batch(str(batch.id))
    assert states(batch) == ["rejected"] * 2 and not sent(cloud)
    assert not SealedSecret.sealed.filter(table=TABLE).exists()


def test_what_was_rejected_is_a_text_to_register_again(account, alice, cloud):
    rows = [*vms(2), *containers(1, version="1.10", description="第一行\n- second: line")]
    batch = confirmed(account, alice, rows)
    tasks.register_batch(str(batch.id))
    actions.cancel_batch(account.team, alice, batch)
    text = batch_results.again(batch)
    assert "c4nary" not in text
    again = batches.check_file(batch_files.read_text(text), "")
    assert not again.errors
    before = {row.name: (row.region, batch_results.spec_of(row)) for row in Registration.objects.filter(batch=batch)}
    assert {row.spec.name: (row.region, row.spec) for row in again.rows} == {
        name: before[name] for name in ("image-2", "container-1")
    }
    second = actions.draft_batch(account.team, alice, account, "", again)
    passwords = {(CONTAINER["registry_server"], "robot"): Secret(CANARY)}
    work(actions.confirm_batch(account.team, alice, second.id, expected=2, passwords=passwords))
    assert states(second) == ["succeeded"] * 2 and len(sent(cloud)) == 3


def test_the_results_are_a_table_without_formulas(account, alice):
    rows = vms(2, version="=cmd|'/c calc'!A1")
    rows[1]["name"], rows[1]["image_id"] = "+1+1", "m-missing1"
    batch = confirmed(account, alice, rows)
    work(batch)
    lines = batch_results.as_csv(batch).decode("utf-8-sig").splitlines()
    assert lines[0] == ",".join(batch_results.COLUMNS)
    assert lines[1].startswith("2,succeeded,image-1,'=cmd|") and "m-0001" in lines[1]
    assert lines[2].startswith("3,rejected,'+1+1,'=cmd|") and "ImageNotFound" in lines[2]


def test_checking_five_hundred_takes_two_queries(account, alice, django_assert_num_queries):
    rows = checked(vms(500)).rows
    with django_assert_num_queries(2):
        assert batches.left_out(account, rows) == {}


def test_confirming_five_hundred_takes_as_many_queries_as_one(account, alice, django_assert_max_num_queries):
    for n in (1, 500):
        draft = drafted(account, alice, containers(n, version=f"v{n}"))
        with django_assert_max_num_queries(20):
            actions.confirm_batch(account.team, alice, draft.id, expected=n, passwords={})
