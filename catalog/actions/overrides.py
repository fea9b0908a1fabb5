"""An admin's correction of what a cloud, or Bootshelf's reading of it, says wrongly of an image's system."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Team
from catalog.actions.base import ActionError, Actor, actor_name
from catalog.applying import TOLD_LENGTH
from catalog.labels import value_label
from catalog.locks import SourceBusy, lock_source
from catalog.models import Image, ImageChange
from catalog.overrides import OVERRIDE_COLUMNS, written
from catalog.providers.base import ADMIN, ARCHITECTURES, SYSTEMS
from catalog.providers.systems import KNOWN_DISTRIBUTIONS, canonical_distribution, parse_system

LONGEST = {"distribution": 100, "os_version": 60}
REASON_LENGTH = 200
_CHOICES = {"os": SYSTEMS, "arch": ARCHITECTURES}


def correct_image(
    team: Team, actor: Actor, image: Image, wanted: Mapping[str, str], seen: Mapping[str, str], reason: str = ""
) -> list[str]:
    """Set fields (of CORRECTABLE) to what is `wanted`; which of them changed.

    `seen` is what the person was shown of them, as `shown_value` gives it: who would overwrite what somebody else set
    meanwhile is told so instead. "" and "unknown" stand for a distribution or a version that is not known. A field set
    to what the cloud says is corrected no more.
    """
    values = {field: checked_value(field, text) for field, text in wanted.items()}
    reason = " ".join(reason.split())
    if len(reason) > REASON_LENGTH or not reason.isprintable():
        message = _("A reason has at most %(most)d characters and no control characters.")
        raise ActionError("reason", message % {"most": REASON_LENGTH})
    with transaction.atomic():
        image = _locked(team, image)
        for field, value in values.items():
            now = getattr(image, field)
            if value != now and seen.get(field) != shown_value(field, now):
                message = _("Meanwhile this was set to “%(value)s”: save again if yours is right.")
                words = value_label(field, shown_value(field, now)) or _("not known")
                raise ActionError(field, message % {"value": words})
        before = {field: getattr(image, field) for field, value in values.items() if value != getattr(image, field)}
        for field in before:
            _override(image, field, values[field], actor, reason)
        action = "overridden" if any(field in image.overrides for field in before) else "override_removed"
        _save(team, actor, image, before, action, reason)
    return list(before)


def remove_override(team: Team, actor: Actor, image: Image, field: str) -> bool:
    """What the cloud says of this field holds again; whether there was a correction to take back."""
    with transaction.atomic():
        image = _locked(team, image)
        if field not in image.overrides:
            return False
        before = {field: getattr(image, field)}
        _restore(image, field)
        _save(team, actor, image, before, "override_removed", "")
    return True


def checked_value(field: str, text: str) -> str | None:
    """The value in its one spelling, None for what is not known. Raises ActionError at the field."""
    text = " ".join(text.split())
    if field in _CHOICES:
        if text not in _CHOICES[field]:
            raise ActionError(field, _("Choose one of: %(values)s.") % {"values": ", ".join(_CHOICES[field])})
        return text
    if not text or text.lower() == "unknown":
        return None
    if len(text) > LONGEST[field] or not text.isprintable():
        message = _("This has at most %(most)d characters and no control characters.")
        raise ActionError(field, message % {"most": LONGEST[field]})
    return text if field == "os_version" else _distribution(text)


def shown_value(field: str, value: str | None) -> str:
    """A value as a form's field holds it: what a cloud says may be long, or have line ends."""
    return " ".join((value or "").split())[: LONGEST.get(field, 10)].strip()


def _distribution(text: str) -> str:
    """The table's spelling, or any other text. A version does not belong into it: nothing would be grouped by it."""
    if known := canonical_distribution(text):
        return known
    system = parse_system(text)
    if system.distribution in KNOWN_DISTRIBUTIONS and system.version:
        message = _("Enter only “%(name)s” here, and “%(version)s” as the version.")
        raise ActionError("distribution", message % {"name": system.distribution, "version": system.version})
    return text


def _locked(team: Team, image: Image) -> Image:
    """The image as it is now, which no sync writes until the transaction ends."""
    try:
        lock_source(image.source_id, timeout=1)
    except SourceBusy:
        raise ActionError("", _("A sync is being applied to this source: try again in a moment.")) from None
    found = Image.objects.filter(team=team, id=image.id).first()
    if found is None:
        raise ActionError("", _("This image is no longer there."))
    return found


def _override(image: Image, field: str, value: str | None, actor: Actor, reason: str) -> None:
    entry = image.overrides.get(field)
    reported = entry["reported"] if entry else getattr(image, field)
    origin = entry["origin"] if entry else image.provenance.get(field, "unknown")
    if value == reported:
        _restore(image, field)
        return
    at = timezone.now().isoformat(timespec="seconds")
    told = {"value": value, "reported": reported, "origin": origin, "by": actor_name(actor), "at": at, "reason": reason}
    image.overrides = {**image.overrides, field: told}
    _put(image, written(vars(image), field, value, ADMIN))


def _restore(image: Image, field: str) -> None:
    entry = image.overrides[field]
    image.overrides = {name: other for name, other in image.overrides.items() if name != field}
    _put(image, written(vars(image), field, entry["reported"], entry["origin"]))


def _put(image: Image, columns: Mapping[str, Any]) -> None:
    for name, value in columns.items():
        setattr(image, name, value)


def _save(team: Team, actor: Actor, image: Image, before: Mapping[str, str | None], action: str, reason: str) -> None:
    """Write the row, its history and the audit row; nothing for what changed nothing."""
    if not before:
        return
    after = {field: getattr(image, field) for field in before}
    Image.objects.filter(team=team, id=image.id).update(**{name: getattr(image, name) for name in OVERRIDE_COLUMNS})
    place = {"team_id": image.team_id, "source_id": image.source_id, "image_id": image.id}
    ImageChange.objects.bulk_create(
        ImageChange(
            **place,
            kind="corrected" if field in image.overrides else "restored",
            field=field,
            before=_told(value),
            after=_told(after[field]),
        )
        for field, value in before.items()
    )
    changes: dict[str, Any] = {field: [_told(value), _told(after[field])] for field, value in before.items()}
    changes |= {"reason": reason} if reason else {}
    audit.record(team, actor, f"image.{action}", target=image.name, target_id=image.id, changes=changes)


def _told(value: str | None) -> str | None:
    return value and value[:TOLD_LENGTH]
