"""Sign-in by allauth: by email, nothing told about who exists, and a password that can be asked for anew."""

import logging
import re

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts.actions import add_member
from accounts.models import AuditEvent, User
from tests.canaries.faults import database_refuses
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"


def sign_in(email: str, password: str, **extra):
    client = Client()
    return client, client.post(LOGIN, {"login": email, "password": password, **extra})


@pytest.mark.parametrize("email", ["alice@example.org", "ALICE@Example.org", " alice@example.org "])
def test_a_member_signs_in_by_email(alice, email):
    client, response = sign_in(email, PASSWORD)
    assert (response.status_code, response.url) == (302, "/") and SESSION_KEY in client.session


def test_who_was_made_by_a_command_needs_no_further_verification(team):
    add_member(team, "new@example.org", "viewer", "create_team", password=PASSWORD)
    client, _ = sign_in("new@example.org", PASSWORD)
    assert SESSION_KEY in client.session and not mail.outbox


def test_sign_in_leads_back_to_the_page_that_was_wanted(alice):
    _, response = sign_in(alice.email, PASSWORD, next="/t/aero/images/?os=linux")
    assert response.url == "/t/aero/images/?os=linux"


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "/\\evil.example"]
)
def test_sign_in_never_leads_to_another_site(alice, target):
    _, response = sign_in(alice.email, PASSWORD, next=target)
    assert response.url == "/"


def test_a_wrong_password_and_an_unknown_address_look_alike(alice):
    pages = []
    for email in (alice.email, "nobody@example.org"):
        client, response = sign_in(email, "wrong-wrong-wrong")
        assert SESSION_KEY not in client.session
        text = re.sub(r"\b[A-Za-z0-9]{64}\b", "TOKEN", response.content.decode())
        pages.append((response.status_code, text.replace(email, "EMAIL")))
    assert pages[0] == pages[1]


@pytest.mark.canary
def test_a_log_at_debug_holds_no_password(alice, caplog):
    """A template that misses a name logs all of what it looked in."""
    caplog.set_level(logging.DEBUG, "django.template")
    _, response = sign_in(alice.email, "c4nary-wrong-password", kept="a-form")
    assert "Failed lookup for key" in caplog.text, "it would have been logged"
    assert response.status_code == 200 and 'value="a-form"' in response.content.decode()
    assert "c4nary" not in caplog.text + "".join(str(record.exc_info) for record in caplog.records)


def test_who_is_switched_off_is_kept_out(alice):
    User.objects.update(is_active=False)
    client, _ = sign_in(alice.email, PASSWORD)
    assert SESSION_KEY not in client.session


def test_guessing_is_slowed_down(alice):
    """Five wrong ones, and even the right one is not tried for a while."""
    for _ in range(6):
        sign_in(alice.email, "wrong-wrong-wrong")
    client, response = sign_in(alice.email, PASSWORD)
    assert SESSION_KEY not in client.session
    assert response.status_code == 429 or "Too many" in response.content.decode()


def test_signing_in_needs_a_token_of_the_form(alice):
    client = Client(enforce_csrf_checks=True)
    assert client.post(LOGIN, {"login": alice.email, "password": PASSWORD}).status_code == 403


def test_signing_out_ends_the_session(alice, as_user):
    client = as_user(alice)
    client.post("/account/logout/")
    assert SESSION_KEY not in client.session


# Sign-up


def test_sign_up_is_closed(db):
    client = Client()
    client.post("/account/signup/", {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD})
    assert not User.objects.exists() and not mail.outbox


def test_sign_up_where_it_is_open_verifies_the_address_first(db, settings):
    settings.SIGNUP_OPEN = True
    client = Client()
    client.post("/account/signup/", {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD})
    user = User.objects.get()
    assert user.email == "new@example.org" and SESSION_KEY not in client.session
    assert list(AuditEvent.objects.values_list("actor", "action", "target_id")) == [
        (user.email, "user.signed_up", user.id)
    ]
    assert [message.to for message in mail.outbox] == [["new@example.org"]]
    sign_in("new@example.org", PASSWORD)
    link = re.search(r"http://testserver(/account/confirm-email/\S+)", mail.outbox[-1].body)[1]
    assert client.get(link).status_code in (200, 302)


