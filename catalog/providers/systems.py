"""One spelling for each operating system: a pure function over a table (PROVIDERS.md 2a, "Systems").

Clouds write `CentOS_7.2_64`, `centos` beside `6.8`, `EulerOS 2.2 64bit`, `aliyun_3_x64_20G_alibase_2023`. What the
table does not know stays as it came. SUSE Linux Enterprise in all its editions is `SUSE`; openSUSE is a distribution
of its own. CentOS Stream too, since it ends on other days than CentOS.
"""

import re
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class System:
    """`os` is linux, windows, other or unknown. `distribution` is the one spelling, or the text as it came, or None."""

    os: str
    distribution: str | None = None
    version: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    """`aliases` are tried longest first, at the start of the text. `minor` is the pattern of a second number that
    stands apart, as in centos_6_08; `parts` are suffixes that belong to the version, such as SP4."""

    name: str
    aliases: str
    os: str = "linux"
    minor: str = r"\d{1,2}"
    parts: str = ""


_SP = r"sp\d{1,2}"
_ROWS = (
    _Row("CentOS Stream", "centos stream|centosstream"),
    _Row("CentOS", "centos linux|centos"),
    _Row("Ubuntu", "ubuntu linux|ubuntu kylin|ubuntu", minor=r"\d{2}(?:\d{2})?"),
    _Row("Debian", "debian gnu linux|debian linux|debian"),
    _Row(
        "Alibaba Cloud Linux",
        "alibaba cloud linux|alibabacloudlinux|aliyun linux|aliyunlinux|alinux|aliyun|alios|阿里云linux|阿里云 linux",
        minor=r"\d{1,4}",
    ),
    _Row(
        "Huawei Cloud EulerOS",
        "huawei cloud euleros|huaweicloud euleros|huaweicloudeuleros|hce os|hceos|hce",
        parts=_SP,
    ),
    _Row("openEuler", "openeuler|open euler", minor=r"\d{2}", parts=_SP),
    _Row("EulerOS", "euleros|euler os|euler", parts=_SP),
    _Row("Rocky Linux", "rocky linux|rockylinux|rocky"),
    _Row("AlmaLinux", "almalinux|alma linux|alma"),
    _Row("Anolis OS", "anolis os|anolisos|anolis|openanolis"),
    _Row(
        "Red Hat Enterprise Linux",
        "red hat enterprise linux|redhat enterprise linux|redhat linux enterprise|red hat|redhat|rhel",
    ),
    _Row("openSUSE", "opensuse leap|opensuse tumbleweed|opensuse|open suse"),
    _Row(
        "SUSE",
        "suse linux enterprise server|suse linux enterprise desktop|suse linux enterprise|suse enterprise linux|"
        "suse enterprise|suse linux|suse|sles|sled",
        parts=_SP,
    ),
    _Row("Fedora CoreOS", "fedora coreos|fedoracoreos", minor=""),
    _Row("Fedora", "fedora linux|fedora", minor=""),
    _Row("Oracle Linux", "oracle linux|oraclelinux|oracle|oel"),
    _Row("NeoKylin", "neokylin|neo kylin"),
    _Row("Kylin", "kylin linux advanced server|kylin linux|galaxy kylin|kylin|银河麒麟|麒麟", minor="", parts=_SP),
    _Row("UOS", "uniontech os|uniontech|uos|统信uos|统信 uos|统信", minor=""),
    _Row("Deepin", "deepin linux|deepin"),
    _Row("Amazon Linux", "amazon linux|amazonlinux", minor=""),
    _Row("TencentOS Server", "tencentos server|tencentos|tencent linux"),
    _Row("BC-Linux", "bclinux|bc linux|bigcloud enterprise linux"),
    _Row("CTyunOS", "ctyunos"),
    _Row("CloudLinux", "cloudlinux|cloud linux"),
    _Row("Flatcar", "flatcar container linux|flatcar linux|flatcar", minor=""),
    _Row("CoreOS", "coreos container linux|coreos linux|coreos", minor=""),
    _Row("Arch Linux", "arch linux|archlinux", minor=""),
    _Row("Gentoo", "gentoo linux|gentoo", minor=""),
    _Row("Alpine Linux", "alpine linux|alpine"),
    _Row("Kali Linux", "kali linux|kali", minor=""),
    _Row("Scientific Linux", "scientific linux|scientificlinux"),
    _Row("Asianux", "asianux"),
    _Row("FreeBSD", "freebsd", os="other"),
    _Row("OpenBSD", "openbsd", os="other"),
    _Row("VMware ESXi", "vmware esxi|esxi", os="other"),
)
_WINDOWS = ("Windows Server", "Windows")

# In the order in which they are told apart; what is not here is grouped under "other" by the facet.
KNOWN_DISTRIBUTIONS: tuple[str, ...] = (*(row.name for row in _ROWS), *_WINDOWS)

OS_WORDS = {"linux": "linux", "windows": "windows", "other": "other", "others": "other", "freebsd": "other"}

