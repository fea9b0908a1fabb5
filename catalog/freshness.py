"""How old what the shelf shows is: which sources are fresh, which fail and since when their images are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from catalog.models import Source
from catalog.sources import failed_at, is_stale

NAMED = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """A source that is not fresh. `failed_at` is None where it is only late, or never synced. `paused_by_admin`: it is
    not to be tried again before an admin says so."""

    source: Source
    name: str
    failed_at: datetime | None
    paused: bool
    paused_by_admin: bool


@dataclass(frozen=True, slots=True)
class Freshness:
    """`synced_at` is the latest complete listing of any source; `troubles` names the first few of `failing` and late
    ones.
    """

    sources: int
    fresh: int
    failing: int
    synced_at: datetime | None
    troubles: list[Trouble]
    unnamed: int


def freshness(sources: Iterable[Source], names: Mapping[str, str]) -> Freshness:
    """Of sources already read; those removed are left out."""
    live = [source for source in sources if source.archived_at is None]
    troubled = [source for source in live if _is_troubled(source)]
    troubled.sort(key=lambda source: (not source.last_error, names[str(source.id)]))
    troubles = [_trouble(source, names[str(source.id)]) for source in troubled[:NAMED]]
    return Freshness(
        sources=len(live),
        fresh=len(live) - len(troubled),
        failing=sum(bool(source.last_error) for source in live),
        synced_at=max((source.last_complete_at for source in live if source.last_complete_at), default=None),
        troubles=troubles,
        unnamed=len(troubled) - len(troubles),
    )


def _is_troubled(source: Source) -> bool:
    return bool(source.last_error or source.paused_at) or source.last_complete_at is None or is_stale(source)


def _trouble(source: Source, name: str) -> Trouble:
    paused = source.paused_at is not None
    return Trouble(source, name, failed_at(source), paused, paused and source.paused_reason == "admin")
