"""Every column of the images table: read alone and with all others, shown, escaped, and given plain to a machine."""

import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from catalog import columns, pages, table
from catalog.browse import SORTS, parse
from catalog.cells import Shelf
from catalog.columns import COLUMNS, DEFAULT
from catalog.display import DENSITIES, Display, display
from catalog.models import Source
from catalog.orders import ORDERS
from tests.catalog.shelf import put

URL = "/t/aero/images/"
HOSTILE = '"><b>x</b>'


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_container", last_complete_at=timezone.now() - timedelta(minutes=3))


def look_of(source: Source) -> Shelf:
    return Shelf({source.id: source}, {str(source.id): "E-HPC containers · cn-hangzhou"}, date(2026, 11, 21))


def read(source: Source, keys: list[str], *, whole: bool = False) -> list[tuple[Any, ...]]:
    asked = parse("", source.team_id, [source])
    return [row[2:] for row in pages.select(asked, columns.sql(keys, whole=whole), limit=9)]


@pytest.mark.parametrize("key", COLUMNS)
def test_each_column_can_be_read_and_shown_alone(source: Source, key: str) -> None:
    put(source, "one")
    asked = parse("", source.team_id, [source])
    found = [row[2:] for row in pages.select(asked, table.sql([key]), limit=9)]
    (row,) = table.rows(found, [key], look_of(source))
    assert row.name == "one" and row.cells.count("<td") == bool(COLUMNS[key].cell) == row.cells.count("</td>")


def test_what_strangers_wrote_stays_text_in_every_column(source: Source) -> None:
    texts = (
        "distribution",
        "os_version",
        "version",
        "repository",
        "tag",
        "description",
        "region",
        "cluster",
        "remote_id",
    )
    put(source, HOSTILE, **dict.fromkeys(texts, HOSTILE))
    Source.objects.filter(id=source.id).update(account_name=HOSTILE)
    source.refresh_from_db()
    asked = parse("", source.team_id, [source])
    found = [row[2:] for row in pages.select(asked, table.sql(list(COLUMNS)), limit=9)]
    (row,) = table.rows(found, list(COLUMNS), look_of(source))
    assert "<b>" not in row.cells and row.cells.count("&lt;b&gt;x") >= len(texts)


def test_a_machine_gets_values_and_the_whole_of_a_text(source: Source) -> None:
    image = put(
        source, "n" * 300, key="n", os="linux", distribution="Ubuntu", os_version="22.04", size_gib=40, arch="arm64",
        description="d" * 300, row={"labels": ["gpu", "prod"], "starred": True},
    )  # fmt: skip
    (values,) = read(source, list(COLUMNS), whole=True)
    plain = dict(zip(COLUMNS, columns.plain(COLUMNS, values, look_of(source)), strict=True))
    assert plain["name"] == "n" * 300 and plain["description"] == "d" * 300 and plain["tag"] is None
    assert plain["os"] == "Ubuntu 22.04" and plain["arch"] == "arm64" and plain["size"] == 40 and plain["type"] == "vm"
    assert plain["labels"] == ["gpu", "prod"] and plain["star"] is True and plain["support"] == "supported"
    assert plain["source"] == "E-HPC containers · cn-hangzhou" and plain["account"] == source.account_name
    assert plain["last_seen"] == image.seen_at(source) and plain["changed"] == image.changed_at
    (cut,) = read(source, ["name"])
    assert cut == ("n" * 200,)


def test_only_what_is_shown_is_read() -> None:
    assert "description" not in table.sql(DEFAULT) and "cluster" not in table.sql(DEFAULT)
    assert "source_id" not in table.sql(["name", "arch"]) and table.sql(["name", "arch"]).endswith(", i.arch")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (["size", "name", "os"], ("name", "os", "size")),
        (["size"], ("name", "size")),
        (["name"], ("name",)),
        (["colour", 7, None, "size", "size"], ("name", "size")),
        ([], DEFAULT),
        (["colour"], DEFAULT),
        ("name", DEFAULT),
        (None, DEFAULT),
        ({"size": 1}, ("name", "size")),
    ],
)
def test_a_choice_of_columns_is_made_good(given: Any, kept: tuple[str, ...]) -> None:
    assert display(given, "compact") == Display(kept, "compact")
    for density in ("", None, 3, ["compact"], "huge"):
        assert display(given, density).density == "comfortable" in DENSITIES


def test_preferences_of_any_kind_are_no_error(bob: User, as_user: Callable[[User], Client], source: Source) -> None:
    put(source, "one")
    client = as_user(bob)
    for kept in ({"columns": 4}, {"columns": ["x"], "density": {}}, {"view_changes": [1], "columns": None}):
        bob.preferences = kept
        bob.save(update_fields=["preferences"])
        assert b">Arch<" in client.get(URL).content


def test_the_list_is_sorted_by_every_column_but_the_description(
    bob: User, as_user: Callable[[User], Client], source: Source
) -> None:
    assert set(SORTS) == set(ORDERS) == set(COLUMNS) - {"description"}
    put(source, "one")
    bob.preferences = {"columns": list(COLUMNS)}
    bob.save(update_fields=["preferences"])
    client = as_user(bob)
    html = client.get(URL).content.decode()
    offered = set(re.findall(r'<a href="[^"]*\?sort=([-\w]+)">', html))
    latest_first = {"star", "size", "first_seen", "last_seen", "changed"}
    assert offered == {f"-{key}" if key in latest_first or key == "name" else key for key in SORTS}
    for key in SORTS:
        assert "one" in client.get(f"{URL}?sort=-{key}").content.decode()


def test_a_page_shows_the_columns_chosen(bob: User, as_user: Callable[[User], Client], source: Source) -> None:
    put(source, "one", description="for wind tunnels", row={"labels": ["gpu"], "starred": True})
    bob.preferences = {"columns": ["name", "star", "labels", "description", "last_seen"], "density": "compact"}
    bob.save(update_fields=["preferences"])
    html = as_user(bob).get(URL).content.decode()
    assert (
        "for wind tunnels" in html and 'aria-label="Starred"' in html and ">gpu<" in html and "images compact" in html
    )
    assert 'class="arch' not in html and html.count('<th scope="col"') == 6 and html.count("<td") == 6
