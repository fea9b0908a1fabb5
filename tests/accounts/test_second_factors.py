"""Authenticator apps, recovery codes, and teams that ask their admins for a second factor. Passkeys need a browser:
tests/browser/test_second_factors.py.
"""

import re
import time

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth import SESSION_KEY
from django.core import serializers
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEvent, Membership, SealedSecret, User
from tests.canaries.faults import database_refuses
from tests.conftest import PASSWORD
from tests.processes import answer, manage, refused

pytestmark = pytest.mark.django_db
LOGIN, ASK = "/account/login/", "/account/second-factor/ask/"
APP, CODES = "/account/second-factor/app/", "/account/second-factor/codes/"


def code(seed: str, steps: int = 0) -> str:
    """What the app shows, `steps` half minutes from now."""
    return format_hotp_value(hotp_value(seed, int(time.time()) // 30 + steps))


def set_up(client: Client) -> tuple[str, list[str]]:
    """The app's seed and the recovery codes, as their pages show them."""
    page = client.get(APP).content.decode()
    seed = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', page)[1]
    assert client.post(APP, {"code": code(seed)})["Location"] == CODES
    return seed, re.findall(r"\b\d{8}\b", client.get(CODES).content.decode())


def password_given(email: str) -> Client:
    client = Client()
    assert client.post(LOGIN, {"login": email, "password": PASSWORD})["Location"] == ASK
    assert SESSION_KEY not in client.session, "the password alone lets nobody in"
    return client


@pytest.fixture
def seed(alice: User, as_user) -> str:
    return set_up(as_user(alice))[0]


def rows_of_the_database() -> str:
    """Every row of every table, as a stolen dump has them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = [name for (name,) in cursor.fetchall()]
        found = []
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [repr([bytes(v) if isinstance(v, memoryview) else v for v in row]) for row in cursor.fetchall()]
    return "\n".join(found)


def test_the_app_is_asked_for_after_the_password(alice, seed):
    client = password_given(alice.email)
    assert client.post(ASK, {"code": "000000"}).status_code == 200 and SESSION_KEY not in client.session
    assert client.post(ASK, {"code": code(seed, 1)}).status_code == 302
    assert SESSION_KEY in client.session


@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_a_code_is_taken_once_for_as_long_as_it_holds(alice, seed, steps):
    """Also when allauth, which remembers it for half a minute, has forgotten it."""
    first = password_given(alice.email)
    given = code(seed, steps)
    first.post(ASK, {"code": given})
    assert SESSION_KEY in first.session
    cache.delete(f"allauth.mfa.totp.used?user={alice.pk}&code={given}")
    again = password_given(alice.email)
    assert "Incorrect code." in again.post(ASK, {"code": given}).content.decode()
    assert SESSION_KEY not in again.session


def test_a_recovery_code_lets_in_once_and_is_told(alice, as_user):
    _seed, codes = set_up(as_user(alice))
    assert len(codes) == 10
    client = password_given(alice.email)
    client.post(ASK, {"code": codes[3]})
    assert SESSION_KEY in client.session
    assert AuditEvent.objects.filter(actor=alice.email, action="recovery_code.used", team=None).count() == 1
    again = password_given(alice.email)
    again.post(ASK, {"code": codes[3]})
    assert SESSION_KEY not in again.session
    assert codes[3] not in client.get(CODES).content.decode()


def test_without_its_row_in_the_trail_a_recovery_code_is_not_used(alice, as_user):
    _seed, codes = set_up(as_user(alice))
    client = password_given(alice.email)
    client.raise_request_exception = False
    with database_refuses("accounts_auditevent"):
        assert client.post(ASK, {"code": codes[3]}).status_code == 500
    assert SESSION_KEY not in client.session
    again = password_given(alice.email)
    again.post(ASK, {"code": codes[3]})
    assert SESSION_KEY in again.session, "it is still there"


def test_new_recovery_codes_take_the_place_of_the_old(alice, as_user):
    client = as_user(alice)
    _seed, codes = set_up(client)
    assert client.post(f"{CODES}renew/").status_code == 302
    fresh = re.findall(r"\b\d{8}\b", client.get(CODES).content.decode())
    assert not set(fresh) & set(codes)
    old = password_given(alice.email)
    old.post(ASK, {"code": codes[0]})
    assert SESSION_KEY not in old.session
    assert fresh[0] in client.get(f"{CODES}download/").content.decode()


def test_every_change_of_a_factor_is_one_row_of_the_trail(alice, as_user):
    client = as_user(alice)
    set_up(client)
    client.post(f"{CODES}renew/")
    client.post(f"{APP}remove/")
    told = [(one.actor, one.team, one.action) for one in AuditEvent.objects.order_by("id")]
    actions = ["second_factor.added", "recovery_codes.renewed", "second_factor.removed"]
    assert told == [(alice.email, None, action) for action in actions]


def test_a_form_behind_the_sign_in_page_waits_for_the_second_factor_too(alice, seed):
    client = Client()
    met = client.post("/t/aero/registrations/add/", {"name": "solver-9", "step": "review"})
    form = dict(re.findall(r'name="(kept|next)" value="([^"]+)"', met.content.decode()))
    client.post(LOGIN, {"login": alice.email, "password": PASSWORD, **form})
    back = client.post(ASK, {"code": code(seed, 1)})["Location"]
    assert back == "/t/aero/registrations/add/?kept=1"
    assert client.session["kept_form"]["fields"]["name"] == "solver-9"


# Sealed


def test_a_stolen_dump_holds_no_seed_and_no_code(alice, as_user):
    client = as_user(alice)
    seed, codes = set_up(client)
    dump = rows_of_the_database()
    assert alice.email in dump and "mfa_authenticator" in dump
    for secret in (seed, *codes):
        assert secret not in dump
    kept = serializers.serialize("json", Authenticator.objects.all())
    assert '"sealed:totp"' in kept and '"sealed:recovery_codes"' in kept


def test_a_seed_that_is_being_set_up_is_sealed_in_the_session(alice, as_user):
    client = as_user(alice)
    seed = re.search(r'id="authenticator_secret">([A-Z2-7]+)<', client.get(APP).content.decode())[1]
    assert seed not in str(dict(client.session)) and "sealed:" in client.session["mfa.totp.secret"]
    assert client.post(APP, {"code": "000000"}).status_code == 200
    assert client.post(APP, {"code": code(seed)}).status_code == 302, "a wrong code does not change the seed"


def test_a_seed_moved_to_another_person_does_not_open(alice, bob, seed, as_user):
    """Whoever may write to the database, and has an app of their own, signs in as nobody else by it."""
    bobs, _codes = set_up(as_user(bob))
    hers, his = (SealedSecret.sealed.get(row=user.id, field="totp") for user in (alice, bob))
    SealedSecret.sealed.filter(id=hers.id).update(ciphertext=bytes(his.ciphertext))
    client = password_given(alice.email)
    client.raise_request_exception = False
    assert client.post(ASK, {"code": code(bobs, 1)}).status_code == 503
    assert SESSION_KEY not in client.session
    SealedSecret.sealed.filter(id=hers.id).update(ciphertext=bytes(hers.ciphertext))
    Authenticator.objects.filter(user=alice).delete()
    Authenticator.objects.filter(user=bob).update(user=alice)
    client = password_given(alice.email)
    client.raise_request_exception = False
    client.post(ASK, {"code": code(bobs, 1)})
    assert SESSION_KEY not in client.session


def test_what_was_removed_leaves_nothing_sealed(alice, as_user):
    client = as_user(alice)
    set_up(client)
    assert set(SealedSecret.sealed.values_list("field", flat=True)) == {"totp", "recovery_codes"}
    client.post(f"{APP}remove/")
    assert not SealedSecret.sealed.exists() and not Authenticator.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_who_lost_all_of_it_is_let_in_by_whoever_runs_this(alice, as_user):
    set_up(as_user(alice))
    told = answer(manage("second_factor_remove", "ALICE@example.org", "--json"))
    assert told == {"user": alice.email, "removed": 1}
    client = Client()
    assert client.post(LOGIN, {"login": alice.email, "password": PASSWORD})["Location"] == "/"
    last = AuditEvent.objects.order_by("id").last()
    assert (last.actor, last.action, last.target) == ("second_factor_remove", "second_factor.removed", alice.email)
    assert AuditEvent.objects.count() == 2 and not SealedSecret.sealed.exists()
    assert refused(manage("second_factor_remove", "nobody@example.org")) == "There is no user nobody@example.org."


# A team that asks for it

TEAM, ADD = "/t/aero/team/", "/t/aero/accounts/add/"


def ask_admins(client: Client, wanted: str = "yes"):
    return client.post(f"{TEAM}second-factor/", {"required": wanted})


def test_an_admin_without_a_second_factor_is_a_viewer_until_there_is_one(team, alice, eve, bob, as_user):
    Membership.objects.filter(user=eve).update(role="admin")
    client, other = as_user(alice), as_user(eve)
    set_up(client)
    assert ask_admins(client)["Location"] == TEAM
    assert AuditEvent.objects.get(action="second_factor.required").actor == alice.email
    met = other.get(ADD)
    assert met.status_code == 403 and "A second factor is needed" in met.content.decode()
    page = other.get(TEAM).content.decode()
    assert "asks its admins for a second factor" in page and 'id="second-factor"' not in page
    assert other.post("/t/aero/labels/edit/", {}).status_code == 403, "not an editor either"
    assert as_user(bob).get(TEAM).status_code == 200
    set_up(other)
    assert other.get(ADD).status_code == 200
    assert ask_admins(other, "no").status_code == 302
    team.refresh_from_db()
    assert not team.requires_second_factor


def test_who_has_none_does_not_ask_others_and_so_locks_nobody_out(team, alice, as_user):
    client = as_user(alice)
    assert ask_admins(client)["Location"] == "/account/second-factor/"
    assert "for yourself first" in client.get("/account/second-factor/").content.decode()
    team.refresh_from_db()
    assert not team.requires_second_factor and not AuditEvent.objects.exists()


def test_asking_twice_is_one_change(team, alice, as_user):
    client = as_user(alice)
    set_up(client)
    assert [ask_admins(client).status_code for _ in range(2)] == [302, 302]
    assert AuditEvent.objects.filter(team=team.id).count() == 1


def test_an_editor_is_not_asked(team, eve, as_user):
    team.requires_second_factor = True
    team.save()
    client = as_user(eve)
    assert client.get("/t/aero/labels/").status_code == 200
    assert "asks its admins" not in client.get(TEAM).content.decode()


def test_whether_they_have_one_costs_a_page_no_query(team, alice, as_user):
    client, counted = as_user(alice), []
    set_up(client)
    for asked in (False, True):
        team.requires_second_factor = asked
        team.save()
        with CaptureQueriesContext(connection) as queries:
            assert client.get(TEAM).status_code == 200
        counted.append(len(queries))
    assert counted[0] == counted[1]
