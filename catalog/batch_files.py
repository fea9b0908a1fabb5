"""A file of registrations, read: CSV, YAML or JSON, as people, spreadsheets and scripts write them.

Every value is the text that stands in the file: a version 1.10 stays 1.10 and a name NO stays NO, whatever YAML or a
number would make of them. Only an empty cell and YAML's or JSON's null mean "not given", and a flag may be true or
false. YAML is read event by event with PyYAML, the parser that is on every machine here already: nothing is built
from it but texts, so a file can neither name a Python type nor grow by aliases.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import PurePath
from typing import Any, Literal

import yaml
from django.utils.translation import gettext as _

from catalog.registration_spec import FIELDS, FLAGS, PASSWORD

LARGEST = 512 * 1024  # bytes
MOST_ROWS = 500
DEEPEST = 20  # of YAML, which takes the slower parser the longer the deeper it is
COLUMNS = ("region", *FIELDS)
NEEDED = ("type", "name")

_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NAMES_PASSWORD = re.compile(r"pass[\s_-]*w(or)?d", re.IGNORECASE)  # also where it is not spelt as it should be
_NULLS = ("", "~", "null", "Null", "NULL")
# Much the faster one, in every wheel of PyYAML; the other does the same.
_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)

type Unit = Literal["row", "line", "entry"]


class NotReadable(ValueError):
    """The file as a whole cannot be read: one sentence that never repeats a value."""


@dataclass(frozen=True, slots=True)
class FileRow:
    """One registration as it stands in the file: `at` counts the file's unit. `errors` are those of reading it."""

    at: int
    values: dict[str, Any] = field(repr=False)  # with the registry password
    errors: dict[str, str]


@dataclass(frozen=True, slots=True)
class BatchFile:
    """`unit` is what the rows' `at` counts: rows of a spreadsheet, lines of YAML, entries of JSON."""

    unit: Unit
    rows: list[FileRow]


