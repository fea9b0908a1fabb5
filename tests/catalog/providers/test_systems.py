"""The table of systems: what clouds write, and the one spelling it becomes."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from catalog.providers.systems import KNOWN_DISTRIBUTIONS, System, canonical_distribution, parse_system

LINUX = [
    # What the documents show.
    ("CentOS_7.2_64", "CentOS", "7.2"),
    ("centos_6_08_64_20G_alibase_20171208", "CentOS", "6.8"),
    ("EulerOS 2.2 64bit", "EulerOS", "2.2"),
    ("EulerOS 2.5 64bit", "EulerOS", "2.5"),
    ("aliyun_3_x64_20G_alibase_2023", "Alibaba Cloud Linux", "3"),
    # CentOS
    ("CentOS", "CentOS", None),
    ("centos", "CentOS", None),
    ("CENTOS 7.9 64bit", "CentOS", "7.9"),
    ("CentOS Linux release 7.6.1810 (Core)", "CentOS", "7.6.1810"),
    ("centos_7_06_64_20G_alibase_20190711.vhd", "CentOS", "7.6"),
    ("centos_7_9_x64_20G_alibase_20220322", "CentOS", "7.9"),
    ("centos_8_0_x64_20G", "CentOS", "8.0"),
    ("centos7", "CentOS", "7"),
    ("CentOS-7.9", "CentOS", "7.9"),
    ("CentOS 64bit", "CentOS", None),
    ("CentOS 7 64 bit", "CentOS", "7"),
    ("CentOS_7_64", "CentOS", "7"),
    ("CentOS Stream 9", "CentOS Stream", "9"),
    ("centos_stream_9_x64_20G_alibase", "CentOS Stream", "9"),
    ("CentOS 8 Stream", "CentOS Stream", "8"),
    ("CentOS-Stream-8", "CentOS Stream", "8"),
    # Ubuntu and Debian
    ("Ubuntu 22.04 server 64bit", "Ubuntu", "22.04"),
    ("Ubuntu_20.04_64", "Ubuntu", "20.04"),
    ("ubuntu_20_04_x64_20G_alibase_20230515", "Ubuntu", "20.04"),
    ("ubuntu_14_0405_64_20G_alibase_20170824", "Ubuntu", "14.04"),
    ("ubuntu2204", "Ubuntu", "22.04"),
    ("ubuntu-24.04-lts", "Ubuntu", "24.04"),
    ("Ubuntu 22.04.3 LTS", "Ubuntu", "22.04.3"),
    ("Ubuntu Server 18.04", "Ubuntu", "18.04"),
    ("Debian 12.4", "Debian", "12.4"),
    ("debian_11_7_x64_20G_alibase_20230517", "Debian", "11.7"),
    ("Debian GNU/Linux 12 (bookworm)", "Debian", "12"),
    ("debian10", "Debian", "10"),
    ("Debian 10.0.0 64bit", "Debian", "10.0.0"),
    # Alibaba, Anolis
    ("Alibaba Cloud Linux 3.2104 LTS 64-bit", "Alibaba Cloud Linux", "3.2104"),
    ("Alibaba Cloud Linux 3", "Alibaba Cloud Linux", "3"),
    ("aliyun_2_1903_x64_20G_alibase_20200904", "Alibaba Cloud Linux", "2.1903"),
    ("aliyun_3_9_x64_20G", "Alibaba Cloud Linux", "3.9"),
    ("AliyunLinux", "Alibaba Cloud Linux", None),
    ("Aliyun Linux 2.1903", "Alibaba Cloud Linux", "2.1903"),
    ("alinux3", "Alibaba Cloud Linux", "3"),
    ("alios", "Alibaba Cloud Linux", None),
    ("Anolis OS 8.8", "Anolis OS", "8.8"),
    ("anolisos_8_8_x64_20G_anck_alibase", "Anolis OS", "8.8"),
    ("anolis", "Anolis OS", None),
    # Huawei, openEuler
    ("EulerOS 2.0 (SP8)", "EulerOS", "2.0 SP8"),
    ("EulerOS 2.0SP9 64bit", "EulerOS", "2.0 SP9"),
    ("Huawei Cloud EulerOS 2.0 Standard 64 bit", "Huawei Cloud EulerOS", "2.0"),
    ("HCE OS 1.1", "Huawei Cloud EulerOS", "1.1"),
    ("hce2", "Huawei Cloud EulerOS", "2"),
    ("openEuler 20.03 64bit", "openEuler", "20.03"),
    ("openEuler 20.03 LTS SP1", "openEuler", "20.03 SP1"),
    ("openeuler_22_03_x64", "openEuler", "22.03"),
    ("OpenEuler", "openEuler", None),
    # Red Hat and its kin
    ("Red Hat Enterprise Linux 8.6", "Red Hat Enterprise Linux", "8.6"),
    ("Red Hat Enterprise Linux release 9.2 (Plow)", "Red Hat Enterprise Linux", "9.2"),
    ("Redhat Linux Enterprise 7.6 64bit", "Red Hat Enterprise Linux", "7.6"),
    ("redhat_8_6_x64_40G", "Red Hat Enterprise Linux", "8.6"),
    ("rhel", "Red Hat Enterprise Linux", None),
    ("RHEL8.6", "Red Hat Enterprise Linux", "8.6"),
    ("Rocky Linux 9.2", "Rocky Linux", "9.2"),
    ("rockylinux_9_2_x64_20G_alibase", "Rocky Linux", "9.2"),
    ("Rocky", "Rocky Linux", None),
    ("AlmaLinux 8.7 64bit", "AlmaLinux", "8.7"),
    ("almalinux_9_1_x64_20G", "AlmaLinux", "9.1"),
    ("Oracle Linux Server release 7.6 64bit", "Oracle Linux", "7.6"),
    ("oraclelinux8", "Oracle Linux", "8"),
    ("Fedora 38", "Fedora", "38"),
    ("fedora_34_1_x64_20G_alibase", "Fedora", "34"),
    ("Scientific Linux 7.9", "Scientific Linux", "7.9"),
    # SUSE
    ("SUSE Linux Enterprise Server 15 SP4", "SUSE", "15 SP4"),
    ("sles_15_sp4_x64_20G_alibase", "SUSE", "15 SP4"),
    ("SUSE Enterprise 15 SP1 64bit", "SUSE", "15 SP1"),
    ("Novell SUSE Linux 12 SP3", "SUSE", "12 SP3"),
    ("SLES 12SP5", "SUSE", "12 SP5"),
    ("suse", "SUSE", None),
    ("openSUSE Leap 15.4", "openSUSE", "15.4"),
    ("opensuse_15_4_x64_20G", "openSUSE", "15.4"),
    # China's own
    ("Kylin V10", "Kylin", "V10"),
    ("Kylin Linux Advanced Server V10 (SP3)", "Kylin", "V10 SP3"),
    ("kylinv10", "Kylin", "V10"),
    ("银河麒麟 V10", "Kylin", "V10"),
    ("NeoKylin 7.6 64bit", "NeoKylin", "7.6"),
    ("UOS V20 1060e", "UOS", "20"),
    ("UnionTech OS Server 20", "UOS", "20"),
    ("UnionTech", "UOS", None),
    ("统信UOS 20", "UOS", "20"),
    ("TencentOS Server 3.1", "TencentOS Server", "3.1"),
    ("BC-Linux 8.2", "BC-Linux", "8.2"),
    ("CTyunOS 2.0.1", "CTyunOS", "2.0.1"),
    # Others
    ("CoreOS 1185.5.0 64bit", "CoreOS", "1185.5.0"),
    ("Fedora CoreOS 38", "Fedora CoreOS", "38"),
    ("Amazon Linux 2", "Amazon Linux", "2"),
    ("Gentoo Linux 13.0 64bit", "Gentoo", "13.0"),
    ("Alpine Linux 3.18", "Alpine Linux", "3.18"),
    ("Arch Linux", "Arch Linux", None),
]
WINDOWS = [
    ("Windows 10 Enterprise 64bit", "Windows", "10"),
    ("Windows 11 Pro", "Windows", "11"),
    ("Windows 7 Professional 64bit", "Windows", "7"),
    ("Windows 8.1", "Windows", "8.1"),
    ("Windows XP", "Windows", "XP"),
    ("win10_x64", "Windows", "10"),
    ("Windows 10 Enterprise LTSC 2019", "Windows", "10"),
    ("windows", "Windows", None),
    ("Windows Server 2012 R2 Standard 64bit", "Windows Server", "2012 R2"),
    ("Windows Server 2008 R2 Enterprise 64bit", "Windows Server", "2008 R2"),
    ("Windows Server 2016 Standard 64bit English", "Windows Server", "2016"),
    ("Microsoft Windows Server 2022 Datacenter", "Windows Server", "2022"),
    ("Windows Server 2025", "Windows Server", "2025"),
    ("Windows_2019_64", "Windows Server", "2019"),
    ("win2019_1809_x64_dtc_zh-cn_40G_alibase_20230816", "Windows Server", "2019"),
    ("win2012r2_9600_x64_dtc_en-us_40G", "Windows Server", "2012 R2"),
    ("win2022_21H2_x64_dtc_zh-cn_40G", "Windows Server", "2022"),
    ("Windows Server", "Windows Server", None),
    ("windows server core", "Windows Server", None),
]


@pytest.mark.parametrize(("text", "distribution", "version"), LINUX)
def test_a_linux_has_one_spelling(text: str, distribution: str, version: str | None) -> None:
    found = parse_system(text)
    assert (found.distribution, found.version) == (distribution, version)
    assert found.os == ("linux" if distribution in KNOWN_DISTRIBUTIONS else "unknown")


@pytest.mark.parametrize(("text", "distribution", "version"), WINDOWS)
def test_a_windows_has_one_spelling(text: str, distribution: str, version: str | None) -> None:
    assert parse_system(text) == System("windows", distribution, version)


@pytest.mark.parametrize(
    ("text", "version", "distribution", "becomes"),
    [
        ("centos", "6.8", "CentOS", "6.8"),
        ("centos", "6.08", "CentOS", "6.08"),
        ("CentOS_7.2_64", "7.3", "CentOS", "7.3"),
        ("Ubuntu", " 20.04 ", "Ubuntu", "20.04"),
        ("windows", "2019", "Windows Server", "2019"),
        ("windows", "2012 R2 Datacenter", "Windows Server", "2012 R2"),
        ("windows", "10", "Windows", "10"),
        ("windows", "NT 6.3", "Windows", "NT 6.3"),
        ("Windows Server", "core", "Windows Server", "core"),
        ("centos 8 stream", "8.5", "CentOS Stream", "8.5"),
        ("Kylin", "V10", "Kylin", "V10"),
        ("Haiku", "R1", "Haiku", "R1"),
        (None, "7", None, "7"),
    ],
)
def test_a_version_told_beside_stays_as_told(
    text: str | None, version: str, distribution: str | None, becomes: str
) -> None:
    found = parse_system(text, version)
    assert (found.distribution, found.version) == (distribution, becomes)


@pytest.mark.parametrize(
    ("text", "os"),
    [
        ("Other Linux(64 bit)", "linux"),
        ("Customized Linux", "linux"),
        ("Other(64 bit)", "unknown"),
        ("Haiku R1", "unknown"),
        ("centosish 7", "unknown"),
        ("My Ubuntu", "unknown"),
        ("m-bp1akkkr1rkxtb", "unknown"),
        ("window cleaner", "unknown"),
        ("winery 2019", "unknown"),
    ],
)
def test_what_the_table_does_not_know_stays_as_it_came(text: str, os: str) -> None:
    assert parse_system(text) == System(os, text, None)


@pytest.mark.parametrize(("text", "name"), [("FreeBSD 13.1 64bit", "FreeBSD"), ("VMware ESXi 7.0", "VMware ESXi")])
def test_some_known_systems_are_neither(text: str, name: str) -> None:
    found = parse_system(text)
    assert (found.os, found.distribution) == ("other", name) and found.version is not None


@pytest.mark.parametrize(
    ("os", "becomes"),
    [
        ("Linux", "linux"),
        ("WINDOWS", "windows"),
        ("Other", "other"),
        ("Plan9", "linux"),
        ("", "linux"),
        (None, "linux"),
    ],
)
def test_the_os_that_is_reported_wins(os: str | None, becomes: str) -> None:
    assert parse_system("CentOS 7.9", os=os).os == becomes


def test_nothing_told_is_nothing_known() -> None:
    for text in (None, "", "   "):
        assert parse_system(text) == System("unknown", None, None)


@pytest.mark.parametrize("name", KNOWN_DISTRIBUTIONS)
def test_the_known_names_are_their_own_spelling(name: str) -> None:
    for text in (name, name.lower(), name.upper(), f" {name} "):
        assert canonical_distribution(text) == name
    assert parse_system(name).distribution == name


def test_a_name_with_a_version_is_no_bare_name() -> None:
    assert canonical_distribution("CentOS_7.2_64") is None
    assert canonical_distribution("Windows 10") is None
    assert canonical_distribution("Haiku") is None
    assert canonical_distribution("") is None
    assert canonical_distribution("rhel") == "Red Hat Enterprise Linux"


WORDS = st.sampled_from(
    [*KNOWN_DISTRIBUTIONS, "linux", "server", "64bit", "SP4", "7", "7.2", "2012 R2", "V10", "x64", "_", "(", "Stream"]
)
TEXTS = st.one_of(st.text(), st.lists(WORDS, max_size=6).map(" ".join), st.lists(WORDS, max_size=4).map("_".join))


@given(
    TEXTS, st.one_of(st.none(), TEXTS), st.one_of(st.none(), st.text(), st.sampled_from(["Linux", "windows", "other"]))
)
@example("Windows 7", "2019", "Linux")
@example("centos 8 stream", None, None)
def test_it_never_raises_and_gives_its_own_results_back(text: str, version: str | None, os: str | None) -> None:
    once = parse_system(text, version, os)
    assert once.os in ("linux", "windows", "other", "unknown")
    again = parse_system(once.distribution, once.version, once.os)
    assert (again.distribution, again.version) == (once.distribution, once.version)
    assert once.os == "unknown" or again.os == once.os
    assert canonical_distribution(text) in (None, *KNOWN_DISTRIBUTIONS)


def test_a_text_of_a_million_characters_is_parsed_and_not_remembered() -> None:
    text = "centos " * 150_000
    assert parse_system(text).distribution == "CentOS"
    assert parse_system("x" * 1_000_000).distribution == "x" * 1_000_000
