"""A call that changes a cloud, sent at most once: AddImage (registration.py) and RemoveImage (removal.py).

No token makes a second call harmless (PROVIDERS.md section 5): "sending" is committed before the call, by a conditional
UPDATE that only one can win, and nothing ever leads back. An outcome that is not known stays "unknown" until a lookup
(lookups.py), a sync (shelving.py) or an admin settles it. A row ends once; whoever comes later changes nothing.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from accounts import audit
from accounts.actions import Actor
from accounts.models import CloudAccount
from accounts.secrets import forget
from catalog import lookups
from catalog.models import CloudWrite
from catalog.providers.base import ProviderError
from catalog.queueing import send

logger = logging.getLogger(__name__)

WORKER = "worker"  # the actor of an outcome
# A call ends long before this; who is still "sending" then was killed in the middle of it.
LONGEST_CALL = timedelta(minutes=5)
# A pending one this old lost its message.
OVERDUE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Write[R: CloudWrite, T]:
    """One kind of write. `noun` begins its audit actions; `task` is the worker's, by its full name.

    `send` makes the call and returns what came of it, or raises ProviderError; `accepted` and `refused` write the
    outcome down where it is known. `look_up` asks the cloud what became of one whose outcome is not. `alone` are those
    that have a message each.
    """

    model: type[R]
    operation: str
    noun: str
    task: str
    send: Callable[[R, float], T]
    accepted: Callable[[R, T], None]
    refused: Callable[[R, ProviderError], None]
    look_up: Callable[[R], None]
    alone: Q = field(default_factory=Q)

    def error(self, code: str, message: str, kind: str, **facts: Any) -> ProviderError:
        return ProviderError(self.operation, code, message, kind=kind, **facts)

    def account_deleted(self) -> ProviderError:
        return self.error("AccountDeleted", "The cloud account was deleted before this was sent.", "invalid")

    def interrupted(self, message: str) -> ProviderError:
        return self.error("Interrupted", message, "unreachable", outcome_known=False)


def run[R: CloudWrite, T](write: Write[R, T], row_id: UUID, patience_seconds: float) -> None:
    """Send a pending one and write down how it ended. One that somebody else has or had is left alone."""
    row = _take(write, row_id)
    if row is None:
        return
    try:
        answer = write.send(row, patience_seconds)
    except ProviderError as error:
        error.with_traceback(None)  # its frames hold the password, and what fails from here on is told with it
        if error.outcome_known:
            write.refused(row, error)
        else:
            unknown(write, row, error)
    except BaseException as error:
        # The text and the traceback of what went wrong may hold a password: only its name leaves this function.
        logger.error("%s %s was interrupted by %s", write.operation, row.id, type(error).__name__)
        error.with_traceback(None).__context__ = None
        unknown(write, row, write.interrupted("Bootshelf was interrupted while the call was made."))
        if not isinstance(error, Exception):
            raise type(error) from None
    else:
        write.accepted(row, answer)


def reconcile[R: CloudWrite, T](write: Write[R, T]) -> None:
    """By beat: queue what lost its message; what was killed while sending has an unknown outcome."""
    rows = write.model._default_manager
    overdue = rows.filter(write.alone, state="pending", created_at__lt=Now() - OVERDUE)
    for row_id in overdue.values_list("id", flat=True)[:100]:
        send(write.task, row_id)
    for row in rows.select_related("team").filter(state="sending", sent_at__lt=Now() - LONGEST_CALL):
        unknown(write, row, write.interrupted("The worker was stopped while the call was made."))


def look_up_due[R: CloudWrite, T](write: Write[R, T]) -> int:
    """By beat: look up the unknown ones that are due. How many it looked for."""
    due = write.model._default_manager.filter(state="unknown", next_lookup_at__lte=Now())
    due.filter(cloud_account=None).update(next_lookup_at=None)
    looked = 0
    for row in due.select_related("cloud_account", "team").order_by("next_lookup_at")[:20]:
        if lookups.take(row):
            looked += 1
            try:
                write.look_up(row)
            finally:
                lookups.release(row)
    return looked


def reject_waiting[R: CloudWrite, T](write: Write[R, T], account: CloudAccount) -> list[str]:
    """Within the transaction that deletes the account: what was not sent will not be, and nothing can be looked up.
    What they are called, for the audit row of the account: they have none of their own.
    """
    rows = write.model._default_manager.filter(cloud_account=account)
    waiting = list(rows.filter(state="pending").order_by("id").select_for_update(of=("self",)))
    for row in waiting:
        _end(row, "rejected", "pending", error=write.account_deleted())
    rows.filter(state="unknown").update(next_lookup_at=None)
    return [row.name for row in waiting]


def unknown[R: CloudWrite, T](write: Write[R, T], row: R, error: ProviderError) -> None:
    end(write, row, "unknown", "sending", error=error, lookups=0, next_lookup_at=Now() + lookups.LOOKUPS[0])


def end[R: CloudWrite, T](
    write: Write[R, T],
    row: R,
    state: str,
    *before: str,
    error: ProviderError | None,
    actor: Actor = WORKER,
    action: str = "",
    noted: Mapping[str, Any] | None = None,
    **fields: Any,
) -> bool:
    """Write the outcome with its audit row and forget the password; whether it was this one who did, since it was still
    in one of the states `before`. `action` is the audit's, where the state does not name it; `noted` is told there too.
    """
    with transaction.atomic():
        if not _end(row, state, *before, error=error, **fields):
            return False
        changes = {"state": state, "error": error and error.code, "region": row.region, **(noted or {})}
        changes |= {"kind": error.kind} if error else {}
        audit.record(
            row.team, actor, f"{write.noun}.{action or state}", target=row.name, target_id=row.id, changes=changes
        )
    return True


def _end(row: CloudWrite, state: str, *before: str, error: ProviderError | None, **fields: Any) -> bool:
    """The outcome without an audit row, in the caller's transaction."""
    if error:
        fields["request_id"] = error.request_id
    if state != "unknown":
        fields |= {"finished_at": Now(), "next_lookup_at": None}
    rows = type(row)._default_manager.filter(id=row.id, state__in=before)
    if not rows.update(state=state, error=as_row(error) if error else None, **fields):
        return False
    forget(row.team_id, row._meta.db_table, row.id)
    return True


def as_row(error: ProviderError) -> dict[str, Any]:
    """An error as a row keeps it."""
    return {**error.as_dict(), "kind": error.kind}


def _take[R: CloudWrite, T](write: Write[R, T], row_id: UUID) -> R | None:
    """pending → sending, committed. None where somebody else has it or had it."""
    rows = write.model._default_manager
    if not rows.filter(id=row_id, state="pending").update(state="sending", sent_at=Now()):
        return None
    return rows.select_related("cloud_account", "team").get(id=row_id)
