"""Many registrations at once: a file checked as a whole, the review that confirms it, and the page that follows it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts import kept_forms
from accounts.access import TeamRequest, get_row, get_team
from accounts.kept_forms import keeps_form
from accounts.models import CloudAccount, Team
from accounts.secrets import Secret
from catalog import actions, batch_files, batch_results, batches
from catalog.batch_forms import LOST, BatchForm, kept_text
from catalog.export import BOM
from catalog.models import Batch, Source
from catalog.providers import REGISTERED_KIND
from catalog.registration_spec import checked_password

RECENT = 5
PAGE_SIZE = 100
MOST_SHOWN = 200  # errors of one file: whoever made so many mends them by the column


@keeps_form("text", back=("step", "edit"), read=kept_text)
@sensitive_post_parameters("text")
@require_http_methods(["GET", "POST"])
def batch_add(request: TeamRequest, slug: str) -> HttpResponse:
    """Take a file, or its text, and check it; `?again=` fills in what was rejected of an earlier batch. With `step`
    "edit" what was kept is only shown.
    """
    team = get_team(request, slug, "admin")
    accounts = list(CloudAccount.objects.filter(team=team, vendor__in=REGISTERED_KIND).order_by("name"))
    if kept := request.POST.dict() if request.POST.get("step") == "edit" else kept_forms.recall(request)[0]:
        return _form_page(request, team, BatchForm(accounts, initial=kept), lost=kept.get(LOST, ""), begun=True)
    if not accounts or request.method == "GET":
        return _form_page(request, team, BatchForm(accounts, initial=_initial(request, team, accounts)))
    form = BatchForm(accounts, request.POST, request.FILES)
    if not request.FILES and int(request.META.get("CONTENT_LENGTH") or 0) > 2 * batch_files.LARGEST:
        form.add_error("file", _("The file is larger than %(kb)d KB.") % {"kb": batch_files.LARGEST // 1024})
    if not form.is_valid() or form.check is None or form.check.errors:
        return _form_page(request, team, form, status=422)
    batch = actions.draft_batch(team, request.user, form.chosen_account(), form.title, form.check)
    kept_forms.forget(request)
    return redirect("catalog:batch_review", team.slug, batch.id)


@require_GET
def batch_template(request: TeamRequest, slug: str) -> HttpResponse:
    """An empty CSV with every column, for a spreadsheet."""
    get_team(request, slug, "admin")
    return _as_file(BOM + f"{','.join(batch_files.COLUMNS)}\r\n".encode(), "bootshelf-registrations.csv")


@sensitive_post_parameters()
@require_http_methods(["GET", "POST"])
def batch_review(request: TeamRequest, slug: str, batch_id: UUID) -> HttpResponse:
    """What is to be registered, masked, and what is left out; POST confirms it, with the count that was shown."""
    team = get_team(request, slug, "admin")
    batch = get_row(Batch.objects.select_related("cloud_account"), team, batch_id)
    if batch.confirmed_at:
        return redirect("catalog:batch_detail", team.slug, batch.id)
    if batch.author_id != request.user.id:
        raise Http404
    if request.method == "GET":
        return _review_page(request, batch)
    try:
        expected = int(request.POST.get("count", "")[:9])
    except ValueError:
        return _review_page(request, batch, status=422)
    try:
        passwords = _typed(request.POST, batch)
        actions.confirm_batch(team, request.user, batch.id, expected=expected, passwords=passwords)
    except actions.DraftOver:
        return redirect("catalog:batch_review", team.slug, batch.id)
    except actions.CountChanged:
        return _review_page(request, batch, before=expected, status=422)
    except actions.ActionError as error:
        return _review_page(request, batch, error=error.message, status=422)
    return redirect("catalog:batch_detail", team.slug, batch.id)


@require_GET
@vary_on_headers("HX-Request")
def batch_detail(request: TeamRequest, slug: str, batch_id: UUID) -> HttpResponse:
    """The results, live until the last is there; `?state=` filters."""
    team = get_team(request, slug)
    batch = _confirmed(team, batch_id)
    state = request.GET.get("state", "")
    state = state if state in batch_results.GROUPS else ""
    ids = batch_results.rows_in(batch, *filter(None, [state]))
    page = Paginator(ids, PAGE_SIZE).get_page(request.GET.get("page"))
    counts = batch_results.tally(batch)
    stopped = batch_results.why_stopped(batch)
    context = {
        "batch": batch,
        "tally": counts,
        "watched": counts.waiting or batch.registrations.filter(team=team, next_lookup_at__isnull=False).exists(),
        "groups": [(key, label, counts.counts[key]) for key, (label, _tone) in batch_results.GROUPS.items()],
        "state": state,
        "page": page,
        "results": batch_results.results(page.object_list, batch),
        "stopped": batch_results.results([stopped.id], batch)[0] if stopped else None,
    }
    name = "_batch_state" if request.htmx and not request.htmx.boosted else "batch_detail"
    return render(request, f"catalog/{name}.html", context)


@require_GET
def batch_export(request: TeamRequest, slug: str, batch_id: UUID) -> HttpResponse:
    """The results as CSV."""
    team = get_team(request, slug)
    batch = _confirmed(team, batch_id)
    return _as_file(batch_results.as_csv(batch), f"{team.slug}-registrations-{batch.confirmed_at:%Y-%m-%d}.csv")


@require_http_methods(["GET", "POST"])
def batch_cancel(request: TeamRequest, slug: str, batch_id: UUID) -> HttpResponse:
    """Stop what still waits; asked first."""
    team = get_team(request, slug, "admin")
    batch = _confirmed(team, batch_id)
    waiting = batch.registrations.filter(team=team, state="pending").count()
    if request.method == "GET" and waiting:
        return render(request, "catalog/batch_cancel.html", {"batch": batch, "waiting": waiting})
    n = actions.cancel_batch(team, request.user, batch) if request.method == "POST" else 0
    told = ngettext("%(n)d image is not sent.", "%(n)d images are not sent.", n) % {"n": n}
    messages.success(request, told if n else _("Nothing waits any more: there is nothing to cancel."))
    return redirect("catalog:batch_detail", team.slug, batch.id)


def _form_page(request: TeamRequest, team: Team, form: BatchForm, status: int = 200, **shown: Any) -> HttpResponse:
    check = form.check
    sources = Source.objects.filter(team=team, kind__in=REGISTERED_KIND.values(), archived_at=None)
    context = {
        "accounts": list(form.accounts.values()),
        "form": form,
        "check": check,
        "errors": [(batches.named(check.unit, one.at), one) for one in check.errors[:MOST_SHOWN]] if check else [],
        "more": max(0, len(check.errors) - MOST_SHOWN) if check else 0,
        "rows_at_fault": len({one.at for one in check.errors}) if check else 0,
        "regions": sorted(set(sources.values_list("region", flat=True))),
        "columns": batch_files.COLUMNS,
        "recent": Batch.objects.filter(team=team).exclude(confirmed_at=None).order_by("-created_at")[:RECENT],
        **shown,
    }
    return render(request, "catalog/batch_add.html", context, status=status)


def _initial(request: TeamRequest, team: Team, accounts: Sequence[CloudAccount]) -> dict[str, object]:
    """The account and region used last; what was rejected of an earlier batch (`?again=`) as a text."""
    try:
        earlier = Batch.objects.filter(team=team, id=UUID(request.GET.get("again", ""))).first()
    except ValueError:
        earlier = None
    last = earlier or Batch.objects.filter(team=team).order_by("-created_at").first()
    registered = Source.objects.filter(team=team, kind__in=REGISTERED_KIND.values(), archived_at=None)
    return {
        "account": str(last.cloud_account_id) if last and last.cloud_account_id else "",
        "region": registered.values_list("region", flat=True).order_by("created_at").first() or "",
        "text": batch_results.again(earlier) if earlier and earlier.confirmed_at else "",
    }


def _review_page(
    request: TeamRequest, batch: Batch, *, before: int | None = None, error: str = "", status: int = 200
) -> HttpResponse:
    if batches.is_over(batch) or batch.cloud_account is None:
        messages.warning(request, actions.DraftOver().message)
        return redirect("catalog:batch_add", batch.team.slug)
    rows = batches.draft_rows(batch)
    out = batches.left_out(batch.cloud_account, rows)
    wanted = [row for row in rows if row.id not in out]
    sealed = batches.sealed_passwords(batch.team, wanted)
    context = {
        "batch": batch,
        "account": batch.cloud_account,
        "rows": [(batches.named(batch.unit, row.at), row, row.id in sealed) for row in wanted],
        "left_out": [(batches.named(batch.unit, row.at), row, out[row.id]) for row in rows if row.id in out],
        "warnings": [(batches.named(batch.unit, one.at), one) for one in batches.draft_warnings(wanted, sealed)],
        "regions": batches.by_region(wanted),
        "logins": batches.logins(wanted, sealed),
        "count": len(wanted),
        "before": before,
        "error": error,
    }
    return render(request, "catalog/batch_review.html", context, status=status)


def _typed(given: QueryDict, batch: Batch) -> dict[tuple[str, str], Secret[str]]:
    """The passwords given at the review, by server and user. Raises ActionError."""
    found = {}
    for login in map(batches.login_of, batches.draft_rows(batch)):
        try:
            if password := checked_password(given.get(batches.field_of(*login), "")):
                found[login] = Secret(password)
        except ValueError as error:
            message = _("The password of %(user)s: %(why)s") % {"user": login[1], "why": str(error)}
            raise actions.ActionError("", message) from None
    return found


def _confirmed(team: Team, batch_id: UUID) -> Batch:
    return get_row(Batch.objects.exclude(confirmed_at=None).select_related("team"), team, batch_id)


def _as_file(data: bytes, name: str) -> HttpResponse:
    response = HttpResponse(data, content_type="text/csv; charset=utf-8; header=present")
    response.headers["Content-Disposition"] = content_disposition_header(True, name) or ""
    response.headers["Cache-Control"] = "no-store"
    return response
