"""Teams made and renamed by people. They are deleted with all that is theirs (catalog/actions/teams.py)."""

import secrets

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from accounts import audit
from accounts.access import lock_team
from accounts.actions import checked_team_name, create_team
from accounts.models import Membership, Team, User


def may_create_team(user: User) -> bool:
    """Everybody where TEAMS_OPEN says so. Else who administers a team, and so may let people in here anyway; and who
    runs this Bootshelf.
    """
    if settings.TEAMS_OPEN or user.is_superuser:
        return True
    return Membership.objects.filter(user=user, role="admin").exists()


def start_team(user: User, name: str, slug: str = "") -> Team:
    """A team of this name with the user for its admin; its slug is made of the name where none is given. Raises
    ActionError as create_team does.
    """
    name = checked_team_name(name)
    with transaction.atomic():
        return create_team(slug or _free_slug(name), name, user, admin=user)


def rename_team(team: Team, actor: User, name: str) -> Team:
    """The slug stays, and with it every link. Raises ActionError."""
    name = checked_team_name(name)
    with transaction.atomic():
        lock_team(team, actor, "admin")
        before = Team.objects.values_list("name", flat=True).get(id=team.id)
        if name != before:
            Team.objects.filter(id=team.id).update(name=name)
            audit.record(team, actor, "team.renamed", target=name, target_id=team.id, changes={"name": [before, name]})
    team.name = name
    return team


def _free_slug(name: str) -> str:
    """Made of the name: with something behind it where that is taken, and of nothing else where it has no letter of an
    address in it.
    """
    made = slugify(name)[:32].strip("-_")
    if made and not Team.objects.filter(slug=made).exists():
        return made
    return f"{made or 'team'}-{secrets.token_hex(3)}"
