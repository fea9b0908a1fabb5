"""Traps of E-HPC's fields, each by its name: PROVIDERS.md sections 2 and 2a."""

from datetime import UTC, datetime

import pytest

from catalog.providers import list_pages
from catalog.providers.base import Target
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import connection_for
from tests.catalog.providers.items import CONTAINER, CUSTOM, REGISTERED, image, images, told

# ListCustomImages


def test_custom_the_images_own_system_wins_and_the_management_nodes_stands_beside_it() -> None:
    tag = {"Platform": "Ubuntu", "OsTag": "Ubuntu_20.04_64", "Version": "20.04", "Architecture": "x86_64"}
    base = {"Platform": "CentOS", "OsTag": "CentOS_7.2_64", "Version": "7.2", "Architecture": "i386"}
    found = image(CUSTOM, OsTag=tag, BaseOsTag=base)
    assert (found.distribution, found.os_version, found.arch) == ("Ubuntu", "20.04", "x86_64")
    assert found.extra == {"base_os": {"platform": "CentOS", "tag": "CentOS_7.2_64", "version": "7.2", "arch": "i386"}}


def test_custom_the_management_nodes_system_is_never_taken_for_the_images() -> None:
    found = image(CUSTOM, BaseOsTag={"Platform": "CentOS", "Version": "7.2", "Architecture": "x86_64"})
    assert told(found, "os", "distribution", "os_version", "arch") == [
        ("unknown", "unknown"),
        (None, "unknown"),
        (None, "unknown"),
        ("unknown", "unknown"),
    ]


def test_custom_a_tag_alone_is_read_and_marked_derived() -> None:
    found = image(CUSTOM, OsTag={"OsTag": "CentOS_7.2_64"})
    assert told(found, "os", "distribution", "os_version") == [
        ("linux", "derived"),
        ("CentOS", "derived"),
        ("7.2", "derived"),
    ]


def test_custom_a_version_that_lacks_is_read_off_the_tag() -> None:
    found = image(CUSTOM, OsTag={"Platform": "CentOS", "OsTag": "CentOS_7.6_64"})
    assert told(found, "distribution", "os_version") == [("CentOS", "reported"), ("7.6", "derived")]


def test_custom_windows_is_reported_and_its_edition_derived() -> None:
    found = image(CUSTOM, OsTag={"Platform": "windows", "OsTag": "Windows_2019", "Version": "2019"})
    assert told(found, "os", "distribution", "os_version") == [
        ("windows", "reported"),
        ("Windows Server", "derived"),
        ("2019", "reported"),
    ]


@pytest.mark.parametrize(
    ("alias", "visibility"), [("self", "private"), ("others", "shared"), ("marketplace", "unknown"), (None, "unknown")]
)
def test_custom_the_owner_tells_the_visibility(alias: str | None, visibility: str) -> None:
    found = image(CUSTOM, ImageOwnerAlias=alias)
    assert told(found, "visibility") == [(visibility, "unknown" if visibility == "unknown" else "reported")]


@pytest.mark.parametrize("size", [None, "forty", -1, True, 40.5, [40], 2**80])
def test_a_size_that_is_no_number_is_unknown(size: object) -> None:
    assert told(image(CUSTOM, Size=size), "size_gib") == [(None, "unknown")]


def test_custom_what_is_not_publicly_documented_is_kept_as_provider_data() -> None:
    item = {"PostInstallScript": "a.sh", "SkuCode": "ECS", "PricingCycle": "Month", "ProductCode": "c", "Uid": "127"}
    document = image(CUSTOM, **item).document
    assert item.items() <= document.items()


def test_custom_a_source_is_narrowed_by_the_apis_own_filters() -> None:
    narrowing = {"ImageOwnerAlias": "others", "BaseOsTag": "CentOS_7.2_64", "InstanceType": "ecs.n1.tiny"}
    target = Target(region="cn-beijing", cluster="ehpc-hz-1", narrowing=narrowing)
    with Canned(Reply(b'{"Images": {"ImageInfo": [{"ImageId": "m-1"}]}}')) as server:
        (page,) = list_pages(CUSTOM, connection_for(server.url, CUSTOM), target)
    assert server.received[0].query == {"ClusterId": "ehpc-hz-1", **narrowing}
    assert told(page.images[0], "cluster", "region") == [("ehpc-hz-1", "derived"), ("cn-beijing", "derived")]


