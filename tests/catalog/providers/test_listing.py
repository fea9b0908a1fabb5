"""Traps of paging, each by its name: PROVIDERS.md sections 2 and 2a. What is complete is for the caller to judge
(Page); here a listing must neither end early nor run for ever, and bring what the judgement needs."""

import tracemalloc
from typing import Any

import pytest

from catalog.providers import list_clusters, list_pages
from catalog.providers.base import Page, ProviderError, RemoteImage, Target
from catalog.providers.paging import Repetition, numbered_pages
from tests.catalog.providers.canned import Canned, as_json
from tests.catalog.providers.conftest import connection_to
from tests.catalog.providers.walking import ids, pages_of
from tests.clouds.server import Simulator

CONTAINER, SELF, REGISTERED = "alibaba_ehpc_container", "alibaba_ens_self", "alibaba_ehpc_registered"


# Alibaba


def self_answer(first: int, count: int, total: object) -> Any:
    items = [{"ImageId": f"m-{number}"} for number in range(first, first + count)]
    return as_json({"Code": 0, "Images": {"Image": items}, "TotalCount": total})


def test_ens_self_asks_for_50_a_page_and_reads_a_total_that_is_text() -> None:
    with Canned(self_answer(0, 50, "70"), self_answer(50, 20, "70")) as server:
        pages = pages_of(server, SELF)
    assert [(page.number, len(page.images), page.total) for page in pages] == [(1, 50, 70), (2, 20, 70)]
    assert [request.query["PageSize"] for request in server.received] == ["50", "50"]
    assert [request.query["PageNumber"] for request in server.received] == ["1", "2"]


def test_a_short_page_does_not_end_the_listing_while_the_total_says_more() -> None:
    with Canned(self_answer(0, 10, 25), self_answer(10, 10, 25), self_answer(20, 5, 25)) as server:
        assert len(ids(pages_of(server, SELF))) == 25


def test_an_empty_page_ends_the_listing_and_the_caller_sees_what_lacks() -> None:
    with Canned(self_answer(0, 50, 120), self_answer(0, 0, 120)) as server:
        pages = pages_of(server, SELF)
    assert len(ids(pages)) == 50 and pages[-1].total == 120


def test_a_repeated_page_ends_the_listing_and_the_caller_sees_what_lacks() -> None:
    with Canned(self_answer(0, 50, 10**12)) as server:
        pages = pages_of(server, SELF)
    assert len(pages) == 2 and len(set(ids(pages))) == 50 and pages[-1].total == 10**12


def test_a_total_that_grows_with_every_page_does_not_keep_the_listing_going() -> None:
    with Canned(*[self_answer(n * 50, 50, (n + 2) * 50) for n in range(20)]) as server:
        pages = pages_of(server, SELF)
    assert [page.total for page in pages] == [100, 150]


@pytest.mark.parametrize("total", [None, "many", -1, True, [1], 1.5])
def test_a_total_that_is_no_number_is_of_another_shape(total: object) -> None:
    with Canned(self_answer(0, 1, total)) as server, pytest.raises(ProviderError) as raised:
        pages_of(server, SELF)
    assert raised.value.kind == "malformed" and "TotalCount" in raised.value.message


def test_duplicates_are_passed_through_for_the_caller_to_collapse() -> None:
    with Canned(self_answer(0, 50, 60), self_answer(45, 10, 60)) as server:
        pages = pages_of(server, SELF)
    assert len(ids(pages)) == 60 and len(set(ids(pages))) == 55


def test_registered_images_are_listed_once_for_vm_and_once_for_container() -> None:
    empty = as_json({"Images": [], "TotalCount": 0, "Success": True})
    with Canned(empty) as server:
        pages = pages_of(server, REGISTERED)
    assert [(page.scope, page.part, page.parts) for page in pages] == [("VM", 1, 2), ("Container", 2, 2)]
    asked = [request.query for request in server.received]
    assert [query["ImageType"] for query in asked] == ["VM", "Container"]
    assert {(query["ImageCategory"], query["Mode"], query["PageSize"]) for query in asked} == {("Custom", "List", "50")}


# Containers


