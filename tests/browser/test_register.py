"""Registering images in a real browser, with a real worker and simulated clouds."""

import hashlib
import re

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import expect

from catalog.models import Image, Registration
from tests.conftest import PASSWORD
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CANARY = "canary-registry-password"
HASHED = f"sha256:{hashlib.sha256(CANARY.encode()).hexdigest()}"  # as the simulator's log has it
REFERENCE = "aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com/hpc/solver:7.2"


@pytest.fixture
def working(simulated):
    with worker(SIMULATOR_URL=simulated.url):
        yield simulated


@pytest.fixture
def account(make_account):
    return make_account(name="Aero HPC production")


def fill_container(page):
    page.get_by_label("Region", exact=True).fill("cn-hangzhou")
    page.get_by_label("Name", exact=True).fill("solver")
    page.get_by_label("Version").fill("7.2")
    page.get_by_label("Image reference").fill(REFERENCE)
    page.get_by_label("Registry instance ID").fill("cri-xyz795ygf8k9")
    page.get_by_label("User name").fill("robot")
    page.get_by_label("Password").fill(CANARY)
    page.keyboard.press("Tab")


def on_the_shelf(page, live_server, name):
    page.goto(f"{live_server}/t/aero/images/?q={name}")
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()


def test_a_container_image_of_an_enterprise_registry_goes_from_the_form_to_the_shelf(
    live_server, page, sign_in, alice, account, working, complaints, accessible
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/")
    accessible()
    with page.expect_navigation():
        page.get_by_role("link", name="Register image").first.click()
    accessible()
    instance = page.get_by_label("Registry instance ID")
    expect(instance).to_be_hidden()
    page.get_by_label("Image reference").fill("aero-registry.cn-hangzhou.cr.aliyuncs.com/hpc/solver:late!st")
    page.keyboard.press("Tab")
    expect(page.get_by_text("“late!st” is not a valid tag")).to_be_visible()
    accessible()
    fill_container(page)
    expect(page.get_by_text("“late!st” is not a valid tag")).to_have_count(0)
    expect(page.get_by_text("The address is of ACR Enterprise in cn-hangzhou")).to_be_visible()
    expect(instance).to_be_visible()
    expect(page.get_by_label("Server to sign in to")).to_have_value(REFERENCE.partition("/")[0])
    sent = page.get_by_role("group", name="AddImage")
    expect(sent).to_contain_text("IsACREnterprise true")
    expect(sent).to_contain_text("••••••••")
    accessible()
    page.get_by_role("button", name="Review and register").click()
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    expect(sent).to_contain_text("aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com")
    assert CANARY not in page.content()
    accessible()
    working.latency(2)
    page.get_by_role("button", name="Register").click()
    expect(page).to_have_url(re.compile("/registrations/[0-9a-f-]{36}/$"))
    accessible()
    page.reload()
    working.latency(0)
    expect(page.get_by_text("The image is on the shelf.")).to_be_visible(timeout=30_000)
    expect(page.locator("#registration-history li").first).to_contain_text("Accepted by the cloud")
    accessible()
    page.get_by_role("link", name="Open the image").click()
    expect(page.get_by_role("heading", name="solver")).to_be_visible()
    on_the_shelf(page, live_server, "solver")
    assert complaints == []
    assert [call["parameters"] for call in working.requests("AddImage")] == [
        {
            "RegionId": "cn-hangzhou",
            "ImageType": "Container",
            "Name": "solver",
            "ImageVersion": "7.2",
            "ContainerImageSpec": {
                "RegistryUrl": REFERENCE,
                "IsACRRegistry": True,
                "IsACREnterprise": True,
                "RegistryCriId": "cri-xyz795ygf8k9",
                "RegistryCredential": {"Server": REFERENCE.partition("/")[0], "UserName": "robot", "Password": HASHED},
            },
        }
    ]
    assert Registration.objects.get().state == "succeeded"


def test_a_vm_image_chosen_from_the_shelf_goes_there_by_keyboard(
    live_server, page, sign_in, alice, account, working, complaints, accessible, make_source, make_image
):
    ecs = make_source("alibaba_ehpc_custom", account)
    make_image(ecs, name="centos-7.9-base", remote_id="m-bp1akkkr1rkxtb123456", distribution="CentOS", os_version="7.9")
    make_image(ecs, name="ubuntu-22.04-base", remote_id="m-bp1ubuntu")
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    page.get_by_role("radio", name=re.compile("Virtual machine")).press("Space")
    expect(page.get_by_label("Image reference")).to_be_hidden()
    page.get_by_label("Region", exact=True).fill("cn-hangzhou")
    page.get_by_label("Name", exact=True).fill("solver-vm")
    page.get_by_label("ECS image ID").press_sequentially("centos")
    choose = page.get_by_role("button", name="Choose centos-7.9-base")
    expect(choose).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Choose"))).to_have_count(1)
    accessible()
    choose.press("Enter")
    expect(page.get_by_label("ECS image ID")).to_have_value("m-bp1akkkr1rkxtb123456")
    expect(page.get_by_text("On the shelf:")).to_be_visible()
    expect(page.get_by_role("group", name="AddImage")).to_contain_text("m-bp1akkkr1rkxtb123456")
    accessible()
    page.keyboard.press("Enter")
    with page.expect_navigation():
        page.get_by_role("button", name="Register").press("Enter")
    page.reload()
    expect(page.get_by_text("The image is on the shelf.")).to_be_visible(timeout=30_000)
    on_the_shelf(page, live_server, "solver-vm")
    assert Image.objects.filter(name="solver-vm").count() == len(working.requests("AddImage")) == 1
    assert complaints == []


def test_a_name_on_the_shelf_is_linked_while_it_is_typed(
    live_server, page, sign_in, alice, account, complaints, accessible, make_source, make_image
):
    image = make_image(make_source("alibaba_ehpc_registered", account), name="solver", type="container")
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    page.get_by_label("Name", exact=True).press_sequentially("solver")
    link = page.locator("#registration-preview").get_by_role("link", name="solver")
    expect(link).to_have_attribute("href", f"/t/aero/images/{image.id}/")
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    accessible()
    page.get_by_label("Version").press_sequentially("2")
    expect(link).to_have_count(0)
    assert complaints == []


def test_a_server_that_was_typed_is_not_overwritten(live_server, page, sign_in, alice, account, complaints):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    reference, server = page.get_by_label("Image reference"), page.get_by_label("Server to sign in to")
    reference.fill("ghcr.io/team/app:1")
    expect(server).to_have_value("ghcr.io")
    reference.fill("quay.io/team/app:1")
    expect(server).to_have_value("quay.io")
    server.fill("login.quay.io")
    reference.fill("docker.io/team/app:1")
    expect(page.get_by_text("The address is of docker.io")).to_be_visible()
    expect(server).to_have_value("login.quay.io")
    assert complaints == []


def test_an_answer_that_comes_late_does_not_overwrite_what_was_typed_meanwhile(
    live_server, page, sign_in, alice, account, complaints
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    held: list[object] = []
    page.route("**/registrations/add/", lambda route: route.continue_() if held else held.append(route), times=1)
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_label("Image reference").fill("ghcr.io/team/app:1")
    page.get_by_label("Server to sign in to").fill("login.ghcr.io")
    page.get_by_label("User name").focus()
    held[0].continue_()
    expect(page.get_by_text("The address is of ghcr.io")).to_be_visible()
    expect(page.get_by_role("button", name="Review and register")).to_be_visible()
    expect(page.get_by_label("Server to sign in to")).to_have_value("login.ghcr.io")
    assert complaints == []


def end_session(page):
    page.context.clear_cookies(name="session")


def sign_in_again(page):
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    page.get_by_label("Email").fill("alice@example.org")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def test_a_session_that_ends_in_the_middle_loses_nothing_but_the_password(
    live_server, page, sign_in, alice, account, accessible
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    fill_container(page)
    expect(page.get_by_role("group", name="AddImage")).to_contain_text("••••••••")
    end_session(page)
    page.get_by_label("Version").fill("7.3")
    page.keyboard.press("Tab")
    expect(page.locator("#toast")).to_contain_text("You have been signed out.")
    with page.expect_navigation():
        page.get_by_role("button", name="Review and register").click()
    accessible()
    sign_in_again(page)
    for _reload in range(2):
        expect(page.get_by_text("You are signed in again, and what you filled in is here.")).to_be_visible()
        for name, value in {
            "region": "cn-hangzhou", "name": "solver", "version": "7.3", "registry_url": REFERENCE,
            "registry_cri_id": "cri-xyz795ygf8k9", "registry_user": "robot", "registry_password": "",
        }.items():  # fmt: skip
            expect(page.locator(f"main [name={name}]")).to_have_value(value)
        expect(page.get_by_text("The password is not kept here: enter it again.")).to_be_visible()
        page.reload()
    accessible()
    page.get_by_label("Password").fill(CANARY)
    page.get_by_role("button", name="Review and register").click()
    end_session(page)
    page.get_by_role("button", name="Register").click()
    sign_in_again(page)
    expect(page.get_by_text("The password is kept, sealed.")).to_be_visible()
    page.get_by_role("button", name="Review and register").click()
    expect(page.get_by_role("group", name="AddImage")).to_contain_text("••••••••")
    assert not Registration.objects.exists()


def test_who_signed_in_anew_elsewhere_goes_on_with_the_form(live_server, page, sign_in, alice, account, accessible):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    fill_container(page)
    end_session(page)
    other = page.context.new_page()
    other.goto(f"{live_server}/account/login/")
    other.get_by_label("Email").fill("alice@example.org")
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("navigation").first).to_be_visible()
    page.get_by_role("button", name="Review and register").click()
    expect(page.get_by_text("What you filled in is kept")).to_be_visible()
    accessible()
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Image reference")).to_have_value(REFERENCE)
    expect(page.get_by_label("Password")).to_have_value("")


@pytest.mark.parametrize(
    ("label", "wrong", "sentence"),
    [
        ("Registry instance ID", "xyz795ygf8k9", "This is no instance ID: it is cri- with letters and digits"),
        ("Image reference", "https://quay.io/hpc/solver", "Write the reference without https://."),
        ("Name", "taken", "An image of this name, version and type is on the shelf already."),
    ],
)
def test_a_mistake_is_one_clear_sentence_with_the_input_kept(
    live_server, page, sign_in, alice, account, accessible, make_source, make_image, label, wrong, sentence
):
    make_image(make_source("alibaba_ehpc_registered", account), name="taken", version="7.2", type="container")
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    fill_container(page)
    expect(page.get_by_role("group", name="AddImage")).to_contain_text("cri-xyz795ygf8k9")
    page.get_by_label(label, exact=True).fill(wrong)
    page.get_by_role("button", name="Review and register").click()
    expect(page.get_by_text("The password is not kept here: enter it again.")).to_be_visible()
    expect(page.locator(".slot", has_text=sentence)).to_have_count(1)
    expect(page.get_by_label(label, exact=True)).to_have_value(wrong)
    expect(page.get_by_label("User name")).to_have_value("robot")
    accessible()


def test_the_form_and_the_list_need_no_script(live_server, browser, alice, account, make_source, make_image):
    ecs = make_source("alibaba_ehpc_custom", account)
    make_image(ecs, name="centos-7.9-base", remote_id="m-bp1akkkr1rkxtb123456")
    client = Client()
    client.force_login(alice)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    context = browser.new_context(java_script_enabled=False)
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server}/t/aero/registrations/add/?type=vm")
    page.get_by_label("Region", exact=True).fill("cn-hangzhou")
    page.get_by_label("Name", exact=True).fill("solver-vm")
    page.get_by_label("ECS image ID").fill("centos")
    page.get_by_role("button", name="Search the shelf").click()
    page.get_by_role("button", name="Choose centos-7.9-base").click()
    expect(page.get_by_label("ECS image ID")).to_have_value("m-bp1akkkr1rkxtb123456")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_role("heading", name="Review")).to_be_visible()
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_role("heading", name="solver-vm")).to_be_visible()
    page.goto(f"{live_server}/t/aero/registrations/")
    page.get_by_role("group").filter(has_text="State").locator("summary").click()
    page.get_by_label("Rejected").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(f"{live_server.url}/t/aero/registrations/?state=rejected")
    expect(page.get_by_text("No registration fits all of this")).to_be_visible()
    context.close()


