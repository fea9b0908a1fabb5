"""AddImage, GetImage and RemoveImage of the simulated E-HPC 2023-07-01, through the typed SDK client."""

import hashlib
from pathlib import Path
from typing import Any

import pytest

from tests.clouds import sdks
from tests.clouds.credentials import ALIBABA_DENIED, Credential
from tests.clouds.server import Simulator
from tests.test_simulator_listings import refused


def vm(cloud: Simulator, image_id: str = "m-bp1akkkr1rkxtb******", name: str = "app-image", **more: Any) -> Any:
    """The seed's own VM example, sent as the SDK sends it."""
    from alibabacloud_ehpc20230701 import models

    spec = models.AddImageRequestVMImageSpec(image_id=image_id)
    request = models.AddImageRequest(
        name=name, image_version="V1.0", description="应用测试镜像。", vmimage_spec=spec, **more
    )
    return sdks.ehpc_2023(cloud).add_image_with_options(request, sdks.runtime(ImageType="VM")).body


def container(cloud: Simulator, name: str = "nginx", version: str = "V1.0", **spec: Any) -> Any:
    from alibabacloud_ehpc20230701 import models

    request = models.AddImageRequest(
        name=name,
        image_version=version,
        container_image_spec=models.AddImageRequestContainerImageSpec(**spec),
    )
    return sdks.ehpc_2023(cloud).add_image_with_options(request, sdks.runtime(ImageType="Container")).body


def seed_example() -> dict[str, Any]:
    """The seed's container parameters: ACR Enterprise with a password, on a host that is not Enterprise's."""
    from alibabacloud_ehpc20230701 import models

    credential = models.AddImageRequestContainerImageSpecRegistryCredential(
        server="registry-vpc.cn-hangzhou.aliyuncs.com", user_name="username", password="userpassword"
    )
    return {
        "registry_url": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
        "is_acrregistry": True,
        "is_acrenterprise": True,
        "registry_cri_id": "cri-xyz795ygf8k9****",
        "registry_credential": credential,
    }


def listed(cloud: Simulator, kind: str, name: str) -> list[dict[str, Any]]:
    body = sdks.rpc(cloud, "2023-07-01", "ListImages", ImageType=kind, ImageNames=f'["{name}"]')
    images: list[dict[str, Any]] = body["Images"]
    return images


def test_a_virtual_machine_image_is_registered_and_listed(cloud: Simulator) -> None:
    answer = vm(cloud)
    assert (answer.success, answer.image_id) == (True, "m-bp1akkkr1rkxtb******\n")
    assert answer.request_id.endswith("\n")
    (image,) = listed(cloud, "VM", "app-image")
    assert (image["ImageId"], image["Version"], image["Description"]) == (
        "m-bp1akkkr1rkxtb******",
        "V1.0",
        "应用测试镜像。",
    )
    assert not any(name.startswith("_") for name in image)


def test_a_container_image_is_registered_and_listed(cloud: Simulator) -> None:
    answer = container(cloud, **seed_example())
    (image,) = listed(cloud, "Container", "nginx")
    assert image["ImageId"] == answer.image_id.strip()
    assert listed(cloud, "VM", "nginx") == []


def test_the_answer_about_an_image_holds_its_registry_password(cloud: Simulator) -> None:
    from alibabacloud_ehpc20230701 import models

    image_id = container(cloud, **seed_example()).image_id.strip()
    image = sdks.ehpc_2023(cloud).get_image(models.GetImageRequest(image_id=image_id)).body.image
    assert image.container_image_spec.registry_credential.password == "userpassword"
    assert image.container_image_spec.is_acrenterprise is True


def test_the_request_log_has_every_parameter_and_only_a_hash_of_the_password(cloud: Simulator) -> None:
    container(cloud, **seed_example())
    (record,) = cloud.requests("AddImage")
    digest = hashlib.sha256(b"userpassword").hexdigest()
    assert record["parameters"] == {
        "ImageType": "Container",
        "Name": "nginx",
        "ImageVersion": "V1.0",
        "ContainerImageSpec": {
            "IsACREnterprise": True,
            "IsACRRegistry": True,
            "RegistryCriId": "cri-xyz795ygf8k9****",
            "RegistryUrl": "registry-vpc.cn-hangzhou.aliyuncs.com/ehpc_open/nginx:latest",
            "RegistryCredential": {
                "Server": "registry-vpc.cn-hangzhou.aliyuncs.com",
                "UserName": "username",
                "Password": f"sha256:{digest}",
            },
        },
    }
    assert "userpassword" not in str(cloud.requests())


