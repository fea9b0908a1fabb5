"""One image beside the list and two side by side, in a browser: corrections, commands, comparison."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from catalog.models import Image, Source
from tests.browser.looks import LOOKS
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> list[Image]:
    fresh = {"last_complete_at": timezone.now() - timedelta(minutes=3)}
    custom, edge = make_source("alibaba_ehpc_custom", **fresh), make_source("alibaba_ens_self", **fresh)
    common = {"os": "linux", "visibility": "private", "os_version": "7.9"}
    return [
        put(custom, "alpha", **common, distribution="CentOS", arch="x86_64", remote_id="m-alpha", document={"A": 1}),
        put(edge, "beta", **common, distribution="CentOS", arch="arm64", document={"A": 2, "B": "<script>x</script>"}),
        put(edge, "alpha copy", **common, distribution="CentOS", remote_id="m-alpha"),
    ]


def test_a_system_is_corrected_beside_the_list(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(f"{images}?os=linux")
    page.get_by_role("link", name="beta").click()
    drawer = page.locator("#drawer")
    page.get_by_role("link", name="Correct Distribution").click()
    field = drawer.get_by_label("Distribution", exact=True)
    expect(field).to_be_focused()
    field.fill("Rocky 9")
    drawer.get_by_label("Why").fill("its tag")
    field.press("Enter")
    expect(drawer).to_contain_text("Enter only “Rocky Linux” here")
    expect(field).to_have_value("Rocky 9")
    accessible()
    field.fill("rocky")
    drawer.get_by_role("button", name="Save").click()
    expect(drawer).to_contain_text("set by an admin: alice@example.org")
    expect(page.locator("#toast")).to_have_text("Corrected: Distribution.")
    expect(page.locator("#facet-distribution")).to_contain_text("Rocky Linux")
    row = page.locator("tr", has=page.get_by_role("link", name="beta"))
    expect(row).to_contain_text("Rocky Linux")
    expect(page.locator("tbody tr")).to_have_count(3)
    accessible()
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{images}?os=linux")
    expect(page.get_by_role("link", name="beta")).to_be_focused()
    assert [text for text in complaints if "422" not in text] == []


def test_a_correction_is_taken_back_and_a_row_that_no_longer_fits_goes(page: Page, images: str) -> None:
    page.goto(f"{images}?distribution=CentOS")
    page.get_by_role("link", name="beta").click()
    page.get_by_role("link", name="Correct Distribution").click()
    page.locator("#drawer").get_by_label("Distribution", exact=True).fill("Debian")
    page.locator("#drawer").get_by_role("button", name="Save").click()
    expect(page.locator("#drawer .facts")).to_contain_text("Debian")
    expect(page.locator("tbody tr")).to_have_count(2)
    page.get_by_role("link", name="Correct Distribution").click()
    page.get_by_role("button", name="Take the correction of Distribution back").click()
    expect(page.locator("#drawer .facts")).not_to_contain_text("set by an admin")
    expect(page.locator("#drawer .timeline")).to_contain_text("correction taken back")
    page.get_by_role("link", name="Correct OS version").click()
    page.locator("#drawer").get_by_role("link", name="Cancel").click()
    expect(page.locator("#drawer-title")).to_have_text("beta")


def test_a_command_is_copied(page: Page, images: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(images)
    page.get_by_role("link", name="alpha", exact=True).click()
    page.get_by_role("button", name="Copy command").click()
    expect(page.locator("#toast")).to_have_text("Command copied")
    command = "aliyun ecs DescribeImages --RegionId cn-hangzhou --ImageId m-alpha"
    assert page.evaluate("navigator.clipboard.readText()") == command


def test_two_selected_images_are_compared(page: Page, images: str, complaints: list[str]) -> None:
    page.goto(f"{images}?os=linux")
    compare = page.locator("#selection").get_by_role("button", name="Compare")
    page.get_by_label("Select alpha", exact=True).check()
    expect(compare).to_be_disabled()
    page.get_by_label("Select beta").check()
    compare.click()
    expect(page).to_have_url(re.compile(r"/compare/\?a=[0-9a-f-]{36}&b=[0-9a-f-]{36}"))
    expect(page.locator("thead th").nth(0)).to_contain_text("alpha")
    expect(page.locator("tr.differs", has_text="Architecture")).to_contain_text("arm64")
    page.get_by_role("link", name="Only differences").click()
    expect(page.get_by_role("row", name=re.compile("Distribution"))).to_have_count(0)
    page.get_by_role("link", name="Swap").click()
    expect(page.locator("thead th").nth(0)).to_contain_text("beta")
    expect(page.get_by_role("link", name="Show everything")).to_be_visible()
    page.get_by_role("link", name="← Images").click()
    expect(page).to_have_url(f"{images}?os=linux")
    assert complaints == []


def test_where_else_it_is_leads_to_the_comparison(page: Page, images: str) -> None:
    page.goto(images)
    page.get_by_role("link", name="alpha", exact=True).click()
    also = page.locator("#drawer .also-in")
    expect(also).to_contain_text("ENS custom · cn-hangzhou")
    also.get_by_role("link", name=re.compile("^Compare")).click()
    expect(page.locator("thead th")).to_have_text([re.compile("^alpha"), re.compile("^alpha copy")])


@pytest.mark.parametrize(("width", "theme"), LOOKS)
def test_axe_finds_nothing(
    page: Page, images: str, shelf: list[Image], accessible: Callable[[], None], theme: str, width: int
) -> None:
    page.emulate_media(color_scheme=theme)
    page.set_viewport_size({"width": width, "height": 900})
    compare = f"compare/?a={shelf[0].id}&b={shelf[1].id}"
    for where in (
        f"{shelf[0].id}/",
        f"{shelf[0].id}/correct/?field=arch",
        compare,
        f"{compare}&only=differences",
        "compare/",
    ):
        page.goto(images + where)
        accessible()
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_it_works_without_javascript(plain: Page, images: str, shelf: list[Image]) -> None:
    plain.goto(f"{images}{shelf[1].id}/")
    plain.get_by_role("link", name="Correct Architecture").click()
    plain.get_by_label("Architecture").select_option("mixed")
    plain.get_by_label("OS version").fill("8")
    plain.get_by_label("OS version").press("Enter")
    expect(plain.locator(".messages")).to_contain_text("Corrected: OS version, Architecture.")
    plain.get_by_role("link", name="Correct Architecture").click()
    plain.get_by_role("button", name="Take the correction of Architecture back").click()
    expect(plain.locator(".facts")).to_contain_text("arm64")
    plain.goto(images)
    plain.get_by_label("Select alpha", exact=True).check()
    plain.locator("#selection").get_by_role("button", name="Compare").click()
    expect(plain.locator("main")).to_contain_text("Choose exactly two images")
    plain.go_back()
    plain.get_by_label("Select alpha", exact=True).check()
    plain.get_by_label("Select beta").check()
    plain.locator("#selection").get_by_role("button", name="Compare").click()
    plain.get_by_role("link", name="Only differences").click()
    expect(plain.locator("tbody").first).to_contain_text("Architecture")
