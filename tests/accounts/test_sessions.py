"""How long a session lasts, and what is asked of whoever signed in long ago. Time passes by what the session keeps."""

import time

import pytest
from allauth.account import signals
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client
from django.test.client import ClientHandler
from django.test.utils import CaptureQueriesContext

from accounts.models import CloudAccount, User
from accounts.session_store import stored
from accounts.sessions import SEEN, STARTED, SessionLimitsMiddleware, renew
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
HOUR = 3600
PAGE, ADD = "/t/aero/team/", "/t/aero/accounts/add/"


@pytest.fixture
def client(alice: User, as_user) -> Client:
    return as_user(alice)


def ago(client: Client, **hours: float) -> None:
    """Of the times in the session, those named were so long ago."""
    session = client.session
    session.update({name: time.time() - amount * HOUR for name, amount in hours.items()})
    session.save()


def started(client: Client, hours: float) -> None:
    ago(client, **{STARTED: hours})


def test_a_session_ends_when_nothing_was_asked_for_long(client, settings):
    settings.SESSION_IDLE_SECONDS = 2 * HOUR
    ago(client, **{SEEN: 1.9})
    assert client.get(PAGE).status_code == 200
    assert time.time() - client.session[SEEN] < 60, "being asked is written down"
    ago(client, **{SEEN: 2.1})
    met = client.get(PAGE)
    assert (met.status_code, met["Location"]) == (302, f"/account/login/?next={PAGE}")
    assert SESSION_KEY not in client.session


def test_a_session_ends_however_much_it_is_used(client, settings):
    settings.SESSION_ABSOLUTE_SECONDS = 24 * HOUR
    started(client, 23.9)
    assert client.get(PAGE).status_code == 200
    started(client, 24.1)
    assert client.get(PAGE)["Location"].startswith("/account/login/")
    started(client, 0)
    assert client.get(PAGE).status_code == 302, "it is gone, and no later time brings it back"


def test_a_session_that_knows_no_time_is_over(client):
    session = client.session
    del session[STARTED]
    session.save()
    assert client.get(PAGE).status_code == 302


def test_the_limits_cost_a_page_no_query(client, settings):
    counted = []
    for middleware in (settings.MIDDLEWARE, [one for one in settings.MIDDLEWARE if "SessionLimits" not in one]):
        settings.MIDDLEWARE = middleware
        with CaptureQueriesContext(connection) as queries:
            assert client.get(PAGE).status_code == 200
        client.handler = ClientHandler()
        counted.append(len(queries))
    assert counted[0] == counted[1]


# Several requests of one browser at once


def test_a_poll_with_the_key_of_before_a_confirmation_signs_nobody_out(client):
    poll = Client()
    poll.cookies[settings.SESSION_COOKIE_NAME] = client.session.session_key
    confirm(client, f"/account/reauthenticate/?next={PAGE}")
    met = poll.get(PAGE, headers={"HX-Request": "true"})
    assert met["HX-Redirect"].startswith("/account/login/") and settings.SESSION_COOKIE_NAME not in met.cookies
    assert client.get(PAGE).status_code == 200


def test_signing_out_takes_the_key_away(client):
    before = client.session.session_key
    met = client.post("/account/logout/")
    assert met.cookies[settings.SESSION_COOKIE_NAME].value not in ("", before), "that of a session with the farewell"


def test_a_session_that_is_over_takes_the_cookie_away(client):
    started(client, 24 * 365)
    assert client.get(PAGE).cookies[settings.SESSION_COOKIE_NAME].value == ""


def test_the_cookie_is_told_once(client):
    """The answer to a poll, after that of the confirmation, would bring the old key back."""
    ago(client, **{SEEN: 1})
    before = client.session.session_key
    assert settings.SESSION_COOKIE_NAME not in client.get(PAGE).cookies and client.session.session_key == before
    assert time.time() - client.session[SEEN] < 60, "though this was written"


@pytest.fixture
def ended_meanwhile(client):
    """While a request of the client is answered, once it was read, its session ends."""

    def end(sender, **told):
        Session.objects.all().delete()

    signals.authentication_step_completed.disconnect(dispatch_uid="session-renewed")
    signals.authentication_step_completed.connect(end, dispatch_uid="ended")
    signals.authentication_step_completed.connect(renew, dispatch_uid="session-renewed")
    yield
    signals.authentication_step_completed.disconnect(dispatch_uid="ended")


