"""Generated inventories are pure functions of their seed; any listing can be served verbatim, edited and mutated."""

import hashlib
from typing import Any

import pytest

from tests.clouds import sdks
from tests.clouds.server import Simulator
from tests.clouds.variants import LISTINGS
from tests.clouds.world import IDENTITY, World
from tests.test_simulator_listings import EHPC_2018, EHPC_2023, ENS, MYCLUSTER

CUSTOM = "alibaba_ehpc_custom"
PLACES = {name: ("cn-north-4" if name == "huawei_workspace" else "cn-hangzhou", None) for name in LISTINGS} | {
    "alibaba_ehpc_container": ("cn-hangzhou", MYCLUSTER)
}


def custom(cloud: Simulator, region: str = "cn-hangzhou") -> list[dict[str, Any]]:
    images: list[dict[str, Any]] = sdks.rpc(cloud, EHPC_2018, "ListCustomImages", RegionId=region)["Images"][
        "ImageInfo"
    ]
    return images


def digest(world: World, name: str, count: int = 300) -> str:
    return hashlib.sha256(b"\n".join(world.listing(name, *PLACES[name]).select().page(0, count))).hexdigest()


@pytest.mark.parametrize("name", LISTINGS)
def test_the_same_seed_gives_the_same_images_and_another_other_ones(name: str) -> None:
    assert digest(World(500, 7), name) == digest(World(500, 7), name)
    assert digest(World(500, 7), name) != digest(World(500, 8), name)


@pytest.mark.parametrize("name", LISTINGS)
def test_a_larger_inventory_begins_with_the_smaller_one(name: str) -> None:
    assert digest(World(1_000, 7), name) == digest(World(1_000_000, 7), name)


@pytest.mark.parametrize("name", LISTINGS)
def test_ids_are_distinct_in_a_large_listing_and_between_regions(name: str) -> None:
    listing = World(20_000, 1).listing(name, *PLACES[name])
    field = IDENTITY[name]
    ids = {listing.document(index)[field] for index in range(len(listing))}
    assert len(ids) == len(listing) >= 14_000


@pytest.mark.parametrize("name", LISTINGS)
def test_a_million_images_are_paged_without_being_made(name: str) -> None:
    listing = World(1_000_000, 1).listing(name, *PLACES[name])
    selection = listing.select()
    (last,) = selection.page(len(selection) - 1, len(selection) + 5)
    assert isinstance(listing.order, range)
    assert listing.find(IDENTITY[name], listing.document(len(listing) - 1)[IDENTITY[name]])
    assert str(len(selection) - 1).encode() in last or b"%06x" % (len(selection) - 1) in last


def test_regions_have_different_images(cloud: Simulator) -> None:
    here, there = ({image["ImageId"] for image in custom(cloud, region)} for region in ("cn-hangzhou", "cn-shanghai"))
    assert here.isdisjoint(there)


def test_the_inventory_tells_every_size(cloud: Simulator) -> None:
    assert {name: cloud.size(name, PLACES[name][0]) for name in LISTINGS} == dict.fromkeys(LISTINGS, 120)
    assert cloud.clusters("cn-hangzhou")[0] == MYCLUSTER
    assert sorted(cloud.inventory()["projects"]) == ["ap-southeast-3", "cn-east-3", "cn-north-4"]


# The seeds' own examples, served verbatim

