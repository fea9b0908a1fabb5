"""Roles changed, members removed, leaving, handing over: what is done, what is refused, what the trail keeps."""

from collections.abc import Callable

import pytest
from django.contrib.auth import get_user
from django.test import Client

from accounts.actions import ActionError
from accounts.members import change_role, leave_team, remove_member, transfer_team
from accounts.models import AuditEvent, Membership, Team, User

pytestmark = [pytest.mark.access, pytest.mark.django_db]
TEAM = "/t/aero/team/"


def of(user: User, slug: str = "aero") -> Membership:
    return Membership.objects.get(user=user, team__slug=slug)


def role(user: User) -> str | None:
    return Membership.objects.filter(user=user, team__slug="aero").values_list("role", flat=True).first()


def trail() -> list[tuple[str, str, str, object]]:
    return list(AuditEvent.objects.order_by("id").values_list("actor", "action", "target", "changes"))


@pytest.fixture
def admin(alice: User, as_user: Callable[[User], Client]) -> Client:
    return as_user(alice)


def test_an_admin_gives_another_role(admin: Client, bob: User):
    answer = admin.post(f"{TEAM}members/{of(bob).id}/", {"role": "editor"})
    assert (answer.status_code, answer.url, role(bob)) == (302, TEAM, "editor")
    assert trail() == [
        ("alice@example.org", "member.role_changed", "bob@example.org", {"role": ["viewer", "editor"]}),
    ]
    assert "Bob Viewer: Editor." in admin.get(TEAM).content.decode()


def test_the_same_role_again_changes_nothing(admin: Client, bob: User):
    admin.post(f"{TEAM}members/{of(bob).id}/", {"role": "viewer"})
    assert trail() == []


@pytest.mark.parametrize("sent", [{}, {"role": ""}, {"role": "owner"}, {"role": "ADMIN"}])
def test_a_role_that_is_none_is_refused_in_words(admin: Client, bob: User, sent: dict[str, str]):
    answer = admin.post(f"{TEAM}members/{of(bob).id}/", sent)
    assert answer.status_code == 422 and "errorlist" in answer.content.decode()
    assert (role(bob), trail()) == ("viewer", [])


def test_a_member_is_removed_after_a_question(admin: Client, bob: User, as_user: Callable[[User], Client]):
    bobs, there = as_user(bob), f"{TEAM}members/{of(bob).id}/remove/"
    assert "Bob Viewer" in admin.get(there).content.decode() and role(bob), "asking removes nobody"
    assert admin.post(there).url == TEAM
    assert role(bob) is None and bobs.get(TEAM).status_code == 404, "at once, in a window that was open"
    assert get_user(bobs).is_authenticated, "the account stays"
    assert trail() == [("alice@example.org", "member.removed", "bob@example.org", {"role": "viewer"})]
    assert admin.post(there).status_code == 404


def test_who_removes_themselves_is_asked_about_leaving(admin: Client, alice: User):
    assert admin.post(f"{TEAM}members/{of(alice).id}/remove/").url == f"{TEAM}leave/"
    assert role(alice) == "admin"


def test_a_member_leaves(bob: User, alice: User, as_user: Callable[[User], Client]):
    client = as_user(bob)
    assert "Leave" in client.get(f"{TEAM}leave/").content.decode() and role(bob)
    assert client.post(f"{TEAM}leave/").url == "/" and role(bob) is None
    assert "You have left Aero HPC." in client.get("/").content.decode()
    assert trail() == [("bob@example.org", "member.left", "bob@example.org", {"role": "viewer"})]


def test_the_last_admin_stays_admin(admin: Client, alice: User, bob: User, charlie: User):
    """Charlie administers another team, which is no help to this one."""
    here = f"{TEAM}members/{of(alice).id}/"
    assert "only admin" in admin.get(here).content.decode()
    answer = admin.post(here, {"role": "viewer"})
    assert answer.status_code == 422 and "A team keeps an admin" in answer.content.decode()
    answer = admin.post(f"{TEAM}leave/")
    assert answer.status_code == 422 and "Hand it over" in answer.content.decode()
    assert (role(alice), trail()) == ("admin", [])


def test_who_is_alone_is_told_what_there_is_to_do(admin: Client):
    assert "Nobody else is on it" in admin.get(f"{TEAM}leave/").content.decode()
    assert "nobody to hand it to" in admin.get(f"{TEAM}transfer/").content.decode()


def test_an_admin_whose_sign_in_is_closed_does_not_count(alice: User, bob: User, team: Team):
    change_role(team, alice, of(bob), "admin")
    User.objects.filter(id=bob.id).update(is_active=False)
    with pytest.raises(ActionError, match="keeps an admin"):
        leave_team(team, alice)
    with pytest.raises(ActionError, match="sign-in is closed"):
        transfer_team(team, alice, of(bob), "leave")
    remove_member(team, alice, of(bob))
    assert role(bob) is None


@pytest.mark.parametrize(("after", "left"), [("editor", "editor"), ("viewer", "viewer"), ("leave", None)])
def test_a_team_is_handed_over(admin: Client, alice: User, bob: User, after: str, left: str | None):
    answer = admin.post(f"{TEAM}transfer/", {"member": of(bob).id, "after": after})
    assert answer.status_code == 302 and (role(bob), role(alice)) == ("admin", left)
    changes = {"role": ["viewer", "admin"], "from_role": ["admin", after]}
    assert trail() == [("alice@example.org", "team.transferred", "bob@example.org", changes)]


def test_a_team_is_handed_to_nobody_else(admin: Client, alice: User, bob: User, charlie: User):
    for member in ("", "x", of(alice).id, of(charlie, "umbra").id):
        assert admin.post(f"{TEAM}transfer/", {"member": member, "after": "leave"}).status_code == 422
    assert admin.post(f"{TEAM}transfer/", {"member": of(bob).id, "after": "admin"}).status_code == 422
    assert (role(alice), role(bob), trail()) == ("admin", "viewer", [])


def test_members_are_changed_by_who_signed_in_lately(admin: Client, bob: User, settings):
    settings.ACCOUNT_REAUTHENTICATION_TIMEOUT = 0
    for path in (f"members/{of(bob).id}/", f"members/{of(bob).id}/remove/", "transfer/", "leave/"):
        for answer in (admin.get(TEAM + path), admin.post(TEAM + path, {"role": "admin"})):
            assert answer.status_code == 302 and "reauthenticate" in answer.url
    assert (role(bob), trail()) == ("viewer", [])


def test_a_viewer_is_offered_nothing_that_would_be_refused(bob: User, as_user: Callable[[User], Client]):
    text = as_user(bob).get(TEAM).content.decode()
    assert "/members/" not in text and "rename" not in text and "transfer" not in text and "/team/leave/" in text
