"""The audit trail of a team, for its admins."""

from functools import partial

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, get_team
from catalog.addresses import elsewhere
from catalog.audit_filter import actors_of, fetch, parse
from catalog.audit_rows import row_of
from catalog.views.images import wants
from catalog.views.lists import list_context, with_address
from config.deadline import in_time


@require_safe
@vary_on_headers("HX-Request")
def audit_list(request: TeamRequest, slug: str) -> HttpResponse:
    """Who did what, the newest first, page by page. As many queries for ten rows as for a million."""
    team = get_team(request, slug, "admin")
    asked = parse(request.GET, in_time(actors_of, team) or ())
    path = reverse("catalog:audit_list", args=[slug])
    if not request.htmx and (there := elsewhere(request, path, asked)):
        return there
    too_long = _("Finding these took too long: choose fewer days, who it was, or what they did.")
    context = list_context(request, asked, path, partial(fetch, team, asked), too_long)
    context["rows"] = map(row_of, context["page"].rows)
    if wants(request, "audit-results"):
        return with_address(request, render(request, "catalog/_audit_results.html", context), path, asked)
    return render(request, "catalog/audit_list.html", context)