def test_without_its_row_in_the_trail_nobody_signs_up(db, settings):
    settings.SIGNUP_OPEN = True
    client = Client(raise_request_exception=False)
    sent = {"email": "new@example.org", "password1": PASSWORD, "password2": PASSWORD}
    with database_refuses("accounts_auditevent"):
        assert client.post("/account/signup/", sent).status_code == 500
    assert not User.objects.exists() and not mail.outbox


# A forgotten password


def ask_for_reset(email: str):
    return Client().post("/account/password/reset/", {"email": email})


def test_a_forgotten_password_is_replaced_by_mail(alice, settings):
    ask_for_reset("ALICE@example.org")
    (message,) = mail.outbox
    assert message.to == ["alice@example.org"] and message.subject.startswith("[Bootshelf] ")
    assert message.from_email == settings.DEFAULT_FROM_EMAIL
    client = Client()
    page = client.get(re.search(r"http://testserver(/account/password/reset/key/\S+)", message.body)[1], follow=True)
    assert page.status_code == 200
    here = page.redirect_chain[-1][0]
    client.post(here, {"password1": "another-good-one", "password2": "another-good-one"})
    assert SESSION_KEY in sign_in(alice.email, "another-good-one")[0].session
    assert SESSION_KEY not in sign_in(alice.email, PASSWORD)[0].session


def test_a_reset_link_works_once(alice):
    ask_for_reset(alice.email)
    link = re.search(r"http://testserver(/account/password/reset/key/\S+)", mail.outbox[0].body)[1]
    client = Client()
    here = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(here, {"password1": "another-good-one", "password2": "another-good-one"})
    again = Client().get(link, follow=True)
    assert "password1" not in again.content.decode()


def test_a_weak_new_password_is_refused(alice):
    ask_for_reset(alice.email)
    client = Client()
    link = re.search(r"http://testserver(/account/password/reset/key/\S+)", mail.outbox[0].body)[1]
    here = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(here, {"password1": "short", "password2": "short"})
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_asking_for_an_unknown_address_tells_nothing_and_mails_nobody(alice):
    known, unknown = ask_for_reset(alice.email), ask_for_reset("nobody@example.org")
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)
    assert [message.to for message in mail.outbox] == [[alice.email]]


def test_a_session_ends_with_a_new_password(alice, as_user):
    client = as_user(alice)
    alice.set_password("another-good-one")
    alice.save()
    assert client.get(reverse("home")).status_code == 302


def test_the_mail_is_addressed_as_the_product_is_and_not_as_the_request_says(alice, settings):
    """A Host header of an attacker's must not end in the link of a reset mail."""
    settings.ALLOWED_HOSTS = ["testserver"]
    response = Client().post("/account/password/reset/", {"email": alice.email}, headers={"host": "evil.example"})
    assert response.status_code == 400 and not mail.outbox


def test_a_language_goes_with_its_person_into_a_new_browser(alice):
    alice.preferences["language"] = "zh-hans"
    alice.save()
    client, _ = sign_in(alice.email, PASSWORD)
    assert "退出登录" in client.get("/t/aero/team/").content.decode()


def test_a_language_that_was_chosen_in_a_browser_stays_there(alice):
    alice.preferences["language"] = "zh-hans"
    alice.save()
    client = Client()
    client.post("/language/", {"language": "en"})
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert "Sign out" in client.get("/t/aero/team/").content.decode()
    assert int(client.cookies["django_language"]["max-age"]) > 300 * 24 * 3600, "and when the browser is closed"


@pytest.mark.parametrize("kept", [None, "tlh", ["en"]])
def test_whose_language_is_not_known_reads_the_browsers(alice, kept):
    alice.preferences["language"] = kept
    alice.save()
    client = Client(headers={"accept-language": "zh-CN"})
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert "退出登录" in client.get("/t/aero/team/").content.decode()


def test_a_mail_is_in_the_language_of_whom_it_is_for(alice, bob):
    alice.preferences["language"] = "zh-hans"
    alice.save()
    for person in (alice, bob):
        Client().post("/account/password/reset/", {"email": person.email})
    chinese, english = mail.outbox
    assert "密码" in chinese.body and "password" not in chinese.body.replace("/password/", "")
    assert "password" in english.body and "密码" not in english.body
