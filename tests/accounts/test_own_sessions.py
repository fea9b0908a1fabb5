"""Your account, and where you are signed in."""

from datetime import timedelta

import pytest
from allauth.core.context import request_context
from allauth.usersessions.internal.flows.sessions import end_other_sessions
from asgiref.sync import async_to_sync
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import AuditEvent, User
from accounts.session_store import SessionStore, stored
from accounts.sessions import SEEN, STARTED
from catalog.tasks import tidy
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
SESSIONS, ACCOUNT = "/account/sessions/", "/account/"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def signed_in(user: User, **told) -> Client:
    client = Client(**told)
    client.post("/account/login/", {"login": user.email, "password": PASSWORD})
    assert SESSION_KEY in client.session
    return client


def alive(client: Client) -> bool:
    return client.get(ACCOUNT).status_code == 200


def test_one_sees_where_one_is_signed_in(alice, bob):
    here = signed_in(alice, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.1")
    signed_in(alice, REMOTE_ADDR="192.0.2.2")
    signed_in(bob, REMOTE_ADDR="192.0.2.3")
    page = here.get(SESSIONS).content.decode()
    assert "Firefox, Linux" in page and "192.0.2.1" in page and "192.0.2.2" in page and "192.0.2.3" not in page
    assert page.count("this one") == 1
    assert "signed in at 2 places" in here.get(ACCOUNT).content.decode()


def test_one_of_them_is_ended(alice):
    here, other, third = (signed_in(alice, REMOTE_ADDR=f"192.0.2.{n}") for n in (1, 2, 3))
    row = alice.usersession_set.get(ip="192.0.2.2")
    here.post(SESSIONS, {"session": row.id})
    assert [alive(client) for client in (here, other, third)] == [True, False, True]
    (told,) = AuditEvent.objects.all()
    assert (told.action, told.actor, told.team, told.changes) == ("session.ended", alice.email, None, {"sessions": 1})


def test_all_others_are_ended_at_once(alice, bob):
    clients = [signed_in(alice) for _ in range(4)]
    somebody = signed_in(bob)
    clients[0].post(SESSIONS, {"session": "others"})
    assert [alive(client) for client in (*clients, somebody)] == [True, False, False, False, True]
    assert AuditEvent.objects.get().changes == {"sessions": 3}


@pytest.mark.parametrize("which", ["", "0", "-1", "x", "9" * 40, "٣"])
def test_what_is_no_session_ends_none(alice, which):
    here, other = signed_in(alice), signed_in(alice)
    assert here.post(SESSIONS, {"session": which}).status_code == 302
    assert alive(here) and alive(other) and not AuditEvent.objects.exists()


def test_nobody_ends_the_session_of_another(alice, bob):
    hers, his = signed_in(alice), signed_in(bob)
    his.post(SESSIONS, {"session": alice.usersession_set.get().id})
    assert alive(hers) and not AuditEvent.objects.exists()


def test_whoever_finds_an_open_browser_ends_no_session(alice):
    here, other = signed_in(alice), signed_in(alice)
    session = here.session
    session[STARTED] -= 3600
    session.save()
    met = here.post(SESSIONS, {"session": "others"})
    assert met["Location"].startswith("/account/reauthenticate/") and alive(other)


def test_a_session_that_is_over_is_not_shown(alice, settings):
    here, other = signed_in(alice), signed_in(alice, REMOTE_ADDR="192.0.2.9")
    session = other.session
    session[SEEN] -= settings.SESSION_IDLE_SECONDS + 1
    session.save()
    assert "192.0.2.9" not in here.get(SESSIONS).content.decode()


def test_a_session_that_nobody_can_use_any_more_is_deleted(alice):
    here, other = signed_in(alice), signed_in(alice, REMOTE_ADDR="192.0.2.9")
    key = stored(other.session.session_key)
    tidy()
    assert alice.usersession_set.count() == 2
    Session.objects.filter(session_key=key).update(expire_date=timezone.now() - timedelta(seconds=1))
    tidy()
    assert alive(here) and not Session.objects.filter(session_key=key).exists()
    assert [one.ip for one in alice.usersession_set.all()] == ["127.0.0.1"]


def test_a_new_password_ends_the_others_and_is_told_once(alice):
    here, other = signed_in(alice), signed_in(alice)
    new = {"password1": "another-good-one", "password2": "another-good-one"}
    here.post("/account/password/change/", {"oldpassword": PASSWORD, **new})
    assert alive(here) and not alive(other)
    assert [one.action for one in AuditEvent.objects.all()] == ["password.changed"]
    assert "signed in at 1 place." in here.get(ACCOUNT).content.decode()


def test_allauth_ends_the_others_by_what_is_kept_of_their_keys(alice, bob):
    here, other, somebody = signed_in(alice), signed_in(alice), signed_in(bob)
    request = RequestFactory().get(ACCOUNT)
    request.session = SessionStore(here.session.session_key)
    with request_context(request):
        end_other_sessions(request, alice)
    assert [alive(client) for client in (here, other, somebody)] == [True, False, True]
    assert not Session.objects.filter(session_key=stored(other.session.session_key)).exists()
    assert [one.session_key for one in alice.usersession_set.all()] == [stored(here.session.session_key)]


def test_who_asks_asynchronously_finds_the_same_sessions(alice):
    key = signed_in(alice).session.session_key

    async def asked():
        found = SessionStore(key)
        assert await found.aget(SESSION_KEY) == str(alice.pk)
        assert await found.aexists(key) and not await found.aexists(stored(key))
        await found.acycle_key()
        await found.asave()
        assert await SessionStore(found.session_key).aget(SESSION_KEY) == str(alice.pk)
        return found.session_key

    new = async_to_sync(asked)()
    assert [one.session_key for one in Session.objects.all()] == [stored(new)] and new != key


def test_a_server_that_names_no_address_lets_people_in(alice):
    assert alive(signed_in(alice, REMOTE_ADDR=""))


def test_the_pages_ask_for_as_much_however_many_sessions_there_are(alice, django_assert_max_num_queries):
    clients = [signed_in(alice) for _ in range(6)]
    clients[0].get(ACCOUNT)  # tells that one has signed in
    for path in (ACCOUNT, SESSIONS):
        with django_assert_max_num_queries(8):
            assert clients[0].get(path).status_code == 200