def test_what_is_written_into_a_session_that_is_gone_is_dropped_and_the_answer_stays(client, monkeypatch):
    def end_and_answer(self, request):
        request.session["x"] = 1
        Session.objects.all().delete()
        return self.get_response(request)

    monkeypatch.setattr(SessionLimitsMiddleware, "__call__", end_and_answer)
    met = client.get(PAGE)
    assert met.status_code == 200 and "Cookie" in met["Vary"] and settings.SESSION_COOKIE_NAME not in met.cookies
    assert not Session.objects.exists()


def test_a_confirmation_revives_no_session_that_was_ended_meanwhile(client, alice, ended_meanwhile):
    met = confirm(client, f"/account/reauthenticate/?next={PAGE}")
    assert met["Location"].startswith("/account/login/") and not Session.objects.exists()
    assert client.get(PAGE).status_code == 302


def test_a_confirmation_tells_a_place_that_was_lost(client, alice):
    alice.usersession_set.all().delete()
    confirm(client, f"/account/reauthenticate/?next={PAGE}")
    assert alice.usersession_set.get().session_key == stored(client.session.session_key)


# What needs a recent sign-in


def confirm(client: Client, there: str, password: str = PASSWORD):
    return client.post(there, {"password": password})


def test_who_signed_in_just_now_is_not_asked_again(client):
    assert client.get(ADD).status_code == 200


def test_a_credential_asks_for_a_recent_sign_in_and_leads_back(client):
    started(client, 1)
    met = client.get(f"{ADD}?vendor=huawei")
    assert met["Location"] == "/account/reauthenticate/?next=/t/aero/accounts/add/%3Fvendor%3Dhuawei"
    assert client.get(met["Location"]).status_code == 200
    back = confirm(client, met["Location"])
    assert back["Location"] == f"{ADD}?vendor=huawei"
    assert client.get(back["Location"]).status_code == 200
    assert client.get(PAGE).status_code == 200, "and the session goes on"


def test_a_wrong_password_confirms_nothing(client):
    started(client, 1)
    there = client.get(ADD)["Location"]
    assert confirm(client, there, "wrong-wrong-wrong").status_code == 200
    assert client.get(ADD).status_code == 302


def test_nothing_is_changed_before_it_is_confirmed(client, make_account):
    account = make_account()
    here = f"/t/aero/accounts/{account.id}/"
    started(client, 1)
    for path in ("edit/", "delete/"):
        met = client.post(f"{here}{path}", {"name": "mine", "confirm": account.name}, headers={"Referer": here})
        assert met["Location"].startswith("/account/reauthenticate/")
    assert CloudAccount.objects.get().name == account.name


def test_where_a_sending_leads_back_to_is_of_this_site(client, make_account):
    here = f"/t/aero/accounts/{make_account().id}/delete/"
    started(client, 1)
    ours, theirs = (
        client.post(here, headers={"Referer": there}) for there in (f"http://testserver{here}", "https://evil.example/")
    )
    assert here in ours["Location"] and theirs["Location"].endswith("?next=/")
    assert "Nothing was changed yet" in client.get(ours["Location"]).content.decode()


def test_a_fragment_is_not_interrupted_and_a_sending_by_htmx_goes_as_a_whole_page(client):
    started(client, 1)
    htmx = {"HX-Request": "true", "HX-Current-URL": f"http://testserver{ADD}"}
    assert client.get(ADD, headers=htmx).status_code == 200
    met = client.post(ADD, {}, headers=htmx | {"Referer": f"http://testserver{ADD}"})
    assert met["HX-Redirect"].startswith("/account/reauthenticate/?next=")


def test_a_confirmation_is_recent_for_a_while(client, settings):
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 900
    started(client, 1)
    confirm(client, client.get(ADD)["Location"])
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] -= 901
    session.save()
    assert client.get(ADD).status_code == 302


def test_who_has_nothing_to_confirm_with_signs_in_anew(client, alice):
    alice.set_unusable_password()
    alice.save()
    client.force_login(alice)
    started(client, 1)
    met = client.get(ADD)
    assert met["Location"].startswith("/account/login/?next=") and SESSION_KEY not in client.session


def test_a_stranger_finds_the_sign_in_page_and_an_outsider_nothing(client, charlie, as_user):
    assert Client().get(ADD)["Location"].startswith("/account/login/")
    outsider = as_user(charlie)
    started(outsider, 1)
    assert outsider.get(ADD).status_code == 404
