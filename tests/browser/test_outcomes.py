"""What a call to the cloud came to, in a browser: followed live, not known and decided, an image removed."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db.models.functions import Now
from playwright.sync_api import Browser, Page, expect

from accounts.models import CloudAccount, User
from catalog import actions, tasks
from catalog.models import Image, Registration, Removal
from catalog.sync import sync_now
from tests.browser.looks import LOOKS
from tests.catalog.registration import conftest
from tests.catalog.registration.asked import LISTING, REGION, VM, settle_all
from tests.waiting import wait_until
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

ask, image, send = conftest.ask, conftest.image, conftest.send  # fixtures
SOON = 30_000


@pytest.fixture
def working(simulated: Any) -> Iterator[Any]:
    simulated.serve(listing=LISTING, region=REGION, items=[])
    with worker(SIMULATOR_URL=simulated.url):
        yield simulated


@pytest.fixture
def account(make_account: Callable[..., CloudAccount]) -> CloudAccount:
    return make_account("alibaba", name="prod")


@pytest.fixture
def home(page: Page, live_server: Any, alice: User, sign_in: Callable[[User], None]) -> str:
    sign_in(alice)
    page.set_viewport_size({"width": 1440, "height": 900})
    return f"{live_server.url}/t/aero/"


@pytest.fixture
def lost(simulated: Any, send: Callable[..., Registration]) -> Registration:
    """Nobody knows, after an hour of asking."""
    simulated.fail(operation="AddImage", reset=True)
    made = send(VM, name="lost-vm", image_id="m-lost")
    other = {"ImageId": "m-other", "ImageType": "VM", "Name": "lost-vm", "Version": "V9"}
    simulated.serve(listing=LISTING, region=REGION, items=[other])
    return settle_all(made)


def test_a_registration_is_followed_to_the_sync_and_the_page_then_rests(
    page: Page, home: str, working: Any, ask: Any, accessible: Callable[[], None], complaints: list[str]
) -> None:
    """It goes on while nobody looks, and the page that is open is not told the same again and again."""
    made = ask(VM)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "shown=" in request.url else None)
    page.goto(f"{home}registrations/{made.id}/")
    expect(page.get_by_text("Waiting for a worker")).to_be_visible()
    page.goto(f"{home}images/")
    tasks.register_image(str(made.id))
    page.go_back()
    expect(page.get_by_text("A sync of this region's registered images is about to begin.")).to_be_visible()
    copy = page.get_by_role("button", name="Copy").first
    copy.focus()
    asked.clear()
    wait_until(lambda: page.wait_for_timeout(100) or len(asked) >= 2)
    expect(copy).to_be_focused()
    accessible()
    made.refresh_from_db()
    assert sync_now(made.image.source, "test", 10).state == "complete"
    expect(page.locator(".timeline li.ok", has_text="Seen in a sync").first).to_be_visible(timeout=SOON)
    expect(page.locator("#registration-state")).not_to_have_attribute("hx-trigger", re.compile("."))
    assert complaints == []


def test_an_admin_decides_with_the_evidence_before_them(
    page: Page, home: str, lost: Registration, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(f"{home}registrations/{lost.id}/")
    expect(page.get_by_text("Not this one, but 1 like it.")).to_have_count(5)
    accessible()
    with page.expect_navigation():
        page.get_by_role("link", name="It is there…").click()
    accessible()
    page.get_by_label("Another, by its ID").check()
    page.get_by_role("button", name="It is there").click()
    expect(page.locator(".errorlist")).to_contain_text("Enter the ID of the image")
    accessible()
    page.get_by_label(re.compile("lost-vm · V9 · m-other")).check()
    page.get_by_role("button", name="It is there").click()
    expect(page.get_by_text("The image is on the shelf.")).to_be_visible()
    expect(page.locator(".timeline").first).to_contain_text("decided by alice@example.org")
    accessible()
    assert [text for text in complaints if "422" not in text] == []


def test_a_look_that_is_asked_for_is_seen_to_come(
    page: Page, home: str, lost: Registration, working: Any, accessible: Callable[[], None]
) -> None:
    """A worker that is there takes it at once."""
    page.goto(f"{home}registrations/{lost.id}/")
    page.get_by_role("button", name="Look once more now").click()
    expect(page.locator(".timeline").first.locator("li")).to_have_count(6, timeout=SOON)
    with page.expect_navigation():
        page.get_by_role("link", name="It is not there…").click()
    accessible()
    page.get_by_role("button", name="It is not there").click()
    expect(page.get_by_role("link", name="Correct and register again")).to_be_visible()
    assert Registration.objects.get().state == "rejected"


def test_an_image_is_removed_in_the_drawer_beside_the_list(
    page: Page, home: str, working: Any, image: Image, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(f"{home}images/")
    page.get_by_role("link", name="cfd-base").click()
    drawer = page.locator("#drawer")
    drawer.get_by_role("link", name="Remove from E-HPC…").click()
    field = drawer.get_by_label("Type the name of the image to confirm")
    field.fill("cfd")
    field.press("Enter")
    expect(drawer.locator(".errorlist")).to_contain_text("copy it exactly")
    expect(field).to_have_value("cfd")
    accessible()
    working.fail(operation="RemoveImage", status=403, code="ImageInUse")
    field.fill("cfd-base")
    field.press("Enter")
    expect(drawer.locator("#image-removal")).to_contain_text("Jobs still use this image.", timeout=SOON)
    accessible()
    drawer.get_by_role("link", name="Remove from E-HPC…").click()
    field.fill("cfd-base")
    field.press("Enter")
    expect(drawer.locator("#image-removal")).to_contain_text("The cloud has removed it", timeout=SOON)
    accessible()
    expect(page.locator("tbody tr")).to_contain_text("Available")
    assert sync_now(image.source, "test", 10).state == "complete"
    expect(drawer.locator("#image-removal")).to_contain_text("Removed from the cloud", timeout=SOON)
    expect(drawer.locator("#image-standing")).to_contain_text("Missing")
    expect(drawer.locator("#image-facts")).to_contain_text("Missing")
    expect(drawer.locator("#image-history")).to_contain_text("No longer listed")
    expect(page.locator("tbody tr")).to_contain_text("Missing")
    expect(page.locator("#facet-state")).to_contain_text("Missing")
    accessible()
    assert len(working.requests("RemoveImage")) == 2
    assert [text for text in complaints if "422" not in text] == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_fits_and_is_accessible(
    page: Page,
    home: str,
    lost: Registration,
    image: Image,
    width: int,
    scheme: Any,
    accessible: Callable[[], None],
) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for name in ("", "found/", "absent/"):
        page.goto(f"{home}registrations/{lost.id}/{name}")
        accessible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, name
    made = actions.create_removal(image.team, "test", image, queue=False)
    error = {"operation": "RemoveImage", "code": "ImageInUse", "message": "m", "request_id": "r", "kind": "conflict"}
    looks = [{"at": "2026-01-01T00:00:00+00:00", "asked": {"ImageType": "VM", "ImageIds": ["m-1"]}, "total": 0,
              "found": [], "error": error}]  # fmt: skip
    for state, told in (
        ("unknown", {"error": error, "looks": looks}),
        ("rejected", {"error": error}),
        ("succeeded", {}),
    ):
        Removal.objects.filter(id=made.id).update(**{"state": state, "error": None, "finished_at": Now(), **told})
        page.goto(f"{home}images/{image.id}/")
        accessible()
        assert page.evaluate("document.documentElement.scrollWidth") <= width, state
    Removal.objects.all().delete()
    page.goto(f"{home}images/{image.id}/remove/")
    accessible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_works_without_javascript(browser: Browser, page: Page, home: str, lost: Registration, image: Image) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    try:
        plain = context.new_page()
        plain.goto(f"{home}registrations/{lost.id}/")
        plain.get_by_role("button", name="Look once more now").click()
        expect(plain.get_by_role("link", name="See how far it is")).to_be_visible()
        tasks.settle_registrations()
        plain.get_by_role("link", name="See how far it is").click()
        plain.get_by_role("link", name="It is not there…").click()
        plain.get_by_role("button", name="It is not there").click()
        expect(plain.locator(".messages")).to_contain_text("It can be registered again.")
        plain.goto(f"{home}images/{image.id}/")
        plain.get_by_role("link", name="Remove from E-HPC…").click()
        plain.get_by_label("Type the name of the image to confirm").fill("cfd-base")
        plain.get_by_role("button", name="Remove from E-HPC").click()
        expect(plain.locator("#image-removal")).to_contain_text("Being removed from the cloud")
        tasks.remove_image(str(Removal.objects.get().id))
        plain.get_by_role("link", name="See how far it is").click()
        expect(plain.locator("#image-removal")).to_contain_text("The cloud has removed it")
    finally:
        context.close()
