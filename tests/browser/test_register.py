"""Registering images in a real browser, with a real worker and simulated clouds."""

import re

import pytest
from playwright.sync_api import expect

from catalog.models import Image, Registration
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CANARY = "canary-registry-password"
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


def test_a_container_image_goes_from_the_form_to_the_shelf(
    live_server, page, sign_in, alice, account, working, complaints, accessible
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/")
    accessible()
    page.get_by_role("link", name="Register image").first.click()
    accessible()
    page.get_by_label("Image reference").fill("aero-registry.cn-hangzhou.cr.aliyuncs.com/hpc/solver:late!st")
    page.keyboard.press("Tab")
    expect(page.get_by_text("“late!st” is not a valid tag")).to_be_visible()
    accessible()
    fill_container(page)
    expect(page.get_by_text("“late!st” is not a valid tag")).to_have_count(0)
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
    accessible()
    page.get_by_role("link", name="Open the image").click()
    expect(page.get_by_role("heading", name="solver")).to_be_visible()
    assert complaints == []
    assert len(working.requests("AddImage")) == 1
    assert Registration.objects.get().state == "succeeded"


def test_a_vm_image_goes_to_the_shelf_by_keyboard(
    live_server, page, sign_in, alice, account, working, complaints, accessible
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/add/")
    page.get_by_role("radio", name=re.compile("Virtual machine")).press("Space")
    expect(page.get_by_label("Image reference")).to_be_hidden()
    page.get_by_label("Region", exact=True).fill("cn-hangzhou")
    page.get_by_label("Name", exact=True).fill("solver-vm")
    page.get_by_label("ECS image ID").fill("m-bp1akkkr1rkxtb123456")
    accessible()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Register").press("Enter")
    expect(page.get_by_text("The image is on the shelf.")).to_be_visible(timeout=30_000)
    assert Image.objects.get().name == "solver-vm"
    assert complaints == []


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
