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
from catalog.change_rows import run_changes
from catalog.forms import DeleteSourceForm, ScheduleForm, SourceForm, posted, split_words
from catalog.leases import ATTEMPTS
from catalog.models import Image, Source, SyncRun
from catalog.providers import PROVIDERS
from catalog.pulses import attendance
from catalog.run_steps import run_note, run_steps
from catalog.runs import keep_shelf
from catalog.sources import SourceCard, is_unattended, run_seconds, source_cards, source_label
from catalog.sync import accept_suspect, request_sync
from catalog.troubles import troubles_of

RUNS_LISTED = 25


@require_GET
@vary_on_headers("HX-Request")
def source_list(request: TeamRequest, slug: str) -> HttpResponse:
    """Every source, how it fares and what failed. While a run goes on, the page asks for its fragment."""
    team = get_team(request, slug)
    return render(request, _page(request, "source_list", "_source_results"), _list_context(team))


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
    return render(request, _page(request, "source_detail", "_source_state"), context)


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
    """Sync now. A run that is already going on is the answer too."""
    team = get_team(request, slug, "editor")
    source = get_row(_sources(), team, source_id)
    run = request_sync(source, request.user)
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


@require_GET
@vary_on_headers("HX-Request")
def run_detail(request: TeamRequest, slug: str, run_id: UUID) -> HttpResponse:
    """One run: its steps, pages, counts, timing, and its error in plain words."""
    team = get_team(request, slug)
    run = get_row(SyncRun.objects.select_related("source"), team, run_id)
    (card,) = source_cards(team, [run.source])
    context = {
        "run": run,
        "card": card,
        "steps": run_steps(run),
        "seconds": run_seconds(run),
        "explanation": card.explain_run(run),
        "note": run_note(run),
        "attendance": attendance() if run.is_running else None,
        "attempts": ATTEMPTS,
        **(_suspect(team, card, run) if run.state == "suspect" else {}),
        **(run_changes(run, request.GET.get("page", "")) if run.state == "complete" else {}),
    }
    return render(request, _page(request, "run_detail", "_run_state"), context)


@require_http_methods(["GET", "POST"])
def run_accept(request: TeamRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Believe a suspect listing: the cloud is asked again, and what it still lists is applied. Asks before."""
    team = get_team(request, slug, "admin")
    run = get_row(SyncRun.objects.select_related("source", "team"), team, run_id)
    if request.method == "GET" and run.state == "suspect":
        return _ask(request, team, run, "run_accept")
    started = accept_suspect(run, request.user) if request.method == "POST" else None
    if started is None:
        messages.warning(request, _("There is nothing to accept here any more."))
    return redirect("catalog:run_detail", slug, (started or run).id)


@require_http_methods(["GET", "POST"])
def run_keep(request: TeamRequest, slug: str, run_id: UUID) -> HttpResponse:
    """Keep the images: a listing like this one is not believed, however often it comes. Asks before."""
    team = get_team(request, slug, "admin")
    run = get_row(SyncRun.objects.select_related("source", "team"), team, run_id)
    if request.method == "GET" and run.state == "suspect":
        return _ask(request, team, run, "run_keep")
    if request.method == "POST" and keep_shelf(run, request.user):
        messages.success(
            request, _("The images are kept until the cloud lists something else, or an admin accepts it.")
        )
    else:
        messages.warning(request, _("There is nothing to decide here any more."))
    return redirect("catalog:run_detail", slug, run.id)


def _ask(request: TeamRequest, team: Team, run: SyncRun, page: str) -> HttpResponse:
    (card,) = source_cards(team, [run.source])
    return render(request, f"catalog/{page}.html", {"run": run, "card": card, **_suspect(team, card, run)})


def _suspect(team: Team, card: SourceCard, run: SyncRun) -> dict[str, object]:
    """What a suspect listing lost: (name, the image's id if it is still there), how many are not named, and whether it
    is still to be decided on, and by whom."""
    told = run.error or {}
    named = [(str(one.get("name", "")), str(one.get("id", ""))) for one in told.get("images", ())]
    there = {
        str(pk) for pk in Image.objects.filter(team=team, id__in=[pk for _n, pk in named]).values_list("id", flat=True)
    }
    return {
        "lost": [(name, pk if pk in there else "") for name, pk in named],
        "unnamed": max(0, int(told.get("lost") or 0) - len(named)),
        "is_open": card.suspicion is not None and card.suspicion.id == run.id,
        "admins": admins_of(team),
    }


def connecting(team: Team) -> dict[str, object]:
    """For a page that has no source to show: whether an account is connected, and who can do it."""
    return {"cloud_accounts": CloudAccount.objects.filter(team=team).exists(), "admins": admins_of(team)}


def _sources() -> QuerySet[Source]:
    return Source.objects.filter(archived_at=None).select_related("cloud_account")


def _page(request: TeamRequest, page: str, fragment: str) -> str:
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
        "failing": [card for card in cards if card.is_failing],
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
        "troubles": troubles_of([card]),
        "source": source,
        "runs": [(run, run_seconds(run)) for run in runs[:RUNS_LISTED]],
        "schedule_form": ScheduleForm(initial={"every_minutes": source.every_minutes}),
    }


def _run(runs: QuerySet[SyncRun], text: str) -> SyncRun | None:
    try:
        return runs.filter(id=UUID(text)).first()
    except ValueError:
        return None