def test_an_image_cannot_be_registered_twice(cloud: Simulator) -> None:
    vm(cloud)
    assert refused(lambda: vm(cloud)) == (400, "ImageAlreadyExists", "The image id already exists.")
    assert refused(lambda: vm(cloud, image_id="m-bp1other000000000000"))[1] == "ImageAlreadyExists"
    assert len(listed(cloud, "VM", "app-image")) == 1


def test_another_version_or_type_of_a_name_is_another_image(cloud: Simulator) -> None:
    container(cloud, name="app-image", version="V1.0", registry_url="busybox:1")
    container(cloud, name="app-image", version="V2.0", registry_url="busybox:2")
    vm(cloud)
    assert [image["Version"] for image in listed(cloud, "Container", "app-image")] == ["V1.0", "V2.0"]


def test_an_image_that_the_region_already_listed_exists(cloud: Simulator) -> None:
    known = sdks.rpc(cloud, "2023-07-01", "ListImages", ImageType="Container")["Images"][0]
    outcome = refused(lambda: container(cloud, known["Name"], known["Version"], registry_url="busybox:1"))
    assert outcome[1] == "ImageAlreadyExists"


def test_the_type_is_a_virtual_machine_unless_said(cloud: Simulator) -> None:
    from alibabacloud_ehpc20230701 import models

    spec = models.AddImageRequestVMImageSpec(image_id="m-bp1akkkr1rkxtb000000")
    sdks.ehpc_2023(cloud).add_image(models.AddImageRequest(name="plain", vmimage_spec=spec))
    assert len(listed(cloud, "VM", "plain")) == 1


def test_regions_keep_their_own(cloud: Simulator) -> None:
    spec = '{"ImageId":"m-bp1akkkr1rkxtb000000"}'
    sdks.rpc(cloud, "2023-07-01", "AddImage", Name="far", VMImageSpec=spec, RegionId="cn-shanghai")
    assert listed(cloud, "VM", "far") == []


@pytest.mark.parametrize(
    ("query", "outcome"),
    [
        ({}, "Name"),
        ({"Name": "  "}, "Name"),
        ({"Name": "a", "ImageType": "Jar"}, "ImageType"),
        ({"Name": "a"}, "VMImageSpec"),
        ({"Name": "a", "VMImageSpec": "m-1"}, "VMImageSpec"),
        ({"Name": "a", "VMImageSpec": "[]"}, "VMImageSpec"),
        ({"Name": "a", "VMImageSpec": "{}"}, "VMImageSpec.ImageId"),
        ({"Name": "a", "RegionId": "mars-north-1"}, "RegionId"),
        ({"Name": "a", "ImageType": "Container"}, "ContainerImageSpec"),
        ({"Name": "a", "ImageType": "Container", "ContainerImageSpec": "{}"}, "ContainerImageSpec.RegistryUrl"),
        (
            {"Name": "a", "ImageType": "Container", "ContainerImageSpec": '{"RegistryUrl":"a b"}'},
            "ContainerImageSpec.RegistryUrl",
        ),
        (
            {"Name": "a", "ImageType": "Container", "ContainerImageSpec": '{"RegistryUrl":"a","IsACRRegistry":"yes"}'},
            "ContainerImageSpec.IsACRRegistry",
        ),
        (
            {
                "Name": "a",
                "ImageType": "Container",
                "ContainerImageSpec": '{"RegistryUrl":"a","IsACREnterprise":true,"RegistryCriId":"xyz"}',
            },
            "ContainerImageSpec.RegistryCriId",
        ),
        (
            {
                "Name": "a",
                "ImageType": "Container",
                "ContainerImageSpec": '{"RegistryUrl":"a","RegistryCredential":{"UserName":"u"}}',
            },
            "ContainerImageSpec.RegistryCredential.Password",
        ),
    ],
)
def test_a_wrong_parameter_is_named(cloud: Simulator, query: dict[str, str], outcome: str) -> None:
    status, code, message = refused(lambda: sdks.rpc(cloud, "2023-07-01", "AddImage", **query))
    assert (status, code, message) == (400, "InvalidParams", f"The specified parameter {outcome} is invalid.")


