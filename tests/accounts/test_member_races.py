"""Two people at once, on connections of their own: a team keeps an admin, and who was demoted demotes nobody."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection

from accounts.actions import ActionError
from accounts.members import change_role, leave_team, remove_member, transfer_team
from accounts.models import AuditEvent, Membership, Team, User
from tests.conftest import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*actions: Callable[[], Any]) -> list[Any]:
    """What each gave, or raised, all of them begun together."""
    start = threading.Barrier(len(actions))
    found: list[Any] = [None] * len(actions)

    def run(n: int) -> None:
        try:
            start.wait()
            found[n] = actions[n]()
        except Exception as error:
            found[n] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(actions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return found


@pytest.fixture
def admins(team: Team, alice: User) -> list[User]:
    """Alice and two more."""
    users = [make_user(f"admin{n}@example.org", f"Admin {n}") for n in range(2)]
    for user in users:
        Membership.objects.create(team=team, user=user, role="admin")
    return [alice, *users]


def of(user: User) -> Membership:
    return Membership.objects.get(user=user)


def roles() -> list[str]:
    return sorted(Membership.objects.values_list("role", flat=True))


@pytest.mark.parametrize("_time", range(5))
def test_of_two_admins_who_demote_each_other_one_is_left(team: Team, admins: list[User], _time: int):
    one, other, third = admins
    leave_team(team, third)
    found = at_once(
        lambda: change_role(team, one, of(other), "viewer"), lambda: change_role(team, other, of(one), "viewer")
    )
    assert roles() == ["admin", "viewer"]
    assert [type(each) for each in found if isinstance(each, Exception)] == [PermissionDenied]


@pytest.mark.parametrize("_time", range(3))
def test_of_three_in_a_ring_nobody_demoted_demotes(team: Team, admins: list[User], _time: int):
    """Each takes the next one's role; whoever lost theirs first took nobody's."""
    ring = [*zip(admins, [*admins[1:], admins[0]], strict=True)]
    at_once(*[lambda one=one, other=other: change_role(team, one, of(other), "editor") for one, other in ring])
    done = AuditEvent.objects.filter(action="member.role_changed").order_by("id").values_list("actor", "target")
    demoted: set[str] = set()
    for actor, target in done:
        assert actor not in demoted
        demoted.add(target)
    assert 1 <= roles().count("admin") == 3 - len(demoted)


@pytest.mark.parametrize("_time", range(3))
def test_all_admins_leaving_at_once_leave_one(team: Team, admins: list[User], _time: int):
    found = at_once(*[lambda one=one: leave_team(team, one) for one in admins])
    assert roles() == ["admin"] and [type(each) for each in found if each] == [ActionError]


def test_removing_and_handing_over_to_the_same_member(team: Team, alice: User, bob: User):
    """Whichever came first: never a team without an admin."""
    found = at_once(lambda: remove_member(team, alice, of(bob)), lambda: transfer_team(team, alice, of(bob), "leave"))
    assert roles() == ["admin"] and sum(isinstance(each, Exception) for each in found) >= 1
