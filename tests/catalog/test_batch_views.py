"""The pages of many registrations: the file, its errors, the review, the results, and what they never show."""

import html
import json
import re
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from accounts.models import AuditEvent, Membership, SealedSecret
from accounts.secrets import open_secret
from catalog import tasks
from catalog.models import Batch, Registration
from catalog.registration import TABLE
from catalog.registration_spec import PASSWORD
from tests.catalog.batching import MANY, as_csv, confirmed, containers, drafted, states, vms, work
from tests.catalog.registration.asked import CANARY, CONTAINER, VM, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


@pytest.fixture
def account(make_account):
    return make_account("alibaba", name="prod")


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


def page(response) -> str:
    return html.unescape(response.content.decode())


def upload(client, account, data, name="images.csv", **fields):
    data = as_csv(data) if isinstance(data, list) else data
    file = SimpleUploadedFile(name, data.encode() if isinstance(data, str) else data)
    return client.post(MANY, {"account": account.id, "region": "cn-hangzhou", "file": file} | fields)


def paste(client, account, text, **fields):
    return client.post(MANY, {"account": account.id, "region": "cn-hangzhou", "text": text} | fields)


def confirm(client, review, **fields):
    count = re.search(r'name="count" value="(\d+)"', page(client.get(review)))[1]
    return client.post(review, {"count": count} | fields)


# The form


def test_the_registrations_page_leads_an_admin_to_it(admin, as_user, eve):
    assert MANY in page(admin.get("/t/aero/registrations/"))
    assert MANY not in page(as_user(eve).get("/t/aero/registrations/"))


def test_without_an_account_it_says_what_to_do(admin):
    assert "No Alibaba Cloud account yet" in page(admin.get(MANY))
    assert "No Alibaba Cloud account yet" in page(admin.post(MANY, {}))


def test_the_template_has_every_column_and_reads_as_an_empty_file(admin, account):
    response = admin.get(f"{MANY}template.csv")
    assert response["Content-Type"].startswith("text/csv") and "attachment" in response["Content-Disposition"]
    text = response.content.decode("utf-8-sig")
    assert text.split(",")[:3] == ["region", "type", "name"] and "registry_password" in text
    assert "There is no image in it." in page(upload(admin, account, response.content))


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, "Choose a file, or paste its text."),
        ({"text": "  \n"}, "Choose a file, or paste its text."),
        ({"text": "- {", "region": "CN"}, "Small letters, digits and hyphens"),
        ({"text": "nonsense"}, "no list of images"),
        ({"text": "- {type: vm, name: x}", "account": "nobody"}, "Select a valid choice"),
    ],
)
def test_what_cannot_be_taken_is_told_at_its_field(admin, account, fields, why):
    response = admin.post(MANY, {"account": account.id, "region": "cn-hangzhou"} | fields)
    assert response.status_code == 422 and why in page(response) and not Batch.objects.exists()


def test_a_file_and_a_text_at_once_are_one_too_many(admin, account):
    response = upload(admin, account, [VM], text="- {type: vm}")
    assert response.status_code == 422 and "not both" in page(response)


@pytest.mark.parametrize("size", [513, 2_000, 4_000])
def test_a_file_that_is_too_large_is_told(admin, account, size):
    response = upload(admin, account, "type,name\n" + "x" * size * 1024)
    assert response.status_code == 422 and "larger than 512 KB" in page(response)


def test_errors_are_a_table_and_nothing_is_kept(admin, account, cloud):
    response = upload(admin, account, [VM, VM | {"type": "iso"}, CONTAINER | {"registry_url": "https://x/y"}])
    told = page(response)
    assert response.status_code == 422 and "2 errors in 2 of 3 images" in told
    assert "row 3" in told and "row 4" in told and "Write the reference without https://" in told
    assert not Batch.objects.exists() and not SealedSecret.sealed.filter(table=TABLE).exists() and not sent(cloud)
    assert CANARY not in told and html.escape(CANARY) not in response.content.decode()


def test_a_thousand_errors_are_told_in_part(admin, account):
    told = page(upload(admin, account, vms(500, type="iso", registry_user="x")))
    assert "errors in 500 of 500 images" in told and told.count("<tr>") == 201 and "more." in told


def test_strangers_text_is_shown_as_text(admin, account):
    nasty = "<script>alert(1)</script>"
    response = upload(admin, account, [VM | {"name": nasty, "type": nasty}], name=f"{nasty}.csv")
    assert nasty.encode() not in response.content and response.status_code == 422
    upload(admin, account, [VM | {"name": nasty}], name='"><b>.csv')
    draft = Batch.objects.get()
    assert nasty.encode() not in admin.get(f"{MANY}{draft.id}/review/").content


