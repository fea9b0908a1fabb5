"""What a team asks of those who administer it."""

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts import audit
from accounts.access import TeamRequest, get_team, lock_team
from accounts.models import Team
from accounts.reauthentication import require_recent_sign_in


@require_POST
def second_factor_choose(request: TeamRequest, slug: str) -> HttpResponse:
    """Ask the team's admins for a second factor, or no longer. Only who has one asks others."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    wanted = request.POST.get("required") == "yes"
    if wanted and not request.membership.has_factor:  # type: ignore[attr-defined]
        messages.error(request, _("Set up a second factor for yourself first: then ask the other admins."))
        return redirect("mfa_index")
    with transaction.atomic():
        lock_team(team, request.user, "admin")
        if Team.objects.filter(id=team.id, requires_second_factor=not wanted).update(requires_second_factor=wanted):
            action = "second_factor.required" if wanted else "second_factor.waived"
            audit.record(team, request.user, action, target=team.name, target_id=team.id)
    return redirect("team_detail", slug)
