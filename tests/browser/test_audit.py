"""The audit trail in a real browser: filtered, gone back from, exported, without scripts, on a phone."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from accounts import audit
from accounts.models import Team, User
from tests.browser.looks import SCHEMES

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.exe"


@pytest.fixture(autouse=True)
def trail(team: Team, alice: User, eve: User) -> None:
    """Sixty rows, a hostile one among them, the newest."""
    for n in range(57):
        audit.record(team, eve, "image.labelled", target=f"solver-{n:02}", changes={"labels": ["gpu", "prod"]})
    audit.record(
        team, alice, "cloud_account.updated", target="production", changes={"site": ["china", "international"]}
    )
    audit.record(team, "worker", "registration.rejected", target="x" * 300, changes={"error": "InvalidParameter"})
    audit.record(team, alice, "image.noted", target=HOSTILE, changes={"note": [HOSTILE, "n" * 900]})


@pytest.fixture
def address(live_server: Any, images: str) -> str:
    return f"{live_server.url}/t/aero/team/audit/"


def test_it_is_filtered_at_once_and_back_undoes_it(
    page: Page, address: str, live_server: Any, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.goto(f"{live_server.url}/t/aero/team/")
    page.get_by_role("link", name="Audit trail").click()
    expect(page).to_have_url(address)
    results = page.locator("#audit-results")
    expect(results.locator("tbody tr")).to_have_count(50)
    accessible()
    page.locator("summary", has_text="What").click()
    page.get_by_role("checkbox", name="Changed a cloud account").check()
    expect(page).to_have_url(f"{address}?action=cloud_account.updated")
    expect(results.locator("tbody tr")).to_have_count(1)
    expect(results).to_contain_text("china")
    page.keyboard.press("Escape")
    page.get_by_role("searchbox", name="Search by what it was done to").fill("nothing like it")
    expect(results).to_contain_text("Nothing in the audit trail fits all of this")
    accessible()
    page.go_back()
    expect(page).to_have_url(address)
    expect(results.locator("tbody tr")).to_have_count(50)
    page.get_by_role("link", name="Older").click()
    expect(results.locator("tbody tr")).to_have_count(10)
    expect(results).to_contain_text("solver-00")
    assert complaints == []


def test_it_is_exported_as_it_is_filtered(page: Page, address: str, complaints: list[str]) -> None:
    page.goto(f"{address}?q=solver-1")
    page.locator("#export summary").click()
    with page.expect_download() as found:
        page.get_by_role("link", name="CSV for Excel").click()
    assert re.fullmatch(r"aero-audit-\d{4}-\d\d-\d\d\.csv", found.value.suggested_filename)
    with Path(found.value.path()).open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["target"] for row in rows] == [f"solver-{n}" for n in range(19, 9, -1)]
    assert complaints == []


def test_without_scripts_it_is_filtered_too(plain: Page, address: str) -> None:
    plain.goto(address)
    plain.get_by_role("searchbox").fill("solver-07")
    plain.get_by_role("button", name="Apply").click()
    expect(plain).to_have_url(f"{address}?q=solver-07")
    expect(plain.locator("#audit-results tbody tr")).to_have_count(1)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_a_phone_nothing_is_cut_off(
    page: Page, address: str, scheme: Any, accessible: Callable[[], None], complaints: list[str]
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": 390, "height": 800})
    page.goto(address)
    expect(page.locator("#audit-results")).to_contain_text("onerror=alert(1)")
    accessible()
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    assert not wide and complaints == []
