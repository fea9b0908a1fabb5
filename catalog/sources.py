"""What the pages say about sources: what each is called, how it fares, its last runs. Four queries, however many."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Sum
from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Team
from catalog.breakers import breakers_open, place_of
from catalog.errors import Explanation, explain
from catalog.models import Breaker, FacetCount, RunState, Source, SyncRun
from catalog.providers import PROVIDERS

RUNS_SHOWN = 24
# The beat looks each minute; a source this much overdue without a run means that nobody does.
OVERDUE = timedelta(minutes=5)

# Each state's words, and its tone as the stylesheet names it.
HEALTH = {
    "syncing": (gettext_lazy("Syncing"), "accent"),
    "failing": (gettext_lazy("Failing"), "bad"),
    "held": (gettext_lazy("Waiting for the cloud"), "warn"),
    "suspect": (gettext_lazy("Needs a look"), "warn"),
    "paused": (gettext_lazy("Paused"), "muted"),
    "never": (gettext_lazy("Never synced"), "muted"),
    "stale": (gettext_lazy("Stale"), "warn"),
    "healthy": (gettext_lazy("Healthy"), "ok"),
}


def source_label(source: Source) -> str:
    """What people call a source: the listing and where. "E-HPC containers · ehpc-hz-FYUr32"."""
    provider = PROVIDERS.get(source.kind)
    return f"{provider.short if provider else source.kind} · {source.cluster or source.region}"


BAR_WIDTH, BAR_GAP, BAR_HEIGHT, BAR_LEAST = 4, 2, 24, 6
RUN_TONES = {"complete": "ok", "suspect": "warn", "failed": "bad", "abandoned": "bad"}


@dataclass(frozen=True, slots=True)
class Bar:
    """One run in the picture of the last ones, in pixels from the top left; as high as it took long."""

    x: int
    y: int
    height: int
    tone: str
    text: str


@dataclass(slots=True)
class SourceCard:
    """One source as a row shows it. `runs` are its last ones, newest first."""

    source: Source
    images: int = 0  # that the last complete listing had
    missing: int = 0
    runs: list[SyncRun] = field(default_factory=list)
    breaker: Breaker | None = None  # the open one that holds it back

    @property
    def all_images(self) -> int:
        """Those on the shelf, the missing ones too."""
        return self.images + self.missing

    @property
    def label(self) -> str:
        return source_label(self.source)

    @property
    def running(self) -> SyncRun | None:
        return next((run for run in self.runs if run.is_running), None)

    @property
    def last(self) -> SyncRun | None:
        """The last run that ended."""
        return next((run for run in self.runs if not run.is_running), None)

    @property
    def suspicion(self) -> SyncRun | None:
        """The suspect run that nothing has settled yet."""
        told = next((run for run in self.runs if run.state in ("suspect", "complete")), None)
        return told if told and told.state == "suspect" else None

    @property
    def health(self) -> str:
        """One of HEALTH. A run that is going on comes first, then what a person has to see to."""
        source = self.source
        if self.running:
            return "syncing"
        if self.is_paused_by_admin:
            return "paused"
        if source.last_error:
            return "failing"
        if source.paused_at:
            return "paused"
        if self.breaker:
            return "held"
        if self.suspicion:
            return "suspect"
        if source.last_complete_at is None:
            return "never"
        return "stale" if is_stale(source) else "healthy"

    @property
    def is_failing(self) -> bool:
        """Whether its failure is still to be seen to, also while it is tried again."""
        return self.source.last_error is not None and not self.is_paused_by_admin

    @property
    def is_paused_by_admin(self) -> bool:
        return self.source.paused_at is not None and self.source.paused_reason == "admin"

    @property
    def badge(self) -> str:
        explanation = self.explanation
        return explanation.label if explanation and self.health == "failing" else str(HEALTH[self.health][0])

    @property
    def tone(self) -> str:
        return HEALTH[self.health][1]

    @property
    def failed_at(self) -> datetime | None:
        return failed_at(self.source)

    @property
    def explanation(self) -> Explanation | None:
        return explain(self.source.last_error, vendor=self.vendor) if self.source.last_error else None

    def explain_run(self, run: SyncRun) -> Explanation | None:
        return explain(run.error, vendor=self.vendor) if run.error else None

    @property
    def vendor(self) -> str:
        return self.source.kind.partition("_")[0]

    @property
    def kind_label(self) -> str:
        provider = PROVIDERS.get(self.source.kind)
        return str(provider.label) if provider else self.source.kind

    @property
    def operations(self) -> tuple[str, ...]:
        provider = PROVIDERS.get(self.source.kind)
        return provider.operations if provider else ()

    @property
    def next_at(self) -> datetime:
        """When it is synced next, where it is not paused."""
        until = self.breaker.open_until if self.breaker else None
        return until or self.source.next_sync_at

    @property
    def is_due(self) -> bool:
        return self.source.paused_at is None and self.next_at <= timezone.now()

    @property
    def is_moving(self) -> bool:
        """Whether a page that watches will soon have something new to show."""
        return self.running is not None or self.is_due

    @property
    def pages_expected(self) -> int | None:
        """How many pages the running listing will have, reckoned from those that came; None where nobody can tell."""
        run = self.running
        if not run or not run.expected or not run.pages or not run.listed:
            return None
        return max(run.pages, -(-run.expected * run.pages // run.listed))

    @property
    def bars(self) -> list[Bar]:
        """The last runs, oldest first, flush right."""
        longest = max((run_seconds(run) for run in self.runs), default=0.0) or 1.0
        bars = []
        for place, run in enumerate(self.runs):
            height = BAR_LEAST + round((BAR_HEIGHT - BAR_LEAST) * run_seconds(run) / longest)
            x = (RUNS_SHOWN - 1 - place) * (BAR_WIDTH + BAR_GAP)
            bars.append(Bar(x, BAR_HEIGHT - height, height, RUN_TONES.get(run.state, "accent"), _bar_text(run)))
        return bars[::-1]

    @property
    def bars_text(self) -> str:
        """The picture in words, for who cannot see it."""
        failed = sum(run.state in ("failed", "abandoned") for run in self.runs)
        if not self.runs:
            return _("No sync yet")
        words = ngettext(
            "Last %(runs)s sync, %(failed)s failed", "Last %(runs)s syncs, %(failed)s failed", len(self.runs)
        )
        return words % {"runs": len(self.runs), "failed": failed}


def run_seconds(run: SyncRun) -> float:
    """How long a run took, or has taken so far as its heartbeat tells; 0 where it never began."""
    end = run.finished_at or run.heartbeat_at
    return max(0.0, (end - run.started_at).total_seconds()) if end and run.started_at else 0.0


def _bar_text(run: SyncRun) -> str:
    parts = [date_format(localtime(run.created_at), "SHORT_DATETIME_FORMAT"), str(RunState(run.state).label)]
    if run.state == "complete":
        parts.append(
            ngettext("%(n)s image", "%(n)s images", run.listed) % {"n": number_format(run.listed, force_grouping=True)}
        )
    parts.append(_("%(seconds)s s") % {"seconds": number_format(run_seconds(run), 1)})
    return " · ".join(parts)


def failed_at(source: Source) -> datetime | None:
    """When it failed last, since its last complete run."""
    try:
        return datetime.fromisoformat(str((source.last_error or {}).get("at", "")))
    except ValueError:
        return None


def is_stale(source: Source, now: datetime | None = None) -> bool:
    """Whether the last complete listing is older than twice the source's interval."""
    if source.last_complete_at is None:
        return False
    return (now or timezone.now()) - source.last_complete_at > 2 * timedelta(minutes=source.every_minutes)


