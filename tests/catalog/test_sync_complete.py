"""Complete or unchanged: what an incomplete, shifting or failing listing does to the inventory, which is nothing."""

from dataclasses import replace

import pytest
from django.db.models import F

from catalog.completeness import Tally
from catalog.models import Image, Source
from catalog.providers.base import Page, RemoteImage
from catalog.sync import run_sync, start_run
from tests.catalog.test_sync import shelf, sync

OPERATIONS = {
    "alibaba_ehpc_custom": "ListCustomImages",
    "alibaba_ehpc_container": "ListContainerImages",
    "alibaba_ehpc_registered": "ListImages",
    "alibaba_ens_public": "DescribeImageInfos",
    "alibaba_ens_self": "DescribeSelfImages",
    "huawei_workspace": "ListImages",
}
PAGED = {"listing": "alibaba_ens_self", "region": "cn-hangzhou"}


def page(*keys: str, scope: str = "", number: int = 1, total: int | None = None, low: bool = False) -> Page:
    images = [RemoteImage(key=key, remote_id=key, name=key, type="vm", region="r") for key in keys]
    return Page(scope=scope, number=number, images=images, total=total, total_may_be_low=low)


def judged(*pages: Page) -> str | None:
    """What is found wrong with a listing of these pages."""
    tally = Tally()
    came: dict[str, set[str]] = {}
    for one in pages:
        tally.add(one)
        came.setdefault(one.scope, set()).update(image.key for image in one.images)
    return tally.problem({scope: len(keys) for scope, keys in came.items()})


def test_a_part_is_not_told_as_the_whole():
    tally, told = Tally(), []
    for one in (page("a", total=2, scope="x"), page("b", number=2, total=2, scope="x"), page("c", total=3, scope="y")):
        tally.add(replace(one, part=1 + (one.scope == "y"), parts=2))
        told.append((tally.part, tally.parts, tally.expected))
    assert told == [(1, 2, None), (1, 2, None), (2, 2, 5)]


@pytest.mark.parametrize(
    "pages",
    [
        [page("a", "b")],
        [page()],
        [page(total=0)],
        [page("a", "b", total=3), page("c", number=2, total=3)],
        [page("a", total=1, scope="x"), page("b", total=1, scope="y")],
        [page("a", "a", "b", total=3)],
        [page("a", "a", "b", total=2)],
        [page("a", "b", total=1, low=True)],
        [page("a", "b", total=2), page("b", "a", number=2, total=2)],
    ],
    ids=[
        "no total",
        "empty",
        "empty and counted",
        "two pages",
        "two clusters",
        "twice on a page, counted twice",
        "twice on a page, counted once",
        "a total too low where it may be",
        "a page too many",
    ],
)
def test_it_takes_a_listing_for_complete(pages):
    assert judged(*pages) is None


@pytest.mark.parametrize(
    ("pages", "why"),
    [
        ([page("a", total=2)], "counts 2 images and listed 1"),
        ([page("a", "b", total=1)], "counts 1 images and listed 2"),
        ([page("a", total=2), page("b", number=2, total=3)], "counted 2 images at first and 3 in the end"),
        ([page("a", total=3), page("b", number=2, total=2)], "counted 3 images at first and 2 in the end"),
        ([page("a", "b", total=4), page("b", "c", number=2, total=4)], "counts 4 images and listed 3"),
        ([page("a", total=1, scope="x"), page("b", total=2, scope="y")], "counts 2 images of y and listed 1"),
        ([page("a", total=2, low=True)], "counts 2 images and listed 1"),
        ([page("a", total=3, low=True), page("b", number=2, total=2, low=True)], "counts 3 images and listed 2"),
    ],
)
def test_it_takes_a_listing_for_incomplete(pages, why):
    assert why in judged(*pages)


@pytest.fixture
def source(simulated, make_source) -> Source:
    """A source that was synced once, and a cloud that has changed since."""
    source = make_source("alibaba_ens_self")
    sync(source)
    simulated.mutate(**PAGED, change=20, remove=5, add=4)
    return source


