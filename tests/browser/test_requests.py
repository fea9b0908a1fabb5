"""An editor's request and an admin's decision in a real browser, with a real worker and simulated clouds."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import AuditEvent
from catalog.models import Image, Registration
from tests.browser.looks import LOOKS
from tests.workers import worker

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

CANARY = "canary-registry-password"
REFERENCE = "aero-registry-vpc.cn-hangzhou.cr.aliyuncs.com/hpc/solver:7.2"


@pytest.fixture
def working(simulated):
    with worker(SIMULATOR_URL=simulated.url):
        yield simulated


@pytest.fixture
def account(make_account):
    return make_account(name="Aero HPC production")


@pytest.mark.parametrize("javascript", [True, False])
def test_an_editor_asks_is_declined_asks_again_and_finds_the_image_on_the_shelf(
    live_server, browser, as_user, alice, eve, account, working, javascript
):
    home = f"{live_server.url}/t/aero"
    pages = {}
    for user in (alice, eve):
        context = browser.new_context(java_script_enabled=javascript)
        cookie = as_user(user).cookies["session"]
        context.add_cookies([{"name": "session", "value": cookie.value, "url": live_server.url}])
        pages[user] = context.new_page()
    editor, admin = pages[eve], pages[alice]

    editor.goto(f"{home}/registrations/")
    editor.get_by_role("link", name="Request an image").first.click()
    editor.get_by_label("Region", exact=True).fill("cn-hangzhou")
    editor.get_by_label("Name", exact=True).fill("solver")
    editor.get_by_label("Version").fill("7.1")
    editor.get_by_label("Image reference").fill(REFERENCE)
    editor.get_by_label("Registry instance ID").fill("cri-xyz795ygf8k9")
    editor.get_by_label("User name").fill("robot")
    editor.get_by_label("Password").fill(CANARY)
    editor.get_by_role("button", name="Review and request").click()
    expect(editor.get_by_text("Admins register; as an editor you ask for it.")).to_be_visible()
    editor.get_by_role("button", name="Request", exact=True).click()
    expect(editor.get_by_role("heading", name="Waiting for an admin")).to_be_visible()

    admin.goto(f"{home}/registrations/")
    admin.get_by_role("link", name="Show it").click()
    admin.get_by_role("link", name="solver").first.click()
    expect(admin.get_by_role("group", name="AddImage")).to_contain_text("••••••••")
    admin.get_by_role("button", name="Decline").click()
    expect(admin.get_by_text("Say why, in a word")).to_be_visible()
    admin.get_by_label("A word to who asked").fill("7.1 has a bug: take 7.2")
    admin.get_by_role("button", name="Decline").click()
    expect(admin.get_by_text("Declined. Who asked for it is told.")).to_be_visible()

    if javascript:  # it comes by itself
        expect(editor.get_by_text("7.1 has a bug: take 7.2").first).to_be_visible(timeout=30_000)
    else:
        editor.goto(f"{home}/registrations/")
        editor.get_by_role("link", name="solver").first.click()
    editor.get_by_role("link", name="Edit and ask again").click()
    expect(editor.get_by_label("Image reference")).to_have_value(REFERENCE)
    editor.get_by_label("Version").fill("7.2")
    editor.get_by_label("Password").fill(CANARY)
    editor.get_by_role("button", name="Review and request").click()
    editor.get_by_role("button", name="Request", exact=True).click()
    expect(editor.get_by_role("heading", name="Waiting for an admin")).to_be_visible()

    admin.goto(editor.url)
    admin.get_by_label("A word to who asked").fill("thank you")
    admin.get_by_role("button", name="Approve and register").click()
    done = editor.get_by_text("The image is on the shelf.")
    for _ in range(0 if javascript else 120):
        if done.is_visible():
            break
        editor.goto(editor.url)
        editor.wait_for_timeout(250)
    expect(done).to_be_visible(timeout=30_000)
    editor.get_by_role("link", name="Open the image").click()
    expect(editor.get_by_role("heading", name="solver").first).to_be_visible()

    assert len(working.requests("AddImage")) == 1 and Image.objects.get().version == "7.2"
    actions = AuditEvent.objects.filter(action__startswith="registration.").order_by("id")
    assert list(actions.values_list("actor", "action")) == [
        (eve.email, "registration.requested"),
        (alice.email, "registration.declined"),
        (eve.email, "registration.requested"),
        (alice.email, "registration.approved"),
        ("worker", "registration.succeeded"),
    ]
    for page in pages.values():
        assert CANARY not in page.content()
        page.context.close()


def test_a_request_is_withdrawn_by_keyboard(live_server, page, sign_in, eve, alice, account, complaints, accessible):
    asked = make(account, eve)
    sign_in(eve)
    page.goto(f"{live_server}/t/aero/registrations/{asked.id}/")
    with page.expect_navigation():
        page.get_by_role("link", name="Withdraw…").press("Enter")
    accessible()
    page.get_by_role("link", name="Cancel").press("Enter")
    page.get_by_role("link", name="Withdraw…").press("Enter")
    page.get_by_role("button", name="Withdraw").press("Enter")
    expect(page.get_by_role("heading", name="Withdrawn")).to_be_visible()
    accessible()
    assert complaints == []


@pytest.mark.parametrize(("width", "scheme"), LOOKS)
def test_every_page_of_requests_fits_and_is_accessible(
    live_server, page, sign_in, alice, eve, account, width, scheme, complaints, accessible, settings
):
    settings.MAIL_IS_SET = True
    at = timezone.now()
    ended = {"decided_by": alice.email, "decided_at": at, "finished_at": at, "state": "declined"}
    rows = [
        make(account, eve, name="x" * 120),
        make(account, eve),
        make(account, eve, decision="declined", decision_word="because " * 60, **ended),
        make(account, eve, decision="withdrawn", told_at=at, **ended),
        make(account, eve, decision="expired", created_at=at - timedelta(days=8), **ended),
        make(account, eve, decision="approved", **ended | {"state": "pending", "finished_at": None}),
    ]
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    for user in (alice, eve):
        sign_in(user)
        for path in [
            "",
            "registrations/",
            "registrations/add/",
            "team/",
            *(f"registrations/{row.id}/" for row in rows),
        ]:
            page.goto(f"{live_server}/t/aero/{path}")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            accessible()
    page.goto(f"{live_server}/t/aero/registrations/add/?like={rows[0].id}")
    page.get_by_role("button", name="Review and request").click()
    expect(page.get_by_text(re.compile("Who can decide: Alice Liddell"))).to_be_visible()
    accessible()
    assert complaints == []


def make(account, user, **fields):
    row = {
        "type": "container", "name": "solver", "version": "7.2", "registry_url": REFERENCE, "region": "cn-hangzhou",
        "state": "requested",
    }  # fmt: skip
    return Registration.objects.create(
        team=account.team, cloud_account=account, account_name=account.name, requested_by=user.email, requester=user,
        **row | fields,
    )  # fmt: skip