_ALIASES = sorted(
    ((alias, row) for row in _ROWS for alias in {row.name.lower().replace("-", " "), *row.aliases.split("|")}),
    key=lambda pair: -len(pair[0]),
)
_ROW_OF = dict(_ALIASES)
# One pattern for all of them: an image is looked up in microseconds. The longest alias that fits wins.
_ANY_ALIAS = "|".join(re.escape(alias) for alias, _row in _ALIASES)
_NAMED = re.compile(rf"(?:{_ANY_ALIAS})(?![^\W\d])")
_NAMED_BEFORE_V = re.compile(rf"(?:{_ANY_ALIAS})(?=v\d)")
_SEPARATORS = re.compile(r"[\s_\-/,;:()\[\]+]+")
_PREFIX = re.compile(r"(?:microsoft|novell|gnu|vmware(?! esxi)) ")
# Words that may stand between a name and its version. A version of bits, 32 or 64, is none.
_FILLER = frozenset(
    [
        "linux",
        "gnu",
        "server",
        "release",
        "version",
        "os",
        "standard",
        "enterprise",
        "edition",
        "community",
        "lts",
        "leap",
        "cloud",
        "advanced",
        "desktop",
        "workstation",
        "minimal",
        "base",
        "for",
        "x",
    ]
)
_NUMBER = re.compile(r"v?(\d+(?:\.\d+)*)")
_BITS = frozenset({"32", "64", "86"})
_STREAM_BEHIND = re.compile(r"centos(?: linux)? ?(\d+) stream\b")
_WINDOWS_NAME = re.compile(r"win(?:dows)?(?![a-z])")
_CLIENT = re.compile(r" ?(10|11|8\.1|8|7|xp|vista)(?![\d.])")
_YEAR = re.compile(r"(?<!\d)(2003|2008|2012|2016|2019|2022|2025)(?!\d)( ?r2)?")


def parse_system(text: str | None, version: str | None = None, os: str | None = None) -> System:
    """What a cloud's text says of an image's system.

    `version` and `os` are what the cloud reports beside the text, if it does; they stay as they came, but for the
    version of a Windows, which is brought to `2012 R2` or `10`. Never raises; its own results give themselves back.
    """
    raw, told, word = (text or "").strip(), (version or "").strip() or None, (os or "").strip().lower()
    if len(raw) + len(told or "") > 200:  # a stranger's text: not worth a place in the cache
        return _parse.__wrapped__(raw, told, OS_WORDS.get(word))
    return _parse(raw, told, OS_WORDS.get(word))


@lru_cache(maxsize=4096)
def _parse(raw: str, told: str | None, word: str | None) -> System:
    if not raw:
        return System(word or "unknown", None, told)
    words = _words(raw)
    if windows := _windows(words, told):
        return System(word or "windows", *windows)
    if stream := _STREAM_BEHIND.match(words):
        return System(word or "linux", "CentOS Stream", told or stream[1])
    if found := _distribution(words):
        row, rest = found
        return System(word or row.os, row.name, told or _version(row, rest))
    return System(word or ("linux" if "linux" in words.split() else "unknown"), raw, told)


def canonical_distribution(text: str) -> str | None:
    """The one spelling of a distribution's name that comes without a version, whatever its case; None if the table
    lacks it."""
    return _canonical(text) if len(text) <= 200 else None


@lru_cache(maxsize=1024)
def _canonical(text: str) -> str | None:
    words = _words(text.strip())
    if words in ("windows server", "windows"):
        return words.title()
    if found := _distribution(words):
        row, rest = found
        return row.name if not set(rest.split()) - _FILLER else None
    return None


def _words(text: str) -> str:
    """Small letters, one space between words, digits apart from the letters of an SP or an R2 behind them."""
    words = _SEPARATORS.sub(" ", text.lower()).strip()
    words = re.sub(r"(?<=\d)(sp\d|r2\b)", r" \1", words)
    return _PREFIX.sub("", words, count=1)


def _distribution(words: str) -> tuple[_Row, str] | None:
    found = _NAMED.match(words) or _NAMED_BEFORE_V.match(words)
    return (_ROW_OF[found[0]], words[found.end() :].strip()) if found else None


def _version(row: _Row, rest: str) -> str | None:
    tokens = rest.split()
    while tokens and (tokens[0] in _FILLER):
        tokens.pop(0)
    if (
        not tokens
        or not (match := _NUMBER.fullmatch(tokens[0]))
        or tokens[0] in _BITS
        or tokens[1:2] in (["bit"], ["bits"])
    ):
        return None
    number = match[1]
    behind = tokens[1] if len(tokens) > 1 else ""
    if row.name == "Ubuntu" and re.fullmatch(r"\d{4}", number):
        number = f"{number[:2]}.{number[2:]}"
    elif "." not in number and row.minor and re.fullmatch(row.minor, behind) and behind not in _BITS:
        number = f"{number}.{_minor(row, behind)}"
    if row.name == "Kylin":
        number = f"V{number}"
    parts = (token.upper() for token in tokens[1:3] if row.parts and re.fullmatch(row.parts, token))
    return " ".join((number, *list(parts)[:1]))


def _minor(row: _Row, digits: str) -> str:
    """centos_6_08 is 6.8, but ubuntu_20_04 is 20.04 and ubuntu_14_0405 is 14.04."""
    return digits[:2] if row.name in ("Ubuntu", "openEuler") else str(int(digits))


def _windows(words: str, told: str | None) -> tuple[str, str | None] | None:
    name = _WINDOWS_NAME.match(words)
    if name is None:
        return None
    rest, beside = words[name.end() :], _words(told or "")
    year = _YEAR.search(beside) or (None if told else _YEAR.search(rest))
    client = _CLIENT.match(beside) or (None if told else _CLIENT.match(rest))
    named_server = "server" in f"{rest} {beside}".split()
    if year and (named_server or not client or told):
        return "Windows Server", year[1] + (" R2" if year[2] else "")
    if named_server:
        return "Windows Server", told
    if client:
        return "Windows", _client(client[1])
    return ("Windows Server" if told and _YEAR.search(rest) else "Windows"), told


def _client(version: str) -> str:
    return {"xp": "XP", "vista": "Vista"}.get(version, version)
