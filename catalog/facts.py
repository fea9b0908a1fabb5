"""What the page of one image says: facts with where each comes from, and the cloud's own document."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format, number_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from catalog.labels import DIMENSIONS, value_label
from catalog.models import Image, ImageDocument
from catalog.os_support import Support
from catalog.overrides import CORRECTABLE, Entry

LONGEST = 2_000  # characters of one text on the page; strangers write a megabyte
MOST_LINES = 600

ORIGINS = {
    "reported": _("reported"),
    "derived": _("derived"),
    "admin": _("set by an admin"),
    "unknown": _("not reported"),
}
LABELS: dict[str, Promise] = {
    "type": _("Type"),
    "os": _("Operating system"),
    "distribution": _("Distribution"),
    "os_version": _("OS version"),
    "arch": _("Architecture"),
    "visibility": _("Visibility"),
    "version": _("Image version"),
    "repository": _("Repository"),
    "tag": _("Tag"),
    "size_gib": _("Size"),
    "min_ram_mb": _("Least memory"),
    "min_disk_gb": _("Least disk"),
    "disk_format": _("Disk format"),
    "state": _("State"),
    "status": _("Status"),
    "region": _("Region"),
    "cluster": _("Cluster"),
    "name": _("Name"),
    "description": _("Description"),
}
EXTRAS = {
    "container_type": _("Container type"),
    "container_system": _("Container system"),
    "compute_type": _("Compute type"),
}
UNITS = {"size_gib": "GiB", "min_ram_mb": "MB", "min_disk_gb": "GB"}
# Shown even when unknown; of the others only what is known is worth a line.
ALWAYS = ("type", "os", "distribution", "os_version", "arch", "visibility", "size_gib", "state", "region")
CONTAINER_ONLY = ("repository", "tag", "cluster")

# By which rule a field was derived (PROVIDERS.md sections 2 and 2a), for one listing or for all.
RULES: dict[tuple[str, str], Promise] = {
    ("", "name"): _("the cloud gives no name; this is the ID"),
    ("alibaba_ehpc_container", "name"): _("repository and tag"),
    ("", "type"): _("this listing holds nothing else"),
    ("", "os"): _("from the system's name"),
    ("", "distribution"): _("from the system's name"),
    ("", "os_version"): _("from the system's name"),
    ("alibaba_ens_public", "os_version"): _("from the image's ID"),
    ("alibaba_ens_public", "distribution"): _("from the image's ID"),
    ("", "arch"): _("from the compute type"),
    ("huawei_workspace", "arch"): _("listed when x86 images are asked for"),
    ("alibaba_ens_public", "visibility"): _("this listing holds public images only"),
    ("", "visibility"): _("this listing holds the account's own images"),
    ("", "state"): _("the cloud gives no status; the image is listed"),
    ("", "region"): _("the region that was asked"),
    ("", "cluster"): _("the cluster that was asked"),
}


@dataclass(frozen=True, slots=True)
class Fact:
    """`origin` is a key of ORIGINS, `rule` by what it was derived, or by whom set; both "" for what Bootshelf itself
    knows. `source` is the page that says so, at `url`. `field` is the image's column, if it is one of LABELS.
    """

    label: str | Promise
    value: str
    origin: str = ""
    rule: str = ""
    warn: bool = False
    source: str = ""
    url: str = ""
    field: str = ""

    @property
    def is_correctable(self) -> bool:
        return self.field in CORRECTABLE

    @property
    def origin_label(self) -> str:
        return str(ORIGINS.get(self.origin, self.origin))


def cut(text: str) -> str:
    """A stranger's text as a page can carry it."""
    if len(text) <= LONGEST:
        return text
    return _t("%(start)s… (%(n)s characters in all)") % {
        "start": text[:LONGEST],
        "n": number_format(len(text), force_grouping=True),
    }


def facts(image: Image, support: Support) -> list[Fact]:
    """The normalised fields, with how long the system is supported, then what the listing says beside them."""
    return [*_fields(image, support), *_extras(image)]


def support_words(support: Support) -> str:
    """ "Supported to June 2027", as a badge says it; "" where nothing is known."""
    if support.row is None:
        return ""
    words = {
        "supported": _t("Supported to %(month)s"),
        "ending": _t("Support ends %(month)s"),
        "past": _t("Support ended %(month)s"),
    }
    return words[support.state] % {"month": date_format(support.row.ends, "YEAR_MONTH_FORMAT")}


