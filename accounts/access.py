"""May this person see this row: the one module that answers. Outsiders get 404, weak roles 403, strangers sign in."""

from typing import Any
from uuid import UUID

from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django_htmx.middleware import HtmxDetails

from accounts.models import ROLE_RANK, Membership, Team, User

# What is a second factor by itself; recovery codes only come with one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)


class SignInRequired(Exception):
    """Nobody is signed in. accounts.middleware turns it into the way to the sign-in page."""


class SecondFactorRequired(PermissionDenied):
    """An admin without the second factor that their team asks its admins for: a viewer until they have one.
    accounts.middleware answers with the page that says so.
    """


class TeamRequest(HttpRequest):
    """A request as the view of a team's page has it once get_team let it in. Only for types: nothing makes one."""

    user: User
    membership: Membership
    teams: list[Team]
    htmx: HtmxDetails


_HAS_FACTOR = Exists(Authenticator.objects.filter(user=OuterRef("user"), type__in=FACTORS))


def get_team(request: HttpRequest, slug: str, role: str = "viewer") -> Team:
    """The caller's team of this slug, for a member with at least `role`. Sets `request.membership` and `request.teams`,
    all that the caller is in, by name. One query.
    """
    if not request.user.is_authenticated:
        raise SignInRequired
    mine = Membership.objects.select_related("team").filter(user_id=request.user.pk).annotate(has_factor=_HAS_FACTOR)
    listed = list(mine.order_by("team__name"))
    membership = next((one for one in listed if one.team.slug == slug), None)
    if membership is None:
        raise Http404
    asked = membership.role == "admin" and membership.team.requires_second_factor
    membership.held = asked and not membership.has_factor
    if not membership.allows(role):
        raise SecondFactorRequired if ROLE_RANK[membership.role] >= ROLE_RANK[role] else PermissionDenied
    request.membership, request.teams = membership, [one.team for one in listed]  # type: ignore[attr-defined]
    return membership.team


def get_row[M: Model](rows: QuerySet[M], team: Team, row_id: UUID) -> M:
    """One row of the team, or 404. The tenant is inside the query."""
    return get_object_or_404(rows, team_id=team.id, id=row_id)


def hold_team(team_id: UUID) -> Team:
    """Within a transaction: the team, which nobody else changes, nor its members, until it ends. Http404 for one that
    is gone.
    """
    return get_object_or_404(Team.objects.select_for_update(no_key=True), id=team_id, deleted_at=None)


def lock_team(team: Team, user: User, role: str) -> Membership:
    """Within a transaction: until it ends nobody else changes the team or its members. The caller's membership as it is
    by then, of two who change each other's at once: Http404 for who is no member any more, PermissionDenied for who has
    less than `role`.
    """
    hold_team(team.id)
    membership = get_object_or_404(Membership.objects.select_related("user"), team=team, user=user)
    if not membership.allows(role):
        raise PermissionDenied
    return membership


def admins_of(team: Team) -> QuerySet[Membership]:
    """Whom to ask for what only an admin may."""
    admins = Membership.objects.filter(team=team, role="admin").select_related("user")
    return admins.order_by("user__name", "user__email")


def team_context(request: HttpRequest) -> dict[str, Any]:
    """For templates: the membership the view checked, its team, the caller's teams, and whether they may edit or
    administer.
    """
    membership: Membership | None = getattr(request, "membership", None)
    if membership is None:
        return {}
    return {
        "team": membership.team,
        "teams": getattr(request, "teams", []),
        "membership": membership,
        "may_edit": membership.allows("editor"),
        "may_admin": membership.allows("admin"),
    }
