"""What is kept for how long. By beat, a batch at a time, so that no transaction is long and nobody waits.

An image that its cloud has not listed for long is archived: off the shelf, and not deleted. It comes back with its
labels and its history when a listing has it again.
"""

import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from accounts.models import Team
from catalog.leases import keep
from catalog.locks import lock_source
from catalog.models import FacetCount, Source
from catalog.sources import RUNS_SHOWN

BATCH_ROWS = 2_000
# One call works no longer than this; the next goes on from there.
BUDGET_SECONDS = 20.0

# Missing for so many days, and not in the last two complete listings either: the cloud was asked since.
_ARCHIVE = """
    UPDATE catalog_image SET state = 'archived' WHERE id IN (
        SELECT id FROM catalog_image WHERE source_id = %(source)s AND state = 'missing'
            AND missing_since < clock_timestamp() - %(days)s * interval '1 day'
            AND missing_since < (SELECT finished_at FROM catalog_syncrun
                WHERE source_id = %(source)s AND state = 'complete' ORDER BY created_at DESC OFFSET 1 LIMIT 1)
        LIMIT %(rows)s)"""
_PRUNE = """
    DELETE FROM catalog_imagechange WHERE id IN (
        SELECT id FROM catalog_imagechange WHERE team_id = %(team)s
            AND at < clock_timestamp() - %(days)s * interval '1 day' LIMIT %(rows)s)"""
# What sources and their pages still look at is kept: the newest runs, and the last two complete ones.
_PRUNE_RUNS = """
    DELETE FROM catalog_syncrun WHERE id IN (
        SELECT r.id FROM catalog_syncrun r WHERE r.source_id = %(source)s
            AND r.created_at < clock_timestamp() - %(days)s * interval '1 day'
            AND r.created_at < (SELECT created_at FROM catalog_syncrun WHERE source_id = %(source)s
                ORDER BY created_at DESC OFFSET %(newest)s LIMIT 1)
            AND r.created_at < (SELECT created_at FROM catalog_syncrun WHERE source_id = %(source)s
                AND state = 'complete' ORDER BY created_at DESC OFFSET 1 LIMIT 1)
            AND NOT EXISTS (SELECT FROM catalog_imagechange c WHERE c.team_id = r.team_id AND c.run_id = r.id)
        LIMIT %(rows)s)"""


def archive_missing() -> int:
    """Archive images missing for ARCHIVE_MISSING_DAYS and two complete listings. How many."""
    deadline, archived = time.monotonic() + BUDGET_SECONDS, 0
    missing = FacetCount.objects.filter(state="missing", n__gt=0, source__archived_at=None)
    for team_id, source_id in missing.values_list("team_id", "source_id").distinct().order_by("source_id"):
        while time.monotonic() < deadline:
            rows = _archive_batch(team_id, source_id)
            archived += rows
            if rows < BATCH_ROWS:
                break
    return archived


def prune_changes() -> int:
    """Delete changes older than KEEP_CHANGES_DAYS. How many."""
    teams = Team.objects.order_by("id").values_list("id", flat=True)
    return _prune(_PRUNE, [{"team": team_id} for team_id in teams])


def prune_runs() -> int:
    """Delete runs older than KEEP_CHANGES_DAYS of which no change is kept, after `prune_changes`. How many."""
    sources = Source.objects.order_by("id").values_list("id", flat=True)
    return _prune(_PRUNE_RUNS, [{"source": source_id, "newest": RUNS_SHOWN - 1} for source_id in sources])


def _prune(query: str, places: list[dict[str, Any]]) -> int:
    deadline, pruned = time.monotonic() + BUDGET_SECONDS, 0
    with connection.cursor() as cursor:
        for place in places:
            values = {**place, "days": settings.KEEP_CHANGES_DAYS, "rows": BATCH_ROWS}
            while time.monotonic() < deadline:
                cursor.execute(query, values)
                pruned += cursor.rowcount
                if cursor.rowcount < BATCH_ROWS:
                    break
    return pruned


def _archive_batch(team_id: UUID, source_id: UUID) -> int:
    with transaction.atomic():
        lock_source(source_id)
        if not keep(team_id, source_id):
            return 0
        with connection.cursor() as cursor:
            cursor.execute(_ARCHIVE, {"source": source_id, "days": settings.ARCHIVE_MISSING_DAYS, "rows": BATCH_ROWS})
            return cursor.rowcount