def test_going_back_keeps_everything_and_the_password_sealed(live_server, page, sign_in, alice, account, complaints):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    fill_container(page)
    page.get_by_role("button", name="Review and register").click()
    page.get_by_role("button", name="Back to the form").click()
    expect(page.get_by_label("Image reference")).to_have_value(REFERENCE)
    expect(page.get_by_label("Password")).to_have_value("")
    expect(page.get_by_text("The password is kept, sealed.")).to_be_visible()
    assert CANARY not in page.content()
    page.get_by_role("button", name="Review and register").click()
    expect(page.get_by_role("group", name="AddImage")).to_contain_text("••••••••")
    assert complaints == []


def test_a_refusal_is_explained_and_tried_again(live_server, page, sign_in, alice, account, working, accessible):
    working.fail(operation="AddImage", status=400, code="InDebt", message="Your account has overdue payments.")
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/?type=vm")
    page.get_by_label("Region", exact=True).fill("cn-hangzhou")
    page.get_by_label("Name", exact=True).fill("solver-vm")
    page.get_by_label("ECS image ID").fill("m-bp1akkkr1rkxtb123456")
    page.get_by_role("button", name="Review and register").click()
    page.get_by_role("button", name="Register").click()
    expect(page.get_by_text("The cloud refuses because the account has overdue payments.")).to_be_visible(
        timeout=30_000
    )
    accessible()
    page.get_by_role("link", name="Correct and register again").click()
    expect(page.get_by_label("ECS image ID")).to_have_value("m-bp1akkkr1rkxtb123456")


@pytest.mark.parametrize(("width", "scheme"), [(500, "light"), (1280, "dark")])
def test_every_page_of_registrations_fits_and_is_accessible(
    live_server, page, sign_in, alice, account, width, scheme, complaints, accessible
):
    error = {"operation": "AddImage", "code": "ConnectionReset", "message": "closed", "kind": "unreachable"}
    rows = [
        Registration.objects.create(
            team=account.team, cloud_account=account, account_name=account.name, region="cn-hangzhou", type="container",
            name="x" * 120, version="1", registry_url=REFERENCE, requested_by=alice.email, state=state,
            error=error if state in ("rejected", "unknown") else None,
        )
        for state in ("succeeded", "rejected", "unknown", "seen")
    ]  # fmt: skip
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in(alice)
    for path in ["", "add/", f"add/?like={rows[0].id}", *(f"{row.id}/" for row in rows)]:
        page.goto(f"{live_server}/t/aero/registrations/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        accessible()
    assert complaints == []