def read_file(data: bytes, name: str = "") -> BatchFile:
    """The registrations in a file; `name` tells its kind by its ending. Raises NotReadable."""
    if len(data) > LARGEST:
        raise NotReadable(_("The file is larger than %(kb)d KB.") % {"kb": LARGEST // 1024})
    return read_text(decoded(data), name)


def read_text(text: str, name: str = "") -> BatchFile:
    """The registrations in a text, which tells its kind itself where no ending does. Raises NotReadable."""
    if len(text) > LARGEST:
        raise NotReadable(_("The text is longer than %(n)d characters.") % {"n": LARGEST})
    if "\0" in text:
        raise NotReadable(_not_text())
    if not text.strip():
        raise NotReadable(_("There is nothing in it."))
    kind = _kind(text, PurePath(name).suffix.lower())
    read: dict[str, tuple[Unit, Any]] = {
        "csv": ("row", _csv_rows), "yaml": ("line", _yaml_rows), "json": ("entry", _json_rows),
    }  # fmt: skip
    unit, rows_of = read[kind]
    rows: list[FileRow] = []
    for row in rows_of(text):
        if len(rows) == MOST_ROWS:
            raise NotReadable(_("There are more than %(n)d images in it: split it.") % {"n": MOST_ROWS})
        rows.append(row)
    if not rows:
        raise NotReadable(_("There is no image in it."))
    return BatchFile(unit, rows)


def _not_text() -> str:
    return _("This is not text in UTF-8. From a spreadsheet, save it as “CSV UTF-8”.")


def decoded(data: bytes) -> str:
    """UTF-8 with or without a byte order mark, or UTF-16 with one, as Excel's “Unicode text”. Raises NotReadable."""
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeError:
        raise NotReadable(_not_text()) from None


def _kind(text: str, ending: str) -> str:
    known = {".csv": "csv", ".tsv": "csv", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
    if ending in known:
        return known[ending]
    if text.lstrip()[:1] in ("[", "{"):
        return "json"
    return "csv" if _delimiter(text)[1] > 1 else "yaml"


def _row(at: int, pairs: Iterable[tuple[str, Any]]) -> FileRow:
    values: dict[str, Any] = {}
    errors: dict[str, str] = {}
    for name, value in pairs:
        name, kept = _whole(name), _whole(value) if isinstance(value, str) else value
        if name in values:
            errors[name[:60]] = _("This is given twice.")
        elif kept != value:
            errors[name[:60]] = _("This has a character that no text has.")
        flag = name in FLAGS and isinstance(kept, str)
        values[name] = _TRUTHS.get(kept.strip().lower(), kept) if flag else kept
    return FileRow(at, values, errors)


def _whole(text: str) -> str:
    """The text without halves of a character, as an escape in JSON may make them."""
    return text.encode(errors="replace").decode()


def without_passwords(text: str, rows: Iterable[FileRow]) -> str:
    """A text to be shown again. One that may hold passwords is written anew without them, as far as it was read."""
    if rows := list(rows):
        held = any(_NAMES_PASSWORD.search(name) and row.values[name] is not None for row in rows for name in row.values)
        return as_yaml([row.values for row in rows]) if held else text
    # A field's name stands in every text but a CSV without its header, whose cells tell nothing of themselves.
    return text if "name" in text and not _NAMES_PASSWORD.search(text) else ""


def as_yaml(images: Iterable[Mapping[str, Any]]) -> str:
    """Images as a text that read_text() reads again, without their passwords and what is not given."""
    listed = [
        {name: image[name] for name in COLUMNS if name != PASSWORD and isinstance(image.get(name), str | bool)}
        for image in images
    ]
    return yaml.safe_dump(listed, allow_unicode=True, sort_keys=False, width=1_000) if listed else ""


# CSV


def _csv_rows(text: str) -> Iterator[FileRow]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)[0], strict=True)
    columns: list[str] = []
    at = 0
    try:
        for at, cells in enumerate(reader, 1):
            if not any(cell.strip() for cell in cells):
                continue
            if not columns:
                columns = _columns(cells)
                continue
            filled = [cell if cell.strip() else None for cell in cells]
            row = _row(at, [(name, cell) for name, cell in zip(columns, filled, strict=False) if name])
            if any(cell for name, cell in zip_longest(columns, filled) if not name):
                row.errors[""] = _("This row has more cells than there are columns.")
            yield row
    except csv.Error as error:
        if "field limit" in str(error):
            raise NotReadable(_("Row %(n)d has a cell that is much too long.") % {"n": at + 1}) from None
        raise NotReadable(_("Row %(n)d is not CSV: look at its quotation marks.") % {"n": at + 1}) from None


def _columns(cells: list[str]) -> list[str]:
    """The header, checked. A column without a name is an empty one of a spreadsheet."""
    columns = [_column(cell) for cell in cells]
    if not set(columns) & set(COLUMNS):
        raise NotReadable(_("The first row names the columns: %(known)s.") % {"known": ", ".join(COLUMNS)})
    for place, name in enumerate(columns):
        if name and name not in COLUMNS:
            message = _("There is no column “%(name)s”. The columns are: %(known)s.")
            raise NotReadable(message % {"name": name[:60], "known": ", ".join(COLUMNS)})
        if name and name in columns[:place]:
            raise NotReadable(_("The column “%(name)s” is there twice.") % {"name": name})
    for name in NEEDED:
        if name not in columns:
            raise NotReadable(_("The column “%(name)s” is missing.") % {"name": name})
    return columns


def _column(cell: str) -> str:
    return cell.strip().lower().replace(" ", "_").replace("-", "_")


def _delimiter(text: str) -> tuple[str, int]:
    """Comma, semicolon or tab, as the first row tells, and how many columns it names by it."""
    first = text.lstrip().partition("\n")[0][:5_000].replace('"', "")
    counts = {mark: sum(_column(cell) in COLUMNS for cell in first.split(mark)) for mark in (",", ";", "\t")}
    best = max(counts, key=lambda mark: counts[mark])
    return best, counts[best]


# YAML


def _yaml_rows(text: str) -> Iterator[FileRow]:
    """One document: a list of mappings, or one mapping."""
    try:
        events = (_plain(event) for event in yaml.parse(text, Loader=_LOADER))
        next(events)  # the stream
        if isinstance(next(events), yaml.StreamEndEvent):
            return
        first = next(events)
        if isinstance(first, yaml.MappingStartEvent):
            yield _yaml_row(first, events)
        elif isinstance(first, yaml.SequenceStartEvent):
            while not isinstance(event := next(events), yaml.SequenceEndEvent):
                yield _yaml_row(event, events)
        elif not (isinstance(first, yaml.ScalarEvent) and _yaml_value(first, events) is None):
            raise NotReadable(_not_a_list())
        next(events)  # the end of the document
        if not isinstance(next(events), yaml.StreamEndEvent):
            raise NotReadable(_("A YAML file holds one list; after --- another begins."))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise NotReadable(_("Line %(n)d is not YAML: look at its indentation and quotes.") % {"n": line}) from None
    except (yaml.YAMLError, RecursionError):
        raise NotReadable(_("This is not YAML: it has characters that no text has.")) from None


def _not_a_list() -> str:
    return _("This is no list of images. Start from the template, or from the YAML example.")


def _plain(event: Any) -> Any:
    """The event, if it is without anchors, aliases and tags: they may grow a file without limit, and a password that
    begins like one would be another.
    """
    if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) or getattr(event, "tag", None):
        message = _("Line %(n)d: put a value that begins with &, * or ! in quotes. Anchors and tags are not read.")
        raise NotReadable(message % {"n": event.start_mark.line + 1})
    return event


