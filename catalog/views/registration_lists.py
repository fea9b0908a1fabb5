"""The Registrations page: all of the team's, by state, who asked, when, and words."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url, replace_url

from accounts.access import TeamRequest, get_team
from accounts.models import Team
from catalog import requests
from catalog.addresses import elsewhere
from catalog.models import Registration
from catalog.positions import BadCursor, Page
from catalog.registration_filter import DIMENSIONS, RegistrationFilter, fetch, parse, who_asked
from catalog.views.images import wants
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
    context = _found(team, asked, request.GET.get("page", "")) | {
        "asked": asked,
        "chips": asked.chips(),
        "choices": list(DIMENSIONS.items()),
        "list_url": path,
        "state": ",".join(asked.choices["state"]),
    }
    if wants(request, "registration-results"):
        response = render(request, "catalog/_registration_results.html", context)
        return _with_address(request, response, path, asked)
    context["waiting"] = requests.waiting(team).count()
    context["decided"] = requests.decided_unseen(request.membership)[: requests.NAMED]
    return render(request, "catalog/registration_list.html", context)


def _found(team: Team, asked: RegistrationFilter, cursor: str) -> dict[str, Any]:
    """One page, and what to tell of it. Where there are none: why."""
    notices = list(asked.notices)
    page: Page[Registration] | None
    try:
        page = in_time(fetch, team, asked, cursor)
    except BadCursor:
        notices.append(_("This address led to no place in the list. Here are the newest."))
        page = in_time(fetch, team, asked, "")
    if page is None:
        notices.append(_("Finding these took too long: choose fewer days, a state, or who asked for them."))
    found = page or Page()
    if cursor and not found.rows:
        found = in_time(fetch, team, asked, "") or Page()
    links = {way: asked.query(page=at) for way, at in (("newer", found.newer), ("older", found.older)) if at}
    empty = "" if found.rows else "filtered" if asked.query() else "none"
    return {"page": found, "notices": notices, "empty": empty, "newer": "", "older": "", **links}


def _with_address(request: TeamRequest, response: HttpResponse, path: str, asked: RegistrationFilter) -> HttpResponse:
    """Typing words replaces the last address in the history, whatever is chosen adds to it."""
    query = asked.query()
    before, now = (
        {key: value for key, value in QueryDict(one).items() if key not in ("q", "page")}
        for one in ((request.htmx.current_url_abs_path or "").partition("?")[2], query)
    )
    tell = replace_url if before == now else push_url
    return tell(response, f"{path}?{query}" if query else path)
