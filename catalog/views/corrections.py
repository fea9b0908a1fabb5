"""Correcting what is said wrongly of an image's system."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods
from django.views.decorators.vary import vary_on_headers
from django_htmx.http import trigger_client_event

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import Team
from catalog import actions
from catalog.actions.overrides import shown_value
from catalog.facts import LABELS
from catalog.forms import posted
from catalog.models import Image
from catalog.override_forms import CorrectionForm
from catalog.overrides import CORRECTABLE
from catalog.views.images import show_image, wants


@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def image_correct(request: TeamRequest, slug: str, image_id: UUID) -> HttpResponse:
    """The form; `?field=` says where to begin. `remove` in a POST takes one field's correction back."""
    team = get_team(request, slug, "admin")
    image = get_row(Image.objects.select_related("source"), team, image_id)
    form = CorrectionForm(image, posted(request), request.GET.get("field", ""))
    if request.method == "POST" and "remove" in request.POST:
        form = CorrectionForm(image)
        told = _take_back(request, team, image, form)
    else:
        told = _correct(request, team, image, form) if form.is_valid() else ""
    if told:
        return _done(request, team, image, told)
    in_drawer = wants(request, "drawer")
    context = {"image": image, "form": form, "in_drawer": in_drawer, "title": f"{image.name[:80]} · {team.name}"}
    template = "_image_correct" if in_drawer else "image_correct"
    return render(request, f"catalog/{template}.html", context, status=422 if form.errors else 200)


def _correct(request: TeamRequest, team: Team, image: Image, form: CorrectionForm) -> str:
    """What was done, in one sentence; "" where it was not, and the form says why."""
    wanted, reason = form.wanted, form.cleaned_data["reason"]
    try:
        changed = actions.correct_image(team, request.user, image, wanted, form.seen, reason)
    except actions.ActionError as error:
        form.blame(error)
        if error.field in CORRECTABLE and (now := Image.objects.filter(team=team, id=image.id).first()):
            form.look_again(error.field, shown_value(error.field, getattr(now, error.field)))
        return ""
    if not changed:
        return _("Nothing was changed.")
    return _("Corrected: %(fields)s.") % {"fields": ", ".join(str(LABELS[field]) for field in changed)}


def _take_back(request: TeamRequest, team: Team, image: Image, form: CorrectionForm) -> str:
    field = request.POST["remove"]
    try:
        removed = actions.remove_override(team, request.user, image, field)
    except actions.ActionError as error:
        form.full_clean()
        form.cleaned_data = {}  # nothing was sent to it, yet it is to say what went wrong
        form.blame(error)
        return ""
    if not removed:
        return _("Nothing was changed.")
    return _("%(field)s is what the cloud says again.") % {"field": LABELS[field]}


def _done(request: TeamRequest, team: Team, image: Image, told: str) -> HttpResponse:
    """The image, on its page or in the drawer; beside that the rail counts anew, and the list's row is read anew."""
    if not wants(request, "drawer"):
        messages.success(request, told)
        return redirect("catalog:image_detail", team.slug, image.id)
    response = show_image(request, team, image.id)
    for event in ("marked", "corrected"):
        trigger_client_event(response, event)
    return trigger_client_event(response, "told", {"text": told})
