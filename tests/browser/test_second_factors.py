"""A second factor as a person sets it up and signs in with it: an authenticator app, recovery codes, passkeys.

The passkeys are made by Chromium's own virtual authenticator: real keys, real signatures, no finger.
"""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core.cache import cache
from playwright.sync_api import CDPSession, Page, expect

from accounts.models import AuditEvent, User
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    cache.clear()


@pytest.fixture
def at(live_server: Any) -> str:
    """WebAuthn takes plain HTTP on this host only."""
    return str(live_server.url).replace("127.0.0.1", "localhost")


@pytest.fixture
def keys(page: Page) -> Iterator[CDPSession]:
    """A device that holds passkeys, and whose owner is always there."""
    session = page.context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True,
        "isUserVerified": True, "automaticPresenceSimulation": True,
    }  # fmt: skip
    session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    yield session
    session.detach()


def give_password(page: Page, at: str, user: User) -> None:
    page.goto(f"{at}/account/login/")
    page.get_by_label("Email").fill(user.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def sign_out(page: Page, at: str) -> None:
    page.goto(f"{at}/account/logout/")
    page.get_by_role("main").get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{at}/account/login/")


def add_passkey(page: Page, at: str, name: str) -> None:
    page.goto(f"{at}/account/passkeys/add/")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Add a passkey").click()
    expect(page).not_to_have_url(f"{at}/account/passkeys/add/")


def code(seed: str, steps: int = 0) -> str:
    return format_hotp_value(hotp_value(seed, int(time.time()) // 30 + steps))


def test_an_app_and_recovery_codes(
    page: Page, at: str, alice: User, complaints: list[str], accessible: Callable[[], None]
) -> None:
    give_password(page, at, alice)
    page.get_by_label("Your menu").click()
    with page.expect_navigation():
        page.get_by_role("link", name="Your account").click()
    accessible()
    with page.expect_navigation():
        page.get_by_role("link", name="Set up").click()
    accessible()
    page.get_by_role("link", name="Set up").click()
    expect(page.get_by_alt_text("The key as a QR code")).to_be_visible()
    accessible()
    seed = page.locator("#authenticator_secret").inner_text()
    page.get_by_label("Authenticator code").fill("000000")
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_text("Incorrect code.")).to_be_visible()
    page.get_by_label("Authenticator code").fill(code(seed))
    with page.expect_navigation():
        page.get_by_role("button", name="Turn it on").click()
    codes = page.locator("#recovery-codes").inner_text().split()
    assert len(codes) == 10
    accessible()

    for given in (code(seed, 1), codes[0]):
        sign_out(page, at)
        give_password(page, at, alice)
        expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
        accessible()
        page.get_by_label("Code").fill(given)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page).to_have_url(re.compile("/t/aero/images/$"))
    page.goto(f"{at}/account/second-factor/")
    expect(page.get_by_text("9 codes are left.")).to_be_visible()
    accessible()
    assert not complaints


def test_a_passkey_signs_in_alone(
    page: Page, at: str, alice: User, keys: CDPSession, complaints: list[str], accessible: Callable[[], None]
) -> None:
    give_password(page, at, alice)
    add_passkey(page, at, "Laptop")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page, at)
    page.goto(f"{at}/account/login/?next=/t/aero/team/")
    accessible()
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(f"{at}/t/aero/team/")
    page.goto(f"{at}/account/second-factor/")
    expect(page.get_by_role("row", name="Laptop")).not_to_contain_text("never")
    accessible()
    assert not complaints
    assert [one.action for one in AuditEvent.objects.all()] == ["second_factor.added"]


def test_a_passkey_is_the_second_factor_too(page: Page, at: str, alice: User, keys: CDPSession) -> None:
    give_password(page, at, alice)
    add_passkey(page, at, "Laptop")
    sign_out(page, at)
    give_password(page, at, alice)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page).to_have_url(re.compile("/t/aero/images/$"))


def test_a_passkey_is_renamed_and_removed(page: Page, at: str, alice: User, keys: CDPSession) -> None:
    give_password(page, at, alice)
    add_passkey(page, at, "Laptop")
    page.goto(f"{at}/account/second-factor/")
    page.get_by_role("link", name="Rename Laptop").click()
    page.get_by_label("Name").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove Old laptop").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("They are made with your first app or passkey.")).to_be_visible()
    assert not Authenticator.objects.exists()
    actions = [one.action for one in AuditEvent.objects.order_by("id")]
    assert actions == ["second_factor.added", "second_factor.renamed", "second_factor.removed"]


def test_a_name_that_is_too_long_is_cut_and_hostile_text_is_text(
    page: Page, at: str, alice: User, keys: CDPSession, complaints: list[str]
) -> None:
    give_password(page, at, alice)
    page.goto(f"{at}/account/passkeys/add/")
    page.get_by_label("Name").evaluate("box => { box.maxLength = 9999; box.value = '<b>\u202ex</b>'.repeat(99) }")
    page.get_by_role("button", name="Add a passkey").click()
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    name = Authenticator.objects.get(type="webauthn").wrap().name
    assert len(name) == 100 and name.startswith("<b>")
    page.goto(f"{at}/account/second-factor/")
    expect(page.get_by_role("row", name="<b>")).to_be_visible()
    assert not complaints


def test_a_passkey_that_is_none_is_told_in_one_sentence(
    page: Page, at: str, alice: User, keys: CDPSession, accessible: Callable[[], None]
) -> None:
    """Whose credentials are gone from the device."""
    page.goto(f"{at}/account/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("The passkey was not used", timeout=90_000)
    expect(page).to_have_url(f"{at}/account/login/")


def test_without_javascript_the_password_and_the_app_are_left(page: Page, at: str, browser: Any, alice: User) -> None:
    context = browser.new_context(java_script_enabled=False)
    plain = context.new_page()
    give_password(plain, at, alice)
    expect(plain).to_have_url(re.compile("/t/aero/images/$"))
    plain.goto(f"{at}/account/passkeys/add/")
    expect(plain.get_by_text("Passkeys need JavaScript.")).to_be_visible()
    plain.goto(f"{at}/account/second-factor/app/")
    seed = plain.locator("#authenticator_secret").inner_text()
    plain.get_by_label("Authenticator code").fill(code(seed))
    plain.get_by_role("button", name="Turn it on").click()
    expect(plain.get_by_role("heading", name="Recovery codes")).to_be_visible()
    plain.goto(f"{at}/account/sessions/")
    expect(plain.get_by_text("this one")).to_be_visible()
    context.close()
