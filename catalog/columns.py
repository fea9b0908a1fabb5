"""Every column the images table can show, in its one order. The table, what is read for it, the choice of columns,
saved views and exports all come from this list.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from catalog import cells


class Column(NamedTuple):
    """`sql` is what a cell needs, over `i`, the image. `cell(shelf, *values)` is its <td>; None where the template
    makes it (the name and what stands beside it). What an export gives instead is in catalog/fields.py.
    """

    label: Promise
    sql: tuple[str, ...]
    cell: Callable[..., str] | None
    shown: bool = False  # to who chose nothing
    number: bool = False  # stands at the end of its cell
    falling: bool = False  # the largest or latest is sought first


def _text(label: Promise, name: str, longest: int, cell: Callable[..., str] | None, shown: bool = False) -> Column:
    """A text of strangers: cut where it is read for the table."""
    return Column(label, (f"left(i.{name}, {longest})",), cell, shown=shown)


_SYSTEM = ("left(i.distribution, 60)", "left(i.os_version, 30)")
_SEEN = ("i.source_id", "i.first_seen_at", "i.last_seen_at", "i.missing_since")

COLUMNS: dict[str, Column] = {
    "name": _text(_("Image"), "name", 200, None, shown=True),
    "star": Column(_("Star"), ("i.starred",), None, falling=True),
    "labels": Column(_("Labels"), ("i.labels",), None),
    "os": Column(_("OS"), (*_SYSTEM, "i.os"), cells.system, shown=True),
    "distribution": _text(_("Distribution"), "distribution", 60, cells.card_text),
    "os_version": _text(_("OS version"), "os_version", 30, cells.card_text),
    "support": Column(_("OS support"), _SYSTEM, cells.support_state),
    "arch": Column(_("Arch"), ("i.arch",), cells.arch, shown=True),
    "type": Column(_("Type"), ("i.type",), cells.type_, shown=True),
    "visibility": Column(_("Visibility"), ("i.visibility",), cells.visibility, shown=True),
    "source": Column(_("Source"), ("i.source_id",), cells.source, shown=True),
    "account": Column(_("Cloud account"), ("i.source_id",), cells.account),
    "region": _text(_("Region"), "region", 60, cells.card_text),
    "cluster": _text(_("Cluster"), "cluster", 60, cells.text),
    "size": Column(_("Size"), ("i.size_gib",), cells.size, shown=True, number=True, falling=True),
    "state": Column(_("State"), ("i.state",), cells.state, shown=True),
    "version": _text(_("Image version"), "version", 60, cells.text),
    "repository": _text(_("Repository"), "repository", 200, cells.card_text),
    "tag": _text(_("Tag"), "tag", 128, cells.card_text),
    "remote_id": _text(_("ID"), "remote_id", 120, cells.code),
    "description": _text(_("Description"), "description", 200, cells.text),
    "first_seen": Column(_("First seen"), ("i.first_seen_at",), cells.when, number=True, falling=True),
    "last_seen": Column(_("Last seen"), _SEEN, cells.seen, number=True, falling=True),
    "changed": Column(
        pgettext_lazy("when", "Changed"), ("i.changed_at",), cells.when, shown=True, number=True, falling=True
    ),
}
DEFAULT = tuple(key for key, column in COLUMNS.items() if column.shown)


def checked(keys: Iterable[object]) -> tuple[str, ...]:
    """These columns in their one order: what is none is left out, the name is always there. DEFAULT for none."""
    wanted = {key for key in keys if isinstance(key, str)}
    found = tuple(key for key in COLUMNS if key in wanted)
    return tuple(key for key in COLUMNS if key == "name" or key in found) if found else DEFAULT


def sql(keys: Iterable[str]) -> str:
    """The select list of these columns."""
    return ", ".join(part for key in keys for part in COLUMNS[key].sql)
