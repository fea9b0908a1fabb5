"""What is kept for how long. By beat, a batch at a time, so that no transaction is long and nobody waits.

An image that its cloud has not listed for long is archived: off the shelf, and not deleted. It comes back with its
labels and its history when a listing has it again.
"""

import time
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction

from catalog.leases import keep
from catalog.locks import lock_source
from catalog.models import FacetCount

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
    deadline, pruned = time.monotonic() + BUDGET_SECONDS, 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM accounts_team ORDER BY id")
        for (team_id,) in cursor.fetchall():
            values = {"team": team_id, "days": settings.KEEP_CHANGES_DAYS, "rows": BATCH_ROWS}
            while time.monotonic() < deadline:
                cursor.execute(_PRUNE, values)
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
