"""Every page in Chromium, signed in and not: no breach of the content security policy, no error of a script, no request
to anywhere else. Whatever strangers wrote, it stays text.

The pages are those of tests/isolation/test_pages.py and of the URL conf: a new one without an argument is looked at by
itself, and one with an argument fails until it is given here or there.
"""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.urls import get_resolver, reverse
from playwright.sync_api import Dialog, Page, expect

from accounts.models import CloudAccount, Team, User
from catalog.models import Source, SyncRun
from tests.hostile import ISOLATED, MARK, SPOILED, spoil
from tests.isolation.test_pages import addresses as addresses_of_team
from tests.isolation.world import World, populate
from tests.test_access import ASKED_PAGES, OWN_PAGES, TEAM_PAGES
from tests.test_access import addresses as patterns

pytestmark = [
    pytest.mark.browser,
    pytest.mark.access,
    pytest.mark.django_db(transaction=True),
    pytest.mark.timeout(600),
]

# Pages of no team whose address has an argument: what it is. That there is nothing is a page too.
ARGUMENTS: dict[str, list[Any]] = {
    "account_confirm_email": ["no-such-key"],
    "account_reset_password_from_key": ["1", "no-such-key"],
    "invitation_open": ["no-such-token"],
    "openid_connect_login": ["no-such-provider"],
    "openid_connect_callback": ["no-such-provider"],
    "mfa_edit_webauthn": [0],
    "mfa_remove_webauthn": [0],
}
FILES = {"image_export", "batch_export", "batch_template", "audit_export"}  # a browser downloads these
OF_A_LIST = 8  # addresses of one view that are looked at; they differ in their filter alone
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
    `policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`));
"""
type MakeWorld = Callable[[str], World]


@pytest.fixture
def make_world(
    team: Team, alice: User, make_account: Callable[..., CloudAccount], make_source: Callable[..., Source],
    make_run: Callable[..., SyncRun],
) -> MakeWorld:  # fmt: skip
    return lambda word: populate(team, alice, make_account, make_source, make_run, word)


class Walk:
    """A browser that goes from page to page and keeps what was wrong on each."""

    def __init__(self, page: Page, origin: str) -> None:
        self.page, self.origin, self.found, self.here = page, origin, list[str](), ""
        page.add_init_script(WATCH)
        page.on("console", lambda message: self.note(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.note(f"error: {error}"))
        page.on("request", lambda request: self.look_at(request.url))
        page.on("dialog", self.refuse)

    def refuse(self, dialog: Dialog) -> None:
        self.note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def note(self, text: str) -> None:
        if "Failed to load resource" not in text:  # an answer of 4xx, which `to` looks at
            self.found.append(f"{self.here}: {text[:300]}")

    def look_at(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and (not url.startswith(self.origin) or MARK in parts.path):
            self.note(f"asked for {url[:200]}")

    def to(self, url: str) -> None:
        self.here = url
        if self.page.request.get(self.origin + url, max_redirects=0).status == 405:
            return  # a door that takes a form alone shows no page
        answer = self.page.goto(self.origin + url)
        most = 399 if url.startswith("/t/") else 499  # what went wrong is a page too, where nothing is given to show
        assert answer and answer.status <= most, (url, answer and answer.status)
        expect(self.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)


@pytest.fixture
def walk(page: Page, live_server: Any) -> Walk:
    return Walk(page, live_server.url)


def of_nobody() -> Iterator[str]:
    """The addresses of the pages that belong to no team."""
    of_teams = {rule.name for rule in (*TEAM_PAGES, *OWN_PAGES, *ASKED_PAGES)}
    for name, pattern in patterns(get_resolver()):
        if name in of_teams or name == "catalog:change_atom":  # that needs a team's token
            continue
        asks = pattern.pattern.regex.groups
        assert not asks or name in ARGUMENTS, f"{name}: say in ARGUMENTS with what its address is to be looked at"
        yield reverse(name, args=ARGUMENTS.get(name, []))


def of_team(world: World) -> list[str]:
    found: dict[str, list[str]] = {}
    for name, url in addresses_of_team(world):
        if name not in FILES:
            found.setdefault(name, []).append(url)
    return [url for name, urls in found.items() for url in (urls[:OF_A_LIST] if name == "image_list" else urls)]


def test_no_page_breaks_the_policy(walk: Walk, sign_in: Callable[[User], None], make_world: MakeWorld) -> None:
    for url in of_nobody():
        walk.to(url)
    world = make_world("aaaero")
    sign_in(world.admin)
    for url in (*of_nobody(), *of_team(world)):
        walk.to(url)
    assert walk.found == []


def test_what_strangers_wrote_stays_text(walk: Walk, sign_in: Callable[[User], None], make_world: MakeWorld) -> None:
    world = make_world(SPOILED[:40])
    spoil(world)
    sign_in(world.admin)
    loose = set()
    for url in (*of_nobody(), *of_team(world)):
        walk.to(url)
        assert walk.page.evaluate(f"[...document.querySelectorAll('[data-{MARK}]')].length") == 0, url
        assert walk.page.evaluate(f"'{MARK}' in window") is False, url
        loose |= {(urlsplit(url).path, text) for text in walk.page.evaluate(ISOLATED)}
    assert walk.found == []
    assert not loose, "wrap these in <bdi>: " + "\n".join(f"{path} {text}" for path, text in sorted(loose))
