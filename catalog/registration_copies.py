"""The form of AddImage, filled in from what there is: an earlier registration, or an image on the shelf.

A password is never copied: it was forgotten when its registration ended.
"""

from typing import Any

from catalog.models import Image, Registration
from catalog.providers.alibaba_registry import registry_host
from catalog.references import read_reference
from catalog.registration_forms import REGISTRIES

# The listings whose images AddImage can be given: ECS images, containers of a cluster, and what was registered before.
COPIED_KINDS = ("alibaba_ehpc_custom", "alibaba_ehpc_container", "alibaba_ehpc_registered")


def initial_like(registration: Registration) -> dict[str, Any]:
    flags = (registration.is_acr, registration.is_acr_enterprise)
    reference, server = read_reference(registration.registry_url), registration.registry_server
    return {
        "type": registration.type,
        "account": str(registration.cloud_account_id or ""),
        "region": registration.region,
        "name": registration.name,
        "version": registration.version,
        "description": registration.description,
        "image_id": registration.vm_image_id,
        "registry_url": registration.registry_url,
        "registry": next((choice for choice, meant in REGISTRIES.items() if meant == flags), ""),
        "registry_cri_id": registration.registry_cri_id,
        "registry_server": server,
        "server_prefilled": server if reference and reference.registry == server else None,
        "registry_user": registration.registry_user,
    }


def can_copy(image: Image) -> bool:
    """Whether a copy of it can be registered. `image` comes with its source. What was registered can be again; of what
    else is gone there is nothing to register.
    """
    kind, is_gone = image.source.kind, image.state in ("missing", "archived")
    return kind in COPIED_KINDS and (not is_gone or kind == "alibaba_ehpc_registered")


def initial_of_image(image: Image) -> dict[str, Any]:
    """As the registration that made it, in the place where it is now; else what its listing tells of it."""
    made = image.registrations.filter(team=image.team_id).order_by("-created_at").first()
    if made:
        return initial_like(made)
    filled = {
        "type": image.type,
        "account": str(image.source.cloud_account_id or ""),
        "region": image.region,
        "name": image.name,
        "version": image.version,
        "description": image.description,
    }
    if image.source.kind == "alibaba_ehpc_custom":
        filled["image_id"] = image.remote_id
    elif image.repository:
        filled |= {"name": image.repository.rpartition("/")[2], "version": image.tag}
        # The same repository elsewhere is another image: without a registry it is no address.
        reference = f"{image.repository}:{image.tag}" if image.tag else image.repository
        filled["registry_url"] = reference if registry_host(reference) else None
    return filled
