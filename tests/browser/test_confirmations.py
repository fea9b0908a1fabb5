"""Whoever signed in long ago confirms that it is they, and goes on where they were."""

import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import Page, expect

from accounts.models import CloudAccount, User
from accounts.session_store import SessionStore, stored
from accounts.sessions import STARTED
from tests.conftest import PASSWORD

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_form_of_a_cloud_account_comes_back_all_but_its_credential(
    page: Page, live_server: Any, alice: User, sign_in: Callable[[User], None],
    complaints: list[str], accessible: Callable[[], None],
) -> None:  # fmt: skip
    sign_in(alice)
    page.goto(f"{live_server.url}/t/aero/accounts/add/?vendor=huawei")
    page.get_by_label("Name", exact=True).fill("Desktops")
    page.get_by_label("Access key (AK)").fill("AK-one-two-three")
    page.get_by_label("Secret key (SK)").fill("a-canary-secret")
    page.get_by_label("Project ID").fill("a-project")
    sign_in_was_an_hour_ago(page)
    page.get_by_role("button", name="Save without a test").click()
    expect(page).to_have_url(re.compile("/account/reauthenticate/"))
    accessible()
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("The credential is not kept: enter it again.")).to_be_visible()
    accessible()
    assert [page.get_by_label(name).input_value() for name in ("Secret key (SK)", "Project ID")] == ["", "a-project"]
    page.get_by_label("Access key (AK)").fill("AK-one-two-three")
    page.get_by_label("Secret key (SK)").fill("a-canary-secret")
    page.get_by_role("button", name="Save without a test").click()
    expect(page.get_by_text("Desktops is connected.")).to_be_visible()
    assert CloudAccount.objects.get().name == "Desktops" and not complaints


def sign_in_was_an_hour_ago(page: Page) -> None:
    key = next(one["value"] for one in page.context.cookies() if one["name"] == "session")
    assert Session.objects.filter(session_key=stored(key)).exists()
    session = SessionStore(key)
    session[STARTED] = time.time() - 3600
    session.save()
