"""Traps of Workspace's paging, each by its name: PROVIDERS.md sections 2 and 2a."""

import tracemalloc
from typing import Any

import pytest

from catalog.providers import list_pages
from catalog.providers.base import ProviderError, Target
from tests.catalog.providers.canned import Canned, as_json
from tests.catalog.providers.conftest import connection_to
from tests.catalog.providers.walking import ids, pages_of
from tests.clouds.server import Simulator

HUAWEI = "huawei_workspace"


def huawei_answer(first: int, count: int, total: int, **facts: Any) -> Any:
    items = [{"id": f"id-{number}", "architecture": "x86", **facts} for number in range(first, first + count)]
    return as_json({"images": items, "total_count": total})


def test_huawei_a_total_that_is_too_low_does_not_end_the_listing() -> None:
    with Canned(huawei_answer(0, 100, 1), huawei_answer(100, 100, 1), huawei_answer(200, 3, 1)) as server:
        pages = pages_of(server, HUAWEI)
    assert len(set(ids(pages))) == 203
    assert all(page.total_may_be_low and page.total == 1 for page in pages)
    assert [request.query["offset"] for request in server.received] == ["0", "100", "200"]


def test_huawei_a_short_page_does_not_end_the_listing_while_the_total_says_more() -> None:
    with Canned(huawei_answer(0, 50, 120), huawei_answer(50, 50, 120), huawei_answer(100, 20, 120)) as server:
        pages = pages_of(server, HUAWEI)
    assert len(set(ids(pages))) == 120
    assert [request.query["offset"] for request in server.received] == ["0", "50", "100"]


def test_huawei_a_total_above_what_came_is_left_for_the_caller_to_see() -> None:
    with Canned(huawei_answer(0, 50, 120), huawei_answer(0, 0, 120)) as server:
        pages = pages_of(server, HUAWEI)
    assert len(ids(pages)) == 50 and pages[-1].total == 120


def test_huawei_a_full_last_page_is_followed_by_an_empty_one() -> None:
    with Canned(huawei_answer(0, 100, 100), huawei_answer(100, 0, 100)) as server:
        assert len(ids(pages_of(server, HUAWEI))) == 100
        assert len(server.received) == 2


def test_huawei_a_server_that_forgets_the_offset_ends_the_listing() -> None:
    with Canned(huawei_answer(0, 100, 300)) as server:
        pages = pages_of(server, HUAWEI)
    assert len(ids(pages)) == 100 and pages[-1].total == 300
    assert len(server.received) == 2


def test_huawei_the_second_listing_is_not_made_when_every_image_tells_its_architecture(cloud: Simulator) -> None:
    region = "cn-north-4"
    items = [{"id": f"id-{number}", "architecture": "arm"} for number in range(150)]
    cloud.serve(listing=HUAWEI, region=region, items=items)
    listed = list(list_pages(HUAWEI, connection_to(cloud.url, "huawei"), Target(region=region)))
    assert {image.arch for page in listed for image in page.images} == {"arm64"}
    assert not [request for request in cloud.requests() if "architecture" in request["parameters"]]


def test_huawei_the_second_listing_is_made_once_when_the_first_such_image_is_met() -> None:
    x86 = as_json({"images": [{"id": "id-1"}], "total_count": 1})
    first = as_json({"images": [{"id": f"id-{n}"} for n in range(3)], "total_count": 3})
    with Canned(first, x86) as server:
        pages = pages_of(server, HUAWEI)
        assert [request.query.get("architecture") for request in server.received] == [None, "x86"]
    assert [(image.arch, image.provenance["arch"]) for image in pages[0].images] == [
        ("unknown", "unknown"),
        ("x86_64", "derived"),
        ("unknown", "unknown"),
    ]
    assert len(pages) == 1 and pages[0].total == 3


def test_huawei_the_failure_of_the_second_listing_fails_the_run() -> None:
    refusal = as_json({"error_code": "WKS.1", "error_msg": "no"}, 403)
    with (
        Canned(as_json({"images": [{"id": "id-1"}], "total_count": 1}), refusal) as server,
        pytest.raises(ProviderError) as raised,
    ):
        pages_of(server, HUAWEI)
    assert raised.value.kind == "permission"


def test_huawei_a_second_listing_that_is_incomplete_fails_the_run() -> None:
    lacking = as_json({"images": [{"id": "id-1"}], "total_count": 5})
    none = as_json({"images": [], "total_count": 5})
    with (
        Canned(as_json({"images": [{"id": "id-1"}], "total_count": 1}), lacking, none) as server,
        pytest.raises(ProviderError) as raised,
    ):
        pages_of(server, HUAWEI)
    assert (raised.value.kind, raised.value.code) == ("incomplete", "IncompleteListing")


def test_huawei_a_project_that_is_given_is_not_looked_up(cloud: Simulator) -> None:
    project = cloud.project_id("cn-north-4")
    for connection, target in (
        (connection_to(cloud.url, "huawei", project_id=project), Target(region="cn-north-4")),
        (connection_to(cloud.url, "huawei"), Target(region="cn-north-4", project_id=project)),
    ):
        assert sum(len(page.images) for page in list_pages(HUAWEI, connection, target)) == 120
    assert not cloud.requests("ListProjects")


def test_huawei_the_project_is_looked_up_once_a_run_and_not_remembered_across_accounts(cloud: Simulator) -> None:
    list(list_pages(HUAWEI, connection_to(cloud.url, "huawei"), Target(region="cn-north-4")))
    assert len(cloud.requests("ListProjects")) == 1
    with Simulator(images=5, seed=2) as other:  # the same key and region, another cloud: the SDK would remember
        list(list_pages(HUAWEI, connection_to(other.url, "huawei"), Target(region="cn-north-4")))
        assert len(other.requests("ListProjects")) == 1


@pytest.mark.parametrize(("found", "code"), [([], "NoProject"), ([{"id": "a"}, {"id": "b"}], "SeveralProjects")])
def test_huawei_no_or_several_projects_are_for_the_person_to_settle(found: list[dict[str, str]], code: str) -> None:
    with (
        Canned(as_json({"projects": found}, **{"X-IAM-Trace-Id": "trace-1"})) as server,
        pytest.raises(ProviderError) as raised,
    ):
        list(list_pages(HUAWEI, connection_to(server.url, "huawei"), Target(region="cn-north-4")))
    error = raised.value
    assert (error.operation, error.code, error.request_id) == ("KeystoneListProjects", code, "trace-1")
    assert "cn-north-4" in error.message and "project id" in error.message


def test_huawei_the_x86_ids_take_eight_bytes_an_image() -> None:
    from catalog.providers.huawei_workspace import X86Ids

    class Listing:
        """The client as far as X86Ids knows it, for 40 000 images in a moment."""

        def list_images(self, take: Any, *, offset: int, limit: int, architecture: str | None) -> Any:
            from catalog.providers.answers import Answered, Call

            items = [{"id": f"{number:032x}"} for number in range(offset, min(offset + limit, 40_000))]
            return take(Answered(Call("ListImages"), {"images": items, "total_count": 40_000}))

    x86 = X86Ids(Listing())
    tracemalloc.start()
    try:
        assert f"{20_000:032x}" in x86 and f"{40_000:032x}" not in x86
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 40_000 * 10 + 500_000
