"""The way out (DESIGN.md): one AddImage from "pending" to its end, in the worker or in `register_image`.

AddImage is not idempotent and has no token (PROVIDERS.md section 5), so it is sent once: "sending" is committed
before the call, by a conditional UPDATE that only one can win, and nothing ever leads back. An outcome that is not
known stays "unknown" until ListImages settles it, five tries over an hour. The registry password is opened here,
once, and forgotten as soon as the call is over, however it ended.
"""

import logging
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from accounts import audit
from accounts.models import CloudAccount
from accounts.secrets import SecretUnreadable, forget, is_sealed, open_secret
from catalog import providers, shelving
from catalog.connections import connect
from catalog.models import Registration
from catalog.providers.base import AddedImage, ProviderError, RemoteImage
from catalog.queueing import send
from catalog.registration_spec import PASSWORD, Spec

logger = logging.getLogger(__name__)

TABLE = "catalog_registration"
TASK = "catalog.tasks.register_image"
WORKER = "worker"  # the actor of an outcome
# A call ends long before this; who is still "sending" then was killed in the middle of it.
LONGEST_CALL = timedelta(minutes=5)
# A pending one this old lost its message.
OVERDUE = timedelta(seconds=30)
# When to look an unknown one up, each from the time before: five tries over an hour.
LOOKUPS = [timedelta(minutes=minutes) for minutes in (1, 4, 10, 15, 30)]
LOOKUP_PATIENCE = 10.0


def register(registration_id: UUID, patience_seconds: float) -> None:
    """Send a pending registration and write down how it ended. One that somebody else has or had is left alone."""
    registration = _take(registration_id)
    if registration is None:
        return
    try:
        added = _send(registration, patience_seconds)
    except ProviderError as error:
        _refused(registration, error)
    except BaseException as error:
        # The text and the traceback of what went wrong may hold the password: only its name leaves this function.
        logger.error("Registration %s was interrupted by %s", registration.id, type(error).__name__)
        message = "Bootshelf was interrupted while the call was made."
        _unknown(
            registration, ProviderError("AddImage", "Interrupted", message, kind="unreachable", outcome_known=False)
        )
        if not isinstance(error, Exception):
            raise type(error) from None
    else:
        _succeeded(registration, shelving.as_listed(registration, added.image_id), added)


def reconcile() -> None:
    """By beat: queue what lost its message; what was killed while sending has an unknown outcome."""
    waiting = Registration.objects.filter(state="pending", created_at__lt=Now() - OVERDUE)
    for registration_id in waiting.values_list("id", flat=True)[:100]:
        send(TASK, registration_id)
    for registration in Registration.objects.filter(state="sending", sent_at__lt=Now() - LONGEST_CALL):
        message = "The worker was stopped while the call was made."
        _unknown(
            registration, ProviderError("AddImage", "Interrupted", message, kind="unreachable", outcome_known=False)
        )


def settle_unknown() -> int:
    """By beat: look up the unknown ones that are due. How many it looked for."""
    due = Registration.objects.filter(state="unknown", next_lookup_at__lte=Now())
    looked = 0
    for registration in due.select_related("cloud_account").order_by("next_lookup_at")[:20]:
        later = LOOKUPS[registration.lookups + 1 :][:1]
        taken = due.filter(id=registration.id, lookups=registration.lookups).update(
            lookups=F("lookups") + 1, next_lookup_at=Now() + later[0] if later else None
        )
        if taken and registration.cloud_account:
            looked += 1
            _look_up(registration)
    return looked


def reject_waiting(account: CloudAccount) -> None:
    """Within the transaction that deletes the account: what was not sent will not be."""
    error = ProviderError(
        "AddImage", "AccountDeleted", "The cloud account was deleted before this was sent.", kind="invalid"
    )
    for registration in Registration.objects.select_for_update().filter(cloud_account=account, state="pending"):
        _end(registration, "rejected", "pending", error=_as_row(error))


def _take(registration_id: UUID) -> Registration | None:
    """pending → sending, committed. None where somebody else has it or had it."""
    if not Registration.objects.filter(id=registration_id, state="pending").update(state="sending", sent_at=Now()):
        return None
    return Registration.objects.select_related("cloud_account", "team").get(id=registration_id)


