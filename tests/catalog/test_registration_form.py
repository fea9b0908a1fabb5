"""What the form of AddImage tells while it is filled in: the registry, the server, what there is already, the ECS
images on the shelf; and where it is filled in from.
"""

import html
import re

import pytest

from accounts.models import SealedSecret
from catalog.models import Registration
from catalog.registration import TABLE

pytestmark = pytest.mark.django_db

ADD, IMAGES = "/t/aero/registrations/add/", "/t/aero/registrations/ecs-images/"
ENTERPRISE = "aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com/hpc/solver:7.2"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def account(make_account):
    return make_account(name="Aero HPC production")


@pytest.fixture
def admin(as_user, alice):
    return as_user(alice)


@pytest.fixture
def ecs(account, make_source):
    """The source of the account's ECS images in cn-hangzhou."""
    return make_source("alibaba_ehpc_custom", account)


@pytest.fixture
def registered(account, make_source):
    return make_source("alibaba_ehpc_registered", account)


@pytest.fixture
def vm(account):
    return {"type": "vm", "account": account.id, "region": "cn-hangzhou", "name": "solver", "image_id": "m-bp1"}


@pytest.fixture
def container(account):
    place = {"type": "container", "account": account.id, "region": "cn-hangzhou"}
    return place | {"name": "solver", "version": "7.2", "registry_url": ENTERPRISE}


def text(response):
    return response.content.decode()


def preview(admin, form, **headers):
    return text(admin.post(ADD, form | {"step": "preview"}, headers=HTMX | headers))


def field(page, name):
    """The value that a page's text field holds."""
    tag = re.search(rf'<input type="(?:text|hidden)" name="{name}"[^>]*>', page)
    assert tag, name
    value = re.search(r'value="([^"]*)"', tag[0])
    return html.unescape(value[1]) if value else ""


def make_registration(account, state, **fields):
    fields = {"name": "solver", "type": "vm", "region": "cn-hangzhou", "requested_by": "alice@example.org"} | fields
    return Registration.objects.create(
        team=account.team, cloud_account=account, account_name=account.name, state=state, **fields
    )


# The registry and the server


@pytest.mark.parametrize(
    ("reference", "kind", "words"),
    [
        (ENTERPRISE, "enterprise", "ACR Enterprise in cn-hangzhou: it asks for the instance ID."),
        ("registry-vpc.cn-shanghai.aliyuncs.com/a/b:1", "acr", "ACR Personal in cn-shanghai."),
        ("ghcr.io/team/app:1", "other", "ghcr.io, no registry of Alibaba Cloud."),
        ("nginx", "other", "docker.io, no registry"),
        ("", "", ""),
        ("no reference!", "", ""),
    ],
)
def test_the_registry_is_recognised_from_the_address(admin, container, reference, kind, words):
    found = re.search(
        r'id="recognised"[^>]*data-registry="(\w*)"[^>]*>(.*?)</div>',
        preview(admin, container | {"registry_url": reference}),
    )
    assert found[1] == kind and words in found[2] and bool(words) == bool(found[2])


def test_the_server_is_filled_in_from_the_reference_and_follows_it(admin, container):
    shown = preview(admin, container)
    host = "aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
    assert field(shown, "registry_server") == field(shown, "server_prefilled") == host
    assert "RegistryCredential" not in shown, "nobody signs in, so nothing of it is sent"
    ours = {"registry_server": host, "server_prefilled": host, "registry_url": "ghcr.io/a/b:1"}
    assert field(preview(admin, container | ours), "registry_server") == "ghcr.io"
    assert field(preview(admin, container | ours | {"registry_url": "no reference!"}), "registry_server") == ""


def test_a_server_that_a_person_typed_is_left_alone(admin, container):
    typed = {"registry_server": "login.example.org", "server_prefilled": "ghcr.io", "registry_user": "robot"}
    shown = preview(admin, container | typed)
    assert 'id="server-field"' not in shown and "login.example.org" in shown
    assert "The credential is for login.example.org and the image comes from" in shown
    page = admin.post(ADD, container | typed | {"name": "", "step": "review"})
    assert field(text(page), "registry_server") == "login.example.org"


