"""The Overview, a suspect listing and progress in a real browser, with a real worker and simulated clouds."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import AuditEvent
from catalog.models import Image, Source
from catalog.sync import run_sync, start_run
from tests.browser.looks import LOOKS
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGED = {"listing": "alibaba_ens_self", "region": "cn-hangzhou"}


@pytest.fixture
def working(simulated):
    with worker(SIMULATOR_URL=simulated.url):
        yield simulated


@pytest.fixture
def suspect(simulated, make_source):
    """A source whose last listing lacks 60 of its 120 images."""
    source = make_source("alibaba_ens_self")
    run_sync(start_run(source, "command"), 5)
    ids = list(Image.objects.order_by("key").values_list("remote_id", flat=True)[:60])
    simulated.remove(**PAGED, ids=ids)
    return run_sync(start_run(source, "command"), 5)


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_the_overview_fits_and_is_accessible(
    live_server, page, sign_in, bob, suspect, make_source, make_run, width, scheme, complaints, accessible
):
    Source.objects.update(created_at=timezone.now() - timedelta(days=90))
    for days in range(1, 90, 7):
        make_run(suspect.source, minutes_ago=days * 24 * 60, listed=200 - days, added=1)
    error = {"operation": "DescribeImageInfos", "code": "InDebt", "message": "no", "request_id": "R" * 36}
    make_source("alibaba_ens_public", last_error=error, failures=2)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in(bob)
    page.goto(f"{live_server}/t/aero/")
    expect(page.get_by_role("img", name=re.compile("From 115 images to 120"))).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible()
    page.get_by_role("link", name="ENS custom · cn-hangzhou lists far fewer images than before").press("Enter")
    expect(page.get_by_text("60 of 120")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    accessible()
    page.go_back()
    page.get_by_role("link", name=re.compile("images on the shelf")).click()
    expect(page.get_by_role("heading", name="Images", exact=True)).to_be_attached()
    assert complaints == []


def test_an_overview_without_a_source_is_accessible(live_server, page, sign_in, alice, complaints, accessible):
    sign_in(alice)
    page.goto(f"{live_server}/t/aero/")
    expect(page.get_by_role("link", name="Connect a cloud account")).to_be_visible()
    accessible()
    assert complaints == []


@pytest.mark.parametrize("javascript", [True, False])
def test_an_admin_keeps_and_later_accepts_what_a_listing_lacks(
    live_server, browser, alice, as_user, suspect, working, javascript
):
    context = browser.new_context(java_script_enabled=javascript)
    cookie = as_user(alice).cookies["session"]
    context.add_cookies([{"name": "session", "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server}/t/aero/sources/")
    page.get_by_role("link", name="Accept or keep").click()
    expect(page.get_by_role("heading", name="What would go missing")).to_be_visible()
    expect(page.locator(".lost a").first).to_have_attribute("href", re.compile("/images/"))
    page.get_by_role("link", name="Keep the images…").click()
    with page.expect_navigation():
        page.get_by_role("link", name="Cancel").click()
    assert not AuditEvent.objects.filter(action__startswith="listing.").exists()
    page.get_by_role("link", name="Keep the images…").click()
    page.get_by_role("button", name="Keep the images").click()
    expect(page.get_by_text("alice@example.org kept the images")).to_be_visible()
    page.get_by_role("link", name="Accept the listing…").click()
    expect(page.get_by_text("No image is deleted")).to_be_visible()
    page.get_by_role("button", name="Accept the listing").click()
    done = page.get_by_role("definition").filter(has_text="Complete")
    for _ in range(80):
        if done.is_visible():
            break
        if not javascript:
            page.goto(page.url)
        page.wait_for_timeout(250)
    expect(done).to_be_visible()
    assert Image.objects.exclude(missing_since=None).count() == 60
    found = AuditEvent.objects.filter(action__startswith="listing.").order_by("id")
    assert [(event.action, event.actor) for event in found] == [
        ("listing.refused", alice.email),
        ("listing.accepted", alice.email),
    ]
    context.close()


def test_a_run_is_watched_on_its_own_page_and_its_end_is_said(
    live_server, page, sign_in, eve, working, make_source, complaints, accessible
):
    source = make_source("alibaba_ens_self")
    working.latency(2)
    sign_in(eve)
    page.goto(f"{live_server}/t/aero/sources/{source.id}/")
    page.get_by_role("button", name="Sync now").click()
    page.locator("table.runs a.main").first.click()
    expect(page.get_by_text(re.compile(r"Page \d of 3 · \d+ of 120 images"))).to_be_visible(timeout=30_000)
    accessible()
    working.latency(0)
    expect(page.get_by_role("status").filter(has_text="The sync is over: Complete")).to_be_attached(timeout=30_000)
    expect(page.locator("#run-state")).not_to_have_attribute("hx-get", re.compile("."))
    page.goto(f"{live_server}/t/aero/")
    expect(page.get_by_role("link", name="120 images on the shelf")).to_be_visible()
    assert complaints == []


def test_a_failed_run_is_tried_again_from_its_page(live_server, page, sign_in, eve, working, make_source, complaints):
    make_source("alibaba_ens_public")
    working.fail(operation="DescribeImageInfos", status=400, code="InDebt", times=1)
    sign_in(eve)
    page.goto(f"{live_server}/t/aero/sources/")
    page.get_by_role("button", name=re.compile("Sync ENS public")).click()
    page.get_by_role("link", name="See the run").click(timeout=30_000)
    page.get_by_role("button", name="Retry now").click()
    expect(page.get_by_role("definition").filter(has_text="Complete")).to_be_visible(timeout=30_000)
    assert complaints == []
