"""What people and commands do to teams and their members: one transaction each, with its audit row inside."""

from allauth.account.models import EmailAddress
from django.core.exceptions import ValidationError
from django.core.validators import validate_email, validate_slug
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Membership, Role, Team, User

type Actor = User | str  # a user, or the name of a command


class ActionError(Exception):
    """What was asked for cannot be done. `field` names the input at fault ("" for none), `message` is one sentence."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field, self.message = field, message

    def __str__(self) -> str:
        return self.message


def create_team(slug: str, name: str, actor: Actor, *, admin: User | None = None) -> Team:
    """A team without members but this admin. Raises ActionError for a slug that is none or taken, or a name that is
    none.
    """
    checked_slug(slug)
    name = checked_team_name(name)
    changes = {"slug": slug, "admin": admin.email} if admin else {"slug": slug}
    try:
        with transaction.atomic():
            team = Team.objects.create(slug=slug, name=name)
            if admin:
                Membership.objects.create(team=team, user=admin, role="admin")
            audit.record(team, actor, "team.created", target=team.name, target_id=team.id, changes=changes)
    except IntegrityError:
        raise _taken(slug) from None
    return team


def checked_team_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > 100 or not name.isprintable():
        raise ActionError("name", _("A team's name has 1 to 100 characters and no control characters."))
    return name


def checked_slug(slug: str) -> str:
    """The slug, which is one and is free. The database has the last word."""
    try:
        validate_slug(slug)
    except ValidationError:
        raise ActionError("slug", _("A team's slug is letters, digits, hyphens and underscores.")) from None
    if len(slug) > 40:
        raise ActionError("slug", _("A team's slug has at most 40 characters."))
    if Team.objects.filter(slug=slug).exists():
        raise _taken(slug)
    return slug


def _taken(slug: str) -> ActionError:
    return ActionError("slug", _("There is a team %(slug)s already.") % {"slug": slug})


def find_user(email: str) -> User | None:
    """The user of this address, in any case of letters."""
    return User.objects.filter(email__iexact=email.strip()).first()


def checked_email(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError:
        raise ActionError("email", _("%(email)r is not an email address.") % {"email": email[:60]}) from None
    return email


def add_member(team: Team, email: str, role: str, actor: Actor, *, password: str | None = None, name: str = "") -> User:
    """Give the user of this address a role on the team, making the user, with a verified address, where there is none.

    `password` and `name` are a new user's only; whoever exists keeps theirs.
    """
    if role not in Role.values:
        raise ActionError("role", _("A role is viewer, editor or admin."))
    with transaction.atomic():
        user = found_or_made(email, password, name)
        _membership, made = Membership.objects.get_or_create(team=team, user=user, defaults={"role": role})
        if made:
            audit.record(team, actor, "member.added", target=user.email, target_id=user.id, changes={"role": role})
    return user


def found_or_made(email: str, password: str | None, name: str = "") -> User:
    """The user of this address, with it verified, in the caller's transaction, which says in its audit row what for."""
    email = checked_email(email)
    user = find_user(email) or User.objects.create_user(email, password, name=name)
    if not EmailAddress.objects.filter(user=user, email__iexact=user.email).exists():
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user
