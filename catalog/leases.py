"""The worker's side of a run: taking it, holding it, closing it.

A run is taken by a conditional UPDATE and held by a lease in the database's time, renewed by a heartbeat on a
connection of its own. Every statement here names the attempt that was taken, so that a worker that was given up on can
change nothing.
"""

import json
import logging
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import psycopg
from django.db import connection, transaction

from catalog.completeness import Tally
from catalog.providers.base import ProviderError

logger = logging.getLogger(__name__)

type Database = psycopg.Connection[tuple[Any, ...]]

LEASE_SECONDS = 30
BEAT_SECONDS = 10.0
JOIN_SECONDS = 5.0
ATTEMPTS = 3
# A cloud that says "in a year" is asked again all the same.
LONGEST_RETRY_AFTER = 86_400.0
# These do not pass by themselves: the source waits for another credential or for an admin.
PAUSING = ("authentication", "permission", "billing")

# ± 10 %, so that sources made together do not ask the cloud together for ever; never under 15 minutes.
NEXT_SYNC = (
    "clock_timestamp() + greatest(interval '15 minutes', every_minutes * interval '1 minute' * (0.9 + 0.2 * random()))"
)
# 2, 4, 8, ... minutes, at most the interval, but not before the cloud said.
_RETRY_AT = """clock_timestamp() + greatest(%(retry_after)s * interval '1 second',
    least(every_minutes, power(2, least(failures, 10) + 1)) * interval '1 minute' * (0.9 + 0.2 * random()))"""
_HELD = "id = %(run)s AND attempt = %(attempt)s AND state IN ('listing', 'applying')"
_LEASE = f"heartbeat_at = clock_timestamp(), lease_until = clock_timestamp() + interval '{LEASE_SECONDS} seconds'"

ABANDONED = {
    "operation": "sync",
    "code": "Abandoned",
    "message": f"The worker was lost {ATTEMPTS} times while it ran this sync.",
    "request_id": None,
    "kind": "abandoned",
}
_TAKE = f"""
    UPDATE catalog_syncrun SET state = 'listing', started_at = coalesce(started_at, clock_timestamp()), {_LEASE},
        pages = 0, listed = 0, expected = NULL, error = NULL
    WHERE id = %s AND state = 'queued' RETURNING id, source_id, team_id, attempt, (
        SELECT c.sealed_at FROM accounts_sealedsecret c JOIN catalog_source s ON s.cloud_account_id = c.row
        WHERE s.id = source_id AND c.team_id = s.team_id AND c.field = 'credential')"""  # noqa: S608
_RENEW = f"UPDATE catalog_syncrun SET {_LEASE} WHERE {_HELD}"  # noqa: S608


class RunLost(Exception):
    """This worker holds the run no longer: it was given up on, or deleted with its source or team."""


@dataclass(frozen=True, slots=True)
class Hold:
    """A taken run. `sealed_at` tells which credential the attempt began with."""

    run_id: UUID
    source_id: UUID
    team_id: UUID
    attempt: int
    sealed_at: datetime | None = None

    @property
    def fence(self) -> dict[str, Any]:
        return {"run": self.run_id, "attempt": self.attempt}


def session() -> Database:
    """Django's connection of this thread as psycopg has it: for COPY, for temporary tables, and without Django's log
    of queries, which keeps their parameters when DEBUG is on."""
    connection.ensure_connection()
    return connection.connection


def take(run_id: UUID) -> Hold | None:
    """Take a queued run; None if it is not there to take. Never inside a transaction: others must see it, and clouds
    are slow."""
    with transaction.atomic(durable=True):
        row = session().execute(_TAKE, [run_id]).fetchone()
    return Hold(*row) if row else None


def keep(team_id: UUID, source_id: UUID) -> bool:
    """Have whoever deletes this team or source wait until the transaction ends; False where one is gone.

    The first statement of a transaction that writes rows of both: a deletion starts at the top and works down, so one
    that has not started then never meets it half-way, which would be a deadlock.
    """
    db = session()
    team = db.execute("SELECT 1 FROM accounts_team WHERE id = %s FOR KEY SHARE", [team_id]).fetchone()
    return bool(team and db.execute("SELECT 1 FROM catalog_source WHERE id = %s FOR KEY SHARE", [source_id]).fetchone())


class Heartbeat:
    """Renews the lease in a thread for as long as the run is worked on: `with Heartbeat(hold) as beat`.

    A database that is away for a moment is tried again with the next beat; `check` raises RunLost once the lease is
    another's.
    """

    def __init__(self, hold: Hold) -> None:
        self._hold = hold
        self._db: Database | None = None
        self._stop, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"heartbeat {hold.run_id}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join(JOIN_SECONDS)  # it may hang on a database that does not answer; it ends with the process

    def check(self) -> None:
        if self._lost.is_set():
            raise RunLost

    def sleep(self, seconds: float) -> None:
        """Wait, and no longer than the run is this worker's. Raises RunLost."""
        self._lost.wait(seconds)
        self.check()

    def _run(self) -> None:
        while not self._stop.wait(BEAT_SECONDS):
            try:
                self._db = self._db or own_connection()
                renewed = self._db.execute(_RENEW, self._hold.fence)
            except psycopg.Error as error:
                logger.warning(
                    "the heartbeat of run %s found no database (%s)", self._hold.run_id, type(error).__name__
                )
                self._close()
                continue
            if not renewed.rowcount:
                self._lost.set()
                break
        self._close()

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = None


