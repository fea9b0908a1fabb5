"""Whatever way the next images are found, they are those that sorting all of them gives."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from catalog import counts, pages, steps, walks
from catalog.browse import ImageFilter, parse
from catalog.models import Image, Source
from catalog.orders import ORDERS
from catalog.selection import matching
from catalog.steps import Step
from tests.catalog.test_counts import fill

SYSTEMS = [("Ubuntu", "22.04"), ("Ubuntu", "16.04"), ("CentOS", "7.9"), ("Windows Server", "2016"), ("Homegrown", "7"),
           ("Älteres", None), ("armbian", "24.5"), (None, "7"), (None, None)]  # fmt: skip
QUERIES = ["", "os=linux&arch=-arm64", "arch=arm64&label=-gold", "state=archived", "distribution=homegrown,ubuntu",
           "q=zebra&os=-windows"]  # fmt: skip


@pytest.fixture
def shelf(make_source: Callable[..., Source]) -> list[Source]:
    """Two hundred images that lie together in some orders: names begin with their system, one source is older."""
    rng = random.Random(7)
    sources = [make_source("alibaba_ehpc_custom"), make_source("alibaba_ens_self"), make_source("huawei_workspace")]
    given = []
    for number in range(200):
        system = rng.choice(SYSTEMS)
        windows = bool(system[0] and system[0].startswith("Windows"))
        given.append({
            "name": f"{system[0] or 'image'}-{rng.choice(['zebra', '镜像', 'x'])}-{number % 30}",
            "type": rng.choice(["vm", "vm", "container"]), "os": "windows" if windows else "linux", "system": system,
            "arch": rng.choice(["x86_64", "x86_64", "arm64", "unknown"]), "source": rng.choice([0, 0, 1, 2]),
            "visibility": rng.choice(["private", "public"]), "region": rng.choice(["cn-a", "cn-a", "cn-b"]),
            "state": rng.choice(["available"] * 8 + ["missing", "archived"]), "labels": rng.choice([[], [], ["gold"]]),
            "starred": rng.random() < 0.1, "size_gib": 80 if windows else rng.choice([None, None, 0, 20, 40]),
        })  # fmt: skip
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for image in fill(sources, given):
        hours = 0 if image.source_id == sources[0].id else rng.randrange(50)
        Image.objects.filter(id=image.id).update(changed_at=start + timedelta(hours=hours))
    return sources


def in_order(there: ImageFilter) -> list[UUID]:
    """All of them, sorted by the database without further ado."""
    where, order = matching(there), ORDERS[there.sort.removeprefix("-")]
    way = "DESC" if there.sort.startswith("-") else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id FROM catalog_image i JOIN catalog_source s ON s.id = i.source_id"
            f" WHERE {where.sql} ORDER BY ({order.sql}){order.collated} {way}, i.id {way}",
            where.params,
        )
        return [row[0] for row in cursor.fetchall()]


def forth(there: ImageFilter, size: int) -> list[UUID]:
    page = pages.fetch(there, "i.id", size=size)
    found = [row[0] for row in page.rows]
    while page.next:
        page = pages.fetch(there, "i.id", size=size, cursor=page.next, selected=counts.count(there).selected)
        found += [row[0] for row in page.rows]
    return found


def back(there: ImageFilter, size: int) -> list[UUID]:
    page = pages.fetch(there, "i.id", size=size, cursor=pages.LAST, selected=counts.count(there).selected)
    found = [row[0] for row in page.rows]
    while page.previous:
        page = pages.fetch(there, "i.id", size=size, cursor=page.previous)
        found = [row[0] for row in page.rows] + found
    return found


def always(answer: Any) -> Callable[..., Any]:
    return lambda *_: answer


# What makes each way the one that is gone.
WAYS: dict[str, list[tuple[Any, str, Any]]] = {
    "as the counts say": [],
    "all of them": [(Step, "is_few", always(True))],
    "along the order": [(Step, "is_few", always(False)), (Step, "patience", always(1000)), (walks, "LEAST_WALK", 1000)],
    "along, and then by combination": [
        (Step, "is_few", always(False)), (Step, "patience", always(4)), (walks, "LEAST_WALK", 4), (walks, "DESCENT", 0),
    ],
    "by combination": [(Step, "is_few", always(False)), (Step, "patience", always(1000)), (walks, "LEAST_WALK", 1),
                       (walks, "DESCENT", 0)],
    "a batch, along and then all": [
        (Step, "is_few", always(False)), (Step, "patience", always(4)), (steps, "LONGEST_PAGE", 1),
        (walks, "LONGEST_PAGE", 1), (walks, "TEXT_WALK", 2),
    ],
    "words of unknown number": [(counts, "MOST", 3), (walks, "TEXT_WALK", 5), (walks, "_is_minority", always(False))],
}  # fmt: skip


TRIED = ("name", "size", "changed", "os", "os_version", "arch", "source", "region")
BY_INDEX = ("along the order", "by combination")  # only orders that have one


@pytest.mark.parametrize(
    ("way", "sort"), [(way, sort) for way in WAYS for sort in TRIED if not ORDERS[sort].axis or way not in BY_INDEX]
)
def test_every_way_leads_through_all_in_order(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch, way: str, sort: str
) -> None:
    for target, name, value in WAYS[way]:
        monkeypatch.setattr(target, name, value)
    for query in QUERIES:
        for sign in ("", "-"):
            there = parse(f"{query}&sort={sign}{sort}", shelf[0].team_id, shelf)
            expected = in_order(there)
            size = max(9, len(expected) // 4)
            assert forth(there, size) == expected, (query, sign)
            assert back(there, size) == expected, (query, sign)
            assert [row[0] for row in pages.stream(there, "i.id", batch=60)] == expected


def plan(there: ImageFilter) -> str:
    """Of the page as a large table has it, where reading all of it is out of the question."""
    with CaptureQueriesContext(connection) as made:
        pages.fetch(there, "i.id", size=5, selected=counts.count(there).selected)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off")
        cursor.execute("EXPLAIN " + made.captured_queries[-1]["sql"])
        return "\n".join(row[0] for row in cursor.fetchall())


@pytest.mark.parametrize("sort", ["name", "changed", "size"])
def test_the_indexes_are_those_of_the_orders(shelf: list[Source], monkeypatch: pytest.MonkeyPatch, sort: str) -> None:
    monkeypatch.setattr(Step, "is_few", always(False))
    for sign in ("", "-"):
        there = parse(f"os=linux&sort={sign}{sort}", shelf[0].team_id, shelf)
        monkeypatch.setattr(walks, "LEAST_WALK", 500)
        assert f"image_team_{sort}" in plan(there) and f"image_facets_{sort}" in plan(there)
        monkeypatch.setattr(walks, "LEAST_WALK", 0)
        monkeypatch.setattr(walks, "DESCENT", 0)
        assert f"image_team_{sort}" not in plan(there) and f"image_facets_{sort}" in plan(there)


def test_systems_the_table_does_not_know_have_an_index_of_their_own(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Step, "is_few", always(False))
    assert "image_team_own_system" in plan(parse("sort=os", shelf[0].team_id, shelf))


def test_a_page_does_not_read_what_it_does_not_show(shelf: list[Source]) -> None:
    """Orders by facet values have no index: the counts say where the next value begins."""
    there = parse("sort=arch", shelf[0].team_id, shelf)
    with CaptureQueriesContext(connection) as made:
        pages.fetch(there, "i.id", size=5, selected=counts.count(there).selected)
    assert "x86_64" not in made.captured_queries[-1]["sql"] and "arm64" in made.captured_queries[-1]["sql"]


@pytest.mark.parametrize(
    "query",
    ["", "os=linux&arch=-i386&sort=-changed", "q=zebra&sort=os", "sort=-source&support=past", "page=last&q=像"],
)
def test_a_page_takes_as_many_queries_for_ten_images_as_for_a_thousand(
    make_source: Callable[..., Source], bob: User, as_user: Callable[[User], Client], query: str
) -> None:
    sources, client = [make_source("alibaba_ens_self"), make_source("huawei_workspace")], as_user(bob)

    def queries(images: int) -> int:
        given = {"type": "vm", "os": "linux"}
        several = [{"name": f"zebra 像 {n}", "region": f"cn-{n % 9}", "source": n % 2} for n in range(images)]
        fill(sources, [given | one | {"system": ("Ubuntu", f"16.04.{n}")} for n, one in enumerate(several)])
        with CaptureQueriesContext(connection) as made:
            assert client.get(f"/t/aero/images/?{query}").status_code == 200
        return len(made)

    client.get("/t/aero/images/")  # what a session writes once is written
    few = queries(10)
    assert few == queries(1000) <= 12
