"""Fixtures of the browser tests: pytest-playwright's `page`, on the system's Chromium."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from accounts.models import User
from tests.browsers import find_chromium
from tests.openid import provider  # noqa: F401 - a fixture

# Playwright's synchronous API runs an event loop in the test's thread, which Django would take for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browser_type_launch_args | {"executable_path": find_chromium(), "args": arguments}


@pytest.fixture
def sign_in(page: Page, live_server: Any) -> Callable[[User], None]:
    """The browser is signed in as this person, without the form."""

    def enter(user: User) -> None:
        client = Client()
        client.force_login(user)
        cookie = client.cookies[settings.SESSION_COOKIE_NAME]
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": live_server.url}])

    return enter


@pytest.fixture
def person(alice: User) -> User:
    """Who looks at `images`."""
    return alice


@pytest.fixture
def images(page: Page, live_server: Any, person: User, sign_in: Callable[[User], None]) -> str:
    """The address of the images page, the browser wide and signed in."""
    sign_in(person)
    page.set_viewport_size({"width": 1440, "height": 900})
    return f"{live_server.url}/t/aero/images/"


@pytest.fixture
def plain(browser: Browser, page: Page, images: str) -> Iterator[Page]:
    """The same browser without JavaScript."""
    context = browser.new_context(java_script_enabled=False, storage_state=page.context.storage_state())
    yield context.new_page()
    context.close()


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complains of: a script's error, a failed request, a breach of the content security policy."""
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))

    def refuse(dialog: Dialog) -> None:
        found.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    page.on("dialog", refuse)
    return found


@pytest.fixture
def late(page: Page) -> Callable[[], None]:
    """The first page that a step back asks for is held until this is called, which comes back when its answer was
    read, or nobody reads it any more."""
    held: list[Route] = []

    def hold(route: Route) -> None:
        is_step = "hx-history-restore-request" in route.request.headers
        held.append(route) if is_step and not held else route.fallback()

    page.route("**/t/*/*/**", hold)

    def answer() -> None:
        (route,) = held
        if route.request.failure is None:
            route.continue_()
            answered = route.request.response()
            assert answered
            answered.finished()

    return answer


@pytest.fixture
def accessible(page: Page) -> Callable[[], None]:
    """Holds the page, once no request goes on, against axe's rules, those of WCAG 2.2 AA and its best practices."""

    def look() -> None:
        expect(page.locator(".htmx-request, .htmx-swapping, .htmx-settling")).to_have_count(0)
        told = Axe().run(page, options={"rules": {"target-size": {"enabled": True}}})
        assert told.violations_count == 0, told.generate_report()

    return look
