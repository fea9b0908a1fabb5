"""Many registrations at once in a real browser, with a real worker and simulated clouds."""

import re

import pytest
from playwright.sync_api import expect

from catalog.models import Batch, Image, Registration
from tests.browser.test_register import end_session, sign_in_again
from tests.catalog.batching import MANY, as_csv, confirmed, containers, vms, work
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CANARY = "canary-registry-password"


@pytest.fixture
def account(make_account, simulated):
    return make_account(name="Aero HPC production")


def choose(page, rows, name="images.csv"):
    data = rows if isinstance(rows, str) else as_csv(rows)
    page.get_by_label("File").set_input_files({"name": name, "mimeType": "text/csv", "buffer": data.encode()})


def test_a_file_goes_from_its_errors_to_the_shelf(
    live_server, page, sign_in, alice, account, simulated, complaints, accessible
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/registrations/")
    with page.expect_navigation():
        page.get_by_role("link", name="Register many").click()
    accessible()
    page.get_by_label("Region").fill("cn-hangzhou")
    rows = [*vms(4), *containers(2, registry_password=None)]
    choose(page, [*rows, rows[0] | {"type": "iso"}])
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("1 error in 1 of 7 images")
    expect(page.get_by_role("row", name="row 8")).to_contain_text("Choose the type: vm or container.")
    accessible()
    choose(page, rows)
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("button", name="Register 6 images")).to_be_visible()
    page.get_by_label("Password of robot").fill(CANARY)
    accessible()
    page.reload()
    page.get_by_label("Password of robot").fill(CANARY)
    simulated.latency(0.7)
    with worker(SIMULATOR_URL=simulated.url):
        page.get_by_role("button", name="Register 6 images").click()
        expect(page).to_have_url(re.compile(r"/many/[0-9a-f-]{36}/$"))
        expect(page.get_by_role("status").filter(has_text="of 6 done")).to_be_visible()
        accessible()
        page.reload()
        simulated.latency(0)
        expect(page.get_by_text("6 of 6 registered")).to_be_visible(timeout=30_000)
    accessible()
    assert CANARY not in page.content()
    page.get_by_role("row", name="container-2").get_by_role("link").first.click()
    page.get_by_role("link", name="one of many").click()
    expect(page.get_by_text("6 of 6 registered")).to_be_visible()
    assert page.locator("[hx-trigger^=every]").count() == 0, "the page is at its end"
    assert Image.objects.count() == 6 and len(simulated.requests("AddImage")) == 6
    assert [text for text in complaints if "422" not in text] == []


def test_a_session_that_ends_keeps_the_file(live_server, page, sign_in, alice, account, accessible):
    sign_in(alice)
    page.goto(f"{live_server}{MANY}")
    page.get_by_label("Region").fill("cn-hangzhou")
    choose(page, [*vms(2), *containers(1, registry_password=CANARY)])
    end_session(page)
    with page.expect_navigation():
        page.get_by_role("button", name="Check").click()
    accessible()
    with page.expect_popup() as forgot:
        page.get_by_role("link", name="Forgot your password?").click()
    expect(forgot.value.get_by_label("Email")).to_be_visible()
    sign_in_again(page)
    expect(page.get_by_text("You are signed in again, and what you filled in is here.")).to_be_visible()
    expect(page.get_by_label("Or paste it")).to_have_value(re.compile("container-1"))
    assert CANARY not in page.content()
    accessible()
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("button", name="Register 3 images")).to_be_visible()
    expect(page.get_by_label("Password of robot")).to_be_visible()


def test_what_was_rejected_is_corrected_and_registered_again(
    live_server, page, sign_in, alice, account, complaints, accessible
):
    rows = vms(3)
    rows[1]["image_id"] = "m-missing1"
    batch = confirmed(account, alice, rows)
    work(batch)
    sign_in(alice)
    page.goto(f"{live_server}{MANY}{batch.id}/")
    expect(page.get_by_text("2 of 3 registered")).to_be_visible()
    accessible()
    page.get_by_role("link", name="Correct and register 1 image again").click()
    text = page.get_by_label("Or paste it")
    expect(text).to_have_value(re.compile("image-2"))
    accessible()
    text.fill(text.input_value().replace("m-missing1", "m-0002"))
    page.get_by_role("button", name="Check").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Register 1 image").click()
    work(Batch.objects.order_by("-created_at").first())
    expect(page.get_by_text("1 of 1 registered")).to_be_visible(timeout=10_000)
    assert [text for text in complaints if "422" not in text] == []


def test_it_works_without_javascript(browser, live_server, alice, account, sign_in, page):
    sign_in(alice)
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    plain = context.new_page()
    plain.goto(f"{live_server}{MANY}")
    plain.get_by_label("Or paste it").fill("- {type: vm, name: a, image_id: m-1, region: cn-hangzhou}")
    plain.get_by_role("button", name="Check").click()
    plain.get_by_role("button", name="Register 1 image").click()
    expect(plain.get_by_text("0 of 1 done")).to_be_visible()
    plain.get_by_role("link", name="Cancel the rest").click()
    plain.get_by_role("button", name="Cancel the rest").click()
    expect(plain.get_by_text("1 image is not sent.")).to_be_visible()
    assert Registration.objects.get().state == "rejected"
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1440, "dark")])
def test_every_page_fits_and_is_accessible(
    live_server, page, sign_in, alice, account, simulated, width, scheme, complaints, accessible
):
    rows = [*vms(2), *containers(2)]
    rows[0] |= {"name": "x" * 120, "description": "d" * 300, "image_id": "m-missing1"}
    rows[3] |= {"registry_server": "ghcr.io"}
    batch = confirmed(account, alice, rows)
    simulated.fail(operation="AddImage", parameters={"Name": "container-1"}, reset=True)
    work(batch)
    waiting = confirmed(account, alice, vms(2, version="2"))
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in(alice)
    for address in [f"{batch.id}/", f"?again={batch.id}", f"{waiting.id}/", f"{waiting.id}/cancel/"]:
        page.goto(f"{live_server}{MANY}{address}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        accessible()
    for given in ([*rows, *vms(1, version="3")], [rows[0] | {"type": "y" * 200}]):
        page.goto(f"{live_server}{MANY}")
        choose(page, given)
        page.get_by_label("Region").fill("cn-hangzhou")
        with page.expect_navigation():
            page.get_by_role("button", name="Check").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
        accessible()
    assert [text for text in complaints if "422" not in text] == []
