"""Fixtures of the browser tests: pytest-playwright's `page`, on the system's Chromium."""

import os
from typing import Any

import pytest

from tests.browsers import find_chromium

# Playwright's synchronous API runs an event loop in the test's thread, which Django would take for asynchronous code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browser_type_launch_args | {"executable_path": find_chromium(), "args": arguments}
