"""Sources in a real browser, with a real worker and simulated clouds."""

import json
import re

import pytest
from playwright.sync_api import expect

from catalog.models import Image, Source
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def working(simulated):
    with worker(SIMULATOR_URL=simulated.url):
        yield simulated


@pytest.fixture
def real(cloud):
    """Clouds that an account which is not simulated reaches, as an operator's override leads it there."""
    with worker(PROVIDER_ENDPOINTS=json.dumps(cloud.endpoints())):
        yield cloud


def test_an_admin_connects_an_account_and_its_images_come(
    live_server, page, sign_in, alice, real, complaints, accessible
):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/sources/")
    expect(page.get_by_role("heading", name="No cloud account yet")).to_be_visible()
    accessible()
    with page.expect_navigation():
        page.get_by_role("link", name="Connect a cloud account").click()
    accessible()
    page.get_by_label("Name").fill("Aero HPC production")
    page.get_by_label("AccessKey ID").fill("SIMULATED-DENIED")
    page.get_by_label("AccessKey secret").fill("simulated-secret-denied")
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text("0 of 5 listings are allowed.")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("ehpc:ListCustomImages").first).to_be_visible()
    accessible()
    page.reload()
    expect(page.get_by_text("0 of 5 listings are allowed.")).to_be_visible()
    expect(page.get_by_label("AccessKey secret")).to_have_value("")
    page.get_by_label("AccessKey ID").fill("SIMULATED-ACCESS-KEY")
    page.get_by_label("AccessKey secret").fill("simulated-access-key-secret")
    page.get_by_role("button", name="Test again").click()
    expect(page.get_by_text("Everything is allowed.")).to_be_visible(timeout=30_000)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Add sources")).to_be_visible()
    expect(page.get_by_role("textbox", name="Clusters")).to_be_hidden()
    page.get_by_role("radio", name="E-HPC container images").check()
    expect(page.get_by_role("textbox", name="Clusters")).to_be_visible()
    accessible()
    page.get_by_role("radio", name="ENS custom images").check()
    page.get_by_label("Regions").fill("cn-hangzhou, cn-shanghai")
    page.get_by_role("button", name="Add sources").click()
    row = page.get_by_role("row", name=re.compile("ENS custom · cn-hangzhou"))
    expect(row.get_by_text("Healthy")).to_be_visible(timeout=30_000)
    expect(page.get_by_text("All syncs are over.")).to_be_attached(timeout=30_000)
    expect(row.get_by_role("link", name="120")).to_be_visible()
    accessible()
    assert complaints == []


def test_sync_now_shows_its_progress_survives_a_reload_and_ends_by_itself(
    live_server, page, sign_in, eve, working, make_source, complaints, accessible
):
    source = make_source("alibaba_ens_self")
    working.latency(2.5)
    sign_in(eve)
    page.goto(f"{live_server}/t/aero/sources/")
    page.get_by_role("button", name="Sync ENS custom · cn-hangzhou now").press("Enter")
    expect(page.get_by_text(re.compile(r"Page \d of 3"))).to_be_visible(timeout=30_000)
    expect(page.get_by_role("progressbar")).to_have_attribute("max", "120")
    page.reload()
    expect(page.get_by_text(re.compile(r"Page \d of 3"))).to_be_visible(timeout=30_000)
    accessible()
    working.latency(0)
    expect(page.get_by_text("Healthy")).to_be_visible(timeout=30_000)
    expect(page.locator("#source-results")).not_to_have_attribute("hx-get", re.compile("."))
    assert Image.objects.filter(source=source).count() == 120
    assert complaints == []


def test_without_scripts_sync_now_and_a_reload_say_the_same(live_server, browser, eve, working, make_source, as_user):
    make_source("alibaba_ens_self")
    context = browser.new_context(java_script_enabled=False)
    cookie = as_user(eve).cookies["session"]
    context.add_cookies([{"name": "session", "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server}/t/aero/sources/")
    with page.expect_navigation():
        page.get_by_role("button", name="Sync ENS custom · cn-hangzhou now").click()
    for _ in range(40):
        page.reload()
        if page.get_by_text("Healthy").is_visible():
            break
        page.wait_for_timeout(250)
    expect(page.get_by_role("link", name="120")).to_be_visible()
    context.close()


def test_a_failing_source_says_what_to_do_and_is_mended(
    live_server, page, sign_in, alice, working, make_source, complaints, accessible
):
    source = make_source("alibaba_ehpc_custom")
    working.fail(operation="ListCustomImages", status=407, code="NotAuthorized", times=0)
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/sources/")
    page.get_by_role("button", name=re.compile("Sync E-HPC custom")).click()
    card = page.get_by_role("region", name="E-HPC custom · cn-hangzhou has failed")
    expect(card).to_be_visible(timeout=30_000)
    expect(card.get_by_text("ehpc:ListCustomImages")).to_be_visible()
    expect(page.get_by_role("cell", name="Not allowed")).to_be_visible()
    accessible()
    card.get_by_role("link", name="See the run").click()
    expect(page.get_by_role("heading", name="Why it failed")).to_be_visible()
    accessible()
    working.heal()
    page.goto(f"{live_server}/t/aero/sources/")
    page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text("Healthy", exact=True)).to_be_visible(timeout=30_000)
    assert Source.objects.get(id=source.id).paused_at is None
    assert complaints == []


def test_deleting_a_source_is_asked_by_keyboard_and_says_what_is_lost(
    live_server, page, sign_in, alice, make_source, make_image, complaints, accessible
):
    source = make_source("alibaba_ens_self")
    make_image(source)
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/sources/{source.id}/")
    accessible()
    page.get_by_role("link", name="Delete…").press("Enter")
    expect(page.get_by_text("1 image comes from this source.")).to_be_visible()
    accessible()
    page.get_by_role("radio", name="Remove them with it").press("Space")
    page.get_by_role("button", name="Delete source").press("Enter")
    expect(page.get_by_text("is deleted.")).to_be_visible()
    assert not Image.objects.exists()
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), [(500, "light"), (1280, "dark")])
def test_every_page_of_sources_fits_and_is_accessible(
    live_server, page, sign_in, alice, make_source, make_run, width, scheme, complaints, accessible
):
    error = {
        "operation": "ListCustomImages",
        "code": "SignatureDoesNotMatch",
        "message": "no",
        "request_id": "R-" + "9" * 36,
    }
    source = make_source("alibaba_ehpc_custom", last_error=error, failures=2, cluster="ehpc-hz-FYUr32xxxxxxxxxxxxxxx")
    run = make_run(source, "failed", error=error)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in(alice)
    account = f"accounts/{source.cloud_account_id}/"
    for path in ("sources/", f"sources/{source.id}/", f"runs/{run.id}/", "sources/add/", "accounts/add/", account,
                 f"{account}edit/", f"{account}delete/", "team/"):  # fmt: skip
        page.goto(f"{live_server}/t/aero/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        accessible()
    assert complaints == []
