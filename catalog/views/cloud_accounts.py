"""Cloud accounts: connected, tested, replaced, deleted. The credential itself never comes back out of the server.

*Test connection* seals what was typed as a draft account of ten minutes, which the worker tests; the page is then found
again by `?draft=`, with the secret fields blank and kept. Saving makes the draft the account. A credential that was
typed beside a mistake is kept the same way.
"""

from typing import NamedTuple
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from accounts import kept_forms
from accounts.access import TeamRequest, get_row, get_team
from accounts.kept_forms import keeps_form
from accounts.models import VENDORS, CloudAccount, Team
from accounts.reauthentication import require_recent_sign_in
from accounts.secrets import Secret
from catalog import actions
from catalog.connection_matrix import connection_matrix, least_policy, vendor_actions
from catalog.forms import (
    FIRST_REGION,
    MOST_TESTED,
    CloudAccountForm,
    DeleteCloudAccountForm,
    all_checks,
    posted,
)
from catalog.models import Registration
from catalog.providers import VENDORS as VENDOR_MODULES
from catalog.providers.credentials import CredentialForm
from catalog.sources import source_cards

# Of no form that comes back: the secrets, and the ids of their keys.
SECRETS = sorted({name for vendor in VENDOR_MODULES.values() for name in vendor.SECRETS})


def _asked_draft(request: HttpRequest) -> dict[str, str]:
    return {"draft": request.GET["draft"]} if "draft" in request.GET else {}


@keeps_form(*SECRETS, back=("step", "edit"), read=_asked_draft)
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def cloud_account_add(request: TeamRequest, slug: str) -> HttpResponse:
    """Vendor, name and credential; tested first if asked to. With `step=edit` the form is only shown."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    kept = _kept(request)
    asked = request.GET.get("draft") or kept.get("draft", "")
    draft = _draft(team, asked)
    vendor = draft.vendor if draft else _vendor(request, kept)
    form, credential = _forms(request, vendor, draft, kept)
    filled = _Filled(vendor, form, credential, draft)
    if form.is_bound and all([form.is_valid(), credential.is_valid()]):
        try:
            if "test" in request.POST:
                return _test_first(request, team, filled)
            account = _save(request, team, filled)
        except actions.ActionError as error:
            form.blame(error)
        else:
            kept_forms.forget(request)
            messages.success(
                request, _("%(name)s is connected. Now say what to list with it.") % {"name": account.name}
            )
            regions = ",".join(form.cleaned_data["regions"])
            return _redirect("catalog:source_add", slug, account=str(account.id), region=regions)
    if form.errors:
        draft = _keep(request, team, filled)
    if asked and draft is None:
        messages.warning(request, _("A tested credential is kept for ten minutes only: enter it again."))
    test = draft and draft.tests.order_by("-created_at").first()
    context = {
        "vendors": VENDORS,
        "policy": least_policy(vendor, vendor_actions(vendor)),
        "vendor": vendor,
        "draft": draft,
        "kept": kept,
        "form": form,
        "credential_form": credential,
        "test": test,
        "matrix": test and connection_matrix(test, vendor),
    }
    status = 422 if form.errors or credential.errors else 200
    return render(request, "catalog/cloud_account_add.html", context, status=status)


@require_GET
def cloud_account_detail(request: TeamRequest, slug: str, account_id: UUID) -> HttpResponse:
    team = get_team(request, slug, "admin")
    account = get_row(CloudAccount.objects.all(), team, account_id)
    sources = account.sources.filter(archived_at=None).select_related("cloud_account")
    test = account.tests.order_by("-created_at").first()
    context = {
        "account": account,
        "cards": source_cards(team, sources),
        "test": test,
        "matrix": test and connection_matrix(test, account.vendor),
        "registrations": Registration.objects.filter(team=team, cloud_account=account).count(),
    }
    return render(request, "catalog/cloud_account_detail.html", context)


@keeps_form(*SECRETS, back=("step", "edit"))
@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def cloud_account_edit(request: TeamRequest, slug: str, account_id: UUID) -> HttpResponse:
    """Name, site and credential. A blank credential keeps the stored one; a new one is tested at once."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    account = get_row(CloudAccount.objects.all(), team, account_id)
    kept = _kept(request)
    initial = {"name": account.name, "site": account.site, "regions": _used_regions(account)}
    form = CloudAccountForm(_sent(request), initial=initial | kept)
    expires_at = None if account.expired else account.expires_at
    credential = VENDOR_MODULES[account.vendor].CredentialForm(
        _sent(request), keep_stored=True, initial={"expires_at": expires_at, **kept}
    )
    if form.is_bound and all([form.is_valid(), credential.is_valid()]):
        try:
            _update(request, team, account, form, credential)
        except actions.ActionError as error:
            form.blame(error)
        else:
            kept_forms.forget(request)
            return redirect("catalog:cloud_account_detail", slug, account.id)
    if form.errors and credential.is_valid() and credential.credential() is not None:
        credential.add_error(None, _("Enter the new credential again: no page keeps one."))
    context = {"account": account, "form": form, "credential_form": credential, "kept": kept}
    status = 422 if form.errors or credential.errors else 200
    return render(request, "catalog/cloud_account_edit.html", context, status=status)