def _fields(image: Image, support: Support) -> Iterator[Fact]:
    for field, label in LABELS.items():
        value = getattr(image, field)
        unknown = value is None or value == "unknown"
        if field == "name" or (unknown and field not in ALWAYS) or (field in CONTAINER_ONLY and not value):
            continue
        origin, rule = origin_words(image, field)
        yield Fact(label, value_text(field, value), origin, rule, field=field)
        if field == "os_version":
            yield _support(support)


def _support(support: Support) -> Fact:
    label, row = DIMENSIONS["support"], support.row
    if row is None:
        return Fact(label, _t("Unknown"))
    words = _t("Ended %(day)s") if support.state == "past" else _t("Until %(day)s")
    day = date_format(row.ends, "DATE_FORMAT")
    return Fact(label, words % {"day": day}, source=row.source, url=row.url)


def value_text(field: str, value: Any) -> str:
    """The value of a column as people read it."""
    if value is None:
        return _t("Unknown")
    if field in UNITS:
        return f"{number_format(value, force_grouping=True)} {UNITS[field]}"
    return cut(value_label(field, str(value)))


def origin_words(image: Image, field: str) -> tuple[str, str]:
    """Where the value of a field comes from, as a key of ORIGINS, and by which rule or whom; "" for our own state."""
    origin = image.provenance.get(field, "unknown")
    if field == "state" and image.state in ("missing", "archived"):
        return "", ""
    if origin == "admin" and field in image.overrides:
        return origin, _correction_words(field, image.overrides[field])
    rule = RULES.get((image.source.kind, field)) or RULES.get(("", field))
    return origin, str(rule or "") if origin == "derived" else ""


def _correction_words(field: str, entry: Entry) -> str:
    """Who corrected a field, when and why, and what the cloud says of it."""
    at = date_format(timezone.localtime(datetime.fromisoformat(entry["at"])), "DATE_FORMAT")
    told = {"who": entry["by"], "day": at, "reported": value_text(field, entry["reported"])}
    if entry["reported"] == entry["value"]:
        words = _t("%(who)s, %(day)s; the cloud now says the same") % told
    else:
        words = _t("%(who)s, %(day)s; the cloud says %(reported)s") % told
    return f"{words} · {entry['reason']}" if entry["reason"] else words


def _extras(image: Image) -> Iterator[Fact]:
    extra = image.extra
    if extra.get("bare_metal"):
        yield Fact(_("Bare metal"), _t("For bare-metal instances"), "reported")
    if isinstance(base := extra.get("base_os"), dict):
        words = [str(base[name]) for name in ("platform", "version", "arch") if base.get(name)]
        differs = _differs(image, base)
        rule = _t("differs from the image's own system, which is shown above") if differs else ""
        yield Fact(_("Management nodes"), cut(" ".join(words) or str(base.get("tag", ""))), "reported", rule, differs)
    for name, label in EXTRAS.items():
        if extra.get(name):
            yield Fact(label, cut(str(extra[name])), "reported")


def _differs(image: Image, base: dict[str, Any]) -> bool:
    """Whether the management nodes' system contradicts the image's own (seed ListCustomImages: i386 against x86_64)."""
    pairs = (("platform", image.distribution), ("version", image.os_version), ("arch", image.arch))
    return any(
        base.get(name) and own and own != "unknown" and str(base[name]).lower() != own.lower() for name, own in pairs
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One value of the cloud's document, and the way to it: OsTag.Platform."""

    path: str
    value: str


def provider_data(image: Image) -> list[Line]:
    """The cloud's own item, a line a value, cut where it is more than a page can carry."""
    lines: list[Line] = []
    for path, value in document_values(image):
        if len(lines) == MOST_LINES:
            lines.append(Line("…", _t("More was left out.")))
            break
        lines.append(Line(path, cut(value)))
    return lines


def document_values(image: Image) -> Iterator[tuple[str, str]]:
    """The cloud's own item, a value a time with the way to it, whole."""
    row: ImageDocument | None = getattr(image, "document_row", None)
    return _lines(row.document if row else {}, "")


def _lines(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from _lines(inner, f"{path}.{name[:200]}" if path else name[:200])
    elif isinstance(value, list) and value:
        for place, inner in enumerate(value):
            yield from _lines(inner, f"{path}[{place}]")
    else:
        shown = {"true": True, "false": False, "null": None}
        words = next((word for word, what in shown.items() if value is what), None)
        yield path, words or (str(value) if value not in ({}, []) else "—")
