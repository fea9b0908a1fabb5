"""Whatever way the next images are found, they are those that sorting all of them gives."""

import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from catalog import counts, hits, pages, steps, value_walks, walks
from catalog.browse import ImageFilter, parse
from catalog.models import Image, Source
from catalog.orders import ORDERS
from catalog.os_support import support
from catalog.selection import matching
from catalog.steps import Step
from tests.catalog.test_counts import fill

SYSTEMS = [("Ubuntu", "22.04"), ("Ubuntu", "16.04"), ("CentOS", "7.9"), ("Windows Server", "2016"), ("Homegrown", "7"),
           ("Älteres", None), ("armbian", "24.5"), (None, "7"), (None, None)]  # fmt: skip
QUERIES = ["", "os=linux&arch=-arm64", "arch=arm64&label=-gold", "distribution=homegrown,ubuntu",
           "q=zebra&os=-windows", "state=archived", "q=像-&star=no", "distribution=HOMEGROWN",
           "q=zebra&distribution=-homegrown"]  # fmt: skip


@pytest.fixture
def shelf(make_source: Callable[..., Source]) -> list[Source]:
    """Two hundred images that lie together in some orders: names begin with their system, one source is older."""
    rng = random.Random(7)
    start = datetime(2026, 1, 1, tzinfo=UTC)
    sources = [
        make_source("alibaba_ehpc_custom", cluster="ehpc-B", last_complete_at=start),
        make_source("alibaba_ehpc_container"),
        make_source("huawei_workspace", last_complete_at=start + timedelta(days=1)),
        make_source("alibaba_ehpc_registered", last_complete_at=start),
    ]
    given = []
    for number in range(200):
        system = rng.choice(SYSTEMS)
        windows = bool(system[0] and system[0].startswith("Windows"))
        source = rng.choice([0, 0, 1, 2, 3])
        container = source == 1 or (source == 3 and rng.random() < 0.5)
        own = {
            name: rng.choice([None, "A", "b", "ç", "x" * 90]) if container else None for name in ("repository", "tag")
        }
        own["cluster"] = rng.choice(["hz-2", "HZ-1", None]) if source == 1 else sources[source].cluster or None
        given.append({
            "version": rng.choice([None, None, None, "1.0", "V2", "10"]), "type": "container" if container else "vm",
            "name": f"{system[0] or 'image'}-{rng.choice(['zebra', '镜像', 'x'])}-{number % 30}",
            "os": "windows" if windows else "linux", "system": system, "source": source,
            "arch": rng.choice(["x86_64", "x86_64", "arm64", "unknown"]),
            "visibility": rng.choice(["private", "public"]), "region": rng.choice(["cn-a", "cn-a", "cn-b"]),
            "state": rng.choice(["available"] * 8 + ["missing", "archived"]),
            "labels": rng.choice([[], [], ["gold"], ["gold", "old"], ["gold rush"]]),
            "starred": rng.random() < 0.1, "size_gib": 80 if windows else rng.choice([None, None, 0, 20, 40]),
            "description": (None, "for GPUs", "Für alle", "y" * 90)[number % 4], **own,
        })  # fmt: skip
    images = fill(sources, given)
    for image in images:
        hours = 0 if image.source_id == sources[0].id else rng.randrange(50)
        image.changed_at, image.first_seen_at = start + timedelta(hours=hours), start - timedelta(hours=hours % 7)
        if image.state == "missing":
            image.missing_since, image.last_seen_at = start, start - timedelta(minutes=rng.randrange(9))
    Image.objects.bulk_update(images, ["changed_at", "first_seen_at", "missing_since", "last_seen_at"])
    return sources


LAST = "\U0010ffff"


def folded(text: str | None, longest: int = 60) -> str:
    """Only letters of ASCII have a case here, whatever the database's locale."""
    return "".join(c.lower() if c.isascii() else c for c in text[:longest]) if text else LAST


