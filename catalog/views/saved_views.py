"""Saved views, and how a person sees the images table: columns and density."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import parse_qsl, quote
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import Team
from catalog import actions
from catalog.browse import UnknownFilter, parse
from catalog.display import Display, display, keep, of_view, shown
from catalog.models import SavedView, Source
from catalog.saved_view_forms import NameForm, NewForm
from catalog.saved_views import address, address_of, current, kept_filter, rights, visible


class State(NamedTuple):
    """What would be kept: a canonical query string, columns and density; and the view they were changed in."""

    query: str
    display: Display
    view: SavedView | None

    @property
    def columns(self) -> str:
        return ",".join(self.display.columns)


@require_safe
def saved_view_list(request: TeamRequest, slug: str) -> HttpResponse:
    """Those one may see, each with what it filters by and what one may do with it."""
    team = get_team(request, slug)
    sources = list(Source.objects.filter(team=team))
    listed = [
        (view, kept_filter(view, team.id, sources), rights(request.membership, view))
        for view in visible(team, request.user).select_related("owner")
    ]
    groups = [
        (gettext_lazy("Yours alone"), [row for row in listed if not row[0].shared]),
        (gettext_lazy("Shared with the team"), [row for row in listed if row[0].shared]),
    ]
    return render(request, "catalog/saved_view_list.html", {"groups": groups, "any": bool(listed)})


@require_safe
def saved_view_open(request: TeamRequest, slug: str, view_id: UUID) -> HttpResponse:
    team = get_team(request, slug)
    return redirect(address(team, get_row(visible(team, request.user), team, view_id)))


@require_http_methods(["GET", "POST"])
def saved_view_add(request: TeamRequest, slug: str) -> HttpResponse:
    """Keep what a list shows under a name: the list of the query string, or the one that a form sends along."""
    team = get_team(request, slug)
    state = _state(request, team)
    form = NewForm(request.POST if request.method == "POST" else None)
    if not request.membership.allows("editor"):
        if request.POST.get("shared"):
            raise PermissionDenied
        del form.fields["shared"]
    if form.is_valid():
        try:
            view = actions.create_view(
                team,
                request.user,
                name=form.cleaned_data["name"],
                query=state.query,
                display=state.display,
                shared=form.cleaned_data.get("shared", False),
            )
        except actions.ActionError as error:
            form.add_error(error.field or None, error.message)
        else:
            _forget_changes(request, state)
            messages.success(request, _("Saved as “%(name)s”.") % {"name": view.name})
            return redirect(address(team, view))
    context = {"form": form, "state": state, "back": address_of(team, state.query, state.view)}
    return render(request, "catalog/saved_view_add.html", context, status=422 if form.errors else 200)


@require_POST
def saved_view_save(request: TeamRequest, slug: str, view_id: UUID) -> HttpResponse:
    """Keep what is shown in the place of what the view kept. 409 and both, if somebody else did so meanwhile."""
    team = get_team(request, slug)
    view = _get_view(request, team, view_id, "save")
    state = _state(request, team)
    try:
        actions.save_view(
            team, request.user, view, query=state.query, display=state.display, seen=_time(request.POST.get("seen", ""))
        )
    except actions.ViewChanged as conflict:
        by = "" if conflict.by == request.user.email else conflict.by
        context = {"view": conflict.view, "by": by, "state": state, "form": NewForm()}
        return render(request, "catalog/saved_view_conflict.html", context, status=409)
    except actions.ActionError as error:
        messages.error(request, error.message)
        return redirect(address_of(team, state.query, view))
    _forget_changes(request, state)
    messages.success(request, _("“%(name)s” is saved.") % {"name": view.name})
    return redirect(address_of(team, state.query, view))


@require_http_methods(["GET", "POST"])
def saved_view_rename(request: TeamRequest, slug: str, view_id: UUID) -> HttpResponse:
    team = get_team(request, slug)
    view = _get_view(request, team, view_id, "manage")
    form = NameForm(request.POST if request.method == "POST" else None, initial={"name": view.name})
    if form.is_valid():
        try:
            actions.rename_view(team, request.user, view, form.cleaned_data["name"])
        except actions.ActionError as error:
            form.add_error(error.field or None, error.message)
        else:
            return redirect("catalog:saved_view_list", slug)
    context = {"form": form, "view": view}
    return render(request, "catalog/saved_view_rename.html", context, status=422 if form.errors else 200)


@require_POST
def saved_view_share(request: TeamRequest, slug: str, view_id: UUID) -> HttpResponse:
    """`shared`: yes for the whole team, no for its owner alone again."""
    team = get_team(request, slug, "editor")
    view = _get_view(request, team, view_id, "share")
    wanted = _chosen(request, "shared", view.shared)
    return _do(request, slug, lambda: actions.share_view(team, request.user, view, wanted))


@require_POST
def saved_view_default(request: TeamRequest, slug: str, view_id: UUID) -> HttpResponse:
    """`default`: yes or no."""
    team = get_team(request, slug, "admin")
    view = _get_view(request, team, view_id, "make_default")
    wanted = _chosen(request, "default", view.is_default)
    return _do(request, slug, lambda: actions.set_default(team, request.user, view, wanted))


@require_http_methods(["GET", "POST"])
def saved_view_delete(request: TeamRequest, slug: str, view_id: UUID) -> HttpResponse:
    team = get_team(request, slug)
    view = _get_view(request, team, view_id, "manage")
    if request.method == "POST":
        return _do(request, slug, lambda: actions.delete_view(team, request.user, view))
    return render(request, "catalog/saved_view_delete.html", {"view": view})


@require_POST
def display_choose(request: TeamRequest, slug: str) -> HttpResponse:
    """Columns and density for this person, in a view or outside of all; then back to the very same address (`next`,
    its query string). `reset` gives back the usual ones, or with "view" all that the view keeps.
    """
    team = get_team(request, slug)
    view = current(team, request.user, request.POST.get("view", ""))
    reset = request.POST.get("reset")
    usual = of_view(view) if view else Display()
    keep(request.user, usual if reset else _sent_display(request), view)
    if view and reset == "view":
        return redirect(address(team, view))
    there = _query_string(request.POST.get("next", ""))
    return redirect(reverse("catalog:image_list", args=[slug]) + (f"?{there}" if there else ""))


def _get_view(request: TeamRequest, team: Team, view_id: UUID, right: str) -> SavedView:
    view = get_row(visible(team, request.user), team, view_id)
    if not getattr(rights(request.membership, view), right):
        raise PermissionDenied
    return view


def _chosen(request: TeamRequest, name: str, now: bool) -> bool:
    """What the button said; as it is, if that is nothing."""
    return {"yes": True, "no": False}.get(request.POST.get(name, ""), now)


def _do(request: TeamRequest, slug: str, action: Callable[[], None]) -> HttpResponse:
    try:
        action()
    except actions.ActionError as error:
        messages.error(request, error.message)
    return redirect("catalog:saved_view_list", slug)


def _state(request: TeamRequest, team: Team) -> State:
    sources = list(Source.objects.filter(team=team))
    if request.method != "POST":
        asked = parse(request.GET, team.id, sources)
        view = current(team, request.user, asked.view)
        return State(asked.bare_query(), shown(request.user, view), view)
    try:
        query = parse(request.POST.get("query", ""), team.id, sources).bare_query()
    except UnknownFilter:
        query = ""
    return State(query, _sent_display(request), current(team, request.user, request.POST.get("view", "")))


def _sent_display(request: TeamRequest) -> Display:
    """`columns` may come one a checkbox, or all in one with commas."""
    return display(",".join(request.POST.getlist("columns")).split(","), request.POST.get("density"))


def _forget_changes(request: TeamRequest, state: State) -> None:
    """What was changed in a view is kept now: there, or in another one."""
    if state.view is not None:
        keep(request.user, of_view(state.view), state.view)


def _time(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return datetime.min.replace(tzinfo=UTC)


def _query_string(text: str) -> str:
    """The same, and sure to be one."""
    try:
        pairs = parse_qsl(text[:8000], keep_blank_values=True, max_num_fields=1000)
    except ValueError:
        return ""
    return "&".join(f"{quote(key, safe='')}={quote(value, safe=',-._~')}" for key, value in pairs)
