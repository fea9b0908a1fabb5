"""Somebody who really tries: passwords, codes, addresses. They are slowed, and learn of nobody."""

import itertools
import re
import socket
import time

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth import SESSION_KEY, hashers
from django.core import mail
from django.core.cache import cache
from django.test import Client

from accounts.models import User
from accounts.sessions import STARTED
from tests.accounts.test_second_factors import ASK, LOGIN, password_given, set_up
from tests.conftest import PASSWORD
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db


def tries(send, most: int = 60) -> int:
    """How many guesses are looked at until one is refused with 429."""
    for n in range(most):
        if send(n).status_code == 429:
            return n
    return most


def test_guessing_one_persons_password_is_slowed(alice):
    """From as many addresses as one likes: the limit is of whom they try to be."""
    looked_at = tries(
        lambda n: Client(REMOTE_ADDR=f"10.0.{n}.1").post(LOGIN, {"login": alice.email, "password": f"guess-{n}-guess"})
    )
    assert looked_at == 5
    client = Client(REMOTE_ADDR="10.9.9.9")
    refused = client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert refused.status_code == 429 and SESSION_KEY not in client.session, "not even the right one, for a while"
    assert "Wait five minutes" in refused.content.decode() and "Traceback" not in refused.content.decode()


def test_trying_one_password_on_many_people_is_slowed(alice):
    looked_at = tries(lambda n: Client().post(LOGIN, {"login": f"person{n}@example.org", "password": "Password123!"}))
    assert looked_at <= 10
    elsewhere = Client(REMOTE_ADDR="10.9.9.9")
    elsewhere.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert SESSION_KEY in elsewhere.session, "and nobody else is kept out"


def test_a_limit_is_over_when_its_time_is(alice, settings):
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/1s/key"}
    assert tries(lambda n: Client().post(LOGIN, {"login": alice.email, "password": "wrong-wrong"})) == 2
    until = time.monotonic() + 1.1
    while time.monotonic() < until:
        assert Client().get(LOGIN).status_code == 200
    client = Client()
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert SESSION_KEY in client.session


def test_a_proxys_address_is_nobodys(alice, settings):
    """Behind a proxy all come from it: counted is whom it names, not what they claim to be."""
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    forwarded = itertools.count()

    def send(n):
        claimed = f"198.51.100.{next(forwarded)}, 203.0.113.7"
        return Client(HTTP_X_FORWARDED_FOR=claimed).post(LOGIN, {"login": f"p{n}@example.org", "password": "x"})

    assert tries(send) <= 10
    client = Client(HTTP_X_FORWARDED_FOR="203.0.113.8")
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
    assert SESSION_KEY in client.session


def test_where_there_is_no_proxy_nobody_claims_another_address(alice):
    """Whatever a header says, the limit of an address is that of where the request comes from."""
    heads = ("HTTP_X_FORWARDED_FOR", "HTTP_X_REAL_IP", "HTTP_FORWARDED", "HTTP_CF_CONNECTING_IP", "HTTP_CLIENT_IP")

    def send(n):
        claims = dict.fromkeys(heads, f"198.51.100.{n}")
        return Client(**claims).post(LOGIN, {"login": f"p{n}@example.org", "password": "x"})

    assert tries(send) <= 10


def test_a_person_is_one_however_their_address_is_written(alice):
    spellings = itertools.cycle(["alice@example.org", "ALICE@example.org", " alice@example.org ", "Alice@Example.Org"])
    looked_at = tries(
        lambda n: Client(REMOTE_ADDR=f"10.0.{n}.1").post(LOGIN, {"login": next(spellings), "password": f"guess-{n}"})
    )
    assert looked_at == 5


def test_guessing_codes_is_slowed(alice, as_user):
    set_up(as_user(alice))
    cache.clear()
    assert tries(lambda n: password_given(alice.email).post(ASK, {"code": f"{n:06}"})) == 5


def test_guessing_recovery_codes_from_anywhere_is_slowed(alice, as_user):
    set_up(as_user(alice))
    cache.clear()

    def send(n):
        client = Client(REMOTE_ADDR=f"10.0.{n}.1")
        client.post(LOGIN, {"login": alice.email, "password": PASSWORD})
        return client.post(ASK, {"code": f"{n:08}"})

    assert tries(send) == 5


def long_ago(client):
    session = client.session
    session[STARTED] = time.time() - 3600
    session.save()
    return client


def test_guessing_the_password_to_confirm_is_slowed(alice, as_user):
    client = long_ago(as_user(alice))
    assert tries(lambda n: client.post("/account/reauthenticate/", {"password": f"guess-{n}"})) <= 10


def test_guessing_a_code_to_confirm_is_slowed(alice, as_user):
    client = as_user(alice)
    set_up(client)
    long_ago(client)
    cache.clear()
    assert tries(lambda n: client.post("/account/second-factor/confirm/", {"code": f"{n:06}"})) == 5


