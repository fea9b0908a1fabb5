"""Each seed's own example answer, verbatim, and exactly the image it becomes."""

import json
from datetime import UTC, datetime

from catalog.providers import add_image, list_pages
from catalog.providers.base import FIELDS, RemoteImage
from tests.catalog.providers import seeds
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import connection_for, connection_to, target_for


def listed(kind: str, answer: str, **target: str) -> list[RemoteImage]:
    with Canned(Reply(answer.encode())) as server:
        pages = list(list_pages(kind, connection_for(server.url, kind), target_for(kind, **target)))
    assert len(pages) == 1
    return pages[0].images


def provenance(reported: str, derived: str) -> dict[str, str]:
    marks = dict.fromkeys(FIELDS, "unknown")
    return marks | dict.fromkeys(reported.split(), "reported") | dict.fromkeys(derived.split(), "derived")


def test_the_list_custom_images_example_is_this_image() -> None:
    item = json.loads(seeds.LIST_CUSTOM_IMAGES)["Images"]["ImageInfo"][0]
    assert listed("alibaba_ehpc_custom", seeds.LIST_CUSTOM_IMAGES) == [
        RemoteImage(
            key="m-bp181x855551ww5yq****",
            remote_id="m-bp181x855551ww5yq****",
            name="CHESS5V5.0.27",
            type="vm",
            visibility="private",
            os="linux",
            distribution="CentOS",
            os_version="7.2",
            arch="x86_64",
            size_gib=40,
            status="Available",
            state="available",
            description="ExampleDescription",
            region="cn-hangzhou",
            provenance=provenance(
                "name visibility distribution os_version arch size_gib status state description", "type os region"
            ),
            extra={"base_os": {"platform": "CentOS", "tag": "CentOS_7.2_64", "version": "7.2", "arch": "i386"}},
            document=item,
        )
    ]


def test_the_list_container_images_example_is_this_image() -> None:
    item = json.loads(seeds.LIST_CONTAINER_IMAGES)["Images"]["Images"][0]
    assert listed("alibaba_ehpc_container", seeds.LIST_CONTAINER_IMAGES) == [
        RemoteImage(
            key="ehpc-hz-FYUr32****/busybox/latest/centos_7_06_64_20G_alibase_2019071****",
            remote_id="centos_7_06_64_20G_alibase_2019071****",
            name="busybox:latest",
            type="container",
            status="READY",
            state="available",
            repository="busybox",
            tag="latest",
            region="cn-hangzhou",
            cluster="ehpc-hz-FYUr32****",
            remote_updated_at=datetime(2018, 8, 2, 20, 11, 36, tzinfo=UTC),
            provenance=provenance("status state repository tag", "name type region cluster"),
            extra={"container_type": "docker", "container_system": "mycluster"},
            document=item,
        )
    ]


def test_the_describe_image_infos_example_is_this_image() -> None:
    item = json.loads(seeds.DESCRIBE_IMAGE_INFOS)["Images"]["Image"][0]
    assert listed("alibaba_ens_public", seeds.DESCRIBE_IMAGE_INFOS) == [
        RemoteImage(
            key="centos_6_08_64_20G_alibase_2017****",
            remote_id="centos_6_08_64_20G_alibase_2017****",
            name="centos_6_08_64_20G_alibase_2017****",
            type="vm",
            visibility="public",
            os="linux",
            distribution="CentOS",
            os_version="6.8",
            arch="x86_64",
            size_gib=20,
            state="available",
            description="centos_6_08_64_20G_alibase_2017****",
            region="cn-hangzhou",
            provenance=provenance(
                "os distribution os_version arch size_gib description", "name type visibility state region"
            ),
            extra={"compute_type": "ens_vm"},
            document=item,
        )
    ]


def test_the_huawei_example_is_these_two_images() -> None:
    items = json.loads(seeds.HUAWEI_IMAGES)["images"]
    reported = "name visibility os min_ram_mb min_disk_gb disk_format"
    derived = "type distribution os_version arch state region"

    def image(item: dict[str, object], name: str, version: str, min_disk: int) -> RemoteImage:
        return RemoteImage(
            key=str(item["id"]),
            remote_id=str(item["id"]),
            name=name,
            type="vm",
            visibility="public",
            os="linux",
            distribution="EulerOS",
            os_version=version,
            arch="x86_64",
            min_ram_mb=0,
            min_disk_gb=min_disk,
            disk_format="qcow2",
            state="available",
            region="cn-north-4",
            provenance=provenance(reported, derived),
            document=item,
        )

    assert listed("huawei_workspace", seeds.HUAWEI_IMAGES) == [
        image(items[0], "Euler_Online_Tenant_vAG", "2.2", 50),
        image(items[1], "FA-LZ-x86vAG-801temp", "2.5", 60),
    ]


def test_the_add_image_example_is_this_answer() -> None:
    with Canned(Reply(seeds.ADD_IMAGE.encode())) as server:
        spec = {"type": "vm", "name": "app-image", "version": "V1.0", "image_id": "m-bp1akkkr1rkxtb******"}
        added = add_image(connection_to(server.url, "alibaba"), "cn-hangzhou", spec)
    assert added.image_id == "m-bp1akkkr1rkxtb******"
    assert added.request_id == "04F0F334-1335-436C-A1D7-6C044FE73368"


def test_the_add_image_example_request_goes_out_parameter_by_parameter() -> None:
    spec = {
        "type": "container",
        "name": "app-image",
        "version": "V1.0",
        "description": "应用测试镜像。",
        "registry_url": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
        "is_acr": True,
        "is_acr_enterprise": True,
        "registry_cri_id": "cri-xyz795ygf8k9****",
        "registry_server": "registry-vpc.cn-hangzhou.aliyuncs.com",
        "registry_user": "username",
        "registry_password": "userpassword",
    }
    with Canned(Reply(seeds.ADD_IMAGE.encode())) as server:
        add_image(connection_to(server.url, "alibaba"), "cn-hangzhou", spec)
    (sent,) = server.received
    assert (sent.method, sent.headers["x-acs-action"], sent.headers["x-acs-version"]) == (
        "POST",
        "AddImage",
        "2023-07-01",
    )
    container = json.loads(sent.query.pop("ContainerImageSpec"))
    assert sent.query == {
        "ImageType": "Container",
        "Name": "app-image",
        "ImageVersion": "V1.0",
        "Description": "应用测试镜像。",
    }
    assert container == {
        "RegistryUrl": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
        "IsACRRegistry": True,
        "IsACREnterprise": True,
        "RegistryCriId": "cri-xyz795ygf8k9****",
        "RegistryCredential": {
            "Server": "registry-vpc.cn-hangzhou.aliyuncs.com",
            "UserName": "username",
            "Password": "userpassword",
        },
    }


def test_the_vm_example_request_goes_out_parameter_by_parameter() -> None:
    spec = {"type": "vm", "name": "app-image", "image_id": "m-bp1akkkr1rkxtb******", "version": None, "description": ""}
    with Canned(Reply(seeds.ADD_IMAGE.encode())) as server:
        add_image(connection_to(server.url, "alibaba"), "cn-hangzhou", spec)
    (sent,) = server.received
    assert json.loads(sent.query.pop("VMImageSpec")) == {"ImageId": "m-bp1akkkr1rkxtb******"}
    assert sent.query == {"ImageType": "VM", "Name": "app-image"}