def test_a_server_filled_in_is_sent_with_a_user_only(admin, container):
    host = "aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com"
    form = container | {"registry_server": host, "server_prefilled": host, "step": "review"}
    assert "RegistryCredential" not in text(admin.post(ADD, form))
    assert host in re.search(r"RegistryCredential.*", text(admin.post(ADD, form | {"registry_user": "robot"})), re.S)[0]


def test_nobody_is_told_of_a_mistake_in_a_word_they_are_still_writing(admin, container):
    wrong = container | {"registry_url": "quay.io/a/b:late!st"}
    assert "not a valid tag" in preview(admin, wrong)
    assert "not a valid tag" not in preview(admin, wrong, **{"HX-Typing": "true"})


@pytest.mark.parametrize("cri_id", ["xyz795ygf8k9", "cri-", "cri-a b"])
def test_a_wrong_instance_id_is_one_sentence_at_its_field_with_the_input_kept(admin, container, cri_id):
    typed = container | {"registry_cri_id": cri_id, "registry_user": "robot", "registry_password": "secret-word"}
    page = admin.post(ADD, typed | {"step": "review"})
    shown = text(page)
    assert page.status_code == 422 and shown.count("This is no instance ID") == 1
    assert re.search(r'id="slot-registry_cri_id".*?This is no instance ID', shown, re.S)
    assert field(shown, "registry_cri_id") == cri_id and field(shown, "registry_user") == "robot"
    assert "enter it again" in shown and "secret-word" not in shown
    assert not SealedSecret.sealed.filter(table=TABLE).exists()


# What there is already


def test_an_image_of_the_same_name_is_linked_while_it_is_typed_and_before_the_review(admin, vm, registered, make_image):
    image = make_image(registered, name="solver")
    link = f"/t/aero/images/{image.id}/"
    started = {name: value for name, value in vm.items() if name != "image_id"}
    assert link in preview(admin, started, **{"HX-Typing": "true"}), "before the form is whole"
    left = preview(admin, started)
    assert re.search(r'id="slot-name".*?is on the shelf already', left, re.S) and link in left
    page = admin.post(ADD, vm | {"step": "review"})
    assert page.status_code == 422 and link in text(page) and field(text(page), "image_id") == "m-bp1"
    assert admin.post(ADD, vm | {"version": "2", "step": "review"}).status_code == 200


@pytest.mark.parametrize(
    ("state", "code", "sentence"),
    [
        ("pending", 422, "is being registered right now"),
        ("sending", 422, "is being registered right now"),
        ("unknown", 200, "Nobody knows yet whether an earlier registration"),
        ("rejected", 200, ""),
    ],
)
def test_an_earlier_registration_of_the_same_is_linked(admin, account, vm, state, code, sentence):
    earlier = make_registration(account, state, vm_image_id="m-other")
    page = admin.post(ADD, vm | {"step": "review"})
    assert page.status_code == code
    assert (f"/t/aero/registrations/{earlier.id}/" in text(page)) == (sentence != "" or code == 422)
    assert sentence in text(page)


def test_the_same_ecs_image_or_reference_under_another_name_is_told_and_not_in_the_way(
    admin, account, vm, container, registered, make_image
):
    image = make_image(registered, name="older")
    make_registration(account, "seen", name="older", vm_image_id="m-bp1", image=image)
    make_registration(account, "succeeded", name="older", type="container", registry_url=ENTERPRISE, image=image)
    for form, sentence in ((vm, "This ECS image is registered already"), (container, "This reference is registered")):
        page = admin.post(ADD, form | {"step": "review"})
        assert page.status_code == 200 and sentence in text(page) and f"/t/aero/images/{image.id}/" in text(page)
    image.state = "missing"
    image.save()
    assert "registered already" not in text(admin.post(ADD, vm | {"step": "review"}))


