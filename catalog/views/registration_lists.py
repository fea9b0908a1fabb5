"""The Registrations page: all of the team's, by state, who asked, when, and words."""

from functools import partial

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, get_team
from catalog import requests
from catalog.addresses import elsewhere
from catalog.registration_filter import fetch, parse, who_asked
from catalog.views.images import wants
from catalog.views.lists import list_context, with_address
from config.deadline import in_time


@require_GET
@vary_on_headers("HX-Request")
def registration_list(request: TeamRequest, slug: str) -> HttpResponse:
    """The newest first, page by page. As many queries for ten as for a hundred thousand."""
    team = get_team(request, slug)
    asked = parse(request.GET, in_time(who_asked, team) or ())
    path = reverse("catalog:registration_list", args=[slug])
    if not request.htmx and (there := elsewhere(request, path, asked)):
        return there
    too_long = _("Finding these took too long: choose fewer days, a state, or who asked for them.")
    context = list_context(request, asked, path, partial(fetch, team, asked), too_long)
    context["state"] = ",".join(asked.choices["state"])
    if wants(request, "registration-results"):
        response = render(request, "catalog/_registration_results.html", context)
        return with_address(request, response, path, asked)
    context["waiting"] = requests.waiting(team).count()
    context["decided"] = requests.decided_unseen(request.membership)[: requests.NAMED]
    return render(request, "catalog/registration_list.html", context)
