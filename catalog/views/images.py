"""The images page and the page of one image."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.access import TeamRequest, admins_of, get_row, get_team
from accounts.models import CloudAccount, Team
from catalog import pages, rail, saved_views, table
from catalog.addresses import canonical_redirect, list_address, with_address
from catalog.also_in import also_in
from catalog.browse import ImageFilter, parse
from catalog.cells import Shelf
from catalog.counts import UNKNOWN, Counts, count
from catalog.display import Display, shown
from catalog.facts import facts, provider_data, support_words
from catalog.freshness import freshness, with_undecided
from catalog.history import history
from catalog.hits import MOST
from catalog.labels import STATE_TONES, SUPPORT_TONES, value_label
from catalog.marked import panels
from catalog.models import Image, Source
from catalog.os_support import support
from catalog.ready_commands import ready_command
from catalog.registration_copies import can_copy
from catalog.removal_page import removal_context
from catalog.sources import source_cards, source_label
from catalog.supported import today
from config.deadline import in_time


@require_safe
@vary_on_headers("HX-Request")
def image_list(request: TeamRequest, slug: str) -> HttpResponse:
    """The whole page, or for HTMX its results with the rail's new counts. As many queries for ten rows as for a
    million.
    """
    team = get_team(request, slug)
    if request.session.get("team") != slug:
        request.session["team"] = slug
    sources = list(with_undecided(Source.objects.filter(team=team)))
    listed = list(saved_views.visible(team, request.user))
    if not request.GET and not request.htmx and (default := saved_views.default_of(listed)):
        return redirect(saved_views.address(team, default))
    typing = request.headers.get("HX-Typing") == "true"
    asked, view, told = saved_views.place(listed, parse(request.GET, team.id, sources, typing=typing))
    if not request.htmx and not told and (elsewhere := canonical_redirect(request, team, asked)):
        return elsewhere
    counts, list_url = in_time(count, asked) or UNKNOWN, reverse("catalog:image_list", args=[slug])
    context = {"list_url": list_url, "asked": asked, "counts": counts, "most": MOST}
    context["facets"] = rail.facets(asked, counts)
    if wants(request, "rail-counts"):
        return render(request, "catalog/_image_rail_counts.html", context)
    cursor, display = request.GET.get("page", ""), shown(request.user, view)
    found, notices = _table(request, sources, asked, display, counts)
    context |= found | {
        "notices": [*asked.notices, *told, *notices],
        "suggestions": rail.suggestions(asked, counts),
        "menu": saved_views.menu(request.membership, listed, view, asked, display, page=cursor, sources=sources),
        "freshness": freshness(sources, asked.names),
    }
    if found["slow"]:
        context |= {"empty": "slow", "seconds": settings.QUERY_SECONDS, "removals": rail.removals(asked, counts, None)}
    elif not found["rows"]:
        context |= _empty(team, sources, asked, counts)
    if not wants(request, "image-results"):
        return render(request, "catalog/image_list.html", context)
    response = render(request, "catalog/_image_results.html", context | {"swapped": True})
    return with_address(request, response, team, sources, asked, "" if found["moved"] else cursor)


def _table(
    request: TeamRequest, sources: list[Source], asked: ImageFilter, display: Display, counts: Counts
) -> tuple[dict[str, Any], list[str]]:
    """One page of rows, what leads to the others, and what to tell. `moved`: it is not the page that was asked for."""
    size, notices = _page_size(request)
    fetched = None
    if counts.is_known:
        cursor = request.GET.get("page", "")
        fetched = in_time(_fetch, asked, table.sql(display.columns), cursor, size, counts)
    page, moved = fetched or (pages.NONE, [])
    list_url = reverse("catalog:image_list", args=[request.membership.team.slug])
    by_id, may_edit = {source.id: source for source in sources}, request.membership.allows("editor")
    shelf = Shelf(by_id, asked.names, asked.systems.day, list_url, may_edit)
    found = {
        "display": display,
        "headers": table.headers(asked, display.columns),
        "rows": table.rows(page.rows, display.columns, shelf),
        "page": page,
        "pager": _pager(asked, page),
        "sizes": [(n, asked.query(size=str(n)), n == size) for n in pages.SIZES],
        "moved": bool(moved),
        "slow": fetched is None,
    }
    return found, [*moved, *notices]


@require_safe
@vary_on_headers("HX-Request")
def image_detail(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """One image at its own address: a page, or what HTMX puts into the drawer beside the list."""
    team = get_team(request, slug)
    return show_image(request, team, image_id)


def show_image(request: TeamRequest, team: Team, image_id: UUID, *, status: int = 200, **shown: Any) -> HttpResponse:
    """`shown` takes the place of what the page would show otherwise: a form with what was refused."""
    image = get_row(Image.objects.select_related("source__cloud_account", "document_row"), team, image_id)
    supported = support(image.distribution, image.os_version, today())
    is_followed = wants(request, "image-removal")
    registration = image.registrations.filter(team=team).order_by("-created_at").first()
    context = {
        "image": image,
        "title": f"{image.name[:80]} · {team.name}",
        "back": list_address(request, team),
        "state_label": value_label("state", image.state),
        "tone": STATE_TONES.get(image.state, ""),
        "support_words": support_words(supported),
        "support_tone": SUPPORT_TONES.get(supported.state, ""),
        "source_name": source_label(image.source),
        "facts": facts(image, supported),
        "history": history(image),
        "document": provider_data(image),
        "registration": registration,
        **removal_context(image),
        "command": ready_command(image, registration),
        "may_copy": can_copy(image),
        "seen_at": image.seen_at(image.source),
        "archived_on": image.missing_since and image.missing_since + timedelta(days=settings.ARCHIVE_MISSING_DAYS),
        "also_in": also_in(image),
        "in_drawer": wants(request, "drawer") or (is_followed and request.GET.get("in") == "drawer"),
        **panels(team, image, request.membership.allows("editor")),
        **shown,
    }
    if is_followed and request.GET.get("shown", "") == context.get("removal_shown"):
        return HttpResponse(status=204)
    template = "catalog/_image_drawer.html" if context["in_drawer"] else "catalog/image_detail.html"
    response = render(request, template, context, status=status)
    if is_followed and context["removal"] and context["removal"].state == "seen":
        for event in ("marked", "corrected"):  # the rail counts anew, and the list's row is read anew
            trigger_client_event(response, event)
    return response


def wants(request: Any, target: str) -> bool:
    """Whether HTMX asks for what goes into this element. Going back, it asks for the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request and request.htmx.target == target


