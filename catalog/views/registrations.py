"""Registering an image: the form, the review that shows the exact call, and the page that follows it to the shelf."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts import kept_forms
from accounts.access import TeamRequest, get_row, get_team
from accounts.kept_forms import keeps_form
from accounts.models import CloudAccount, Team
from catalog import actions, requests, review_tokens
from catalog.models import Image, Registration, Source
from catalog.providers import REGISTERED_KIND
from catalog.registration_copies import can_copy, initial_like, initial_of_image
from catalog.registration_forms import RegistrationForm
from catalog.registration_page import registration_context
from catalog.registration_preview import form_twins, look
from catalog.registration_spec import PASSWORD
from catalog.registration_twins import Twin
from catalog.views.requests import request_page

RECENT = 5


@keeps_form(PASSWORD, back=("step", "edit"))
@sensitive_post_parameters(PASSWORD)
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def registration_add(request: TeamRequest, slug: str) -> HttpResponse:
    """The form. `step` says what is done with it: preview (a fragment), find (an ECS image), review, edit (back to it),
    send; `choose` is an ECS image that was found. What an editor sends is a request.
    """
    team = get_team(request, slug, "editor")
    accounts = list(_accounts(team).order_by("name"))
    if not accounts:
        return render(request, "catalog/registration_add.html", {"accounts": accounts})
    if request.method == "GET":
        return _empty_form(request, team, accounts)
    kept = review_tokens.read_token(request.POST.get("token", ""), team, request.user)
    if "forget" in request.POST:
        kept = None
    has_password = review_tokens.has_password(team, kept)
    form = RegistrationForm(accounts, request.POST, has_password=has_password)
    step = "edit" if "choose" in request.POST else request.POST.get("step", "review")
    if step == "preview":
        return _preview(request, form)
    if step in ("edit", "find"):
        chosen = {"image_id": request.POST["choose"]} if "choose" in request.POST else {}
        initial = {name: text for name, text in request.POST.items() if name != PASSWORD} | chosen
        return _form_page(request, team, RegistrationForm(accounts, initial=initial, has_password=has_password), kept)
    if form.is_valid() and "with_password" in request.POST and not has_password:
        form.add_error(PASSWORD, _("The password was kept for half an hour only: enter it again."))
    if form.errors:
        return _form_page(request, team, form, kept, status=422)
    return (_send if step == "send" else _review)(request, team, form, kept)


@keeps_form(back=("step", "edit"))
@require_GET
def registration_images(request: TeamRequest, slug: str) -> HttpResponse:
    """The ECS images of an account's region that have the words in `image_id`: what goes below that field."""
    team = get_team(request, slug, "editor")
    form = RegistrationForm(list(_accounts(team)), request.GET.dict() | {"type": "vm"})
    form.is_valid()
    return render(request, "catalog/_ecs_images.html", look(form, has_password=False))


@require_GET
@vary_on_headers("HX-Request")
def registration_detail(request: TeamRequest, slug: str, registration_id: UUID) -> HttpResponse:
    """Validated → sent → accepted → seen in a sync. It can be left and found again: the worker does the rest."""
    team = get_team(request, slug)
    found = Registration.objects.select_related("team", "cloud_account", "image")
    registration = get_row(found, team, registration_id)
    requests.mark_told(registration, request.user)
    if registration.state in ("requested", "declined"):
        return request_page(request, registration)
    context = registration_context(registration)
    if not request.htmx or request.htmx.boosted:
        return render(request, "catalog/registration_detail.html", context)
    if request.GET.get("shown") == context["shown"]:
        return HttpResponse(status=204)
    return render(request, "catalog/_registration_state.html", context)


def _preview(request: TeamRequest, form: RegistrationForm) -> HttpResponse:
    """What would be sent, and the errors of what is filled in. The password stays away: a user name stands for it."""
    form.is_valid()
    context = look(form, has_password=bool(form.cleaned_data.get("registry_user"))) | {"form": form, "oob": True}
    _blame_twins(request.membership.team, form, context["twins"])
    if request.headers.get("HX-Typing") != "true":  # nobody is told of a mistake in a word they are still writing
        slots = [field for field in form if field.name != "type" and not field.is_hidden]
        context["checked"] = [field for field in slots if field.value()]
    return render(request, "catalog/_registration_preview.html", context)


def _review(request: TeamRequest, team: Team, form: RegistrationForm, kept: UUID | None) -> HttpResponse:
    """The exact call, masked. A password that was typed is sealed now and does not go back."""
    if _blame_twins(team, form, form_twins(form)):
        return _form_page(request, team, form, kept, status=422)
    coming = review_tokens.begin(team, form.password, kept)
    has_password = review_tokens.has_password(team, coming)
    context = {
        "account": form.chosen_account(),
        "region": form.cleaned_data["region"],
        "fields": [field for field in form if field.name != PASSWORD],
        "token": review_tokens.make_token(coming, team, request.user),
        "has_password": has_password,
        **look(form, has_password=has_password),
        **requests.at_review(request.membership),
    }
    return render(request, "catalog/registration_review.html", context)


