"""Single sign-on by a real, small OpenID Connect provider on loopback (tests/openid.py)."""

import html
import re
import time
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit
from urllib.request import HTTPRedirectHandler, build_opener

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialToken
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client

from accounts.invitations import invite
from accounts.models import AuditEvent, User
from accounts.session_store import stored
from accounts.sessions import STARTED
from tests.accounts.test_kept_forms import ACCOUNT, CANARY, TYPED
from tests.accounts.test_second_factors import ASK, set_up
from tests.openid import SECRET
from tests.processes import manage

pytestmark = pytest.mark.django_db
LOGIN, SSO = "/account/login/", "/account/sso/oidc/login/"


class Stay(HTTPRedirectHandler):
    def redirect_request(self, *words):
        return None


def there(url: str) -> str:
    """Where the provider sends the browser back to."""
    try:
        build_opener(Stay).open(url)
    except HTTPError as met:
        return met.headers["Location"]
    raise AssertionError("the provider sends nobody back")


def onward(client: Client, path: str = SSO) -> str:
    """The address at the provider that the button leads to."""
    page = client.post(path).content.decode()
    return html.unescape(re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page)[1])


def sign_in(client: Client, path: str = SSO):
    """The answer to what the browser brings back from the provider."""
    back = urlsplit(there(onward(client, path)))
    return client.get(f"{back.path}?{back.query}")


def test_there_is_none_where_the_settings_name_none(db):
    page = Client().get(LOGIN).content.decode()
    assert "/sso/" not in page
    for path in (SSO, f"{SSO}callback/"):
        assert Client().get(path).status_code == 404


def test_the_sign_in_page_leads_to_the_provider_and_back(alice, provider):
    client = Client()
    page = client.get(f"{LOGIN}?next=/t/aero/team/").content.decode()
    assert "Sign in by Aero ID" in page and f"{SSO}?next=%2Ft%2Faero%2Fteam%2F" in page
    met = sign_in(client, f"{SSO}?next=/t/aero/team/")
    assert met["Location"] == "/t/aero/team/" and SESSION_KEY in client.session
    assert SocialAccount.objects.get().user == alice, "known by the address that the provider has verified"
    (asked,) = provider.asked
    assert asked["code_challenge_method"] == "S256" and asked["state"] and "openid" in asked["scope"]


def test_once_known_it_is_the_person_and_not_the_address(alice, provider):
    sign_in(Client())
    provider.person |= {"email": "renamed@example.org"}
    client = Client()
    sign_in(client)
    assert client.session[SESSION_KEY] == str(alice.pk) and User.objects.count() == 1


def test_an_address_that_the_provider_has_not_verified_opens_no_account(alice, provider):
    provider.person |= {"email_verified": False}
    client = Client()
    sign_in(client)
    assert SESSION_KEY not in client.session and not SocialAccount.objects.exists()


def test_a_stranger_to_us_signs_up_only_where_that_is_open(team, provider, settings):
    provider.person |= {"email": "new@example.org"}
    client = Client()
    met = sign_in(client)
    page = met if met.status_code == 200 else client.get(met["Location"])
    assert "Sign-up is closed" in page.content.decode() and not User.objects.exists()
    settings.SIGNUP_OPEN = True
    sign_in(client)
    user = User.objects.get()
    assert (user.email, user.name, user.has_usable_password()) == ("new@example.org", "A", False)
    assert SESSION_KEY in client.session and not mail.outbox


def test_who_is_invited_comes_in_by_it_and_nobody_else_with_their_link(team, alice, provider):
    _invitation, token = invite(team, alice, "new@example.org", "viewer")
    for email in ("other@example.org", "new@example.org"):
        provider.person |= {"sub": email, "email": email}
        client = Client()
        client.get(f"/invitations/{token}/")
        sign_in(client)
        assert (SESSION_KEY in client.session) == (email == "new@example.org")
    assert not User.objects.filter(email="other@example.org").exists()
    assert User.objects.get(email="new@example.org").memberships.get().role == "viewer"


def test_a_second_factor_is_asked_for_all_the_same(alice, provider, as_user):
    set_up(as_user(alice))
    client = Client()
    assert sign_in(client)["Location"] == ASK and SESSION_KEY not in client.session
    assert Authenticator.objects.exists()


def test_who_is_switched_off_stays_out(alice, provider):
    User.objects.update(is_active=False)
    client = Client()
    sign_in(client)
    assert SESSION_KEY not in client.session


