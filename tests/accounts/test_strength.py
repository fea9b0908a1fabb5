"""However somebody signs in or gets back in, it is as hard, and it is written down."""

import logging
import re
import time

import pytest
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.sessions import STARTED
from tests.accounts.test_second_factors import APP, ASK, CODES, LOGIN, set_up
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def fresh_limits():
    cache.clear()


def test_a_reset_does_not_go_around_the_second_factor(alice, as_user):
    set_up(as_user(alice))
    Client().post("/account/password/reset/", {"email": alice.email})
    link = re.search(r"http://testserver(/account/password/reset/key/\S+)", mail.outbox[-1].body)[1]
    client = Client()
    here = client.get(link, follow=True).redirect_chain[-1][0]
    client.post(here, {"password1": "another-good-one", "password2": "another-good-one"})
    assert SESSION_KEY not in client.session
    alice.refresh_from_db()
    assert alice.check_password("another-good-one")
    met = client.post(LOGIN, {"login": alice.email, "password": "another-good-one"})
    assert met["Location"].startswith(ASK) and SESSION_KEY not in client.session


@pytest.mark.parametrize("path", [APP, CODES, "/account/passkeys/add/"])
def test_what_one_signs_in_with_is_changed_by_who_signed_in_lately(path, alice, as_user):
    client = as_user(alice)
    set_up(client)
    session = client.session
    session[STARTED] = time.time() - 3600
    session["account_authentication_methods"] = []
    session.save()
    met = client.get(path)
    assert met.status_code == 302 and re.search("reauthenticate|confirm", met["Location"])


def test_sign_ins_and_failed_ones_are_logged(alice, caplog):
    caplog.set_level(logging.INFO)
    Client(REMOTE_ADDR="10.1.2.3").post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert f"{alice.email} signed in from 10.1.2.3" in caplog.text
    Client(REMOTE_ADDR="10.1.2.4").post(LOGIN, {"login": alice.email, "password": "c4nary-wrong"})
    assert "a sign-in failed from 10.1.2.4" in caplog.text and "c4nary" not in caplog.text