def test_what_is_in_another_place_is_no_twin(admin, account, vm, make_account, make_source, make_image, other_team):
    elsewhere = make_source("alibaba_ehpc_registered", account, region="cn-shanghai")
    theirs = make_source("alibaba_ehpc_registered", make_account(team=other_team))
    another = make_source("alibaba_ehpc_registered", make_account())
    for source in (elsewhere, theirs, another):
        make_image(source, name="solver")
        make_registration(
            source.cloud_account, "pending", region=source.region if source is elsewhere else "cn-hangzhou"
        )
    assert admin.post(ADD, vm | {"step": "review"}).status_code == 200


# The ECS images on the shelf


def found(admin, account, words, region="cn-hangzhou", **more):
    return text(
        admin.get(IMAGES, {"image_id": words, "account": str(account.id), "region": region} | more, headers=HTMX)
    )


def test_ecs_images_are_found_by_name_and_id_in_the_region(admin, account, ecs, make_source, make_image):
    make_image(ecs, name="centos-7.9-base", remote_id="m-bp1centos", distribution="CentOS", os_version="7.9")
    make_image(ecs, name="ubuntu-22", remote_id="m-bp1ubuntu")
    make_image(make_source("alibaba_ehpc_custom", account, region="cn-shanghai"), name="centos-sh", remote_id="m-sh")
    make_image(make_source("alibaba_ens_self"), name="centos-ens", remote_id="m-ens")
    shown = found(admin, account, "centos")
    assert 'value="m-bp1centos"' in shown and "CentOS 7.9" in shown and "<html" not in shown
    assert shown.count('name="choose"') == 1
    assert 'value="m-bp1ubuntu"' in found(admin, account, "bp1ub")
    assert found(admin, account, "").count('name="choose"') == 2
    assert "No ECS image of cn-hangzhou on the shelf is called so" in found(admin, account, "windows")
    assert "No source lists the ECS images of cn-beijing" in found(admin, account, "centos", "cn-beijing")
    assert 'name="choose"' not in found(admin, account, "centos", "no region!")


def test_those_of_the_account_come_alone_and_those_of_the_team_where_it_has_none(
    admin, account, ecs, make_account, make_source, make_image
):
    another = make_account()
    make_image(ecs, name="ours", remote_id="m-ours")
    other = make_source("alibaba_ehpc_custom", another)
    make_image(other, name="others", remote_id="m-others")
    assert "m-others" not in found(admin, account, "") and "m-ours" not in found(admin, another, "")
    assert "m-ours" in found(admin, make_account(), "")


def test_it_hides_other_teams_ecs_images(admin, make_account, make_source, make_image, other_team, account):
    theirs = make_source("alibaba_ehpc_custom", make_account(team=other_team))
    make_image(theirs, name="theirs", remote_id="m-theirs")
    assert "theirs" not in found(admin, account, "") + found(admin, theirs.cloud_account, "")


def test_what_is_missing_is_not_offered_and_strangers_text_is_data(admin, account, ecs, make_image):
    make_image(ecs, name='<b hx-get="/x">bold', remote_id='m-"><script>')
    gone = make_image(ecs, name="gone", remote_id="m-gone")
    type(gone).objects.filter(id=gone.id).update(state="missing")
    shown = found(admin, account, "")
    assert "m-gone" not in shown and "<script>" not in shown and "<b hx-get" not in shown
    for hostile in ("\0", "%_\\", "x" * 5_000, "os:linux", '"'):
        assert "<html" not in found(admin, account, hostile)


def test_the_search_makes_as_many_queries_for_a_hundred_images(
    admin, account, ecs, make_image, django_assert_max_num_queries
):
    for _ in range(100):
        make_image(ecs)
    with django_assert_max_num_queries(9):
        assert "There are more" in found(admin, account, "image")


def test_without_a_script_an_image_is_searched_for_and_chosen(admin, vm, ecs, make_image):
    make_image(ecs, name="centos-7.9-base", remote_id="m-bp1centos")
    searched = text(admin.post(ADD, vm | {"image_id": "centos", "step": "find"}))
    assert 'name="choose" value="m-bp1centos"' in searched and "errorlist" not in searched
    chosen = text(admin.post(ADD, vm | {"image_id": "centos", "choose": "m-bp1centos"}))
    assert field(chosen, "image_id") == "m-bp1centos" and field(chosen, "name") == "solver"
    assert "On the shelf:" in chosen and "centos-7.9-base" in chosen
    assert not Registration.objects.exists()


