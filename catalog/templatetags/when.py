"""Times as people say them, beside the exact one: <time datetime="…" title="…">3 min ago</time>."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

register = template.Library()

# Length in seconds, what was, what is to come.
_UNITS = (
    (365 * 86400, gettext_noop("%(n)d y ago"), gettext_noop("in %(n)d y")),
    (30 * 86400, gettext_noop("%(n)d mo ago"), gettext_noop("in %(n)d mo")),
    (86400, gettext_noop("%(n)d d ago"), gettext_noop("in %(n)d d")),
    (3600, gettext_noop("%(n)d h ago"), gettext_noop("in %(n)d h")),
    (60, gettext_noop("%(n)d min ago"), gettext_noop("in %(n)d min")),
)


@register.filter
def relative(value: datetime | None) -> str:
    """A time as an element that says how long ago it was, or how far ahead it is; "—" for none."""
    if value is None:
        return "—"
    exact = f"{timezone.localtime(value):%Y-%m-%d %H:%M %Z}"  # a table has fifty, and date_format takes its time
    return _element(value, exact, relative_words((timezone.now() - value).total_seconds()))


@register.filter
def clock(value: datetime | None) -> str:
    """A time as an element that gives date and time to the minute; "—" for none."""
    if value is None:
        return "—"
    local = timezone.localtime(value)
    return _element(value, date_format(local, "DATETIME_FORMAT"), f"{local:%Y-%m-%d %H:%M}")


@register.filter
def moment(value: datetime) -> str:
    """A time as an element that gives the time of day, and the day where it is another than today."""
    local, today = timezone.localtime(value), timezone.localdate()
    return _element(
        value,
        date_format(local, "DATETIME_FORMAT"),
        f"{local:%H:%M}" if local.date() == today else f"{local:%Y-%m-%d %H:%M}",
    )


@register.filter
def day(value: datetime) -> str:
    """A time as an element that gives the day of the year."""
    local = timezone.localtime(value)
    return _element(value, date_format(local, "DATETIME_FORMAT"), date_format(local, "MONTH_DAY_FORMAT"))


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
    length, ago, ahead = next(unit for unit in _UNITS if abs(age) >= unit[0])
    return _(ago if age > 0 else ahead) % {"n": int(abs(age) // length)}


def _element(value: datetime, exact: str, words: str) -> SafeString:
    moment = value.isoformat(timespec="seconds")
    return mark_safe(f'<time datetime="{moment}" title="{escape(exact)}">{escape(words)}</time>')  # noqa: S308 - escaped
