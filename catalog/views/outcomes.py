"""An outcome that nobody knows: an admin looks once more, or decides, with what the cloud said before them."""

from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.access import TeamRequest, get_row, get_team
from catalog import actions
from catalog.forms import posted
from catalog.models import Registration
from catalog.outcome_forms import AbsentForm, FoundForm
from catalog.registration_page import is_open, looks


@require_POST
def registration_look(request: TeamRequest, slug: str, registration_id: UUID) -> HttpResponse:
    """Ask ListImages once more, now."""
    team = get_team(request, slug, "admin")
    registration = get_row(_registrations(), team, registration_id)
    try:
        actions.look_again(team, request.user, registration)
    except actions.ActionError as error:
        messages.warning(request, error.message)
    return redirect("catalog:registration_detail", team.slug, registration.id)


@require_http_methods(["GET", "POST"])
def registration_found(request: TeamRequest, slug: str, registration_id: UUID) -> HttpResponse:
    """It is there. Asks which image it is."""
    team = get_team(request, slug, "admin")
    registration = get_row(_registrations(), team, registration_id)
    form = FoundForm(registration, posted(request))
    if form.is_valid():
        image_id, listed = form.chosen()
        try:
            actions.confirm_registration(team, request.user, registration, image_id, listed)
            messages.success(request, _("Decided: the image is there."))
            return redirect("catalog:registration_detail", team.slug, registration.id)
        except actions.Settled as error:
            return _settled(request, registration, error)
        except actions.ActionError as error:
            form.blame(error)
    return _ask(request, registration, form)


@require_http_methods(["GET", "POST"])
def registration_absent(request: TeamRequest, slug: str, registration_id: UUID) -> HttpResponse:
    """It is not there. Asks before."""
    team = get_team(request, slug, "admin")
    registration = get_row(_registrations(), team, registration_id)
    form = AbsentForm(registration, posted(request))
    if form.is_valid():
        try:
            actions.deny_registration(team, request.user, registration)
        except actions.Settled as error:
            return _settled(request, registration, error)
        messages.success(request, _("Decided: the image is not there. It can be registered again."))
        return redirect("catalog:registration_detail", team.slug, registration.id)
    return _ask(request, registration, form)


def _ask(request: TeamRequest, registration: Registration, form: AbsentForm) -> HttpResponse:
    """The page that asks, with all that is known; the registration's own where there is nothing to decide."""
    if not is_open(registration):
        return _settled(request, registration, actions.Settled(registration))
    context = {"registration": registration, "form": form, "looks": looks(registration)}
    page = "registration_found" if isinstance(form, FoundForm) else "registration_absent"
    return render(request, f"catalog/{page}.html", context, status=422 if form.errors else 200)


def _settled(request: TeamRequest, registration: Registration, error: actions.Settled) -> HttpResponse:
    messages.warning(request, _("There is nothing to decide any more. %(why)s") % {"why": error.message})
    return redirect("catalog:registration_detail", request.membership.team.slug, registration.id)


def _registrations() -> QuerySet[Registration]:
    return Registration.objects.select_related("team", "cloud_account")
