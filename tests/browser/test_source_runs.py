"""Sources and their syncs over time, in a real browser with a real worker: failures with one cause, a suspect listing
that two people see to, pages that stop asking, what is new since the last visit."""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import CloudAccount, User
from catalog.models import ChangeVisit, Image, SyncRun
from catalog.sync import accept_suspect
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def working(simulated: Any) -> Iterator[Any]:
    with worker(SIMULATOR_URL=simulated.url):
        yield simulated


@pytest.fixture
def sources(page: Page, live_server: Any, sign_in: Callable[[User], None], alice: User) -> str:
    """The address of the Sources page, an admin signed in."""
    sign_in(alice)
    return f"{live_server}/t/aero/sources/"


def test_one_cause_is_told_once_and_tried_again_with_one_button(
    page: Page, sources: str, working: Any, make_account: Callable[..., CloudAccount], make_source: Any,
    complaints: list[str], accessible: Callable[[], None],
) -> None:  # fmt: skip
    account = make_account()
    for kind in ("alibaba_ens_self", "alibaba_ens_public", "alibaba_ehpc_custom"):
        make_source(kind, account)
    working.fail(vendor="alibaba", status=403, code="InDebt", times=0)
    page.goto(sources)
    for button in page.get_by_role("button", name=re.compile("^Sync .* now$")).all():
        button.click()
    failure = page.get_by_role("region", name="3 sources of")
    expect(failure).to_be_visible(timeout=30_000)
    expect(failure.get_by_role("listitem")).to_have_count(3)
    expect(failure.get_by_role("link", name="Replace credential")).to_have_count(0)
    accessible()
    working.heal()
    failure.get_by_role("button", name="Retry now").press("Enter")
    expect(page.get_by_text("Healthy", exact=True)).to_have_count(3, timeout=30_000)
    expect(failure).to_have_count(0)
    assert complaints == []


def test_a_suspect_listing_that_was_settled_meanwhile_says_what_became_of_it(
    page: Page, sources: str, alice: User, make_source: Any, make_run: Any, complaints: list[str], accessible: Any
) -> None:
    source = make_source(
        "alibaba_ens_self", last_complete_at=timezone.now(), next_sync_at=timezone.now() + timedelta(1)
    )
    run = make_run(source, "suspect", minutes_ago=90, error={"lost": 9, "present": 9}, digest=b"d" * 24)
    page.goto(sources)
    page.get_by_role("link", name="Accept or keep").click()
    page.get_by_role("link", name="Accept the listing…").click()
    started = accept_suspect(run, alice)  # somebody else was quicker
    assert started
    SyncRun.objects.filter(id=started.id).update(state="complete", finished_at=timezone.now())
    page.get_by_role("button", name="Accept the listing").click()
    expect(page.get_by_text("There is nothing to accept here any more.")).to_be_visible()
    expect(page.get_by_text("accepted this listing")).to_be_visible()
    accessible()
    page.goto(f"{page.url}accept/")
    expect(page.get_by_role("heading", name="There is nothing to decide here any more")).to_be_visible()
    expect(page.get_by_role("button", name="Accept the listing")).to_have_count(0)
    accessible()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Sync of")).last.click()
    expect(page.get_by_text("To believe the listing that was accepted:")).to_be_visible()
    accessible()
    page.get_by_role("main").get_by_role("link", name=re.compile("^Sync of")).click()
    expect(page.get_by_role("heading", name="This listing was not believed")).to_be_visible()
    assert complaints == []


@pytest.mark.parametrize("of", ["source", "run"])
def test_the_page_of_a_sync_stops_asking_when_it_is_over(
    page: Page, sources: str, working: Any, make_source: Any, complaints: list[str], accessible: Any, of: str
) -> None:
    source = make_source("alibaba_ens_self")
    working.latency(2.0)
    page.goto(f"{sources}{source.id}/")
    page.get_by_role("button", name="Sync now").click()
    if of == "run":
        page.get_by_role("table", name="Syncs").get_by_role("link").first.click()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    expect(page.get_by_text(re.compile(r"Page \d of 3"))).to_be_visible(timeout=30_000)
    accessible()
    working.latency(0)
    expect(page.get_by_role("status").filter(has_text="The sync is over:")).to_be_attached(timeout=30_000)
    expect(page.get_by_role("progressbar")).to_have_count(0)
    assert asked
    asked.clear()
    page.wait_for_timeout(2_500)  # longer than between two
    assert asked == [] and complaints == []
    accessible()


def test_what_a_sync_finds_is_new_since_the_last_visit(
    page: Page, sources: str, working: Any, make_source: Any, complaints: list[str], accessible: Any
) -> None:
    source = make_source("alibaba_ens_self")

    def sync() -> None:
        page.goto(sources)
        page.get_by_role("button", name="Sync ENS custom · cn-hangzhou now").click()
        expect(page.get_by_text("All syncs are over.")).to_be_attached(timeout=30_000)

    sync()
    page.get_by_role("link", name="Changes").click()
    expect(page.get_by_role("heading", name="Changes", exact=True)).to_be_visible()
    then = timedelta(minutes=90)
    ChangeVisit.objects.update(opened_at=F("opened_at") - then, shown_until=F("shown_until") - then)
    lost = Image.objects.filter(source=source).order_by("key")[:2]
    working.remove(listing="alibaba_ens_self", region="cn-hangzhou", ids=[image.remote_id for image in lost])
    sync()
    expect(page.get_by_role("link", name="2 missing")).to_be_visible()
    page.reload()
    page.get_by_role("link", name=re.compile("^Changes new since your last visit")).click()
    page.get_by_label("Since my last visit").check()
    expect(page.locator(".changes td.what")).to_have_count(2)
    for image in lost:
        expect(page.locator(".changes")).to_contain_text(image.name)
    accessible()
    assert complaints == []
