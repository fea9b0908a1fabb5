"""sessions_end, user_disable and user_enable: what whoever runs Bootshelf does about a person at once."""

import threading
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import connection, transaction
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from accounts.models import AuditEvent, Membership, User
from accounts.session_store import SessionStore, stored
from accounts.sessions import SEEN, renew
from accounts.switching import end_sessions, switch_off
from catalog.actions.feeds import make_feed
from catalog.models import ChangeFeed
from tests.accounts.test_own_sessions import alive, signed_in
from tests.accounts.test_second_factors import ASK, code, password_given, set_up
from tests.conftest import PASSWORD
from tests.processes import answer, refused
from tests.running import run_command
from tests.waiting import DEADLINE_SECONDS, at_once, wait_until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def run(capsys, monkeypatch):
    return lambda *words: run_command(capsys, monkeypatch, *words)


def rows() -> list[tuple]:
    return list(AuditEvent.objects.order_by("id").values_list("actor", "action", "target", "changes"))


def test_a_persons_sessions_end_wherever_they_are(run, alice, bob):
    theirs, somebody = [signed_in(alice) for _ in range(3)], signed_in(bob)
    assert answer(run("sessions_end", "ALICE@example.org", "--json")) == {"user": alice.email, "ended": 3}
    assert not any(map(alive, theirs)) and alive(somebody)
    assert not alice.usersession_set.exists() and bob.usersession_set.exists()
    assert rows() == [("sessions_end", "session.ended", alice.email, {"sessions": 3})]
    assert alive(signed_in(alice)), "they may sign in again"


def test_a_session_that_is_told_nowhere_ends_too(run, alice):
    hidden = signed_in(alice)
    alice.usersession_set.all().delete()
    run("sessions_end", alice.email)
    assert not alive(hidden)


def test_a_sign_in_that_waits_for_its_second_factor_ends_too(run, alice, bob):
    first, somebody = signed_in(alice), signed_in(bob)
    seed, _codes = set_up(first)
    waiting = password_given(alice.email)
    assert answer(run("sessions_end", alice.email, "--json"))["ended"] == 2
    waiting.post(ASK, {"code": code(seed, 1)})
    assert not alive(waiting) and not alive(first) and alive(somebody)
    assert rows()[-1] == ("sessions_end", "session.ended", alice.email, {"sessions": 2})


def test_a_session_that_was_over_ends_and_does_not_count(run, alice, settings):
    here, idle, expired = (signed_in(alice) for _ in range(3))
    session = idle.session
    session[SEEN] -= settings.SESSION_IDLE_SECONDS + 1
    session.save()
    gone = Session.objects.filter(session_key=stored(expired.session.session_key))
    gone.update(expire_date=timezone.now() - timedelta(seconds=1))
    assert answer(run("sessions_end", alice.email, "--json"))["ended"] == 1
    assert not alive(here) and not Session.objects.exists() and not alice.usersession_set.exists()


def test_everybodys_sessions_end(run, alice, bob):
    clients = [signed_in(alice), signed_in(bob)]
    assert run("sessions_end", "--all").stdout == "Sessions ended: 2.\n"
    assert not any(map(alive, clients)) and not Session.objects.exists()
    assert rows() == [("sessions_end", "session.ended", "", {"sessions": 2})]


def test_where_there_is_none_nothing_is_told(run, alice):
    assert run("sessions_end", alice.email).stdout == "Sessions ended: 0.\n" and not rows()


@pytest.mark.parametrize("words", [(), ("alice@example.org", "--all")])
def test_it_says_whose(run, alice, words):
    client = signed_in(alice)
    assert refused(run("sessions_end", *words)) == "Name a person by their address, or say --all."
    assert alive(client)


@pytest.mark.parametrize("command", ["sessions_end", "user_disable", "user_enable"])
@pytest.mark.parametrize("email", ["nobody@example.org", "a\x1b[31m@example.org", "%", "x" * 5000])
def test_who_is_nobody_is_said(run, alice, command, email):
    assert refused(run(command, email)).startswith("There is no user ") and not rows()


