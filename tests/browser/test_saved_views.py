"""Saved views, columns and density in a browser: made, edited, saved, reset, shared, the team's default; with axe."""

import re
from collections.abc import Callable

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import User
from catalog import actions
from catalog.columns import DEFAULT
from catalog.display import Display
from catalog.models import SavedView, Source
from tests.browser.looks import SCHEMES
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> None:
    """Sixty images."""
    source = make_source("alibaba_ehpc_custom", last_complete_at=timezone.now())
    for n in range(60):
        put(source, f"image-{n:02}", arch=["x86_64", "arm64"][n % 2], os=["linux", "windows"][n % 3 == 0], size_gib=n)


def test_a_view_is_made_edited_saved_and_reset(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^arm64")).check()
    expect(page).to_have_url(f"{images}?arch=arm64")
    page.get_by_role("link", name="Save view").click()
    expect(page.get_by_label("Name")).to_be_focused()
    accessible()
    page.get_by_label("Name").fill("Arm")
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    expect(page).to_have_url(re.compile(r"\?arch=arm64&view=[0-9a-f]{8}$"))
    opened = page.url
    expect(page.get_by_text("Edited")).to_be_hidden()
    page.get_by_label(re.compile("^Windows")).check()
    expect(page.get_by_text("Edited")).to_be_visible()
    expect(page).to_have_url(re.compile(r"\?os=windows&arch=arm64&view="))
    accessible()
    page.go_back()
    expect(page).to_have_url(opened)
    expect(page.get_by_text("Edited")).to_be_hidden()
    page.go_forward()
    page.reload()
    expect(page.get_by_text("Edited")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("status").filter(has_text="is saved")).to_be_visible()
    expect(page.get_by_text("Edited")).to_be_hidden()
    assert SavedView.objects.get().query == "os=windows&arch=arm64"
    page.get_by_role("link", name="Remove OS: Windows").click()
    expect(page.locator("#live")).to_have_text("30 images")
    page.get_by_role("button", name="Reset").click()
    expect(page).to_have_url(re.compile(r"\?os=windows&arch=arm64&view="))
    expect(page.locator("#live")).to_have_text("10 images")
    page.get_by_role("link", name="image-03").click()
    expect(page.locator("#drawer")).to_contain_text("m-image-03")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile("&view=")), "the drawer leads back into the view"
    assert complaints == []


def test_columns_and_density_stay_and_drop_no_filter(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(f"{images}?arch=arm64&sort=-size&page=last")
    page.get_by_role("group").filter(has_text="Columns").locator("summary").last.click()
    accessible()
    page.get_by_role("checkbox", name="Region").check()
    page.get_by_role("checkbox", name="Visibility").uncheck()
    page.get_by_role("radio", name="Compact").check()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader", name="Region")).to_be_visible()
    expect(page).to_have_url(f"{images}?arch=arm64&sort=-size&page=last")
    expect(page.get_by_role("columnheader", name="Visibility")).to_have_count(0)
    expect(page.locator("table.compact")).to_be_visible()
    page.get_by_label(re.compile("^Windows")).check()
    expect(page.locator("#live")).to_have_text("10 images")
    expect(page.get_by_role("columnheader", name="Region")).to_be_visible()
    page.reload()
    expect(page.locator("table.compact")).to_be_visible()
    accessible()
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.locator("tbody tr").first).to_contain_text("arm64")
    accessible()
    assert complaints == []


