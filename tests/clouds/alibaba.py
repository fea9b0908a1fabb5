"""The RPC operations of E-HPC 2018-04-12, E-HPC 2023-07-01 and ENS 2017-11-10, as the seeds and PROVIDERS.md describe
them.
"""

import uuid
from collections.abc import Callable
from typing import Any

import orjson

from tests.clouds import errors, registering
from tests.clouds.calls import Call, Listed
from tests.clouds.credentials import Credential
from tests.clouds.errors import Refusal, refusal
from tests.clouds.listing import Listing, Selection
from tests.clouds.variants import Document
from tests.clouds.wire import Request
from tests.clouds.world import DEFAULT_REGION, UnknownPlaceError, World

EHPC_2018, EHPC_2023, ENS_2017 = "2018-04-12", "2023-07-01", "2017-11-10"
TABLES = {EHPC_2018: errors.EHPC, EHPC_2023: errors.EHPC_2023, ENS_2017: errors.ENS}
# (default, largest) page size of every paged operation.
PAGES = {
    "ListContainerImages": (10, 50),
    "ListClusters": (10, 50),
    "ListImages": (20, 100),
    "DescribeSelfImages": (10, 50),
}


def request_id() -> str:
    return str(uuid.uuid4()).upper()


def read_call(request: Request, credential: Credential) -> Call:
    """What the client asks for. The region is RegionId, else the endpoint's own (one port serves all regions)."""
    parameters = request.parameters()
    operation, version = request.header("x-acs-action"), request.header("x-acs-version")
    if version not in TABLES:
        raise refusal(errors.ALIBABA_GATEWAY, "InvalidVersion")
    if (version, operation) not in OPERATIONS:
        raise refusal(errors.ALIBABA_GATEWAY, "InvalidAction.NotFound")
    call = Call(
        vendor="alibaba",
        operation=operation,
        version=version,
        region=parameters.get("RegionId") or DEFAULT_REGION,
        parameters=parameters,
        credential=credential,
        cluster=parameters.get("ClusterId"),
    )
    _check_permission(call)
    if operation in PAGES:
        default, largest = PAGES[operation]
        call.number = _integer(call, "PageNumber", 1, 1, 10**9)
        call.size = _integer(call, "PageSize", default, 1, largest)
        call.offset = (call.number - 1) * call.size
    return call


def _check_permission(call: Call) -> None:
    """A key that is not allowed, in debt or not enabled; the codes are each product's own."""
    table, state = TABLES[call.version], call.credential.state
    if state == "denied" or call.operation in call.credential.denied:
        raise refusal(table, "NoPermission" if table is errors.ENS else "NotAuthorized")
    if state in ("in_debt", "not_enabled"):
        raise refusal(table, "InDebt" if state == "in_debt" else "NotEnabled")


def invalid(call: Call, parameter: str) -> Refusal:
    """The refusal for a wrong parameter, in the words of the product."""
    table = TABLES[call.version]
    return refusal(table, "InvalidParameter" if table is errors.ENS else "InvalidParams", parameter)


def _integer(call: Call, name: str, default: int, lowest: int, largest: int) -> int:
    text = call.parameters.get(name, "")
    try:
        value = int(text) if text else default
    except ValueError:
        raise invalid(call, name) from None
    if not lowest <= value <= largest:
        raise invalid(call, name)
    return value


def _one_of(call: Call, name: str, allowed: tuple[str, ...]) -> str | None:
    value = call.parameters.get(name) or None
    if value is not None and value not in allowed:
        raise invalid(call, name)
    return value


def _listing(world: World, call: Call, name: str, cluster: str | None = None) -> Listing:
    try:
        return world.listing(name, call.region, cluster)
    except UnknownPlaceError as unknown:
        if unknown.what == "cluster":
            raise refusal(errors.EHPC, "LoginNotFound") from None
        raise invalid(call, "RegionId") from None


def _listed(call: Call, selection: Selection, path: tuple[str, ...], strings: bool = False, **around: Any) -> Listed:
    """An answer with its page, or the whole of it; ENS writes the paging numbers as strings."""
    document: dict[str, Any] = {"RequestId": request_id(), **around}
    if call.size is None:
        return Listed(document, path, selection, call)
    paging = {"PageNumber": call.number, "PageSize": call.size, "TotalCount": len(selection)}
    document |= {name: str(value) for name, value in paging.items()} if strings else paging
    return Listed(document, path, selection, call, total_field="TotalCount")


