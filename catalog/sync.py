"""One sync of one source, from the queued run to the inventory (DESIGN.md, the way in).

The pages of the cloud go into staging one by one, outside any transaction; only a complete listing is applied, in one.
Every way this can go wrong ends in a state of the run that says so.
"""

import logging
import time
import traceback
from datetime import datetime
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection, transaction
from django.db.models.functions import Now

from catalog.applying import Listing, ShelfMoved, SourceRemoved, apply_listing, listing_operation
from catalog.breakers import answered, met_error, withdraw
from catalog.completeness import Tally
from catalog.connections import connect
from catalog.leases import Heartbeat, Hold, RunLost, close_failed, give_back, session, show, take
from catalog.models import Source, SyncRun
from catalog.providers import list_pages
from catalog.providers.base import Connection, ProviderError, Target
from catalog.runs import accept_suspect, reconcile, request_sync, start_run
from catalog.staging import Staging, staging_tables

__all__ = ["accept_suspect", "request_sync", "run_queued", "run_sync", "start_run", "sync_now"]

logger = logging.getLogger(__name__)

PROGRESS_SECONDS = 0.5
WAIT_SECONDS = 0.25
# A database that restarts is back in this time, or the lease runs out and `reconcile` sees to the run.
DATABASE_BACK_SECONDS = 15.0


def run_queued(run_id: UUID) -> None:
    """The worker's door: sync, if the run is still there to take and its cloud is not known to be in trouble."""
    run = SyncRun.objects.select_related("source").filter(id=run_id, state="queued").first()
    if run and not withdraw(run):
        run_sync(run)


def run_sync(run: SyncRun, patience_seconds: float | None = None) -> SyncRun | None:
    """Take the queued run and sync its source; the run as it ended. None if it is somebody else's, or gone since.

    `patience_seconds` is how long it may wait for the cloud in all; the worker's if not given. Not to be called within
    a transaction.
    """
    hold = take(run.id)
    if hold is None:
        return None
    patience = settings.SYNC_PATIENCE_SECONDS if patience_seconds is None else patience_seconds
    with Heartbeat(hold) as beat:
        _run_held(hold, patience, beat)
    return SyncRun.objects.filter(id=run.id).first()


def sync_now(source: Source, requested_by: str, patience_seconds: float) -> SyncRun | None:
    """Sync in this process, without worker, broker or beat; a run that is going on elsewhere is waited for.

    The run as it ended, or None if the source was removed.
    """
    run = start_run(source, "command", requested_by)
    while run and run.is_running:
        if run.state != "queued":
            time.sleep(WAIT_SECONDS)
            if SyncRun.objects.filter(id=run.id, lease_until__lt=Now()).exists():
                reconcile()  # whoever ran it is gone, and there may be no beat to notice
        elif ended := run_sync(run, patience_seconds):
            run = ended
            continue
        run = SyncRun.objects.filter(id=run.id).first()
    return run


def _run_held(hold: Hold, patience_seconds: float, beat: Heartbeat) -> None:
    """The boundary: whatever happens in here, the run says how it ended, and no exception's text is kept or logged."""
    try:
        with staging_tables():
            _sync(hold, patience_seconds, beat)
    except ProviderError as error:
        logger.info("run %s failed: %s %s", hold.run_id, error.operation, error.code)
        _fail(hold, error.with_traceback(None))  # the frames it came through know the credential
    except SourceRemoved:
        close_failed(hold, _own_error("SourceRemoved", "The source was removed meanwhile."), blame_source=False)
    except RunLost:
        logger.info("run %s is not this worker's any more", hold.run_id)
    except (DatabaseError, psycopg.Error) as error:
        _database_failed(hold, error)
    except Exception as error:
        logger.error("run %s failed with %s at %s", hold.run_id, type(error).__name__, _places(error))
        close_failed(hold, _own_error("Internal", "Bootshelf itself failed. The log of the worker says where."))
    except KeyboardInterrupt:
        close_failed(hold, _own_error("Interrupted", "The sync was interrupted."), blame_source=False)
        raise
    except BaseException:  # a worker that is told to stop at once: another takes the run
        give_back(hold)
        raise


