"""Where images come from: the sources, each one's runs, and what people do to them."""

from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, admins_of, get_row, get_team
from accounts.models import CloudAccount, Team
from catalog import actions
from catalog.failures import failures_of
from catalog.forms import DeleteSourceForm, ScheduleForm, SourceForm, posted, split_words
from catalog.models import Source, SyncRun
from catalog.providers import PROVIDERS
from catalog.pulses import attendance
from catalog.sources import is_unattended, run_seconds, source_cards, source_label
from catalog.sync import request_sync
from catalog.troubles import troubles_around, troubles_of

RUNS_LISTED = 25


@require_GET
@vary_on_headers("HX-Request")
def source_list(request: TeamRequest, slug: str) -> HttpResponse:
    """Every source, how it fares and what failed. While a run goes on, the page asks for its fragment."""
    team = get_team(request, slug)
    return render(request, page_or_part(request, "source_list", "_source_results"), _list_context(team))


@require_http_methods(["GET", "POST"])
def source_add(request: TeamRequest, slug: str) -> HttpResponse:
    """Several regions, or several clusters of one, at once. `?account=` chooses the account, so the kinds."""
    team = get_team(request, slug, "admin")
    accounts = list(CloudAccount.objects.filter(team=team).order_by("name"))
    chosen = request.POST.get("account") or request.GET.get("account", "")
    account = next((a for a in accounts if str(a.id) == chosen), None) or (accounts[0] if len(accounts) == 1 else None)
    context: dict[str, object] = {"accounts": accounts, "account": account}
    if account is None:
        return render(request, "catalog/source_add.html", context)
    initial = {"regions": split_words(request.GET.get("region", ""))}
    form = SourceForm(account.vendor, posted(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            sources = actions.add_sources(team, request.user, account, **form.wanted())
        except actions.ActionError as error:
            form.blame(error)
        else:
            text = ngettext(
                "%(n)s source added; its first sync begins now.",
                "%(n)s sources added; their first sync begins now.",
                len(sources),
            )
            messages.success(request, text % {"n": len(sources)})
            return redirect("catalog:source_list", slug)
    context |= {"form": form, "kinds": [p for p in PROVIDERS.values() if p.vendor == account.vendor]}
    return render(request, "catalog/source_add.html", context, status=422 if form.errors else 200)


@require_GET
@vary_on_headers("HX-Request")
def source_detail(request: TeamRequest, slug: str, source_id: UUID) -> HttpResponse:
    """How it fares, and its runs, the latest first. `?before=` a run leads to those before that."""
    team = get_team(request, slug)
    source = get_row(_sources(), team, source_id)
    context = _detail_context(team, source, request.GET.get("before", ""))
    return render(request, page_or_part(request, "source_detail", "_source_state"), context)


@require_POST
def source_edit(request: TeamRequest, slug: str, source_id: UUID) -> HttpResponse:
    """How often it syncs."""
    team = get_team(request, slug, "admin")
    source = get_row(_sources(), team, source_id)
    form = ScheduleForm(request.POST)
    if form.is_valid():
        try:
            actions.update_source(team, request.user, source, **form.cleaned_data)
        except actions.ActionError as error:
            form.blame(error)
        else:
            messages.success(request, _("Schedule saved."))
            return redirect("catalog:source_detail", slug, source.id)
    context = _detail_context(team, source) | {"schedule_form": form}
    return render(request, "catalog/source_detail.html", context, status=422)


@require_POST
def source_sync(request: TeamRequest, slug: str, source_id: UUID) -> HttpResponse:
    """Sync now, with the sources in `also`, which failed for the same reason. A run that is already going on is the
    answer too."""
    team = get_team(request, slug, "editor")
    source = get_row(_sources(), team, source_id)
    run = request_sync(source, request.user)
    if also := set(request.POST.getlist("also")):
        for other in [one for one in _sources().filter(team=team) if str(one.id) in also]:
            request_sync(other, request.user)
    if request.htmx:
        return render(request, "catalog/_source_results.html", _list_context(team))
    if "run" in request.POST and run:
        return redirect("catalog:run_detail", slug, run.id)
    if "detail" in request.POST:
        return redirect("catalog:source_detail", slug, source.id)
    return redirect("catalog:source_list", slug)


@require_POST
def source_pause(request: TeamRequest, slug: str, source_id: UUID) -> HttpResponse:
    team = get_team(request, slug, "admin")
    source = get_row(_sources(), team, source_id)
    actions.pause_source(team, request.user, source)
    messages.success(request, _("Paused. Its images stay as they were last listed."))
    return redirect("catalog:source_detail", slug, source.id)


@require_POST
def source_resume(request: TeamRequest, slug: str, source_id: UUID) -> HttpResponse:
    team = get_team(request, slug, "admin")
    source = get_row(_sources(), team, source_id)
    actions.resume_source(team, request.user, source)
    messages.success(request, _("Resumed. A sync begins now."))
    return redirect("catalog:source_detail", slug, source.id)


@require_http_methods(["GET", "POST"])
def source_delete(request: TeamRequest, slug: str, source_id: UUID) -> HttpResponse:
    """Asks what becomes of its images, and says how many they are."""
    team = get_team(request, slug, "admin")
    source = get_row(_sources(), team, source_id)
    form = DeleteSourceForm(posted(request))
    if request.method == "POST" and form.is_valid():
        try:
            actions.delete_source(team, request.user, source, form.cleaned_data["images"])
        except actions.ActionError as error:
            form.blame(error)
        else:
            messages.success(request, _("%(source)s is deleted.") % {"source": source_label(source)})
            return redirect("catalog:source_list", slug)
    (card,) = source_cards(team, [source])
    context = {"card": card, "source": source, "form": form}
    return render(request, "catalog/source_delete.html", context, status=422 if form.errors else 200)


def connecting(team: Team) -> dict[str, object]:
    """For a page that has no source to show: whether an account is connected, and who can do it."""
    return {"cloud_accounts": CloudAccount.objects.filter(team=team).exists(), "admins": admins_of(team)}


def _sources() -> QuerySet[Source]:
    return Source.objects.filter(archived_at=None).select_related("cloud_account")


def page_or_part(request: TeamRequest, page: str, fragment: str) -> str:
    """The whole page, or the part of it that a running sync keeps asking for."""
    return f"catalog/{fragment if request.htmx and not request.htmx.boosted else page}.html"


def _list_context(team: Team) -> dict[str, object]:
    cards = source_cards(team)
    accounts = list(
        CloudAccount.objects.filter(team=team)
        .annotate(n_sources=Count("sources", filter=Q(sources__archived_at=None)))
        .order_by("name")
    )
    context: dict[str, object] = {
        "cards": cards,
        "suspect": [card for card in cards if card.suspicion],
        "failing": failures_of(cards),
        "watched": any(card.is_moving for card in cards),
        "unattended": is_unattended(cards),
        "attendance": attendance(),
        "troubles": troubles_of(cards),
        "cloud_accounts": accounts,
        "expiring": [account for account in accounts if account.expires_soon],
    }
    if not accounts:
        context["admins"] = admins_of(team)
    return context


def _detail_context(team: Team, source: Source, before: str = "") -> dict[str, object]:
    (card,) = source_cards(team, [source])
    found = SyncRun.objects.filter(team=team, source=source)
    since = _run(found, before)
    page = found.filter(created_at__lt=since.created_at) if since else found
    runs = list(page.order_by("-created_at")[: RUNS_LISTED + 1])
    return {
        "attendance": attendance() if card.is_moving else None,
        "is_older": since is not None,
        "older": runs[RUNS_LISTED - 1].id if len(runs) > RUNS_LISTED else None,
        "card": card,
        "failing": failures_of([card]),
        "troubles": troubles_around(team, card),
        "source": source,
        "runs": [(run, run_seconds(run)) for run in runs[:RUNS_LISTED]],
        "schedule_form": ScheduleForm(initial={"every_minutes": source.every_minutes}),
    }


def _run(runs: QuerySet[SyncRun], text: str) -> SyncRun | None:
    try:
        return runs.filter(id=UUID(text)).first()
    except ValueError:
        return None
