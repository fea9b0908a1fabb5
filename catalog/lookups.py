"""What became of a write whose outcome is unknown: ListImages is asked, five tries over an hour.

Each try is kept with the row, for its page and for the admin who decides when they found nothing.
"""

import logging
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
# What is kept of them: the last tries, the first images of each, and of an image what tells one from another.
TRIES_KEPT, IMAGES_KEPT, TEXT_KEPT = 20, 20, 500
SHOWN = ("remote_id", "name", "version", "description")


@dataclass(frozen=True, slots=True)
class Found:
    """The images the cloud listed, and why that may not be all of them."""

    images: list[RemoteImage]
    error: ProviderError | None = None


def take(row: CloudWrite) -> bool:
    """Claim the try that is due, and plan the next; False where somebody else has it."""
    later = LOOKUPS[row.lookups + 1 :][:1]
    due = type(row)._default_manager.filter(id=row.id, state="unknown", next_lookup_at__lte=Now())
    taken = due.filter(lookups=row.lookups).update(
        lookups=F("lookups") + 1, next_lookup_at=Now() + later[0] if later else None
    )
    row.lookups += taken
    return bool(taken)


def is_last(row: CloudWrite) -> bool:
    return row.lookups >= len(LOOKUPS)


def ask(row: CloudWrite, *, names: list[str] | None = None, ids: list[str] | None = None) -> Found:
    """Ask ListImages of the row's type, and keep what it said."""
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
    asked = {"ImageType": IMAGE_TYPES[row.type]} | ({"ImageNames": names} if names else {"ImageIds": ids})
    _keep(row, asked, Found(images, error))
    return Found(images, error)


def _keep(row: CloudWrite, asked: dict[str, Any], found: Found) -> None:
    look = {
        "at": timezone.now().isoformat(timespec="seconds"),
        "asked": asked,
        "total": len(found.images),
        "found": [_kept(image) for image in found.images[:IMAGES_KEPT]],
        "error": {**found.error.as_dict(), "kind": found.error.kind} if found.error else None,
    }
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
