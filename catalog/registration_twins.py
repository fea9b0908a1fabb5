"""What there is already of an image that is about to be registered: on the shelf, on its way there, or not known.

What is in the way is what the action refuses as well (actions/registrations.py); all else is told, and sent all the
same.
"""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import CloudAccount
from catalog.models import Image, Registration
from catalog.registration import asked_for
from catalog.registration_spec import Spec
from catalog.shelving import on_shelf

MOST = 5
UNDER_WAY = ("pending", "sending")


@dataclass(frozen=True, slots=True)
class Twin:
    """The sentence tells of one image, or of one registration."""

    sentence: str
    is_in_the_way: bool = False
    image: Image | None = None
    registration: Registration | None = None


def twins(account: CloudAccount, region: str, spec: Spec, besides: UUID | None = None) -> list[Twin]:
    """What is in the way first. Two queries. Of `spec`, type, name and version will do, and what it is made from.
    `besides` is a registration that is asked about, and no twin of its own.
    """
    found, image = [], on_shelf(account, region, spec.type, spec.name, spec.version) if spec.name else None
    if image:
        sentence = _("An image of this name, version and type is on the shelf already.")
        found.append(Twin(sentence, is_in_the_way=True, image=image))
    # Of the same origin, those that are there. ECS images are told apart by their ID alone, whatever they are called.
    origin = Q(vm_image_id=spec.image_id) if spec.type == "vm" else Q(registry_url=spec.registry_url)
    there = Q(image__isnull=False) & ~Q(image__state__in=["missing", "archived"])
    made = origin & there & Q(state__in=["succeeded", "seen"])
    open_ones = asked_for(account, region, spec).filter(state__in=[*UNDER_WAY, "unknown", "requested"])
    others = open_ones.exclude(id=besides) if besides else open_ones
    called = Q(id__in=others.values("id"))
    wanted = called | made if spec.image_id or spec.registry_url else called
    earlier = Registration.objects.filter(wanted, team_id=account.team_id, cloud_account=account, region=region)
    for one in earlier.select_related("image").order_by("-created_at")[:MOST]:
        if one.image is None or one.image != image:
            found.append(_told(one))
    return sorted(found, key=lambda twin: not twin.is_in_the_way)


def _told(one: Registration) -> Twin:
    if one.state in UNDER_WAY:
        sentence = _("An image of this name, version and type is being registered right now.")
        return Twin(sentence, is_in_the_way=True, registration=one)
    if one.state == "unknown":
        sentence = _("Nobody knows yet whether an earlier registration of this image worked.")
        return Twin(sentence, registration=one)
    if one.state == "requested":
        return Twin(_("%(who)s asked for this image already:") % {"who": one.requested_by}, registration=one)
    if one.type == "vm":
        return Twin(_("This ECS image is registered already, as:"), image=one.image)
    return Twin(_("This reference is registered already, as:"), image=one.image)
