"""What the page of a registration shows: its steps, its outcome with the evidence, and what can be done about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access import admins_of
from catalog.errors import Explanation, explain
from catalog.following import ask_every, shown, wait_for_sync
from catalog.lookups import is_last
from catalog.models import CloudWrite, Image, Registration
from catalog.providers import REGISTERED_KIND
from catalog.registration import spec_of
from catalog.registration_forms import RegistrationForm
from catalog.registration_history import had_password
from catalog.registration_spec import preview
from catalog.registration_steps import call_lines, registration_steps
from catalog.shelving import on_shelf

# The form's field for each parameter of the call, by its own name; the cloud names them with all that is around them.
FIELDS = {
    "ImageType": "type",
    "Name": "name",
    "ImageVersion": "version",
    "Description": "description",
    "RegionId": "region",
    "VMImageSpec": "image_id",
    "ImageId": "image_id",
    "ContainerImageSpec": "registry_url",
    "RegistryUrl": "registry_url",
    "IsACRRegistry": "registry",
    "IsACREnterprise": "registry",
    "RegistryCriId": "registry_cri_id",
    "RegistryCredential": "registry_user",
    "Server": "registry_server",
    "UserName": "registry_user",
    "Password": "registry_password",
}
_PARAMETER = re.compile(r"parameter ([\w.]+) ")


@dataclass(frozen=True, slots=True)
class Look:
    """One try to find out: what ListImages was asked, and what it said. `images` has the `remote_id`, `name`,
    `version`, `description` of each that was kept, and whether it `is_it`."""

    at: datetime
    asked: str
    told: str
    images: list[dict[str, Any]]
    explanation: Explanation | None


def registration_context(registration: Registration) -> dict[str, Any]:
    wait = wait_for_sync(registration) if registration.state == "succeeded" else None
    existing = existing_image(registration)
    field = field_at_fault(registration.error)
    every = 0 if registration.state == "rejected" and existing else ask_every(registration, wait)
    steps = registration_steps(registration, wait)
    return {
        "registration": registration,
        "steps": steps,
        "shown": shown(registration, steps, every),
        "wait": wait,
        "explanation": explain(registration.error, retried=False) if registration.error else None,
        "looks": looks(registration),
        "is_open": is_open(registration),
        "asks_now": asks_now(registration),
        "admins": admins_of(registration.team) if is_open(registration) else [],
        "every": every,
        "existing": existing,
        "field": field,
        "field_label": RegistrationForm.base_fields[field].label if field else "",
        "lines": call_lines(preview(spec_of(registration), has_password=had_password(registration))),
    }


def is_open(row: CloudWrite) -> bool:
    """Whether all tries are over and nobody knows yet: an admin decides."""
    return row.state == "unknown" and row.next_lookup_at is None


def asks_now(row: CloudWrite) -> bool:
    """Whether the last try is being made, or one that somebody asked for."""
    return row.state == "unknown" and row.next_lookup_at is not None and is_last(row)


def existing_image(registration: Registration) -> Image | None:
    """The image in the way of a registration that was rejected because there is one: of the same name, or made of the
    same ECS image.
    """
    account = registration.cloud_account
    if (registration.error or {}).get("code") != "ImageAlreadyExists" or account is None:
        return None
    wanted = (registration.region, registration.type, registration.name, registration.version)
    if (image := on_shelf(account, *wanted)) or not registration.vm_image_id:
        return image
    listed = Image.objects.filter(
        team_id=registration.team_id,
        source__cloud_account=account,
        source__kind=REGISTERED_KIND.get(account.vendor),
        source__region=registration.region,
        source__archived_at=None,
        remote_id=registration.vm_image_id,
        missing_since=None,
    )
    return listed.order_by("name_key", "id").first()


def field_at_fault(error: Mapping[str, Any] | None) -> str:
    """The field of the form that an InvalidParams is about, "" where it names none."""
    named = _PARAMETER.search(str((error or {}).get("message") or ""))
    if not named or (error or {}).get("code") != "InvalidParams":
        return ""
    return next((FIELDS[part] for part in reversed(named[1].split(".")) if part in FIELDS), "")


def looks(row: CloudWrite) -> list[Look]:
    """The tries that were kept, the latest first."""
    return [_look(kept) for kept in reversed(row.looks)]


def _look(kept: Mapping[str, Any]) -> Look:
    asked = " ".join(
        f"{name}={value if isinstance(value, str) else ', '.join(value)}" for name, value in kept["asked"].items()
    )
    return Look(
        at=datetime.fromisoformat(kept["at"]),
        asked=f"ListImages {asked}",
        told=_told(kept),
        images=kept["found"],
        explanation=explain(kept["error"], retried=False) if kept["error"] else None,
    )


def _told(kept: Mapping[str, Any]) -> str:
    if any(one["is_it"] for one in kept["found"]):
        return _("It is there.")
    if kept["error"]:
        return _("The cloud could not be asked.")
    if not (n := int(kept["total"])):
        return _("The cloud lists no such image.")
    return ngettext("Not this one, but %(n)s like it.", "Not this one, but %(n)s like it.", n) % {"n": n}
