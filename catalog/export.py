"""What a filter selects as a file: CSV, JSON or NDJSON, all of it, in the page's order, a batch at a time. Here is how
that is done, and the images; catalog/audit_rows.py has the audit trail.

An export reads one moment of the database, however long it takes: no row is in it twice or left out because another
changed meanwhile. Field names and values are those of catalog.fields, the same in every language; times are ISO 8601 in
UTC; what is not known is null, in CSV empty. Memory does not grow with the number of images.

An export that breaks off in the middle does not look whole. The server ends a response as if it were complete when its
body raises, so the body itself must tell: JSON stays without its end, the last line of NDJSON is no JSON, the last
record of CSV has one field that says so.
"""

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection, transaction
from django.utils.translation import gettext as _

from catalog import pages
from catalog.browse import ImageFilter
from catalog.fields import DERIVED, FIELDS
from catalog.os_support import support

BATCH = 5_000
# Of the threads of a web process (config/web.py), so that pages go on being answered; and of one person.
MOST_AT_ONCE, MOST_OF_ONE = 2, 1
# What holds for the export's transaction alone. A batch may take longer than a page, which nobody would wait for; a
# client that leaves one unread, so that old rows cannot be freed, may not. The planner takes the filter for narrower
# than it is and would sort the whole shelf for each batch, where walking along an index passes each row once in all;
# and an export takes no core from the pages.
SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "5min",
    "enable_sort": "off",
    "max_parallel_workers_per_gather": "0",
}
BOM = b"\xef\xbb\xbf"

type Table = list[Sequence[Any]]  # a sequence of values a field
type Batch = tuple[Table | None, bool]  # None without a row; whether it is the last one
# How CSV writes a field. What is in none of these is a word of the product's own.
KINDS = {key: field.kind for key, field in FIELDS.items()} | {
    "at": "time", "actor": "text", "target": "text", "changes": "json",
}  # fmt: skip


class Busy(Exception):
    """No export can begin now. Its text is one sentence; `own` says that it is the person's own export that goes on."""

    def __init__(self, text: str, *, own: bool) -> None:
        super().__init__(text)
        self.own = own


class Format(NamedTuple):
    """How batches become a file: `head(keys)`, a `body` of each batch's values by field, `between` two that are not
    empty, `tail` at its end. `broken` takes the place of all that is missing when an export breaks off.
    """

    content_type: str
    head: Callable[[Sequence[str]], bytes]
    body: Callable[[Sequence[str], Table], bytes]
    between: bytes = b""
    tail: bytes = b""
    broken: bytes = b""


# The formats

_UNSEEN = (
    r"[\s\x01-\x20\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f"
    r"\u3164\ufe00-\ufe0f\ufeff\uffa0]*"
)
_SIGNS = r"[=+\-@\u2212\u207a-\u207c\ufe62\ufe63\ufe66\ufe6b\uff0b\uff0d\uff1d\uff20]"
# What a spreadsheet may take for a formula: at the start of a cell, after what nobody sees, and behind a mark at which
# a spreadsheet of another country, or a paste, begins the next cell.
_FORMULA = re.compile(rf"(?:^|(?<=[;\t\r\n]))(?={_UNSEEN}{_SIGNS})|^(?=[\t\r])")
# The same, quickly, in all cells of a column at once, each behind a NUL, which no text of PostgreSQL holds.
_SUSPECT = re.compile(rf"[\0;\t\r\n]{_UNSEEN}{_SIGNS}")


def guarded(texts: Sequence[str | None]) -> Sequence[str | None]:
    """Texts of which a spreadsheet makes no formula: where one could begin stands an apostrophe."""
    column = "\0" + "\0".join(text or "" for text in texts)
    if _SUSPECT.search(column) or "\0\t" in column or "\0\r" in column:
        return [text and _FORMULA.sub("'", text) for text in texts]
    return texts


def _csv_line(values: Sequence[Any]) -> bytes:
    return _csv_lines([values])


def _csv_lines(rows: Any) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode()


def _cells(key: str, values: Sequence[Any]) -> Sequence[Any]:
    kind = KINDS.get(key, "word")
    if key == "labels":
        values = [", ".join(labels) for labels in values]
    if kind == "json":
        return guarded([orjson.dumps(value).decode() for value in values])
    if kind == "text":
        return guarded(values)
    if kind == "truth":
        return ["true" if value else "false" for value in values]
    return list(orjson.loads(orjson.dumps(values, option=orjson.OPT_UTC_Z))) if kind == "time" else values


def _csv_body(keys: Sequence[str], table: Table) -> bytes:
    return _csv_lines(zip(*map(_cells, keys, table), strict=True))


def _objects(keys: Sequence[str], table: Table) -> Iterator[dict[str, Any]]:
    return (dict(zip(keys, values, strict=True)) for values in zip(*table, strict=True))


def _json_body(keys: Sequence[str], table: Table) -> bytes:
    return b",\n".join(orjson.dumps(one, option=orjson.OPT_UTC_Z) for one in _objects(keys, table))


