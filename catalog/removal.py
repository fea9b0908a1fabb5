"""One RemoveImage from "pending" to its end, in the worker or in `manage remove_image`.

It is sent once (catalog/writes.py). What it brings about is told by a lookup: an image that ListImages does not have is
gone, whoever removed it. On the shelf it is missing when a sync agrees (catalog/shelving.py).
"""

from uuid import UUID

from accounts.models import CloudAccount
from catalog import lookups, providers, writes
from catalog.connections import connect
from catalog.models import Image, Removal
from catalog.providers.base import ProviderError, RemoteImage
from catalog.writes import Write

TASK = "catalog.tasks.remove_image"


def remove(removal_id: UUID, patience_seconds: float) -> None:
    """Send a pending removal and write down how it ended. One that somebody else has or had is left alone."""
    writes.run(REMOVE_IMAGE, removal_id, patience_seconds)


def settle() -> None:
    """By beat: queue what lost its message, give up who was killed in the middle, look up what is unknown."""
    writes.reconcile(REMOVE_IMAGE)
    writes.look_up_due(REMOVE_IMAGE)


def reject_waiting(account: CloudAccount) -> None:
    """Within the transaction that deletes the account: what was not sent will not be."""
    writes.reject_waiting(REMOVE_IMAGE, account, "pending")


def _send(removal: Removal, patience_seconds: float) -> str | None:
    account = removal.cloud_account
    if account is None or removal.remote_id is None:
        raise REMOVE_IMAGE.account_deleted()
    return providers.remove_image(connect(account, patience_seconds), removal.region, removal.remote_id)


def _accepted(removal: Removal, request_id: str | None) -> None:
    _succeeded(removal, request_id=request_id)


def _refused(removal: Removal, error: ProviderError) -> None:
    if error.code == "ImageNotFound":  # it is gone, which is what was wanted
        _succeeded(removal, request_id=error.request_id)
    else:
        writes.end(REMOVE_IMAGE, removal, "rejected", "sending", error=error)


def _look_up(removal: Removal) -> None:
    """Not listed: it worked. Still listed at the last look: it did not."""
    assert removal.remote_id is not None
    found = lookups.ask(removal, ids=[removal.remote_id])
    if any(is_listed(removal, image) for image in found.images):
        if lookups.is_last(removal):
            message = "An hour later the cloud still lists the image."
            error = REMOVE_IMAGE.error("StillListed", message, "conflict", request_id=removal.request_id)
            writes.end(REMOVE_IMAGE, removal, "rejected", "unknown", error=error)
    elif found.error is None:
        _succeeded(removal, request_id=removal.request_id)


def is_listed(removal: Removal, image: RemoteImage) -> bool:
    """Whether this is the image that was to go: one id may stand in several versions."""
    wanted = (removal.remote_id, removal.type, removal.version or None)
    return (image.remote_id, image.type, image.version or None) == wanted


def _succeeded(removal: Removal, *, request_id: str | None) -> None:
    writes.end(REMOVE_IMAGE, removal, "succeeded", "sending", "unknown", error=None, request_id=request_id)


def others_of_id(image: Image) -> list[Image]:
    """What else the source lists under this id: RemoveImage names an image by its id alone."""
    same = Image.objects.filter(team_id=image.team_id, source_id=image.source_id, remote_id=image.remote_id)
    return list(same.filter(missing_since=None).exclude(id=image.id).order_by("name_key", "id")[:20])


REMOVE_IMAGE: Write[Removal, str | None] = Write(
    model=Removal,
    operation="RemoveImage",
    noun="removal",
    task=TASK,
    send=_send,
    accepted=_accepted,
    refused=_refused,
    look_up=_look_up,
)
