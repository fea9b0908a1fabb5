"""The way out (DESIGN.md): one AddImage from "pending" to its end, in the worker or in `register_image`.

It is sent once (catalog/writes.py). The registry password is opened here, once, and forgotten as soon as the call is
over, however it ended. An unknown outcome is settled by what ListImages has of the same name, version and type.
"""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import CloudAccount
from accounts.secrets import KeysetError, SecretUnreadable, is_sealed, open_secret
from catalog import lookups, providers, shelving, writes
from catalog.connections import connect
from catalog.models import Registration
from catalog.providers.base import AddedImage, ProviderError, RemoteImage
from catalog.registration_spec import PASSWORD, Spec
from catalog.writes import WORKER, Write

__all__ = ["ADD_IMAGE", "TABLE", "TASK", "WORKER", "asked_for", "is_under_way", "register", "settle", "spec_of"]

TABLE = "catalog_registration"
TASK = "catalog.tasks.register_image"


def register(registration_id: UUID, patience_seconds: float) -> None:
    """Send a pending registration and write down how it ended. One that somebody else has or had is left alone."""
    writes.run(ADD_IMAGE, registration_id, patience_seconds)


def settle() -> None:
    """By beat: queue what lost its message, give up who was killed in the middle, look up what is unknown."""
    writes.reconcile(ADD_IMAGE)
    writes.look_up_due(ADD_IMAGE)


def reject_waiting(account: CloudAccount) -> list[str]:
    """Within the transaction that deletes the account: what was not sent will not be. What they are called."""
    return writes.reject_waiting(ADD_IMAGE, account)


def _send(registration: Registration, patience_seconds: float) -> AddedImage:
    account = registration.cloud_account
    if account is None:
        raise ADD_IMAGE.account_deleted()
    if shelving.on_shelf(account, registration.region, registration.type, registration.name, registration.version):
        raise already_on_shelf()
    connection = connect(account, patience_seconds)
    document = {**spec_of(registration).as_dict(), **_password(registration)}
    return providers.add_image(connection, registration.region, document)


def already_on_shelf() -> ProviderError:
    """The answer of the shelf itself, in the cloud's own words, before anything is sent."""
    message = "An image of this name, version and type is on the shelf already."
    return ProviderError("AddImage", "ImageAlreadyExists", message, kind="conflict")


def spec_of(registration: Registration) -> Spec:
    """The spec this registration keeps: what was sent, and what a repetition would send."""
    return Spec(
        type=registration.type,
        name=registration.name,
        version=registration.version,
        description=registration.description,
        image_id=registration.vm_image_id,
        registry_url=registration.registry_url,
        is_acr=registration.is_acr,
        is_acr_enterprise=registration.is_acr_enterprise,
        registry_cri_id=registration.registry_cri_id,
        registry_server=registration.registry_server,
        registry_user=registration.registry_user,
    )


def _password(registration: Registration) -> dict[str, str]:
    place = (registration.team_id, TABLE, registration.id, PASSWORD)
    if not is_sealed(*place):
        return {}
    try:
        return {PASSWORD: open_secret(*place).reveal()}
    except SecretUnreadable:
        message = "The registry password does not open. Register the image again."
        raise ProviderError("AddImage", "PasswordUnreadable", message, kind="invalid") from None
    except KeysetError as error:
        raise ADD_IMAGE.error("KeysetMissing", str(error), "internal") from None


def _refused(registration: Registration, error: ProviderError) -> None:
    exists = error.code == "ImageAlreadyExists"
    earlier = _unknown_before(registration) if exists else []
    if not earlier:
        writes.end(ADD_IMAGE, registration, "rejected", "sending", error=error)
        if exists and registration.cloud_account:
            # What exists is soon listed, to be looked at (shelving.make_due).
            shelving.registered_source(registration.cloud_account, registration.region)
        return
    # The image exists because an earlier one, whose outcome was never known, did work.
    found = _find(registration)
    for one in [*earlier, registration]:
        succeed(one, found, image_id=found.remote_id if found else None, request_id=error.request_id)


def _unknown_before(registration: Registration) -> list[Registration]:
    """The others of the same image and place whose outcome was never known."""
    if registration.cloud_account is None:
        return []
    same = asked_for(registration.cloud_account, registration.region, spec_of(registration))
    return list(same.select_related("cloud_account").filter(state="unknown").exclude(id=registration.id))


def _look_up(registration: Registration) -> None:
    if found := _find(registration):
        succeed(registration, found, image_id=found.remote_id, request_id=registration.request_id)


def _find(registration: Registration) -> RemoteImage | None:
    """What ListImages has of this name, version and type; None also where it cannot be asked."""
    wanted = (registration.name, registration.version or None, registration.type)

    def is_it(image: RemoteImage) -> bool:
        return (image.name, image.version or None, image.type) == wanted

    return lookups.ask(registration, is_it, names=[registration.name]).image


def is_under_way(account: CloudAccount, region: str, spec: Spec) -> bool:
    """Whether the same image is waiting to be sent, or being sent, in this place."""
    return asked_for(account, region, spec).filter(state__in=["pending", "sending"]).exists()


def asked_for(account: CloudAccount, region: str, spec: Spec) -> QuerySet[Registration]:
    """Every registration of one image in one place."""
    return Registration.objects.filter(
        team_id=account.team_id,
        cloud_account=account,
        region=region,
        type=spec.type,
        name=spec.name,
        version=spec.version,
    )


def _accepted(registration: Registration, added: AddedImage) -> None:
    found = shelving.as_listed(registration, added.image_id)
    succeed(registration, found, image_id=added.image_id, request_id=added.request_id)


def succeed(
    registration: Registration,
    remote: RemoteImage | None,
    *,
    image_id: str | None,
    request_id: str | None,
    lock_timeout: float | None = None,
    **told: Any,
) -> bool:
    """The image is on the shelf in the same transaction, so that who sees the one sees the other. Whether it was this
    that ended it. `told` goes to writes.end. Raises SourceBusy where the source's lock is not to be had in time.
    """
    with transaction.atomic():
        image = shelving.put_on_shelf(registration, remote, lock_timeout) if remote else None
        told |= {"remote_id": image_id, "request_id": request_id, "image": image}
        ended = writes.end(ADD_IMAGE, registration, "succeeded", "sending", "unknown", error=None, **told)
        if not ended:
            transaction.set_rollback(True)  # what is not so does not come onto the shelf either
    return ended


ADD_IMAGE: Write[Registration, AddedImage] = Write(
    model=Registration,
    operation="AddImage",
    noun="registration",
    task=TASK,
    send=_send,
    accepted=_accepted,
    refused=_refused,
    look_up=_look_up,
    alone=Q(batch=None),  # those of a batch: catalog/batch_sending.py
)
