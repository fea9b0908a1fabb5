"""Container image references, read as the container world reads them (docker-image-py, a port of
distribution/reference).

A registry is never contacted: everything here comes from the text of the reference.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from docker_image.digest import InvalidDigest
from docker_image.reference import InvalidReference, Reference

# A name has at most 255 characters, a tag 128, a digest 135 (distribution/reference); more is no reference,
# and is not given to the parser's regular expressions.
LONGEST = 600

_ACR = re.compile(r"registry(?P<vpc>-vpc|-internal)?\.(?P<region>[a-z0-9-]{2,40})\.aliyuncs\.com")
_ACR_ENTERPRISE = re.compile(
    r"(?P<instance>[a-z0-9][a-z0-9-]*?)-registry(?P<vpc>-vpc)?\.(?P<region>[a-z0-9-]{2,40})\.cr\.aliyuncs\.com"
)


class NotAReference(ValueError):
    """One sentence that says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerReference:
    """registry[:port]/repository[:tag][@digest]. Without a registry it is Docker Hub's; without a tag and digest,
    `latest` is meant.

    `region` and `enterprise` are told by the host of an Alibaba Cloud Container Registry, None and False elsewhere.
    """

    registry: str
    repository: str
    tag: str | None
    digest: str | None
    is_acr: bool = False
    enterprise: bool = False
    region: str | None = None
    vpc: bool = False

    @property
    def familiar_name(self) -> str:
        """The last part of the repository, which is what people call the image: `nginx`."""
        return self.repository.rpartition("/")[2]


def parse_reference(text: str) -> ContainerReference:
    """Read a reference. Raises NotAReference."""
    if "://" in text:
        raise NotAReference(_("Write the reference without %(scheme)s://.") % {"scheme": text.partition("://")[0][:20]})
    if len(text) > LONGEST:
        raise NotAReference(_("A container image reference is shorter than this."))
    try:
        found = Reference.parse_normalized_named(text)
    except InvalidDigest:
        raise NotAReference(_("The digest is not one, such as sha256: and 64 hexadecimal digits.")) from None
    except InvalidReference as error:
        raise NotAReference(_reason(text, error)) from None
    registry, repository = found.split_hostname()
    return ContainerReference(
        registry=registry, repository=repository, tag=found["tag"], digest=found["digest"], **host_facts(registry)
    )


def host_facts(host: str) -> dict[str, object]:
    """What the name of a registry tells: is_acr, enterprise, region, vpc (PROVIDERS.md 2a)."""
    if match := _ACR_ENTERPRISE.fullmatch(host):
        return {"is_acr": True, "enterprise": True, "region": match["region"], "vpc": bool(match["vpc"])}
    if match := _ACR.fullmatch(host):
        return {"is_acr": True, "enterprise": False, "region": match["region"], "vpc": bool(match["vpc"])}
    return {}


def _reason(text: str, error: InvalidReference) -> str:
    if "lowercase" in str(error):
        return _("A repository is written in small letters.")
    if any(character.isspace() for character in text):
        return _("A container image reference holds no white space.")
    return _("This is no container image reference such as registry.example.com/team/image:1.0.")
