"""One RemoveImage from "pending" to its end, in the worker or in `manage remove_image`.

It is sent once (catalog/writes.py). What it brings about is told by a lookup: an image that ListImages does not have is
gone, whoever removed it. On the shelf it is missing when a sync agrees (catalog/shelving.py).
"""

from uuid import UUID

from django.utils.translation import gettext as _

from accounts.models import CloudAccount
from catalog import lookups, providers, writes
from catalog.connections import connect
from catalog.models import Image, Removal, SyncRun
from catalog.providers.base import ProviderError, RemoteImage
from catalog.writes import Write

TASK = "catalog.tasks.remove_image"
MOST_NAMED = 20


def remove(removal_id: UUID, patience_seconds: float) -> None:
    """Send a pending removal and write down how it ended. One that somebody else has or had is left alone."""
    writes.run(REMOVE_IMAGE, removal_id, patience_seconds)


def settle() -> None:
    """By beat: queue what lost its message, give up who was killed in the middle, look up what is unknown."""
    writes.reconcile(REMOVE_IMAGE)
    writes.look_up_due(REMOVE_IMAGE)


def reject_waiting(account: CloudAccount) -> list[str]:
    """Within the transaction that deletes the account: what was not sent will not be. What they are called."""
    return writes.reject_waiting(REMOVE_IMAGE, account)


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
    # One id may stand in several versions.
    wanted = (removal.remote_id, removal.type, removal.version or None)

    def is_it(image: RemoteImage) -> bool:
        return (image.remote_id, image.type, image.version or None) == wanted

    found = lookups.ask(removal, is_it, ids=[removal.remote_id])
    if found.image and lookups.is_last(removal):
        message = "An hour later the cloud still lists the image."
        error = REMOVE_IMAGE.error("StillListed", message, "conflict", request_id=removal.request_id)
        writes.end(REMOVE_IMAGE, removal, "rejected", "unknown", error=error)
    elif not found.image and found.error is None:
        _succeeded(removal, request_id=removal.request_id)


def _succeeded(removal: Removal, *, request_id: str | None) -> None:
    writes.end(REMOVE_IMAGE, removal, "succeeded", "sending", "unknown", error=None, request_id=request_id)


def why_not(image: Image, last: Removal | None) -> str:
    """Why this image cannot be removed from here, in one sentence; "" if it can. `image` comes with its source, and
    that with its cloud account; `last` is last_removal.
    """
    source = image.source
    if source.kind not in providers.REGISTERED_KIND.values():
        return _("Only images registered in E-HPC are removed from here. Remove this one in its cloud's own console.")
    if source.cloud_account is None or source.archived_at:
        return _("It cannot be removed: its cloud account or source is no longer connected.")
    if image.missing_since:
        return _("The cloud no longer lists it: there is nothing to remove.")
    if last and (last.state in ("pending", "sending") or (last.state == "unknown" and last.next_lookup_at)):
        return _("This image is being removed already.")
    if last and last.state == "succeeded" and not _listed_since(last):
        return _("The cloud has removed it. The next sync marks it missing.")
    return ""


def last_removal(image: Image) -> Removal | None:
    return image.removals.filter(team_id=image.team_id).order_by("-created_at", "-id").first()


def _listed_since(removal: Removal) -> bool:
    """Whether a listing that began after the cloud said it was gone still had it."""
    assert removal.image is not None
    runs = SyncRun.objects.filter(source_id=removal.image.source_id, state="complete")
    return runs.filter(started_at__gt=removal.finished_at or removal.created_at).exists()


def others_of_id(image: Image) -> list[Image]:
    """What else the source lists under this id: RemoveImage names an image by its id alone."""
    same = Image.objects.filter(team_id=image.team_id, source_id=image.source_id, remote_id=image.remote_id)
    return list(same.filter(missing_since=None).exclude(id=image.id).order_by("name_key", "id")[:MOST_NAMED])


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
