"""Selecting rows of the images page: by mouse, by key, for a form that any button can send."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from catalog.models import Source
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> None:
    """Thirty images."""
    source = make_source("alibaba_ehpc_custom")
    for n in range(30):
        put(source, f"image-{n:02}", arch=["x86_64", "arm64"][n % 2])


def test_rows_are_selected_and_the_bar_says_how_many(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    bar = page.get_by_role("form", name="Selected images")
    expect(bar.get_by_role("button")).to_have_count(0)
    page.get_by_role("checkbox", name="Select image-03").check()
    expect(bar.get_by_role("status")).to_have_text("1 selected")
    page.get_by_role("checkbox", name="Select image-06").click(modifiers=["Shift"])
    expect(bar.get_by_role("status")).to_have_text("4 selected")
    accessible()
    whole = page.get_by_role("checkbox", name="Select every image of this page")
    whole.check()
    expect(bar.get_by_role("status")).to_have_text("30 selected")
    whole.uncheck()
    expect(bar.get_by_role("button")).to_have_count(0)
    page.get_by_role("checkbox", name="Select image-03").check()
    bar.get_by_role("button", name="Clear selection").click()
    expect(page.locator("input[form=selection]:checked")).to_have_count(0)
    expect(page.get_by_role("link", name="image-00")).to_be_focused()
    assert complaints == []


def test_a_key_selects_the_row_that_has_the_focus(page: Page, images: str) -> None:
    page.goto(images)
    for key in ("j", "x", "j", "j", "x"):
        page.keyboard.press(key)
    expect(page.get_by_role("checkbox", name="Select image-00")).to_be_checked()
    expect(page.get_by_role("checkbox", name="Select image-02")).to_be_checked()
    expect(page.locator("#selection [role=status]")).to_have_text("2 selected")
    expect(page.get_by_role("link", name="image-02")).to_be_focused()


def test_a_selection_ends_with_the_filter_it_was_made_in(page: Page, images: str) -> None:
    page.goto(images)
    page.get_by_role("checkbox", name="Select image-01").check()
    page.get_by_label("arm64", exact=False).first.check()
    expect(page.locator("#live")).to_have_text("15 images")
    expect(page.locator("#selection [role=status]")).to_be_empty()
    expect(page.get_by_role("checkbox", name="Select image-01")).not_to_be_checked()
    page.reload()
    expect(page.locator("input[form=selection]:checked")).to_have_count(0)


def test_the_ids_of_selected_images_are_copied(page: Page, images: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(images)
    page.get_by_role("checkbox", name="Select image-03").check()
    page.get_by_role("checkbox", name="Select image-01").check()
    page.get_by_role("button", name="Copy IDs").click()
    expect(page.locator("#toast")).to_have_text("IDs copied")
    assert page.evaluate("navigator.clipboard.readText()") == "m-image-01\nm-image-03"


def test_rows_are_selected_without_javascript(plain: Page, images: str) -> None:
    plain.goto(f"{images}?arch=arm64")
    expect(plain.get_by_role("button", name="Clear selection")).to_be_hidden()
    plain.get_by_role("checkbox", name="Select image-01").check()
    plain.get_by_role("button", name="Clear selection").click()
    expect(plain.get_by_role("checkbox", name="Select image-01")).not_to_be_checked()
