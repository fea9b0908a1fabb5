"""The life of a run: queued → listing → applying → complete, failed, suspect or abandoned (DESIGN.md, the way in).

PostgreSQL holds the truth, a message is only a hint: what is due is queued here, what lost its worker is given back
here. What the worker does with a run is in leases.py.
"""

import json
import logging
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from accounts import audit
from accounts.models import User
from catalog.breakers import HELD, PLACES, probes_due
from catalog.leases import NEXT_SYNC, give_back, overdue
from catalog.models import RUNNING, Breaker, Source, SyncRun
from catalog.queueing import send, send_on_commit

logger = logging.getLogger(__name__)

TASK = "catalog.tasks.sync_source"
# A queued run is announced again after so long: its message may have been lost with the broker.
ANNOUNCE_AGAIN_SECONDS = 60
DUE_AT_ONCE = 500


def start_run(source: Source, trigger: str, requested_by: str = "", accept: bytes | None = None) -> SyncRun | None:
    """A queued run of this source, or the one that is queued or running; None if the source was removed.

    `trigger` is schedule, person or command; a run that the schedule queued is theirs who ask for it before it begins.
    `accept` is the digest of a suspect listing that is to be believed. The worker is told by `request_sync`, or by
    whoever calls this.
    """
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                _insert_runs("SELECT * FROM catalog_source WHERE id = %(source)s AND archived_at IS NULL"),
                {"source": source.id, "trigger": trigger, "by": requested_by[:254], "accept": accept},
            )
            made = cursor.fetchone()
        if made:
            return SyncRun.objects.get(id=made[0])
        if trigger != "schedule":
            waiting = SyncRun.objects.filter(source_id=source.id, state="queued", trigger="schedule")
            waiting.update(trigger=trigger, requested_by=requested_by[:254])
        running = SyncRun.objects.filter(source_id=source.id, state__in=RUNNING).first()
        if running or not Source.objects.filter(id=source.id, archived_at=None).exists():
            return running


def request_sync(source: Source, user: User) -> SyncRun | None:
    """*Sync now*: queue a run and tell the worker on commit; the run that is queued or running already, if there is
    one."""
    run = start_run(source, "person", user.email)
    if run:
        send_on_commit(TASK, run.id)
    return run


def accept_suspect(run: SyncRun, user: User) -> SyncRun | None:
    """An admin believes this suspect listing: sync again, and if the cloud still lists the same, apply it. Audited.

    None where the source was removed, or the run is not suspect, or a later one said more. Where a run is going on, it
    is told to believe the listing. The suspect run remembers who accepted it, when, and the run that followed.
    """
    if run.state != "suspect" or run.digest is None or settled_by(run):
        return None
    digest = bytes(run.digest)
    accepted = {"accepted_by": user.email, "accepted_at": timezone.now().isoformat(timespec="seconds")}
    with transaction.atomic():
        waiting = SyncRun.objects.filter(source_id=run.source_id, state__in=["queued", "listing"], digest=digest)
        if told := waiting.first():
            return told  # clicked twice
        started = start_run(run.source, "person", user.email, accept=digest)
        if started is None:
            return None
        SyncRun.objects.filter(id=started.id, state__in=["queued", "listing"]).update(digest=digest)
        audit.record(
            run.team, user, "listing.accepted", target=run.source.kind, target_id=run.source_id, changes=_decided(run)
        )
        with connection.cursor() as cursor:
            cursor.execute(_ACCEPT, {"run": run.id, "told": json.dumps(accepted | {"accepted_run": str(started.id)})})
        send_on_commit(TASK, started.id)
    return started


def settled_by(run: SyncRun) -> SyncRun | None:
    """The run after which this suspect one is nothing to decide on any more: the first later one that was listed."""
    later = SyncRun.objects.filter(team_id=run.team_id, source_id=run.source_id, created_at__gt=run.created_at)
    return later.filter(state__in=["suspect", "complete"]).order_by("created_at").first()


def accepted_before(run: SyncRun) -> SyncRun | None:
    """The suspect run whose acceptance asked for this one, or told it what to believe."""
    found = SyncRun.objects.filter(team_id=run.team_id, source_id=run.source_id, state="suspect")
    return found.filter(error__accepted_run=str(run.id)).order_by("-created_at").first()


def keep_shelf(run: SyncRun, user: User) -> bool:
    """An admin does not believe this suspect listing: the images stay, also when the cloud lists the same again, until
    it lists something else or an admin accepts it. Audited.

    False where the run is not suspect, was kept before, or a later one said more.
    """
    kept = {"kept_by": user.email, "kept_at": timezone.now().isoformat(timespec="seconds")}
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_KEEP, {"run": run.id, "kept": json.dumps(kept)})
        if cursor.rowcount:
            audit.record(
                run.team,
                user,
                "listing.refused",
                target=run.source.kind,
                target_id=run.source_id,
                changes=_decided(run),
            )
        return bool(cursor.rowcount)


