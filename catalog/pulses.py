"""Who is at work: every worker and the beat say so in the database every few seconds, and the Sources page says who
does not any more.

A worker says it from a thread of its own for as long as its process lives; the beat with each tick, so that a clock
that stands still is noticed too. Times are the database's. Whoever stops in order says that as well and is not missed.
"""

import logging
import os
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from celery import signals
from django.db.models import DurationField, ExpressionWrapper, F
from django.db.models.functions import Now

from catalog.leases import Database, own_connection
from catalog.models import Pulse

logger = logging.getLogger(__name__)

WORKER, BEAT = "worker", "beat"
EVERY_SECONDS = 10.0
# Missed after so long without a word.
MISSED = timedelta(seconds=60)
# One of several workers that went without a word is told of for so long; then it will not come back.
TOLD = timedelta(hours=1)
FORGOTTEN = timedelta(days=1)

_BEAT = """
    INSERT INTO catalog_pulse (name, role, seen_at) VALUES (%(name)s, %(role)s, clock_timestamp())
    ON CONFLICT (name) DO UPDATE SET seen_at = excluded.seen_at, stopped_at = NULL"""
_BURY = """
    UPDATE catalog_pulse SET stopped_at = clock_timestamp()
    WHERE role = %(role)s AND starts_with(name, %(node)s || ' ') AND stopped_at IS NULL AND name <> ALL(%(alive)s)"""
_STOP = "UPDATE catalog_pulse SET stopped_at = clock_timestamp() WHERE name = %(name)s"


class OwnPulse:
    """This process's own. A database that is away is tried again with the next beat."""

    def __init__(self, name: str, role: str) -> None:
        self._values = {"name": name[:250], "role": role}
        self._db: Database | None = None

    def beat(self) -> None:
        self._say(_BEAT)

    def stop(self) -> None:
        self._say(_STOP)
        self._close()

    def bury(self, node: str) -> None:
        """Workers of this node whose process is no more stopped: this one was started in their place."""
        self._say(_BURY, node=node, alive=[f"{node} {pid}" for pid in _processes()])

    def _say(self, statement: str, **more: Any) -> None:
        try:
            self._db = self._db or own_connection()
            self._db.execute(statement, self._values | more)
        except psycopg.Error as error:
            logger.warning("the pulse of %s found no database (%s)", self._values["name"], type(error).__name__)
            self._close()

    def _close(self) -> None:
        if self._db is not None:
            self._db.close()
        self._db = None


class WorkerPulse:
    """A worker's, in a thread, from when it is ready until it ends."""

    def __init__(self, node: str) -> None:
        self._node = node
        self._pulse, self._stop = OwnPulse(f"{node} {os.getpid()}", WORKER), threading.Event()
        self._thread = threading.Thread(target=self._run, name="pulse", daemon=True)
        self._thread.start()

    def end(self) -> None:
        self._stop.set()
        self._thread.join(EVERY_SECONDS)

    def _run(self) -> None:
        self._pulse.bury(self._node)
        self._pulse.beat()
        while not self._stop.wait(EVERY_SECONDS):
            self._pulse.beat()
        self._pulse.stop()


def _processes() -> list[int]:
    """The ids of all processes of this machine, or of this container; none where the system does not tell."""
    proc = Path("/proc")
    return [int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal()] if proc.is_dir() else []


_own: list[WorkerPulse] = []


@signals.worker_ready.connect
def _worker_is_ready(sender: Any, **rest: Any) -> None:
    _own.append(WorkerPulse(str(sender.hostname)))


@signals.worker_shutdown.connect
def _worker_ends(**rest: Any) -> None:
    while _own:
        _own.pop().end()


@dataclass(frozen=True, slots=True)
class Attendance:
    """`workers` are heard of; `gone_at` is when one that did not stop in order was last heard of, and `gone` how many
    those are. `idle_since` is set where no worker is left, `late_since` where the beat stands still. All None where
    nobody was ever heard of."""

    workers: int = 0
    gone: int = 0
    gone_at: datetime | None = None
    idle_since: datetime | None = None
    late_since: datetime | None = None

    @property
    def is_complete(self) -> bool:
        return not (self.gone_at or self.idle_since or self.late_since)


def attendance() -> Attendance:
    """Who is at work by the database's clock. One query."""
    age = ExpressionWrapper(Now() - F("seen_at"), output_field=DurationField())
    rows = list(Pulse.objects.annotate(age=age))
    workers, beats = ([row for row in rows if row.role == role] for role in (WORKER, BEAT))
    alive = [row for row in workers if not row.stopped_at and row.age <= MISSED]
    gone = [row for row in workers if not row.stopped_at and MISSED < row.age <= TOLD] if alive else []
    late = [row for row in beats if row.age > MISSED]
    return Attendance(
        workers=len(alive),
        gone=len(gone),
        gone_at=max((row.seen_at for row in gone), default=None),
        idle_since=None if alive else max((row.seen_at for row in workers), default=None),
        late_since=max((row.seen_at for row in late), default=None) if len(late) == len(beats) else None,
    )


def forget_pulses() -> int:
    """By beat: of workers, those that nobody misses any more, but for the last that was heard of. How many."""
    workers = Pulse.objects.filter(role=WORKER)
    last = workers.order_by("-seen_at").values("name")[:1]
    return workers.filter(seen_at__lt=Now() - FORGOTTEN).exclude(name__in=last).delete()[0]