def test_an_ecs_image_of_another_region_is_warned_of_and_not_in_the_way(admin, account, vm, make_source, make_image):
    make_image(make_source("alibaba_ehpc_custom", account, region="cn-shanghai"), name="sh", remote_id="m-bp1")
    page = admin.post(ADD, vm | {"step": "review"})
    assert page.status_code == 200
    assert "The shelf has this ECS image in cn-shanghai, not in cn-hangzhou" in text(page)


# Copies


def test_a_copy_of_an_ecs_image_is_filled_in(admin, account, ecs, make_image):
    image = make_image(ecs, name="centos-base", remote_id="m-bp1centos", description="for CFD")
    assert f"?image={image.id}" in text(admin.get(f"/t/aero/images/{image.id}/"))
    page = text(admin.get(f"{ADD}?image={image.id}"))
    assert (field(page, "name"), field(page, "image_id"), field(page, "region")) == (
        "centos-base", "m-bp1centos", "cn-hangzhou",
    )  # fmt: skip
    assert 'value="vm" checked' in page and "for CFD" in page and f"/t/aero/images/{image.id}/" in page
    assert "VMImageSpec" in page, "the call is shown at once"


def test_a_copy_of_what_was_registered_is_filled_in_as_that_was_and_its_password_asked_for(
    admin, account, registered, make_image
):
    image = make_image(registered, name="solver", version="7.2", type="container")
    make_registration(
        account, "seen", type="container", version="7.2", registry_url=ENTERPRISE, registry_user="robot", image=image,
        is_acr=True, is_acr_enterprise=True, registry_cri_id="cri-xyz", registry_server="login.example.org",
    )  # fmt: skip
    page = text(admin.get(f"{ADD}?image={image.id}"))
    wanted = {"name": "solver", "registry_url": ENTERPRISE, "registry_cri_id": "cri-xyz", "registry_user": "robot"}
    assert {name: field(page, name) for name in wanted} == wanted
    assert field(page, "registry_server") == "login.example.org", "which was not the reference's own"
    assert "enter it again" in page
    assert "is on the shelf already" in page, "until it is called otherwise"


def test_a_copy_of_a_container_has_an_address_only_where_its_registry_is_known(admin, make_source, make_image):
    source = make_source("alibaba_ehpc_container")
    known = make_image(source, type="container", repository="ghcr.io/team/app", tag="1.0")
    bare = make_image(source, type="container", repository="team/app", tag="1.0")
    for image, reference in ((known, "ghcr.io/team/app:1.0"), (bare, "")):
        page = text(admin.get(f"{ADD}?image={image.id}"))
        assert (field(page, "name"), field(page, "version"), field(page, "registry_url")) == ("app", "1.0", reference)


def test_what_cannot_be_copied_offers_none(admin, account, as_user, bob, ecs, make_source, make_image):
    foreign = make_image(make_source("huawei_workspace"), name="desktop")
    assert "?image=" not in text(admin.get(f"/t/aero/images/{foreign.id}/"))
    assert "desktop" not in text(admin.get(f"{ADD}?image={foreign.id}"))
    copied = make_image(ecs)
    assert "?image=" not in text(as_user(bob).get(f"/t/aero/images/{copied.id}/"))


@pytest.mark.parametrize("what", ["image", "like"])
def test_it_hides_other_teams_images_and_what_is_none(
    admin, account, make_account, make_source, make_image, other_team, what
):
    source = make_source("alibaba_ehpc_custom", make_account(team=other_team))
    image = make_image(source, name="theirs")
    theirs = make_registration(source.cloud_account, "seen", name="theirs")
    for asked in (image.id, theirs.id, "nonsense", ""):
        page = admin.get(ADD, {what: asked})
        assert page.status_code == 200 and "theirs" not in text(page)