def _decided(run: SyncRun) -> dict[str, object]:
    """What an admin decided on, for the audit: the run, and its error without the names of images."""
    return {"run": str(run.id), "error": {name: value for name, value in (run.error or {}).items() if name != "images"}}


_ACCEPT = "UPDATE catalog_syncrun SET error = error || %(told)s::jsonb WHERE id = %(run)s AND state = 'suspect'"
_KEEP = """
    UPDATE catalog_syncrun r SET error = r.error || %(kept)s::jsonb
    WHERE r.id = %(run)s AND r.state = 'suspect' AND r.error->>'kept_by' IS NULL AND NOT EXISTS (
        SELECT FROM catalog_syncrun l WHERE l.source_id = r.source_id AND l.state IN ('suspect', 'complete')
            AND l.created_at > r.created_at)"""


def queue_due_sources() -> list[UUID]:
    """Queue a run for every source that is due, move its next sync on, tell the workers. The ids of the runs.

    Sources whose cloud is in trouble wait, all but the one that finds out if it has passed (catalog/breakers.py). A
    source is held without its key: a run that somebody else is inserting at this moment points to it, and we wait for
    that.
    """
    due = f"""
        UPDATE catalog_source SET next_sync_at = {NEXT_SYNC} WHERE id IN (
            SELECT id FROM catalog_source s
            WHERE paused_at IS NULL AND archived_at IS NULL AND cloud_account_id IS NOT NULL
            AND next_sync_at <= clock_timestamp() AND NOT {HELD}
            AND NOT EXISTS (SELECT FROM catalog_syncrun r WHERE r.source_id = s.id AND r.state = ANY(%(running)s))
            ORDER BY next_sync_at LIMIT {DUE_AT_ONCE} FOR NO KEY UPDATE SKIP LOCKED
        ) RETURNING *"""  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH due AS ({due}) " + _insert_runs("SELECT * FROM due"),  # noqa: S608
            {"trigger": "schedule", "by": "", "accept": None, "running": RUNNING, **PLACES},
        )
        run_ids = [row[0] for row in cursor.fetchall()]
    run_ids += _queue_probes()
    _announce(run_ids)
    return run_ids


def _queue_probes() -> list[UUID]:
    """One run for each open breaker whose time has come; one that is going on there anyway will do."""
    run_ids = []
    for breaker, source in probes_due():
        if run := start_run(source, "schedule"):
            Breaker.objects.filter(id=breaker.id).update(probe=run.id)
            run_ids.append(run.id)
    return run_ids


def reconcile() -> dict[str, int]:
    """Give runs whose lease is over back to the queue, or abandon them after three attempts; announce forgotten ones
    again.

    Returns how many of each: {"requeued", "abandoned", "announced"}.
    """
    found = dict.fromkeys(("requeued", "abandoned", "announced"), 0)
    to_announce = []
    for hold in overdue():
        # A heartbeat that comes late or a worker that closes its run first leaves nothing to give back.
        state = give_back(hold, own=False)
        logger.warning(
            "run %s of source %s lost its worker and is %s", hold.run_id, hold.source_id, state or "not any more"
        )
        if state == "queued":
            found["requeued"] += 1
            to_announce.append(hold.run_id)
        elif state == "abandoned":
            found["abandoned"] += 1
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE catalog_syncrun SET heartbeat_at = clock_timestamp() WHERE state = 'queued'"
            " AND heartbeat_at < clock_timestamp() - %s * interval '1 second' RETURNING id, created_at",
            [ANNOUNCE_AGAIN_SECONDS],
        )
        forgotten = [row[0] for row in sorted(cursor.fetchall(), key=lambda row: row[1])]
    found["announced"] = len(forgotten)
    _announce(to_announce + forgotten)
    return found


def _insert_runs(sources: str) -> str:
    """A queued run for each of these sources that has none running: the partial unique index decides, not a look
    before."""
    return f"""
        INSERT INTO catalog_syncrun (id, team_id, source_id, state, trigger, requested_by, attempt,
            pages, listed, added, changed, missing, returned, digest, heartbeat_at)
        SELECT gen_random_uuid(), s.team_id, s.id, 'queued', %(trigger)s, %(by)s, 1, 0, 0, 0, 0, 0, 0, %(accept)s,
            clock_timestamp()
        FROM ({sources}) AS s ON CONFLICT DO NOTHING RETURNING id"""  # noqa: S608


def _announce(run_ids: list[UUID]) -> None:
    """Tell the workers. Where the broker is down, a later `reconcile` does."""
    for run_id in run_ids:
        if not send(TASK, run_id):
            return
