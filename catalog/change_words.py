"""What changed, in the words of the pages: the Changes page, a run's, an image's, and the feed use the same ones."""

from datetime import datetime

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy

from catalog.facts import LABELS, UNITS, value_text

KINDS: dict[str, Promise] = {
    "added": _("Added"),
    "changed": _("Changed"),
    "missing": _("Missing"),
    "returned": _("Returned"),
    "corrected": _("Corrected"),
    "restored": _("Correction taken back"),
}
TONES = {"added": "ok", "missing": "bad", "returned": "ok", "corrected": "accent"}
# How many images became what, by the count of a run.
COUNTED = {
    "added": ngettext_lazy("%(n)s added", "%(n)s added", "number"),
    "changed": ngettext_lazy("%(n)s changed", "%(n)s changed", "number"),
    "missing": ngettext_lazy("%(n)s missing", "%(n)s missing", "number"),
    "returned": ngettext_lazy("%(n)s returned", "%(n)s returned", "number"),
}
# The kinds that tell of one field each; the others tell of the whole image.
FIELD_KINDS = ("changed", "corrected", "restored")
FIELDS: dict[str, Promise] = {
    **LABELS,
    "remote_id": _("ID"),
    "remote_created_at": _("Created in the cloud"),
    "remote_updated_at": _("Updated in the cloud"),
    "document": _("Other provider data"),
}
_TIMES = ("remote_created_at", "remote_updated_at")
LONGEST = 120


def kind_label(kind: str) -> str:
    return str(KINDS.get(kind, kind))


def field_label(field: str) -> str:
    return str(FIELDS.get(field, field))


def value_words(field: str, text: str | None) -> str:
    """What a field was or is, from the text that is kept of it; cut to a line."""
    if text is None:
        return _t("unknown")
    if field in _TIMES:
        words = _minute(text)
    elif field in UNITS and text.lstrip("-").isdecimal():
        words = value_text(field, int(text))
    else:
        words = value_text(field, text) if field in LABELS and field not in UNITS else text
    return words if len(words) <= LONGEST else f"{words[:LONGEST]}…"


def _minute(text: str) -> str:
    try:
        return f"{timezone.localtime(datetime.fromisoformat(text)):%Y-%m-%d %H:%M}"
    except (ValueError, OverflowError):
        return text
