"""The Changes page, how far one has read it, and the feed of it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import push_url, replace_url

from accounts.access import TeamRequest, get_team
from accounts.models import Team
from catalog import actions, change_visits
from catalog.addresses import elsewhere
from catalog.change_rows import groups, rows
from catalog.change_sets import fetch_rows, fetch_sets, has_changes
from catalog.changes import ChangeFilter, parse
from catalog.models import ChangeFeed, Source, SyncRun
from catalog.positions import BadCursor, Page
from catalog.views.images import wants
from config.deadline import in_time


@require_safe
@vary_on_headers("HX-Request")
def change_list(request: TeamRequest, slug: str) -> HttpResponse:
    """What changed, set by set, or of one sync row by row. As many queries for ten changes as for a million."""
    team = get_team(request, slug)
    sources = list(Source.objects.filter(team=team))
    asked = parse(request.GET, team.id, sources)
    list_url = reverse("catalog:change_list", args=[slug])
    if not request.htmx and (there := elsewhere(request, list_url, asked)):
        return there
    since = change_visits.open_page(request.membership)
    notices = list(asked.notices)
    if asked.since_visit and since is None:
        notices.append(_("This is your first visit: everything is new."))
    context = {
        **_found(request, team, asked, since, notices),
        "asked": asked,
        "notices": notices,
        "chips": asked.chips(),
        "choices": [("source", _("Source")), ("kind", _("Kind")), ("field", _("Field"))],
        "list_url": list_url,
        "since": since,
        "new": change_visits.new_in_visit(request.membership),
        "most_new": change_visits.MOST_NEW,
    }
    request.shows_changes = True  # type: ignore[attr-defined] # no badge says so too
    if not wants(request, "change-results"):
        return render(request, "catalog/change_list.html", context)
    response = render(request, "catalog/_change_results.html", context)
    return _with_address(request, response, team, sources, asked)


def _found(
    request: TeamRequest, team: Team, asked: ChangeFilter, since: datetime | None, notices: list[str]
) -> dict[str, Any]:
    """One page of sets, or of one sync's changes. Where there are none: why."""
    run = None
    if asked.run:
        run = SyncRun.objects.filter(team=team, id=asked.run).select_related("source").first()
        if run is None:
            notices.append(_("There is no such sync any more."))

    cursor = request.GET.get("page", "")
    visit = since if asked.since_visit else None
    try:
        page = in_time(_page, asked, run, visit, cursor)
    except BadCursor:
        notices.append(_("This address led to no place in the list. Here are the newest."))
        page, cursor = in_time(_page, asked, run, visit, ""), ""
    if page is None:
        notices.append(_("Finding these changes took too long: choose fewer days, or a source, a kind or a field."))
        page = Page()
    elif cursor and not page.rows:
        page = in_time(_page, asked, run, visit, "") or page
    found: dict[str, Any] = {"page": page, "run": run, "newer": "", "older": ""}
    found |= {way: asked.query(page=at) for way, at in (("newer", page.newer), ("older", page.older)) if at}
    if not page.rows:
        found["empty"] = _why_empty(team, asked)
    elif asked.run:
        found |= {"rows": rows(page.rows), "source": asked.names.get(str(run.source_id), "") if run else ""}
    else:
        found["groups"] = groups(asked, page.rows, since)
    found["shown"] = sum(len(one.rows) for one in found.get("groups", ())) + len(found.get("rows", ()))
    return found


def _page(asked: ChangeFilter, run: SyncRun | None, since: datetime | None, cursor: str) -> "Page[Any]":
    if asked.run:
        return fetch_rows(asked, run, cursor=cursor) if run else Page()
    return fetch_sets(asked, since=since, cursor=cursor)


def _why_empty(team: Team, asked: ChangeFilter) -> str:
    if asked.query() == "since=visit":
        return "seen"
    return "filtered" if asked.is_narrow and has_changes(team.id) else "none"


@require_POST
def changes_seen(request: TeamRequest, slug: str) -> HttpResponse:
    """What was there when the page was last opened is new no more."""
    get_team(request, slug)
    change_visits.mark_seen(request.membership)
    return redirect("catalog:change_list", slug)


@require_http_methods(["GET", "POST"])
def change_feed(request: TeamRequest, slug: str) -> HttpResponse:
    """The feed's address: made, and shown this once; made anew; revoked. The query string is a filter for it."""
    team = get_team(request, slug)
    asked = parse(request.GET, team.id, Source.objects.filter(team=team)).for_feed()
    token = ""
    if request.method == "POST" and "revoke" in request.POST:
        if actions.revoke_feed(request.membership):
            messages.success(request, _("The feed's address leads nowhere now."))
        return HttpResponseRedirect(request.get_full_path())
    if request.method == "POST":
        try:
            _feed, token = actions.make_feed(request.membership, _id(request.POST.get("seen", "")))
        except actions.ActionError as error:
            messages.error(request, error.message)
            return HttpResponseRedirect(request.get_full_path())
    feed = ChangeFeed.objects.filter(team=team, membership=request.membership).first()
    context: dict[str, Any] = {"feed": feed, "asked": asked, "chips": asked.chips(), "query": asked.query()}
    if token:
        address = request.build_absolute_uri(reverse("catalog:change_atom", args=[token]))
        context |= {"address": address, "filtered": f"{address}?{asked.query()}" if asked.query() else ""}
    response = render(request, "catalog/change_feed.html", context)
    if token:
        response["Cache-Control"] = "no-store"
    return response


def _with_address(
    request: TeamRequest, response: HttpResponse, team: Team, sources: list[Source], asked: ChangeFilter
) -> HttpResponse:
    """Typing words replaces the last address in the history, whatever is chosen adds to it."""
    query = asked.query()
    url = reverse("catalog:change_list", args=[team.slug]) + (f"?{query}" if query else "")
    before = parse(QueryDict((request.htmx.current_url_abs_path or "").partition("?")[2]), team.id, sources)
    typed = {key: value for key, value in QueryDict(query).items() if key != "q"} == {
        key: value for key, value in QueryDict(before.query()).items() if key != "q"
    }
    return replace_url(response, url) if typed else push_url(response, url)


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