def test_a_pasted_text_comes_back_as_it_was_unless_it_holds_passwords(admin, account):
    text = "# mine\n- type: iso\n  name: x\n"
    assert f">\n{text}</textarea>" in page(paste(admin, account, text))
    told = page(paste(admin, account, json.dumps([CONTAINER | {"name": ""}])))
    assert "c4nary" not in told and "registry_user: robot" in told and "given back without them" in told
    told = page(paste(admin, account, f"- name: [\n  registry_password: {CANARY}"))
    assert "c4nary" not in told and "paste it again" in told


# The review


def test_the_review_says_how_many_where_and_shows_no_password(admin, account, cloud):
    rows = [*vms(2), *vms(1, name="far", region="cn-shanghai"), *containers(1)]
    response = upload(admin, account, rows)
    draft = Batch.objects.get()
    assert response.status_code == 302 and response["Location"] == f"{MANY}{draft.id}/review/"
    told = page(admin.get(response["Location"]))
    assert "Register 4 images" in told and "cn-hangzhou</span> (3)" in told and "cn-shanghai</span> (1)" in told
    assert "c4nary" not in told and "robot" in told and "••••••••" in told and "cri-xyz795ygf8k9" in told
    assert not sent(cloud) and not Registration.objects.exists()
    assert admin.get(response["Location"]).status_code == 200, "it survives a reload"


def test_confirming_hands_it_to_the_worker_once(admin, account, alice):
    review = upload(admin, account, vms(3))["Location"]
    response = confirm(admin, review)
    batch = Batch.objects.get()
    assert response["Location"] == f"{MANY}{batch.id}/" and states(batch) == ["pending"] * 3
    assert admin.post(review, {"count": "3"})["Location"] == f"{MANY}{batch.id}/"
    assert admin.get(review)["Location"] == f"{MANY}{batch.id}/"
    assert Registration.objects.count() == 3 and AuditEvent.objects.filter(action="batch.created").count() == 1


@pytest.mark.parametrize("count", ["", "x", "-1", "2", "4", "9" * 400, "٣"])
def test_a_count_that_is_not_the_one_shown_confirms_nothing(admin, account, count):
    review = upload(admin, account, vms(3))["Location"]
    assert admin.post(review, {"count": count}).status_code == (302 if count == "٣" else 422)
    assert Registration.objects.exists() == (count == "٣")


def test_what_changed_since_the_review_is_shown_before_anything_is_sent(admin, account, alice):
    review = upload(admin, account, vms(3))["Location"]
    work(confirmed(account, alice, vms(1)))
    response = admin.post(review, {"count": "3"})
    assert response.status_code == 422 and "there were 3 images to register, there are 2" in page(response)
    assert confirm(admin, review).status_code == 302 and Registration.objects.count() == 3


def test_the_same_file_again_offers_only_what_is_not_on_the_shelf(admin, account, alice):
    work(confirmed(account, alice, vms(3)))
    told = page(admin.get(upload(admin, account, vms(4))["Location"]))
    assert "Register 1 image" in told and told.count("On the shelf already.") == 3
    told = page(admin.get(upload(admin, account, vms(3))["Location"]))
    assert "nothing to register" in told and "Register 0" not in told


def test_a_password_is_asked_for_once_for_each_user(admin, account):
    review = upload(admin, account, containers(3, registry_password=None))["Location"]
    told = page(admin.get(review))
    (field,) = re.findall(r'name="(password-[0-9a-f]+)"', told)
    assert "For 3 images." in told and "robot" in told
    response = admin.post(review, {"count": "2", field: CANARY})
    assert "c4nary" not in page(response), "typed, and not shown again"
    confirm(admin, review, **{field: CANARY})
    for one in Registration.objects.all():
        assert open_secret(account.team_id, TABLE, one.id, PASSWORD).reveal() == CANARY


@pytest.mark.parametrize("password", ["x" * 1001, "a\nb", "a\tb"])
def test_a_password_that_cannot_be_sent_is_told_and_nothing_is(admin, account, password):
    review = upload(admin, account, containers(1, registry_password=None))["Location"]
    (field,) = re.findall(r'name="(password-[0-9a-f]+)"', page(admin.get(review)))
    response = confirm(admin, review, **{field: password})
    assert response.status_code == 422 and "The password of robot: " in page(response)
    assert password not in page(response) and not Registration.objects.exists()


def test_a_draft_whose_time_is_over_leads_back_to_the_form(admin, account):
    review = upload(admin, account, vms(1))["Location"]
    Batch.objects.update(created_at=timezone.now() - timedelta(minutes=31))
    for response in (admin.get(review, follow=True), admin.post(review, {"count": "1"}, follow=True)):
        assert response.redirect_chain[-1][0] == MANY and "Upload it again" in page(response)
    assert not Registration.objects.exists()


def test_an_account_deleted_meanwhile_leads_back_to_the_form(admin, account):
    review = upload(admin, account, vms(1))["Location"]
    account.delete()
    assert admin.get(review)["Location"] == MANY


