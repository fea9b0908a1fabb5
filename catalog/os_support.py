"""Until when the maker of an operating system keeps it safe: the table of os_support.toml, and what it says on a day.

Pure: no model and no database. The notion of "end", the same for every row, stands at the top of the table.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from catalog.providers.systems import KNOWN_DISTRIBUTIONS

STATES = ("supported", "ending", "past", "unknown")
ENDING_DAYS = 180  # support that ends within so many days is "ending"


class BadTable(ValueError):
    """The table is not what it should be; the text says which row and why."""


@dataclass(frozen=True, slots=True)
class Row:
    """`ends` is the last day of support; `source` the name of the page that says so, `url` its address."""

    distribution: str
    version: str
    ends: date
    source: str
    url: str


class Support(NamedTuple):
    """`state` is one of STATES; `row` is what it rests on, None where nothing is known."""

    state: str
    row: Row | None

    @property
    def ends(self) -> date | None:
        return self.row.ends if self.row else None


UNKNOWN = Support("unknown", None)
Table = Mapping[tuple[str, str], Row]


def support(distribution: str | None, version: str | None, today: date, table: Table | None = None) -> Support:
    """What the table says of a distribution (in its one spelling) and a version (as the cloud writes it) on a day."""
    row = row_of(distribution, version, table)
    return Support(state_of(row, today), row) if row else UNKNOWN


def row_of(distribution: str | None, version: str | None, table: Table | None = None) -> Row | None:
    """The longest row wins whose version is this one or ends before one of its dots: "7.9" is in "7", "22.04.3" in
    "22.04".
    """
    rows = TABLE if table is None else table
    while distribution and version:
        if row := rows.get((distribution, version)):
            return row
        version = version.rpartition(".")[0]
    return None


def state_of(row: Row, today: date) -> str:
    """The last day of support is a day of support."""
    left = (row.ends - today).days
    return "past" if left < 0 else "ending" if left <= ENDING_DAYS else "supported"


def read(text: str) -> Table:
    """The rows of a table written in TOML. Raises BadTable for anything that is not exactly as it should be."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadTable(f"not TOML: {error}") from error
    listed, named = document.pop("rows", None), document.pop("sources", None)
    if document or not isinstance(listed, list) or not isinstance(named, dict):
        raise BadTable("a table has `rows`, `[sources.…]`, and nothing else")
    sources = {key: _source(key, value) for key, value in named.items()}
    table: dict[tuple[str, str], Row] = {}
    for number, value in enumerate(listed, start=1):
        row = _row(f"row {number}", value, sources)
        key = row.distribution, row.version
        if key in table:
            raise BadTable(f"row {number}: {row.distribution} {row.version} is there twice")
        table[key] = row
    if unused := set(sources) - {value["source"] for value in listed}:
        raise BadTable(f"no row rests on the source {', '.join(sorted(unused))}")
    return table


def _source(key: str, value: Any) -> tuple[str, str]:
    where = f"source {key}"
    name, url = _texts(where, value, "name", "url")
    if urlsplit(url).scheme != "https" or not urlsplit(url).netloc:
        raise BadTable(f"{where}: {url!r} is no https address")
    return name, url


def _row(where: str, value: Any, sources: Mapping[str, tuple[str, str]]) -> Row:
    ends = value.pop("ends", None) if isinstance(value, dict) else None
    distribution, version, source = _texts(where, value, "distribution", "version", "source")
    if distribution not in KNOWN_DISTRIBUTIONS:
        raise BadTable(f"{where}: {distribution!r} is no spelling of catalog/providers/systems.py")
    if type(ends) is not date:  # TOML's datetime is a date too, and no day
        raise BadTable(f"{where}: `ends` is a day, written 2027-04-30")
    if source not in sources:
        raise BadTable(f"{where}: there is no source {source!r}")
    return Row(distribution, version, ends, *sources[source])


def _texts(where: str, value: Any, *names: str) -> Iterator[str]:
    if not isinstance(value, dict) or set(value) != set(names):
        raise BadTable(f"{where}: it has {', '.join(names)}, and nothing else")
    for name in names:
        if not isinstance(value[name], str) or not value[name] or value[name] != value[name].strip():
            raise BadTable(f"{where}: `{name}` is a text")
        yield value[name]


# Read once, with the program: a table that is wrong is told at the start, not on a page.
TABLE = read(Path(__file__).with_name("os_support.toml").read_text(encoding="utf-8"))
