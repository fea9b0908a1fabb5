"""Traps of Workspace's fields, each by its name: PROVIDERS.md sections 2 and 2a."""

from datetime import UTC, datetime

import pytest

from tests.catalog.providers.items import HUAWEI, image, told


@pytest.mark.parametrize(("word", "visibility"), [("gold", "public"), ("private", "private"), ("market", "unknown")])
def test_huawei_gold_is_public(word: str, visibility: str) -> None:
    assert image(HUAWEI, image_type=word).visibility == visibility


@pytest.mark.parametrize(
    ("os_type", "os_version", "expected"),
    [
        ("Linux", "EulerOS 2.2 64bit", ("linux", "EulerOS", "2.2")),
        ("Windows", "Windows 10 Enterprise 64bit", ("windows", "Windows", "10")),
        ("Windows", "Windows Server 2012 R2 Standard 64bit", ("windows", "Windows Server", "2012 R2")),
        ("Other", "Other(64 bit)", ("other", "Other(64 bit)", None)),
        ("Plan9", "Plan 9", ("unknown", "Plan 9", None)),
        ("Linux", None, ("linux", None, None)),
        (None, "Ubuntu 22.04 server 64bit", ("linux", "Ubuntu", "22.04")),
    ],
)
def test_huawei_the_system_is_read_off_the_version(
    os_type: str | None, os_version: str | None, expected: tuple[str, str | None, str | None]
) -> None:
    found = image(HUAWEI, os_type=os_type, os_version=os_version)
    assert (found.os, found.distribution, found.os_version) == expected


def test_huawei_a_reported_zero_stays_zero() -> None:
    assert told(image(HUAWEI, min_ram=0, min_disk=40), "min_ram_mb", "min_disk_gb") == [
        (0, "reported"),
        (40, "reported"),
    ]
    assert told(image(HUAWEI), "min_ram_mb", "min_disk_gb") == [(None, "unknown"), (None, "unknown")]


@pytest.mark.parametrize(("word", "arch"), [("x86", "x86_64"), ("arm", "arm64"), ("mips", "unknown")])
def test_huawei_an_architecture_that_is_told_is_taken(word: str, arch: str) -> None:
    assert told(image(HUAWEI, architecture=word), "arch") == [(arch, "unknown" if arch == "unknown" else "reported")]


def test_huawei_what_is_newer_than_the_seed_is_kept() -> None:
    found = image(HUAWEI, architecture="x86", created_at="2024-05-06T07:08:09Z", kms_id="k", product_code="p")
    assert found.remote_created_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
    assert (found.document["kms_id"], found.document["product_code"]) == ("k", "p")