def list_custom_images(world: World, call: Call) -> Listed:
    """All in one document. BaseOsTag matches the image's tag; an InstanceType leaves out 32-bit images."""
    owner = _one_of(call, "ImageOwnerAlias", ("self", "others"))
    tag, instance = call.parameters.get("BaseOsTag"), call.parameters.get("InstanceType")
    listing = _listing(world, call, "alibaba_ehpc_custom")
    if call.cluster and not world.clusters(call.region).find("Id", call.cluster):
        raise invalid(call, "ClusterId")
    if instance and not instance.startswith("ecs."):
        raise refusal(errors.EHPC, "EcsError")
    if not (owner or tag or instance):
        return _listed(call, listing.select(), ("Images", "ImageInfo"))

    def wanted(image: Document) -> bool:
        own = image.get("OsTag") or {}
        return (
            (not owner or image.get("ImageOwnerAlias") == owner)
            and (not tag or tag in (own.get("BaseOsTag"), own.get("OsTag")))
            and (not instance or own.get("Architecture") != "i386")
        )

    return _listed(call, listing.select(f"{owner}|{tag}|{bool(instance)}", wanted), ("Images", "ImageInfo"))


def list_container_images(world: World, call: Call) -> Listed:
    kind = call.parameters.get("ContainerType") or "singularity"
    if kind != "singularity":
        raise refusal(errors.EHPC, "InvalidContainerType", kind)
    if not call.cluster:
        raise invalid(call, "ClusterId")
    selection = _listing(world, call, "alibaba_ehpc_container", call.cluster).select()
    return _listed(call, selection, ("Images", "Images"), DBInfo="mongodb://simulated-cluster-database:27017/")


def list_clusters(world: World, call: Call) -> Listed:
    return _listed(call, _listing(world, call, "alibaba_ehpc_clusters").select(), ("Clusters", "ClusterInfoSimple"))


def list_images(world: World, call: Call) -> Listed:
    """ImageType defaults to VM, ImageCategory to Custom; ImageIds and ImageNames are JSON lists (that is how the SDK
    sends them).
    """
    kind = _one_of(call, "ImageType", ("VM", "Container")) or "VM"
    category = _one_of(call, "ImageCategory", ("Public", "Custom")) or "Custom"
    ids, names = _texts(call, "ImageIds"), _texts(call, "ImageNames")
    listing = _listing(world, call, "alibaba_ehpc_registered", "public" if category == "Public" else None)
    if ids is None and names is None:
        selection = listing.select(kind, lambda image: image.get("ImageType") == kind)
    else:
        by_id = [image for value in ids or () for image in listing.find("ImageId", value)]
        by_name = [image for value in names or () for image in listing.find("Name", value)]
        found = by_id if names is None else by_name if ids is None else [image for image in by_id if image in by_name]
        selection = Selection(listing, range(0), [image for image in found if image.get("ImageType") == kind])
    return _listed(call, selection, ("Images",), Success=True)


def _texts(call: Call, name: str) -> list[str] | None:
    if not (text := call.parameters.get(name)):
        return None
    try:
        values = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise invalid(call, name) from None
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid(call, name)
    return list(dict.fromkeys(values))


def describe_image_infos(world: World, call: Call) -> Listed:
    system = _one_of(call, "OsType", ("linux", "windows"))
    listing = _listing(world, call, "alibaba_ens_public")
    selection = listing.select(system, lambda image: image.get("OSType") == system) if system else listing.select()
    return _listed(call, selection, ("Images", "Image"), Code=0)


def describe_self_images(world: World, call: Call) -> Listed:
    selection = _listing(world, call, "alibaba_ens_self").select()
    return _listed(call, selection, ("Images", "Image"), strings=True, Code=0)


type Handler = Callable[[World, Call], Listed | Document]

OPERATIONS: dict[tuple[str, str], Handler] = {
    (EHPC_2018, "ListCustomImages"): list_custom_images,
    (EHPC_2018, "ListContainerImages"): list_container_images,
    (EHPC_2018, "ListClusters"): list_clusters,
    (EHPC_2023, "ListImages"): list_images,
    (EHPC_2023, "AddImage"): registering.add_image,
    (EHPC_2023, "GetImage"): registering.get_image,
    (EHPC_2023, "RemoveImage"): registering.remove_image,
    (ENS_2017, "DescribeImageInfos"): describe_image_infos,
    (ENS_2017, "DescribeSelfImages"): describe_self_images,
}
