"""Changes without a sync: what runs and people would have told, as quickly as a test needs it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from catalog.models import Image, ImageChange, Source, SyncRun


def ago(**time: float) -> datetime:
    return timezone.now() - timedelta(**time)


def tell(source: Source, at: datetime, changes: Iterable[dict[str, Any]], **counts: int) -> SyncRun:
    """A complete run of `source` with these changes, each as the columns of ImageChange; `counts` are the run's own."""
    times = {"created_at": at, "started_at": at, "finished_at": at + timedelta(seconds=2)}
    run = SyncRun.objects.create(team_id=source.team_id, source=source, state="complete", **times, **counts)
    place = {"team_id": source.team_id, "source": source, "run": run, "at": at}
    ImageChange.objects.bulk_create(ImageChange(**place, **change) for change in changes)
    return run


def became(
    image: Image, field: str = "size_gib", before: str | None = "20", after: str | None = "40"
) -> dict[str, Any]:
    return {"image": image, "kind": "changed", "field": field, "before": before, "after": after}
