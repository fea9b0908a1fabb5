"""What the pages say of a cloud in trouble: where, since when, when it is asked again, what waits for it."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from accounts.models import VENDORS, Team
from catalog.breakers import live_sources
from catalog.errors import Explanation, explain
from catalog.models import Breaker
from catalog.sources import SourceCard, source_cards


@dataclass(slots=True)
class Trouble:
    """One open breaker and the sources it holds back, which are neither paused nor removed."""

    breaker: Breaker
    held: list[SourceCard] = field(default_factory=list)
    own: SourceCard | None = None  # whose page this is on

    @property
    def id(self) -> Any:
        return self.breaker.id

    @property
    def vendor(self) -> str:
        return self.breaker.cloud_account.vendor if self.breaker.cloud_account else ""

    @property
    def where(self) -> str:
        """ "Alibaba Cloud E-HPC", in the reader's language."""
        return f"{VENDORS.get(self.vendor, self.vendor)} {self.breaker.product}"

    @property
    def explanation(self) -> Explanation:
        return explain(self.breaker.error or {}, vendor=self.vendor)

    @property
    def again_at(self) -> datetime | None:
        """When it is asked again; None while it is."""
        until = self.breaker.open_until
        is_asked = any(card.running for card in self.held)
        return until if until and until > timezone.now() and not is_asked else None

    @property
    def first(self) -> SourceCard | None:
        """The source that *Try now* syncs: the one whose page it is on, else the one that has waited longest."""
        return self.own or min(self.held, key=lambda card: card.source.next_sync_at, default=None)


def troubles_of(cards: Iterable[SourceCard]) -> list[Trouble]:
    """The troubles that hold these sources back, the longest first."""
    found: dict[Any, Trouble] = {}
    for card in cards:
        if card.breaker and not card.source.paused_at:
            found.setdefault(card.breaker.id, Trouble(card.breaker)).held.append(card)
    return sorted(found.values(), key=lambda trouble: trouble.breaker.since)


def troubles_around(team: Team, card: SourceCard) -> list[Trouble]:
    """The trouble that holds this source back, if any, with all the sources that wait for it."""
    if not card.breaker or card.source.paused_at:
        return []
    troubles = troubles_of(source_cards(team, live_sources(card.breaker).select_related("cloud_account")))
    return [replace(trouble, own=card) for trouble in troubles]
