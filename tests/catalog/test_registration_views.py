"""Registering an image: the form and its preview, the review, sending once, and the page of steps."""

import re
from datetime import timedelta

import pytest
from django.core import signing
from django.utils import timezone

from accounts.models import AuditEvent, SealedSecret
from accounts.secrets import open_secret
from catalog.actions import purge_passwords
from catalog.models import Registration
from catalog.registration import TABLE, register
from catalog.registration_spec import PASSWORD
from tests.catalog.registering import ADD, CANARY, LIST, REFERENCE, fields_of, filled_in, review, send, text

pytestmark = pytest.mark.django_db


@pytest.fixture
def account(make_account):
    return make_account(name="Aero HPC production")


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


@pytest.fixture
def vm(account):
    return {
        "type": "vm",
        "account": account.id,
        "region": "cn-hangzhou",
        "name": "solver",
        "image_id": "m-bp1akkkr1rkxtb",
    }


@pytest.fixture
def container(account):
    return filled_in(account)


def password_of(registration):
    return open_secret(registration.team_id, TABLE, registration.id, PASSWORD).reveal()


def test_the_review_shows_the_exact_call_masked(admin, container):
    _fields, shown = review(admin, container)
    for part in (
        "IsACREnterprise",
        "cri-xyz795ygf8k9",
        "RegistryCredential",
        "••••••••",
        "username",
        "Aero HPC production",
    ):
        assert part in shown
    assert CANARY not in shown
    assert not Registration.objects.exists()


def test_the_password_is_sealed_at_the_review_and_sent_with_what_follows(admin, container):
    registration = send(admin, container)
    assert password_of(registration) == CANARY
    assert (registration.state, registration.requested_by) == ("pending", "alice@example.org")
    assert (registration.is_acr, registration.is_acr_enterprise, registration.registry_cri_id) == (
        True, True, "cri-xyz795ygf8k9",
    )  # fmt: skip
    assert registration.registry_server == "registry-vpc.cn-hangzhou.aliyuncs.com"
    assert CANARY not in str(list(AuditEvent.objects.values()))
    assert AuditEvent.objects.filter(action="registration.created").count() == 1


def test_back_at_the_form_everything_is_there_but_the_password_which_is_kept(admin, container):
    fields, _shown = review(admin, container)
    shown = text(admin.post(ADD, fields | {"step": "edit"}))
    for part in ("app-image", "V1.0", REFERENCE, "应用测试镜像。", "The password is kept, sealed."):
        assert part in shown
    assert CANARY not in shown and CANARY not in str(fields)
    again = fields_of(
        admin.post(ADD, container | {"token": fields["token"], "registry_password": "", "step": "review"})
    )
    admin.post(ADD, again | {"step": "send"})
    assert password_of(Registration.objects.get()) == CANARY


def test_a_kept_password_is_replaced_or_forgotten(admin, container):
    fields, _shown = review(admin, container)
    kept = container | {"token": fields["token"], "registry_password": ""}
    _fields, shown = review(admin, kept | {"forget": "1"})
    assert "••••••••" not in shown
    registration = send(admin, kept | {"registry_password": "another"})
    assert password_of(registration) == "another"


def test_a_password_kept_too_long_is_asked_for_again_with_the_rest_kept(admin, container):
    fields, _shown = review(admin, container)
    SealedSecret.sealed.filter(table=TABLE).delete()
    response = admin.post(ADD, fields | {"step": "send"})
    assert response.status_code == 422
    assert "enter it again" in text(response) and "cri-xyz795ygf8k9" in text(response)
    assert not Registration.objects.exists()


def test_passwords_of_reviews_that_came_to_nothing_are_forgotten(admin, container, vm):
    sent = send(admin, container)
    review(admin, container | {"name": "another"})
    assert purge_passwords() == 0
    SealedSecret.sealed.filter(table=TABLE).update(sealed_at=timezone.now() - timedelta(hours=2))
    assert purge_passwords() == 1
    assert password_of(sent) == CANARY


def test_a_token_of_somebody_else_or_made_up_keeps_nothing(admin, as_user, eve, team, container):
    fields, _shown = review(admin, container)
    eve.memberships.update(role="admin")
    response = as_user(eve).post(ADD, fields | {"step": "send"})
    assert response.status_code == 422 and "enter it again" in text(response)
    stolen = signing.dumps({"id": str(team.id), "team": str(team.id), "user": "x"}, salt="another.salt")
    assert admin.post(ADD, fields | {"token": stolen, "step": "send"}).status_code == 422
    assert not Registration.objects.exists()