def _send(registration: Registration, patience_seconds: float) -> AddedImage:
    account = registration.cloud_account
    if account is None:
        raise ProviderError(
            "AddImage", "AccountDeleted", "The cloud account was deleted before this was sent.", kind="invalid"
        )
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


def _refused(registration: Registration, error: ProviderError) -> None:
    if not error.outcome_known:
        _unknown(registration, error)
        return
    earlier = _unknown_before(registration) if error.code == "ImageAlreadyExists" else []
    if not earlier:
        _end(registration, "rejected", "sending", error=_as_row(error))
        return
    # The image exists because an earlier one, whose outcome was never known, did work.
    found = _find(registration)
    for one in [*earlier, registration]:
        _succeeded(one, found, AddedImage(image_id=found.remote_id, request_id=error.request_id) if found else None)


def _unknown_before(registration: Registration) -> list[Registration]:
    """The others of the same image and place whose outcome was never known."""
    if registration.cloud_account is None:
        return []
    same = _asked_for(registration.cloud_account, registration.region, spec_of(registration))
    return list(same.select_related("cloud_account").filter(state="unknown").exclude(id=registration.id))


def _look_up(registration: Registration) -> None:
    if found := _find(registration):
        _succeeded(registration, found, AddedImage(image_id=found.remote_id, request_id=registration.request_id))


def _find(registration: Registration) -> RemoteImage | None:
    """What ListImages has of this name, version and type; None also where it cannot be asked."""
    asked = (registration.region, registration.name, registration.version, registration.type)
    try:
        assert registration.cloud_account is not None
        return providers.find_registered(connect(registration.cloud_account, LOOKUP_PATIENCE), *asked)
    except ProviderError as error:
        logger.warning("Registration %s could not be looked up: %s", registration.id, error)
        return None


def is_under_way(account: CloudAccount, region: str, spec: Spec) -> bool:
    """Whether the same image is waiting to be sent, or being sent, in this place."""
    return _asked_for(account, region, spec).filter(state__in=["pending", "sending"]).exists()


def _asked_for(account: CloudAccount, region: str, spec: Spec) -> QuerySet[Registration]:
    """Every registration of one image in one place."""
    return Registration.objects.filter(
        team_id=account.team_id,
        cloud_account=account,
        region=region,
        type=spec.type,
        name=spec.name,
        version=spec.version,
    )


def _succeeded(registration: Registration, remote: RemoteImage | None, added: AddedImage | None) -> None:
    """The image is on the shelf in the same transaction, so that who sees the one sees the other."""
    with transaction.atomic():
        image = shelving.put_on_shelf(registration, remote) if remote else None
        _end(
            registration,
            "succeeded",
            "sending",
            "unknown",
            remote_id=added.image_id if added else None,
            request_id=added.request_id if added else registration.request_id,
            image=image,
            error=None,
        )


def _unknown(registration: Registration, error: ProviderError) -> None:
    _end(registration, "unknown", "sending", error=_as_row(error), lookups=0, next_lookup_at=Now() + LOOKUPS[0])


def _end(registration: Registration, state: str, *before: str, error: dict[str, Any] | None, **fields: Any) -> None:
    """Write the outcome with its audit row, unless it is no longer in one of the states `before`; forget the
    password.
    """
    if error:
        fields["request_id"] = error["request_id"]
    if state != "unknown":
        fields |= {"finished_at": Now(), "next_lookup_at": None}
    with transaction.atomic():
        row = Registration.objects.filter(id=registration.id, state__in=before)
        if not row.update(state=state, error=error, **fields):
            return
        forget(registration.team_id, TABLE, registration.id)
        changes = {"state": state, "error": error and error["code"], "region": registration.region}
        audit.record(
            registration.team,
            WORKER,
            f"registration.{state}",
            target=registration.name,
            target_id=registration.id,
            changes=changes,
        )


def _as_row(error: ProviderError) -> dict[str, Any]:
    return {**error.as_dict(), "kind": error.kind}
