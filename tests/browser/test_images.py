"""The images page in a browser: HTMX, history, keyboard, the drawer, a narrow screen, no JavaScript, accessibility."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect

from catalog.models import Image, ImageChange, Source, SyncRun
from tests.browser.looks import SCHEMES
from tests.catalog.shelf import put

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
HOSTILE = [
    "<script>alert(1)</script>",
    "<b hx-get='/account/logout/' hx-trigger='load'>x</b>",
    '"><img src=x onerror=alert(1)>',
    "<style>body{display:none}</style>",
]


@pytest.fixture(autouse=True)
def shelf(make_source: Callable[..., Source]) -> list[Source]:
    fresh = {"last_complete_at": timezone.now() - timedelta(minutes=3)}
    custom, containers = make_source("alibaba_ehpc_custom", **fresh), make_source("alibaba_ehpc_container", **fresh)
    for n in range(60):
        system = [("linux", "Ubuntu", "22.04"), ("linux", "CentOS", "7.9"), ("windows", "Windows Server", "2019")][
            n % 3
        ]
        put(
            custom, f"image-{n:02}", os=system[0], distribution=system[1], os_version=system[2], size_gib=20 + n,
            arch=["x86_64", "arm64"][n % 2], visibility="private", description="cuda" if n % 4 == 0 else None,
        )  # fmt: skip
    put(containers, "ai/torch:2.1", type="container", repository="ai/torch", tag="2.1")
    return [custom, containers]


def test_choosing_swaps_results_and_counts_and_back_restores_them(
    page: Page, images: str, complaints: list[str]
) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^Ubuntu")).check()
    expect(page).to_have_url(f"{images}?distribution=Ubuntu")
    expect(page.locator("#live")).to_have_text("20 images")
    page.get_by_label(re.compile("^arm64")).check()
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&arch=arm64")
    expect(page.locator(".summary")).to_contain_text("10 of 61 images")
    expect(page.locator("#facet-distribution li", has_text="CentOS")).to_contain_text("10")
    page.get_by_role("link", name="Remove Distribution: Ubuntu").click()
    expect(page).to_have_url(f"{images}?arch=arm64")
    page.go_back()
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&arch=arm64")
    expect(page.locator("#live")).to_have_text("10 images")
    page.reload()
    expect(page.get_by_label(re.compile("^arm64"))).to_be_checked()
    assert complaints == []


def test_typing_searches_and_leaves_one_step_in_the_history(page: Page, images: str, complaints: list[str]) -> None:
    page.goto(images)
    page.get_by_label(re.compile("^Ubuntu")).check()
    expect(page).to_have_url(f"{images}?distribution=Ubuntu")
    page.get_by_label("Search images").press_sequentially("cud", delay=30)
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&q=cud")
    page.get_by_label("Search images").press_sequentially("a")
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&q=cuda")
    expect(page.locator("#live")).to_have_text("5 images")
    expect(page.get_by_label("Search images")).to_be_focused()
    page.get_by_role("link", name="Remove Search: cuda").click()
    expect(page.get_by_label("Search images")).to_have_value("")
    page.go_back()
    expect(page.get_by_label("Search images")).to_have_value("cuda")
    page.go_back()
    expect(page).to_have_url(images), "what was typed took the place of the step before it"
    assert complaints == []


def test_a_value_can_be_excluded_and_facets_stay_as_they_were_opened(page: Page, images: str) -> None:
    page.goto(images)
    page.locator("#facet-visibility summary").click()
    page.get_by_role("button", name="Exclude CentOS").focus()
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{images}?distribution=-CentOS")
    expect(page.locator("#live")).to_have_text("41 images")
    expect(page.locator("#facet-visibility")).not_to_have_attribute("open", "")
    page.get_by_label(re.compile("^CentOS")).uncheck()
    expect(page).to_have_url(images)


def test_pages_and_sorts_are_links_that_swap(page: Page, images: str, complaints: list[str]) -> None:
    page.goto(images)
    page.get_by_role("columnheader", name="Size").get_by_role("link").click()
    expect(page.locator("tbody .main").first).to_have_text("image-59")
    page.get_by_role("link", name="Next").click()
    expect(page.locator(".table-foot")).to_contain_text("51–61 of 61")
    address = page.url
    page.go_back()
    expect(page.locator(".table-foot")).to_contain_text("1–50 of 61")
    page.goto(address)
    expect(page.locator(".table-foot")).to_contain_text("51–61 of 61")
    assert complaints == []


def test_an_image_opens_beside_the_list_and_closes_to_where_it_was(
    page: Page, images: str, complaints: list[str]
) -> None:
    page.goto(f"{images}?distribution=Ubuntu")
    row = page.get_by_role("link", name="image-03")
    row.click()
    expect(page.locator("#drawer-title")).to_be_focused()
    expect(page.locator("#drawer")).to_contain_text("m-image-03")
    expect(page).to_have_url(re.compile("/images/[0-9a-f-]{36}/$"))
    expect(page).to_have_title(re.compile("^image-03"))
    address = page.url
    page.keyboard.press("Escape")
    expect(page).to_have_url(f"{images}?distribution=Ubuntu")
    expect(row).to_be_focused()
    expect(page.locator("#drawer")).to_be_empty()
    page.goto(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("image-03")
    assert complaints == []


def test_the_list_is_there_for_who_has_an_image_open(page: Page, images: str, complaints: list[str]) -> None:
    page.goto(f"{images}?distribution=Ubuntu")
    page.get_by_role("link", name="image-03").click()
    expect(page.locator("#drawer")).to_contain_text("m-image-03")
    page.get_by_role("link", name="image-06").click()
    expect(page.locator("#drawer")).to_contain_text("m-image-06")
    page.get_by_role("columnheader", name="OS").get_by_role("link").click()
    expect(page).to_have_url(f"{images}?distribution=Ubuntu&sort=os")
    expect(page.locator("#drawer")).to_be_empty()
    expect(page.locator("tbody tr")).to_have_count(20)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("image-06")
    assert complaints == []


def test_the_page_fills_when_the_first_sync_is_through(
    page: Page, images: str, shelf: list[Source], complaints: list[str]
) -> None:
    Image.objects.all().delete()
    Source.objects.update(last_complete_at=None)
    run = SyncRun.objects.create(team_id=shelf[0].team_id, source=shelf[0], state="listing", pages=2)
    page.goto(images)
    expect(page.get_by_role("heading", name="The first sync is on its way")).to_be_visible()
    SyncRun.objects.filter(id=run.id).update(state="complete")
    Source.objects.update(last_complete_at=timezone.now())
    put(shelf[0], "here")
    expect(page.get_by_role("link", name="here")).to_be_visible()
    assert complaints == []


def test_it_is_used_by_keyboard(page: Page, images: str) -> None:
    page.goto(images)
    page.keyboard.press("/")
    expect(page.get_by_label("Search images")).to_be_focused()
    page.keyboard.type("jk")
    expect(page.get_by_label("Search images")).to_have_value("jk")
    page.get_by_label("Search images").fill("image")
    expect(page.locator("#live")).to_have_text("60 images")
    page.locator("h1").click(force=True)
    for key in ("j", "j", "j", "k"):
        page.keyboard.press(key)
    expect(page.get_by_role("link", name="image-01")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#drawer")).to_contain_text("m-image-01")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Search and keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Search and keys")).to_be_hidden()
    page.keyboard.press("f")
    assert page.evaluate("document.activeElement.closest('#rail') !== null")


def test_an_id_is_copied(page: Page, images: str) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.goto(images)
    page.get_by_role("link", name="image-03").click()
    page.get_by_role("button", name="Copy ID").click()
    expect(page.locator("#toast")).to_have_text("ID copied")
    assert page.evaluate("navigator.clipboard.readText()") == "m-image-03"


def test_on_a_narrow_screen_filters_are_a_sheet_and_rows_are_cards(
    page: Page, images: str, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.set_viewport_size({"width": 500, "height": 860})
    page.goto(f"{images}?type=vm")
    expect(page.locator("#rail")).to_be_hidden()
    page.get_by_role("button", name="Filters · 1").click()
    expect(page.locator("#rail")).to_be_visible()
    page.get_by_label(re.compile("^Ubuntu")).check()
    expect(page).to_have_url(f"{images}?type=vm&distribution=Ubuntu")
    expect(page.get_by_role("button", name="Show the images")).to_be_visible(), "the sheet stays for the next choice"
    accessible()
    page.get_by_role("button", name="Show the images").click()
    expect(page.get_by_role("button", name="Filters · 2")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 500
    accessible()
    page.get_by_role("link", name="image-03").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("image-03")
    assert page.evaluate("document.documentElement.scrollWidth") == 500
    assert complaints == []


def test_everything_works_without_javascript(plain: Page, images: str) -> None:
    plain.goto(images)
    plain.get_by_label(re.compile("^Ubuntu")).check()
    plain.get_by_label("Search images").fill("image")
    plain.get_by_role("button", name="Apply").click()
    expect(plain.locator(".summary")).to_contain_text("20 of 61 images")
    plain.get_by_role("button", name="Exclude arm64").click(force=True)
    expect(plain.get_by_role("link", name="Remove Arch: arm64")).to_be_visible()
    expect(plain.get_by_label("Search images")).to_have_value("image")
    plain.get_by_role("columnheader", name="Size").get_by_role("link").click()
    expect(plain.locator("tbody .main").first).to_have_text("image-54")
    plain.locator("tbody .main").first.click()
    expect(plain.get_by_role("heading", level=1)).to_have_text("image-54")
    plain.get_by_text("Provider data").click()
    expect(plain.locator(".document")).to_contain_text("ImageId")
    plain.get_by_role("link", name="← Images").click()
    expect(plain.get_by_label("Search images")).to_have_value("image")


@pytest.mark.parametrize("theme", SCHEMES)
def test_axe_finds_nothing(
    page: Page, images: str, shelf: list[Source], accessible: Callable[[], None], complaints: list[str], theme: str
) -> None:
    failed = {
        "operation": "ListCustomImages",
        "code": "Forbidden",
        "message": "x",
        "request_id": "r",
        "at": "2026-01-01T10:00:00Z",
    }
    Source.objects.filter(id=shelf[1].id).update(last_error=failed)
    missing = put(
        shelf[0],
        "gone",
        state="missing",
        row={"missing_since": timezone.now()},
        extra={"base_os": {"arch": "i386"}},
        arch="x86_64",
    )
    ImageChange.objects.create(team_id=missing.team_id, source=shelf[0], image=missing, kind="missing")
    page.emulate_media(color_scheme=theme)
    for query in (
        "",
        "?type=vm&os=linux&arch=-arm64&q=image&sort=-size&bogus=1",
        "?q=nothing&arch=arm64",
        f"{missing.id}/",
    ):
        page.goto(images + query)
        accessible()
    page.goto(images)
    page.get_by_role("link", name="image-03").click()
    expect(page.locator("#drawer-title")).to_be_focused()
    accessible()
    page.get_by_label("Your menu, Alice Liddell").click()
    accessible()
    assert complaints == []


def test_strangers_text_does_nothing(page: Page, images: str, shelf: list[Source], complaints: list[str]) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    for name in HOSTILE:
        put(shelf[0], name, remote_id=name, distribution=name, description=name, document={name: name})
    page.goto(f"{images}?sort=-changed")
    for name in HOSTILE:
        page.get_by_role("link", name=name, exact=True).click()
        expect(page.locator("#drawer-title")).to_have_text(name)
    page.reload()
    expect(page.get_by_role("heading", level=1)).to_have_text(HOSTILE[-1])
    assert not [url for url in requests if "logout" in url or url.endswith("/x")]
    assert complaints == []


def test_a_request_that_fails_says_so_and_leaves_the_list(page: Page, images: str) -> None:
    page.goto(images)
    page.route("**/t/aero/images/?*", lambda route: route.fulfill(status=500, body="broken"))
    page.get_by_label(re.compile("^Ubuntu")).check()
    expect(page.locator("#toast")).to_contain_text("did not work")
    expect(page.locator("tbody tr")).to_have_count(50)


def test_signing_in_again_leads_back(page: Page, images: str) -> None:
    page.goto(f"{images}?os=linux")
    page.context.clear_cookies()
    page.get_by_label(re.compile("^Ubuntu")).click()
    expect(page).to_have_url(re.compile("/account/login/.*next="))


def test_theme_and_language_are_chosen_in_the_bar(page: Page, images: str) -> None:
    page.goto(f"{images}?os=linux")
    page.get_by_label("Your menu, Alice Liddell").click()
    page.get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page).to_have_url(f"{images}?os=linux")
    page.get_by_role("button", name="中文").first.click()
    expect(page.locator("html")).to_have_attribute("lang", "zh-hans")