def show(hold: Hold, state: str, listed: int, tally: Tally) -> None:
    """How far a run has come, for the page that watches: listing or applying. Raises RunLost."""
    values: dict[str, Any] = {"state": state, "pages": tally.pages, "listed": listed}
    values |= {"part": tally.part, "parts": tally.parts, "expected": tally.expected}
    _change(hold, ", ".join(f"{name} = %({name})s" for name in values), values)


def close_complete(hold: Hold, counts: Mapping[str, int]) -> None:
    """The last word of the transaction that applies, without which it must not commit. Raises RunLost."""
    assignments = ", ".join(f"{name} = %({name})s" for name in counts)
    _change(hold, f"state = 'complete', {assignments}, {_CLOSED}, error = NULL, digest = NULL", counts)


def close_suspect(hold: Hold, listed: int, digest: bytes, error: Mapping[str, Any]) -> None:
    """Raises RunLost."""
    values = {"listed": listed, "digest": digest, "error": json.dumps(error)}
    _change(hold, f"state = 'suspect', listed = %(listed)s, {_CLOSED}, digest = %(digest)s, error = %(error)s", values)


def close_failed(hold: Hold, error: ProviderError, *, blame_source: bool = True) -> bool:
    """Close the run with its error and have the source say so. False where it is not held any more, and left alone.

    `blame_source` is False for what is no trouble of the source.
    """
    row = error_row(error)
    with suppress(RunLost), transaction.atomic():
        keep(hold.team_id, hold.source_id)
        _change(hold, f"state = 'failed', {_CLOSED}, digest = NULL, error = %(error)s", {"error": json.dumps(row)})
        if blame_source:
            session().execute(_FAIL_SOURCE, _failure(hold, row, error.retry_after))
        return True
    return False


def give_back(hold: Hold, *, own: bool = True) -> str | None:
    """Queue a run again that stopped through no fault of the cloud, or abandon it after the last attempt.

    `own` is False for another worker's run, whose lease must be over. The run's new state, None where it is left alone.
    """
    with transaction.atomic():
        keep(hold.team_id, hold.source_id)
        values = hold.fence | {"abandoned": json.dumps(ABANDONED), "own": own}
        row = session().execute(_GIVE_BACK, values).fetchone()
        if row and row[0] == "abandoned":
            session().execute(_FAIL_SOURCE, _failure(hold, ABANDONED))
    return row[0] if row else None


def overdue() -> list[Hold]:
    """The runs whose lease is over: their workers are gone, or will find that they lost them."""
    rows = session().execute(
        "SELECT id, source_id, team_id, attempt FROM catalog_syncrun"
        " WHERE state IN ('listing', 'applying') AND lease_until < clock_timestamp()"
    )
    return [Hold(*row) for row in rows]


def error_row(error: ProviderError) -> dict[str, Any]:
    """An error as runs and sources keep it: what `--json` prints, and its kind."""
    return error.as_dict() | {"kind": error.kind}


_IS_LAST = f"attempt >= {ATTEMPTS}"
_GIVE_BACK = f"""
    UPDATE catalog_syncrun SET
        state = CASE WHEN {_IS_LAST} THEN 'abandoned' ELSE 'queued' END,
        finished_at = CASE WHEN {_IS_LAST} THEN clock_timestamp() END,
        error = CASE WHEN {_IS_LAST} THEN %(abandoned)s::jsonb END,
        attempt = CASE WHEN {_IS_LAST} THEN attempt ELSE attempt + 1 END,
        heartbeat_at = clock_timestamp(), lease_until = NULL
    WHERE {_HELD} AND (%(own)s OR lease_until < clock_timestamp()) RETURNING state"""  # noqa: S608
_CLOSED = "finished_at = clock_timestamp(), lease_until = NULL"

# Not where the credential was replaced while the run still used the one before: the next run tries the new one. Which
# one it is, not when: it was sealed by the clock of another machine.
_PAUSES = """(%(pauses)s AND NOT EXISTS (
    SELECT FROM accounts_sealedsecret c
    WHERE c.team_id = catalog_source.team_id AND c.row = catalog_source.cloud_account_id AND c.field = 'credential'
        AND c.sealed_at IS DISTINCT FROM %(sealed_at)s::timestamptz))"""
_FAIL_SOURCE = f"""
    UPDATE catalog_source SET failures = failures + 1, next_sync_at = {_RETRY_AT},
        last_error = %(error)s::jsonb || jsonb_build_object(
            'at', to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')),
        paused_reason = CASE WHEN {_PAUSES} AND paused_at IS NULL THEN %(kind)s ELSE paused_reason END,
        paused_at = CASE WHEN {_PAUSES} THEN coalesce(paused_at, clock_timestamp()) ELSE paused_at END
    WHERE id = %(source)s AND archived_at IS NULL"""  # noqa: S608


def _failure(hold: Hold, error: Mapping[str, Any], retry_after: float | None = None) -> dict[str, Any]:
    """The parameters of _FAIL_SOURCE."""
    return {
        "source": hold.source_id,
        "sealed_at": hold.sealed_at,
        "error": json.dumps(error),
        "kind": error["kind"],
        "pauses": error["kind"] in PAUSING,
        "retry_after": min(retry_after or 0.0, LONGEST_RETRY_AFTER),
    }


def _change(hold: Hold, assignments: str, values: Mapping[str, Any]) -> None:
    done = session().execute(f"UPDATE catalog_syncrun SET {assignments} WHERE {_HELD}", {**values, **hold.fence})  # noqa: S608
    if not done.rowcount:
        raise RunLost


def own_connection() -> Database:
    """A connection beside the run's: a heartbeat must not wait for what its run is doing."""
    params = connection.get_connection_params()
    for name in ("cursor_factory", "context", "prepare_threshold"):
        params.pop(name, None)
    return psycopg.connect(**params, autocommit=True)
