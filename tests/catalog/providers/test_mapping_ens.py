"""Traps of ENS's fields, each by its name: PROVIDERS.md sections 2 and 2a."""

from datetime import UTC, datetime

import pytest

from catalog.providers import list_pages
from catalog.providers.base import Target
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import connection_for
from tests.catalog.providers.items import PUBLIC, SELF, image, told

# DescribeImageInfos


@pytest.mark.parametrize(
    ("compute", "arch"),
    [("ens_vm", "x86_64"), ("arm_vm", "arm64"), ("bare_metal", "x86_64"), ("pcfarm", "mixed"), ("tpu", "unknown")],
)
def test_ens_the_compute_type_tells_the_architecture(compute: str, arch: str) -> None:
    found = image(PUBLIC, ComputeType=compute)
    assert found.arch == arch
    assert found.extra.get("bare_metal") is (True if compute == "bare_metal" else None)


def test_ens_the_size_is_a_text() -> None:
    assert told(image(PUBLIC, ImageSize="20"), "size_gib") == [(20, "reported")]


def test_ens_the_os_type_filter_is_left_out_since_it_may_empty_the_answer() -> None:
    with Canned(Reply(b'{"Images": {"Image": []}}')) as server:
        list(list_pages(PUBLIC, connection_for(server.url, PUBLIC), Target(region="cn-hangzhou")))
    assert server.received[0].query == {}


def test_ens_the_reported_version_stays_6_8_and_does_not_become_6_08() -> None:
    found = image(
        PUBLIC, ImageId="centos_6_08_64_20G_alibase_2017", OSName="centos", ImageVersion="6.8", OSType="linux"
    )
    assert told(found, "distribution", "os_version") == [("CentOS", "reported"), ("6.8", "reported")]
    assert told(found, "version", "name") == [(None, "unknown"), ("centos_6_08_64_20G_alibase_2017", "derived")]


def test_ens_a_system_that_is_not_told_is_read_off_the_id() -> None:
    found = image(PUBLIC, ImageId="aliyun_3_x64_20G_alibase_2023", OSType="linux")
    assert told(found, "os", "distribution", "os_version") == [
        ("linux", "reported"),
        ("Alibaba Cloud Linux", "derived"),
        ("3", "derived"),
    ]


def test_ens_an_id_that_names_no_system_tells_none() -> None:
    assert told(image(PUBLIC, ImageId="m-5x61s4", OSType="linux"), "distribution") == [(None, "unknown")]


def test_ens_another_systems_id_does_not_give_its_version() -> None:
    found = image(PUBLIC, ImageId="centos_7_9_x64_20G", OSName="ubuntu")
    assert told(found, "distribution", "os_version") == [("Ubuntu", "reported"), (None, "unknown")]


def test_ens_windows_is_windows_server_by_its_year() -> None:
    found = image(
        PUBLIC, ImageId="win2019_1809_x64_dtc_zh-cn_40G", OSName="windows", OSType="windows", ImageVersion="2019"
    )
    assert told(found, "os", "distribution", "os_version") == [
        ("windows", "reported"),
        ("Windows Server", "derived"),
        ("2019", "reported"),
    ]


def test_ens_everything_listed_is_public() -> None:
    assert told(image(PUBLIC), "visibility") == [("public", "derived")]


# DescribeSelfImages


def test_ens_self_the_architecture_beats_the_compute_type() -> None:
    assert image(SELF, Architecture="x86_64", ComputeType="arm_vm").arch == "x86_64"
    assert image(SELF, ComputeType="arm_vm").arch == "arm64"
    assert image(SELF, Architecture="riscv", ComputeType="arm_vm").arch == "arm64"


def test_ens_self_an_images_own_region_beats_the_sources() -> None:
    assert told(image(SELF, RegionId="cn-chengdu-telecom"), "region") == [("cn-chengdu-telecom", "reported")]
    assert told(image(SELF), "region") == [("cn-hangzhou", "derived")]


def test_ens_self_fields() -> None:
    found = image(
        SELF,
        ImageName="mine",
        Platform="alios",
        OsVersion="3",
        ImageSize="20",
        Status="Packing",
        ImageOwnerAlias="others",
        CreationTime="2017-12-08T12:10:03Z",
    )
    assert told(found, "name", "distribution", "os_version", "size_gib", "state", "visibility") == [
        ("mine", "reported"),
        ("Alibaba Cloud Linux", "reported"),
        ("3", "reported"),
        (20, "reported"),
        ("creating", "reported"),
        ("shared", "reported"),
    ]
    assert found.remote_created_at == datetime(2017, 12, 8, 12, 10, 3, tzinfo=UTC)
