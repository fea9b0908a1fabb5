"""Language, theme, the pages of what went wrong: what belongs to no team."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, override_settings
from django.urls import include, path

from accounts.models import User
from accounts.views import bad_request, forbidden, not_found, server_error


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret detail")


urlpatterns = [path("broken/", broken), path("", include("config.urls"))]
handler400, handler403, handler404, handler500 = bad_request, forbidden, not_found, server_error


def test_a_theme_is_kept_for_the_browser_and_the_person(alice: User, as_user: Callable[[User], Client]) -> None:
    client = as_user(alice)
    response = client.post("/theme/", {"theme": "dark", "next": "/t/aero/images/?os=linux"})
    assert response["Location"] == "/t/aero/images/?os=linux"
    assert 'data-theme="dark"' in client.get("/t/aero/images/").content.decode()
    elsewhere = as_user(alice)
    assert 'data-theme="dark"' in elsewhere.get("/t/aero/images/").content.decode()
    client.post("/theme/", {"theme": "system"})
    assert "data-theme" not in client.get("/t/aero/images/").content.decode()


def test_a_theme_that_is_none_changes_nothing(db: None, client: Client) -> None:
    response = client.post("/theme/", {"theme": '"><script>'})
    assert response["Location"] == "/" and not response.cookies
    client.cookies["theme"] = '"><script>'
    assert "data-theme" not in client.get("/account/login/").content.decode()


@pytest.mark.parametrize("there", ["https://evil.example/", "//evil.example", "javascript:alert(1)", ""])
@pytest.mark.parametrize("way", ["/theme/", "/language/"])
def test_it_leads_to_no_other_site(db: None, client: Client, way: str, there: str) -> None:
    response = client.post(way, {"theme": "dark", "language": "en", "next": there})
    assert response["Location"] == "/"


def test_a_language_is_kept(alice: User, as_user: Callable[[User], Client]) -> None:
    client = as_user(alice)
    client.post("/language/", {"language": "zh-hans", "next": "/t/aero/images/"})
    alice.refresh_from_db()
    assert alice.preferences["language"] == "zh-hans"
    assert '<html lang="zh-hans"' in client.get("/t/aero/images/").content.decode()
    client.post("/language/", {"language": "tlh"})
    alice.refresh_from_db()
    assert alice.preferences["language"] == "zh-hans"


def test_choices_are_posted(db: None, client: Client) -> None:
    assert client.get("/theme/").status_code == client.get("/language/").status_code == 405


def test_a_person_without_a_team_is_told_whom_to_ask(alice: User, as_user: Callable[[User], Client]) -> None:
    alice.memberships.all().delete()
    response = as_user(alice).get("/")
    assert response.status_code == 200 and alice.email in response.content.decode()


def test_what_is_not_there_is_said_in_words(alice: User, as_user: Callable[[User], Client]) -> None:
    response = as_user(alice).get("/t/nobody/images/")
    assert response.status_code == 404 and "There is nothing here" in response.content.decode()


@override_settings(ROOT_URLCONF=__name__)
def test_a_fault_gives_a_reference_that_the_log_has_too(db: None, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        response = Client(raise_request_exception=False).get("/broken/")
    html = response.content.decode()
    found = re.search(r"<code>([0-9a-f]{12})</code>", html)
    assert response.status_code == 500 and found and found[1] in caplog.text
    assert "secret detail" not in html and "Traceback" not in html


def test_a_form_that_is_no_longer_valid_is_said_in_words(db: None) -> None:
    response = Client(enforce_csrf_checks=True).post("/theme/", {"theme": "dark"})
    assert response.status_code == 403 and "no longer valid" in response.content.decode()


def test_sign_up_is_closed_and_says_so(db: None, client: Client, settings: Any) -> None:
    assert "Sign-up is closed" in client.get("/account/signup/").content.decode()
    assert "/account/signup/" not in client.get("/account/login/").content.decode()
    settings.SIGNUP_OPEN = True
    assert "/account/signup/" in client.get("/account/login/").content.decode()


@pytest.mark.parametrize(
    "path",
    ["/account/login/", "/account/password/reset/", "/account/email/", "/account/password/change/", "/account/logout/"],
)
def test_no_page_has_a_script_or_a_style_of_its_own(alice: User, as_user: Callable[[User], Client], path: str) -> None:
    client = Client() if path in ("/account/login/", "/account/password/reset/") else as_user(alice)
    response = client.get(path)
    html = response.content.decode()
    assert response.status_code == 200 and "script-src 'self'" in response["Content-Security-Policy"]
    inline = [tag for tag in re.findall(r"<script[^>]*>", html) if "src=" not in tag and "application/json" not in tag]
    assert not inline and "<style" not in html and " style=" not in html and not re.search(r" on\w+=", html)
