"""The rows of the images page: what is read for one, and how it is shown. Strangers' text is cut where it is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from catalog.browse import ImageFilter
from catalog.labels import STATE_TONES, SUPPORT_TONES, TYPES_SHORT, VALUES, VISIBILITIES_SHORT
from catalog.os_support import support

SQL = (
    "left(i.name, 200), left(i.remote_id, 120), left(i.distribution, 60), left(i.os_version, 30), i.os,"
    " i.arch, i.type, i.visibility, i.source_id, i.size_gib, i.state, i.changed_at, i.id"
)
UNKNOWN = "—"

COLUMNS: dict[str, Promise] = {
    "name": _("Image"),
    "os": _("OS"),
    "arch": _("Arch"),
    "type": _("Type"),
    "visibility": _("Visibility"),
    "source": _("Source"),
    "size": _("Size"),
    "state": _("State"),
    "changed": _("Changed"),
}
FALLING_FIRST = frozenset({"size", "changed"})  # the largest and the latest are what is sought


class Badge(NamedTuple):
    text: str | Promise
    tone: str
    title: str


class Row(NamedTuple):
    id: UUID
    name: str
    remote_id: str
    system: str
    support: Badge | None
    arch: str
    type: str | Promise
    visibility: str | Promise
    listing: str
    place: str
    simulated: bool
    size_gib: int | None
    state: str | Promise
    tone: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Header:
    """A column: its sort as ARIA says it ("" if the list is sorted by another), and the query string that sorts by it."""  # noqa: E501

    column: str
    label: str | Promise
    sorted: str
    query: str


def headers(asked: ImageFilter) -> list[Header]:
    found = []
    for column, label in COLUMNS.items():
        here = asked.sort.removeprefix("-") == column
        way = ("descending" if asked.sort.startswith("-") else "ascending") if here else ""
        other = asked.sorted_by(column) if here or column not in FALLING_FIRST else asked.sorted_by(f"-{column}")
        found.append(Header(column, label, way, other.query()))
    return found


def rows(found: list[tuple[Any, ...]], names: Mapping[str, str], simulated: frozenset[UUID], today: date) -> list[Row]:
    return [_row(values, names, simulated, today) for values in found]


def _row(values: tuple[Any, ...], names: Mapping[str, str], simulated: frozenset[UUID], today: date) -> Row:
    name, remote_id, distribution, version, os, arch, type_, visibility, source, size, state, changed, image_id = values
    listing, _mark, place = names.get(str(source), "").partition(" · ")
    return Row(
        image_id,
        name,
        remote_id,
        system_words(distribution, version, os),
        support_badge(distribution, version, today),
        UNKNOWN if arch == "unknown" else arch,
        TYPES_SHORT.get(type_, type_),
        UNKNOWN if visibility == "unknown" else VISIBILITIES_SHORT.get(visibility, visibility),
        listing,
        place,
        source in simulated,
        size,
        VALUES["state"].get(state, state),
        STATE_TONES.get(state, ""),
        changed,
    )


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
