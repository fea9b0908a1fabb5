"""How a page follows a write to its end: what it waits for, and how often it asks."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from catalog import providers
from catalog.lookups import TAKEN, is_last
from catalog.models import RUNNING, CloudWrite, Source, SyncRun

# How often a page asks at first; after so long more slowly, and at last not any more.
SECONDS = {"pending": 1, "sending": 1, "succeeded": 4, "unknown": 4, "rejected": 4}
BRISK, SLOW, LONG = timedelta(minutes=2), timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Wait:
    """`tone` is "now" where it goes on by itself, "warn" where a person has to see to it."""

    tone: str
    text: str
    source: Source | None = None


def wait_for_sync(row: CloudWrite) -> Wait:
    """What stands between a write that the cloud took and the sync that agrees. Two queries."""
    source = _source(row)
    if source is None:
        return Wait("warn", _("No source lists the registered images of this account and region any more."))
    if source.paused_at:
        return Wait("warn", _("Syncs of this region's registered images are paused."), source)
    runs = SyncRun.objects.filter(source_id=source.id)
    if runs.filter(state__in=RUNNING).exists():
        return Wait("now", _("A sync lists this region's registered images now."), source)
    since = (
        runs.filter(state="complete", started_at__gt=row.finished_at or row.created_at).order_by("-created_at").first()
    )
    if since and since.finished_at:
        text = _("The sync at %(time)s did not agree yet. The next one looks again.")
        return Wait("warn", text % {"time": _clock(since.finished_at)}, source)
    if source.last_error:
        return Wait("warn", _("The last sync of this region's registered images failed. It is tried again."), source)
    return Wait("now", _("A sync of this region's registered images is about to begin."), source)


def _source(row: CloudWrite) -> Source | None:
    kinds = providers.REGISTERED_KIND.values()
    listing = Source.objects.filter(team_id=row.team_id, kind__in=kinds, region=row.region, archived_at=None)
    return listing.filter(cloud_account_id=row.cloud_account_id).first() if row.cloud_account_id else None


def ask_every(row: CloudWrite, wait: Wait | None = None) -> int:
    """Seconds until a page asks again, 0 for not by itself. `wait` is what one that succeeded waits for."""
    if wait and (wait.source is None or wait.source.paused_at):
        return 0
    since = _waits_since(row)
    if since is None:
        return 0
    waited = timezone.now() - since
    # Who makes the last try has it until then (lookups.take).
    if -(TAKEN if is_last(row) else timedelta()) <= waited < BRISK:
        return SECONDS[row.state]
    return 15 if waited < SLOW else 60 if waited < LONG else 0


def shown(row: CloudWrite, steps: Iterable[object], every: int) -> str:
    """What changes with what a page shows of it: one that asks again is told nothing while it has that."""
    told = (row.state, list(steps), every, row.lookups, len(row.looks), row.next_lookup_at)
    return hashlib.blake2b(repr(told).encode(), digest_size=8).hexdigest()


def _waits_since(row: CloudWrite) -> datetime | None:
    """Since when, or from when on, something is to happen by itself; None where nothing is."""
    if row.state == "rejected":  # what exists is being listed
        return row.finished_at if (row.error or {}).get("code") == "ImageAlreadyExists" else None
    begun: dict[str, datetime | None] = {
        "pending": getattr(row, "decided_at", None) or row.created_at,
        "sending": row.sent_at,
        "succeeded": row.finished_at,
        "unknown": row.next_lookup_at,
    }
    return begun.get(row.state)


def _clock(at: datetime) -> str:
    return date_format(localtime(at), "TIME_FORMAT")
