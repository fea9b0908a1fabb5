"""What an admin decides of a registration whose outcome nobody knows, once ListImages could not tell."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Team
from catalog import shelving, writes
from catalog.actions.base import ActionError, Actor, actor_name
from catalog.locks import SourceBusy
from catalog.models import CloudWrite, Registration, Removal
from catalog.queueing import send_on_commit
from catalog.registration import ADD_IMAGE, succeed

LONGEST_ID = 300


class Settled(ActionError):
    """The outcome is known by now, or is being looked up."""

    def __init__(self, row: CloudWrite) -> None:
        if row.state == "unknown":
            message = _("It is being looked up just now: wait for what comes of it.")
        elif row.settled_by:
            message = _("%(who)s decided it meanwhile.") % {"who": row.settled_by}
        else:
            message = _("The outcome is known by now.")
        super().__init__("", message)


def look_again(team: Team, actor: Actor, row: Registration | Removal) -> None:
    """Have the worker ask ListImages once more, now. Raises Settled, and ActionError where there is nobody to ask."""
    rows = type(row)._default_manager.filter(team=team, id=row.id)
    with transaction.atomic():
        if not rows.filter(state="unknown").exclude(cloud_account=None).update(next_lookup_at=Now()):
            now = rows.get()
            if now.state != "unknown":
                raise Settled(now)
            raise ActionError("", _("Its cloud account is no longer there, so the cloud cannot be asked."))
        action = f"{row._meta.model_name}.lookup_requested"
        audit.record(team, actor, action, target=row.name, target_id=row.id, changes={"region": row.region})
        send_on_commit("catalog.tasks.settle_registrations")


def confirm_registration(
    team: Team, actor: Actor, registration: Registration, image_id: str, listed: Mapping[str, Any] | None = None
) -> None:
    """It is there, under this id: succeeded. `listed` is what ListImages said of it, if it did (catalog/lookups.py).

    Raises Settled, and ActionError for an id that is none.
    """
    image_id = image_id.strip()
    if not image_id or len(image_id) > LONGEST_ID or not image_id.isprintable() or any(map(str.isspace, image_id)):
        raise ActionError("remote_id", _("Enter the ID of the image as the cloud's console shows it."))
    _check_open(registration)
    told = {"Name": listed["name"], "Version": listed.get("version")} if listed and listed.get("name") else {}
    remote = shelving.as_listed(registration, image_id, **told)
    try:
        ended = succeed(
            registration,
            remote,
            image_id=image_id,
            request_id=registration.request_id,
            lock_timeout=1,
            actor=actor,
            action="confirmed",
            settled_by=actor_name(actor),
            noted={"image_id": image_id},
        )
    except SourceBusy:
        raise ActionError("", _("A sync is being applied to this source: try again in a moment.")) from None
    if not ended:
        raise Settled(_now(registration))


def deny_registration(team: Team, actor: Actor, registration: Registration) -> None:
    """It is not there: rejected, and may be registered again. Raises Settled."""
    _check_open(registration)
    message = "An admin looked and did not find the image."
    error = ADD_IMAGE.error("NotThere", message, "not_found", request_id=registration.request_id)
    who = actor_name(actor)
    if not writes.end(
        ADD_IMAGE, registration, "rejected", "unknown", error=error, actor=actor, action="denied", settled_by=who
    ):
        raise Settled(_now(registration))


def _check_open(registration: Registration) -> None:
    now = _now(registration)
    if now.state != "unknown" or now.next_lookup_at:
        raise Settled(now)


def _now(registration: Registration) -> Registration:
    return Registration.objects.get(id=registration.id)
