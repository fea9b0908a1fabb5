"""The cells of the images table. They are made here and not by a template, for a page has hundreds of them.

A cell is given what its column reads (catalog/columns.py) and answers a whole <td>. Strangers' text was cut where it
was read, is escaped here, and stands in a <bdi>. `on-card` marks what a narrow screen's card shows too, `none` what is
not known and a card therefore leaves out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.html import conditional_escape as escape
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from catalog.labels import STATE_TONES, SUPPORT_TONES, TYPES_SHORT, VALUES, VISIBILITIES_SHORT
from catalog.models import Source
from catalog.os_support import support
from catalog.templatetags.when import relative

UNKNOWN = "—"
NOTHING = '<td class="none">—</td>'


@dataclass(frozen=True, slots=True)
class Shelf:
    """What the rows of a page have in common: the team's sources by id, their short names, the day, and who looks."""

    sources: Mapping[UUID, Source]
    names: Mapping[str, str]
    day: date
    images_url: str = ""
    may_edit: bool = False
    memo: dict[Any, str] = field(default_factory=dict, compare=False, repr=False)


class Badge(NamedTuple):
    text: str | Promise
    tone: str
    title: str


def text(shelf: Shelf, value: str | None) -> str:
    return f'<td class="text"><bdi>{escape(value)}</bdi></td>' if value else NOTHING


def card_text(shelf: Shelf, value: str | None) -> str:
    return f'<td class="text on-card"><bdi>{escape(value)}</bdi></td>' if value else NOTHING


def code(shelf: Shelf, value: str | None) -> str:
    return f'<td class="mono"><bdi>{escape(value)}</bdi></td>' if value else NOTHING


def system(shelf: Shelf, distribution: str | None, version: str | None, os: str) -> str:
    words, badge = system_words(distribution, version, os), support_badge(distribution, version, shelf.day)
    mark = f' <span class="badge {badge.tone}" title="{escape(badge.title)}">{badge.text}</span>' if badge else ""
    return f'<td class="os on-card{" none" if words == UNKNOWN else ""}"><bdi>{escape(words)}</bdi>{mark}</td>'


def support_state(shelf: Shelf, distribution: str | None, version: str | None) -> str:
    state, row = support(distribution, version, shelf.day)
    if row is None:
        return NOTHING
    words = {"past": _t("Ended %(day)s"), "ending": _t("Ends %(day)s")}.get(state, _t("Until %(day)s"))
    words, tone = words % {"day": date_format(row.ends, "DATE_FORMAT")}, SUPPORT_TONES[state]
    return f'<td class="on-card nowrap"><span class="{tone}-text">{escape(words)}</span></td>'


def arch(shelf: Shelf, value: str) -> str:
    if value == "unknown":
        return '<td class="arch none">—</td>'
    return f'<td class="arch on-card">{escape(str(VALUES["arch"].get(value, value)))}</td>'


def type_(shelf: Shelf, value: str) -> str:
    return f'<td class="on-card">{escape(str(TYPES_SHORT.get(value, value)))}</td>'


def visibility(shelf: Shelf, value: str) -> str:
    words = UNKNOWN if value == "unknown" else str(VISIBILITIES_SHORT.get(value, value))
    return f'<td class="muted">{escape(words)}</td>'


def source(shelf: Shelf, source_id: UUID) -> str:
    listing, _mark, place = shelf.names.get(str(source_id), "").partition(" · ")
    there = shelf.sources.get(source_id)
    simulated = f"<span> · {_t('simulated')}</span>" if there and there.simulated else ""
    return f'<td class="source muted on-card">{escape(listing)}<span class="sub">{escape(place)}{simulated}</span></td>'


def account(shelf: Shelf, source_id: UUID) -> str:
    there = shelf.sources.get(source_id)
    return text(shelf, there.account_name if there else None)


def size(shelf: Shelf, gib: int | None) -> str:
    return f'<td class="num nowrap">{"" if gib is None else number_format(gib, force_grouping=True) + " GiB"}</td>'


def state(shelf: Shelf, value: str) -> str:
    words = escape(str(VALUES["state"].get(value, value)))
    return f'<td class="state nowrap"><span class="dot {STATE_TONES.get(value, "")}">{words}</span></td>'


def when(shelf: Shelf, at: datetime | None) -> str:
    return f'<td class="num muted nowrap">{relative(at)}</td>'


def seen(shelf: Shelf, source_id: UUID, first: datetime, last: datetime | None, missing: datetime | None) -> str:
    """As Image.seen_at: a present image was seen by its source's last complete run."""
    there = shelf.sources.get(source_id)
    if missing or there is None or there.last_complete_at is None:
        return when(shelf, last or first)
    return when(shelf, max(there.last_complete_at, first))


# What the cells are made of


def support_badge(distribution: str | None, version: str | None, today: date) -> Badge | None:
    """What is worth a word beside a system: that it is past its end, or soon will be."""
    state, row = support(distribution, version, today)
    if row is None or state not in ("past", "ending"):
        return None
    title = _t("Support ended %(day)s") if state == "past" else _t("Support ends %(day)s")
    words = _("EOL") if state == "past" else _("ends soon")
    return Badge(words, SUPPORT_TONES[state], title % {"day": date_format(row.ends, "DATE_FORMAT")})


def system_words(distribution: str | None, version: str | None, os: str) -> str:
    """ "Ubuntu 22.04"; the operating system alone where no more is known."""
    if distribution:
        return f"{distribution} {version}" if version and version not in distribution else distribution
    if os == "unknown":
        return version or UNKNOWN
    return str(VALUES["os"].get(os, os)) + (f" {version}" if version else "")