def _send(request: TeamRequest, team: Team, form: RegistrationForm, coming: UUID | None) -> HttpResponse:
    """Hand it to the worker. Sent already, as by a double click: its page."""
    if coming is None:
        return _review(request, team, form, None)
    if Registration.objects.filter(team=team, id=coming).exists():
        return redirect("catalog:registration_detail", team.slug, coming)
    assert form.spec is not None
    account, region = form.chosen_account(), form.cleaned_data["region"]
    user = request.user
    try:
        if request.membership.allows("admin"):
            made = actions.create_registration(team, user, account, region, form.spec, None, registration_id=coming)
        else:
            made = actions.request_registration(team, user, account, region, form.spec, registration_id=coming)
    except actions.ActionError as error:
        form.blame(error)
        return _form_page(request, team, form, coming, status=422)
    kept_forms.forget(request)
    return redirect("catalog:registration_detail", team.slug, made.id)


def _empty_form(request: TeamRequest, team: Team, accounts: list[CloudAccount]) -> HttpResponse:
    """With what was filled in before signing in again; like an earlier one (`?like=`) or an image (`?image=`); or empty
    but for the account and region that were used last.
    """
    fields, without = kept_forms.recall(request)
    if fields:
        kept = review_tokens.read_token(fields.get("token", ""), team, request.user)
        has_password = review_tokens.has_password(team, kept)
        form = RegistrationForm(accounts, initial=fields, has_password=has_password)
        lost = not has_password and (PASSWORD in without or "with_password" in fields)
        return _form_page(request, team, form, kept, begun="kept", asks_again=lost)
    like = _asked_row(Registration.objects.filter(team=team), request.GET.get("like", ""))
    image = _asked_row(Image.objects.filter(team=team).select_related("source"), request.GET.get("image", ""))
    if like:
        form = RegistrationForm(accounts, initial=initial_like(like))
        return _form_page(request, team, form, None, begun="like", like=like, asks_again=bool(like.registry_user))
    if image and can_copy(image):
        initial = initial_of_image(image)
        form, asks_again = RegistrationForm(accounts, initial=initial), bool(initial.get("registry_user"))
        return _form_page(request, team, form, None, begun="image", image=image, asks_again=asks_again)
    return _form_page(request, team, RegistrationForm(accounts, initial=_usual(request, team, accounts)), None)


def _asked_row[Row: Registration | Image](rows: QuerySet[Row], asked: str) -> Row | None:
    try:
        return rows.filter(id=UUID(asked)).first()
    except ValueError:
        return None


def _form_page(
    request: TeamRequest, team: Team, form: RegistrationForm, kept: UUID | None, status: int = 200, **shown: Any
) -> HttpResponse:
    """What was typed as the password never goes back: where it is not sealed either, the page asks for it again."""
    has_password = review_tokens.has_password(team, kept)
    accounts = list(form.accounts.values())
    read = form if form.is_bound else RegistrationForm(accounts, form.initial, has_password=has_password)
    read.is_valid()
    context = {
        "accounts": accounts,
        "form": form,
        "regions": _regions(team, accounts),
        "recent": Registration.objects.filter(team=team).order_by("-created_at")[:RECENT],
        "token": review_tokens.make_token(kept, team, request.user) if kept and has_password else "",
        "asks_again": bool(form.is_bound and form.data.get(PASSWORD)),
        **look(read, has_password=has_password or bool(form.is_bound and form.password)),
        **shown,
    }
    return render(request, "catalog/registration_add.html", context, status=status)


def _blame_twins(team: Team, form: RegistrationForm, found: list[Twin]) -> bool:
    """Say at the name what is in the way, and lead there."""
    in_the_way = [twin for twin in found if twin.is_in_the_way]
    for twin in in_the_way[:1]:
        form.add_error("name", render_to_string("catalog/_registration_twin.html", {"twin": twin, "team": team}))
    return bool(in_the_way)


def _accounts(team: Team) -> QuerySet[CloudAccount]:
    return CloudAccount.objects.filter(team=team, vendor__in=REGISTERED_KIND)


def _usual(request: TeamRequest, team: Team, accounts: list[CloudAccount]) -> dict[str, object]:
    earlier = Registration.objects.filter(team=team, cloud_account__in=accounts)
    last = earlier.order_by("-created_at").first()
    registered = Source.objects.filter(team=team, kind__in=REGISTERED_KIND.values(), archived_at=None)
    return {
        "type": "vm" if request.GET.get("type") == "vm" else "container",
        "account": str(last.cloud_account_id if last else accounts[0].id),
        "region": last.region if last else registered.values_list("region", flat=True).first() or "",
    }


def _regions(team: Team, accounts: Iterable[CloudAccount]) -> list[str]:
    """The regions these accounts are used in, to choose from; any other can be typed."""
    sources = Source.objects.filter(team=team, cloud_account__in=list(accounts), archived_at=None)
    return sorted(set(sources.values_list("region", flat=True)))
