"""Who is on a team and as what: roles changed, members removed, leaving, handing the team over.

One transaction each, with its audit row inside. Each locks the team first (accounts/access.py), so that of two admins
who demote each other at once the second one finds that they may not any more, and no team is left without an admin.
"""

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts import audit
from accounts.access import lock_team
from accounts.actions import ActionError
from accounts.models import Membership, Role, Team, User

# What a role may do, beyond the one before it.
ROLE_WORDS = [
    ("viewer", Role.VIEWER.label, gettext_lazy("browses and exports")),
    (
        "editor",
        Role.EDITOR.label,
        gettext_lazy("also labels, takes notes, shares views, syncs now, asks for registrations"),
    ),
    (
        "admin",
        Role.ADMIN.label,
        gettext_lazy(
            "also connects cloud accounts, registers and removes images, decides on requests, sees to members"
        ),
    ),
]


def members_of(team: Team) -> list[Membership]:
    """By name, each with its user. One query."""
    members = Membership.objects.select_related("user").filter(team=team)
    return list(members.order_by("user__name", "user__email"))


def change_role(team: Team, actor: User, member: Membership, role: str) -> Membership:
    """Give the member another role. Raises ActionError where it would leave the team without an admin."""
    if role not in Role.values:
        raise ActionError("role", _("A role is viewer, editor or admin."))
    with transaction.atomic():
        lock_team(team, actor, "admin")
        member = _still(team, member)
        if role == member.role:
            return member
        if role != "admin":
            _spare(team, member)
        before, member.role = member.role, role
        member.save(update_fields=["role"])
        _record(team, actor, "member.role_changed", member, role=[before, role])
    return member


def remove_member(team: Team, actor: User, member: Membership) -> None:
    """Take the member off the team, at once in all their windows. Raises ActionError for the last admin."""
    with transaction.atomic():
        lock_team(team, actor, "admin")
        member = _still(team, member)
        _spare(team, member)
        _record(team, actor, "member.removed", member, role=member.role)
        member.delete()


def leave_team(team: Team, user: User) -> None:
    """Whoever they are, they may go; all but the last admin, who hands the team over or deletes it."""
    with transaction.atomic():
        member = lock_team(team, user, "viewer")
        _spare(team, member)
        _record(team, user, "member.left", member, role=member.role)
        member.delete()


def transfer_team(team: Team, actor: User, to: Membership, after: str) -> None:
    """Make another member an admin and step down: `after` is "editor", "viewer", or "leave"."""
    if after not in ("editor", "viewer", "leave"):
        raise ActionError("after", _("Choose what becomes of you: editor, viewer, or off the team."))
    with transaction.atomic():
        mine = lock_team(team, actor, "admin")
        to = _still(team, to)
        if to.id == mine.id:
            raise ActionError("member", _("Choose somebody else."))
        if not to.user.is_active:
            raise ActionError("member", _("Their sign-in is closed: choose somebody else."))
        before, to.role = to.role, "admin"
        to.save(update_fields=["role"])
        _record(team, actor, "team.transferred", to, role=[before, "admin"], from_role=["admin", after])
        if after == "leave":
            mine.delete()
        else:
            mine.role = after
            mine.save(update_fields=["role"])


def is_last_admin(team: Team, member: Membership) -> bool:
    """Whether nobody else on the team could administer it: an admin whose sign-in is closed could not."""
    admins = Membership.objects.filter(team=team, role="admin", user__is_active=True)
    return member.role == "admin" and not admins.exclude(id=member.id).exists()


def _still(team: Team, member: Membership) -> Membership:
    found = Membership.objects.select_related("user").filter(team=team, id=member.id).first()
    if found is None:
        raise ActionError("", _("They are not on the team any more."))
    return found


def _spare(team: Team, member: Membership) -> None:
    if is_last_admin(team, member):
        raise ActionError("", _("A team keeps an admin: make somebody else an admin first, or delete the team."))


def _record(team: Team, actor: User, action: str, member: Membership, **changes: object) -> None:
    audit.record(team, actor, action, target=member.user.email, target_id=member.user_id, changes=changes)