# What a row shows of a column, as far as it is sorted by it.
SHOWN: dict[str, Callable[[Image, Source], Any]] = {
    "star": lambda image, _: image.starred,
    "labels": lambda image, _: image.labels or [LAST],
    "support": lambda image, _: support(image.distribution, image.os_version, date(2026, 1, 1)).ends or date.max,
    "account": lambda _, source: folded(source.account_name),
    "cluster": lambda image, _: folded(image.cluster),
    "version": lambda image, _: folded(image.version),
    "repository": lambda image, _: folded(image.repository),
    "tag": lambda image, _: folded(image.tag),
    "remote_id": lambda image, _: folded(image.remote_id, 120),
    "description": lambda image, _: folded(image.description),
    "first_seen": lambda image, _: image.first_seen_at,
    "last_seen": lambda image, source: image.seen_at(source),
}


def in_order(there: ImageFilter) -> list[UUID]:
    """All of them, sorted without further ado: by the database, or by what is shown."""
    where, column, falling = matching(there), there.sort.removeprefix("-"), there.sort.startswith("-")
    order, way = ORDERS["name" if column in SHOWN else column], "DESC" if falling else "ASC"
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT i.id FROM catalog_image i JOIN catalog_source s ON s.id = i.source_id"
            f" WHERE {where.sql} ORDER BY ({order.sql}){order.collated} {way}, i.id {way}",
            where.params,
        )
        found = [row[0] for row in cursor.fetchall()]
    if column in SHOWN:
        there_are = Image.objects.select_related("source").in_bulk(found)
        found.sort(key=lambda one: (SHOWN[column](there_are[one], there_are[one].source), one), reverse=falling)
    return found


def forth(there: ImageFilter, size: int) -> list[UUID]:
    page = pages.fetch(there, "i.id", size=size, selected=counts.count(there).selected)
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


def text_walk(rows: int) -> list[tuple[Any, str, Any]]:
    return [(module, "TEXT_WALK", rows) for module in (steps, walks, value_walks)]


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
        (walks, "LONGEST_PAGE", 1), (walks, "GLANCE", 0), (walks, "TEXT_WALK", 2),
    ],
    "among the few that were counted": [(walks, "GLANCE", 0), (hits, "holds_most", always(True))],
    "words while a sync writes many more": [
        (walks, "GLANCE", 0), (hits, "is_buried", always(True)), (hits, "BURIED_NOW", "%s::uuid = %s::uuid"),
    ],
    "words when a sync has written many": [(walks, "GLANCE", 0), (hits, "is_buried", always(True))],
    "words where nearly all is one team's": [
        (hits, "MOST_PLACES", 3), (walks, "GLANCE", 0), (steps, "holds_most", always(True)),
    ],
    "words of unknown number": [(hits, "MOST", 3), (walks, "GLANCE", 0), *text_walk(5)],
    "words of many images, all of them": [(hits, "MOST", 3), (walks, "GLANCE", 0), (Step, "is_few", always(True))],
    "words of many images, along": [
        (hits, "MOST", 3), (walks, "GLANCE", 0), (Step, "is_few", always(False)), *text_walk(1000),
    ],
    "words of many images, along and then all": [
        (hits, "MOST", 3), (walks, "GLANCE", 0), (Step, "is_few", always(False)), *text_walk(20),
    ],
}  # fmt: skip


TRIED = ("name", "size", "changed", "os", "os_version", "arch", "source", "region", *SHOWN)
BY_INDEX = ("along the order", "by combination")  # only orders that have one


def tried(way: str, sort: str) -> Any:
    """Every sort in the usual way, and every way by a sort of each kind; the rest is for --all."""
    quick = way == "as the counts say" or sort in ("name", "os", "labels", "last_seen")
    return pytest.param(way, sort, marks=[] if quick else pytest.mark.slow)


@pytest.mark.parametrize(
    ("way", "sort"),
    [tried(way, sort) for way in WAYS for sort in TRIED if not ORDERS[sort].axis or way not in BY_INDEX],
)
def test_every_way_leads_through_all_in_order(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch, way: str, sort: str
) -> None:
    for target, name, value in WAYS[way]:
        monkeypatch.setattr(target, name, value)
    for query in QUERIES[::2] if sort in SHOWN else QUERIES:
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


@pytest.mark.parametrize("sort", ["name", "changed", "size", "first_seen", "version", "remote_id", "description"])
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


