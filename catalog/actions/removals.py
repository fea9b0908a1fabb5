"""Removals, as people and commands ask for them. The worker's part is catalog/removal.py."""

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import Team
from catalog import removal
from catalog.actions.base import ActionError, Actor, actor_name
from catalog.models import Image, Removal
from catalog.queueing import send_on_commit


def create_removal(team: Team, actor: Actor, image: Image, *, queue: bool = True) -> Removal:
    """Write the removal of this image from its cloud, pending; the worker sends it. `queue=False`: the caller will.

    Raises ActionError for an image that cannot be removed from here, or is being removed.
    """
    if why := removal.why_not(image, removal.last_removal(image)):
        raise ActionError("", why)
    source = image.source
    try:
        with transaction.atomic():
            made = Removal.objects.create(
                team=team,
                cloud_account=source.cloud_account,
                account_name=source.account_name,
                region=source.region,
                type=image.type,
                name=image.name,
                version=image.version,
                remote_id=image.remote_id,
                image=image,
                requested_by=actor_name(actor),
            )
            changes = {"account": source.account_name, "region": source.region, "image_id": image.remote_id}
            audit.record(team, actor, "removal.created", target=image.name, target_id=made.id, changes=changes)
            if queue:
                send_on_commit(removal.TASK, made.id)
    except IntegrityError as error:
        if "removal_one_under_way" not in str(error):
            raise
        raise ActionError("", _("This image is being removed already.")) from None
    return made
