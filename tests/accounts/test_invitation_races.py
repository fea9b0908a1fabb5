"""Invitations under people who act at once, on connections of their own."""

import pytest

from accounts import invitations
from accounts.members import change_role
from accounts.models import AuditEvent, Invitation, Membership, Team, User
from tests.accounts.test_member_races import at_once, of
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)
DORA = "dora@example.org"


@pytest.fixture
def dora(db: None) -> User:
    return make_user(DORA, "Dora")


@pytest.mark.parametrize("_time", range(3))
def test_a_link_followed_twice_at_once_joins_once(team: Team, alice: User, dora: User, _time: int):
    invitation, _token = invitations.invite(team, alice, DORA, "editor")
    found = at_once(*[lambda: invitations.accept(invitation, dora)] * 4)
    assert sum(isinstance(one, Membership) for one in found) == 1
    assert AuditEvent.objects.filter(action="member.joined").count() == 1


@pytest.mark.parametrize("_time", range(3))
def test_revoking_and_accepting_at_once_do_one_of_the_two(team: Team, alice: User, dora: User, _time: int):
    invitation, _token = invitations.invite(team, alice, DORA, "editor")
    at_once(lambda: invitations.accept(invitation, dora), lambda: invitations.revoke(team, alice, invitation))
    done = set(AuditEvent.objects.values_list("action", flat=True)) - {"member.invited"}
    assert done in ({"member.joined"}, {"invitation.revoked"}) and not Invitation.objects.exists()
    assert Membership.objects.filter(user=dora).exists() == (done == {"member.joined"})


@pytest.mark.parametrize("_time", range(3))
def test_who_is_demoted_at_that_moment_lets_nobody_in_afterwards(team: Team, alice: User, dora: User, _time: int):
    zoe = make_user("zoe@example.org", "Zoe")
    Membership.objects.create(team=team, user=zoe, role="admin")
    invitation, _token = invitations.invite(team, zoe, DORA, "admin")
    at_once(lambda: invitations.accept(invitation, dora), lambda: change_role(team, alice, of(zoe), "viewer"))
    order = list(AuditEvent.objects.exclude(action="member.invited").order_by("id").values_list("action", flat=True))
    assert order in (["member.joined", "member.role_changed"], ["member.role_changed"])


def test_two_admins_invite_the_same_address_at_once(team: Team, alice: User):
    found = at_once(*[lambda: invitations.invite(team, alice, DORA, "viewer")] * 3)
    assert sum(isinstance(one, tuple) for one in found) == 1 == Invitation.objects.count()