def test_sending_twice_is_one_registration(admin, vm):
    fields, _shown = review(admin, vm)
    first, second = (admin.post(ADD, fields | {"step": "send"}) for _ in range(2))
    assert first["Location"] == second["Location"] and Registration.objects.count() == 1


def test_sending_without_a_review_is_a_review(admin, vm):
    response = admin.post(ADD, vm | {"step": "send"})
    assert response.status_code == 200 and "This is the exact call." in text(response)
    assert not Registration.objects.exists()


def test_what_the_other_type_takes_was_hidden_and_is_left_out(admin, container, vm):
    registration = send(admin, container | {"type": "vm", "image_id": "m-bp1"})
    assert (registration.vm_image_id, registration.registry_url, registration.registry_user) == ("m-bp1", None, None)
    assert not SealedSecret.sealed.filter(table=TABLE).exists()


@pytest.mark.parametrize(
    ("registry", "reference", "flags"),
    [
        ("", REFERENCE, (True, False)),
        ("", "aero-registry.cn-shanghai.cr.aliyuncs.com/team/app:1", (True, True)),
        ("", "ghcr.io/team/app:1", (False, False)),
        ("enterprise", REFERENCE, (True, True)),
        ("acr", REFERENCE, (True, False)),
        ("other", "ghcr.io/team/app:1", (False, False)),
    ],
)
def test_the_registry_is_told_by_its_address_or_by_the_person(admin, container, registry, reference, flags):
    registration = send(admin, container | {"registry": registry, "registry_url": reference})
    assert (registration.is_acr, registration.is_acr_enterprise) == flags


def test_a_mismatch_is_warned_of_and_never_in_the_way(admin, container):
    _fields, shown = review(admin, container)
    assert "registry-vpc.cn-hangzhou.aliyuncs.com does not look like an Enterprise instance." in shown


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"name": ""}, "An image needs a name."),
        ({"region": ""}, "This field is required."),
        ({"region": "Hangzhou"}, "as in cn-hangzhou"),
        ({"registry_url": ""}, "needs its reference"),
        (
            {"registry_url": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:late!st"},
            "“late!st” is not a valid tag",
        ),
        ({"type": "vm", "image_id": ""}, "needs the ID of the ECS image"),
        ({"type": "disk"}, "Select a valid choice"),
        ({"name": "a\x07b"}, "control"),
    ],
)
def test_a_mistake_is_said_at_its_field_with_the_input_kept(admin, container, fields, sentence):
    response = admin.post(ADD, container | fields | {"step": "review"})
    assert response.status_code == 422
    assert sentence.lower() in text(response).lower() and "cri-xyz795ygf8k9" in text(response)
    assert CANARY not in text(response) and not SealedSecret.sealed.filter(table=TABLE).exists()


def test_the_preview_shows_the_call_and_the_errors_of_what_is_filled_in(admin, container):
    partial = {name: value for name, value in container.items() if name != "registry_password"} | {"step": "preview"}
    htmx = {"HX-Request": "true"}
    shown = text(admin.post(ADD, partial, headers=htmx))
    assert "RegistryUrl" in shown and "••••••••" in shown and "<html" not in shown
    wrong = text(admin.post(ADD, partial | {"name": "", "registry_url": "Bad Reference"}, headers=htmx))
    assert "shown here once what it needs is filled in" in wrong
    slot = re.search(r'<div id="slot-registry_url"[^>]*hx-swap-oob="true">(.*?)</div>', wrong, re.S)
    assert slot and "errorlist" in slot[1]
    assert 'id="slot-name"' not in wrong
    assert not Registration.objects.exists() and not SealedSecret.sealed.filter(table=TABLE).exists()


def test_a_name_on_the_shelf_is_found_and_linked_before_anything_is_sent(admin, account, make_source, make_image, vm):
    image = make_image(make_source("alibaba_ehpc_registered", account), name="solver")
    response = admin.post(ADD, vm | {"step": "review"})
    assert response.status_code == 422
    assert "is on the shelf already" in text(response) and f"/t/aero/images/{image.id}/" in text(response)


def test_without_an_account_that_registers_it_leads_to_connecting_one(admin, make_account):
    make_account("huawei")
    assert "No Alibaba Cloud account yet" in text(admin.get(ADD))


