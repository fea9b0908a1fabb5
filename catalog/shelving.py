"""Registered images on the shelf: there right after success, and recognised by the next sync that lists them."""

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from accounts.models import CloudAccount
from catalog import providers, rows
from catalog.locks import lock_source
from catalog.marks import carry_over, with_own_text
from catalog.models import Image, ImageChange, ImageDocument, Registration, Source
from catalog.overrides import applied, carry_overrides
from catalog.providers import alibaba_ehpc_registered
from catalog.providers.base import RemoteImage, Target

NOT_LISTED = b""  # the content hash of an image no sync has listed yet


def on_shelf(account: CloudAccount, region: str, image_type: str, name: str, version: str | None) -> Image | None:
    """The image of this name, version and type that the account's region already has, if the shelf knows one."""
    listed = Image.objects.filter(
        team_id=account.team_id,
        source__team_id=account.team_id,
        source__cloud_account=account,
        source__kind=providers.REGISTERED_KIND.get(account.vendor),
        source__region=region,
        source__archived_at=None,
    )
    return _called(listed, image_type, name, version).exclude(state__in=["missing", "archived"]).first()


def _called(images: QuerySet[Image], image_type: str, name: str, version: str | None) -> QuerySet[Image]:
    same = Q(version=version) if version else Q(version=None) | Q(version="")
    return images.filter(same, type=image_type, name=name)


def as_listed(registration: Registration, image_id: str) -> RemoteImage:
    """The image as the next listing is expected to report it."""
    item = {
        "ImageId": image_id,
        "ImageType": alibaba_ehpc_registered.IMAGE_TYPES[registration.type],
        "Name": registration.name,
        "Version": registration.version,
        "Description": registration.description,
    }
    return alibaba_ehpc_registered.to_image(item, Target(region=registration.region), item["ImageType"] or "")


def put_on_shelf(registration: Registration, remote: RemoteImage) -> Image | None:
    """Within a transaction: insert or bring back the image in the source of its account and region. None if the
    account is gone.
    """
    account = registration.cloud_account
    if account is None:
        return None
    source = _registered_source(account, registration.region)
    lock_source(source.id)
    image = Image.objects.filter(source=source, key=rows.columns(remote)["key"]).first()
    if image and image.missing_since is None:
        return image  # a sync was faster
    found = rows.columns(remote) | {
        "content_hash": NOT_LISTED,
        "missing_since": None,
        "last_seen_at": None,
        "changed_at": Now(),
    }
    if image:
        Image.objects.filter(id=image.id).update(**applied(with_own_text(found, image), image.overrides))
    else:
        image = Image.objects.create(team_id=source.team_id, source=source, **found)
        ImageDocument.objects.create(image=image, team_id=source.team_id, document=dict(remote.document))
    ImageChange.objects.create(
        team_id=source.team_id, source=source, image=image, kind="returned" if image.missing_since else "added"
    )
    return image


def _registered_source(account: CloudAccount, region: str) -> Source:
    """The account's listing of registered images in this region, made if it is not there. A paused one stays paused."""
    kind = providers.REGISTERED_KIND[account.vendor]
    place = {"team_id": account.team_id, "cloud_account": account, "kind": kind, "region": region, "archived_at": None}
    for _attempt in range(2):
        if source := Source.objects.filter(**place).order_by("created_at").first():
            return source
        try:
            with transaction.atomic():
                return Source.objects.create(**place, account_name=account.name, simulated=account.simulated)
        except IntegrityError:
            continue  # somebody made it meanwhile
    return Source.objects.get(**place)


def close_seen(source: Source) -> int:
    """For the sync, within the transaction that applies a complete listing: registrations whose image it listed are
    seen.

    An unknown outcome is settled by this too. How many it closed.
    """
    if source.kind not in providers.REGISTERED_KIND.values():
        return 0
    closed = 0
    open_ones = Registration.objects.filter(
        team_id=source.team_id,
        cloud_account_id=source.cloud_account_id,
        region=source.region,
        state__in=["succeeded", "unknown"],
    )
    for registration in open_ones:
        if image := _listed(source, registration):
            closed += open_ones.filter(id=registration.id).update(
                state="seen", seen_at=Now(), image=image, remote_id=image.remote_id, next_lookup_at=None
            )
            if registration.image_id and registration.image_id != image.id:
                for placeholder in Image.objects.filter(id=registration.image_id, content_hash=NOT_LISTED):
                    carry_over(placeholder, image)
                    carry_overrides(placeholder, image)
                    placeholder.delete()
    return closed


def _listed(source: Source, registration: Registration) -> Image | None:
    """The image of this registration in a complete listing: the one put on the shelf, else the one called so, else the
    one of its id that the cloud gave a version of its own.
    """
    listed = Image.objects.filter(source=source, missing_since=None).exclude(content_hash=NOT_LISTED)
    if registration.image_id and (found := listed.filter(id=registration.image_id).first()):
        return found
    if found := _called(listed, registration.type, registration.name, registration.version).order_by("id").first():
        return found
    if registration.version or not registration.remote_id:
        return None
    own = listed.filter(type=registration.type, name=registration.name, remote_id=registration.remote_id)
    return own.order_by("id").first()
