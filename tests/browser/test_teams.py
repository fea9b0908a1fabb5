"""A team's life in a browser: made, invited to, joined, roles changed, left, deleted; with axe; and without scripts."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache
from playwright.sync_api import Browser, Page, expect

from accounts import invitations
from accounts.models import AuditEvent, Membership, Team, User
from tests.browser.looks import SCHEMES
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def fresh(settings: Any, live_server: Any) -> None:
    cache.clear()
    settings.PUBLIC_URL = live_server.url


def test_the_life_of_a_team(
    page: Page, browser: Browser, images: str, live_server: Any, bob: User, alice: User,
    accessible: Callable[[], None], complaints: list[str],
) -> None:  # fmt: skip
    page.goto(f"{live_server.url}/t/aero/team/")
    with page.expect_navigation():
        page.get_by_role("link", name="Create another team").click()
    accessible()
    page.get_by_label("Name").fill("Edge & Co")
    page.get_by_role("button", name="Create team").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Edge & Co")
    page.get_by_role("banner").locator("summary").first.click()
    expect(page.get_by_role("navigation", name="Teams").get_by_role("link", name="Aero HPC")).to_be_visible()
    accessible()
    page.keyboard.press("Escape")
    # Invite, and the link is shown once.
    with page.expect_navigation():
        page.get_by_role("link", name="Invite").click()
    accessible()
    page.get_by_label("Email address").fill("dora@example.org")
    page.get_by_role("radio", name=re.compile("Editor")).check()
    with page.expect_navigation():
        page.get_by_role("button", name="Make the link").click()
    link = page.get_by_label(re.compile("Works once")).input_value()
    accessible()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_role("region", name="Invitations")).to_contain_text("dora@example.org")
    accessible()
    # A newcomer, in a browser of their own.
    theirs = browser.new_context()
    guest = theirs.new_page()
    guest.goto(link)
    expect(guest.get_by_role("heading", level=1)).to_have_text("Join Edge & Co")
    guest.get_by_role("link", name="Create your account").click()
    expect(guest.get_by_label(re.compile("^Email"))).to_have_value("dora@example.org")
    expect(guest.get_by_label(re.compile("^Email"))).to_be_disabled()
    for box in guest.locator("input[type=password]").all():
        box.fill(PASSWORD)
    guest.locator("main button").first.click()
    expect(guest).to_have_url(re.compile("/t/edge-co/$"))
    expect(guest.get_by_text("You are on the team Edge & Co.")).to_be_visible()
    # Their role.
    page.reload()
    with page.expect_navigation():
        page.get_by_role("link", name="Change dora@example.org").click()
    accessible()
    page.get_by_role("radio", name=re.compile("Viewer")).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("dora@example.org: Viewer.")).to_be_visible()
    # They leave, asked first.
    guest.goto(f"{live_server.url}/t/edge-co/team/")
    guest.get_by_role("link", name="Leave team").click()
    guest.get_by_role("button", name="Leave team").click()
    expect(guest.get_by_role("heading", name="You are on no team")).to_be_visible()
    theirs.close()
    # And it is deleted, its name typed.
    page.reload()
    with page.expect_navigation():
        page.get_by_role("link", name="Delete team").click()
    accessible()
    page.get_by_label(re.compile("Type its name")).fill("Edge")
    page.get_by_role("button", name="Delete team").click()
    expect(page.get_by_text("This is not its name.")).to_be_visible()
    accessible()
    page.get_by_label(re.compile("Type its name")).fill("Edge & Co")
    page.get_by_role("button", name="Delete team").click()
    expect(page.get_by_text("Edge & Co is deleted.")).to_be_visible()
    assert list(AuditEvent.objects.order_by("id").values_list("action", flat=True)) == [
        "team.created", "member.invited", "member.joined", "member.role_changed", "member.left", "team.deleted",
    ]  # fmt: skip
    assert [text for text in complaints if "422" not in text] == []


def test_it_works_without_javascript(plain: Page, images: str, live_server: Any, bob: User, alice: User) -> None:
    here = f"{live_server.url}/t/aero/team/"
    plain.goto(here)
    plain.get_by_role("link", name="Invite").click()
    plain.get_by_label("Email address").fill("bob@example.org")
    plain.get_by_role("button", name="Make the link").click()
    expect(plain.get_by_text("is on the team already")).to_be_visible()
    expect(plain.get_by_label("Email address")).to_have_value("bob@example.org")
    plain.get_by_label("Email address").fill("dora@example.org")
    plain.get_by_role("button", name="Make the link").click()
    plain.get_by_role("link", name="Done").click()
    plain.get_by_role("button", name="Revoke dora@example.org").click()
    expect(plain.get_by_text("is revoked")).to_be_visible()
    plain.get_by_role("link", name="Change Bob Viewer").click()
    plain.get_by_role("link", name="Remove from team").click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("Remove Bob Viewer from Aero HPC?")
    plain.get_by_role("link", name="Cancel").click()
    plain.get_by_role("radio", name=re.compile("Admin")).check()
    plain.get_by_role("button", name="Save").click()
    plain.get_by_role("link", name="Hand over").click()
    plain.get_by_label("New admin").select_option(label="Bob Viewer (bob@example.org)")
    plain.get_by_label("And you").select_option("viewer")
    plain.get_by_role("button", name="Hand over").click()
    expect(plain.get_by_text("Bob Viewer administers Aero HPC now.")).to_be_visible()
    expect(plain.get_by_role("link", name="Invite")).to_have_count(0)
    assert Membership.objects.get(user=alice).role == "viewer"


@pytest.mark.parametrize("theme", SCHEMES)
def test_axe_finds_nothing(
    page: Page, images: str, alice: User, bob: User, accessible: Callable[[], None], complaints: list[str], theme: str
) -> None:
    page.emulate_media(color_scheme=theme)
    team, here = Team.objects.get(), images.replace("images", "team")
    _invitation, token = invitations.invite(team, alice, "dora@example.org", "viewer")
    bobs = Membership.objects.get(user=bob).id
    paths = ("", "invite/", "rename/", "transfer/", "leave/", "delete/", f"members/{bobs}/", f"members/{bobs}/remove/")
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        for path in paths:
            page.goto(here + path)
            accessible()
            assert page.evaluate("document.documentElement.scrollWidth") == width, path
    root = here.replace("/t/aero/team/", "")
    for address in (f"{root}/invitations/{token}/", f"{root}/teams/add/"):
        page.goto(address)
        accessible()
    assert complaints == []
