"""E-HPC ListCustomImages (2018-04-12): custom and shared machine images of a region, in one answer. Seed
ListCustomImages."""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from catalog.providers.alibaba import EHPC, Client
from catalog.providers.answers import Answered
from catalog.providers.base import Connection, Page, RemoteImage, Target
from catalog.providers.shape import ARCHITECTURES, OWNERS, build, identifier, join_key, number, state, text, word
from catalog.providers.systems import canonical_distribution, parse_system

OPERATION = "ListCustomImages"


def list_pages(connection: Connection, target: Target) -> Iterator[Page]:
    with Client(connection, target.region, EHPC) as client:
        images = client.read(
            OPERATION, {"ClusterId": target.cluster, **target.narrowing}, partial(_images, target), "GET"
        )
        yield Page(scope="", number=1, images=images)


def _images(target: Target, answer: Answered) -> list[RemoteImage]:
    return answer.mapped(answer.items("Images", "ImageInfo"), lambda item: to_image(item, target))


def check(connection: Connection, target: Target) -> None:
    for _ in list_pages(connection, target):
        return


def to_image(item: Mapping[str, Any], target: Target) -> RemoteImage:
    """OsTag is the image's own system and wins. BaseOsTag is the management nodes' and stands beside it, in `extra`."""
    image_id = identifier(item, "ImageId")
    status = text(item.get("Status"))
    told_state, listed_state = state(status)
    told, found = _system(item.get("OsTag"))
    return build(
        key=join_key(image_id),
        remote_id=image_id,
        reported={
            "name": text(item.get("ImageName")),
            "visibility": word(OWNERS, item.get("ImageOwnerAlias")),
            "size_gib": number(item.get("Size")),
            "status": status,
            "state": told_state,
            "description": text(item.get("Description")),
            **told,
        },
        derived={
            "name": image_id,
            "type": "vm",
            "state": listed_state,
            "region": target.region,
            "cluster": target.cluster or None,
            **found,
        },
        extra=_base_system(item.get("BaseOsTag")),
        document=item,
    )


def _system(tag: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """(reported, derived) fields of an OsTag {Platform, OsTag, Version, Architecture}."""
    if not isinstance(tag, dict):
        return {}, {}
    platform, version, os_tag = text(tag.get("Platform")), text(tag.get("Version")), text(tag.get("OsTag"))
    system = parse_system(platform or os_tag, version)
    if platform and version is None and os_tag and (closer := parse_system(os_tag)).distribution == system.distribution:
        system = closer
    fields = {"os": system.os, "distribution": system.distribution, "os_version": system.version}
    reported: dict[str, Any] = {"arch": word(ARCHITECTURES, tag.get("Architecture"))}
    if platform and system.distribution in (canonical_distribution(platform), platform):
        reported["distribution"] = system.distribution
    if platform and platform.strip().lower() == system.os:
        reported["os"] = system.os
    if version and system.version == version.strip():
        reported["os_version"] = system.version
    return reported, fields


def _base_system(tag: object) -> dict[str, Any]:
    """The management nodes' system, as told, for the detail page."""
    if not isinstance(tag, dict):
        return {}
    names = {"platform": "Platform", "tag": "OsTag", "version": "Version", "arch": "Architecture"}
    told = {name: text(tag.get(field)) for name, field in names.items()}
    return {"base_os": {name: value for name, value in told.items() if value}} if any(told.values()) else {}
