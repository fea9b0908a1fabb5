"""Huawei Workspace `GET /v2/{project_id}/images` (its seed) and IAM `GET /v3/projects`, which the SDK asks for the
project.
"""

import re
import uuid
from typing import Any

from tests.clouds.calls import Call, Listed
from tests.clouds.credentials import Credential
from tests.clouds.errors import HUAWEI, refusal
from tests.clouds.variants import Document
from tests.clouds.wire import Request
from tests.clouds.world import World

IMAGES_PATH = re.compile(r"/v2/([^/]+)/images/?")
LIMIT = 100


def operation_of(path: str) -> str | None:
    """The operation a path belongs to, None if to none."""
    if IMAGES_PATH.fullmatch(path):
        return "ListImages"
    return "ListProjects" if path.rstrip("/") == "/v3/projects" else None


def read_call(world: World, request: Request, credential: Credential) -> Call:
    """What the client asks for; the region is the project's, or the one whose project is asked for."""
    operation, images = operation_of(request.path), IMAGES_PATH.fullmatch(request.path)
    if operation is None:
        raise refusal(HUAWEI, "APIGW.0101")
    if request.method != "GET":
        raise refusal(HUAWEI, "APIGW.0106")
    call = Call(
        vendor="huawei",
        operation=operation,
        version="v2" if images else "v3",
        region=request.query.get("name", ""),
        parameters=dict(request.query),
        credential=credential,
    )
    if images:
        _check_permission(call)
        call.parameters["project_id"] = images[1]
        region = world.region_of_project(images[1])
        if region is None:
            raise refusal(HUAWEI, "WKS.00010005")
        call.region = region
        call.size = _integer(call, "limit", LIMIT, LIMIT)
        call.offset = _integer(call, "offset", 0, 10**9)
        call.number = call.offset // max(call.size, 1) + 1
    return call


def _check_permission(call: Call) -> None:
    states = {"denied": "WKS.00010002", "in_debt": "WKS.00010003", "not_enabled": "WKS.00010004"}
    state = "denied" if call.operation in call.credential.denied else call.credential.state
    if state in states:
        raise refusal(HUAWEI, states[state])


def _integer(call: Call, name: str, default: int, largest: int) -> int:
    text = call.parameters.get(name, "")
    if not text:
        return default
    if not text.isdecimal() or int(text) > largest:
        raise refusal(HUAWEI, "WKS.00010001", name)
    return int(text)


def list_images(world: World, call: Call) -> Listed:
    """Images of a project. The architecture filter knows the architecture of images that do not tell theirs."""
    asked = {name: call.parameters.get(name) for name in ("os_type", "image_type", "platform", "architecture")}
    for name, allowed in (("image_type", ("gold", "private")), ("architecture", ("x86", "arm"))):
        if asked[name] and asked[name] not in allowed:
            raise refusal(HUAWEI, "WKS.00010001", name)
    filters = {name: value for name, value in asked.items() if value}
    listing = world.listing("huawei_workspace", call.region)

    def wanted(image: Document) -> bool:
        facts = {
            "os_type": image.get("os_type"),
            "image_type": image.get("image_type"),
            "platform": image.get("_platform") or str(image.get("os_version") or "").partition(" ")[0],
            "architecture": image.get("architecture") or image.get("_architecture"),
        }
        return all(facts[name] == value for name, value in filters.items())

    selection = listing.select(str(sorted(filters.items())), wanted) if filters else listing.select()
    return Listed({"total_count": len(selection)}, ("images",), selection, call, total_field="total_count")


def list_projects(world: World, call: Call) -> Document:
    """The projects of the account with this name; a region it does not have has none."""
    name = call.parameters.get("name")
    world.discover(name or "")
    projects = world.projects()
    shown = [_project(region, project) for region, project in projects.items() if name in (None, region)]
    return {"projects": shown, "links": {"self": "https://iam.simulated.myhuaweicloud.com/v3/projects"}}


def _project(region: str, project_id: str) -> dict[str, Any]:
    return {
        "id": project_id,
        "name": region,
        "domain_id": "d0c0ffee00000000000000000000a001",
        "parent_id": "d0c0ffee00000000000000000000a001",
        "is_domain": False,
        "enabled": True,
        "description": "",
    }


def request_id() -> str:
    return uuid.uuid4().hex
