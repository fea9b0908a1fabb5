"""What the page of an image says of its removal from the cloud."""

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from catalog.errors import explain
from catalog.following import ask_every, shown, wait_for_sync
from catalog.models import Image, Removal
from catalog.providers import REGISTERED_KIND
from catalog.registration_page import asks_now, is_open, looks
from catalog.registration_steps import sending_steps
from catalog.removal import last_removal, why_not

# So long is told of one that failed.
FAILED_SHOWN = timedelta(days=7)


def removal_context(image: Image) -> dict[str, Any]:
    """`removal` is the last one, None where there is nothing to tell of it; `why_not_removable` is "" where it can be
    removed.
    """
    last = last_removal(image) if image.source.kind in REGISTERED_KIND.values() else None
    why = why_not(image, last)
    if last is None or not _is_told(image, last):
        return {"why_not_removable": why, "removal": None}
    wait = wait_for_sync(last) if last.state == "succeeded" else None
    steps, every = sending_steps(last, _("Missing in a sync"), wait), ask_every(last, wait)
    return {
        "why_not_removable": why,
        "removal": last,
        "removal_steps": steps,
        "removal_shown": shown(last, steps, every),
        "removal_explanation": explain(last.error, retried=False) if last.error else None,
        "removal_looks": looks(last),
        "removal_is_open": is_open(last),
        "removal_asks_now": asks_now(last),
        "removal_every": every,
    }


def _is_told(image: Image, removal: Removal) -> bool:
    if removal.state == "seen":
        return image.missing_since is not None
    if removal.state == "rejected" and removal.finished_at:
        return timezone.now() - removal.finished_at < FAILED_SHOWN
    return True
