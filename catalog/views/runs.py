"""One run, and what an admin says of a suspect one."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, admins_of, get_row, get_team
from accounts.models import Team
from catalog.change_rows import run_changes
from catalog.leases import ATTEMPTS
from catalog.models import Image, SyncRun
from catalog.pulses import attendance
from catalog.run_steps import run_note, run_steps
from catalog.runs import accepted_before, keep_shelf, settled_by
from catalog.sources import run_seconds, source_cards
from catalog.sync import accept_suspect
from catalog.views.sources import page_or_part


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
        "accepted": accepted_before(run),
        "attendance": attendance() if run.is_running else None,
        "attempts": ATTEMPTS,
        **(_suspect(team, run) if run.state == "suspect" else {}),
        **(run_changes(run, request.GET.get("page", "")) if run.state == "complete" else {}),
    }
    return render(request, page_or_part(request, "run_detail", "_run_state"), context)


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
    return render(request, f"catalog/{page}.html", {"run": run, "card": card, **_suspect(team, run)})


def _suspect(team: Team, run: SyncRun) -> dict[str, Any]:
    """What a suspect listing lost: (name, the image's id if it is still there), how many are not named, and whether it
    is still to be decided on, and by whom; else which run settled it, or follows an acceptance."""
    told = run.error or {}
    named = [(str(one.get("name", "")), str(one.get("id", ""))) for one in told.get("images", ())]
    there = {
        str(pk) for pk in Image.objects.filter(team=team, id__in=[pk for _n, pk in named]).values_list("id", flat=True)
    }
    settled, followed = settled_by(run), _followed(run)
    return {
        "lost": [(name, pk if pk in there else "") for name, pk in named],
        "unnamed": max(0, int(told.get("lost") or 0) - len(named)),
        "is_open": settled is None and not (followed and followed.is_running),
        "settled": settled,
        "followed": followed,
        "admins": admins_of(team),
    }


def _followed(run: SyncRun) -> SyncRun | None:
    """The run that an acceptance of this one asked for, if it is still known."""
    asked_for = (run.error or {}).get("accepted_run")
    return SyncRun.objects.filter(team_id=run.team_id, id=asked_for).first() if asked_for else None
