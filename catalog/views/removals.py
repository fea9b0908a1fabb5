"""Removing a registered image from its cloud: asked for with its name typed, done by the worker, followed here."""

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import Team
from catalog import actions, removal
from catalog.forms import posted
from catalog.models import Image
from catalog.outcome_forms import RemoveImageForm
from catalog.views.images import show_image, wants


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def image_remove(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """The form that asks for the image's name, as a page or in the drawer."""
    team = get_team(request, slug, "admin")
    image = get_row(_images(), team, image_id)
    form, why = RemoveImageForm(image, posted(request)), removal.why_not(image, removal.last_removal(image))
    if form.is_valid():
        try:
            actions.create_removal(team, request.user, image)
            return _done(request, team, image, _("The image is being removed."))
        except actions.ActionError as error:
            why = error.message
    if why:
        messages.warning(request, why)
        return redirect("catalog:image_detail", team.slug, image.id)
    in_drawer = wants(request, "drawer")
    context = {
        "image": image,
        "form": form,
        "others": removal.others_of_id(image),
        "in_drawer": in_drawer,
        "title": f"{image.name[:80]} · {team.name}",
    }
    page = "_image_remove" if in_drawer else "image_remove"
    return render(request, f"catalog/{page}.html", context, status=422 if form.errors else 200)


@require_POST
def removal_look(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """Ask ListImages once more, now, whether the image is gone."""
    team = get_team(request, slug, "admin")
    image = get_row(_images(), team, image_id)
    try:
        if last := removal.last_removal(image):
            actions.look_again(team, request.user, last)
    except actions.ActionError as error:
        messages.warning(request, error.message)
    return redirect("catalog:image_detail", team.slug, image.id)


def _done(request: TeamRequest, team: Team, image: Image, told: str) -> HttpResponse:
    if not wants(request, "drawer"):
        messages.success(request, told)
        return redirect("catalog:image_detail", team.slug, image.id)
    return trigger_client_event(show_image(request, team, image.id), "told", {"text": told})


def _images() -> QuerySet[Image]:
    return Image.objects.select_related("source__cloud_account")
