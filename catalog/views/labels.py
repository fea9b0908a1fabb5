"""The labels of a team: what there is, and changing one on every image that has it."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from accounts.access import TeamRequest, get_team
from accounts.models import Team
from catalog import actions
from catalog.actions import ActionError
from catalog.marked import label_query
from catalog.marks import MOST_OF_TEAM, Tally, label_of, team_labels


@require_safe
def label_list(request: TeamRequest, slug: str) -> HttpResponse:
    """Every label with how many images have it."""
    team = get_team(request, slug)
    labels = [(label, tally, label_query(team.id, label)) for label, tally in team_labels(team.id).items()]
    return render(request, "catalog/label_list.html", {"labels": labels, "most": MOST_OF_TEAM})


@require_http_methods(["GET", "POST"])
def label_edit(request: TeamRequest, slug: str) -> HttpResponse:
    """Rename a label. A name that another label has is asked about first: the two become one."""
    team = get_team(request, slug, "editor")
    context = _label(request, team)
    if context is None:
        return _gone(request, slug)
    context["name"] = request.POST.get("name", context["label"])
    if request.method == "POST":
        try:
            name = label_of(context["name"])
            merges = team_labels(team.id).get(name) if name != context["label"] else None
            if merges and request.POST.get("merge") != name:
                context |= {"merge": name, "merges": merges.total}
            else:
                changed, left = actions.rename_label(team, request.user, context["label"], name)
                words = _("“%(label)s” is now “%(name)s”.") % {"label": context["label"], "name": name}
                return _done(request, slug, words, changed, left, context["label"], "catalog:label_edit")
        except ActionError as error:
            context["error"] = str(error)
    return render(request, "catalog/label_edit.html", context, status=422 if request.method == "POST" else 200)


@require_http_methods(["GET", "POST"])
def label_delete(request: TeamRequest, slug: str) -> HttpResponse:
    """Take a label from every image, once somebody has seen how many these are."""
    team = get_team(request, slug, "editor")
    context = _label(request, team)
    if context is None:
        return _gone(request, slug)
    if request.method == "POST":
        try:
            changed, left = actions.delete_label(team, request.user, context["label"])
            words = _("“%(label)s” is removed.") % {"label": context["label"]}
            return _done(request, slug, words, changed, left, context["label"], "catalog:label_delete")
        except ActionError as error:
            context["error"] = str(error)
    return render(request, "catalog/label_delete.html", context, status=422 if request.method == "POST" else 200)


def _label(request: TeamRequest, team: Team) -> dict[str, Any] | None:
    """The label that the address or the form names, with its tally; None where the team has none of this name."""
    label = request.POST.get("label") or request.GET.get("label", "")
    tally: Tally | None = team_labels(team.id).get(label)
    return {"label": label, "tally": tally} if tally else None


def _gone(request: TeamRequest, slug: str) -> HttpResponse:
    messages.warning(request, _("No image has this label any more."))
    return redirect("catalog:label_list", slug)


def _done(request: TeamRequest, slug: str, words: str, changed: int, left: int, label: str, again: str) -> HttpResponse:
    """Say what was done; where images are left, since so many are changed at once and no more, ask to go on."""
    if not left:
        messages.success(request, words)
        return redirect("catalog:label_list", slug)
    said = ngettext(
        "%(n)s image changed, %(left)s still have the label: go on?",
        "%(n)s images changed, %(left)s still have the label: go on?",
        changed,
    )
    shown = {"n": number_format(changed, force_grouping=True), "left": number_format(left, force_grouping=True)}
    messages.warning(request, said % shown)
    return redirect(f"{reverse(again, args=[slug])}?{urlencode({'label': label})}")
