"""Sources that failed for the same reason: behind one open breaker, or by the same trouble of one cloud account."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from catalog.leases import PAUSING
from catalog.sources import SourceCard


@dataclass(frozen=True, slots=True)
class Failure:
    """`cards` are not empty; the one that failed last comes first, and its error is told for all."""

    cards: list[SourceCard]

    @property
    def card(self) -> SourceCard:
        return self.cards[0]

    @property
    def tried(self) -> list[SourceCard]:
        """The sources that *Retry now* syncs: of those behind a breaker one finds out for all, the one that has waited
        longest."""
        if self.card.breaker and not self.card.source.paused_at:
            return [min(self.cards, key=lambda card: card.source.next_sync_at)]
        return self.cards

    @property
    def is_tried(self) -> bool:
        """Whether those it would sync are being synced."""
        return all(card.running for card in self.tried)


def failures_of(cards: Iterable[SourceCard]) -> list[Failure]:
    """What fails of these, in the order of their first sources."""
    found: dict[tuple[Any, ...], list[SourceCard]] = {}
    for card in cards:
        if card.is_failing:
            found.setdefault(_cause(card), []).append(card)
    return [Failure(sorted(alike, key=_failed_at, reverse=True)) for alike in found.values()]


def _cause(card: SourceCard) -> tuple[Any, ...]:
    """The cloud's words name what one call asked for, so they count where the trouble may not be the account's."""
    source, told = card.source, card.explanation
    if card.breaker and not source.paused_at:
        return (card.breaker.id,)
    if told is None or source.cloud_account_id is None:
        return (source.id,)
    words = () if (source.last_error or {}).get("kind") in PAUSING else (told.code, told.message)
    account = (source.cloud_account_id, source.paused_at is None)
    return (*account, told.label, told.title, told.advice, told.grant, *words)


def _failed_at(card: SourceCard) -> float:
    at = card.failed_at
    return at.timestamp() if at else 0.0
