"""One writer of a source's images at a time: sync, registration, override and removal all take this lock first."""

from collections.abc import Iterable
from uuid import UUID

from django.db import OperationalError, connection
from psycopg import errors

# With lock_name(source_id) for its parameter, on any connection, at the start of a transaction. Whoever holds the lock
# and falls silent, a frozen process or a host that is gone without a word, is cut off by the server: all later syncs of
# the source would wait for it. No writer takes so long between two of its statements.
SILENT_SECONDS = 60
LOCK_SQL = f"""
    SELECT set_config('idle_in_transaction_session_timeout', '{SILENT_SECONDS}s', true),
        pg_advisory_xact_lock(hashtextextended(%s, 0))"""


class SourceBusy(Exception):
    """The lock was not to be had in time: a sync is being applied."""


def lock_source(source_id: UUID, timeout: float | None = None) -> None:
    """Take the source's advisory lock until the current transaction ends.

    `timeout` in seconds, None waits for as long as it takes; web requests give 1. Raises SourceBusy, after which the
    transaction can only be rolled back.
    """
    with connection.cursor() as cursor:
        if timeout is not None:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [f"{int(timeout * 1000)}ms"])
        try:
            cursor.execute(LOCK_SQL, [lock_name(source_id)])
        except OperationalError as error:
            if isinstance(error.__cause__, errors.LockNotAvailable):
                raise SourceBusy from None
            raise
        if timeout is not None:
            cursor.execute("SELECT set_config('lock_timeout', '0', true)")


def lock_sources(source_ids: Iterable[UUID], timeout: float) -> None:
    """The locks of several sources, always in one order, so that no two who want them wait for each other crosswise.
    Raises SourceBusy.
    """
    for source_id in sorted(set(source_ids)):
        lock_source(source_id, timeout)


def lock_labels(team_id: UUID) -> None:
    """One at a time gives a team labels it did not have. Taken after the sources' locks, and nothing after it."""
    with connection.cursor() as cursor:
        cursor.execute(LOCK_SQL, [f"bootshelf.labels:{team_id}"])


def lock_name(source_id: UUID) -> str:
    return f"bootshelf.source:{source_id}"
