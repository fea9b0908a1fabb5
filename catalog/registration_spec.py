"""What is asked of AddImage, checked before it is sent: seed AddImage, PROVIDERS.md sections 2 and 2a.

A spec is what `register_image --spec` reads and the form posts: {"type": "vm"|"container", "name", "version"?,
"description"?, "image_id"?, "registry_url"?, "is_acr"?, "is_acr_enterprise"?, "registry_cri_id"?, "registry_server"?,
"registry_user"?, "registry_password"?}. The password is checked here and never kept: it travels beside the Spec, as a
text or a Secret.

The seed has few constraints and none is invented: what merely looks wrong is a warning, and is sent as it is.
"""

import dataclasses
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from catalog.references import ContainerReference, NotAReference, parse_reference

TYPES = ("vm", "container")
PASSWORD = "registry_password"  # noqa: S105 - a field's name
FLAGS = ("is_acr", "is_acr_enterprise")
ONLY_VM = ("image_id",)
ONLY_CONTAINER = ("registry_url", *FLAGS, "registry_cri_id", "registry_server", "registry_user", PASSWORD)
# A call travels in the address of the request: these only keep out what no cloud could take.
LONGEST = {"description": 2000, PASSWORD: 1000}
LONGEST_TEXT = 500
ECS_NAME = 128  # ECS allows no longer image name; E-HPC does not say
MASK = "••••••••"
# Stars stand for what is blotted out, as in the seed's own examples.
_CRI_ID = re.compile(r"cri-[A-Za-z0-9*-]+")
# A custom image, or a public one by its name.
_ECS_ID = re.compile(r"m-[A-Za-z0-9*]+|[\w.*-]+_alibase_[\w.*-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Spec:
    """One image to register, checked. A text is None where it is not sent; a flag None where neither given nor
    inferred.
    """

    type: str
    name: str
    version: str | None = None
    description: str | None = None
    image_id: str | None = None
    registry_url: str | None = None
    is_acr: bool | None = None
    is_acr_enterprise: bool | None = None
    registry_cri_id: str | None = None
    registry_server: str | None = None
    registry_user: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


FIELDS = (*(field.name for field in dataclasses.fields(Spec)), PASSWORD)


def validate_spec(document: object) -> tuple[Spec | None, dict[str, str]]:
    """The spec, or None and one sentence for each field at fault ("" for the whole). Flags left out are inferred from
    the host.
    """
    if not isinstance(document, Mapping):
        return None, {"": _('A registration is a JSON object such as {"type": "vm", "name": ..., "image_id": ...}.')}
    errors = {str(name)[:60]: _("There is no such field.") for name in document if name not in FIELDS}
    values: dict[str, Any] = {}
    for name in FIELDS:
        try:
            values[name] = (_flag if name in FLAGS else _text)(name, document.get(name))
        except ValueError as error:
            errors[name] = str(error)
    _check_type(values, errors)
    if len((values.get("image_id") or "").split()) > 1:
        errors.setdefault("image_id", _("An image ID holds no white space."))
    cri_id = values.get("registry_cri_id")
    if cri_id and not _CRI_ID.fullmatch(cri_id):
        errors.setdefault(
            "registry_cri_id", _("This is no instance ID: it is cri- with letters and digits, as in cri-xyz795ygf8k9.")
        )
    if values.get("registry_url") and "registry_url" not in errors:
        try:
            reference = parse_reference(values["registry_url"])
        except NotAReference as error:
            errors["registry_url"] = str(error)
        else:
            values = _inferred(values, reference)
    if errors:
        return None, errors
    values.pop(PASSWORD)
    return Spec(**values), {}


def warnings(spec: Spec, region: str, *, has_password: bool = False) -> list[tuple[str, str]]:
    """What looks wrong and is sent all the same, as (field, sentence)."""
    found = []
    if len(spec.name) > ECS_NAME:
        found.append(("name", _("ECS allows image names of at most 128 characters; this one is longer.")))
    if spec.image_id and not _ECS_ID.fullmatch(spec.image_id):
        found.append(("image_id", _("The ID of an ECS image looks like m-bp1akkkr1rkxtb; this one does not.")))
    if spec.type == "container":
        found += _container_warnings(spec, region, has_password)
    return found


def preview(spec: Spec, *, has_password: bool = False) -> list[tuple[str, str]]:
    """The call as it will be sent: AddImage's own parameter names and their values, the password masked."""
    rows: list[tuple[str, str | bool | None]] = [
        ("ImageType", "VM" if spec.type == "vm" else "Container"),
        ("Name", spec.name),
        ("ImageVersion", spec.version),
        ("Description", spec.description),
        ("VMImageSpec.ImageId", spec.image_id),
        ("ContainerImageSpec.RegistryUrl", spec.registry_url),
        ("ContainerImageSpec.IsACRRegistry", spec.is_acr),
        ("ContainerImageSpec.IsACREnterprise", spec.is_acr_enterprise),
        ("ContainerImageSpec.RegistryCriId", spec.registry_cri_id),
        ("ContainerImageSpec.RegistryCredential.Server", spec.registry_server),
        ("ContainerImageSpec.RegistryCredential.UserName", spec.registry_user),
        ("ContainerImageSpec.RegistryCredential.Password", MASK if has_password else None),
    ]
    return [
        (name, str(value).lower() if isinstance(value, bool) else value) for name, value in rows if value is not None
    ]


def checked_password(text: str) -> str | None:
    """A registry password that is given beside a spec; None for none. Raises ValueError with one sentence."""
    return _text(PASSWORD, text)


def _text(name: str, value: object) -> str | None:
    """A text without the white space around it, or None; a description and a password stay as they are."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise ValueError(_("This must be text."))
    kept = value if name in ("description", PASSWORD) else value.strip()
    if len(kept) > LONGEST.get(name, LONGEST_TEXT):
        raise ValueError(_("This is too long: %(n)d characters at most.") % {"n": LONGEST.get(name, LONGEST_TEXT)})
    allowed = "\n\r\t" if name == "description" else ""
    if any(unicodedata.category(character) in ("Cc", "Cs") and character not in allowed for character in kept):
        raise ValueError(_("Control characters cannot be sent."))
    return kept if kept.strip() else None


def _flag(name: str, value: object) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(_("This must be true or false."))


def _check_type(values: dict[str, Any], errors: dict[str, str]) -> None:
    kind = values.get("type")
    if "type" not in errors and kind not in TYPES:
        errors["type"] = _("Choose the type: vm or container.")
    if "name" not in errors and not values.get("name"):
        errors["name"] = _("An image needs a name.")
    needed = {"vm": "image_id", "container": "registry_url"}.get(kind or "")
    if needed and needed not in errors and not values.get(needed):
        missing = {
            "vm": _("A VM image needs the ID of the ECS image it is made from."),
            "container": _("A container image needs its reference in a registry."),
        }
        errors[needed] = missing[str(kind)]
    foreign = {"vm": ONLY_CONTAINER, "container": ONLY_VM}.get(kind or "", ())
    for name in foreign:
        if name not in errors and values.get(name) is not None:
            errors[name] = _("This does not belong to a %(type)s image.") % {"type": kind}


def _inferred(values: dict[str, Any], reference: ContainerReference) -> dict[str, Any]:
    """Flags left out are what the host says; flags given stand, whatever the host says."""
    told = {"is_acr": reference.is_acr, "is_acr_enterprise": reference.enterprise}
    return values | {name: flag for name, flag in told.items() if values.get(name) is None}


def _container_warnings(spec: Spec, region: str, has_password: bool) -> list[tuple[str, str]]:
    reference = parse_reference(spec.registry_url or "")
    host = reference.registry
    found = []
    if spec.is_acr and not reference.is_acr:
        found.append(("is_acr", _("%(host)s does not look like an Alibaba Cloud Container Registry.") % {"host": host}))
    if spec.is_acr is False and reference.is_acr:
        found.append(("is_acr", _("%(host)s looks like an Alibaba Cloud Container Registry.") % {"host": host}))
    if spec.is_acr_enterprise and not reference.enterprise:
        found.append(("is_acr_enterprise", _("%(host)s does not look like an Enterprise instance.") % {"host": host}))
    if spec.is_acr_enterprise is False and reference.enterprise:
        found.append(("is_acr_enterprise", _("%(host)s looks like an Enterprise instance.") % {"host": host}))
    if spec.is_acr_enterprise and not spec.registry_cri_id:
        found.append(("registry_cri_id", _("An Enterprise instance is named by its ID, such as cri-xyz795ygf8k9.")))
    if spec.registry_cri_id and not spec.is_acr_enterprise:
        found.append(("registry_cri_id", _("Only an Enterprise instance has an instance ID.")))
    if reference.region and reference.region != region:
        message = _("The registry is in %(there)s and the image is registered in %(here)s.")
        found.append(("registry_url", message % {"there": reference.region, "here": region}))
    if spec.registry_server and spec.registry_server.lower() != host.lower():
        message = _("The credential is for %(server)s and the image comes from %(host)s.")
        found.append(("registry_server", message % {"server": spec.registry_server, "host": host}))
    if has_password and not spec.registry_user:
        found.append(("registry_user", _("A password is sent without a user name.")))
    if spec.registry_user and not has_password:
        found.append((PASSWORD, _("A user name is sent without a password.")))
    if (spec.registry_user or has_password) and not spec.registry_server:
        found.append(("registry_server", _("A user name or password is sent without the server it is for.")))
    if spec.registry_server and not (spec.registry_user or has_password):
        found.append(("registry_server", _("A server is sent without a user name and password for it.")))
    return found
