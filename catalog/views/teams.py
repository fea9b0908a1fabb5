"""A team deleted, with all that the catalog holds of it; what else is done to teams is in accounts."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access import TeamRequest, get_team
from accounts.forms import TypedNameForm, posted
from accounts.reauthentication import require_recent_sign_in
from catalog import actions
from catalog.actions.teams import holdings


@require_http_methods(["GET", "POST"])
def team_delete(request: TeamRequest, slug: str) -> HttpResponse:
    """The name is typed to confirm; what goes is counted."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    form = TypedNameForm(team.name, posted(request))
    if form.is_valid():
        try:
            actions.delete_team(team, request.user)
        except actions.ActionError as error:
            form.blame(error)
        else:
            messages.success(request, _("%(name)s is deleted.") % {"name": team.name})
            return redirect("home")
    context = {"form": form, "holdings": holdings(team)}
    return render(request, "catalog/team_delete.html", context, status=422 if form.errors else 200)
