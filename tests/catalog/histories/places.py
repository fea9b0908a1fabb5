"""The clouds of a history: what each place lists, and what comes of listing it in fair weather or foul.

`listed` is the reference: the pages that the documents promise, and what DESIGN.md calls a complete listing of them.
"""

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from catalog.providers import (
    alibaba_ehpc_container,
    alibaba_ehpc_custom,
    alibaba_ehpc_registered,
    alibaba_ens_self,
    huawei_workspace,
)
from catalog.providers.base import RemoteImage, Target
from catalog.providers.paging import Repetition

PAGE = 3  # images a page in a history, so that a few images are several pages

type Document = dict[str, Any]

_SYSTEM = {"Platform": "CentOS", "OsTag": "CentOS_7.9_64", "Version": "7.9", "Architecture": "x86_64"}
_WORDS = ["plain", "renamed", "镜像 云计算", "a\0b <b>&amp;</b>", ""]
_ENS = {"ImageName": _WORDS, "ImageSize": ["20", "77", "many"], "Status": ["Available", "Creating", "CreateFailed"],
        "RegionId": ["hist-1", "cn-elsewhere"], "Platform": ["CentOS", "Debian", "Homegrown"],
        "OsVersion": ["7.9", "12"], "CreationTime": ["2024-01-02T03:04:05Z", None],
        "SomethingNew": [1, {"deep": [1, None]}]}  # fmt: skip
_REGISTERED = {"Description": _WORDS, "UpdateTime": ["2024-01-02T03:04:05Z", None], "SomethingNew": [1, 2]}
_CONTAINER = {"Status": ["Available", "Failed"], "System": ["a", "b"], "UpdateDateTime": ["2024-01-02 03:04:05", None]}
_CUSTOM = {"ImageName": _WORDS, "Size": [20, 77], "Status": ["Available", "CreateFailed"], "Description": _WORDS,
           "OsTag": [_SYSTEM, _SYSTEM | {"Platform": "Debian", "Version": "12", "OsTag": "Debian_12"}, None],
           "ImageOwnerAlias": ["self", "others"]}  # fmt: skip
_HUAWEI = {"name": _WORDS, "os_version": ["EulerOS 2.2 64bit", "Windows 10 Enterprise 64bit", "Kylin V10"],
           "min_disk": [40, 80], "image_type": ["gold", "private"], "kms_id": ["1", None]}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Place:
    """What one source lists. `scopes` are the parts that the cloud counts by themselves, `alterations` the fields that
    change there, with their values; `paged` says how pages go: "number", "offset" or "".
    """

    kind: str
    region: str
    operation: str
    scopes: tuple[str, ...]
    alterations: Mapping[str, list[Any]]
    paged: str = "number"

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """As Hypothesis tells a history."""
        printer.text(f"<{self.kind} {self.region}>")

    @property
    def vendor(self) -> str:
        return self.kind.partition("_")[0]

    @property
    def identity(self) -> str:
        return "id" if self.vendor == "huawei" else "ImageId"

    @property
    def clusters(self) -> tuple[str | None, ...]:
        """The simulator keeps a list a cluster; others are one list, whatever its scopes."""
        return self.scopes if self.kind == "alibaba_ehpc_container" else (None,)


PLACES = (
    Place("alibaba_ens_self", "hist-1", "DescribeSelfImages", ("",), _ENS),
    Place("alibaba_ens_self", "hist-2", "DescribeSelfImages", ("",), _ENS),
    Place("alibaba_ehpc_registered", "cn-hangzhou", "ListImages", ("VM", "Container"), _REGISTERED),
    Place("alibaba_ehpc_container", "hist-3", "ListContainerImages", ("one", "two"), _CONTAINER),
    Place("alibaba_ehpc_custom", "cn-hangzhou", "ListCustomImages", ("",), _CUSTOM, paged=""),
    Place("huawei_workspace", "cn-north-4", "ListImages", ("",), _HUAWEI, paged="offset"),
)
REGISTERED = PLACES[2]


