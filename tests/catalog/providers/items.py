"""Items through a listing, for the tests of the mapping: what comes out of one canned answer."""

import json
from typing import Any

from catalog.providers import list_pages
from catalog.providers.base import RemoteImage, Target
from tests.catalog.providers.canned import Canned, Reply
from tests.catalog.providers.conftest import connection_for, target_for

CUSTOM, CONTAINER = "alibaba_ehpc_custom", "alibaba_ehpc_container"
REGISTERED, PUBLIC, SELF = "alibaba_ehpc_registered", "alibaba_ens_public", "alibaba_ens_self"
HUAWEI = "huawei_workspace"
ENVELOPES: dict[str, Any] = {
    CUSTOM: lambda items: {"Images": {"ImageInfo": items}},
    CONTAINER: lambda items: {"Images": {"Images": items}, "TotalCount": len(items), "DBInfo": "mongodb://10.0.0.1/"},
    REGISTERED: lambda items: {"Images": items, "TotalCount": len(items)},
    PUBLIC: lambda items: {"Images": {"Image": items}, "Code": 0},
    SELF: lambda items: {"Images": {"Image": items}, "Code": 0, "TotalCount": str(len(items))},
    HUAWEI: lambda items: {"images": items, "total_count": len(items)},
}
ID = {HUAWEI: "id"}


def images(kind: str, *items: dict[str, Any], target: Target | None = None) -> list[RemoteImage]:
    """What a listing of these items gives. An item without an id gets one; Huawei's second listing finds nothing."""
    whole = [{ID.get(kind, "ImageId"): f"id-{number}", **item} for number, item in enumerate(items)]
    replies = [Reply(json.dumps(ENVELOPES[kind](found)).encode()) for found in (whole, [])]
    with Canned(*replies) as server:
        pages = list(list_pages(kind, connection_for(server.url, kind), target or target_for(kind)))
    return [image for page in pages for image in page.images]


def image(kind: str, target: Target | None = None, **item: Any) -> RemoteImage:
    return images(kind, item, target=target)[0]


def told(found: RemoteImage, *names: str) -> list[tuple[Any, str]]:
    """(value, provenance) of these fields."""
    return [(getattr(found, name), found.provenance[name]) for name in names]