def _ndjson_body(keys: Sequence[str], table: Table) -> bytes:
    option = orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE
    return b"".join(orjson.dumps(one, option=option) for one in _objects(keys, table))


def _nothing(keys: Sequence[str]) -> bytes:
    return b""


_BROKEN = b"INCOMPLETE: this export broke off here. Export again."
FORMATS = {
    "csv": Format("text/csv; charset=utf-8; header=present", _csv_line, _csv_body, broken=_BROKEN + b"\r\n"),
    "json": Format("application/json", lambda keys: b"[\n", _json_body, between=b",\n", tail=b"\n]\n"),
    "ndjson": Format("application/x-ndjson", _nothing, _ndjson_body, broken=_BROKEN + b"\n"),
}


def format_of(name: str, *, with_bom: bool = False) -> Format:
    """A format by its name. CSV can begin with a byte order mark, by which Excel knows UTF-8."""
    form = FORMATS[name]
    return form._replace(head=lambda keys: BOM + form.head(keys)) if with_bom and name == "csv" else form


# Reading and sending


def parts(asked: ImageFilter, keys: Sequence[str], form: Format, *, page: str, person: UUID) -> Generator[bytes]:
    """The file, a part a batch. `page` is the address of the images page, before an image's id.

    Raises Busy and DatabaseError; what it holds is let go when it ends or is closed.
    """
    with place(person), snapshot():
        yield from written(keys, form, _tables(asked, keys, page))


def written(keys: Sequence[str], form: Format, batches: Iterable[Batch]) -> Generator[bytes]:
    """The file that these batches come to, a part a batch."""
    lead, first = form.head(keys), True
    for table, is_last in batches:
        body = form.body(keys, table) if table else b""
        part = (lead if first or table else b"") + body + (form.tail if is_last else b"")
        if part or first:
            yield part
        lead, first = form.between, False


def _tables(asked: ImageFilter, keys: Sequence[str], page: str) -> Iterator[Batch]:
    inputs = {key for derived in DERIVED.keys() & set(keys) for key in DERIVED[derived]}
    read = [key for key in FIELDS if key in keys or key in inputs]
    columns = ", ".join(FIELDS[key].sql for key in read)
    for rows in pages.batches(asked, columns, batch=BATCH):
        yield (_table(keys, read, rows, asked, page) if rows else None), len(rows) < BATCH


def _table(keys: Sequence[str], read: list[str], rows: list[tuple[Any, ...]], asked: ImageFilter, page: str) -> Table:
    """The values of each key, with those that are found out from others."""
    table: dict[str, Sequence[Any]] = dict(zip(read, zip(*rows, strict=True), strict=True))
    if "url" in keys:
        table["url"] = [f"{page}{one}/" for one in table["id"]]
    if "support" in keys or "support_ends" in keys:
        systems = list(zip(table["distribution"], table["os_version"], strict=True))
        known = {one: support(*one, asked.systems.day) for one in set(systems)}
        table["support"] = [known[one].state if known[one].row else None for one in systems]
        table["support_ends"] = [known[one].ends for one in systems]
    return [table[key] for key in keys]


@contextmanager
def snapshot() -> Iterator[None]:
    """All queries within see one moment. Inside a transaction that is open already, that one's."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        if not nested:
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                for name, value in SETTINGS.items():
                    cursor.execute("SELECT set_config(%s, %s, true)", [name, value])
        yield


_lock, _going = Lock(), Counter[UUID]()


@contextmanager
def place(person: UUID) -> Iterator[None]:
    """One of the few places for exports in this process. Raises Busy."""
    with _lock:
        if _going[person] >= MOST_OF_ONE:
            raise Busy(_("Another export of yours is still going on. Let it end or stop it, then try again."), own=True)
        if _going.total() >= MOST_AT_ONCE:
            raise Busy(_("Others are exporting just now. Try again in a minute."), own=False)
        _going[person] += 1
    try:
        yield
    finally:
        with _lock:
            _going[person] -= 1
            if not _going[person]:
                del _going[person]


def begin(made: Generator[bytes], form: Format) -> "bytes | Download":
    """The whole file, if one part is all of it, else its parts. What fails at once is raised here, before anything is
    sent.
    """
    start = next(made)
    second = next(made, None)
    return start if second is None else Download([start, second], made, form)


class Download:
    """The parts of a file that has begun. Closed before its end, as when its reader goes away, it lets go of all."""

    def __init__(self, begun: list[bytes], made: Generator[bytes], form: Format) -> None:
        self._begun, self._made, self._form = begun, made, form
        self._failed: Exception | None = None

    def __iter__(self) -> "Download":
        return self

    def __next__(self) -> bytes:
        if self._failed:
            raise self._failed
        if self._begun:
            return self._begun.pop(0)
        try:
            return next(self._made)
        except StopIteration:
            raise
        except Exception as error:
            self._failed = error
            return self._form.broken

    def close(self) -> None:
        self._made.close()