def test_another_admin_does_not_find_the_draft(admin, account, as_user, eve, bob):
    review = upload(admin, account, vms(1))["Location"]
    Membership.objects.filter(user=eve).update(role="admin")
    for client in (as_user(eve), as_user(bob)):
        assert client.get(review).status_code in (403, 404) and client.post(review).status_code in (403, 404)
    draft = Batch.objects.get()
    assert as_user(bob).get(f"{MANY}{draft.id}/").status_code == 404
    assert as_user(eve).get(f"{MANY}{draft.id}/results.csv").status_code == 404


# The results


def test_every_member_follows_the_results(admin, as_user, bob, account, alice):
    rows = vms(3)
    rows[1]["image_id"] = "m-missing1"
    batch = confirmed(account, alice, rows)
    address, viewer = f"{MANY}{batch.id}/", as_user(bob)
    told = page(viewer.get(address))
    assert "0 of 3 done" in told and "every 2s" in told and "Cancel the rest" not in told
    tasks.register_batch(str(batch.id))
    fragment = page(viewer.get(address, headers={"HX-Request": "true"}))
    assert "1 of 3 done" in fragment and "<html" not in fragment
    work(batch)
    told = page(viewer.get(address))
    assert "2 of 3 registered" in told and "every" not in told and "ImageNotFound" in told
    assert "image-2" in page(viewer.get(f"{address}?state=rejected"))
    assert "image-1" not in page(viewer.get(f"{address}?state=rejected"))
    assert "None in this state" in page(viewer.get(f"{address}?state=unknown"))
    assert "2 of 3 registered" in page(viewer.get(f"{address}?state=nonsense&page=x"))


def test_what_was_rejected_is_registered_again_from_its_page(admin, account, alice):
    rows = [*vms(1), *containers(1, image_id=None)]
    rows[0]["image_id"] = "m-missing1"
    batch = confirmed(account, alice, rows)
    work(batch)
    link = f"{MANY}?again={batch.id}"
    assert link in page(admin.get(f"{MANY}{batch.id}/"))
    told = page(admin.get(link))
    text = re.search(r"<textarea[^>]*>\n(.*?)</textarea>", told, re.DOTALL)[1]
    assert "m-missing1" in text and "container-1" not in text
    review = paste(admin, account, text.replace("m-missing1", "m-1"))["Location"]
    confirm(admin, review)
    second = Batch.objects.order_by("-created_at").first()
    work(second)
    assert states(second) == ["succeeded"]


def test_an_address_that_names_no_batch_is_an_empty_form(admin, account, alice, other_team, make_account):
    theirs = confirmed(make_account(team=other_team), alice, vms(1))
    for again in ("nonsense", theirs.id, drafted(account, alice, vms(1)).id):
        assert "image-1" not in page(admin.get(f"{MANY}?again={again}"))


def test_cancelling_is_asked_first_and_stops_what_waits(admin, account, alice, cloud):
    batch = confirmed(account, alice, vms(3))
    tasks.register_batch(str(batch.id))
    assert "2 images still wait" in page(admin.get(f"{MANY}{batch.id}/cancel/"))
    assert states(batch).count("pending") == 2
    told = page(admin.post(f"{MANY}{batch.id}/cancel/", follow=True))
    assert "2 images are not sent." in told and "Not sent" in told and "register 2 images again" in told
    one = Registration.objects.filter(batch=batch, sent_at=None)[0]
    assert "Rejected" not in page(admin.get(f"/t/aero/registrations/{one.id}/"))
    assert "nothing to cancel" in page(admin.get(f"{MANY}{batch.id}/cancel/", follow=True))
    assert len(sent(cloud)) == 1


def test_why_it_stopped_is_said_with_what_to_do(admin, account, alice, cloud):
    batch = confirmed(account, alice, vms(3))
    cloud.fail(operation="AddImage", status=400, code="InDebt", times=0)
    work(batch)
    told = page(admin.get(f"{MANY}{batch.id}/"))
    assert "Stopped after image-1" in told and "overdue payments" in told and "register 3 images again" in told


def test_the_results_can_be_taken_away(as_user, bob, account, alice):
    batch = confirmed(account, alice, vms(1))
    work(batch)
    response = as_user(bob).get(f"{MANY}{batch.id}/results.csv")
    assert response["Cache-Control"] == "no-store" and b"2,succeeded,image-1" in response.content


def test_a_registrations_own_page_leads_to_its_batch(as_user, bob, account, alice):
    batch = confirmed(account, alice, vms(1))
    one = Registration.objects.get()
    assert f"{MANY}{batch.id}/" in page(as_user(bob).get(f"/t/aero/registrations/{one.id}/"))


def test_a_page_of_five_hundred_takes_as_many_queries_as_one_of_one(
    admin, account, alice, django_assert_max_num_queries
):
    for n in (1, 500):
        batch = confirmed(account, alice, vms(n, version=f"v{n}"))
        with django_assert_max_num_queries(16):
            told = page(admin.get(f"{MANY}{batch.id}/"))
        assert told.count('class="main"') == min(n, 100)