def made(place: Place, number: int) -> Document:
    """Image `number` of a place as its cloud lists it at first."""
    scope = place.scopes[number % len(place.scopes)]
    name = f"image {number}"
    if place.kind == "alibaba_ens_self":
        system = {"Platform": "CentOS", "OsVersion": "7.9", "Architecture": "x86_64", "ComputeType": "ens_vm"}
        return {"ImageId": f"m-{number}", "ImageName": name, "ImageSize": "20", "Status": "Available", **system}
    if place.kind == "alibaba_ehpc_registered":
        return {"ImageId": f"m-{number}", "ImageType": scope, "Name": name, "Version": "1", "Description": ""}
    if place.kind == "alibaba_ehpc_container":
        told = {"Repository": "busybox", "Tag": f"1.{number}", "Type": "singularity", "Status": "Available"}
        return {"ImageId": f"c-{number % 3}", **told, "_scope": scope}
    if place.kind == "alibaba_ehpc_custom":
        return {"ImageId": f"m-{number}", "ImageName": name, "Size": 20, "Status": "Available", "OsTag": _SYSTEM}
    return {"id": f"{number}", "name": name, "os_type": "Linux", "os_version": "EulerOS 2.2 64bit",
            "image_type": "private", "architecture": "x86", "min_disk": 40}  # fmt: skip


def wire(document: Mapping[str, Any]) -> Document:
    """As it comes over the wire."""
    return {name: value for name, value in copy.deepcopy(dict(document)).items() if not name.startswith("_")}


def mapped(place: Place, document: Mapping[str, Any]) -> RemoteImage:
    """The provider's own reading of one item, which the contract tests hold to the documents."""
    item, target = wire(document), Target(region=place.region)
    if place.kind == "alibaba_ens_self":
        return alibaba_ens_self.to_image(item, target)
    if place.kind == "alibaba_ehpc_registered":
        return alibaba_ehpc_registered.to_image(item, target, item["ImageType"])
    if place.kind == "alibaba_ehpc_container":
        return alibaba_ehpc_container.to_image(item, target, document["_scope"])
    if place.kind == "alibaba_ehpc_custom":
        return alibaba_ehpc_custom.to_image(item, target)
    return huawei_workspace.to_image(item, target, frozenset())  # each names its own architecture


def scope_of(place: Place, document: Mapping[str, Any]) -> str:
    if place.kind == "alibaba_ehpc_registered":
        return str(document["ImageType"])
    return str(document.get("_scope", ""))


# What goes wrong

# Each fault of the simulator, and the kind of error that it must become.
ERRORS: dict[str, tuple[dict[str, Any], str]] = {
    "500": ({"status": 500}, "unavailable"),
    "503": ({"status": 503}, "unavailable"),
    "throttled": ({"throttle": True}, "throttled"),
    "reset": ({"reset": True}, "unreachable"),
    "closed": ({"close": True}, "unreachable"),
    "cut": ({"truncate": True}, "unreachable"),
    "reset in the body": ({"reset_body": True}, "unreachable"),
    "html": ({"html": True}, "malformed"),
    "empty": ({"empty": True}, "malformed"),
    "not JSON": ({"malformed": True}, "malformed"),
    "null": ({"null": True}, "malformed"),
    "a list": ({"list": True}, "malformed"),
    "redirect": ({"redirect": True}, "malformed"),
    **{f"bad item: {bad}": ({"bad_item": bad}, "malformed") for bad in ("null", "string", "list", "no_id")},
}
LIES = ("total", "duplicate_page", "insert", "remove", "throttled for a moment")


@dataclass
class Weather:
    """One thing that goes wrong on `page` (a number or "last"), the first time only or as long as the sync lasts."""

    what: str
    page: int | str
    once: bool
    amount: int = 1
    hits: int = 0

    def fault(self) -> dict[str, Any]:
        """For the simulator."""
        lies: dict[str, dict[str, Any]] = {
            "total": {"total": self.amount},
            "duplicate_page": {"duplicate_page": True},
            "insert": {"shift": "insert"},
            "remove": {"shift": "remove"},
            "throttled for a moment": {"throttle": 1},
        }
        told = lies[self.what] if self.what in lies else ERRORS[self.what][0]
        return {**told, "page": self.page, "times": 1 if self.once else 0}

    @property
    def patience(self) -> float:
        """No error is waited for but one that says for how short a time."""
        return 5.0 if self.what == "throttled for a moment" else 0.0

    def strikes(self, page: int, last: bool) -> bool:
        if (last if self.page == "last" else page == self.page) and not (self.once and self.hits):
            self.hits += 1
            return True
        return False


