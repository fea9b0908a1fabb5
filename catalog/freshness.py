"""How old what the shelf shows is: which sources are fresh, which fail and since when their images are kept."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Case, OuterRef, QuerySet, Subquery, UUIDField, When

from catalog.models import Source, SyncRun
from catalog.sources import failed_at, is_stale

NAMED = 3


@dataclass(frozen=True, slots=True)
class Trouble:
    """A source that is not fresh. `failed_at` is None where it is only late, or never synced. `paused_by_admin`: it is
    not to be tried again before an admin says so. `undecided`: nothing else is wrong than this suspect run, which waits
    for an admin; trying again might accept it.
    """

    source: Source
    name: str
    failed_at: datetime | None
    paused: bool
    paused_by_admin: bool
    undecided: UUID | None


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


def with_undecided(sources: QuerySet[Source]) -> QuerySet[Source]:
    """These with `undecided`: the suspect run, if any, that no later listing settled and on which no admin said that
    the images are kept. One more column, not one more query, and it looks at the runs since the last complete one only.
    """
    suspect = SyncRun.objects.filter(
        team=OuterRef("team"), source=OuterRef("id"), state="suspect", created_at__gt=OuterRef("last_complete_at")
    ).order_by("-created_at")
    waits = Case(When(error__kept_by__isnull=True, then="id"), output_field=UUIDField())
    return sources.annotate(undecided=Subquery(suspect.values(waits=waits)[:1]))


def freshness(sources: Iterable[Source], names: Mapping[str, str]) -> Freshness:
    """Of sources already read, by with_undecided; those removed are left out."""
    live = [source for source in sources if source.archived_at is None]
    troubled = [source for source in live if _is_troubled(source)]
    troubled.sort(key=lambda source: (not source.last_error, not _undecided(source), names[str(source.id)]))
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
    ails = source.last_error or source.paused_at or _undecided(source)
    return bool(ails) or source.last_complete_at is None or is_stale(source)


def _undecided(source: Source) -> UUID | None:
    found: UUID | None = source.undecided  # type: ignore[attr-defined]
    return None if source.last_error or source.paused_at else found


def _trouble(source: Source, name: str) -> Trouble:
    paused = source.paused_at is not None
    return Trouble(
        source, name, failed_at(source), paused, paused and source.paused_reason == "admin", _undecided(source)
    )
