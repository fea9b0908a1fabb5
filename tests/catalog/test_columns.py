"""Every column of the images table: read alone and with all others, shown and escaped."""

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
from catalog.templatetags.when import relative
from tests.catalog.shelf import put

URL = "/t/aero/images/"
HOSTILE = '"><b>x</b>'


@pytest.fixture
def source(make_source: Callable[..., Source]) -> Source:
    return make_source("alibaba_ehpc_container", last_complete_at=timezone.now() - timedelta(minutes=3))


def look_of(source: Source) -> Shelf:
    return Shelf({source.id: source}, {str(source.id): "E-HPC containers · cn-hangzhou"}, date(2026, 11, 21))


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


def test_a_long_text_is_cut_where_it_is_read(source: Source) -> None:
    put(source, "n" * 300)
    asked = parse("", source.team_id, [source])
    (row,) = pages.select(asked, columns.sql(["name"]), limit=9)
    assert row[2:] == ("n" * 200,)


def test_an_image_was_last_seen_when_its_source_was_unless_it_is_missing(source: Source) -> None:
    missed = timezone.now() - timedelta(days=40)
    here, gone = put(source, "here"), put(source, "gone", row={"last_seen_at": missed, "missing_since": timezone.now()})
    asked = parse("", source.team_id, [source])
    found = [row[2:] for row in pages.select(asked, table.sql(["name", "last_seen"]), limit=9)]
    shown = {row.name: row.cells for row in table.rows(found, ["name", "last_seen"], look_of(source))}
    for image in (here, gone):
        assert relative(image.seen_at(source)) in shown[image.name]
    assert shown["here"] != shown["gone"]


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


def test_the_list_is_sorted_by_every_column(bob: User, as_user: Callable[[User], Client], source: Source) -> None:
    assert set(ORDERS) == set(COLUMNS)
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
