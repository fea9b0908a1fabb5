"""The Overview: how much is on the shelf, how it grew, and what needs a person."""

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from accounts.access import TeamRequest, get_team
from catalog.attention import needs
from catalog.browse import parse
from catalog.counts import count
from catalog.labels import DIMENSIONS
from catalog.models import Source
from catalog.overview import bars, this_week, trend
from catalog.pulses import attendance
from catalog.sources import source_cards
from catalog.troubles import troubles_of
from catalog.views.sources import connecting

CHARTS = ("distribution", "arch", "support")


@require_safe
@vary_on_headers("HX-Request")
def overview(request: TeamRequest, slug: str) -> HttpResponse:
    """While a first sync goes on, the page asks for its fragment. As many queries for ten images as for a million."""
    team = get_team(request, slug)
    sources = list(Source.objects.filter(team=team, archived_at=None).select_related("cloud_account"))
    cards = source_cards(team, sources)
    context: dict[str, object] = {"cards": cards}
    if sources:
        asked = parse(QueryDict(), team.id, sources)
        counts = count(asked)
        ids = [source.id for source in sources]
        context |= {
            "counts": counts,
            "past": counts.facets["support"].get("past", 0),
            "failing": sum(card.is_failing for card in cards),
            "accounts": len({source.cloud_account_id for source in sources}),
            "synced_at": max((s.last_complete_at for s in sources if s.last_complete_at), default=None),
            "week": this_week(team.id, ids),
            "trend": trend(team.id, sources),
            "needs": needs(request.membership, cards, troubles_of(cards), attendance(), asked, counts),
            "charts": [(DIMENSIONS[dimension], bars(asked, counts, dimension)) for dimension in CHARTS],
            "first": [card for card in cards if card.running and card.source.last_complete_at is None],
        }
    else:
        context |= connecting(team)
    page = "_overview" if request.htmx and not request.htmx.boosted else "overview"
    return render(request, f"catalog/{page}.html", context)
