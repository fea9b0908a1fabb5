"""One AddImage from pending to its end, against the simulated cloud through the vendor's own SDK."""

import hashlib

import pytest
from django.db.models.functions import Now

from accounts.models import AuditEvent, SealedSecret
from catalog import actions, registration, sync, tasks
from catalog.models import Image, Registration, Source
from catalog.registration_spec import validate_spec
from catalog.sync import sync_now
from tests.catalog.registration.asked import CANARY, CONTAINER, REGION, VM, sent

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("simulated")]


# The way out


def test_a_vm_image_is_registered_and_on_the_shelf_right_after(send, cloud, account):
    made = send(VM)
    assert (made.state, made.error) == ("succeeded", None)
    image = Image.objects.select_related("source").get(id=made.image_id)
    assert (image.name, image.version, image.type, image.description) == ("cfd-base", "V1.0", "vm", "for CFD")
    assert (image.remote_id, image.state, image.visibility) == ("m-bp1akkkr1rkxtb", "available", "private")
    assert (image.source.kind, image.source.region) == ("alibaba_ehpc_registered", REGION)
    assert (image.source.cloud_account_id, image.source.simulated) == (account.id, True)
    (call,) = sent(cloud)
    parameters = call["parameters"]
    assert (parameters["ImageType"], parameters["Name"], parameters["ImageVersion"]) == ("VM", "cfd-base", "V1.0")
    assert parameters["VMImageSpec"] == {"ImageId": "m-bp1akkkr1rkxtb"}
    assert "ContainerImageSpec" not in parameters


def test_a_container_image_is_sent_with_every_parameter_of_the_seed(send, cloud):
    made = send(CONTAINER, description="应用测试镜像。", is_acr=True, is_acr_enterprise=True)
    assert made.state == "succeeded"
    (call,) = sent(cloud)
    parameters = call["parameters"]
    assert (parameters["ImageType"], parameters["Name"]) == ("Container", "trainer")
    assert (parameters["ImageVersion"], parameters["Description"]) == ("2.1", "应用测试镜像。")
    received = parameters["ContainerImageSpec"]
    assert received.pop("RegistryCredential")["UserName"] == "robot"
    assert received == {
        "RegistryUrl": "team-registry-vpc.cn-hangzhou.cr.aliyuncs.com/ml/trainer:2.1",
        "IsACRRegistry": True,
        "IsACREnterprise": True,
        "RegistryCriId": "cri-xyz795ygf8k9",
    }


def test_the_cloud_receives_the_password_as_it_was_typed(send, cloud):
    """The simulator's records hold its hash."""
    assert send(CONTAINER).state == "succeeded"
    (call,) = sent(cloud)
    received = call["parameters"]["ContainerImageSpec"]["RegistryCredential"]["Password"]
    assert received == "sha256:" + hashlib.sha256(CANARY.encode()).hexdigest()


def test_a_trailing_newline_in_the_image_id_is_stripped(send, cloud):
    """The seed's own example ends in one, and so do the simulator's answers."""
    made = send(VM)
    assert made.remote_id == "m-bp1akkkr1rkxtb" and made.request_id and not made.request_id.endswith("\n")


def test_the_next_sync_recognises_the_image_and_closes_the_registration(send, alice):
    made = send(VM)
    image = Image.objects.get(id=made.image_id)
    run = sync_now(image.source, "test", 10)
    assert run.state == "complete"
    made.refresh_from_db()
    assert made.state == "seen" and made.seen_at and made.image_id == image.id
    image.refresh_from_db()
    assert bytes(image.content_hash) and image.missing_since is None
    assert Image.objects.filter(source=image.source, name="cfd-base").count() == 1


@pytest.mark.parametrize("document", [VM, CONTAINER], ids=["vm", "container"])
def test_an_image_without_a_version_is_recognised_too(send, document):
    made = send(document, version=None)
    sync_now(Image.objects.get(id=made.image_id).source, "test", 10)
    made.refresh_from_db()
    assert made.state == "seen"
    assert Image.objects.filter(name=document["name"]).count() == 1


