"""Invitations: made once, bound to an address, ended by use, time, revoking or their maker's fall; guessing is slow."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import SESSION_KEY
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts import invitations
from accounts.actions import ActionError
from accounts.models import AuditEvent, Invitation, Membership, Team, User
from tests.accounts.test_single_sign_on import sign_in
from tests.canaries.faults import database_refuses
from tests.conftest import PASSWORD, make_user
from tests.test_cache import valkey, valkey_is_away  # noqa: F401 - fixtures: also while Valkey is away

pytestmark = [pytest.mark.access, pytest.mark.django_db]
TEAM, DORA = "/t/aero/team/", "dora@example.org"


@pytest.fixture(autouse=True)
def fresh_limits() -> None:
    """Tries are counted in the cache, which outlives a test."""
    cache.clear()


@pytest.fixture
def admin(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


@pytest.fixture
def invited(team: Team, alice: User) -> tuple[Invitation, str]:
    return invitations.invite(team, alice, DORA, "editor")


def link(text: str) -> str:
    found = re.search(r"/invitations/[\w-]{43}/", text)
    assert found, text
    return found[0]


def role(user: User) -> str | None:
    return Membership.objects.filter(user=user, team__slug="aero").values_list("role", flat=True).first()


def trail() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.exclude(team=None).order_by("id").values_list("actor", "action", "target"))


def path(token: str) -> str:
    return f"/invitations/{token}/"


def sign_up(client: Client, **fields: str) -> Any:
    sent = {"email": DORA, "password1": PASSWORD, "password2": PASSWORD, **fields}
    return client.post("/account/signup/", sent)


# Made


def test_without_a_mail_server_the_link_is_shown_once(admin: Client, settings):
    settings.MAIL_IS_SET = False
    answer = admin.post(f"{TEAM}invite/", {"email": " Dora@Example.org", "role": "editor"})
    text = answer.content.decode()
    token = link(text).split("/")[2]
    row = Invitation.objects.get()
    assert (row.email, row.role, row.invited_by) == (DORA, "editor", "alice@example.org") and not mail.outbox
    assert timedelta(days=6, hours=23) < row.expires_at - timezone.now() < timedelta(days=7, minutes=1)
    assert trail() == [("alice@example.org", "member.invited", DORA)]
    listed = admin.get(TEAM).content.decode()
    assert DORA in listed and token not in listed


def test_with_a_mail_server_the_link_is_mailed_and_shown_to_nobody(admin: Client, settings):
    settings.MAIL_IS_SET = True
    answer = admin.post(f"{TEAM}invite/", {"email": DORA, "role": "viewer"}, follow=True)
    (sent,) = mail.outbox
    assert sent.to == [DORA] and sent.subject == "[Bootshelf] Alice Liddell invites you to Aero HPC"
    assert f"{settings.PUBLIC_URL}{link(sent.body)}" in sent.body and link(sent.body) not in answer.content.decode()
    assert "on its way to dora@example.org" in answer.content.decode()


def test_a_mail_that_is_not_sent_is_told_and_the_link_stays_unknown(admin: Client, settings):
    settings.MAIL_IS_SET = True
    settings.MAILERS = {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": {"host": "127.0.0.1", "port": 1, "timeout": 1},
        }
    }
    answer = admin.post(f"{TEAM}invite/", {"email": DORA, "role": "viewer"}, follow=True)
    assert "could not be sent" in answer.content.decode() and Invitation.objects.count() == 1
    assert "/invitations/" not in re.sub(r"/invitations/[0-9a-f-]{36}/", "", answer.content.decode())


def test_the_mail_is_in_the_language_of_whom_it_is_for(admin: Client, charlie: User, settings):
    settings.MAIL_IS_SET = True
    charlie.preferences["language"] = "zh-hans"
    charlie.save()
    admin.post(f"{TEAM}invite/", {"email": charlie.email, "role": "viewer"})
    assert "邀请" in mail.outbox[0].subject and "邀请" in mail.outbox[0].body
    admin.post(f"{TEAM}invite/", {"email": DORA, "role": "viewer"})
    assert "invites you" in mail.outbox[1].body, "who is not known reads the inviter's"


def test_hostile_names_do_not_write_headers(admin: Client, alice: User, team: Team, settings):
    settings.MAIL_IS_SET = True
    User.objects.filter(id=alice.id).update(name="A\r\nBcc: eve@evil.example\r\n")
    Team.objects.filter(id=team.id).update(name="<b>x</b>")
    admin.post(f"{TEAM}invite/", {"email": DORA, "role": "viewer"})
    (sent,) = mail.outbox
    assert "\n" not in sent.subject and sent.recipients() == [DORA] and "<b>x</b>" in sent.body


@pytest.mark.parametrize(
    ("email", "told"),
    [
        ("", "required"),
        ("nobody", "valid email"),
        ("x" * 250 + "@example.org", "at most 254"),
        ("bob@example.org", "on the team already"),
        ("BOB@example.org", "on the team already"),
        ("robert@example.org", "on the team already"),
    ],
)
def test_what_cannot_be_invited_is_told_in_words(admin: Client, bob: User, email: str, told: str):
    EmailAddress.objects.create(user=bob, email="robert@example.org", verified=True)
    answer = admin.post(f"{TEAM}invite/", {"email": email, "role": "viewer"})
    assert answer.status_code == 422 and told in answer.content.decode()
    assert email[:60] in answer.content.decode(), "what was typed stays"
    assert not Invitation.objects.exists() and not trail()


def test_who_is_a_member_elsewhere_is_invited(admin: Client, charlie: User):
    assert admin.post(f"{TEAM}invite/", {"email": charlie.email, "role": "viewer"}).status_code == 200


def test_a_second_invitation_of_the_same_address_is_refused(admin: Client, invited: tuple[Invitation, str]):
    answer = admin.post(f"{TEAM}invite/", {"email": DORA.upper(), "role": "admin"})
    assert answer.status_code == 422 and "invited already" in answer.content.decode()
    assert Invitation.objects.get().role == "editor"


def test_another_team_invites_the_same_address(invited: tuple[Invitation, str], other_team: Team, charlie: User):
    invitations.invite(other_team, charlie, DORA, "viewer")
    assert Invitation.objects.count() == 2


def test_the_database_holds_no_link(invited: tuple[Invitation, str]):
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(i)::text FROM accounts_invitation i")
        row = cursor.fetchone()[0]
        cursor.execute("SELECT string_agg(row_to_json(a)::text, '') FROM accounts_auditevent a")
        assert invited[1] not in row + cursor.fetchone()[0]


# Accepted


def test_a_newcomer_signs_up_by_the_link_and_is_on_the_team(invited: tuple[Invitation, str]):
    client = Client()
    page = client.get(path(invited[1]), follow=True)
    assert page.redirect_chain == [("/invitation/", 302)] and "Create your account" in page.content.decode()
    form = client.get("/account/signup/").content.decode()
    assert DORA in form and "disabled" in form
    answer = sign_up(client, email="else@example.org")
    user = User.objects.get(email=DORA)
    assert (answer.status_code, answer.url) == (302, "/t/aero/") and SESSION_KEY in client.session
    assert EmailAddress.objects.get(user=user).verified and not mail.outbox, "the link was the proof"
    assert role(user) == "editor" and not User.objects.filter(email="else@example.org").exists()
    assert trail()[1:] == [(DORA, "member.joined", DORA)] and not Invitation.objects.exists()
    assert Client().get("/account/signup/").status_code == 200
    sign_up(Client(), email="second@example.org")
    assert User.objects.count() == 2, "to nobody else it is open"


def test_a_weak_password_keeps_the_invitation(invited: tuple[Invitation, str]):
    client = Client()
    client.get(path(invited[1]))
    answer = sign_up(client, password1="short", password2="short")
    assert answer.status_code == 200 and DORA in answer.content.decode() and Invitation.objects.exists()


def test_a_person_of_that_address_joins_after_signing_in(invited: tuple[Invitation, str]):
    dora, client = make_user(DORA, "Dora"), Client()
    page = client.get(path(invited[1]), follow=True).content.decode()
    assert "Sign in to join" in page and "Create your account" not in page
    answer = client.post("/account/login/", {"login": DORA, "password": PASSWORD, "next": "/invitation/"})
    assert answer.url == "/invitation/" and role(dora) is None, "signing in alone joins nothing"
    assert "Join the team" in client.get("/invitation/").content.decode()
    assert client.post("/invitation/").url == "/t/aero/" and role(dora) == "editor"
    assert client.post("/invitation/").status_code == 404 and trail()[1:] == [(DORA, "member.joined", DORA)]


def test_a_second_address_of_theirs_counts_once_it_is_verified(invited, charlie: User, as_user):
    client, address = as_user(charlie), EmailAddress.objects.create(user=charlie, email=DORA.upper(), verified=False)
    client.get(path(invited[1]))
    assert "You are signed in as" in client.get("/invitation/").content.decode()
    stranger = Client()
    assert "Sign in to join" in stranger.get(path(invited[1]), follow=True).content.decode()
    assert client.post("/invitation/").status_code == 422 and role(charlie) is None
    EmailAddress.objects.filter(id=address.id).update(verified=True)
    assert client.post("/invitation/").status_code == 302 and role(charlie) == "editor"


def test_somebody_else_is_told_so_and_may_sign_out_and_go_on(invited, charlie: User, as_user):
    client = as_user(charlie)
    client.get(path(invited[1]))
    page = client.get("/invitation/").content.decode()
    assert charlie.email in page and DORA in page and "Join the team" not in page
    assert client.post("/invitation/").status_code == 422 and role(charlie) is None
    client.post("/invitation/", {"do": "sign_out"})
    assert SESSION_KEY not in client.session
    assert "Create your account" in client.get("/invitation/").content.decode()


def test_who_is_on_the_team_meanwhile_keeps_their_role(invited, team: Team, as_user):
    dora = make_user(DORA, "Dora")
    Membership.objects.create(team=team, user=dora, role="viewer")
    client = as_user(dora)
    client.get(path(invited[1]))
    assert client.post("/invitation/").status_code == 302 and role(dora) == "viewer"
    assert trail()[1:] == [(DORA, "invitation.dropped", DORA)]


def test_following_a_link_accepts_nothing(invited, as_user):
    client = as_user(make_user(DORA, "Dora"))
    for _ in range(3):
        client.get(path(invited[1]), follow=True)
        client.head(path(invited[1]))
    assert Invitation.objects.exists() and not Membership.objects.filter(user__email=DORA).exists()


def test_who_has_no_team_sees_what_they_are_invited_to(invited, as_user, charlie: User, team: Team, alice: User):
    client = as_user(make_user(DORA, "Dora"))
    page = client.get("/").content.decode()
    assert "Aero HPC" in page
    there = client.post("/invitation/", {"invitation": str(invited[0].id)}, follow=True)
    assert "Join the team" in there.content.decode()
    theirs, _token = invitations.invite(team, alice, charlie.email, "admin")
    client.post("/invitation/", {"invitation": str(theirs.id)})
    assert "is for charlie" not in client.get("/invitation/").content.decode()
    assert client.post("/invitation/").status_code == 302 and role(User.objects.get(email=DORA)) == "editor"


def test_whoever_signs_up_beside_an_invitation_of_another_has_signed_up_and_no_more(invited, provider, settings):
    """By single sign-on, with an address of their own, where sign-up is open to all."""
    settings.SIGNUP_OPEN = True
    provider.person |= {"sub": "else", "email": "else@example.org"}
    client = Client()
    client.get(path(invited[1]))
    sign_in(client)
    assert SESSION_KEY in client.session and not User.objects.get(email="else@example.org").memberships.exists()
    told = AuditEvent.objects.filter(actor="else@example.org").values_list("action", flat=True)
    assert list(told) == ["user.signed_up"] and Invitation.objects.exists()


def told_of(email: str) -> list[str]:
    found = AuditEvent.objects.filter(target=email).exclude(action="member.invited")
    return list(found.values_list("action", flat=True))


def test_an_address_that_is_not_verified_leaves_its_row_beside_an_invitation_of_another(invited, provider, settings):
    settings.SIGNUP_OPEN = True
    provider.person |= {"sub": "else", "email": "else@example.org", "email_verified": False}
    client = Client()
    client.get(path(invited[1]))
    sign_in(client)
    assert SESSION_KEY not in client.session and User.objects.filter(email="else@example.org").exists()
    assert told_of("else@example.org") == ["user.signed_up"] and told_of(DORA) == []


@pytest.mark.parametrize("is_open", [True, False])
@pytest.mark.parametrize("way", ["password", "provider"])
def test_a_sign_up_by_invitation_leaves_one_row(invited, provider, settings, way: str, is_open: bool):
    settings.SIGNUP_OPEN = is_open
    provider.person |= {"sub": "dora", "email": DORA}
    client = Client()
    client.get(path(invited[1]))
    answer = sign_up(client) if way == "password" else sign_in(client)
    assert answer.url == "/t/aero/" and SESSION_KEY in client.session
    assert told_of(DORA) == ["member.joined"] and role(User.objects.get(email=DORA)) == "editor"


@pytest.mark.parametrize("way", ["password", "provider"])
def test_without_its_row_in_the_trail_nobody_signs_up_by_invitation(invited, provider, way: str):
    provider.person |= {"sub": "dora", "email": DORA}
    client = Client(raise_request_exception=False)
    client.get(path(invited[1]))
    with database_refuses("accounts_auditevent"):
        answer = sign_up(client) if way == "password" else sign_in(client)
    assert answer.status_code == 500 and Invitation.objects.exists()
    assert not User.objects.filter(email=DORA).exists() and not EmailAddress.objects.filter(email=DORA).exists()


# Over


def over(token: str, status: int, told: str) -> None:
    client = Client()
    answer = client.get(path(token))
    assert (answer.status_code, told in answer.content.decode()) == (status, True), answer.content.decode()
    assert client.get("/invitation/").status_code == 404
    sign_up(client)
    assert not User.objects.filter(email=DORA).exists(), "sign-up is as closed as ever"


def test_an_expired_link_says_so(invited):
    Invitation.objects.update(expires_at=timezone.now())
    over(invited[1], 410, "has expired. Ask alice@example.org")


def test_a_revoked_link_leads_nowhere(invited, admin: Client):
    assert admin.post(f"{TEAM}invitations/{invited[0].id}/revoke/").url == TEAM
    assert trail()[1:] == [("alice@example.org", "invitation.revoked", DORA)]
    over(invited[1], 404, "over")


def test_revoking_ends_it_in_a_session_that_followed_it(invited, admin: Client):
    client = Client()
    client.get(path(invited[1]))
    admin.post(f"{TEAM}invitations/{invited[0].id}/revoke/")
    sign_up(client)
    assert client.get("/invitation/").status_code == 404 and not User.objects.filter(email=DORA).exists()


def test_a_resent_link_replaces_the_old_one_and_starts_anew(invited, admin: Client):
    Invitation.objects.update(expires_at=timezone.now())
    answer = admin.post(f"{TEAM}invitations/{invited[0].id}/resend/")
    fresh = link(answer.content.decode())
    assert trail()[1:] == [("alice@example.org", "invitation.resent", DORA)]
    over(invited[1], 404, "over")
    assert Client().get(fresh).status_code == 302


@pytest.mark.parametrize("fall", ["demoted", "removed", "switched off"])
def test_an_invitation_is_worth_what_its_maker_is(invited, admin: Client, alice: User, fall: str):
    if fall == "switched off":
        User.objects.filter(id=alice.id).update(is_active=False)
    else:
        mine = Membership.objects.filter(user=alice)
        mine.update(role="editor") if fall == "demoted" else mine.delete()
    over(invited[1], 410, "may no longer invite")
    with pytest.raises(ActionError, match="over"):
        invitations.accept(invited[0], make_user(DORA, "Dora"))


def test_another_admin_vouches_by_resending(invited, team: Team, alice: User, as_user):
    zoe = make_user("zoe@example.org", "Zoe")
    Membership.objects.create(team=team, user=zoe, role="admin")
    Membership.objects.filter(user=alice).delete()
    assert "may no longer invite" in as_user(zoe).get(TEAM).content.decode()
    as_user(zoe).post(f"{TEAM}invitations/{invited[0].id}/resend/")
    assert invitations.why_over(Invitation.objects.get()) == "" and Invitation.objects.get().invited_by == zoe.email


def test_it_hides_other_teams_invitations(invited, charlie: User, as_user):
    client = as_user(charlie)
    for do in ("resend", "revoke"):
        for slug in ("aero", "umbra"):
            assert client.post(f"/t/{slug}/team/invitations/{invited[0].id}/{do}/").status_code == 404
    assert DORA not in client.get("/t/umbra/team/").content.decode() and Invitation.objects.exists()


def test_weak_roles_see_no_invitation(invited, eve: User, as_user):
    assert DORA not in as_user(eve).get(TEAM).content.decode()
    assert as_user(eve).post(f"{TEAM}invite/", {"email": "x@example.org", "role": "viewer"}).status_code == 403


# Tried


def test_guessing_links_is_slowed(valkey, invited):  # noqa: F811
    """Twenty wrong ones, and even the right one is not looked up from there; from elsewhere it works."""
    client = Client(REMOTE_ADDR="203.0.113.7")
    found = [client.get(path("A" * 42 + str(n % 10))).status_code for n in range(30)]
    assert found == [404] * 20 + [429] * 10
    answer = client.get(path(invited[1]))
    assert answer.status_code == 429 and "ten minutes" in answer.content.decode()
    assert Client(REMOTE_ADDR="203.0.113.8").get(path(invited[1])).status_code == 302


def test_right_links_are_not_counted(invited):
    """An office whose people are all invited at once shares one address."""
    assert {Client(REMOTE_ADDR="203.0.113.7").get(path(invited[1])).status_code for _ in range(40)} == {302}


@pytest.mark.parametrize("token", ["x", "%00", "..%2F", "名" * 40, "a" * 5000, "'; DROP TABLE"])
def test_a_strange_link_is_one_that_leads_nowhere(db: None, token: str):
    assert Client().get(path(token)).status_code == 404


def test_mailing_to_everybody_is_slowed(admin: Client):
    found = [
        admin.post(f"{TEAM}invite/", {"email": f"p{n}@example.org", "role": "viewer"}).status_code for n in range(102)
    ]
    assert found == [200] * 100 + [422] * 2


def test_a_strangers_wrong_link_makes_no_session(db: None):
    client = Client()
    client.get(path("x"))
    assert not client.cookies.get("session")