def _page_size(request: Any) -> tuple[int, list[str]]:
    """What the person chose last, which an address may change; and what is wrong with the address."""
    asked, kept = request.GET.get("size", ""), request.user.preferences.get("page_size")
    size = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 4 else 0
    if size not in pages.SIZES:
        told = [_("A page has %(sizes)s images.") % {"sizes": ", ".join(map(str, pages.SIZES))}] if asked else []
        return (kept if kept in pages.SIZES else pages.DEFAULT_SIZE), told
    if size != kept:
        request.user.preferences["page_size"] = size
        request.user.save(update_fields=["preferences"])
    return size, []


def _fetch(asked: ImageFilter, columns: str, cursor: str, size: int, counts: Counts) -> tuple[pages.Page, list[str]]:
    try:
        page = pages.fetch(asked, columns, cursor=cursor, size=size, total=counts.exact_total, selected=counts.selected)
    except pages.BadCursor:
        notice = _("This address led to a place in another list. Here is the first page.")
        return pages.fetch(asked, columns, size=size, selected=counts.selected), [notice]
    if page.rows or not cursor:
        return page, []
    gone = _("The images that were here are gone. Here is the first page.")
    return pages.fetch(asked, columns, size=size, selected=counts.selected), [gone]


def _pager(asked: ImageFilter, page: pages.Page) -> list[tuple[str, str, str]]:
    """(kind, words, query string) of the links that lead somewhere."""
    links = [
        ("first", _("First"), asked.query() if page.previous else None),
        ("previous", _("Previous"), asked.query(page=page.previous) if page.previous else None),
        ("next", _("Next"), asked.query(page=page.next) if page.next else None),
        ("last", _("Last"), asked.query(page=pages.LAST) if page.next else None),
    ]
    return [(kind, words, query) for kind, words, query in links if query is not None]


def _empty(team: Team, sources: list[Source], asked: ImageFilter, counts: Counts) -> dict[str, Any]:
    """Why there is nothing to see, and what to do about it. The queries of this are made only then."""
    if counts.shelf or asked.is_narrow:
        without_search = count(asked.without_search()).total if asked.q else None
        return {"empty": "filtered", "removals": rail.removals(asked, counts, without_search)}
    live = [source for source in sources if source.archived_at is None]
    if live:
        waiting = all(source.last_complete_at is None for source in live)
        return {"empty": "first_sync" if waiting else "nothing_listed", "cards": source_cards(team)}
    has_account = CloudAccount.objects.filter(team=team).exists()
    return {"empty": "no_source" if has_account else "no_account", "admins": [m.user for m in admins_of(team)[:5]]}
