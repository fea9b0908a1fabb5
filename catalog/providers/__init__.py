"""The registry of providers: what Bootshelf can list and register, and the doors to it.

A provider is one listing of one product; its kind is the name of its module and permanent, since rows hold it.
Choices, forms and commands derive from PROVIDERS. Nothing here imports an SDK: the modules do so inside the functions
that call (0.6-1.2 s, 50-100 MB, and a client must be made after a fork; PROVIDERS.md sections 1 and 5).
"""

import importlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.providers import alibaba, huawei
from catalog.providers.base import AddedImage, Cluster, Connection, Page, ProviderError, RemoteImage, Target

_REGION = re.compile(r"[a-z0-9-]{2,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """A request filter a source may be narrowed by. `name` is the API's own; without `choices` any text will do."""

    name: str
    label: Promise
    choices: tuple[tuple[str, Promise], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One listing. `actions` are the RAM or IAM actions it needs, `operations` the API calls it makes.

    `cluster` says what naming a cluster does: "" (it takes none), "narrows" (request filter) or "one" (instead of
    every cluster). `paged` is False where the cloud answers with one document. `short` is the label where there is
    little room.
    """

    kind: str
    vendor: str
    label: Promise
    short: Promise | str
    product: str
    operations: tuple[str, ...]
    actions: tuple[str, ...]
    cluster: str = ""
    narrowing: tuple[Narrowing, ...] = ()
    paged: bool = True


PROVIDERS: dict[str, Provider] = {
    provider.kind: provider
    for provider in (
        Provider(
            kind="alibaba_ehpc_custom",
            vendor="alibaba",
            label=_("E-HPC custom images"),
            short=_("E-HPC custom"),
            product="E-HPC",
            operations=("ListCustomImages",),
            actions=("ehpc:ListCustomImages",),
            cluster="narrows",
            narrowing=(
                Narrowing(
                    name="ImageOwnerAlias",
                    label=_("Owner"),
                    choices=(("self", _("Own images")), ("others", _("Shared images"))),
                ),
                Narrowing(name="BaseOsTag", label=_("Management nodes' system (BaseOsTag)")),
                Narrowing(name="InstanceType", label=_("Instance type")),
            ),
            paged=False,
        ),
        Provider(
            kind="alibaba_ehpc_container",
            vendor="alibaba",
            label=_("E-HPC container images"),
            short=_("E-HPC containers"),
            product="E-HPC",
            operations=("ListClusters", "ListContainerImages"),
            actions=("ehpc:ListClusters", "ehpc:ListContainerImages"),
            cluster="one",
        ),
        Provider(
            kind="alibaba_ehpc_registered",
            vendor="alibaba",
            label=_("E-HPC registered images"),
            short=_("E-HPC registered"),
            product="E-HPC",
            operations=("ListImages",),
            actions=("ehpc:ListImages",),
        ),
        Provider(
            kind="alibaba_ens_public",
            vendor="alibaba",
            label=_("ENS public images"),
            short=_("ENS public"),
            product="ENS",
            operations=("DescribeImageInfos",),
            actions=("ens:DescribeImageInfos",),
            paged=False,
        ),
        Provider(
            kind="alibaba_ens_self",
            vendor="alibaba",
            label=_("ENS custom images"),
            short=_("ENS custom"),
            product="ENS",
            operations=("DescribeSelfImages",),
            actions=("ens:DescribeSelfImages",),
        ),
        Provider(
            kind="huawei_workspace",
            vendor="huawei",
            label=_("Workspace images"),
            short="Workspace",
            product="Workspace",
            operations=("ListImages", "KeystoneListProjects"),
            actions=("workspace:images:list", "iam:projects:listProjects"),
        ),
    )
}

# A vendor's module holds CredentialForm, validate_credential, KEY_ID (the field whose end may be shown) and SECRETS.
VENDORS: dict[str, ModuleType] = {"alibaba": alibaba, "huawei": huawei}

# The listing in which a vendor's registered images turn up, and what registering, looking up and removing need.
REGISTERED_KIND: dict[str, str] = {"alibaba": "alibaba_ehpc_registered"}
REGISTER_ACTIONS: dict[str, tuple[str, ...]] = {"alibaba": ("ehpc:AddImage", "ehpc:ListImages", "ehpc:RemoveImage")}


def kind_choices(vendor: str | None = None) -> list[tuple[str, Promise]]:
    """(kind, label) of every provider, or of one vendor's, for a form."""
    return [(kind, p.label) for kind, p in PROVIDERS.items() if vendor in (None, p.vendor)]


def is_region(text: str) -> bool:
    """Any region name is one: a fixed list would age (PROVIDERS.md 2a)."""
    return _REGION.fullmatch(text) is not None


def validate_credential(vendor: str, data: object) -> dict[str, str]:
    """The vendor's credential, checked. Raises CredentialError with one sentence that holds no secret."""
    return VENDORS[vendor].validate_credential(data)


def list_pages(kind: str, connection: Connection, target: Target) -> Iterator[Page]:
    """The listing, page by page. Raises ProviderError, from the first `next` on; a listing that ends without one gave
    all the cloud gave, and whether that is complete is for the caller to judge by scope, total and keys (see Page)."""
    return _module(kind, target.region).list_pages(connection, target)


def check(kind: str, connection: Connection, target: Target) -> None:
    """One cheap call of each operation the listing makes. Raises the ProviderError of the first that fails."""
    _module(kind, target.region).check(connection, target)


def list_clusters(connection: Connection, region: str) -> list[Cluster]:
    """Every E-HPC cluster of a region. Raises ProviderError."""
    return _module("alibaba_ehpc_container", region).list_clusters(connection, region)


def add_image(connection: Connection, region: str, spec: Mapping[str, Any]) -> AddedImage:
    """Register an image: AddImage, sent at most once. `spec` has the keys of `register_image --spec`:
    type, name, version, description, image_id, registry_url, is_acr, is_acr_enterprise, registry_cri_id,
    registry_server, registry_user, registry_password; a None, an absent key and an empty text mean the same. Raises
    ProviderError, with `outcome_known` False where the image may have been registered all the same."""
    return _module("alibaba_ehpc_registered", region).add_image(connection, region, spec)


def remove_image(connection: Connection, region: str, image_id: str) -> str | None:
    """Remove a registered image: RemoveImage, sent at most once; its request id. Raises ProviderError, with
    `outcome_known` False where the image may be gone all the same."""
    return _module("alibaba_ehpc_registered", region).remove_image(connection, region, image_id)


def registered_images(
    connection: Connection,
    region: str,
    image_type: str,
    *,
    names: list[str] | None = None,
    ids: list[str] | None = None,
) -> Iterator[RemoteImage]:
    """The registered images of a type ("vm" or "container") with one of these names or ids, asked of ListImages. This
    settles an unknown outcome and is a read. Raises ProviderError, at the end where the list is not complete."""
    return _module("alibaba_ehpc_registered", region).registered_images(connection, region, image_type, names, ids)


def _module(kind: str, region: str) -> Any:
    if kind not in PROVIDERS:
        raise ProviderError(kind, "UnknownKind", f"There is no provider {kind!r}.", kind="invalid")
    if not is_region(region):
        message = "A region has 2 to 40 small letters, digits and hyphens, as in cn-hangzhou."
        raise ProviderError(PROVIDERS[kind].operations[0], "InvalidRegion", message, kind="invalid")
    return importlib.import_module(f"{__name__}.{kind}")
