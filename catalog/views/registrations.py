"""Registering an image: the form, the review that shows the exact call, and the page that follows it to the shelf."""

from collections.abc import Iterable
from uuid import UUID

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, get_row, get_team
from accounts.models import CloudAccount, Team
from catalog import actions, requests, review_tokens
from catalog.models import Image, Registration, RegistrationState, Source
from catalog.providers import REGISTERED_KIND
from catalog.registration import spec_of
from catalog.registration_forms import RegistrationForm, initial_like
from catalog.registration_spec import PASSWORD, preview, warnings
from catalog.registration_steps import call_lines, is_watched, registration_explanation
from catalog.shelving import on_shelf
from catalog.views.requests import request_page

RECENT = 5
PAGE_SIZE = 50


@require_GET
def registration_list(request: TeamRequest, slug: str) -> HttpResponse:
    """All of the team's, newest first; `?state=` filters."""
    team = get_team(request, slug)
    state = request.GET.get("state", "")
    registrations = Registration.objects.filter(team=team).order_by("-created_at", "id")
    if state in RegistrationState.values:
        registrations = registrations.filter(state=state)
    context = {
        "page": Paginator(registrations, PAGE_SIZE).get_page(request.GET.get("page")),
        "state": state,
        "states": RegistrationState.choices,
        "waiting": requests.waiting(team).count(),
        "decided": requests.decided_unseen(request.membership)[: requests.NAMED],
    }
    return render(request, "catalog/registration_list.html", context)


@sensitive_post_parameters(PASSWORD)
@require_http_methods(["GET", "POST"])
@vary_on_headers("HX-Request")
def registration_add(request: TeamRequest, slug: str) -> HttpResponse:
    """The form. `step` says what is done with it: preview (a fragment), review, edit (back to it), send. What an editor
    sends is a request.
    """
    team = get_team(request, slug, "editor")
    accounts = list(_accounts(team).order_by("name"))
    if not accounts:
        return render(request, "catalog/registration_add.html", {"accounts": accounts})
    if request.method == "GET":
        return _form_page(request, team, RegistrationForm(accounts, initial=_initial(request, team, accounts)), None)
    kept = review_tokens.read_token(request.POST.get("token", ""), team, request.user)
    if "forget" in request.POST:
        kept = None
    form, step = RegistrationForm(accounts, request.POST), request.POST.get("step", "review")
    if step == "preview":
        return _preview(request, form)
    if step == "edit":
        return _form_page(request, team, RegistrationForm(accounts, initial=request.POST.dict()), kept)
    promised = "with_password" in request.POST and not review_tokens.has_password(team, kept)
    if form.is_valid() and promised:
        form.add_error(PASSWORD, _("The password was kept for half an hour only: enter it again."))
    if form.errors:
        return _form_page(request, team, form, kept, status=422)
    return (_send if step == "send" else _review)(request, team, form, kept)


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
    context = {
        "registration": registration,
        "steps": requests.steps_of(registration),
        "explanation": registration_explanation(registration),
        "watched": is_watched(registration),
        "existing": _existing(registration),
        "lines": call_lines(preview(spec_of(registration))),
    }
    page = "_registration_state" if request.htmx and not request.htmx.boosted else "registration_detail"
    return render(request, f"catalog/{page}.html", context)


def _preview(request: TeamRequest, form: RegistrationForm) -> HttpResponse:
    """What would be sent, and the errors of what is filled in. The password stays away: a user name stands for it."""
    form.is_valid()
    filled = [form[name] for name in form.fields if name != "type" and form[name].value()]
    context = _sending(form, has_password=bool(form.cleaned_data.get("registry_user"))) | {"checked": filled}
    return render(request, "catalog/_registration_preview.html", context)


