"""Times as people say them, beside the exact one: <time datetime="…" title="…">3 min ago</time>."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()

_UNITS = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))


@register.filter
def relative(value: datetime | None) -> str:
    """A time as an element that says how long ago it was, or how far ahead it is; "—" for none."""
    if value is None:
        return "—"
    exact = date_format(timezone.localtime(value), "DATETIME_FORMAT")
    return _element(value, exact, relative_words((timezone.now() - value).total_seconds()))


@register.filter
def clock(value: datetime | None) -> str:
    """A time as an element that gives date and time to the minute; "—" for none."""
    if value is None:
        return "—"
    local = timezone.localtime(value)
    return _element(value, date_format(local, "DATETIME_FORMAT"), f"{local:%Y-%m-%d %H:%M}")


@register.filter
def seconds(value: float) -> str:
    """A duration: "3.2 s", "2 min 05 s"."""
    if value < 60:
        return _("%(n).1f s") % {"n": value}
    return _("%(minutes)d min %(seconds)02d s") % {"minutes": value // 60, "seconds": value % 60}


def relative_words(age: float) -> str:
    """`age` in seconds, negative for what is to come."""
    if abs(age) < 60:
        return _("just now") if age >= 0 else _("within a minute")
    length, unit = next((size, name) for size, name in _UNITS if abs(age) >= size)
    ago = {
        "minute": _("%(n)d min ago"), "hour": _("%(n)d h ago"), "day": _("%(n)d d ago"), "month": _("%(n)d mo ago"),
        "year": _("%(n)d y ago"),
    }  # fmt: skip
    ahead = {
        "minute": _("in %(n)d min"), "hour": _("in %(n)d h"), "day": _("in %(n)d d"), "month": _("in %(n)d mo"),
        "year": _("in %(n)d y"),
    }  # fmt: skip
    return (ago if age > 0 else ahead)[unit] % {"n": int(abs(age) // length)}


def _element(value: datetime, exact: str, words: str) -> SafeString:
    return format_html('<time datetime="{}" title="{}">{}</time>', value.isoformat(timespec="seconds"), exact, words)