def test_an_image_to_which_the_cloud_gave_a_version_of_its_own_is_recognised(send, cloud):
    made = send(VM, version=None)
    cloud.change(listing="alibaba_ehpc_registered", region=REGION, changes={"m-bp1akkkr1rkxtb": {"Version": "1"}})
    run = sync_now(Image.objects.get(id=made.image_id).source, "test", 10)
    assert (run.missing, run.image_changes.count()) == (0, 0), "what stood in for it was not missing"
    made.refresh_from_db()
    assert made.state == "seen" and made.image.version == "1" and made.image.missing_since is None
    assert Image.objects.filter(name="cfd-base").count() == 1, "what was put there in its stead is gone"


def test_an_image_registered_while_a_sync_lists_is_not_taken_for_lost(send, cloud, make_source, account, monkeypatch):
    """The listing began before the image was there."""
    source, registered = make_source("alibaba_ehpc_registered", account), []
    real = sync.list_pages

    def list_pages(*args):
        pages = list(real(*args))
        registered.append(send(VM))
        return iter(pages)

    monkeypatch.setattr("catalog.sync.list_pages", list_pages)
    run = sync_now(source, "test", 10)
    assert (run.state, run.missing) == ("complete", 0)
    image = registered[0].image
    image.refresh_from_db()
    assert image.missing_since is None and Registration.objects.get().state == "succeeded"
    monkeypatch.undo()


def test_the_source_of_the_account_and_region_is_used_if_it_is_there(send, make_source, account):
    source = make_source("alibaba_ehpc_registered", account, paused_at=Now(), paused_reason="admin")
    made = send(VM)
    assert made.image.source_id == source.id and Source.objects.count() == 1
    source.refresh_from_db()
    assert source.paused_at, "what an admin paused stays paused"


def test_the_image_is_found_and_counted_like_any_other(send):
    from catalog.models import FacetCount

    image = send(VM).image
    assert "cfd-base" in image.search_text and image.name_key == "cfd-base"
    assert FacetCount.objects.get(source=image.source).n == 1


def test_an_image_that_was_missing_comes_back(send, cloud):
    image = send(VM).image
    sync_now(image.source, "test", 10)
    cloud.remove(listing="alibaba_ehpc_registered", region=REGION, ids=["m-bp1akkkr1rkxtb"])
    sync_now(image.source, "test", 10)
    assert Image.objects.get(id=image.id).missing_since
    again = send(VM)
    assert again.state == "succeeded" and again.image_id == image.id
    back = Image.objects.get(id=image.id)
    assert (back.missing_since, back.state) == (None, "available")


# Refusals


def test_an_image_on_the_shelf_is_refused_before_sending(send, ask, cloud):
    image = send(VM).image
    with pytest.raises(actions.AlreadyOnShelf) as caught:
        ask(VM)
    assert caught.value.image.id == image.id and len(sent(cloud)) == 1


@pytest.mark.parametrize(
    "other", [{"version": "V2.0", "image_id": "m-other"}, {"name": "other", "image_id": "m-other"}]
)
def test_another_name_or_version_is_another_image(send, other):
    assert send(VM).state == send(VM, **other).state == "succeeded"


def test_an_image_that_came_onto_the_shelf_meanwhile_is_refused_by_the_worker(ask, account, make_source, cloud):
    made = ask(VM)
    twin = registration.shelving.put_on_shelf(made, registration.shelving.as_listed(made, "m-1"))
    tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert (made.state, made.error["code"]) == ("rejected", "ImageAlreadyExists") and twin and not sent(cloud)


