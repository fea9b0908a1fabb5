"""ENS DescribeSelfImages (2017-11-10): the team's own edge images and those shared with it, page by page."""

from collections.abc import Iterator, Mapping
from typing import Any

from catalog.providers.alibaba import ENS, Client
from catalog.providers.alibaba_ens_public import compute_facts, edge_system
from catalog.providers.answers import Answered
from catalog.providers.base import Connection, Page, RemoteImage, Target
from catalog.providers.paging import numbered_pages
from catalog.providers.shape import (
    ARCHITECTURES,
    COMPUTE_TYPES,
    OWNERS,
    build,
    identifier,
    join_key,
    moment,
    number,
    state,
    text,
    word,
)

OPERATION = "DescribeSelfImages"
PAGE_SIZE = 50  # at most, PROVIDERS.md 2a


def list_pages(connection: Connection, target: Target) -> Iterator[Page]:
    with Client(connection, target.region, ENS) as client:
        yield from numbered_pages("", lambda page: _page(client, target, page))


def check(connection: Connection, target: Target) -> None:
    with Client(connection, target.region, ENS) as client:
        _page(client, target, 1, size=1)


def _page(client: Client, target: Target, page: int, size: int = PAGE_SIZE) -> tuple[list[RemoteImage], int]:
    def take(answer: Answered) -> tuple[list[RemoteImage], int]:
        images = answer.mapped(answer.items("Images", "Image"), lambda item: to_image(item, target))
        return images, answer.total("TotalCount")

    return client.read(OPERATION, {"PageNumber": page, "PageSize": size}, take)


def to_image(item: Mapping[str, Any], target: Target) -> RemoteImage:
    """Architecture beats ComputeType, and an item's RegionId the source's region."""
    image_id = identifier(item, "ImageId")
    status = text(item.get("Status"))
    told_state, listed_state = state(status)
    told, found = edge_system(image_id, text(item.get("Platform")), text(item.get("OsVersion")))
    return build(
        key=join_key(image_id),
        remote_id=image_id,
        reported={
            "name": text(item.get("ImageName")),
            "visibility": word(OWNERS, item.get("ImageOwnerAlias")),
            "arch": word(ARCHITECTURES, item.get("Architecture")) or word(COMPUTE_TYPES, item.get("ComputeType")),
            "size_gib": number(item.get("ImageSize")),
            "status": status,
            "state": told_state,
            "description": text(item.get("Description")),
            "region": text(item.get("RegionId")),
            **told,
        },
        derived={"name": image_id, "type": "vm", "state": listed_state, "region": target.region, **found},
        extra=compute_facts(item),
        document=item,
        created_at=moment(item.get("CreationTime")),
    )