def _yaml_row(start: Any, events: Iterator[Any]) -> FileRow:
    at = start.start_mark.line + 1
    if not isinstance(start, yaml.MappingStartEvent):
        _yaml_value(start, events)
        return FileRow(at, {}, {"": _("This is no image: it needs at least type: and name:.")})
    pairs = []
    while not isinstance(key := next(events), yaml.MappingEndEvent):
        name = _yaml_value(key, events)
        pairs.append((name if isinstance(name, str) else "", _yaml_value(next(events), events)))
    return _row(at, pairs)


def _yaml_value(event: Any, events: Iterator[Any]) -> Any:
    """The text of a scalar, None for null. What is nested is passed over, and stands as an empty list."""
    if isinstance(event, yaml.ScalarEvent):
        return None if event.implicit[0] and event.value in _NULLS else event.value
    depth = 1
    while depth:
        inner = next(events)
        depth += isinstance(inner, yaml.CollectionStartEvent) - isinstance(inner, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise NotReadable(_not_a_list())
    return []


# JSON


class _Pairs(list[tuple[str, Any]]):
    """An object of JSON, in which a name may be there twice. It shows nothing: one of them may be a password."""

    __repr__ = object.__repr__


def _json_rows(text: str) -> Iterator[FileRow]:
    """A list of objects, or one object."""
    as_text: Any = {"parse_int": str, "parse_float": str, "parse_constant": str}
    document, wrong = None, ""
    try:
        document = json.loads(text, object_pairs_hook=_Pairs, **as_text)
    except json.JSONDecodeError as error:
        wrong = _("Line %(n)d is not JSON.") % {"n": error.lineno}
    except (ValueError, RecursionError):
        wrong = _("This is not JSON.")
    if wrong:  # out of reach of the error, which holds the whole text
        raise NotReadable(wrong)
    if isinstance(document, _Pairs):
        document = [document]
    if not isinstance(document, list):
        raise NotReadable(_not_a_list())
    for at, entry in enumerate(document, 1):
        if isinstance(entry, _Pairs):
            yield _row(at, entry)
        else:
            yield FileRow(at, {}, {"": _("This is no image: it needs at least type: and name:.")})
