"""What became of a write whose outcome is unknown: ListImages is asked, five tries over an hour.

Each try is kept with the row, for its page and for the admin who decides when they found nothing.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now
from django.utils import timezone

from catalog import providers, rows
from catalog.connections import connect
from catalog.models import CloudWrite
from catalog.providers.alibaba_ehpc_registered import IMAGE_TYPES
from catalog.providers.base import ProviderError, RemoteImage

logger = logging.getLogger(__name__)

# Each from the time before: five tries over an hour.
LOOKUPS = [timedelta(minutes=minutes) for minutes in (1, 4, 10, 15, 30)]
PATIENCE = 10.0
# Whoever takes the last try has it for so long, more than it can last; who was killed meanwhile loses it to another.
TAKEN = timedelta(minutes=2)
# What is kept of them: the last tries, the first images of each, and of an image what tells one from another.
TRIES_KEPT, IMAGES_KEPT, TEXT_KEPT = 20, 20, 500
SHOWN = ("remote_id", "name", "version", "description")


@dataclass(frozen=True, slots=True)
class Found:
    """What was looked for, and why there may be more than the cloud told."""

    image: RemoteImage | None
    error: ProviderError | None = None


def take(row: CloudWrite) -> bool:
    """Claim the try that is due, and plan the next; False where somebody else has it."""
    (later,) = LOOKUPS[row.lookups + 1 :][:1] or [TAKEN]
    own = type(row)._default_manager.filter(id=row.id)
    due = own.filter(state="unknown", next_lookup_at__lte=Now(), lookups=row.lookups)
    if not due.update(lookups=F("lookups") + 1, next_lookup_at=Now() + later):
        return False
    row.refresh_from_db(fields=["lookups", "next_lookup_at"])
    return True


def release(row: CloudWrite) -> None:
    """After a try that was taken: none follows the last one, unless somebody has asked for it meanwhile."""
    if is_last(row):
        type(row)._default_manager.filter(id=row.id, next_lookup_at=row.next_lookup_at).update(next_lookup_at=None)


def is_last(row: CloudWrite) -> bool:
    return row.lookups >= len(LOOKUPS)


def ask(
    row: CloudWrite,
    is_it: Callable[[RemoteImage], bool],
    *,
    names: list[str] | None = None,
    ids: list[str] | None = None,
) -> Found:
    """Ask ListImages for those of the row's type with these names or ids, and keep what it said."""
    images: list[RemoteImage] = []
    error = None
    try:
        assert row.cloud_account is not None
        cloud = connect(row.cloud_account, PATIENCE)
        for image in providers.registered_images(cloud, row.region, row.type, names=names, ids=ids):
            images.append(image)
    except ProviderError as failed:
        logger.warning("%s %s could not be looked up: %s", row._meta.model_name, row.id, failed)
        error = failed
    # What was looked for is kept, however many there are.
    images.sort(key=lambda image: not is_it(image))
    look = {
        "at": timezone.now().isoformat(timespec="seconds"),
        "asked": {"ImageType": IMAGE_TYPES[row.type]} | ({"ImageNames": names} if names else {"ImageIds": ids}),
        "total": len(images),
        "found": [{**_kept(image), "is_it": is_it(image)} for image in images[:IMAGES_KEPT]],
        "error": {**error.as_dict(), "kind": error.kind} if error else None,
    }
    _keep(row, look)
    return Found(images[0] if images and is_it(images[0]) else None, error)


def _keep(row: CloudWrite, look: dict[str, Any]) -> None:
    with transaction.atomic():
        own = type(row)._default_manager.filter(id=row.id)
        for looks in own.select_for_update().values_list("looks", flat=True):
            own.update(looks=[*looks, look][-TRIES_KEPT:])


def _kept(image: RemoteImage) -> dict[str, str]:
    """{"remote_id", "name", "version"?, "description"?, "created_at"?}, fit for the database."""
    safe = rows.columns(image)
    created = image.remote_created_at
    told = {name: safe[name][:TEXT_KEPT] for name in SHOWN if safe[name]}
    return told | ({"created_at": created.isoformat()} if created else {})
