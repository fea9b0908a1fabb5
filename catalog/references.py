"""Container image references, read as the container world reads them (docker-image-py, a port of
distribution/reference).

A registry is never contacted: everything here comes from the text of the reference.
"""

import re
from dataclasses import dataclass

from django.utils.translation import gettext as _
from docker_image.digest import InvalidDigest
from docker_image.reference import InvalidReference, Reference

from catalog.providers.alibaba_registry import acr_flags, registry_region

# A name has at most 255 characters, a tag 128, a digest 135 (distribution/reference); more is no reference,
# and is not given to the parser's regular expressions.
LONGEST = 600

_TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)


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
    # The parser's regular expressions end in $, which lets a line's end pass.
    if any(character.isspace() for character in text):
        raise NotAReference(_("A container image reference holds no white space."))
    try:
        found = Reference.parse_normalized_named(text)
    except InvalidDigest:
        raise NotAReference(_("The digest is not one, such as sha256: and 64 hexadecimal digits.")) from None
    except InvalidReference as error:
        raise NotAReference(_reason(text, error)) from None
    registry, repository = found.split_hostname()
    is_acr, enterprise = acr_flags(text)
    return ContainerReference(
        registry=registry,
        repository=repository,
        tag=found["tag"],
        digest=found["digest"],
        is_acr=is_acr,
        enterprise=enterprise,
        region=registry_region(text),
    )


def read_reference(text: str | None) -> ContainerReference | None:
    """A reference that may not be one yet, as in a form that is still being filled in."""
    try:
        return parse_reference(text or "")
    except NotAReference:
        return None


def _reason(text: str, error: InvalidReference) -> str:
    if "lowercase" in str(error):
        return _("A repository is written in small letters.")
    tag = text.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if tag and not _TAG.fullmatch(tag):
        message = _("“%(tag)s” is not a valid tag: letters, digits, underscore, dot and dash only, 128 at most.")
        return message % {"tag": tag[:60]}
    return _("This is no container image reference such as registry.example.com/team/image:1.0.")