def source_cards(team: Team, sources: Iterable[Source] | None = None) -> list[SourceCard]:
    """The team's sources that are not removed, or those given, in the order of their labels."""
    if sources is None:
        sources = Source.objects.filter(team=team, archived_at=None).select_related("cloud_account")
    cards = {source.id: SourceCard(source) for source in sources}
    counts = FacetCount.objects.filter(team=team, source__in=cards).exclude(state="archived")
    for source_id, state, n in counts.values_list("source_id", "state").annotate(n=Sum("n")):
        if state == "missing":
            cards[source_id].missing += n
        else:
            cards[source_id].images += n
    for source_id, runs in _last_runs(team, list(cards)).items():
        cards[source_id].runs = runs
    breakers = breakers_open(team.id)
    for card in cards.values():
        card.breaker = breakers.get(place_of(card.source))
    return sorted(cards.values(), key=lambda card: (card.label, card.source.account_name))


def _last_runs(team: Team, source_ids: list[UUID]) -> dict[UUID, list[SyncRun]]:
    """The last runs of each source, newest first: one walk down the index a source, not a sort of all runs."""
    runs: dict[UUID, list[SyncRun]] = defaultdict(list)
    rows = SyncRun.objects.raw(
        "SELECT run.* FROM unnest(%s::uuid[]) AS wanted(id) CROSS JOIN LATERAL ("
        " SELECT * FROM catalog_syncrun WHERE source_id = wanted.id AND team_id = %s"
        " ORDER BY created_at DESC LIMIT %s) AS run ORDER BY run.source_id, run.created_at DESC",
        [source_ids, team.id, RUNS_SHOWN],
    )
    for run in rows:
        runs[run.source_id].append(run)
    return runs


def is_unattended(cards: Iterable[SourceCard]) -> bool:
    """Whether work is waiting that a beat and a worker would have begun: say so rather than let people wait."""
    limit = timezone.now() - OVERDUE
    for card in cards:
        run, source = card.running, card.source
        if run and run.state == "queued" and run.created_at < limit:
            return True
        if not run and not source.paused_at and card.next_at < limit:
            return True
    return False
