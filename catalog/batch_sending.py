"""Sending the registrations of a batch, one after another in two lanes, in the worker.

A message names a batch, not an image: whoever gets it sends the batch's next image and passes the message on, so that a
batch of hundreds leaves the workers free for syncs between its images. A message that was lost, as with a worker that
was killed, is sent again when nothing of the batch was sent for half a minute; each image is sent once all the same
(catalog/writes.py), and each call waits for its turn (catalog/pace.py).
"""

from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from accounts import audit
from accounts.actions import Actor
from accounts.secrets import forget_many
from catalog import registration
from catalog.batches import STOPPED
from catalog.breakers import TROUBLE
from catalog.models import Batch, Registration
from catalog.providers.base import ProviderError
from catalog.queueing import send
from catalog.writes import OVERDUE, WORKER, as_row

TASK = "catalog.tasks.register_batch"
LANES = 2
# A refusal of these kinds holds for every image of the account; trouble of the others may be one image's own, and
# holds for all when it meets this many in a row.
OF_THE_ACCOUNT = ("authentication", "permission", "billing", "not_enabled")
IN_A_ROW = 3


def send_next(batch_id: UUID, patience_seconds: float) -> None:
    """Send the next image that waits, and queue the one after it. A message too many, as after hours without a worker,
    ends here.
    """
    own = Registration.objects.filter(batch_id=batch_id)
    if own.filter(state="sending", sent_at__gt=Now() - OVERDUE).count() >= LANES:
        return
    waiting = own.filter(state="pending")
    next_id = waiting.order_by("batch_at", "id").values_list("id", flat=True).first()
    if next_id is None:
        return
    registration.register(next_id, patience_seconds)
    stop_if_hopeless(batch_id)
    if waiting.exists():
        send(TASK, batch_id)


def reconcile() -> None:
    """By beat: batches whose images wait and of which nothing was sent lately lost their messages."""
    own = Registration.objects.filter(batch_id=OuterRef("id"))
    lost = Batch.objects.filter(Exists(own.filter(state="pending")), confirmed_at__lt=Now() - OVERDUE)
    for batch_id in lost.exclude(Exists(own.filter(sent_at__gt=Now() - OVERDUE))).values_list("id", flat=True)[:100]:
        for _lane in range(LANES):
            send(TASK, batch_id)


def stop_if_hopeless(batch_id: UUID) -> int:
    """Reject what waits, if the cloud's last answers say that it would fare no better. How many those were."""
    sent = Registration.objects.filter(batch_id=batch_id, sent_at__isnull=False).exclude(state="sending")
    last = list(sent.select_related("batch").order_by("-sent_at", "-batch_at")[:IN_A_ROW])
    kinds = [(one.error or {}).get("kind") if one.state in ("rejected", "unknown") else None for one in last]
    trouble = len(kinds) == IN_A_ROW and all(kind in (*TROUBLE, "malformed") for kind in kinds)
    if not kinds or not (kinds[0] in OF_THE_ACCOUNT or trouble):
        return 0
    error = (last[0].error or {}).get("code")
    message = f"Not sent, since the cloud answered {error} to the image before it."
    stopped = registration.ADD_IMAGE.error(STOPPED, message, "invalid")
    return reject_rest(last[0].batch, stopped, WORKER, "batch.stopped")


def reject_rest(batch: Batch, error: ProviderError, actor: Actor, action: str) -> int:
    """What still waits is not sent, and its passwords are forgotten; one audit row. How many those were."""
    with transaction.atomic():
        waiting = Registration.objects.filter(team_id=batch.team_id, batch_id=batch.id, state="pending")
        ids = list(waiting.select_for_update().order_by("id").values_list("id", flat=True))
        if not ids:
            return 0
        Registration.objects.filter(id__in=ids).update(state="rejected", error=as_row(error), finished_at=Now())
        forget_many(batch.team_id, registration.TABLE, ids)
        changes = {"images": len(ids), "error": error.code}
        audit.record(batch.team, actor, action, target=batch.title, target_id=batch.id, changes=changes)
    return len(ids)