def test_a_code_of_another_browser_lets_nobody_in(alice, provider):
    """An attacker's own code, sent to somebody in a link, signs them in as nobody."""
    back = urlsplit(there(onward(Client())))
    victim = Client()
    victim.get(f"{back.path}?{back.query}")
    assert SESSION_KEY not in victim.session


@pytest.mark.parametrize("wrong", ["secret", "audience", "code"])
def test_what_the_provider_refuses_or_says_of_another_lets_nobody_in(alice, provider, settings, wrong, caplog):
    client = Client()
    if wrong == "secret":
        settings.OIDC["secret"] = "c4nary-another"
    if wrong == "audience":
        provider.audience = "another-client"
    back = urlsplit(there(onward(client)))
    if wrong == "code":
        provider.codes.clear()
    met = client.get(f"{back.path}?{back.query}")
    assert met["Location"] == LOGIN and SESSION_KEY not in client.session
    assert "Signing in by Aero ID did not work" in client.get(LOGIN).content.decode()
    assert "single sign-on failed" in caplog.text and "c4nary" not in caplog.text


def test_a_provider_that_is_down_is_told_and_the_password_is_left(alice, provider):
    provider.shutdown()
    provider.server_close()
    client = Client()
    assert client.post(SSO)["Location"] == LOGIN
    assert "did not work" in client.get(LOGIN).content.decode()


def test_a_provider_that_goes_down_in_between_is_told(alice, provider):
    client = Client()
    back = urlsplit(there(onward(client)))
    provider.shutdown()
    provider.server_close()
    assert client.get(f"{back.path}?{back.query}")["Location"] == LOGIN and SESSION_KEY not in client.session


@pytest.mark.parametrize("issuer", ["https://evil.example", "", None, 7])
def test_a_provider_that_calls_itself_otherwise_lets_nobody_in(alice, provider, issuer, caplog):
    client, later = Client(), Client()
    back = urlsplit(there(onward(later)))
    provider.issuer = issuer
    assert client.post(SSO)["Location"] == LOGIN and not provider.asked[1:], "nobody is even sent there"
    assert later.get(f"{back.path}?{back.query}")["Location"] == LOGIN
    assert all(SESSION_KEY not in one.session for one in (client, later)) and not SocialAccount.objects.exists()
    assert f"it calls itself {str(issuer)!r}" in caplog.text and provider.url in caplog.text


@pytest.mark.parametrize("says", [
    lambda document: {name: text for name, text in document.items() if name != "token_endpoint"},
    lambda document: document | {"jwks_uri": None}, lambda document: [document], lambda document: None,
])  # fmt: skip
def test_a_provider_whose_configuration_is_none_lets_nobody_in(alice, provider, says, caplog):
    client, later = Client(), Client()
    back = urlsplit(there(onward(later)))
    provider.says = says
    assert client.post(SSO)["Location"] == LOGIN
    assert later.get(f"{back.path}?{back.query}")["Location"] == LOGIN and SESSION_KEY not in later.session
    assert caplog.text.count("its configuration is not understood") == 2


def test_a_provider_that_does_not_say_who_it_is_lets_nobody_in(alice, provider, caplog):
    del provider.person["sub"]
    client = Client()
    assert sign_in(client)["Location"] == LOGIN and SESSION_KEY not in client.session
    assert "its answer about the person is not understood: KeyError('sub')" in caplog.text


@pytest.mark.parametrize("fault", [KeyError, ValueError])
def test_a_fault_of_ours_is_not_told_as_one_of_the_provider(alice, provider, fault):
    def fail(**told):
        raise fault("ours")

    user_logged_in.connect(fail)
    try:
        with pytest.raises(fault, match="ours"):
            sign_in(Client())
    finally:
        user_logged_in.disconnect(fail)


def test_a_slash_at_the_end_of_its_name_is_no_other_name(alice, provider):
    provider.issuer = f"{provider.url}/"
    client = Client()
    sign_in(client)
    assert SESSION_KEY in client.session


def test_nobody_is_signed_in_by_following_a_link(alice, provider):
    client = Client()
    page = client.get(f"{SSO}?next=/t/aero/team/")
    assert page.status_code == 200 and "http-equiv" not in page.content.decode() and not provider.asked
    assert "Sign in by Aero ID" in page.content.decode() and 'method="post"' in page.content.decode()
    assert Client(enforce_csrf_checks=True).post(SSO).status_code == 403
    assert sign_in(client, f"{SSO}?next=/t/aero/team/")["Location"] == "/t/aero/team/"


def test_it_leads_to_no_other_site(alice, provider):
    client = Client()
    assert sign_in(client, f"{SSO}?next=https://evil.example/")["Location"] == "/"