def _fail(hold: Hold, error: ProviderError) -> None:
    """The run's failure, its source's, and what it tells of the place it listed, in one transaction."""
    with transaction.atomic():
        source = Source.objects.filter(id=hold.source_id, archived_at=None).first()
        if close_failed(hold, error, blame_source=error.kind != "internal") and source:
            met_error(source, hold.run_id, error)


def _sync(hold: Hold, patience_seconds: float, beat: Heartbeat) -> None:
    source = Source.objects.select_related("cloud_account").filter(id=hold.source_id).first()
    if source is None:
        raise RunLost
    if source.archived_at or source.cloud_account is None:
        raise SourceRemoved
    cloud = connect(source.cloud_account, patience_seconds, beat.sleep)
    problem = ""
    # A listing that moved while it was read is made once more, and so is one that the shelf moved under.
    for again in (False, True):
        staging = Staging(source.id, lean=not again)
        began = _now()
        tally = _list(hold, source, cloud, staging, beat)
        came = staging.finish()
        problem = tally.problem(came) or ""
        if problem:
            logger.info("run %s: the listing is not complete%s: %s", hold.run_id, " again" if again else "", problem)
            continue
        listing = Listing(sum(came.values()), began, _now())
        beat.check()
        show(hold, "applying", listing.listed, tally)
        try:
            apply_listing(hold, listing)
        except ShelfMoved:
            problem = "The shelf changed while the listing was read."
            continue
        answered(source)
        return
    operation = listing_operation(source.kind)
    raise ProviderError(
        operation, "IncompleteListing", f"{problem} It was read twice.", kind="incomplete", retryable=True
    )


def _list(hold: Hold, source: Source, cloud: Connection, staging: Staging, beat: Heartbeat) -> Tally:
    """All pages into staging. No transaction is open while the cloud is asked."""
    target = Target(
        region=source.region,
        cluster=source.cluster or None,
        project_id=cloud.revealed().get("project_id"),
        narrowing=source.narrowing,
    )
    tally, shown = Tally(), 0.0
    for page in list_pages(source.kind, cloud, target):
        beat.check()
        tally.add(page)
        staging.add(page.scope, page.images)
        if time.monotonic() - shown > PROGRESS_SECONDS:
            show(hold, "listing", tally.images, tally)
            shown = time.monotonic()
    return tally


def _now() -> datetime:
    now: datetime = session().execute("SELECT clock_timestamp()").fetchall()[0][0]
    return now


def _database_failed(hold: Hold, error: Exception) -> None:
    """A database that went away is no trouble of the source: the run is queued again. Anything else is a failure."""
    state = getattr(error, "sqlstate", None) or getattr(error.__cause__, "sqlstate", None)
    name = type(error).__name__
    logger.error("run %s: the database failed with %s %s at %s", hold.run_id, name, state, _places(error))
    # A lost connection has no code, or one of class 08; class 40 is a transaction to try again; 57P0x is a shutdown;
    # 25P03 is the end of who was silent for long (catalog/locks.py).
    if state is None:
        went_away = name in ("OperationalError", "InterfaceError")  # of Django or of psycopg
    else:
        went_away = state[:2] in ("08", "40") or state.startswith("57P0") or state == "25P03"
    is_full = bool(state and state[:2] == "53")
    code, refusal = ("DatabaseFull", "has no room left") if is_full else ("Database", "refused what the sync wrote")
    deadline, wait = time.monotonic() + DATABASE_BACK_SECONDS, 0.1
    while True:
        try:
            if not connection.in_atomic_block:
                connection.close()
            if went_away:
                give_back(hold)
            else:
                close_failed(hold, _own_error(code, f"The database {refusal} ({state})."))
        except (DatabaseError, psycopg.Error):
            if time.monotonic() + wait > deadline:
                return  # the lease will be over, and `reconcile` sees to the run
            time.sleep(wait)
            wait = min(2 * wait, 2.0)
        else:
            return


def _own_error(code: str, message: str) -> ProviderError:
    return ProviderError("sync", code, message, kind="internal")


def _places(error: BaseException) -> str:
    """Where it came from, without what it says: an exception's text may hold what must not be logged."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join(
        f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in reversed(frames[-8:])
    )
