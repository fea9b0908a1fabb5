"""E-HPC 2023-07-01: ListImages, the images that AddImage registered, AddImage itself and RemoveImage. Seed AddImage;
PROVIDERS.md 1, 2, 5.

The typed client lacks ImageType, ImageCategory and Mode: they go as extra parameters.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from catalog.providers.alibaba import EHPC_2023, Client
from catalog.providers.alibaba_registry import acr_flags
from catalog.providers.answers import Answered
from catalog.providers.base import AddedImage, Connection, Page, RemoteImage, Target
from catalog.providers.paging import numbered_pages
from catalog.providers.shape import build, identifier, join_key, moment, text, word

LIST, ADD, REMOVE = "ListImages", "AddImage", "RemoveImage"
PAGE_SIZE = 50
IMAGE_TYPES = {"vm": "VM", "container": "Container"}
# What AddImage cannot do without, beside the name.
REQUIRED = {"vm": ("image_id",), "container": ("registry_url",)}
_TYPES = {value.lower(): name for name, value in IMAGE_TYPES.items()}


def list_pages(connection: Connection, target: Target) -> Iterator[Page]:
    """Once for VM and once for Container, each complete by itself: ListImages may take an absent ImageType for VM."""
    with Client(connection, target.region, EHPC_2023) as client:
        for part, image_type in enumerate(IMAGE_TYPES.values(), start=1):
            for page in _pages(client, target, image_type):
                yield replace(page, part=part, parts=len(IMAGE_TYPES))


def check(connection: Connection, target: Target) -> None:
    with Client(connection, target.region, EHPC_2023) as client:
        _page(client, target, "VM", 1, size=1)


def registered_images(
    connection: Connection, region: str, image_type: str, names: list[str] | None, ids: list[str] | None
) -> Iterator[RemoteImage]:
    with Client(connection, region, EHPC_2023) as client:
        keys, total = set(), 0
        for page in _pages(client, Target(region=region), IMAGE_TYPES[image_type], names, ids):
            total = page.total or 0
            for image in page.images:
                keys.add(image.key)
                yield image
        if len(keys) != total:
            message = f"The list of images stayed incomplete: {len(keys)} came, {total} were counted."
            raise client.call(LIST).error("IncompleteListing", message, kind="incomplete", retryable=True)


def _pages(
    client: Client, target: Target, image_type: str, names: list[str] | None = None, ids: list[str] | None = None
) -> Iterator[Page]:
    return numbered_pages(image_type, lambda page: _page(client, target, image_type, page, names=names, ids=ids))


def _page(
    client: Client,
    target: Target,
    image_type: str,
    page: int,
    size: int = PAGE_SIZE,
    names: list[str] | None = None,
    ids: list[str] | None = None,
) -> tuple[list[RemoteImage], int]:
    from alibabacloud_ehpc20230701 import models

    request = models.ListImagesRequest(image_ids=ids, image_names=names, page_number=page, page_size=size)
    extra = {"ImageType": image_type, "ImageCategory": "Custom", "Mode": "List"}

    def read() -> tuple[list[RemoteImage], int]:
        answer = client.typed(client.call(LIST), "list_images_with_options", request, extra)
        images = answer.mapped(answer.items("Images"), lambda item: to_image(item, target, image_type))
        return images, answer.total("TotalCount")

    return client.connection.patience.read(read)


def to_image(item: Mapping[str, Any], target: Target, asked_type: str) -> RemoteImage:
    """The same ImageId may be registered in several versions, and a type of its own names it: all three are the key."""
    image_id, version = identifier(item, "ImageId"), text(item.get("Version"))
    told_type = word(_TYPES, item.get("ImageType"))
    return build(
        key=join_key(IMAGE_TYPES[told_type] if told_type else asked_type, image_id, version),
        remote_id=image_id,
        reported={
            "name": text(item.get("Name")),
            "version": version,
            "type": told_type,
            "description": text(item.get("Description")),
        },
        derived={
            "name": image_id,
            "type": _TYPES[asked_type.lower()],
            "visibility": "private",
            "state": "available",
            "region": target.region,
        },
        document={name: value for name, value in item.items() if name != "RegistryCredential"},
        created_at=moment(item.get("CreateTime")),
        updated_at=moment(item.get("UpdateTime")),
    )


def add_image(connection: Connection, region: str, spec: Mapping[str, Any]) -> AddedImage:
    """AddImage, sent at most once: there is no token that would make a second one harmless."""
    given = {name: value for name, value in spec.items() if value not in (None, "")}
    with Client(connection, region, EHPC_2023) as client:
        password = given.get("registry_password")
        call = client.call(ADD, write=True, secrets=(password,) if isinstance(password, str) else ())
        image_type = IMAGE_TYPES.get(given.get("type", ""))
        lacking = next((name for name in ("name", *REQUIRED.get(given.get("type", ""), ())) if name not in given), None)
        if image_type is None or lacking:
            message = f"The registration lacks {lacking}." if image_type else "The type is neither vm nor container."
            raise call.error("InvalidParams", message, kind="invalid")
        answer = client.typed(call, "add_image_with_options", _request(given), {"ImageType": image_type})
    return _added(answer)


def _request(given: Mapping[str, Any]) -> Any:
    from alibabacloud_ehpc20230701 import models

    fields = {"name": given["name"], "image_version": given.get("version"), "description": given.get("description")}
    if given["type"] == "vm":
        return models.AddImageRequest(
            vmimage_spec=models.AddImageRequestVMImageSpec(image_id=given["image_id"]), **fields
        )
    credential = models.AddImageRequestContainerImageSpecRegistryCredential(
        server=given.get("registry_server"),
        user_name=given.get("registry_user"),
        password=given.get("registry_password"),
    )
    is_acr, is_enterprise = acr_flags(given["registry_url"])
    container = models.AddImageRequestContainerImageSpec(
        registry_url=given["registry_url"],
        is_acrregistry=given.get("is_acr", is_acr),
        is_acrenterprise=given.get("is_acr_enterprise", is_enterprise),
        registry_cri_id=given.get("registry_cri_id"),
        registry_credential=credential if credential.to_map() else None,
    )
    return models.AddImageRequest(container_image_spec=container, **fields)


def _added(answer: Answered) -> AddedImage:
    """The new id, without the line's end of the seed's own example. An answer that lacks it tells nothing of the
    outcome."""
    image_id = text(answer.body.get("ImageId"))
    if answer.body.get("Success") not in (True, "true") or image_id is None:
        message = "The cloud took the registration and did not say what became of it."
        raise answer.call.malformed(message, status=200, request_id=answer.request_id)
    return AddedImage(image_id=image_id.strip(), request_id=answer.request_id)


def remove_image(connection: Connection, region: str, image_id: str) -> str | None:
    """RemoveImage, sent once; the request id."""
    from alibabacloud_ehpc20230701 import models

    with Client(connection, region, EHPC_2023) as client:
        call = client.call(REMOVE, write=True)
        answer = client.typed(call, "remove_image_with_options", models.RemoveImageRequest(image_id=image_id), {})
    if answer.body.get("Success") not in (True, "true"):
        message = "The cloud took the removal and did not say what became of it."
        raise call.malformed(message, status=200, request_id=answer.request_id)
    return answer.request_id
