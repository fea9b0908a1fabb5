"""Registrations, as people and commands ask for them. The worker's part is catalog/registration.py."""

from datetime import timedelta
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import CloudAccount, Team, User
from accounts.secrets import Secret, forget_unclaimed, is_sealed, seal, shut
from catalog import providers, registration, shelving
from catalog.actions.base import ActionError, Actor, actor_name, checked_region
from catalog.models import Image, Registration
from catalog.queueing import send_on_commit
from catalog.registration_spec import PASSWORD, Spec, preview

REVIEW_LIFE = timedelta(hours=1)


class AlreadyOnShelf(ActionError):
    """The shelf has an image of this name, version and type in this account and region: `image`."""

    def __init__(self, image: Image) -> None:
        super().__init__("name", _("An image of this name, version and type is on the shelf already."))
        self.image = image


def keep_password(team: Team, password: Secret[str]) -> UUID:
    """Seal a registry password between form and review, for a registration of the id returned. It never goes back out;
    if that registration is not made within the hour, it is forgotten (`purge_passwords`).
    """
    registration_id = uuid4()
    seal(team.id, registration.TABLE, registration_id, PASSWORD, password)
    return registration_id


def purge_passwords() -> int:
    """Forget passwords of reviews that came to nothing. How many they were."""
    return forget_unclaimed(registration.TABLE, Registration.objects.all(), timezone.now() - REVIEW_LIFE)


def create_registration(
    team: Team,
    actor: Actor,
    account: CloudAccount,
    region: str,
    spec: Spec,
    password: Secret[str] | str | None,
    *,
    registration_id: UUID | None = None,
    queue: bool = True,
    state: str = "pending",
) -> Registration:
    """Write the registration, pending, with its password sealed; the worker sends it. `queue=False`: the caller will.

    `state` is "requested" for one that waits for an admin (actions/requests.py). `registration_id` is what
    `keep_password` gave, where the password was sealed before, at the review.

    Raises AlreadyOnShelf, and ActionError for a vendor that registers nothing or the same image being sent right now.
    """
    password = shut(password) if password else None
    region = checked_region(region)
    if account.vendor not in providers.REGISTERED_KIND:
        raise ActionError("account", _("Images cannot be registered in %(vendor)s.") % {"vendor": account.vendor})
    with transaction.atomic():
        claim_place(team, account.id, region, spec)
        values = spec.as_dict()
        made = Registration.objects.create(
            id=registration_id or uuid4(),
            team=team,
            cloud_account=account,
            account_name=account.name,
            region=region,
            vm_image_id=values.pop("image_id"),
            state=state,
            requested_by=actor_name(actor),
            requester=actor if isinstance(actor, User) else None,
            **values,
        )
        if password:
            seal(team.id, registration.TABLE, made.id, PASSWORD, password)
        has_password = is_sealed(team.id, registration.TABLE, made.id, PASSWORD)
        changes = {"account": account.name, "region": region, **dict(preview(spec, has_password=has_password))}
        action = "registration.created" if state == "pending" else f"registration.{state}"
        audit.record(team, actor, action, target=spec.name, target_id=made.id, changes=changes)
        if queue and state == "pending":
            send_on_commit(registration.TASK, made.id)
    return made


def claim_place(team: Team, account_id: UUID | None, region: str, spec: Spec) -> None:
    """Within a transaction: hold the account, and refuse what its region has or is about to have. Two equal forms sent
    at once, as by a double click, meet here.
    """
    accounts = CloudAccount.objects.select_for_update().filter(team=team)
    account = accounts.filter(id=account_id).first() if account_id else None
    if account is None:
        raise ActionError("account", _("This cloud account is no longer there."))
    if image := shelving.on_shelf(account, region, spec.type, spec.name, spec.version):
        raise AlreadyOnShelf(image)
    if registration.is_under_way(account, region, spec):
        raise ActionError("name", _("An image of this name, version and type is being registered right now."))