@pytest.mark.parametrize("image_id", ["m-missing000000", "not-an-image"])
def test_an_ecs_image_that_is_not_there_is_not_found(cloud: Simulator, image_id: str) -> None:
    assert refused(lambda: vm(cloud, image_id=image_id))[:2] == (404, "ImageNotFound")


def test_a_key_without_permission_registers_nothing(cloud: Simulator) -> None:
    query: dict[str, Any] = {"Name": "a", "VMImageSpec": '{"ImageId":"m-bp1akkkr1rkxtb000000"}'}
    outcome = refused(lambda: sdks.rpc(cloud, "2023-07-01", "AddImage", ALIBABA_DENIED, **query))
    assert outcome == (407, "NotAuthorized", "No authorization is granted.")
    assert listed(cloud, "VM", "a") == []


def test_images_are_removed(cloud: Simulator) -> None:
    from alibabacloud_ehpc20230701 import models

    client = sdks.ehpc_2023(cloud)
    generated = client.list_images(models.ListImagesRequest()).body
    vm(cloud)
    for image_id in ("m-bp1akkkr1rkxtb******", generated.images[0].image_id):
        assert client.remove_image(models.RemoveImageRequest(image_id=image_id)).body.success
        with pytest.raises(Exception, match="does not exist"):
            client.get_image(models.GetImageRequest(image_id=image_id))
    assert client.list_images(models.ListImagesRequest()).body.total_count == generated.total_count - 1


def test_an_image_that_jobs_use_is_not_removed(cloud: Simulator) -> None:
    vm(cloud)
    place = {"listing": "alibaba_ehpc_registered", "region": "cn-hangzhou"}
    cloud.change(**place, changes={"m-bp1akkkr1rkxtb******": {"_in_use": True}})
    outcome = refused(lambda: sdks.rpc(cloud, "2023-07-01", "RemoveImage", ImageId="m-bp1akkkr1rkxtb******"))
    assert outcome == (403, "ImageInUse", "Image is still used by jobs.")
    assert len(listed(cloud, "VM", "app-image")) == 1


def test_the_state_file_keeps_what_was_added_and_removed_but_no_password(tmp_path: Path) -> None:
    from alibabacloud_ehpc20230701 import models

    state = tmp_path / "var" / "clouds.json"
    with Simulator(images=20, seed=3, state=state) as cloud:
        gone = sdks.rpc(cloud, "2023-07-01", "ListImages")["Images"][0]["ImageId"]
        image_id = container(cloud, **seed_example()).image_id.strip()
        sdks.ehpc_2023(cloud).remove_image(models.RemoveImageRequest(image_id=gone))
    assert b"userpassword" not in state.read_bytes()
    assert [path.name for path in state.parent.iterdir()] == ["clouds.json"]
    with Simulator(images=20, seed=3, state=state) as cloud:
        assert [image["ImageId"] for image in listed(cloud, "Container", "nginx")] == [image_id]
        assert gone not in str(sdks.rpc(cloud, "2023-07-01", "ListImages"))
        assert refused(lambda: container(cloud, **seed_example()))[1] == "ImageAlreadyExists"


def test_removing_may_be_denied_alone() -> None:
    careful = Credential(vendor="alibaba", key="CAREFUL", secret="s", denied=frozenset({"RemoveImage"}))
    with Simulator(images=5, credentials=[careful]) as cloud:
        image_id = sdks.rpc(cloud, "2023-07-01", "ListImages", careful, ImageType="Container")["Images"][0]["ImageId"]
        outcome = refused(lambda: sdks.rpc(cloud, "2023-07-01", "RemoveImage", careful, ImageId=image_id))
    assert outcome[1] == "NotAuthorized"
