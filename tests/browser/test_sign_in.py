import re

import pytest
from playwright.sync_api import Browser, Page, expect

from accounts.models import User
from tests.conftest import PASSWORD
from tests.openid import Provider

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_person_signs_in_by_keyboard(live_server: str, page: Page, alice: User) -> None:
    page.goto(f"{live_server}/account/login/")
    page.get_by_label("Email").fill(alice.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/t/aero/images/$"))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_button_leads_to_the_provider_of_single_sign_on_and_back(
    scripts: bool, live_server: str, browser: Browser, alice: User, provider: Provider
) -> None:
    """Past the policy of the page, which lets no form end on another site."""
    with browser.new_context(java_script_enabled=scripts) as context:
        page = context.new_page()
        page.goto(f"{live_server}/account/login/?next=/t/aero/team/")
        page.get_by_role("button", name="Sign in by Aero ID").click()
        expect(page).to_have_url(re.compile("/t/aero/team/$"))
        assert len(provider.asked) == 1
