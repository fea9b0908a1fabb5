"""Filters typed into the search box, and the address: Back, Forward, reload and a link to somebody else."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from catalog.models import Source
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> None:
    """Ninety images."""
    source = make_source("alibaba_ehpc_custom")
    for n in range(90):
        system = ["Ubuntu", "CentOS", "Alibaba Cloud Linux"][n % 3]
        put(source, f"image-{n:02}", distribution=system, arch=["arm64", "i386"][n % 2], description="cuda" * (n % 2))


def test_a_filter_typed_among_words_becomes_a_chip_when_it_ends(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    box = page.get_by_label("Search images")
    box.press_sequentially("cuda distribution:ub", delay=20)
    suggested = page.locator(".hint")
    expect(suggested.get_by_role("link", name=re.compile("^Ubuntu 15"))).to_be_visible()
    expect(page).to_have_url(f"{images}?q=cuda")
    expect(box).to_have_value("cuda distribution:ub")
    accessible()
    box.press_sequentially("untu ", delay=20)
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&q=cuda")
    expect(box).to_have_value("cuda ")
    expect(box).to_be_focused()
    box.press_sequentially("-arch:arm64", delay=20)
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&arch=-arm64&q=cuda")
    expect(page.locator(".chips")).to_contain_text("not arm64")
    expect(page.locator("#live")).to_have_text("15 images")
    page.go_back()
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&q=cuda")
    page.go_back()
    expect(page).to_have_url(f"{images}?q=cuda")
    expect(box).to_have_value("cuda")
    assert complaints == []


def test_a_suggestion_is_taken_by_keyboard_and_the_box_goes_on(page: Page, images: str) -> None:
    page.goto(images)
    box = page.get_by_label("Search images")
    box.press_sequentially("-distribution:cloud", delay=20)
    page.locator(".hint").get_by_role("link", name="Alibaba Cloud Linux").press("Enter")
    expect(page).to_have_url(f"{images}?distribution=-Alibaba%20Cloud%20Linux")
    expect(box).to_be_focused()
    expect(box).to_have_value("")
    expect(page.locator("#live")).to_have_text("60 images")


def test_what_is_typed_while_an_answer_is_on_its_way_stays(page: Page, images: str) -> None:
    page.goto(images)
    box = page.get_by_label("Search images")
    held: list[Any] = []
    page.route("**/images/?*", lambda route: held.append(route))
    with page.expect_request("**/images/?*"):
        box.press_sequentially("arch:i386 ")
    box.evaluate("box => { box.value += 'im'; }")
    held[0].continue_()
    expect(page).to_have_url(f"{images}?arch=i386")
    expect(box).to_have_value("im")


def test_back_closes_an_image_where_it_was_opened_and_forward_opens_it(
    page: Page, images: str, complaints: list[str]
) -> None:
    page.goto(f"{images}?arch=i386")
    page.get_by_role("checkbox", name="Select image-03").check()
    row = page.get_by_role("link", name="image-61")
    row.scroll_into_view_if_needed()
    place = page.evaluate("scrollY")
    assert place > 300
    row.click()
    expect(page.locator("#drawer")).to_contain_text("m-image-61")
    page.get_by_role("link", name="image-63").click()
    expect(page.locator("#drawer")).to_contain_text("m-image-63")
    page.go_back()
    expect(page).to_have_url(f"{images}?arch=i386")
    expect(page.locator("#drawer")).to_be_empty()
    expect(page.get_by_role("link", name="image-63")).to_be_focused()
    expect(page.get_by_role("checkbox", name="Select image-03")).to_be_checked()
    assert abs(page.evaluate("scrollY") - place) < 120
    page.go_forward()
    expect(page.locator("#drawer")).to_contain_text("m-image-63")
    expect(page).to_have_url(re.compile("/images/[0-9a-f-]{36}/$"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{images}?arch=i386")
    page.get_by_role("link", name="image-61").click()
    expect(page.locator("#drawer")).to_contain_text("m-image-61")
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text("image-61")
    page.go_back()
    expect(page).to_have_url(f"{images}?arch=i386")
    expect(page.locator("tbody tr")).to_have_count(45)
    assert complaints == []


def test_the_last_step_back_wins_over_an_answer_that_comes_late(
    page: Page, images: str, late: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^i386")).check()
    expect(page.locator("#live")).to_have_text("45 images")
    page.get_by_label(re.compile("^CentOS")).check()
    expect(page.locator("#live")).to_have_text("15 images")
    page.go_back()
    page.go_back()
    expect(page.locator("#live")).to_have_text("90 images")
    late()
    expect(page).to_have_url(images)
    expect(page.locator("#live")).to_have_text("90 images")
    expect(page.locator(".chip")).to_have_count(0)
    page.go_forward()
    expect(page.locator("#live")).to_have_text("45 images")
    assert complaints == []


def test_a_step_back_ends_a_filter_that_is_on_its_way(page: Page, images: str, complaints: list[str]) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^i386")).check()
    expect(page).to_have_url(f"{images}?arch=i386")
    held: list[Any] = []
    page.route("**/images/?*CentOS*", lambda route: held.append(route))
    with page.expect_request("**/images/?*CentOS*"):
        page.get_by_label(re.compile("^CentOS")).check()
    with page.expect_event("requestfailed"):
        page.go_back()
    expect(page.locator("#live")).to_have_text("90 images")
    expect(page).to_have_url(images)
    expect(page.get_by_label(re.compile("^CentOS"))).not_to_be_checked()
    told = [one for one in complaints if not one.startswith(("htmx:afterRequest", "htmx:sendAbort"))]
    assert told == []


def test_nothing_is_asked_for_on_a_page_that_goes(page: Page, images: str, late: Callable[[], None]) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^i386")).check()
    expect(page).to_have_url(f"{images}?arch=i386")
    page.go_back()
    page.get_by_label(re.compile("^CentOS")).check()
    page.get_by_role("link", name="image-03").click()
    late()
    expect(page.locator("#live")).to_have_text("90 images")
    expect(page).to_have_url(images)
    expect(page.get_by_label(re.compile("^CentOS"))).not_to_be_checked()
    page.get_by_label(re.compile("^CentOS")).check()
    expect(page.locator("#live")).to_have_text("30 images")


def test_a_step_back_that_is_not_answered_is_told_by_the_browser(page: Page, images: str) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^i386")).check()
    expect(page).to_have_url(f"{images}?arch=i386")
    page.context.clear_cookies()
    page.go_back()
    expect(page).to_have_url(re.compile("/login/"))


def test_a_link_shows_somebody_else_the_same(
    browser: Browser, page: Page, images: str, live_server: Any, bob: User, sign_in: Callable[[User], None]
) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^i386")).check()
    expect(page).to_have_url(f"{images}?arch=i386")
    page.get_by_role("columnheader", name="OS").get_by_role("link").click()
    expect(page).to_have_url(f"{images}?arch=i386&sort=os")
    page.get_by_role("link", name="25", exact=True).click()
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".table-foot")).to_contain_text("26–45 of 45")
    names = page.locator("tbody .main").all_text_contents()
    address = page.url
    page.reload()
    assert page.locator("tbody .main").all_text_contents() == names
    sign_in(bob)
    page.goto(address)
    expect(page.get_by_label("Your menu, Bob Viewer")).to_be_visible()
    assert page.locator("tbody .main").all_text_contents()[:20] == names
    expect(page.locator(".chips")).to_contain_text("Arch: i386")


def test_the_keyboard_keeps_its_place_when_what_it_was_on_goes(page: Page, images: str) -> None:
    page.goto(f"{images}?arch=i386&q=image")
    page.get_by_role("button", name="Exclude CentOS").press("Enter")
    expect(page).to_have_url(f"{images}?distribution=-CentOS&arch=i386&q=image")
    expect(page.get_by_label(re.compile("^CentOS"))).to_be_focused()
    page.get_by_role("link", name="Remove Distribution: CentOS").press("Enter")
    expect(page).to_have_url(f"{images}?arch=i386&q=image")
    expect(page.get_by_role("link", name="Remove Arch: i386")).to_be_focused()
    page.get_by_role("columnheader", name="Size").get_by_role("link").press("Enter")
    expect(page).to_have_url(f"{images}?arch=i386&q=image&sort=-size")
    expect(page.get_by_role("columnheader", name="Size").get_by_role("link")).to_be_focused()


def test_single_keys_can_be_turned_off(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^i386")).check()
    expect(page).to_have_url(f"{images}?arch=i386")
    page.keyboard.press("?")
    help_ = page.get_by_role("dialog", name="Search and keys")
    expect(help_.get_by_role("button", name="Close")).to_be_focused()
    accessible()
    page.keyboard.press("j")
    expect(help_.get_by_role("button", name="Close")).to_be_focused()
    help_.get_by_role("button", name="Turn single keys off").click()
    expect(page.locator("body")).to_have_attribute("data-keys", "off")
    expect(page).to_have_url(f"{images}?arch=i386"), "the filter chosen since is kept"
    for key in ("/", "j", "?"):
        page.keyboard.press(key)
    expect(help_).to_be_hidden()
    assert page.evaluate("document.activeElement === document.body")
    page.get_by_role("button", name="Search and keys").click()
    help_.get_by_role("button", name="Turn single keys on").click()
    expect(page.locator("body")).not_to_have_attribute("data-keys", "off")
    page.keyboard.press("/")
    expect(page.get_by_label("Search images")).to_be_focused()
    assert complaints == []


def test_filters_are_typed_and_the_help_opens_without_javascript(plain: Page, images: str) -> None:
    plain.goto(f"{images}?sort=-size")
    plain.get_by_role("button", name="Search and keys").click()
    expect(plain.get_by_role("dialog", name="Search and keys")).to_be_visible()
    plain.get_by_role("button", name="Close").click()
    plain.get_by_label("Search images").fill("distribution:ubuntu -arch:i386 image")
    plain.get_by_label("Search images").press("Enter")
    expect(plain).to_have_url(f"{images}?distribution=Ubuntu&arch=-i386&q=image&sort=-size")
    expect(plain.get_by_label("Search images")).to_have_value("image")
