"""Registered images on the shelf: there right after success, recognised by the next sync that lists them, and missing
after the one that no longer does.
"""

from collections.abc import Iterable
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Now

from accounts import audit
from accounts.models import CloudAccount
from catalog import providers, rows
from catalog.locks import lock_source
from catalog.marks import carry_over, with_own_text
from catalog.models import CloudWrite, Image, ImageChange, ImageDocument, Registration, Removal, Source
from catalog.overrides import applied, carry_overrides
from catalog.providers import alibaba_ehpc_registered
from catalog.providers.base import RemoteImage, Target

NOT_LISTED = b""  # the content hash of an image no sync has listed yet
SYNC = "sync"  # the actor of what a listing settles


def on_shelf(account: CloudAccount, region: str, image_type: str, name: str, version: str | None) -> Image | None:
    """The image of this name, version and type that the account's region already has, if the shelf knows one."""
    return _called(on_shelf_in(account, [region]), image_type, name, version).first()


def on_shelf_in(account: CloudAccount, regions: Iterable[str]) -> QuerySet[Image]:
    """Every registered image that the shelf knows of the account in these regions."""
    listed = Image.objects.filter(
        team_id=account.team_id,
        source__team_id=account.team_id,
        source__cloud_account=account,
        source__kind=providers.REGISTERED_KIND.get(account.vendor),
        source__region__in=list(regions),
        source__archived_at=None,
    )
    return listed.exclude(state__in=["missing", "archived"])


def _called(images: QuerySet[Image], image_type: str, name: str, version: str | None) -> QuerySet[Image]:
    same = Q(version=version) if version else Q(version=None) | Q(version="")
    return images.filter(same, type=image_type, name=name, name_key=rows.name_key(name))  # which an index begins with


def as_listed(registration: Registration, image_id: str, **listed: Any) -> RemoteImage:
    """The image as the next listing is expected to report it. `listed` is what the cloud is known to say otherwise, by
    the names of its own.
    """
    item = {
        "ImageId": image_id,
        "ImageType": alibaba_ehpc_registered.IMAGE_TYPES[registration.type],
        "Name": registration.name,
        "Version": registration.version,
        "Description": registration.description,
        **listed,
    }
    return alibaba_ehpc_registered.to_image(item, Target(region=registration.region), item["ImageType"] or "")


def put_on_shelf(registration: Registration, remote: RemoteImage, lock_timeout: float | None = None) -> Image | None:
    """Within a transaction: insert or bring back the image in the source of its account and region. None if the
    account is gone. Raises SourceBusy where the source's lock is not to be had in time.
    """
    account = registration.cloud_account
    if account is None:
        return None
    source = registered_source(account, registration.region)
    lock_source(source.id, lock_timeout)
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


def registered_source(account: CloudAccount, region: str) -> Source:
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


# What a cloud was made to add or remove, or was found to have, and no listing that began later has told of.
_BEHIND = """
    UPDATE catalog_source s SET next_sync_at = clock_timestamp()
    WHERE s.paused_at IS NULL AND s.archived_at IS NULL AND s.next_sync_at > clock_timestamp() AND s.kind = ANY(%s)
        AND EXISTS (
            SELECT FROM (
                SELECT cloud_account_id, region, finished_at FROM catalog_registration
                WHERE state = 'succeeded' OR (state = 'rejected' AND error->>'code' = 'ImageAlreadyExists')
                UNION ALL SELECT cloud_account_id, region, finished_at FROM catalog_removal WHERE state = 'succeeded'
            ) w
            WHERE w.cloud_account_id = s.cloud_account_id AND w.region = s.region
                AND w.finished_at > clock_timestamp() - interval '1 hour'
                AND NOT EXISTS (SELECT FROM catalog_syncrun r WHERE r.source_id = s.id AND r.started_at > w.finished_at)
        )"""


def make_due() -> int:
    """By beat: the sources that are behind what this Bootshelf itself changed in their clouds are due now. How many."""
    with connection.cursor() as cursor:
        cursor.execute(_BEHIND, [list(providers.REGISTERED_KIND.values())])
        return cursor.rowcount


def close_seen(source: Source) -> int:
    """For the sync, within the transaction that applies a complete listing: registrations whose image it listed are
    seen.

    An unknown outcome is settled by this too. How many it closed.
    """
    if source.kind not in providers.REGISTERED_KIND.values():
        return 0
    closed = 0
    open_ones = Registration.objects.select_related("team").filter(
        team_id=source.team_id,
        cloud_account_id=source.cloud_account_id,
        region=source.region,
        state__in=["succeeded", "unknown"],
    )
    for registration in open_ones:
        if image := _listed(source, registration):
            closed += _seen(open_ones, registration, "registration", image=image, remote_id=image.remote_id)
            if registration.image_id and registration.image_id != image.id:
                for placeholder in Image.objects.filter(id=registration.image_id, content_hash=NOT_LISTED):
                    carry_over(placeholder, image)
                    carry_overrides(placeholder, image)
                    placeholder.delete()
    return closed


def close_removed(source: Source) -> None:
    """For the sync, as close_seen: removals whose image a complete listing no longer has are seen."""
    if source.kind not in providers.REGISTERED_KIND.values():
        return
    open_ones = Removal.objects.filter(
        team_id=source.team_id, image__source=source, state__in=["succeeded", "unknown"]
    ).exclude(image__missing_since=None)
    for removal in open_ones:
        _seen(Removal.objects.filter(state__in=["succeeded", "unknown"]), removal, "removal")


def _seen(open_ones: QuerySet[Any], row: CloudWrite, noun: str, **fields: Any) -> int:
    """Close one that is still open, with its audit row; how many that were."""
    ended = {"finished_at": Coalesce("finished_at", Now()), "seen_at": Now(), "next_lookup_at": None, "error": None}
    closed = open_ones.filter(id=row.id).update(state="seen", **ended, **fields)
    if closed:
        changes = {"state": "seen", "before": row.state, "region": row.region}
        audit.record(row.team, SYNC, f"{noun}.seen", target=row.name, target_id=row.id, changes=changes)
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