def _review(request: TeamRequest, team: Team, form: RegistrationForm, kept: UUID | None) -> HttpResponse:
    """The exact call, masked. A password that was typed is sealed now and does not go back."""
    if existing := _on_shelf(form):
        form.blame(actions.AlreadyOnShelf(existing))
        return _form_page(request, team, form, kept, status=422, existing=existing)
    coming = review_tokens.begin(team, form.password, kept)
    has_password = review_tokens.has_password(team, coming)
    context = {
        "account": form.chosen_account(),
        "region": form.cleaned_data["region"],
        "fields": [field for field in form if field.name != PASSWORD],
        "token": review_tokens.make_token(coming, team, request.user),
        "has_password": has_password,
        **_sending(form, has_password),
    }
    if form.spec is not None:
        context |= requests.at_review(request.membership, form.chosen_account(), form.cleaned_data["region"], form.spec)
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
    except actions.AlreadyOnShelf as error:
        form.blame(error)
        return _form_page(request, team, form, coming, status=422, existing=error.image)
    except actions.ActionError as error:
        form.blame(error)
        return _form_page(request, team, form, coming, status=422)
    return redirect("catalog:registration_detail", team.slug, made.id)


def _form_page(
    request: TeamRequest,
    team: Team,
    form: RegistrationForm,
    kept: UUID | None,
    status: int = 200,
    existing: Image | None = None,
) -> HttpResponse:
    has_password = review_tokens.has_password(team, kept)
    context = {
        "accounts": list(form.accounts.values()),
        "form": form,
        "regions": _regions(team, form.accounts.values()),
        "recent": Registration.objects.filter(team=team).order_by("-created_at")[:RECENT],
        "token": review_tokens.make_token(kept, team, request.user) if kept and has_password else "",
        "existing": existing,
        **_sending(form, has_password or bool(form.is_bound and form.password)),
    }
    return render(request, "catalog/registration_add.html", context, status=status)


def _sending(form: RegistrationForm, has_password: bool) -> dict[str, object]:
    """What would be sent, as far as the form allows it, and what looks wrong about it."""
    if not form.is_bound or form.spec is None:
        return {"lines": [], "warnings": []}
    region = form.cleaned_data.get("region", "")
    found = warnings(form.spec, region, has_password=has_password)
    lines = call_lines(preview(form.spec, has_password=has_password))
    return {"lines": lines, "warnings": [text for _field, text in found]}


def _accounts(team: Team) -> QuerySet[CloudAccount]:
    return CloudAccount.objects.filter(team=team, vendor__in=REGISTERED_KIND)


def _initial(request: TeamRequest, team: Team, accounts: list[CloudAccount]) -> dict[str, object]:
    """Like an earlier one (`?like=`), or empty but for the account and region that were used last."""
    earlier = Registration.objects.filter(team=team)
    try:
        like = earlier.filter(id=UUID(request.GET.get("like", ""))).first()
    except ValueError:
        like = None
    if like:
        return initial_like(like)
    last = earlier.filter(cloud_account__in=accounts).order_by("-created_at").first()
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


def _on_shelf(form: RegistrationForm) -> Image | None:
    assert form.spec is not None
    spec = form.spec
    return on_shelf(form.chosen_account(), form.cleaned_data["region"], spec.type, spec.name, spec.version)


def _existing(registration: Registration) -> Image | None:
    """The image in the way of a registration that was rejected because there is one: of the same name, or made of the
    same ECS image."""
    code = (registration.error or {}).get("code")
    if code != "ImageAlreadyExists" or registration.cloud_account is None:
        return None
    wanted = (registration.region, registration.type, registration.name, registration.version)
    if image := on_shelf(registration.cloud_account, *wanted):
        return image
    same = Registration.objects.filter(
        team_id=registration.team_id,
        cloud_account=registration.cloud_account,
        region=registration.region,
        vm_image_id=registration.vm_image_id,
    ).exclude(vm_image_id=None)
    earlier = same.exclude(image=None).select_related("image").order_by("-created_at").first()
    return earlier.image if earlier else None
