"""What editors do to images themselves: stars, labels and notes. Each form works without JavaScript and leads back."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_POST
from django_htmx.http import trigger_client_event

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import Team
from catalog import actions
from catalog.actions import ActionError, NoteConflict
from catalog.history import history
from catalog.marked import label_panel, note_panel, tags
from catalog.marks import split_labels
from catalog.models import Image
from catalog.views.images import show_image


@require_POST
def image_star(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """Star it or not, as the button says: pressed twice, it is the same."""
    team = get_team(request, slug, "editor")
    image = get_row(Image.objects.only("id"), team, image_id)
    starred = {"yes": True, "no": False}.get(request.POST.get("star", ""))
    refused = ""
    if starred is not None:
        try:
            actions.set_star(team, request.user, [image.id], starred)
        except ActionError as error:
            refused = str(error)
    if not request.htmx:
        if refused:
            messages.error(request, refused)
        return _back(request, slug, image_id)
    response = HttpResponse(status=204)
    if refused:
        return trigger_client_event(response, "told", {"text": refused})
    trigger_client_event(response, "starred", {"image": str(image.id), "starred": bool(starred)})
    return trigger_client_event(response, "marked")


@require_POST
def image_labels(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """Add the labels typed, or remove one."""
    team = get_team(request, slug, "editor")
    image = get_row(Image.objects.all(), team, image_id)
    typed, removed, refused = request.POST.get("add", ""), request.POST.get("remove", ""), ""
    try:
        if removed:
            actions.remove_labels(team, request.user, [image.id], [removed])
        else:
            actions.add_labels(team, request.user, [image.id], split_labels(typed))
    except ActionError as error:
        refused = str(error)
    image.refresh_from_db(fields=["labels"])
    panel = label_panel(team, image, True, error=refused, typed=typed if refused else "")
    return _answer(request, team, image, "label_panel", panel, refused)


@require_POST
def image_note(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """Write the note. Who did not see somebody else's change of it is shown that first, and keeps what was typed."""
    team = get_team(request, slug, "editor")
    image = get_row(Image.objects.all(), team, image_id)
    typed, refused, conflict = request.POST.get("note"), "", False
    if typed is not None and "keep" not in request.POST:
        try:
            actions.set_note(team, request.user, image, typed, seen=request.POST.get("seen", ""))
        except NoteConflict as error:
            refused, conflict = str(error), True
        except ActionError as error:
            refused = str(error)
    image.refresh_from_db(fields=["note"])
    panel = note_panel(image, error=refused, typed=typed if refused else None, conflict=conflict)
    return _answer(request, team, image, "note_panel", panel, refused)


def _answer(request: TeamRequest, team: Team, image: Image, name: str, panel: object, refused: str) -> HttpResponse:
    """The panel for HTMX, with the image's history, and the row's labels where it is open beside the list; else its
    page, shown at once where something was refused, so that what was typed is still there.
    """
    status = 422 if refused else 200
    if not request.htmx:
        if not refused:
            return _back(request, team.slug, image.id)
        return show_image(request, team, image.id, status=status, **{name: panel})
    beside = request.POST.get("place") == "drawer" and not refused
    row = f" hx-swap-oob=\"outerHTML:tr:has([href$='/{image.id}/']) .tags\""
    context = {
        "image": image,
        "images_url": reverse("catalog:image_list", args=[team.slug]),
        "place": request.POST.get("place", ""),
        name: panel,
        "swapped": True,
        "row_tags": tags(image.labels, mark_safe(row)) if beside and name == "label_panel" else "",  # noqa: S308 - an id
        "panel": f"catalog/_image_{name}.html",
        "history": [] if refused else history(image),
    }
    response = render(request, "catalog/_image_marked.html", context, status=status)
    return response if refused else trigger_client_event(response, "marked")


def _back(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """To where the form stood, as it says itself; else to the image."""
    there = request.POST.get("next", "")
    if there and url_has_allowed_host_and_scheme(there, {request.get_host()}, require_https=request.is_secure()):
        return redirect(there)
    return redirect("catalog:image_detail", slug, image_id)
