"""A cloud in trouble is left alone: after repeated trouble of a product in a region its sources are not queued for a
growing time, and then one run finds out.

What counts is a run that gave up: each call in it was tried again with patience. Trouble is met with a cloud account,
whose calls the cloud limits together (catalog/pace.py), so one account's says nothing of another's. Any answer ends it,
a refusal too. It is never for good: the waits have a limit, and a probe that is lost is replaced. A person's *Sync
now*, or a command, always goes through.
"""

import json
import random
from datetime import timedelta
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from catalog.leases import error_row, keep
from catalog.models import Breaker, Source, SyncRun
from catalog.providers import PROVIDERS
from catalog.providers.base import TOO_MANY_WAITING, ProviderError
from catalog.queueing import send_on_commit

# Kinds of ProviderError: the cloud has trouble, or cannot be reached; and it answered, if not as hoped.
TROUBLE = ("throttled", "unavailable", "unreachable")
ANSWERS = ("authentication", "permission", "billing", "not_enabled", "not_found", "invalid", "conflict")

# So many runs in a row, of two sources at least where there are two: one source may have trouble of its own.
FAILURES = 3
# Open for 5, 10, 20, 40 minutes, then an hour each time.
OPEN_SECONDS, LONGEST_SECONDS = 300, 3_600
# A probe that has not ended by then was lost, and another is sent.
PROBE_TIME = timedelta(minutes=15)

_MET = """
    INSERT INTO catalog_breaker AS b
        (id, team_id, cloud_account_id, product, region, failures, sources, openings, since, error)
    VALUES (gen_random_uuid(), %(team)s, %(account)s, %(product)s, %(region)s, 1, ARRAY[%(source)s::uuid], 0,
        clock_timestamp(), %(error)s)
    ON CONFLICT (cloud_account_id, product, region) DO UPDATE SET failures = b.failures + 1, error = excluded.error,
        sources = CASE WHEN %(source)s = ANY(b.sources) THEN b.sources ELSE b.sources || excluded.sources END
    RETURNING b.id"""

# For SQL on sources `s`: whether one is held back by an open breaker. Takes PLACES.
HELD = """EXISTS (
    SELECT FROM catalog_breaker b JOIN unnest(%(kinds)s::text[], %(products)s::text[]) AS k (kind, product)
        ON k.product = b.product
    WHERE b.open_until IS NOT NULL AND b.cloud_account_id = s.cloud_account_id AND b.region = s.region
        AND k.kind = s.kind)"""
PLACES = {"kinds": list(PROVIDERS), "products": [provider.product for provider in PROVIDERS.values()]}


# (cloud account, product, region)
type Place = tuple[UUID | None, str, str]


def met_error(source: Source, run_id: UUID, error: ProviderError) -> None:
    """A run of this source failed. Within the transaction that says so: the breaker is the last row it locks."""
    if source.cloud_account_id is None or source.kind not in PROVIDERS or error.operation in ("sync", "connect"):
        return
    if error.kind in ANSWERS:
        answered(source)
    elif error.kind in TROUBLE and error.code != TOO_MANY_WAITING:
        breaker = _count(source, error)
        if breaker.probe == run_id or (breaker.open_until is None and _is_repeated(breaker)):
            _open(breaker, error)
    else:  # an odd answer, or a fault of our own: nothing is known, but a probe has not found that it passed
        for breaker in of_source(source).filter(probe=run_id):
            _open(breaker, error)


def answered(source: Source) -> None:
    """The cloud answered this source: trouble there, if there was any, is over, and who waited is due."""
    met = of_source(source)
    waited = met.filter(open_until__isnull=False).exists()
    met.delete()
    if waited:
        send_on_commit("catalog.tasks.queue_due_sources")


def of_source(source: Source) -> QuerySet[Breaker]:
    """The breaker of the place a source lists, or none."""
    account_id, product, region = place_of(source)
    return Breaker.objects.filter(cloud_account_id=account_id, product=product, region=region)


def withdraw(run: SyncRun) -> bool:
    """Whether this run, queued before its breaker opened, is taken back; its source stays due. What a person asked
    for is not, nor what was begun."""
    open_ones = of_source(run.source).filter(open_until__isnull=False)
    if run.trigger != "schedule" or not open_ones.exclude(probe=run.id).exists():
        return False
    with transaction.atomic():
        keep(run.team_id, run.source_id)
        queued = SyncRun.objects.filter(id=run.id, state="queued", trigger="schedule", attempt=1, digest=None)
        withdrawn = bool(queued.delete()[0])
        if withdrawn:
            Source.objects.filter(id=run.source_id).update(next_sync_at=Now())
    return withdrawn


def probes_due() -> list[tuple[Breaker, Source]]:
    """The open breakers whose time has come, each with the source that has waited longest; taken, so that nobody else
    sends a probe too."""
    taken = []
    for breaker in Breaker.objects.filter(open_until__lte=Now()).order_by("open_until"):
        source = live_sources(breaker).order_by("next_sync_at", "id").first()
        due = Breaker.objects.filter(id=breaker.id, open_until__lte=Now())
        if source and due.update(open_until=Now() + PROBE_TIME, probe=None):
            taken.append((breaker, source))
    return taken


def live_sources(breaker: Breaker) -> QuerySet[Source]:
    """The sources that are held back while it is open: those neither paused nor removed."""
    kinds = [kind for kind, provider in PROVIDERS.items() if provider.product == breaker.product]
    return Source.objects.filter(
        team_id=breaker.team_id,
        cloud_account_id=breaker.cloud_account_id,
        region=breaker.region,
        kind__in=kinds,
        paused_at=None,
        archived_at=None,
    )


def breakers_open(team_id: UUID) -> dict[Place, Breaker]:
    """A team's open breakers by the place each is of."""
    found = Breaker.objects.filter(team_id=team_id, open_until__isnull=False).select_related("cloud_account")
    return {(breaker.cloud_account_id, breaker.product, breaker.region): breaker for breaker in found}


def place_of(source: Source) -> Place:
    """Where calls of this source are counted together, and trouble is met."""
    product = PROVIDERS[source.kind].product if source.kind in PROVIDERS else ""
    return source.cloud_account_id, product, source.region


def _count(source: Source, error: ProviderError) -> Breaker:
    """The trouble counted, its row locked until the transaction ends."""
    values = {
        "team": source.team_id,
        "account": source.cloud_account_id,
        "product": PROVIDERS[source.kind].product,
        "region": source.region,
        "source": source.id,
        "error": json.dumps(error_row(error)),
    }
    with connection.cursor() as cursor:
        cursor.execute(_MET, values)
        (breaker_id,) = cursor.fetchone()
    return Breaker.objects.get(id=breaker_id)


def _is_repeated(breaker: Breaker) -> bool:
    if breaker.failures < FAILURES:
        return False
    return len(breaker.sources) > 1 or live_sources(breaker).count() <= 1


def _open(breaker: Breaker, error: ProviderError) -> None:
    """For longer each time, and not for less than the cloud asked, up to the longest."""
    seconds = OPEN_SECONDS * 2 ** min(breaker.openings, 8) * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
    seconds = min(max(seconds, error.retry_after or 0.0), LONGEST_SECONDS)
    Breaker.objects.filter(id=breaker.id).update(
        open_until=Now() + timedelta(seconds=seconds), openings=F("openings") + 1, probe=None
    )