FAULTS = {
    "page two fails": {"page": 2, "status": 500},
    "the last page fails": {"page": "last", "status": 503},
    "page two is cut": {"page": 2, "truncate": True},
    "page two is reset": {"page": 2, "reset": True},
    "page two is HTML": {"page": 2, "html": True},
    "page two is empty": {"page": 2, "empty": True},
    "page two is null": {"page": 2, "null": True},
    "page two has a bad item": {"page": 2, "bad_item": "no_id"},
    "the first page is throttled": {"page": "first", "throttle": 100_000},
    "the total is too high": {"page": "last", "total": 7},
    "the total is too low": {"total": -1},
    "a page comes twice": {"page": 2, "duplicate_page": True},
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_it_keeps_the_inventory_when(source, simulated, fault):
    before, seen = shelf(source), source.last_complete_at
    simulated.fail(operation="DescribeSelfImages", times=0, **fault)
    run = run_sync(start_run(source, "schedule"), patience_seconds=0)
    source.refresh_from_db()
    assert run.state == "failed" and run.error["code"] and run.error["message"]
    assert shelf(source) == before and source.last_complete_at == seen
    assert source.failures == 1 and source.last_error["code"] == run.error["code"]
    simulated.heal()
    assert sync(source).state == "complete" and source.failures == 0 and source.last_error is None


@pytest.mark.parametrize("kind", OPERATIONS)
def test_it_keeps_the_inventory_of_every_listing_when_its_last_page_fails(simulated, make_source, kind):
    source = make_source(kind)
    sync(source)
    before = shelf(source)
    simulated.fail(operation=OPERATIONS[kind], page="last", status=500, times=0)
    run = run_sync(start_run(source, "schedule"), patience_seconds=0)
    assert run.state == "failed" and run.error["operation"] == OPERATIONS[kind]
    assert shelf(source) == before


@pytest.mark.parametrize("how", ["insert", "remove"])
def test_a_listing_that_shifts_between_two_pages_is_read_again(source, simulated, how):
    simulated.fail(operation="DescribeSelfImages", page=2, shift=how)
    run = sync(source)
    assert run.state == "complete"
    assert run.listed == simulated.size(**PAGED) == Image.objects.filter(missing_since=None).count()
    asked = [call["page"] for call in simulated.requests("DescribeSelfImages")]
    assert asked[-3:] == [1, 2, 3] and asked.count(1) == 3  # by the first sync and twice by this one


def test_a_total_that_is_wrong_once_is_read_again(source, simulated):
    simulated.fail(operation="DescribeSelfImages", page="last", total=3)
    assert sync(source).state == "complete"


def test_a_listing_is_read_twice_at_most(source, simulated):
    simulated.fail(operation="DescribeSelfImages", page="last", total=3, times=0)
    asked = len(simulated.requests("DescribeSelfImages"))
    run = sync(source)
    assert (run.state, run.error["code"], run.error["kind"]) == ("failed", "IncompleteListing", "incomplete")
    assert run.error["operation"] == "DescribeSelfImages" and run.error["request_id"] is None
    assert len(simulated.requests("DescribeSelfImages")) - asked == 6


def test_huawei_may_count_too_few(simulated, make_source):
    source = make_source("huawei_workspace")
    simulated.fail(operation="ListImages", vendor="huawei", total=-20, times=0)
    assert sync(source).listed == 120


def test_huawei_may_not_count_too_many(simulated, make_source):
    source = make_source("huawei_workspace")
    simulated.fail(operation="ListImages", vendor="huawei", total=5, times=0)
    run = sync(source)
    assert (run.state, run.error["operation"]) == ("failed", "ListImages")


def test_one_cluster_that_is_short_keeps_the_images_of_all(simulated, make_source):
    source = make_source("alibaba_ehpc_container")
    sync(source)
    before = shelf(source)
    cluster = simulated.clusters("cn-hangzhou")[1]
    simulated.fail(operation="ListContainerImages", cluster=cluster, total=2, times=0)
    run = sync(source)
    assert run.state == "failed" and cluster in run.error["message"]
    assert shelf(source) == before


def test_a_shelf_that_moves_while_the_listing_runs_has_it_read_again(source, monkeypatch):
    """An image is staged as unchanged, then taken off the shelf by somebody else: it is listed, so it comes back."""
    staged: list[str] = []
    taken: list[str] = []

    def take_one_off(tally, one, *, add=Tally.add):
        if one.number == 3 and not taken:
            unchanged = Image.objects.filter(key__in=staged, changed_at=F("first_seen_at"))
            taken.extend(unchanged.values_list("key", flat=True))
            unchanged.delete()
        staged.extend(image.key for image in one.images)
        add(tally, one)

    monkeypatch.setattr(Tally, "add", take_one_off)
    monkeypatch.setattr("catalog.staging.BATCH_ROWS", 10)  # so that two pages are staged when the third comes
    run = sync(source)
    assert taken and run.state == "complete" and run.added >= len(taken)
    assert Image.objects.filter(key__in=taken, missing_since=None).count() == len(set(taken) & set(staged))
