"""The page of a request: an editor follows it or takes it back, an admin decides."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts import kept_forms
from accounts.access import TeamRequest, get_row, get_team
from accounts.kept_forms import keeps_form
from catalog import actions
from catalog.models import Registration
from catalog.request_forms import DecisionForm
from catalog.requests import request_context


def request_page(
    request: TeamRequest, asked: Registration, form: DecisionForm | None = None, status: int = 200
) -> HttpResponse:
    """What `registration_detail` shows of one that waits or was not approved. Who does not decide sees it change by
    itself; who does may be writing.
    """
    context = request_context(asked, request.user) | {
        "form": form or DecisionForm(),
        "watched": asked.state == "requested" and not request.membership.allows("admin"),
    }
    page = "_request_state" if request.htmx and not request.htmx.boosted else "request_detail"
    return render(request, f"catalog/{page}.html", context, status=status)


@keeps_form(back=("decision", "edit"))
@require_http_methods(["GET", "POST"])
def registration_decide(request: TeamRequest, slug: str, registration_id: UUID) -> HttpResponse:
    """`decision` is approve or decline; without one it is the page again, with the word that was written."""
    team = get_team(request, slug, "admin")
    asked = get_row(_requests(), team, registration_id)
    decision = request.POST.get("decision")
    if decision not in ("approve", "decline"):
        word = request.POST.get("word") or kept_forms.recall(request)[0].get("word")
        return _page_if_waiting(request, asked, DecisionForm(initial={"word": word}))
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return request_page(request, asked, form, status=422)
    try:
        if decision == "approve":
            actions.approve_request(team, request.user, asked.id, form.cleaned_data["word"])
            messages.success(request, _("Approved. The worker sends it now."))
        else:
            actions.decline_request(team, request.user, asked.id, form.cleaned_data["word"])
            messages.success(request, _("Declined. Who asked for it is told."))
    except actions.NotWaiting as error:
        messages.warning(request, _("There is nothing to decide any more. %(why)s") % {"why": error.message})
    except actions.ActionError as error:
        form.blame(error)
        return request_page(request, asked, form, status=422)
    return redirect("catalog:registration_detail", team.slug, asked.id)


@require_http_methods(["GET", "POST"])
def registration_withdraw(request: TeamRequest, slug: str, registration_id: UUID) -> HttpResponse:
    """Who asked takes it back; asked first."""
    team = get_team(request, slug)
    asked = get_row(_requests(), team, registration_id)
    if asked.requester_id != request.user.id:
        raise PermissionDenied
    if request.method == "GET" and asked.state == "requested":
        return render(request, "catalog/request_withdraw.html", {"registration": asked})
    try:
        actions.withdraw_request(team, request.user, asked.id)
        messages.success(request, _("Withdrawn. Nothing is sent, and its password is deleted."))
    except actions.NotWaiting as error:
        messages.warning(request, _("There is nothing to withdraw any more. %(why)s") % {"why": error.message})
    return redirect("catalog:registration_detail", team.slug, asked.id)


def _page_if_waiting(request: TeamRequest, asked: Registration, form: DecisionForm) -> HttpResponse:
    if asked.state == "requested":
        return request_page(request, asked, form)
    return redirect("catalog:registration_detail", asked.team.slug, asked.id)


def _requests() -> QuerySet[Registration]:
    return Registration.objects.select_related("team", "cloud_account")
