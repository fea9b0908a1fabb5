"""The team's own page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access import get_team
from accounts.models import Membership


@require_safe
def team_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """Who is on the team, and what each role may do."""
    team = get_team(request, slug)
    members = Membership.objects.select_related("user").filter(team=team).order_by("user__name", "user__email")
    context = {"members": members, "mail_is_set": settings.MAIL_IS_SET}
    return render(request, "accounts/team_detail.html", context)
