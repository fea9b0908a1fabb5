"""Stars, labels and notes in a browser: in the list and beside it, by keyboard, with and without JavaScript."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import AuditEvent, User
from catalog import actions
from catalog.models import Image, Source
from tests.browser.looks import SCHEMES
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> None:
    """Twelve images."""
    source = make_source("alibaba_ehpc_custom", last_complete_at=timezone.now() - timedelta(minutes=3))
    for n in range(12):
        put(source, f"image-{n:02}", arch=["x86_64", "arm64"][n % 2], os="linux")


@pytest.fixture
def person(eve: User) -> User:
    """An editor."""
    return eve


def row(page: Page, name: str) -> Any:
    return page.locator("tbody tr", has_text=name)


def one(name: str) -> Image:
    return Image.objects.get(name=name)


def test_an_image_is_starred_in_its_row_and_counted(page: Page, images: str, complaints: list[str]) -> None:
    page.goto(f"{images}?arch=arm64")
    star = row(page, "image-03").get_by_role("button", name="Star")
    star.focus()
    page.keyboard.press("Enter")
    expect(star).to_have_attribute("aria-pressed", "true")
    expect(star).to_be_focused()
    expect(page.locator("#facet-star li", has_text="1")).to_be_visible()
    expect(page).to_have_url(f"{images}?arch=arm64")
    assert one("image-03").starred
    page.locator("#facet-star").get_by_label(re.compile("^Yes")).check()
    expect(page.locator("tbody tr")).to_have_count(1)
    star.click()
    expect(star).to_have_attribute("aria-pressed", "false")
    expect(row(page, "image-03")).to_be_visible(), "it stays in sight until the list is asked for again"
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(0)
    assert complaints == []


def test_labels_and_a_note_are_written_beside_the_list(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_role("link", name="image-05").click()
    page.locator("#drawer").get_by_role("button", name="Star").click()
    expect(row(page, "image-05").get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    page.get_by_label("Labels to add").fill("Gold, gpu, third")
    page.keyboard.press("Enter")
    expect(page.locator("#drawer").get_by_role("link", name="gold")).to_be_visible()
    expect(page.get_by_label("Labels to add")).to_be_focused()
    expect(row(page, "image-05").locator(".tags")).to_have_text("goldgputhird")
    expect(row(page, "image-05").locator(".tags")).to_have_attribute("data-more", "+1")
    expect(page.locator("#facet-label li", has_text="gold")).to_contain_text("1")
    page.get_by_role("button", name="Remove label gpu").click()
    expect(row(page, "image-05").locator(".tags")).to_have_text("goldthird")
    page.get_by_text("Add a note").click()
    page.get_by_role("textbox", name="Note").fill("Use this one.\n<img src=x onerror=alert(1)>")
    page.get_by_label("Labels to add").fill("unknown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("cannot be a label")
    expect(page.get_by_role("textbox", name="Note")).to_have_value(re.compile("Use this one")), "nothing is lost"
    page.get_by_role("button", name="Save the note").click()
    expect(page.locator("#drawer .lines")).to_have_text("Use this one.\n<img src=x onerror=alert(1)>")
    expect(page.locator("#image-note")).to_contain_text("eve@example.org · just now")
    for told in ("Note written", "Label removed gpu", "Labelled gold, gpu, third"):
        expect(page.locator("#image-history")).to_contain_text(told)
    expect(page.get_by_text("Edit the note")).to_be_focused()
    accessible()
    page.get_by_text("Edit the note").click()
    accessible()
    page.get_by_label("Search images").fill("third")
    expect(page.locator("#live")).to_have_text("1 image")
    assert (one("image-05").labels, one("image-05").starred) == (["gold", "third"], True)
    assert AuditEvent.objects.filter(action__startswith="image.").count() == 4
    assert [text for text in complaints if "422" not in text] == []


def test_a_note_somebody_else_wrote_is_shown_before_it_is_replaced(
    page: Page, images: str, alice: User, accessible: Callable[[], None]
) -> None:
    page.goto(images)
    page.get_by_role("link", name="image-05").click()
    page.get_by_text("Add a note").click()
    page.get_by_role("textbox", name="Note").fill("mine")
    actions.set_note(one("image-05").team, alice, one("image-05"), "hers")
    page.get_by_role("button", name="Save the note").click()
    expect(page.get_by_role("alert")).to_contain_text("alice@example.org changed this note while you wrote")
    expect(page.get_by_role("alert")).to_contain_text("hers")
    expect(page.get_by_role("textbox", name="Note")).to_have_value("mine")
    assert one("image-05").note == "hers"
    accessible()
    page.get_by_role("button", name="Save mine in its place").click()
    expect(page.locator("#drawer .lines")).to_have_text("mine")
    assert one("image-05").note == "mine"


@pytest.mark.parametrize("theme", SCHEMES)
def test_axe_finds_nothing(
    page: Page, images: str, eve: User, accessible: Callable[[], None], complaints: list[str], theme: str
) -> None:
    actions.add_labels(one("image-01").team, eve, [one("image-01").id], ["gold", "重要", "third"])
    actions.set_star(one("image-01").team, eve, [one("image-01").id], True)
    actions.set_note(one("image-01").team, eve, one("image-01"), "read me")
    page.emulate_media(color_scheme=theme)
    root = images.removesuffix("images/")
    for url in (images, f"{images}{one('image-01').id}/", f"{root}labels/", f"{root}labels/edit/?label=gold",
                f"{root}labels/delete/?label=gold"):  # fmt: skip
        page.goto(url)
        accessible()
    assert complaints == []


def test_a_narrow_card_has_its_star_and_labels(page: Page, images: str, eve: User) -> None:
    actions.add_labels(one("image-01").team, eve, [one("image-01").id], ["gold", "w" * 40, "third"])
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(images)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    row(page, "image-01").get_by_role("button", name="Star").click()
    expect(row(page, "image-01").get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(images), "the card's link was not followed"
    page.get_by_role("link", name="image-01").click()
    expect(page.locator("#image-labels").get_by_role("link", name="gold")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_everything_works_without_javascript(plain: Page, images: str) -> None:
    plain.goto(f"{images}?arch=arm64&sort=-name")
    row(plain, "image-03").get_by_role("button", name="Star").click()
    expect(plain).to_have_url(f"{images}?arch=arm64&sort=-name")
    expect(row(plain, "image-03").get_by_role("button", name="Star")).to_have_attribute("aria-pressed", "true")
    plain.get_by_role("link", name="image-03").click()
    plain.get_by_label("Labels to add").fill("gold")
    plain.get_by_role("button", name="Add", exact=True).click()
    expect(plain.locator("#image-labels").get_by_role("link", name="gold")).to_be_visible()
    plain.get_by_text("Add a note").click()
    plain.get_by_role("textbox", name="Note").fill("read me")
    plain.get_by_role("button", name="Save the note").click()
    expect(plain.locator(".lines")).to_have_text("read me")
    plain.get_by_role("button", name="Remove label gold").click()
    expect(plain.locator("#image-labels").get_by_role("link", name="gold")).to_have_count(0)
    plain.locator(".id-line").get_by_role("button", name="Star").click()
    expect(plain.locator(".id-line .star")).to_have_attribute("aria-pressed", "false")
    assert (one("image-03").labels, one("image-03").starred, one("image-03").note) == ([], False, "read me")
