"""ENS DescribeImageInfos (2017-11-10): the public images of the edge nodes, in one answer. Seed DescribeImageInfos."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from catalog.providers.alibaba import ENS, Client
from catalog.providers.answers import Answered
from catalog.providers.base import Connection, Page, RemoteImage, Target
from catalog.providers.shape import COMPUTE_TYPES, build, identifier, join_key, number, text, word
from catalog.providers.systems import OS_WORDS, canonical_distribution, parse_system

OPERATION = "DescribeImageInfos"


def list_pages(connection: Connection, target: Target) -> Iterator[Page]:
    """OsType is left out: with linux the answer may be empty (PROVIDERS.md section 2)."""
    with Client(connection, target.region, ENS) as client:
        images = client.read(OPERATION, {}, partial(_images, target))
        yield Page(scope="", number=1, images=images)


def _images(target: Target, answer: Answered) -> list[RemoteImage]:
    return answer.mapped(answer.items("Images", "Image"), lambda item: to_image(item, target))


def check(connection: Connection, target: Target) -> None:
    for _ in list_pages(connection, target):
        return


def to_image(item: Mapping[str, Any], target: Target) -> RemoteImage:
    image_id = identifier(item, "ImageId")
    told, found = edge_system(
        image_id, text(item.get("OSName")), text(item.get("ImageVersion")), text(item.get("OSType"))
    )
    return build(
        key=join_key(image_id),
        remote_id=image_id,
        reported={
            "arch": word(COMPUTE_TYPES, item.get("ComputeType")),
            "size_gib": number(item.get("ImageSize")),
            "description": text(item.get("Description")),
            **told,
        },
        derived={
            "name": image_id,
            "type": "vm",
            "visibility": "public",
            "state": "available",
            "region": target.region,
            **found,
        },
        extra=compute_facts(item),
        document=item,
    )


def compute_facts(item: Mapping[str, Any]) -> dict[str, Any]:
    """The compute type, and whether it is a bare machine, for the detail page."""
    compute_type = text(item.get("ComputeType"))
    if compute_type is None:
        return {}
    bare = {"bare_metal": True} if compute_type.strip().lower() == "bare_metal" else {}
    return {"compute_type": compute_type, **bare}


def edge_system(
    image_id: str, name: str | None, version: str | None, os: str | None = None
) -> tuple[dict[str, Any], dict[str, Any]]:
    """(reported, derived) system of an ENS image: its own words, and what they lack read off the image's id
    (centos_6_08_64_20G_alibase is CentOS 6.8)."""
    system = parse_system(name, version, os)
    by_id = parse_system(image_id)
    if by_id.distribution == image_id:  # the id names no system the table knows
        by_id = parse_system(None)
    same = name is None or by_id.distribution == system.distribution
    found = {
        "os": system.os if system.os != "unknown" else by_id.os,
        "distribution": system.distribution or by_id.distribution,
        "os_version": system.version or (by_id.version if same else None),
    }
    told: dict[str, Any] = {}
    if (os and OS_WORDS.get(os.strip().lower()) == found["os"]) or (name and name.strip().lower() == found["os"]):
        told["os"] = found["os"]
    if name and system.distribution in (canonical_distribution(name), name.strip()):
        told["distribution"] = system.distribution
    if version and system.version == version.strip():
        told["os_version"] = system.version
    return told, found