def test_an_account_of_another_team_is_no_choice(admin, vm, make_account, other_team):
    theirs = make_account(team=other_team, name="Theirs")
    response = admin.post(ADD, vm | {"account": theirs.id, "step": "review"})
    assert response.status_code == 422 and "Theirs" not in text(response)


def test_its_page_follows_it_to_the_shelf(admin, vm, simulated):
    registration = send(admin, vm)
    url = f"{LIST}{registration.id}/"
    assert "Waiting for a worker" in text(admin.get(url)) and "every 1s" in text(admin.get(url))
    register(registration.id, 5)
    registration.refresh_from_db()
    shown = text(admin.get(url, headers={"HX-Request": "true"}))
    assert "<html" not in shown and "The image is on the shelf." in shown
    assert registration.remote_id in shown and registration.request_id in shown
    assert f"/t/aero/images/{registration.image_id}/" in shown and "every 4s" in shown
    Registration.objects.update(state="seen", seen_at=timezone.now())
    assert "hx-get" not in text(admin.get(url, headers={"HX-Request": "true"}))


def test_one_that_no_worker_takes_says_so(admin, vm):
    registration = send(admin, vm)
    Registration.objects.update(created_at=timezone.now() - timedelta(minutes=6))
    assert "No worker has taken it" in text(admin.get(f"{LIST}{registration.id}/"))


def test_a_refusal_says_the_cause_what_to_do_and_offers_another_try(admin, vm, simulated):
    simulated.fail(operation="AddImage", status=400, code="InDebt", message="Your account has overdue payments.")
    registration = send(admin, vm)
    register(registration.id, 5)
    shown = text(admin.get(f"{LIST}{registration.id}/"))
    for part in ("Not registered", "overdue payments", "Settle the bill", "InDebt", f"?like={registration.id}"):
        assert part in shown
    again = text(admin.get(f"{ADD}?like={registration.id}"))
    assert 'value="solver"' in again and "m-bp1akkkr1rkxtb" in again


def test_an_image_that_exists_is_linked(admin, vm, account, make_source, make_image):
    error = {
        "operation": "AddImage",
        "code": "ImageAlreadyExists",
        "message": "m",
        "request_id": "r",
        "kind": "conflict",
    }
    image = make_image(make_source("alibaba_ehpc_registered", account), name="solver")
    Registration.objects.create(
        team=account.team, cloud_account=account, account_name=account.name, region="cn-hangzhou", type="vm",
        name="solver", state="rejected", requested_by="a", error=error,
    )  # fmt: skip
    assert f"/t/aero/images/{image.id}/" in text(admin.get(f"{LIST}{Registration.objects.get().id}/"))


def test_an_unknown_outcome_says_that_nobody_knows_and_never_offers_to_resend_while_it_is_looked_up(
    admin, vm, simulated
):
    simulated.fail(operation="AddImage", reset=True, apply=True)
    registration = send(admin, vm)
    register(registration.id, 5)
    url = f"{LIST}{registration.id}/"
    shown = text(admin.get(url))
    assert "Nobody knows yet whether it worked" in shown and "It is not sent again by itself" in shown
    assert "?like=" not in shown and "It is not there" not in shown and "every 15s" in shown
    Registration.objects.update(next_lookup_at=None, lookups=5)
    over = text(admin.get(url))
    assert "An admin decides" in over and "?like=" not in over and "hx-get" not in over


def test_it_hides_other_teams_registrations(admin, make_account, other_team):
    theirs = make_account(team=other_team, name="Theirs")
    registration = Registration.objects.create(
        team=other_team, cloud_account=theirs, account_name="Theirs", region="cn-hangzhou", type="vm",
        name="their-image", requested_by="charlie@example.org",
    )  # fmt: skip
    assert "their-image" not in text(admin.get(LIST))
    assert admin.get(f"{LIST}{registration.id}/").status_code == 404
    assert "their-image" not in text(admin.get(f"{ADD}?like={registration.id}"))


def test_names_are_data(admin, account):
    Registration.objects.create(
        team=account.team, cloud_account=account, account_name=account.name, region="cn-hangzhou", type="vm",
        name='<b hx-get="/evil">', requested_by="alice@example.org",
    )  # fmt: skip
    for url in (LIST, ADD, f"{LIST}{Registration.objects.get().id}/"):
        assert "<b hx-get" not in text(admin.get(url))


def test_wrong_methods_are_refused(admin, account):
    assert admin.post(LIST).status_code == 405
    assert admin.delete(ADD).status_code == 405