def test_guessing_the_old_password_is_slowed(alice, as_user):
    client = as_user(alice)
    new = dict.fromkeys(["password1", "password2"], "another-horse-battery")
    assert tries(lambda n: client.post("/account/password/change/", {"oldpassword": f"guess-{n}"} | new)) <= 5
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_guessing_links_of_a_reset_finds_none(alice):
    """A link is signed for the person and what they signed in with last; each try is counted once it is sent."""
    guess = iter(range(1000))

    def send(n):
        return Client().post(f"/account/password/reset/key/1-set-password-{next(guess)}/", {"password1": "x"})

    assert tries(send) <= 20


def test_asking_for_reset_mails_is_slowed(alice):
    looked_at = tries(lambda n: Client().post("/account/password/reset/", {"email": alice.email}))
    assert looked_at == len(mail.outbox) == 5


# Who is here


def masked(response, email: str) -> tuple[int, str, str]:
    text = re.sub(r"\b[A-Za-z0-9]{64}\b", "TOKEN", response.content.decode()).replace(email, "EMAIL")
    return response.status_code, response.headers.get("Location", ""), text


@pytest.mark.parametrize(
    ("path", "form", "field"),
    [
        (LOGIN, {"password": "wrong-wrong-wrong"}, "login"),
        ("/account/password/reset/", {}, "email"),
        ("/account/signup/", {"password1": "another-good-one", "password2": "another-good-one"}, "email"),
    ],
)
def test_the_answer_is_the_same_whether_or_not_somebody_is_here(alice, settings, path, form, field):
    settings.SIGNUP_OPEN = True
    answers = []
    for email in (alice.email, "nobody@example.org"):
        client = Client()
        first = client.post(path, form | {field: email})
        pages = [masked(first, email)]
        if first.status_code == 302:
            pages.append(masked(client.get(first["Location"]), email))
        answers.append(pages)
    assert answers[0] == answers[1]


@pytest.fixture
def mute_server(settings):
    """A mail server that takes a connection and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        use_mail_server(settings, listening.getsockname()[1])
        yield listening


def use_mail_server(settings, port):
    options = {"host": "127.0.0.1", "port": port, "timeout": 60}
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.smtp.EmailBackend", "OPTIONS": options}}
    settings.MAIL_IS_SET = True


def test_how_long_a_mail_takes_tells_nobody_who_is_here(alice, mute_server):
    """The server is waited for beside the answer: one that says nothing is waited for a minute."""
    for email in (alice.email, "nobody@example.org"):
        began = time.monotonic()
        assert Client().post("/account/password/reset/", {"email": email}).status_code == 302
        assert time.monotonic() - began < 30
    connection, _address = mute_server.accept()
    connection.close()


def test_a_mail_that_cannot_be_sent_tells_nobody_who_is_here(alice, settings):
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    use_mail_server(settings, port)
    known, unknown = (
        Client().post("/account/password/reset/", {"email": email}) for email in (alice.email, "nobody@example.org")
    )
    assert (known.status_code, known.url) == (unknown.status_code, unknown.url)


def test_the_mail_goes_out_all_the_same(alice, settings, mail_server):
    use_mail_server(settings, mail_server.server_address[1])
    Client().post("/account/password/reset/", {"email": alice.email})
    wait_until(lambda: mail_server.mails)
    assert f"To: {alice.email}" in mail_server.mails[0]


class CountingHasher(hashers.Argon2PasswordHasher):
    """Argon2 as it is, and how often it was."""

    done = 0

    def encode(self, *words, **told):
        CountingHasher.done += 1
        return super().encode(*words, **told)

    def verify(self, *words, **told):
        CountingHasher.done += 1
        return super().verify(*words, **told)


def test_a_sign_in_hashes_once_whoever_it_names(alice, settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher", *settings.PASSWORD_HASHERS[1:]]
    switched_off = User.objects.create_user("off@example.org", PASSWORD, is_active=False)
    counted = []
    for email in (alice.email, "nobody@example.org", switched_off.email):
        CountingHasher.done = 0
        Client().post(LOGIN, {"login": email, "password": "wrong-wrong-wrong"})
        counted.append(CountingHasher.done)
    assert counted == [1, 1, 1]


def test_argon2_is_what_hashes(alice):
    assert hashers.get_hasher("default").algorithm == "argon2" and alice.password.startswith("argon2$argon2id$")


def test_a_second_factor_is_not_told_to_who_has_no_password(alice, as_user):
    set_up(as_user(alice))
    assert Authenticator.objects.exists()
    wrong = Client().post(LOGIN, {"login": alice.email, "password": "wrong-wrong-wrong"})
    assert wrong.status_code == 200 and ASK not in wrong.content.decode()
