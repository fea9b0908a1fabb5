"""Exporting a view, and labelling all of it, as a person does it: with a browser, with JavaScript and without."""

import csv
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accounts.models import User
from catalog.models import Image, Source
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> None:
    """Thirty images."""
    source = make_source("alibaba_ehpc_custom")
    for n in range(30):
        put(source, f"image-{n:02}", arch=["x86_64", "arm64"][n % 2], os="linux")


@pytest.fixture
def person(eve: User) -> User:
    """An editor."""
    return eve


def downloaded(page: Page, link: str) -> list[list[str]]:
    with page.expect_download() as found:
        page.get_by_role("link", name=link, exact=True).click()
    assert re.fullmatch(r"aero-images-\d{4}-\d\d-\d\d\.csv", found.value.suggested_filename)
    with Path(found.value.path()).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


def test_the_menu_follows_the_filter_and_saves_what_the_list_shows(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_label("arm64", exact=False).first.check()
    expect(page.locator("#live")).to_have_text("15 images")
    page.locator("#export summary").click()
    expect(page.locator("#export")).to_contain_text("Export 15 images")
    accessible()
    head, *rows = downloaded(page, "CSV for Excel")
    shown = page.locator(".images .main").all_inner_texts()
    assert [row[head.index("name")] for row in rows] == shown and len(rows) == 15
    assert {row[head.index("arch")] for row in rows} == {"arm64"}
    page.get_by_role("searchbox", name="Search images").fill("there is none")
    expect(page.locator("#live")).to_have_text("0 images")
    expect(page.locator("#export")).to_be_hidden()
    assert complaints == []


def test_all_of_a_filter_is_labelled_after_a_look_at_it(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(f"{images}?arch=arm64")
    page.get_by_role("link", name="Label or star all…").click()
    expect(page.get_by_role("heading", name="Label or star 15 images")).to_be_visible()
    expect(page.locator(".chosen")).to_have_text("Arch: arm64")
    accessible()
    page.get_by_label("Labels").fill("gold")
    page.get_by_role("button", name="Label 15 images").click()
    expect(page.locator(".messages")).to_have_text("15 images labelled.")
    assert page.url == f"{images}?arch=arm64"
    assert Image.objects.filter(labels=["gold"]).count() == 15
    page.reload()
    expect(page.locator(".messages")).to_have_count(0)
    assert complaints == []


def test_selected_rows_and_no_others_are_starred(page: Page, images: str) -> None:
    page.goto(images)
    page.get_by_role("checkbox", name="Select image-03").check()
    page.get_by_role("checkbox", name="Select image-05").check()
    page.get_by_role("button", name="Label or star…").click()
    expect(page.locator(".chosen")).to_have_text("Those you selected in the list.")
    page.get_by_role("button", name="Star 2 images").click()
    expect(page.locator(".messages")).to_have_text("2 images starred.")
    starred = Image.objects.filter(starred=True).order_by("name").values_list("name", flat=True)
    assert list(starred) == ["image-03", "image-05"]


def test_the_ids_of_all_are_copied(page: Page, images: str, accessible: Callable[[], None]) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(f"{images}?arch=arm64")
    with page.expect_navigation():
        page.get_by_role("link", name="IDs of all").click()
    accessible()
    page.get_by_role("button", name="Copy").click()
    expect(page.locator("#toast")).to_have_text("IDs copied")
    assert page.evaluate("navigator.clipboard.readText()") == "\n".join(f"m-image-{n:02}" for n in range(1, 30, 2))


def test_it_works_without_javascript(plain: Page, images: str) -> None:
    plain.goto(f"{images}?arch=arm64")
    plain.locator("#export summary").click()
    assert len(downloaded(plain, "CSV")) == 16
    plain.get_by_role("link", name="IDs of all").click()
    expect(plain.get_by_role("button", name="Copy")).to_be_hidden()
    assert plain.get_by_label("15 IDs, a line each").input_value().startswith("m-image-01\n")
    plain.goto(images)
    plain.get_by_role("checkbox", name="Select image-04").check()
    plain.get_by_role("button", name="Label or star…").click()
    plain.get_by_label("Labels").fill("gold")
    plain.get_by_role("button", name="Label 1 image").click()
    expect(plain.locator(".messages")).to_have_text("1 image labelled.")
