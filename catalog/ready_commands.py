"""A command to copy that does something with one image: pull it, or ask the cloud for it.

Only what is documented: DescribeImages of ECS and ENS and DescribeSelfImages take an ImageId (their API references), in
the form `aliyun <product> <Operation> --Parameter value` (Alibaba Cloud CLI, "Command syntax"); Workspace's ListImages
takes an image_id (huaweicloudsdkworkspace, ListImagesRequest), as `hcloud <service> <operation> --param=value` (KooCLI,
"Concepts"). An E-HPC custom image is one of ECS. A container is pulled only by a reference that names its registry: the
same repository elsewhere is another image. Where an ID could mean something to a shell there is no command.
"""

import re
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from catalog.models import Image, Registration
from catalog.providers.alibaba_registry import registry_host

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,399}")
_LOOK_UPS = {
    "alibaba_ehpc_custom": "aliyun ecs DescribeImages --RegionId {region} --ImageId {id}",
    "alibaba_ens_public": "aliyun ens DescribeImages --ImageId {id}",
    "alibaba_ens_self": "aliyun ens DescribeSelfImages --ImageId {id}",
    "huawei_workspace": "hcloud Workspace ListImages --cli-region={region} --image_id={id}",
}
_TOOLS: dict[str, Promise | str] = {"aliyun": _("Alibaba Cloud CLI"), "hcloud": "KooCLI"}


@dataclass(frozen=True, slots=True)
class Command:
    """`purpose` says what it does, `tool` what runs it."""

    purpose: Promise
    tool: Promise | str
    text: str


def ready_command(image: Image, registration: Registration | None) -> Command | None:
    """`registration` is the one that made the image, if it was made here: it knows the registry."""
    if image.state in ("missing", "archived"):
        return None
    if image.type == "container":
        reference = _reference(image, registration)
        return Command(_("Pull it"), "Docker", f"docker pull {reference}") if reference else None
    region = image.source.region
    if image.source.kind not in _LOOK_UPS or not _PLAIN.fullmatch(image.remote_id) or not _PLAIN.fullmatch(region):
        return None
    text = _LOOK_UPS[image.source.kind].format(region=region, id=image.remote_id)
    return Command(_("Ask the cloud for it"), _TOOLS[text.partition(" ")[0]], text)


def _reference(image: Image, registration: Registration | None) -> str | None:
    told = registration.registry_url if registration and registration.registry_url else None
    if told is None and image.repository:
        told = f"{image.repository}:{image.tag}" if image.tag else image.repository
    told = (told or "").strip().removeprefix("https://").removeprefix("http://")
    return told if registry_host(told) and _REFERENCE.fullmatch(told) else None