@pytest.fixture
def late(alice, provider):
    """Somebody without a password, who came from the provider an hour ago."""
    alice.set_unusable_password()
    alice.save()
    client = Client()
    sign_in(client)
    session = client.session
    session[STARTED] = time.time() - 3600
    session.save()
    return client


def test_who_has_no_password_confirms_by_the_provider(late, provider):
    met = late.get("/t/aero/accounts/add/")
    assert met["Location"].startswith(SSO)
    back = sign_in(late, met["Location"])
    assert back["Location"] == "/t/aero/accounts/add/" and provider.asked[-1]["prompt"] == "login"
    assert late.get(back["Location"]).status_code == 200


def test_a_form_is_found_again_after_a_confirmation_by_the_provider(late):
    before = late.session.session_key
    met = late.post(ACCOUNT, TYPED)
    assert met["Location"].startswith(SSO)
    back = sign_in(late, met["Location"])
    assert back["Location"] == f"{ACCOUNT}?kept=1" and late.session.session_key != before
    shown = late.get(back["Location"]).content.decode()
    assert CANARY not in shown and "The credential is not kept: enter it again." in shown
    assert 'value="a-project"' in shown and 'name="vendor" value="huawei"' in shown


def test_a_form_goes_to_nobody_else_who_comes_back_from_the_provider(alice, bob, provider):
    client = Client()
    sign_in(client)
    session = client.session
    session["kept_form"] = {"path": ACCOUNT, "fields": {"name": "hers"}, "without": []}
    session.save()
    provider.person = {"sub": "2", "email": bob.email, "email_verified": True}
    sign_in(client)
    assert client.session[SESSION_KEY] == str(bob.pk) and "kept_form" not in client.session


@pytest.mark.parametrize("password", [True, False])
def test_who_squats_on_an_address_is_put_out_when_its_owner_comes(alice, provider, as_user, password):
    """Whoever signed up with an address without verifying it loses the password, and every session of theirs."""
    EmailAddress.objects.update(verified=False)
    if not password:
        alice.set_unusable_password()
        alice.save()
    squatter, owner = as_user(alice), Client()
    assert squatter.get("/account/").status_code == 200
    sign_in(owner)
    alice.refresh_from_db()
    assert squatter.get("/account/").status_code == 302 and not alice.has_usable_password()
    assert [one.session_key for one in Session.objects.all()] == [stored(owner.session.session_key)]
    (told,) = AuditEvent.objects.all()
    removed = {"removed": "password"} if password else {}
    assert (told.action, told.actor, told.target) == ("single_sign_on.connected", alice.email, alice.email)
    assert told.changes == {"provider": "Aero ID"} | removed


def test_the_first_sign_in_by_it_is_told_once(alice, provider):
    for _ in range(2):
        sign_in(Client())
    (told,) = AuditEvent.objects.all()
    assert (told.action, told.changes) == ("single_sign_on.connected", {"provider": "Aero ID"})
    alice.refresh_from_db()
    assert alice.has_usable_password(), "the address was verified"


@pytest.mark.canary
def test_no_token_and_no_secret_is_kept(alice, provider):
    client = Client()
    sign_in(client)
    assert not SocialToken.objects.exists()
    kept = str(SocialAccount.objects.get().extra_data) + str(dict(client.session))
    assert SECRET not in kept and not any(token in kept for token in provider.tokens)


@pytest.mark.parametrize(
    ("told", "given"),
    [
        ("OIDC_ISSUER='http://id.example' is not an https address", {"OIDC_ISSUER": "http://id.example"}),
        ("OIDC_ISSUER is set and OIDC_CLIENT_ID is not", {"OIDC_ISSUER": "https://id.example"}),
        (
            "OIDC_ISSUER is set and OIDC_CLIENT_SECRET is not",
            {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "b"},
        ),
    ],
)
def test_half_a_setting_stops_the_start(told, given):
    ended = manage("check", **given)
    assert (ended.returncode, ended.stderr) == (1, f"bootshelf: {told}.\n")


def test_the_clients_secret_comes_from_a_file(tmp_path):
    (tmp_path / "secret").write_text("x\n")
    given = {"OIDC_ISSUER": "https://id.example", "OIDC_CLIENT_ID": "b"}
    assert manage("check", **given, OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret")).returncode == 0


def test_the_query_of_the_provider_is_no_more_than_it_must_be(alice, provider):
    asked = dict(parse_qsl(urlsplit(onward(Client())).query))
    assert set(asked) == {
        "client_id", "redirect_uri", "scope", "response_type", "state", "code_challenge", "code_challenge_method",
    }  # fmt: skip
