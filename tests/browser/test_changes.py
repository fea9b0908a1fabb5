"""The Changes page in a real browser: chosen, typed, gone back from, without scripts, and its feed."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.test import Client
from playwright.sync_api import Page, expect

from accounts.models import User
from catalog.models import ChangeVisit, Source, SyncRun
from tests.browser.looks import LOOKS
from tests.catalog.shelf import put
from tests.catalog.telling import ago, became, tell

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shelf(make_source: Callable[..., Source]) -> list[SyncRun]:
    """Forty syncs of one source, of which the latest changed many images, and one of another."""
    source, edge = make_source("alibaba_ehpc_custom"), make_source("alibaba_ens_self")
    image, long = put(source, "solver"), put(source, "x" * 300, remote_id="y" * 300, description="<b>bold</b>")
    runs = [tell(source, ago(hours=3 + n), [became(image)], changed=1) for n in range(40)]
    many = [became(put(source, f"node-{n:02}"), "description", None, "d" * 900) for n in range(30)]
    runs.append(tell(source, ago(hours=2), [*many, became(long, "name", "<i>" * 90, "n" * 900)], changed=31))
    runs.append(tell(edge, ago(hours=1), [{"image": put(edge, "gateway"), "kind": "missing"}], missing=1))
    return runs


@pytest.fixture
def changes(live_server: Any, shelf: Any) -> str:
    return f"{live_server}/t/aero/changes/"


def test_choosing_and_typing_filter_at_once_and_back_undoes_it(
    page: Page, sign_in: Callable[[User], None], bob: User, changes: str, complaints: list[str], accessible: Any
) -> None:
    sign_in(bob)
    page.goto(changes)
    results = page.locator("#change-results")
    expect(results.get_by_text("31 changed")).to_be_visible()
    accessible()
    page.locator("summary", has_text="Kind").click()
    page.get_by_role("checkbox", name="Missing").check()
    expect(results.get_by_role("link", name="Remove Kind: Missing")).to_be_visible()
    expect(page).to_have_url(f"{changes}?kind=missing")
    expect(page.get_by_role("checkbox", name="Missing")).to_be_visible()  # the menu stays open for another one
    page.get_by_role("checkbox", name="Changed").check()
    expect(page).to_have_url(f"{changes}?kind=changed,missing")
    accessible()
    page.keyboard.press("Escape")
    page.get_by_role("searchbox", name="Search by image").fill("gateway")
    expect(page).to_have_url(f"{changes}?kind=changed,missing&q=gateway")
    expect(results.get_by_text("31 changes")).to_have_count(0)
    page.get_by_label("From").fill("2001-02-03")
    expect(page).to_have_url(re.compile("from=2001-02-03"))
    page.go_back()
    expect(page).to_have_url(f"{changes}?kind=changed,missing&q=gateway")
    expect(page.get_by_role("searchbox", name="Search by image")).to_have_value("gateway")
    page.go_back()
    expect(page).to_have_url(f"{changes}?kind=missing")
    expect(results.get_by_role("link", name="Remove Image: gateway")).to_have_count(0)
    expect(results.get_by_role("link", name="gateway", exact=True)).to_be_visible()
    results.get_by_role("link", name="Remove Kind: Missing").click()
    expect(page).to_have_url(changes)
    expect(page.locator("[value=missing]")).not_to_be_checked()
    assert complaints == []


def test_the_last_step_back_wins_over_an_answer_that_comes_late(
    page: Page, sign_in: Callable[[User], None], bob: User, changes: str, late: Callable[[], None]
) -> None:
    sign_in(bob)
    page.goto(f"{changes}?q=gateway")
    results = page.locator("#change-results")
    page.locator("summary", has_text="Kind").click()
    page.get_by_role("checkbox", name="Missing").check()
    expect(page).to_have_url(f"{changes}?kind=missing&q=gateway")
    page.get_by_role("checkbox", name="Added").check()
    expect(page).to_have_url(f"{changes}?kind=added,missing&q=gateway")
    page.go_back()
    page.go_back()
    expect(page).to_have_url(f"{changes}?q=gateway")
    expect(results.get_by_role("link", name="Remove Kind: Added")).to_have_count(0)
    late()
    expect(results.get_by_role("link", name="Remove Kind: Missing")).to_have_count(0)
    expect(page.locator("[value=missing]")).not_to_be_checked()
    page.go_forward()
    expect(results.get_by_role("link", name="Remove Kind: Missing")).to_be_visible()


def test_pages_and_all_of_a_sync_by_keyboard(
    page: Page, sign_in: Callable[[User], None], bob: User, changes: str, complaints: list[str], accessible: Any
) -> None:
    sign_in(bob)
    page.goto(changes)
    page.get_by_role("link", name="Older").press("Enter")
    expect(page.get_by_role("link", name="Newest")).to_be_visible()
    expect(page.get_by_role("link", name="Older")).to_have_count(0)
    accessible()
    page.get_by_role("link", name="Newer").press("Enter")
    page.get_by_role("link", name="All 31 changes of this sync").press("Enter")
    expect(page.locator(".changes td.what")).to_have_count(31)
    accessible()
    page.get_by_role("link", name=re.compile("^Sync of")).press("Enter")
    expect(page.get_by_role("heading", name=re.compile("^Sync of"))).to_be_visible()
    expect(page.locator(".changes td.what")).to_have_count(31)
    accessible()
    assert complaints == []


def test_what_is_new_is_told_and_can_be_put_away(
    page: Page, sign_in: Callable[[User], None], bob: User, live_server: Any, changes: str, complaints: list[str],
    accessible: Any,
) -> None:  # fmt: skip
    sign_in(bob)
    page.goto(changes)
    then = timedelta(minutes=90)
    ChangeVisit.objects.update(opened_at=F("opened_at") - then, shown_until=F("shown_until") - then)
    page.goto(f"{live_server}/t/aero/team/")
    accessible()
    page.get_by_role("link", name="Changes new since your last visit: 1").click()
    expect(page.get_by_text("new", exact=True)).to_have_count(1)
    page.get_by_role("link", name="1 new since your last visit").click()
    expect(page.locator(".changes td.what")).to_have_count(1)
    accessible()
    page.get_by_role("button", name="Mark all as seen").click()
    expect(page.get_by_text("new since your last visit")).to_have_count(0)
    page.get_by_label("Since my last visit").check()
    expect(page.get_by_role("heading", name="Nothing new since your last visit")).to_be_visible()
    accessible()
    assert complaints == []


def test_a_feed_is_made_read_and_revoked(
    page: Page, sign_in: Callable[[User], None], bob: User, changes: str, complaints: list[str], accessible: Any
) -> None:
    sign_in(bob)
    page.goto(f"{changes}?kind=missing")
    with page.expect_navigation():
        page.get_by_role("link", name="Feed").click()
    accessible()
    with page.expect_navigation():
        page.get_by_role("button", name="Make an address").click()
    address = page.get_by_label("Kind: Missing").input_value()
    accessible()
    path = address.partition("/feeds")[2]
    assert b"gateway" in Client().get(f"/feeds{path}").content
    page.on("dialog", lambda dialog: dialog.accept())
    page.reload()  # sends the form again: that ends nothing
    expect(page.get_by_text("changed in another window")).to_be_visible()
    assert Client().get(f"/feeds{path}").status_code == 200
    page.get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("heading", name="You have no feed")).to_be_visible()
    assert Client().get(f"/feeds{path}").status_code == 404
    assert complaints == []


def test_without_scripts_a_form_filters(live_server: Any, browser: Any, bob: User, changes: str, as_user: Any) -> None:
    context = browser.new_context(java_script_enabled=False)
    cookie = as_user(bob).cookies["session"]
    context.add_cookies([{"name": "session", "value": cookie.value, "url": live_server.url}])
    page = context.new_page()
    page.goto(changes)
    page.locator("summary", has_text="Kind").click()
    page.get_by_role("checkbox", name="Missing").check()
    page.get_by_role("checkbox", name="Added").check()
    page.get_by_role("button", name="Apply").click()
    expect(page).to_have_url(f"{changes}?kind=added,missing")
    expect(page.locator(".changes td.what")).to_have_count(1)
    context.close()


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_of_changes_fits_and_is_accessible(
    page: Page, sign_in: Callable[[User], None], bob: User, changes: str, shelf: list[SyncRun], width: int, scheme: Any,
    complaints: list[str], accessible: Any,
) -> None:  # fmt: skip
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    sign_in(bob)
    for path in (
        "",
        f"?run={shelf[-2].id}",
        "?kind=added",
        "?colour=red",
        f"../runs/{shelf[-2].id}/",
        "feed/?kind=added",
    ):
        page.goto(f"{changes}{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        accessible()
    assert complaints == []