SEED_CUSTOM = {
    "Status": "Available",
    "PostInstallScript": "example.sh",
    "Description": "ExampleDescription",
    "Size": 40,
    "ImageOwnerAlias": "self",
    "ImageName": "CHESS5V5.0.27",
    "SkuCode": "ECS",
    "PricingCycle": "Month",
    "ImageId": "m-bp181x855551ww5yq****",
    "ProductCode": "cmjj028279",
    "Uid": "127****",
    "BaseOsTag": {"Platform": "CentOS", "OsTag": "CentOS_7.2_64", "Version": "7.2", "Architecture": "i386"},
    "OsTag": {
        "Platform": "CentOS",
        "OsTag": "CentOS_7.2_64",
        "Version": "7.2",
        "Architecture": "x86_64",
        "BaseOsTag": "CentOS_7.2_64",
    },
}
SEED_CONTAINER = {
    "Type": "docker",
    "Status": "READY",
    "UpdateDateTime": "2018-08-02T20:11:36",
    "Repository": "busybox",
    "Tag": "latest",
    "System": "mycluster",
    "ImageId": "centos_7_06_64_20G_alibase_2019071****",
}
SEED_ENS = {
    "Description": "centos_6_08_64_20G_alibase_2017****",
    "ImageId": "centos_6_08_64_20G_alibase_2017****",
    "ImageSize": "20",
    "ImageVersion": "6.8",
    "OSName": "centos",
    "OSType": "linux",
    "ComputeType": "ens_vm",
}
SEED_HUAWEI = {
    "id": "d6b368bc-a24d-4fb5-a8fb-727356a53f33",
    "image_type": "gold",
    "os_type": "Linux",
    "os_version": "EulerOS 2.2 64bit",
    "disk_format": "qcow2",
    "name": "Euler_Online_Tenant_vAG",
    "min_ram": 0,
    "min_disk": 50,
}


def test_a_listing_is_served_verbatim(cloud: Simulator) -> None:
    cloud.serve(listing=CUSTOM, region="cn-hangzhou", items=[SEED_CUSTOM])
    assert custom(cloud) == [SEED_CUSTOM]
    assert len(custom(cloud, "cn-shanghai")) == 54


def test_a_cluster_and_a_region_come_into_being_when_served(cloud: Simulator) -> None:
    cloud.serve(listing="alibaba_ehpc_container", region="me-east-1", cluster="ehpc-me-1", items=[SEED_CONTAINER])
    query: dict[str, Any] = {"RegionId": "me-east-1"}
    clusters = sdks.rpc(cloud, EHPC_2018, "ListClusters", **query)["Clusters"]["ClusterInfoSimple"]
    assert [cluster["Id"] for cluster in clusters] == ["ehpc-me-1"]
    body = sdks.rpc(cloud, EHPC_2018, "ListContainerImages", ClusterId="ehpc-me-1", **query)
    assert (body["TotalCount"], body["Images"]["Images"]) == (1, [SEED_CONTAINER])


def test_clusters_are_served_verbatim(cloud: Simulator) -> None:
    gone = {"Id": "ehpc-new", "Name": "new", "Status": "running", "RegionId": "cn-hangzhou"}
    cloud.serve(listing="alibaba_ehpc_clusters", region="cn-hangzhou", items=[gone])
    assert sdks.rpc(cloud, EHPC_2018, "ListClusters")["Clusters"]["ClusterInfoSimple"] == [gone]
    assert sdks.rpc(cloud, EHPC_2018, "ListContainerImages", ClusterId="ehpc-new")["TotalCount"] == 0


@pytest.mark.parametrize("region", ["cn-hangzhou", "cn-hangzhou-44"])
def test_edge_images_are_served_by_region(cloud: Simulator, region: str) -> None:
    cloud.serve(listing="alibaba_ens_public", region=region, items=[SEED_ENS])
    assert sdks.rpc(cloud, ENS, "DescribeImageInfos", RegionId=region)["Images"]["Image"] == [SEED_ENS]
    assert len(sdks.rpc(cloud, ENS, "DescribeImageInfos", RegionId="elsewhere")["Images"]["Image"]) == 120


