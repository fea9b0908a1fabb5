"""What the simulated clouds list, through the vendors' SDKs: shapes of the seeds, pages, filters, places, errors."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.clouds import sdks
from tests.clouds.server import Simulator

EHPC_2018, EHPC_2023, ENS = "2018-04-12", "2023-07-01", "2017-11-10"
MYCLUSTER = "ehpc-hz-FYUr32a7Qk"


def refused(call: Callable[[], Any]) -> tuple[int, str, str]:
    """HTTP status, code and text of a refusal, as the SDK read them."""
    with pytest.raises(Exception, match=r"(?s).+") as caught:
        call()
    error: Any = caught.value
    if hasattr(error, "error_code"):
        return error.status_code, error.error_code, error.error_msg
    return error.status_code, error.code, error.data["Message"]


# The seeds' shapes


def test_custom_images_have_the_fields_of_the_seed(cloud: Simulator) -> None:
    images = sdks.rpc(cloud, EHPC_2018, "ListCustomImages", method="GET")["Images"]["ImageInfo"]
    assert len(images) == 120
    for image in images:
        assert {"Status", "Description", "Size", "ImageOwnerAlias", "ImageName", "ImageId", "Uid"} <= image.keys()
        assert isinstance(image["Size"], int)
        assert image["BaseOsTag"].keys() == {"Platform", "OsTag", "Version", "Architecture"}
        assert image["OsTag"].keys() == {"Platform", "OsTag", "Version", "Architecture", "BaseOsTag"}


def test_container_images_have_the_fields_of_the_seed_and_the_database_address(cloud: Simulator) -> None:
    body = sdks.rpc(cloud, EHPC_2018, "ListContainerImages", method="GET", ClusterId=MYCLUSTER)
    assert body.keys() == {"PageSize", "PageNumber", "RequestId", "TotalCount", "DBInfo", "Images"}
    assert (body["PageNumber"], body["PageSize"]) == (1, 10)
    assert body["DBInfo"].startswith("mongodb://")
    fields = {"Type", "Status", "UpdateDateTime", "Repository", "Tag", "System", "ImageId"}
    assert all(image.keys() == fields for image in body["Images"]["Images"])


def test_edge_images_have_the_fields_of_the_seed(cloud: Simulator) -> None:
    body = sdks.rpc(cloud, ENS, "DescribeImageInfos")
    assert body["Code"] == 0
    fields = {"Description", "ImageId", "ImageSize", "ImageVersion", "OSName", "OSType", "ComputeType"}
    assert all(image.keys() == fields and isinstance(image["ImageSize"], str) for image in body["Images"]["Image"])


def test_own_edge_images_count_in_strings(cloud: Simulator) -> None:
    body = sdks.rpc(cloud, ENS, "DescribeSelfImages", RegionId="cn-shanghai")
    assert (body["PageNumber"], body["PageSize"], body["TotalCount"]) == ("1", "10", "54")
    assert all(image["RegionId"].startswith("cn-shanghai-") for image in body["Images"]["Image"])


def test_workspace_images_have_the_fields_of_the_seed_and_some_the_newer_ones(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    images = sdks.workspace(cloud).list_images(ListImagesRequest()).images
    assert len(images) == 100
    assert {image.image_type for image in images} == {"gold", "private"}
    assert {image.os_type for image in images} >= {"Linux", "Windows"}
    assert {bool(image.architecture) for image in images} == {True, False}


def test_names_are_skewed_and_some_are_chinese(cloud: Simulator) -> None:
    images = sdks.rpc(cloud, EHPC_2018, "ListCustomImages")["Images"]["ImageInfo"]
    versions = [image["OsTag"]["OsTag"] for image in images]
    assert max(versions.count(version) for version in versions) > 3 * min(
        versions.count(version) for version in versions
    )
    assert any("\u4e00" <= letter <= "\u9fff" for image in images for letter in image["ImageName"])


# Pages


@pytest.mark.parametrize(
    ("version", "action", "path", "query"),
    [
        (EHPC_2018, "ListContainerImages", ("Images", "Images"), {"ClusterId": MYCLUSTER}),
        (EHPC_2023, "ListImages", ("Images",), {"ImageType": "Container"}),
        (ENS, "DescribeSelfImages", ("Images", "Image"), {}),
    ],
)
@pytest.mark.parametrize("size", [7, 50])
def test_pages_of_any_size_give_the_same_images(
    cloud: Simulator, version: str, action: str, path: tuple[str, ...], query: dict[str, str], size: int
) -> None:
    found = sdks.pages(cloud, version, action, path, size, **query)
    assert found == sdks.pages(cloud, version, action, path, 10, **query)
    assert len({image["ImageId"] for image in found}) == len(found) > 50


def test_a_page_after_the_last_is_empty(cloud: Simulator) -> None:
    body = sdks.rpc(cloud, ENS, "DescribeSelfImages", PageNumber=99)
    assert (body["Images"]["Image"], body["TotalCount"]) == ([], "120")


@pytest.mark.parametrize(("action", "version"), [("ListContainerImages", EHPC_2018), ("ListClusters", EHPC_2018)])
@pytest.mark.parametrize(
    "query", [{"PageSize": 51}, {"PageSize": 0}, {"PageNumber": 0}, {"PageNumber": "one"}, {"PageSize": -1}]
)
def test_a_page_outside_the_documented_range_is_refused(
    cloud: Simulator, action: str, version: str, query: dict[str, Any]
) -> None:
    parameter = next(iter(query))
    outcome = refused(lambda: sdks.rpc(cloud, version, action, ClusterId=MYCLUSTER, **query))
    assert outcome == (400, "InvalidParams", f"The specified parameter {parameter} is invalid.")


def test_an_edge_page_outside_the_range_is_refused_in_ens_words(cloud: Simulator) -> None:
    status, code, message = refused(lambda: sdks.rpc(cloud, ENS, "DescribeSelfImages", PageSize=51))
    assert (status, code) == (400, "InvalidParameter.PageSize")
    assert message == "The specified field PageSize invalid. Please check it again."


def test_workspace_pages_by_offset(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    client = sdks.workspace(cloud)
    whole = [client.list_images(ListImagesRequest(limit=50, offset=offset)) for offset in (0, 50, 100)]
    assert [len(page.images) for page in whole] == [50, 50, 20]
    assert len({image.id for page in whole for image in page.images}) == 120
    assert {page.total_count for page in whole} == {120}
    assert client.list_images(ListImagesRequest(limit=0)).images == []


@pytest.mark.parametrize("wrong", [{"limit": 101}, {"limit": -1}, {"offset": -1}, {"image_type": "silver"}])
def test_a_wrong_workspace_parameter_is_refused(cloud: Simulator, wrong: dict[str, Any]) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    client = sdks.workspace(cloud)
    status, _, message = refused(lambda: client.list_images(ListImagesRequest(**wrong)))
    assert status == 400 and next(iter(wrong)) in message


# Filters


def test_custom_images_are_narrowed_by_owner_tag_and_instance(cloud: Simulator) -> None:
    def listed(**query: str) -> list[Any]:
        images: list[Any] = sdks.rpc(cloud, EHPC_2018, "ListCustomImages", **query)["Images"]["ImageInfo"]
        return images

    everything = listed()
    own, shared = listed(ImageOwnerAlias="self"), listed(ImageOwnerAlias="others")
    assert len(own) + len(shared) == len(everything) and own and shared
    tag = everything[0]["OsTag"]["BaseOsTag"]
    assert listed(BaseOsTag=tag) == [image for image in everything if image["OsTag"]["BaseOsTag"] == tag]
    assert all(image["OsTag"]["Architecture"] != "i386" for image in listed(InstanceType="ecs.n1.tiny"))
    assert listed(ClusterId=MYCLUSTER) == everything
    assert refused(lambda: listed(ImageOwnerAlias="nobody"))[1] == "InvalidParams"
    assert refused(lambda: listed(InstanceType="tiny"))[1] == "EcsError"
    assert refused(lambda: listed(ClusterId="ehpc-gone"))[1] == "InvalidParams"


def test_edge_images_are_narrowed_by_system(cloud: Simulator) -> None:
    def listed(**query: str) -> list[Any]:
        images: list[Any] = sdks.rpc(cloud, ENS, "DescribeImageInfos", **query)["Images"]["Image"]
        return images

    linux, windows = listed(OsType="linux"), listed(OsType="windows")
    assert len(linux) + len(windows) == len(listed()) and windows
    assert refused(lambda: listed(OsType="beos"))[1] == "InvalidParameter.OsType"


def test_the_architecture_filter_knows_images_that_do_not_tell_theirs(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    client = sdks.workspace(cloud)
    every = client.list_images(ListImagesRequest(limit=100)).images
    every += client.list_images(ListImagesRequest(limit=100, offset=100)).images
    x86 = client.list_images(ListImagesRequest(architecture="x86"))
    silent = {image.id for image in every if image.architecture is None}
    assert silent & {image.id for image in x86.images}
    assert {image.id for image in every if image.architecture == "arm"}.isdisjoint(image.id for image in x86.images)
    assert x86.total_count < 120


@pytest.mark.parametrize("filters", [{"os_type": "Windows"}, {"image_type": "gold"}, {"platform": "CentOS"}])
def test_workspace_images_are_filtered(cloud: Simulator, filters: dict[str, str]) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    page = sdks.workspace(cloud).list_images(ListImagesRequest(**filters))
    assert 0 < page.total_count < 120
    field, value = next(iter(filters.items()))
    if field == "platform":
        assert all(image.os_version.startswith(value) for image in page.images)
    else:
        assert all(getattr(image, field) == value for image in page.images)


def test_registered_images_are_virtual_machines_unless_containers_are_asked_for(cloud: Simulator) -> None:
    from alibabacloud_ehpc20230701 import models

    client = sdks.ehpc_2023(cloud)
    plain = client.list_images(models.ListImagesRequest()).body
    assert (plain.page_size, plain.success, len(plain.images)) == (20, True, 20)
    assert {image.image_type for image in plain.images} == {"VM"}
    containers = client.list_images_with_options(models.ListImagesRequest(), sdks.runtime(ImageType="Container")).body
    assert {image.image_type for image in containers.images} == {"Container"}
    assert plain.total_count + containers.total_count == 120


def test_registered_images_are_found_by_name_and_by_id(cloud: Simulator) -> None:
    from alibabacloud_ehpc20230701 import models

    client = sdks.ehpc_2023(cloud)
    wanted = client.list_images(models.ListImagesRequest(page_number=2)).body.images[3]
    by_name = client.list_images(models.ListImagesRequest(image_names=[wanted.name, "nobody's"])).body
    by_id = client.list_images(models.ListImagesRequest(image_ids=[wanted.image_id])).body
    assert [image.image_id for image in by_name.images] == [wanted.image_id]
    assert [image.name for image in by_id.images] == [wanted.name]
    assert (by_name.total_count, by_id.total_count) == (1, 1)


def test_public_registered_images_are_others(cloud: Simulator) -> None:
    custom = sdks.rpc(cloud, EHPC_2023, "ListImages", ImageCategory="Custom")["Images"]
    public = sdks.rpc(cloud, EHPC_2023, "ListImages", ImageCategory="Public")["Images"]
    assert {image["ImageId"] for image in custom}.isdisjoint(image["ImageId"] for image in public)


# Places


def test_one_port_serves_every_region(cloud: Simulator) -> None:
    sizes = {
        region: len(sdks.rpc(cloud, EHPC_2018, "ListCustomImages", RegionId=region)["Images"]["ImageInfo"])
        for region in ("cn-hangzhou", "cn-shanghai", "ap-southeast-1", "cn-beijing")
    }
    assert sizes == {"cn-hangzhou": 120, "cn-shanghai": 54, "ap-southeast-1": 18, "cn-beijing": 6}


def test_without_a_region_it_is_hangzhou(cloud: Simulator) -> None:
    plain = sdks.rpc(cloud, EHPC_2018, "ListCustomImages")
    named = sdks.rpc(cloud, EHPC_2018, "ListCustomImages", RegionId="cn-hangzhou")
    assert plain["Images"] == named["Images"]


def test_an_unknown_region_is_an_invalid_parameter(cloud: Simulator) -> None:
    outcome = refused(lambda: sdks.rpc(cloud, EHPC_2018, "ListCustomImages", RegionId="mars-north-1"))
    assert outcome == (400, "InvalidParams", "The specified parameter RegionId is invalid.")


def test_edge_images_are_the_same_in_any_region(cloud: Simulator) -> None:
    here = sdks.rpc(cloud, ENS, "DescribeImageInfos", RegionId="cn-hangzhou-44")["Images"]
    assert here == sdks.rpc(cloud, ENS, "DescribeImageInfos")["Images"]


def test_the_clusters_of_a_region_share_its_container_images(cloud: Simulator) -> None:
    clusters = sdks.pages(cloud, EHPC_2018, "ListClusters", ("Clusters", "ClusterInfoSimple"))
    found = [
        sdks.pages(cloud, EHPC_2018, "ListContainerImages", ("Images", "Images"), ClusterId=cluster["Id"])
        for cluster in clusters
    ]
    assert sum(map(len, found)) == 120
    assert len(found[0]) > len(found[1]) > len(found[2])
    assert [images[0]["System"] for images in found] == [cluster["Name"] for cluster in clusters]


def test_a_region_may_have_no_cluster(cloud: Simulator) -> None:
    assert sdks.rpc(cloud, EHPC_2018, "ListClusters", RegionId="cn-beijing")["Clusters"]["ClusterInfoSimple"] == []


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ({"ClusterId": "ehpc-gone"}, (404, "LoginNotFound", "The specified login node does not exist.")),
        ({}, (400, "InvalidParams", "The specified parameter ClusterId is invalid.")),
        (
            {"ClusterId": MYCLUSTER, "ContainerType": "docker"},
            (400, "InvalidContainerType", "Unsupported container type: docker."),
        ),
        (
            {"ClusterId": MYCLUSTER, "RegionId": "cn-shanghai"},
            (404, "LoginNotFound", "The specified login node does not exist."),
        ),
    ],
)
def test_container_images_of_nowhere_are_refused(
    cloud: Simulator, query: dict[str, str], outcome: tuple[int, str, str]
) -> None:
    assert refused(lambda: sdks.rpc(cloud, EHPC_2018, "ListContainerImages", **query)) == outcome


def test_the_project_of_a_region_is_discovered(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    assert sdks.workspace(cloud, region="cn-east-3").list_images(ListImagesRequest()).total_count == 36
    assert [record["operation"] for record in cloud.requests()] == ["ListProjects", "ListImages"]


def test_a_region_without_a_project_is_an_sdk_error(cloud: Simulator) -> None:
    from huaweicloudsdkcore.exceptions.exceptions import SdkException

    with pytest.raises(SdkException, match="Failed to get project id"):
        sdks.workspace(cloud, region="mars-north-1")


def test_there_are_spare_regions_of_full_size_for_as_many_sources_as_a_benchmark_wants(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    assert len(sdks.rpc(cloud, EHPC_2018, "ListCustomImages", RegionId="sim-17")["Images"]["ImageInfo"]) == 120
    (cluster,) = sdks.rpc(cloud, EHPC_2018, "ListClusters", RegionId="sim-17")["Clusters"]["ClusterInfoSimple"]
    body = sdks.rpc(cloud, EHPC_2018, "ListContainerImages", RegionId="sim-17", ClusterId=cluster["Id"])
    assert body["TotalCount"] == 120
    assert sdks.rpc(cloud, ENS, "DescribeSelfImages", RegionId="sim-17")["TotalCount"] == "120"
    assert sdks.workspace(cloud, region="sim-17").list_images(ListImagesRequest()).total_count == 120


def test_an_unknown_project_is_not_found(cloud: Simulator) -> None:
    from huaweicloudsdkworkspace.v2 import ListImagesRequest

    client = sdks.workspace(cloud, project_id="0" * 32)
    assert refused(lambda: client.list_images(ListImagesRequest()))[0] == 404


@pytest.mark.parametrize(
    ("version", "action", "code"),
    [
        (EHPC_2018, "AddImage", "InvalidAction.NotFound"),
        (ENS, "ListImages", "InvalidAction.NotFound"),
        ("1999-01-01", "ListImages", "InvalidVersion"),
    ],
)
def test_an_operation_that_is_not_there_is_refused(cloud: Simulator, version: str, action: str, code: str) -> None:
    assert refused(lambda: sdks.rpc(cloud, version, action))[1] == code


def test_parameters_may_come_in_a_form(cloud: Simulator) -> None:
    from alibabacloud_tea_openapi import models
    from alibabacloud_tea_openapi.client import Client
    from darabonba.runtime import RuntimeOptions

    params = models.Params(
        action="DescribeSelfImages",
        version=ENS,
        protocol="HTTP",
        pathname="/",
        method="POST",
        auth_type="AK",
        style="RPC",
        req_body_type="formData",
        body_type="json",
    )
    client = Client(sdks._config(cloud, sdks.ALIBABA))
    body = client.call_api(params, models.OpenApiRequest(body={"PageSize": 3}), RuntimeOptions())["body"]
    assert len(body["Images"]["Image"]) == 3
