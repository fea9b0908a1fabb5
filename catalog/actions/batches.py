"""Registrations of a file, as people and commands ask for them: drafted, confirmed as a whole, cancelled."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts import audit
from accounts.models import CloudAccount, Team, User
from accounts.secrets import Secret, forget_many, seal_many
from catalog import batch_sending, batches, providers, registration
from catalog.actions.base import ActionError, Actor, actor_name
from catalog.actions.marks import CountChanged
from catalog.batches import CANCELLED, Check, LeftOut, Row
from catalog.models import Batch, Registration
from catalog.queueing import send_on_commit
from catalog.registration_spec import PASSWORD


class DraftOver(ActionError):
    """The draft was confirmed before, or its time is over."""

    def __init__(self) -> None:
        super().__init__("", _("This check is over: its passwords were kept for half an hour only. Upload it again."))


def draft_batch(team: Team, user: User, account: CloudAccount, title: str, check: Check) -> Batch:
    """Keep what was checked until it is confirmed, its passwords sealed. Nobody else sees it, and nothing is sent."""
    with transaction.atomic():
        drafted = [row.as_dict() for row in check.rows]
        batch = _batch(user, account, title, check, author=user, drafted=drafted)
        _seal(team, {row.id: row.password for row in check.rows if row.password})
    return batch


def confirm_batch(
    team: Team, user: User, batch_id: UUID, *, expected: int, passwords: Mapping[tuple[str, str], Secret[str]]
) -> Batch:
    """Hand the images of a draft to the worker: `expected` many, as the review said. `passwords` are those given at the
    review, by server and user.

    Raises DraftOver, ActionError for an account that is gone, and CountChanged where other ones are to be registered.
    """
    with transaction.atomic():
        drafts = batches.drafts_of(team, user).filter(created_at__gt=Now() - batches.DRAFT_LIFE)
        batch = drafts.select_for_update(of=("self",)).filter(id=batch_id).first()
        if batch is None:
            raise DraftOver
        rows = batches.draft_rows(batch)
        wanted, _out = _hold(team, batch.cloud_account_id, rows)
        if len(wanted) != expected:
            raise CountChanged(len(wanted))
        sealed = batches.sealed_passwords(team, wanted) if passwords else set()
        lacking = {row.id: batches.login_of(row) for row in wanted if row.id not in sealed}
        _seal(team, {row_id: passwords[login] for row_id, login in lacking.items() if login in passwords})
        forget_many(team.id, registration.TABLE, {row.id for row in rows} - {row.id for row in wanted})
        _register(batch, user, wanted, len(rows) - len(wanted))
        for _lane in range(batch_sending.LANES):
            send_on_commit(batch_sending.TASK, batch.id)
    return batch


def create_batch(
    team: Team, actor: str, account: CloudAccount, title: str, check: Check
) -> tuple[Batch | None, dict[UUID, LeftOut]]:
    """For a command, which sends them itself: the batch, None where nothing of it is to be registered, and what was
    left out, by the rows' ids. Raises ActionError.
    """
    with transaction.atomic():
        wanted, out = _hold(team, account.id, check.rows)
        if not wanted:
            return None, out
        batch = _batch(actor, account, title, check)
        _seal(team, {row.id: row.password for row in wanted if row.password})
        _register(batch, actor, wanted, len(out))
    return batch, out


def cancel_batch(team: Team, actor: Actor, batch: Batch) -> int:
    """What still waits is not sent. How many those were; the others go on as they are. Raises Batch.DoesNotExist for
    another team's.
    """
    batch = Batch.objects.get(team=team, id=batch.id)
    error = registration.ADD_IMAGE.error(CANCELLED, "The batch was cancelled before this was sent.", "invalid")
    return batch_sending.reject_rest(batch, error, actor, "batch.cancelled")


def purge_batch_drafts() -> int:
    """Forget the drafts that nobody confirmed in time; their passwords go as those of reviews do. How many."""
    over = Batch.objects.filter(confirmed_at=None, created_at__lte=Now() - 2 * batches.DRAFT_LIFE)
    return over.delete()[0]


def _batch(actor: Actor, account: CloudAccount, title: str, check: Check, **fields: Any) -> Batch:
    return Batch.objects.create(
        team_id=account.team_id,
        cloud_account=account,
        account_name=account.name,
        title=title[:200],
        unit=check.unit,
        requested_by=actor_name(actor),
        **fields,
    )


def _hold(team: Team, account_id: UUID | None, rows: list[Row]) -> tuple[list[Row], dict[UUID, LeftOut]]:
    """Within a transaction: hold the account, so that nobody registers the same meanwhile; what is to be registered,
    and what is not.
    """
    held = CloudAccount.objects.select_for_update().filter(team=team)
    account = held.filter(id=account_id).first() if account_id else None
    if account is None:
        raise ActionError("account", _("This cloud account is no longer there."))
    if account.vendor not in providers.REGISTERED_KIND:
        raise ActionError("account", _("Images cannot be registered in %(vendor)s.") % {"vendor": account.vendor})
    out = batches.left_out(account, rows)
    return [row for row in rows if row.id not in out], out


def _seal(team: Team, passwords: Mapping[UUID, Secret[str]]) -> None:
    if passwords:
        seal_many(team.id, registration.TABLE, PASSWORD, passwords)


def _register(batch: Batch, actor: Actor, rows: list[Row], left_out: int) -> None:
    """Within a transaction: write the registrations, pending, with the one audit row of them all."""
    Batch.objects.filter(id=batch.id).update(confirmed_at=Now(), drafted=None, left_out=left_out)
    Registration.objects.bulk_create(_registration(batch, actor, row) for row in rows)
    changes: dict[str, Any] = {
        "account": batch.account_name,
        "images": len(rows),
        "left_out": left_out,
        "regions": sorted({row.region for row in rows}),
        "names": [f"{row.spec.name} {row.spec.version or ''}".strip()[:200] for row in rows],
    }
    audit.record(batch.team, actor, "batch.created", target=batch.title, target_id=batch.id, changes=changes)


def _registration(batch: Batch, actor: Actor, row: Row) -> Registration:
    values = row.spec.as_dict()
    return Registration(
        id=row.id,
        team_id=batch.team_id,
        cloud_account_id=batch.cloud_account_id,
        account_name=batch.account_name,
        batch=batch,
        batch_at=row.at,
        region=row.region,
        vm_image_id=values.pop("image_id"),
        requested_by=actor_name(actor),
        requester=actor if isinstance(actor, User) else None,
        **values,
    )