# States


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("Available", "available"),
        ("READY", "available"),
        ("available", "available"),
        ("Creating", "creating"),
        ("Waiting", "creating"),
        ("CreateFailed", "failed"),
        ("Error", "failed"),
        ("Unavailable", "unknown"),
        ("Deprecated", "unknown"),
    ],
)
def test_the_status_is_the_clouds_word_and_the_state_ours(status: str, state: str) -> None:
    found = image(CUSTOM, Status=status)
    mark = "unknown" if state == "unknown" else "reported"
    assert told(found, "status", "state") == [(status, "reported"), (state, mark)]


def test_an_image_listed_without_a_status_is_available() -> None:
    assert told(image(CUSTOM), "status", "state") == [(None, "unknown"), ("available", "derived")]


# ListContainerImages


def test_container_the_type_is_stored_as_it_came_though_singularity_is_documented() -> None:
    assert image(CONTAINER, Type="docker").extra == {"container_type": "docker"}


def test_container_a_time_without_a_zone_is_utc() -> None:
    assert image(CONTAINER, UpdateDateTime="2018-08-02T20:11:36").remote_updated_at == datetime(
        2018, 8, 2, 20, 11, 36, tzinfo=UTC
    )
    assert image(CONTAINER, UpdateDateTime="yesterday").remote_updated_at is None


def test_container_the_clusters_database_address_is_never_stored() -> None:
    found = image(CONTAINER, Repository="busybox", DBInfo="mongodb://10.0.0.1/", Nested=[{"dbinfo": "x", "kept": 1}])
    assert "mongodb" not in repr(found)
    assert found.document["Nested"] == [{"kept": 1}]


def test_container_the_same_id_in_two_repositories_is_two_images() -> None:
    found = images(
        CONTAINER,
        {"ImageId": "same", "Repository": "a", "Tag": "b/c"},
        {"ImageId": "same", "Repository": "a/b", "Tag": "c"},
        {"ImageId": "same", "Repository": "a", "Tag": "b"},
    )
    assert len({image.key for image in found}) == 3
    assert [image.name for image in found] == ["a:b/c", "a/b:c", "a:b"]


@pytest.mark.parametrize(
    ("parts", "name"),
    [({"Repository": "r", "Tag": "t"}, "r:t"), ({"Repository": "r"}, "r"), ({"Tag": "t"}, "t"), ({}, "id-0")],
)
def test_container_the_name_is_repository_and_tag(parts: dict[str, str], name: str) -> None:
    assert told(image(CONTAINER, **parts), "name") == [(name, "derived")]


def test_container_its_system_is_unknown() -> None:
    found = image(CONTAINER, Repository="centos", Tag="7", System="linux")
    assert (found.os, found.distribution, found.os_version, found.arch) == ("unknown", None, None, "unknown")


# ListImages of 2023


def test_registered_type_id_and_version_make_the_key() -> None:
    found = image(
        REGISTERED, ImageId="m-1", ImageType="Container", Version="V1.0", Name="app", CreateTime="2024-01-02T03:04:05Z"
    )
    assert (found.key, found.type, found.version, found.name) == ("Container/m-1/V1.0", "container", "V1.0", "app")
    assert found.remote_created_at == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert told(found, "visibility", "type") == [("private", "derived"), ("container", "reported")]


def test_registered_a_type_that_is_not_told_is_the_one_asked_for() -> None:
    assert told(image(REGISTERED), "type") == [("vm", "derived")]


def test_registered_a_registry_password_is_never_stored() -> None:
    spec = {"RegistryCredential": {"Server": "s", "UserName": "u", "Password": "canary-pw"}, "RegistryUrl": "r/x"}
    found = image(REGISTERED, ContainerImageSpec=spec, RegistryCredential={"PASSWORD": "canary-pw"})
    assert "canary-pw" not in repr(found)
    assert found.document["ContainerImageSpec"]["RegistryUrl"] == "r/x"