class Refused(Exception):
    """The listing ends in an error of this kind."""

    def __init__(self, kind: str) -> None:
        self.kind = kind


class Answer(NamedTuple):
    scope: str
    documents: list[Document]
    total: int | None


@dataclass
class Listed:
    """A complete listing: the documents by key, the pages it took, what the cloud counted in the end."""

    documents: dict[str, Document] = field(default_factory=dict)
    pages: int = 0
    expected: int | None = None


def listed(place: Place, cloud: list[Document], weather: Weather | None) -> Listed:
    """What a sync lists of this cloud, which a fault may change meanwhile. Raises Refused."""
    for _ in range(2):
        answers = list(_answers(place, cloud, weather))
        if all(_is_complete(place, [a for a in answers if a.scope == scope]) for scope in place.scopes):
            last = {answer.scope: answer.total for answer in answers if answer.total is not None}
            found = {mapped(place, document).key: document for answer in answers for document in answer.documents}
            return Listed(found, len(answers), sum(last.values()) if last else None)
    raise Refused("incomplete")


def _is_complete(place: Place, answers: list[Answer]) -> bool:
    """The count is the same on the first and the last page, and is what came: distinct, or counting what stands twice
    on one page. Huawei's may be too low."""
    keys = [[mapped(place, document).key for document in answer.documents] for answer in answers]
    came, twice = len({key for page in keys for key in page}), sum(len(page) - len({*page}) for page in keys)
    first, last = answers[0].total, answers[-1].total
    if first is None or last is None:
        return True
    if place.paged == "offset":
        return max(first, last) <= came + twice
    return first == last and first in (came, came + twice)


def _answers(place: Place, cloud: list[Document], weather: Weather | None) -> Iterator[Answer]:
    for scope in place.scopes:
        repetition, came, page = Repetition(), 0, 0
        expected = None
        while True:
            page += 1
            start = (page - 1) * PAGE if place.paged == "number" else came
            answer = _answer(place, cloud, weather, scope, page, start)
            repeated = repetition.is_repeated(frozenset(mapped(place, one).key for one in answer.documents))
            if repeated and place.paged == "offset":
                break
            yield answer
            came += len(answer.documents)
            expected = answer.total if expected is None else expected
            if place.paged == "offset":
                ended = len(answer.documents) < PAGE and came >= (answer.total or 0)
            else:
                ended = repeated or expected is None or came >= expected
            if ended or not answer.documents:
                break


def _answer(place: Place, cloud: list[Document], weather: Weather | None, scope: str, page: int, start: int) -> Answer:
    """One page. A fault knows pages and no scopes, but for the cluster that a list belongs to."""

    def here() -> list[Document]:
        return [document for document in cloud if scope_of(place, document) == scope]

    count = {"offset": start // PAGE + 1, "number": page, "": 0}[place.paged]  # an answer without a page is the last
    last = not place.paged or start + PAGE >= len(here())
    struck = weather is not None and weather.strikes(count, last) and weather.what
    while weather and struck == "throttled for a moment":
        if not weather.once:
            raise Refused("throttled")
        struck = weather.strikes(count, last) and weather.what
    if struck in ERRORS:
        raise Refused(ERRORS[struck][1])
    if struck in ("insert", "remove"):
        _shift(place, cloud, scope, struck)
    found = here()
    skew = -PAGE if struck == "duplicate_page" else 0
    documents = found[max(start + skew, 0) : max(start + PAGE + skew, 0)] if place.paged else found
    total = len(found) + (weather.amount if weather and struck == "total" else 0)
    if total < 0:
        raise Refused("malformed")
    return Answer(scope, documents, total if place.paged else None)


def _shift(place: Place, cloud: list[Document], scope: str, how: str) -> None:
    """As the simulator shifts: the first of the list that the scope stands in."""
    shared = len(place.clusters) == 1
    first = next((n for n, document in enumerate(cloud) if shared or scope_of(place, document) == scope), None)
    if first is None:
        return
    if how == "remove":
        del cloud[first]
    else:
        cloud.insert(first, cloud[first] | {place.identity: f"{cloud[first][place.identity]}-inserted"})
