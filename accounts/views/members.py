"""One member of a team: another role, or off the team."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import TeamRequest, get_row, get_team
from accounts.actions import ActionError
from accounts.forms import RoleForm, posted
from accounts.members import ROLE_WORDS, change_role, is_last_admin, remove_member
from accounts.models import Membership
from accounts.reauthentication import require_recent_sign_in


@require_http_methods(["GET", "POST"])
def member_edit(request: TeamRequest, slug: str, member_id: UUID) -> HttpResponse:
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    member = get_row(Membership.objects.select_related("user"), team, member_id)
    form = RoleForm(posted(request), initial={"role": member.role})
    if form.is_valid():
        try:
            changed = change_role(team, request.user, member, form.cleaned_data["role"])
        except ActionError as error:
            form.blame(error)
        else:
            told = _("%(who)s: %(role)s.") % {"who": changed.user, "role": changed.role_label}
            messages.success(request, told)
            return redirect("team_detail", slug)
    context = {"member": member, "form": form, "roles": ROLE_WORDS, "last_admin": is_last_admin(team, member)}
    return render(request, "accounts/member_edit.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
def member_remove(request: TeamRequest, slug: str, member_id: UUID) -> HttpResponse:
    """Asked first. Who removes themselves leaves."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    member = get_row(Membership.objects.select_related("user"), team, member_id)
    if member.id == request.membership.id:
        return redirect("team_leave", slug)
    error = ""
    if request.method == "POST":
        try:
            remove_member(team, request.user, member)
        except ActionError as refused:
            error = refused.message
        else:
            messages.success(request, _("%(who)s is off the team.") % {"who": member.user})
            return redirect("team_detail", slug)
    context = {"member": member, "error": error}
    return render(request, "accounts/member_remove.html", context, status=422 if error else 200)