def test_the_same_image_is_not_asked_for_twice_at_once(ask):
    ask(VM)
    with pytest.raises(actions.ActionError, match="being registered right now"):
        ask(VM)
    assert Registration.objects.count() == 1


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (400, "InvalidParams"),
        (400, "ImageAlreadyExists"),
        (400, "InDebt"),
        (400, "NotEnabled"),
        (403, "ImageInUse"),
        (404, "ImageNotFound"),
        (407, "NotAuthorized"),
    ],
)
def test_a_documented_refusal_is_a_rejection_with_code_and_request_id(send, cloud, status, code):
    cloud.fail(operation="AddImage", status=status, code=code)
    made = send(VM)
    assert (made.state, made.error["operation"], made.error["code"]) == ("rejected", "AddImage", code)
    assert made.error["request_id"] == made.request_id and made.request_id and made.error["message"]
    assert made.finished_at and not made.image_id and not Image.objects.exists() and len(sent(cloud)) == 1


def test_success_false_in_a_200_is_a_rejection(send, cloud):
    cloud.fail(operation="AddImage", body={"RequestId": "R-1\n", "Success": False, "ImageId": ""}, status=200)
    made = send(VM)
    assert made.state == "rejected" and made.request_id == "R-1" and not Image.objects.exists()


def test_a_throttled_call_was_not_taken_and_is_not_sent_again_by_itself(send, cloud):
    cloud.fail(operation="AddImage", throttle=True)
    assert send(VM).state == "rejected" and len(sent(cloud)) == 1


def test_a_wrong_key_is_a_rejection(ask, account, cloud):
    from catalog.connections import seal_credential
    from tests.clouds.credentials import ALIBABA

    seal_credential(account.team_id, account.id, ALIBABA.as_json() | {"access_key_secret": "another"})
    made = ask(VM)
    tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert (made.state, made.error["kind"]) == ("rejected", "authentication")


def test_a_refused_connection_never_reached_the_cloud_and_is_a_rejection(send, settings):
    settings.SIMULATOR_URL = "http://127.0.0.1:9"
    made = send(VM)
    assert (made.state, made.error["kind"]) == ("rejected", "unreachable")


def test_without_the_keyset_nothing_is_sent_and_the_rejection_says_so(ask, monkeypatch, cloud):
    made = ask(CONTAINER)
    monkeypatch.delenv("BOOTSHELF_KEYSET")
    tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert (made.state, made.error["code"]) == ("rejected", "KeysetMissing") and not sent(cloud)
    assert not SealedSecret.sealed.filter(row=made.id).exists()


def test_a_credential_that_does_not_open_is_a_rejection(ask, account, monkeypatch, cloud):
    from accounts.secrets import new_keyset

    made = ask(CONTAINER)
    monkeypatch.setenv("BOOTSHELF_KEYSET", new_keyset())
    tasks.register_image(str(made.id))
    made.refresh_from_db()
    assert made.state == "rejected" and made.error["code"] in ("CredentialUnreadable", "PasswordUnreadable")
    assert not sent(cloud)


# What is written down


def test_each_step_leaves_one_audit_row_without_the_password(send):
    made = send(CONTAINER)
    rows = list(AuditEvent.objects.filter(action__startswith="registration.").order_by("id"))
    assert [(row.actor, row.action) for row in rows] == [
        ("alice@example.org", "registration.created"),
        ("worker", "registration.succeeded"),
    ]
    assert all(row.target_id == made.id and row.target == "trainer" for row in rows)
    assert rows[0].changes["ContainerImageSpec.RegistryCredential.Password"] == "••••"
    assert rows[0].changes["Name"] == "trainer" and rows[0].changes["account"] == "prod"


def test_a_vendor_that_registers_nothing_is_refused(make_account, alice, cloud):
    account = make_account("huawei")
    spec, _ = validate_spec(VM)
    with pytest.raises(actions.ActionError) as caught:
        actions.create_registration(account.team, alice, account, "cn-north-4", spec, None)
    assert caught.value.field == "account" and not Registration.objects.exists()


@pytest.mark.parametrize("region", ["", "CN-Hangzhou", "x", "a" * 41, "cn_hangzhou", "cn-hangzhou/../x"])
def test_a_region_that_is_none_is_refused(account, alice, region):
    spec, _ = validate_spec(VM)
    with pytest.raises(actions.ActionError):
        actions.create_registration(account.team, alice, account, region, spec, None)
    assert not Registration.objects.exists()
