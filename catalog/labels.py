"""The words people read for the values of an image: facets, chips, table and detail page use the same ones."""

from collections import Counter
from collections.abc import Iterable
from uuid import UUID

from django.utils.functional import Promise
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog.models import Source
from catalog.os_support import ENDING_DAYS
from catalog.sources import source_label

DIMENSIONS: dict[str, Promise] = {
    "type": _("Type"),
    "os": _("Operating system"),
    "distribution": _("Distribution"),
    "os_version": _("Version"),
    "arch": _("Architecture"),
    "visibility": _("Visibility"),
    "source": _("Source"),
    "region": _("Region"),
    "state": _("State"),
    "support": _("OS support"),
    "label": _("Label"),
    "star": _("Starred"),
}

# A chip has little room: "OS: Linux".
SHORT = {"os": _("OS"), "arch": _("Arch")}

_UNKNOWN = _("Unknown")
_OTHER = _("Other")
VALUES: dict[str, dict[str, Promise | str]] = {
    "type": {"vm": _("Virtual machine"), "container": _("Container")},
    "os": {"linux": "Linux", "windows": "Windows", "other": _OTHER, "unknown": _UNKNOWN},
    "distribution": {"other": _OTHER, "unknown": _UNKNOWN},
    "os_version": {"unknown": _UNKNOWN},
    "arch": {"mixed": _("mixed"), "unknown": _UNKNOWN},
    "visibility": {
        "public": _("Public"),
        "private": pgettext_lazy("visibility", "Private"),
        "shared": _("Shared with us"),
        "unknown": _UNKNOWN,
    },
    "state": {
        "available": _("Available"),
        "creating": _("Creating"),
        "failed": _("Failed"),
        "missing": _("Missing"),
        "archived": _("Archived"),
        "unknown": _UNKNOWN,
    },
    "support": {
        "supported": _("Supported"),
        "ending": format_lazy(_("Ends within {days} days"), days=ENDING_DAYS),
        "past": pgettext_lazy("OS support", "Ended"),
        "unknown": _UNKNOWN,
    },
    "label": {"unknown": _("No label")},
    "star": {"yes": _("Yes"), "no": _("No")},
}
TYPES_SHORT: dict[str, Promise | str] = {"vm": _("VM"), "container": _("Container")}
VISIBILITIES_SHORT: dict[str, Promise | str] = {**VALUES["visibility"], "shared": _("Shared")}
# The tones of a state's dot and of what is told of support, as the stylesheet names them.
STATE_TONES = {"available": "ok", "creating": "warn", "failed": "bad", "missing": "bad", "archived": "", "unknown": ""}
SUPPORT_TONES = {"supported": "ok", "ending": "warn", "past": "bad"}


def value_label(dimension: str, value: str) -> str:
    """What people call a value of a dimension; the value itself where it is a name."""
    return str(VALUES.get(dimension, {}).get(value, value))


def source_names(sources: Iterable[Source]) -> dict[UUID, str]:
    """A short name for each source that no other of these has: "E-HPC custom · cn-hangzhou", and where two would have
    it, with the account, then with the start of the id.
    """
    listed = list(sources)
    names = {source.id: source_label(source) for source in listed}
    for tail in (lambda source: source.account_name, lambda source: str(source.id)[:8]):
        taken = Counter(names.values())
        names |= {s.id: f"{source_label(s)} · {tail(s)}" for s in listed if taken[names[s.id]] > 1}
    return names
