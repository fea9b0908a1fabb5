"""The clock that queues what is due, as Celery runs it (CELERY_BEAT_SCHEDULER): it says with its ticks that it runs."""

import time
from typing import Any

from celery.beat import PersistentScheduler

from catalog.pulses import BEAT, EVERY_SECONDS, OwnPulse


class Scheduler(PersistentScheduler):
    """Celery's own, at most ten seconds from tick to tick."""

    _pulse: OwnPulse | None = None
    _next = 0.0

    def tick(self, *words: Any, **options: Any) -> float:
        wait: float = super().tick(*words, **options)
        if time.monotonic() >= self._next:
            self._pulse = self._pulse or OwnPulse(BEAT, BEAT)  # here, since a beat within a worker is forked
            self._pulse.beat()
            self._next = time.monotonic() + EVERY_SECONDS
        return min(wait, EVERY_SECONDS)
