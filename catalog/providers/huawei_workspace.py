"""Huawei Workspace GET /v2/{project_id}/images: a region's product images, page by page. Seed "Queries product
images"."""

from array import array
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from catalog.providers.answers import Answered
from catalog.providers.base import Connection, Page, RemoteImage, Target
from catalog.providers.huawei import LIST_IMAGES, Client
from catalog.providers.paging import MAX_PAGES, Repetition
from catalog.providers.shape import ARCHITECTURES, build, identifier, join_key, moment, number, text, word
from catalog.providers.systems import OS_WORDS, parse_system

LIMIT = 100  # documented: 0 to 100
VISIBILITIES = {"gold": "public", "public": "public", "private": "private", "shared": "shared"}


@dataclass(frozen=True, slots=True)
class _Answer:
    answered: Answered
    items: list[dict[str, Any]]
    keys: frozenset[str]
    total: int


def _take(answered: Answered) -> _Answer:
    items = answered.items("images")
    keys = frozenset(answered.mapped(items, lambda item: identifier(item, "id")))
    return _Answer(answered, items, keys, answered.total("total_count"))


def list_pages(connection: Connection, target: Target) -> Iterator[Page]:
    with Client(connection, target.region, target.project_id) as client:
        x86 = X86Ids(client)
        for page, answer in enumerate(_answers(client), start=1):
            images = answer.answered.mapped(answer.items, lambda item: to_image(item, target, x86))
            yield Page(scope="", number=page, images=images, total=answer.total, total_may_be_low=True)


def check(connection: Connection, target: Target) -> None:
    with Client(connection, target.region, target.project_id) as client:
        client.list_images(_take, offset=0, limit=1)


def _answers(client: Client, architecture: str | None = None) -> Iterator[_Answer]:
    """Every answer of a listing. total_count may be too low (the seed's example counts 1 and lists 2), so it never ends
    the listing: a short page does, unless the count says more, or one that is empty or brings nothing new."""
    repetition = Repetition()
    came = 0
    for _ in range(MAX_PAGES):
        answer = client.list_images(_take, offset=came, limit=LIMIT, architecture=architecture)
        if repetition.is_repeated(answer.keys):
            return
        came += len(answer.items)
        yield answer
        if not answer.items or (len(answer.items) < LIMIT and came >= answer.total):
            return


class X86Ids:
    """The images that a listing filtered with architecture=x86 returns, asked for when the first image without an
    architecture is met. Eight bytes an image are kept, in small sorted arrays."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._buckets: list[array[int]] | None = None

    def __contains__(self, image_id: str) -> bool:
        if self._buckets is None:
            self._buckets = self._listed()
        digest = _digest(image_id)
        bucket = self._buckets[digest & 255]
        place = bisect_left(bucket, digest)
        return place < len(bucket) and bucket[place] == digest

    def _listed(self) -> "list[array[int]]":
        """Raises ProviderError, also when fewer came than were counted: an image would lose its architecture
        unnoticed."""
        buckets: list[array[int]] = [array("Q") for _ in range(256)]
        came = total = 0
        for answer in _answers(self._client, architecture="x86"):
            for key in answer.keys:
                digest = _digest(key)
                buckets[digest & 255].append(digest)
            came, total = came + len(answer.items), max(total, answer.total)
        if came < total:
            message = f"The images of architecture x86 stayed incomplete: {came} came, {total} were counted."
            raise self._client.call(LIST_IMAGES).error("IncompleteListing", message, kind="incomplete", retryable=True)
        for place, bucket in enumerate(buckets):
            buckets[place] = array("Q", sorted(bucket))
        return buckets


def _digest(image_id: str) -> int:
    return int.from_bytes(blake2b(image_id.encode(), digest_size=8).digest())


def to_image(item: Mapping[str, Any], target: Target, x86: X86Ids) -> RemoteImage:
    image_id = identifier(item, "id")
    told_arch = word(ARCHITECTURES, item.get("architecture"))
    os_type, os_version = text(item.get("os_type")), text(item.get("os_version"))
    system = parse_system(os_version, os=os_type)
    unread = os_version is not None and system.distribution == os_version.strip()
    derived_arch = None if text(item.get("architecture")) or image_id not in x86 else "x86_64"
    return build(
        key=join_key(image_id),
        remote_id=image_id,
        reported={
            "name": text(item.get("name")),
            "visibility": word(VISIBILITIES, item.get("image_type")),
            "os": word(OS_WORDS, os_type),
            "distribution": system.distribution if unread else None,
            "arch": told_arch,
            "min_ram_mb": number(item.get("min_ram")),
            "min_disk_gb": number(item.get("min_disk")),
            "disk_format": text(item.get("disk_format")),
        },
        derived={
            "name": image_id,
            "type": "vm",
            "os": system.os,
            "distribution": system.distribution,
            "os_version": system.version,
            "arch": derived_arch,
            "state": "available",
            "region": target.region,
        },
        document=item,
        created_at=moment(item.get("created_at")),
    )
