"""A team's own page; teams made, renamed, left and handed over."""

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts import limits
from accounts.access import SignInRequired, TeamRequest, get_row, get_team
from accounts.actions import ActionError
from accounts.forms import NewTeamForm, TeamNameForm, TransferForm, posted
from accounts.invitations import listed
from accounts.members import ROLE_WORDS, is_last_admin, leave_team, members_of, transfer_team
from accounts.models import Membership
from accounts.reauthentication import require_recent_sign_in
from accounts.teams import may_create_team, rename_team, start_team


@require_safe
def team_detail(request: TeamRequest, slug: str) -> HttpResponse:
    """Who is on the team, and what each role may do."""
    team = get_team(request, slug)
    context = {
        "members": members_of(team),
        "role_words": ROLE_WORDS,
        "mail_is_set": settings.MAIL_IS_SET,
        "may_create_team": may_create_team(request.user),
        "invitations": listed(team) if request.membership.allows("admin") else [],
    }
    return render(request, "accounts/team_detail.html", context)


@require_http_methods(["GET", "POST"])
def team_add(request: TeamRequest) -> HttpResponse:
    """A team of the caller's own, where they may make one (accounts/teams.py)."""
    if not request.user.is_authenticated:
        raise SignInRequired
    if not may_create_team(request.user):
        raise PermissionDenied
    form = NewTeamForm(posted(request))
    if form.is_valid():
        try:
            if not limits.count(request, "team"):
                raise ActionError("", _("That is a lot of teams for one day: go on tomorrow."))
            team = start_team(request.user, form.cleaned_data["name"], form.cleaned_data["slug"])
        except ActionError as error:
            form.blame(error)
        else:
            messages.success(request, _("%(name)s is there, and you are its admin.") % {"name": team.name})
            return redirect("team_detail", team.slug)
    return render(request, "accounts/team_add.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def team_rename(request: TeamRequest, slug: str) -> HttpResponse:
    team = get_team(request, slug, "admin")
    form = TeamNameForm(posted(request), initial={"name": team.name})
    if form.is_valid():
        try:
            rename_team(team, request.user, form.cleaned_data["name"])
        except ActionError as error:
            form.blame(error)
        else:
            return redirect("team_detail", slug)
    return render(request, "accounts/team_rename.html", {"form": form}, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def team_leave(request: TeamRequest, slug: str) -> HttpResponse:
    """Asked first; the last admin is told what to do instead."""
    team = get_team(request, slug)
    require_recent_sign_in(request)
    stuck = is_last_admin(team, request.membership)
    if request.method == "POST" and not stuck:
        try:
            leave_team(team, request.user)
        except ActionError:
            stuck = True
        else:
            messages.success(request, _("You have left %(name)s.") % {"name": team.name})
            return redirect("home")
    context = {"stuck": stuck, "alone": stuck and not _others(request)}
    return render(request, "accounts/team_leave.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def team_transfer(request: TeamRequest, slug: str) -> HttpResponse:
    """Another member becomes an admin, and the caller steps down or goes."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    others = _others(request)
    form = TransferForm(others, posted(request))
    if form.is_valid():
        to = get_row(Membership.objects.select_related("user"), team, form.cleaned_data["member"])
        try:
            transfer_team(team, request.user, to, form.cleaned_data["after"])
        except ActionError as error:
            form.blame(error)
        else:
            messages.success(request, _("%(who)s administers %(name)s now.") % {"who": to.user, "name": team.name})
            return redirect("home") if form.cleaned_data["after"] == "leave" else redirect("team_detail", slug)
    context = {"form": form, "others": others}
    return render(request, "accounts/team_transfer.html", context, status=422 if form.errors else 200)


def _others(request: TeamRequest) -> list[Membership]:
    """The members whose sign-in is open, but for the caller."""
    members = members_of(request.membership.team)
    return [one for one in members if one.user_id != request.user.id and one.user.is_active]