@pytest.mark.parametrize("sort", ["repository", "tag", "cluster"])
def test_what_only_containers_have_is_walked_to_its_end(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    """Behind the last of them come the many that have no such thing: nothing is gathered there."""
    monkeypatch.setattr(Step, "is_few", always(False))
    assert f"image_container_{sort}" in plan(parse(f"sort={sort}", shelf[0].team_id, shelf))
    behind_all = pages.Position(LAST, UUID(int=2**128 - 1), False, 0)
    with CaptureQueriesContext(connection) as made:
        assert pages.select(parse(f"sort={sort}", shelf[0].team_id, shelf), "1", position=behind_all, limit=5) == []
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE) " + made.captured_queries[-1]["sql"])
        lines = [row[0] for row in cursor.fetchall() if "Function Scan on unnest" in row[0]]
    assert lines and all("never executed" in line for line in lines)


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


def test_what_is_selected_is_found_behind_more_hits_than_are_counted(
    make_source: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    """None of the images that the counting met is selected: those it did not meet are."""
    source = make_source("alibaba_ens_self")
    rest = {"name": "zebra", "type": "vm", "arch": "x86_64", "visibility": "private", "state": "available",
            "system": ("Ubuntu", "22.04"), "source": 0, "region": "cn-a", "labels": [], "starred": False,
            "size_gib": None}  # fmt: skip
    made = fill([source], [rest | {"os": "linux"} for _ in range(13)])
    last = sorted(image.id for image in made)[-3:]  # by their ids, and by their place in the table
    Image.objects.filter(id__in=last).update(os="windows")
    monkeypatch.setattr(hits, "MOST", 3)
    monkeypatch.setattr(walks, "GLANCE", 0)
    there = parse("q=zebra&os=windows", source.team_id, [source])
    assert counts.count(there).total == 3 and len(forth(there, 9)) == 3


@pytest.mark.parametrize("sort", ["name", "-changed", "os", "account"])
def test_images_that_move_between_counting_and_reading_stay_on_the_page(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    """A row that is written anew lies elsewhere; what lay beside it may take its place."""
    monkeypatch.setattr(walks, "GLANCE", 0)
    there = parse(f"q=zebra&sort={sort}", shelf[0].team_id, shelf)
    expected, selected = in_order(there), counts.count(there).selected
    assert selected.places and len(expected) > 9

    def found() -> list[UUID]:
        return [row[0] for row in pages.fetch(there, "i.id", size=100, selected=selected).rows]

    assert found() == expected
    Image.objects.filter(id=expected[4]).update(size_gib=9)
    assert found() == expected
    Image.objects.filter(id=expected[7]).update(name="gone", name_key="gone", search_text="gone")
    assert found() == [one for one in expected if one != expected[7]]
    Image.objects.filter(id__in=expected).delete()
    assert found() == []


def test_an_image_in_the_place_of_one_that_was_counted_is_not_taken_for_it(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many as were counted have the words there: only which ones these are tells."""
    monkeypatch.setattr(walks, "GLANCE", 0)
    there = parse("q=zebra&os=-windows", shelf[0].team_id, shelf)
    selected = counts.count(there).selected
    with connection.cursor() as cursor:
        cursor.execute("SELECT ctid::text FROM catalog_image WHERE os = 'windows' AND search_text LIKE '%zebra%'")
        other = cursor.fetchone()[0]
    assert selected.places
    at = re.sub(r'"\(\d+,\d+\)"', f'"{other}"', selected.places.at, count=1)
    met = replace(selected, places=selected.places._replace(at=at))
    assert [row[0] for row in pages.fetch(there, "i.id", size=100, selected=met).rows] == in_order(there)


@pytest.mark.parametrize(
    "query", ["q=zebra&os=-windows", "q=zebra&distribution=-homegrown", "q=zebra&distribution=homegrown,ubuntu"]
)
def test_a_search_reads_the_images_it_has_counted_where_they_are(
    shelf: list[Source], monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setattr(walks, "GLANCE", 0)
    there = parse(query, shelf[0].team_id, shelf)
    with CaptureQueriesContext(connection) as made:
        pages.fetch(there, "i.id", size=5, selected=counts.count(there).selected)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("EXPLAIN (ANALYZE) " + made.captured_queries[-1]["sql"])
        lines = [row[0] for row in cursor.fetchall()]
    assert any("Tid Scan on catalog_image" in line and "never" not in line for line in lines)
    assert all("never executed" in line for line in lines if "Bitmap" in line or "Seq Scan on catalog_image" in line)