def test_every_column_at_once_is_scrolled_beside_the_page(
    page: Page, images: str, alice: User, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_text("Columns", exact=True).first.click()
    for box in page.locator(".display [type=checkbox]").all():
        box.check()
    page.get_by_role("button", name="Show these").click()
    expect(page.get_by_role("columnheader")).to_have_count(25)
    assert page.evaluate("document.documentElement.scrollWidth") == 1440
    accessible()
    assert complaints == []


def test_a_shared_default_is_what_the_others_see_first(
    page: Page,
    images: str,
    bob: User,
    sign_in: Callable[[User], None],
    accessible: Callable[[], None],
    complaints: list[str],
) -> None:
    page.goto(f"{images}?arch=arm64")
    page.get_by_role("link", name="Save view").click()
    page.get_by_label("Name").fill("Arm <b>first</b>")
    page.get_by_label("Share with the team").check()
    page.get_by_role("dialog").get_by_role("button", name="Save").click()
    page.locator("#views summary").first.click()
    expect(
        page.get_by_role("navigation", name="Saved views").get_by_role("link", name="Arm <b>first</b>")
    ).to_be_visible()
    accessible()
    page.get_by_role("link", name="Rename, share, delete…").click()
    expect(page.get_by_role("heading", name="Saved views")).to_be_visible()
    accessible()
    page.get_by_role("button", name="Make team default").click()
    expect(page.get_by_text("Team default", exact=True)).to_be_visible()
    sign_in(bob)
    page.goto(images)
    expect(page).to_have_url(re.compile(r"\?arch=arm64&view="))
    expect(page.locator("#live")).to_have_text("30 images")
    page.get_by_role("link", name="Remove Arch: arm64").click()
    expect(page.get_by_text("Edited")).to_be_visible()
    expect(page.get_by_role("button", name="Save", exact=True)).to_have_count(0), "a viewer does not save the team's"
    page.locator("#views summary").first.click()
    page.get_by_role("link", name="All images").click()
    expect(page).to_have_url(f"{images}?view=all")
    expect(page.locator("#live")).to_have_text("60 images")
    page.get_by_label(re.compile("^Windows")).check()
    expect(page).to_have_url(f"{images}?os=windows")
    page.get_by_label(re.compile("^Windows")).uncheck()
    expect(page).to_have_url(f"{images}?view=all")
    page.reload()
    expect(page.locator("#live")).to_have_text("60 images")
    assert complaints == []


def test_who_saves_second_is_told_even_after_more_filtering(
    page: Page, images: str, alice: User, eve: User, accessible: Callable[[], None], complaints: list[str]
) -> None:
    team = alice.teams.get()
    view = actions.create_view(team, eve, name="Arm", query="arch=arm64", display=Display(DEFAULT), shared=True)
    page.goto(f"{images}?arch=arm64&view={str(view.id)[:8]}")
    actions.save_view(team, eve, view, query="os=linux", display=Display(), seen=SavedView.objects.get().updated_at)
    page.get_by_label(re.compile("^Windows")).check()
    expect(page.get_by_text("Edited")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("was changed by eve@example.org since you opened it")
    accessible()
    assert SavedView.objects.get().query == "os=linux"
    page.get_by_label("Name").fill("Windows on Arm")
    page.get_by_role("button", name="Save as new").click()
    expect(page).to_have_url(re.compile(r"\?os=windows&arch=arm64&view="))
    assert SavedView.objects.get(name="Windows on Arm").owner == alice
    assert [text for text in complaints if "409" not in text] == []


def test_it_works_without_javascript(plain: Page, images: str) -> None:
    plain.goto(f"{images}?arch=arm64")
    plain.get_by_role("link", name="Save view").click()
    expect(plain.get_by_role("heading", name="Save as a new view")).to_be_visible()
    plain.get_by_label("Name").fill("Arm")
    plain.get_by_role("button", name="Save").click()
    expect(plain).to_have_url(re.compile(r"\?arch=arm64&view="))
    plain.get_by_label(re.compile("^Windows")).check()
    plain.get_by_role("button", name="Apply").click()
    expect(plain.get_by_text("Edited")).to_be_visible()
    expect(plain).to_have_url(re.compile("view="))
    plain.get_by_text("Columns", exact=True).first.click()
    plain.get_by_role("checkbox", name="Region").check()
    plain.get_by_role("button", name="Show these").click()
    expect(plain.get_by_role("columnheader", name="Region")).to_be_visible()
    plain.get_by_role("button", name="Reset").click()
    expect(plain.get_by_text("Edited")).to_be_hidden()
    expect(plain.get_by_role("columnheader", name="Region")).to_have_count(0)
    plain.locator("#views summary").first.click()
    plain.get_by_role("link", name="Rename, share, delete…").click()
    plain.get_by_role("link", name="Delete Arm").click()
    plain.get_by_role("button", name="Delete view").click()
    expect(plain.get_by_role("heading", name="No view saved yet")).to_be_visible()


@pytest.mark.parametrize("theme", SCHEMES)
def test_axe_finds_nothing(
    page: Page, images: str, alice: User, accessible: Callable[[], None], complaints: list[str], theme: str
) -> None:
    page.emulate_media(color_scheme=theme)
    team = alice.teams.get()
    for name, shared in (("Mine", False), ("Ours", True)):
        view = actions.create_view(team, alice, name=name, query="arch=arm64", display=Display(), shared=shared)
    views = images.replace("images", "views")
    for address in (views, f"{views}{view.id}/rename/", f"{views}{view.id}/delete/", f"{views}add/?arch=arm64"):
        page.goto(address)
        accessible()
    page.goto(f"{images}?os=linux&view={str(view.id)[:8]}")
    page.get_by_text("Columns", exact=True).first.click()
    accessible()
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{images}?os=linux&view={str(view.id)[:8]}")
    page.locator("#views summary").first.click()
    accessible()
    assert complaints == []
