"""AddImage, GetImage and RemoveImage of E-HPC 2023-07-01 (AddImage seed; GetImage and RemoveImage as the SDK's models
have them).
"""

import hashlib
import re
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson

from tests.clouds.calls import Call
from tests.clouds.errors import EHPC_2023, Refusal, refusal
from tests.clouds.variants import Document
from tests.clouds.world import UnknownPlaceError, World

# An ECS image: a custom one (m-...), or a public one by its name. `m-missing...` is well-formed and does not exist.
ECS_IMAGE = re.compile(r"m-(?!missing)[0-9A-Za-z*]+|\w+_alibase_\w+[.*\w]*")


def _invalid(parameter: str) -> Refusal:
    return refusal(EHPC_2023, "InvalidParams", parameter)


def _answer(**fields: Any) -> Document:
    return {"RequestId": str(uuid.uuid4()).upper(), "Success": True, **fields}


def _spec(call: Call, name: str) -> dict[str, Any]:
    """A nested parameter: the SDK sends it as one JSON object in the query string."""
    text = call.parameters.get(name)
    if not text:
        raise _invalid(name)
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise _invalid(name) from None
    if not isinstance(document, dict):
        raise _invalid(name)
    return document


def _text(spec: dict[str, Any], name: str, path: str) -> str:
    value = spec.get(name)
    if not isinstance(value, str) or not value.strip():
        raise _invalid(f"{path}.{name}")
    return value


def add_image(world: World, call: Call) -> Document:
    """Register an image; its id comes back with a newline, as in the seed's example. Not idempotent: a second time it
    exists.
    """
    kind, name = call.parameters.get("ImageType") or "VM", call.parameters.get("Name", "")
    if kind not in ("VM", "Container"):
        raise _invalid("ImageType")
    if not name.strip():
        raise _invalid("Name")
    try:
        registered = world.registered(call.region)
    except UnknownPlaceError:
        raise _invalid("RegionId") from None
    document: Document = {
        "ImageId": "",
        "ImageType": kind,
        "Name": name,
        "Version": call.parameters.get("ImageVersion", ""),
        "Description": call.parameters.get("Description", ""),
        "CreateTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    document |= _vm(call) if kind == "VM" else _container(call, name)
    same_name = registered.find("Name", name)
    same_id = registered.find("ImageId", document["ImageId"])
    for other in same_name + same_id:
        if (other["ImageType"], other.get("Version", "")) == (kind, document["Version"]):
            raise refusal(EHPC_2023, "ImageAlreadyExists")
    world.register(call.region, document)
    return _answer(ImageId=document["ImageId"] + "\n") | {"RequestId": str(uuid.uuid4()).upper() + "\n"}


def _vm(call: Call) -> Document:
    spec = _spec(call, "VMImageSpec")
    image_id = _text(spec, "ImageId", "VMImageSpec")
    if not ECS_IMAGE.fullmatch(image_id):
        raise refusal(EHPC_2023, "ImageNotFound")
    return {"ImageId": image_id, "_spec": spec}


def _container(call: Call, name: str) -> Document:
    spec = _spec(call, "ContainerImageSpec")
    url = _text(spec, "RegistryUrl", "ContainerImageSpec")
    if any(space in url for space in " \t\n"):
        raise _invalid("ContainerImageSpec.RegistryUrl")
    for flag in ("IsACRRegistry", "IsACREnterprise"):
        if not isinstance(spec.get(flag, False), bool):
            raise _invalid(f"ContainerImageSpec.{flag}")
    if spec.get("IsACREnterprise") and not str(spec.get("RegistryCriId") or "").startswith("cri-"):
        raise _invalid("ContainerImageSpec.RegistryCriId")
    credential = spec.get("RegistryCredential")
    if credential is not None:
        if not isinstance(credential, dict):
            raise _invalid("ContainerImageSpec.RegistryCredential")
        for part in ("UserName", "Password"):
            _text(credential, part, "ContainerImageSpec.RegistryCredential")
    parts = (call.region, name, call.parameters.get("ImageVersion", ""), url)
    return {"ImageId": "m-" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20], "_spec": spec}


def _find(world: World, call: Call) -> Document:
    image_id = call.parameters.get("ImageId", "")
    if not image_id:
        raise _invalid("ImageId")
    try:
        found = world.registered(call.region).find("ImageId", image_id)
    except UnknownPlaceError:
        raise _invalid("RegionId") from None
    if not found:
        raise refusal(EHPC_2023, "ImageNotFound")
    return found[0]


def get_image(world: World, call: Call) -> Document:
    """The details of an image. RegistryCredential.Password is among them, as in the real API: whoever asks must drop
    it.
    """
    document = _find(world, call)
    image = {name: document.get(name) for name in ("ImageType", "Name", "Version", "Description", "CreateTime")}
    image["Size"] = "20"
    if document["ImageType"] == "Container":
        url = f"{document.get('_repository')}:{document.get('Version')}"
        image["ContainerImageSpec"] = document.get("_spec") or {
            "RegistryUrl": url,
            "IsACRRegistry": ".aliyuncs.com" in url,
            "IsACREnterprise": ".cr.aliyuncs.com" in url,
            "RegistryCredential": {"Server": url.partition("/")[0], "UserName": "builder", "Password": "simulated"},
        }
    else:
        tag = document.get("_system") or {"Platform": "CentOS", "OsTag": "CentOS_7.9_64", "Architecture": "x86_64"}
        spec = document.get("_spec") or {"ImageId": document["ImageId"]}
        image["VMImageSpec"] = spec | {name: tag[name] for name in ("Platform", "OsTag", "Architecture")}
    return _answer(Image=image, TotalCount=1)


def remove_image(world: World, call: Call) -> Document:
    """Every version of this id goes; none while jobs use one, which a document says with `_in_use`."""
    document = _find(world, call)
    if any(image.get("_in_use") for image in world.registered(call.region).find("ImageId", document["ImageId"])):
        raise refusal(EHPC_2023, "ImageInUse")
    world.unregister(call.region, document)
    return _answer()