def test_who_is_switched_off_is_out_at_once_and_stays_out(run, team, alice, eve):
    client = signed_in(eve)
    _feed, token = make_feed(Membership.objects.get(user=eve), None)
    address = reverse("catalog:change_atom", args=[token])
    assert Client().get(address).status_code == 200
    assert answer(run("user_disable", eve.email, "--json")) == {
        "user": eve.email,
        "changed": True,
        "ended": {"sessions": 1, "feeds": 1},
        "teams_without_admin": [],
    }
    assert not alive(client) and Client().get(address).status_code == 404
    again = Client()
    again.post("/account/login/", {"login": eve.email, "password": PASSWORD})
    assert not alive(again)
    told = ("user_disable", "user.disabled", eve.email, {"sessions": 1, "feeds": 1})
    assert rows()[1:] == [told]  # the first is the feed's
    assert "was off already" in run("user_disable", eve.email).stdout and len(rows()) == 2


def test_a_feed_of_who_was_switched_off_opens_no_more(run, team, other_team, eve, bob):
    Membership.objects.create(team=other_team, user=eve, role="viewer")
    theirs = [reverse("catalog:change_atom", args=[make_feed(member, None)[1]]) for member in eve.memberships.all()]
    somebody = reverse("catalog:change_atom", args=[make_feed(Membership.objects.get(user=bob), None)[1]])
    run("sessions_end", eve.email)
    assert all(Client().get(address).status_code == 200 for address in theirs)
    assert run("user_disable", eve.email).stdout == "eve@example.org is off, sessions ended: 0, feeds ended: 2.\n"
    member = Membership.objects.filter(user=eve).first()
    with pytest.raises(PermissionDenied):
        make_feed(member, None)
    run("user_enable", eve.email)
    assert [Client().get(address).status_code for address in theirs] == [404, 404]
    assert Client().get(somebody).status_code == 200
    _feed, token = make_feed(member, None)
    assert Client().get(reverse("catalog:change_atom", args=[token])).status_code == 200


def test_a_feed_that_is_being_made_meanwhile_ends_too(team, eve):
    """Whoever switches its maker off waits for it."""
    member, made = Membership.objects.get(user=eve), threading.Event()

    def make():
        with transaction.atomic():
            make_feed(member, None)
            made.set()
            wait_until(someone_waits)

    def end():
        assert made.wait(DEADLINE_SECONDS)
        return switch_off(eve, "user_disable")

    assert at_once(make, end)[1] == {"sessions": 0, "feeds": 1} and not ChangeFeed.objects.exists()


@pytest.mark.parametrize("everybody", [False, True])
def test_a_session_that_gets_another_key_meanwhile_ends_too(alice, everybody):
    """Whoever ends it waits for the confirmation."""
    client, renewed = signed_in(alice), threading.Event()

    def confirm():
        request = RequestFactory().post("/account/reauthenticate/")
        request.session = SessionStore(client.session.session_key)
        with transaction.atomic():
            renew(User, request, alice, reauthenticated=True)
            renewed.set()
            wait_until(someone_waits)

    def end():
        assert renewed.wait(DEADLINE_SECONDS)
        return end_sessions(None if everybody else alice, "sessions_end")

    assert at_once(confirm, end)[1] == 1 and not Session.objects.exists()


def someone_waits():
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_locks WHERE NOT granted")
        return cursor.rowcount > 0


def test_who_is_switched_on_again_is_as_before(run, alice, eve):
    run("user_disable", eve.email)
    assert answer(run("user_enable", eve.email, "--json")) == {"user": eve.email, "changed": True}
    assert alive(signed_in(eve)) and Membership.objects.get(user=eve).role == "editor"
    assert [row[:3] for row in rows()][1:] == [("user_enable", "user.enabled", eve.email)]
    assert "was on already" in run("user_enable", eve.email).stdout and len(rows()) == 2


def test_a_team_that_nobody_administers_then_is_named(run, team, alice):
    done = run("user_disable", alice.email)
    assert done.returncode == 0 and done.stderr == "Warning: nobody administers the team aero now.\n"
    User.objects.update(is_active=True)
    other = User.objects.create(email="other@example.org")
    Membership.objects.create(team=team, user=other, role="admin")
    assert run("user_disable", alice.email).stderr == ""