@require_http_methods(["GET", "POST"])
def cloud_account_delete(request: TeamRequest, slug: str, account_id: UUID) -> HttpResponse:
    """The name is typed to confirm; what becomes of the images is asked."""
    team = get_team(request, slug, "admin")
    require_recent_sign_in(request)
    account = get_row(CloudAccount.objects.all(), team, account_id)
    form = DeleteCloudAccountForm(account.name, posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            actions.delete_cloud_account(team, request.user, account, form.cleaned_data["images"])
        except actions.ActionError as error:
            form.blame(error)
        else:
            messages.success(request, _("%(name)s is deleted, and its credential with it.") % {"name": account.name})
            return redirect("catalog:source_list", slug)
    cards = source_cards(team, account.sources.filter(archived_at=None))
    context = {"account": account, "form": form, "cards": cards, "images": sum(card.images for card in cards)}
    return render(request, "catalog/cloud_account_delete.html", context, status=422 if form.errors else 200)


def _used_regions(account: CloudAccount) -> list[str]:
    """Where the account's sources are, at most as many as one test takes."""
    regions = account.sources.filter(archived_at=None).values_list("region", flat=True)
    return sorted(set(regions))[:MOST_TESTED] or [FIRST_REGION[account.vendor]]


def _sent(request: TeamRequest) -> QueryDict | None:
    """What the forms are bound to. No local variable of a view: an error report would show the secrets in it."""
    return None if request.POST.get("step") == "edit" else posted(request)


def _kept(request: TeamRequest) -> dict[str, str]:
    """What was filled in before somebody confirmed that it is they, all but the secrets."""
    if request.POST.get("step") == "edit":
        return {name: str(text) for name, text in request.POST.items() if name not in SECRETS}
    return {} if request.method == "POST" else kept_forms.recall(request)[0]


def _draft(team: Team, asked: str) -> CloudAccount | None:
    """The draft of this id, while it lives."""
    try:
        draft_id = UUID(asked)
    except ValueError:
        return None
    return CloudAccount.with_drafts.filter(team=team, id=draft_id, draft_until__gt=Now()).first()


def _vendor(request: TeamRequest, kept: dict[str, str]) -> str:
    asked = request.POST.get("vendor") or kept.get("vendor") or request.GET.get("vendor", "")
    return asked if asked in VENDORS else next(iter(VENDORS))


def _forms(
    request: TeamRequest, vendor: str, draft: CloudAccount | None, kept: dict[str, str]
) -> tuple[CloudAccountForm, CredentialForm]:
    initial: dict[str, object] = {"regions": [FIRST_REGION[vendor]]}
    if draft:
        test = draft.tests.order_by("-created_at").first()
        regions = list(dict.fromkeys(check["region"] for check in test.checks)) if test else initial["regions"]
        initial = {"name": draft.name, "regions": regions}
    form = CloudAccountForm(_sent(request), fixed_site=draft is not None, initial=initial | kept)
    credential: CredentialForm = VENDOR_MODULES[vendor].CredentialForm(
        _sent(request), keep_stored=draft is not None, initial={"expires_at": draft and draft.expires_at, **kept}
    )
    return form, credential


class _Filled(NamedTuple):
    """What was filled in: with a draft, blank fields mean its credential."""

    vendor: str
    form: CloudAccountForm
    credential: CredentialForm
    draft: CloudAccount | None


def _typed(credential: CredentialForm) -> Secret[dict[str, str]] | None:
    """What was typed, or None to keep what is stored."""
    typed = credential.credential()
    return None if typed is None else Secret(typed)


def _test_first(request: TeamRequest, team: Team, filled: _Filled) -> HttpResponse:
    """Seal what was typed as a draft (or test the one there is again), and come back to it."""
    draft = filled.draft
    checks = all_checks(filled.vendor, filled.form.cleaned_data["regions"])
    with transaction.atomic():
        if draft is None or filled.credential.credential() is not None:
            draft = _create(request, team, filled, as_draft=True)
        actions.request_test(team, request.user, draft, checks)
    return _redirect("catalog:cloud_account_add", team.slug, draft=str(draft.id))


def _save(request: TeamRequest, team: Team, filled: _Filled) -> CloudAccount:
    """The draft becomes the account where nothing new was typed; else a new account of what was."""
    if filled.draft is None or filled.credential.credential() is not None:
        return _create(request, team, filled)
    name, expires_at = filled.form.cleaned_data["name"], filled.credential.expires_at()
    return actions.promote_draft(team, request.user, filled.draft, name=name, expires_at=expires_at)


def _keep(request: TeamRequest, team: Team, filled: _Filled) -> CloudAccount | None:
    """A whole credential typed beside a mistake, as a draft: no page repeats it, and nobody looks for it twice."""
    form, credential = filled.form, filled.credential
    if "site" in form.errors or not credential.is_valid() or credential.credential() is None:
        return filled.draft
    kept = _create(request, team, filled, as_draft=True)
    form.fields.pop("site", None)
    return kept


def _create(request: TeamRequest, team: Team, filled: _Filled, *, as_draft: bool = False) -> CloudAccount:
    """Of what was typed; where it was tested before, of the same site."""
    vendor, form, credential, draft = filled
    return actions.create_cloud_account(
        team,
        request.user,
        vendor=vendor,
        name=form.cleaned_data.get("name", ""),
        credential=_typed(credential) or Secret({}),
        site=form.cleaned_data.get("site") or (draft.site if draft else "china"),
        expires_at=credential.expires_at(),
        draft=as_draft,
    )


def _update(
    request: TeamRequest, team: Team, account: CloudAccount, form: CloudAccountForm, credential: CredentialForm
) -> None:
    typed = _typed(credential)
    new = {"name": form.cleaned_data["name"], "site": form.cleaned_data["site"], "expires_at": credential.expires_at()}
    if typed is None:
        actions.update_cloud_account(team, request.user, account, **new)
        messages.success(request, _("Saved. The stored credential is kept."))
        return
    checks = all_checks(account.vendor, form.cleaned_data["regions"])
    actions.replace_credential(team, request.user, account, typed, checks=checks, **new)
    messages.success(request, _("The credential is replaced. It is being tested now, and paused sources sync again."))


def _redirect(name: str, slug: str, **query: str) -> HttpResponseRedirect:
    parameters = QueryDict(mutable=True)
    parameters.update(query)
    return HttpResponseRedirect(f"{reverse(name, args=[slug])}?{parameters.urlencode()}")