def test_workspace_images_are_served_with_facts_that_are_not_told(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    cloud.serve(listing="huawei_workspace", region="la-north-2", items=[SEED_HUAWEI | {"_architecture": "x86"}])
    client = sdks.workspace(cloud, region="la-north-2")
    for request in (ListImagesRequest(), ListImagesRequest(architecture="x86")):
        (image,) = client.list_images(request).images
        assert {name: value for name, value in image.to_dict().items() if value is not None} == SEED_HUAWEI
    assert client.list_images(ListImagesRequest(architecture="arm")).images == []


def test_registered_images_are_served_by_their_type(cloud: Simulator) -> None:
    items = [{"ImageId": "m-1", "ImageType": kind, "Name": "n", "Version": "1"} for kind in ("VM", "Container")]
    cloud.serve(listing="alibaba_ehpc_registered", region="cn-hangzhou", items=items)
    assert sdks.rpc(cloud, EHPC_2023, "ListImages", ImageType="Container")["Images"] == [items[1]]


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"listing": "ecs", "region": "cn-hangzhou", "items": []}, "no such listing"),
        ({"listing": CUSTOM, "region": "cn-hangzhou", "itmes": []}, "no such key: itmes"),
        ({"listing": CUSTOM, "region": "cn-hangzhou", "items": ["x"]}, "items are JSON objects"),
        ({"listing": "alibaba_ehpc_container", "region": "cn-hangzhou", "items": []}, "name one"),
        ({"listing": CUSTOM, "items": []}, "region"),
        ({"listing": CUSTOM, "region": "mars", "add": []}, "UnknownPlaceError"),
        ({"listing": CUSTOM, "region": "cn-hangzhou", "mutate": {"change": 101}}, "percentages"),
    ],
)
def test_a_wrong_edit_is_refused_with_a_reason(cloud: Simulator, document: dict[str, Any], says: str) -> None:
    with pytest.raises(RuntimeError, match=says):
        cloud.call("POST", "inventory", document)


# Edits


def test_images_are_added_changed_and_removed_by_id(cloud: Simulator) -> None:
    first, second, *rest = custom(cloud)
    cloud.add(listing=CUSTOM, region="cn-hangzhou", items=[SEED_CUSTOM])
    changes: dict[str, Any] = {
        first["ImageId"]: {"Size": 999},
        SEED_CUSTOM["ImageId"]: {"Status": "Gone"},
        "nobody": {"Size": 1},
    }
    assert cloud.change(listing=CUSTOM, region="cn-hangzhou", changes=changes) == 2
    assert cloud.remove(listing=CUSTOM, region="cn-hangzhou", ids=[second["ImageId"], "nobody"]) == 1
    assert custom(cloud) == [first | {"Size": 999}, *rest, SEED_CUSTOM | {"Status": "Gone"}]


@pytest.mark.parametrize("name", LISTINGS)
def test_mutation_is_exact(name: str) -> None:
    listing = World(10_000, 1).listing(name, *PLACES[name])
    field, size = IDENTITY[name], len(listing)
    before = {listing.document(index)[field]: listing.render(index) for index in listing.order}
    told = listing.mutate(change=1, remove=0.5, add=7)
    after = {listing.document(index)[field]: listing.render(index) for index in listing.order}
    changed = [key for key in before.keys() & after.keys() if before[key] != after[key]]
    gone, new = before.keys() - after.keys(), after.keys() - before.keys()
    assert told["removed"] == len(gone) == round(size * 0.005)
    assert told["added"] == len(new) == 7
    assert told["changed"] == len(changed) == round(size * 0.01)
    assert told["size"] == len(after)


def test_mutating_twice_changes_again(cloud: Simulator) -> None:
    seen = [custom(cloud)]
    for _ in range(2):
        cloud.mutate(listing=CUSTOM, region="cn-hangzhou", change=100)
        seen.append(custom(cloud))
    assert [image["ImageId"] for image in seen[0]] == [image["ImageId"] for image in seen[2]]
    assert len({images[0]["Description"] for images in seen}) == 3


def test_everything_may_vanish(cloud: Simulator) -> None:
    assert cloud.mutate(listing=CUSTOM, region="cn-hangzhou", remove=100)["size"] == 0
    assert custom(cloud) == []


def test_clearing_keeps_the_inventory(cloud: Simulator) -> None:
    cloud.serve(listing=CUSTOM, region="cn-hangzhou", items=[SEED_CUSTOM])
    cloud.fail(status=500, times=0)
    cloud.clear()
    assert cloud.requests() == []
    assert custom(cloud) == [SEED_CUSTOM]