def test_every_cluster_is_a_scope_of_its_own(cloud: Simulator) -> None:
    pages = list(list_pages(CONTAINER, connection_to(cloud.url, "alibaba"), Target(region="cn-hangzhou")))
    assert {page.scope for page in pages} == set(cloud.clusters("cn-hangzhou"))
    clusters = list(dict.fromkeys(page.scope for page in pages))
    assert all((clusters[page.part - 1], page.parts) == (page.scope, len(clusters)) for page in pages)
    assert all(image.cluster == page.scope for page in pages for image in page.images)


def test_one_cluster_is_listed_without_asking_for_the_others(cloud: Simulator) -> None:
    cluster = cloud.clusters("cn-hangzhou")[0]
    connection = connection_to(cloud.url, "alibaba")
    pages = list(list_pages(CONTAINER, connection, Target(region="cn-hangzhou", cluster=cluster)))
    assert {page.scope for page in pages} == {cluster} and not cloud.requests("ListClusters")
    assert {request["parameters"]["PageSize"] for request in cloud.requests()} == {"50"}


def test_a_region_without_clusters_has_one_empty_page() -> None:
    with Canned(as_json({"Clusters": {"ClusterInfoSimple": []}, "TotalCount": 0})) as server:
        connection = connection_to(server.url, "alibaba")
        (page,) = list_pages(CONTAINER, connection, Target(region="cn-hangzhou"))
    assert (page.images, page.total) == ([], 0)


def test_a_cluster_that_fails_fails_the_listing_after_the_pages_of_the_others(cloud: Simulator) -> None:
    last = cloud.clusters("cn-hangzhou")[-1]
    cloud.fail(operation="ListContainerImages", cluster=last, code="LoginNotFound", times=0)
    pages: list[Page] = []
    with pytest.raises(ProviderError) as raised:
        pages.extend(list_pages(CONTAINER, connection_to(cloud.url, "alibaba"), Target(region="cn-hangzhou")))
    assert (raised.value.code, raised.value.kind) == ("LoginNotFound", "not_found")


def test_clusters_are_listed_page_by_page_with_name_and_status() -> None:
    def answer(first: int, count: int) -> Any:
        found = [{"Id": f"ehpc-{n}", "Name": f"名{n}", "Status": "running"} for n in range(first, first + count)]
        return as_json({"Clusters": {"ClusterInfoSimple": found}, "TotalCount": 60})

    with Canned(answer(0, 50), answer(50, 10)) as server:
        clusters = list_clusters(connection_to(server.url, "alibaba"), "cn-hangzhou")
    assert [cluster.id for cluster in clusters] == [f"ehpc-{number}" for number in range(60)]
    assert (clusters[0].name, clusters[0].status) == ("名0", "running")


def test_an_incomplete_list_of_clusters_is_asked_for_once_more_and_then_an_error() -> None:
    lacking = as_json({"Clusters": {"ClusterInfoSimple": [{"Id": "ehpc-1"}]}, "TotalCount": 2})
    none = as_json({"Clusters": {"ClusterInfoSimple": []}, "TotalCount": 2})
    whole = as_json({"Clusters": {"ClusterInfoSimple": [{"Id": "ehpc-1"}, {"Id": "ehpc-2"}]}, "TotalCount": 2})
    with Canned(lacking, none, whole) as server:
        assert len(list_clusters(connection_to(server.url, "alibaba"), "cn-hangzhou")) == 2
    with Canned(lacking, none, lacking, none) as server, pytest.raises(ProviderError) as raised:
        list_clusters(connection_to(server.url, "alibaba"), "cn-hangzhou")
    assert raised.value.kind == "incomplete"


# The walk itself


def test_any_circle_is_found_out_in_time() -> None:
    for period in (1, 2, 3, 7, 50):
        repetition, steps = Repetition(), 0
        while not repetition.is_repeated(frozenset({f"{steps % period}"})):
            steps += 1
            assert steps <= 4 * period
    assert not Repetition().is_repeated(frozenset())


def test_a_long_listing_is_walked_in_constant_memory() -> None:
    def image(number: int) -> RemoteImage:
        return RemoteImage(key=f"{number:08}" + "k" * 200, remote_id="x", name="n", type="vm", region="r")

    pages = numbered_pages("", lambda n: ([image(n * 50 + i) for i in range(50)], 20_000))
    for _ in range(20):
        next(pages)
    tracemalloc.start()
    try:
        brought = sum(len(page.images) for page in pages)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert brought == 19_000 and peak < 300_000
