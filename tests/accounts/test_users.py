"""Users, teams and roles."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import identify_hasher
from django.db import IntegrityError, transaction

from accounts.actions import ActionError, add_member, create_team, find_user
from accounts.models import AuditEvent, Membership, Team, User
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db


def test_an_address_is_kept_in_small_letters():
    user = User.objects.create_user(" Alice@Example.ORG ", PASSWORD)
    assert user.email == "alice@example.org"


def test_saving_a_user_folds_the_address_too(alice):
    alice.email = "ALICE@EXAMPLE.ORG"
    alice.save()
    assert User.objects.get(id=alice.id).email == "alice@example.org"


@pytest.mark.parametrize("again", ["alice@example.org", "ALICE@EXAMPLE.ORG"])
def test_an_address_belongs_to_one_user_in_any_case(alice, again):
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user(again, PASSWORD)


def test_the_database_itself_refuses_the_same_address_in_capitals(alice, bob):
    with pytest.raises(IntegrityError, match="user_email_any_case"), transaction.atomic():
        User.objects.filter(id=bob.id).update(email="ALICE@EXAMPLE.ORG")


def test_passwords_are_hashed_with_argon2(alice):
    assert identify_hasher(alice.password).algorithm == "argon2"
    assert PASSWORD not in alice.password and alice.check_password(PASSWORD)


@pytest.mark.parametrize(
    ("fields", "initials"),
    [
        ({"name": "Alice Liddell"}, "AL"),
        ({"name": "", "email": "ada.lovelace@example.org"}, "AL"),
        ({"name": "王"}, "王"),
        ({"name": "", "email": ""}, "?"),
    ],
)
def test_initials_stand_for_a_person(fields, initials):
    assert User(**fields).initials == initials


# Teams


def test_a_team_is_made_with_one_audit_row():
    team = create_team("aero", "  Aero HPC ", "create_team")
    assert (team.slug, team.name) == ("aero", "Aero HPC")
    row = AuditEvent.objects.get()
    assert (row.team, row.actor, row.action, row.target) == (team.id, "create_team", "team.created", "Aero HPC")


@pytest.mark.parametrize("slug", ["", "a b", "a/b", "ü", "a" * 41, "a\n", "../x"])
def test_a_slug_that_is_none_is_refused(slug):
    with pytest.raises(ActionError) as caught:
        create_team(slug, "Name", "test")
    assert caught.value.field == "slug" and not Team.objects.exists() and not AuditEvent.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "a" * 101, "a\nb", "a\0b", "\ud800"])
def test_a_name_that_is_none_is_refused(name):
    with pytest.raises(ActionError) as caught:
        create_team("aero", name, "test")
    assert caught.value.field == "name" and not Team.objects.exists()


def test_a_slug_that_is_taken_is_refused(team):
    with pytest.raises(ActionError, match="There is a team aero already"):
        create_team("aero", "Another", "test")


# Members


def test_a_new_member_is_a_user_with_a_verified_address(team):
    user = add_member(team, "New@Example.org", "editor", "test", password=PASSWORD, name="New")
    assert (user.email, user.name, user.check_password(PASSWORD)) == ("new@example.org", "New", True)
    address = EmailAddress.objects.get(user=user)
    assert (address.email, address.verified, address.primary) == ("new@example.org", True, True)
    assert Membership.objects.get(team=team, user=user).role == "editor"


def test_who_is_known_keeps_the_password_and_the_name(team, charlie):
    user = add_member(team, "CHARLIE@example.org", "admin", "test", password="another-password", name="Another")
    assert user == charlie and user.name == "Charlie Outsider" and user.check_password(PASSWORD)
    assert Membership.objects.get(team=team, user=charlie).role == "admin"


def test_a_member_added_again_keeps_the_role_and_leaves_no_second_row(team, bob):
    add_member(team, bob.email, "admin", "test")
    assert Membership.objects.get(user=bob).role == "viewer" and not AuditEvent.objects.exists()


def test_an_unverified_address_is_not_verified_in_passing(team):
    user = User.objects.create_user("new@example.org", PASSWORD)
    EmailAddress.objects.create(user=user, email=user.email, verified=False, primary=True)
    add_member(team, user.email, "viewer", "test")
    assert not EmailAddress.objects.get(user=user).verified


@pytest.mark.parametrize("email", ["", "no", "a@b", "a b@example.org", "a@example.org\n b", "\ud800@example.org"])
def test_an_address_that_is_none_is_refused(team, email):
    with pytest.raises(ActionError):
        add_member(team, email, "viewer", "test", password=PASSWORD)
    assert not User.objects.exists()


def test_a_role_that_is_none_is_refused(team, alice):
    with pytest.raises(ActionError):
        add_member(team, "new@example.org", "owner", "test")
    with pytest.raises(IntegrityError, match="membership_role"), transaction.atomic():
        Membership.objects.update(role="owner")


@pytest.mark.parametrize(
    ("role", "allowed"),
    [("viewer", ["viewer"]), ("editor", ["viewer", "editor"]), ("admin", ["viewer", "editor", "admin"])],
)
def test_a_role_allows_what_is_below_it(role, allowed):
    assert [wanted for wanted in ("viewer", "editor", "admin") if Membership(role=role).allows(wanted)] == allowed


def test_users_are_found_in_any_case(alice):
    assert find_user(" ALICE@example.org ") == alice and find_user("nobody@example.org") is None
