"""The clock that queues what is due, as Celery runs it (CELERY_BEAT_SCHEDULER): it says with its ticks that it runs.

No clock has to be right: not this machine's, nor the workers'.
"""

import logging
import time
from typing import Any

from celery.beat import PersistentScheduler

from catalog.pulses import BEAT, EVERY_SECONDS, OwnPulse

logger = logging.getLogger(__name__)

# A queue of its own, so that what it sends waits for no sync and can be counted.
QUEUE = "clock"
# So many messages of each entry may wait for a worker: more would only say the same, and be done all at once one day.
MOST_WAITING = 2


class Scheduler(PersistentScheduler):
    """Celery's own, at most ten seconds from tick to tick."""

    _pulse: OwnPulse | None = None
    _next = 0.0

    def tick(self, *words: Any, **options: Any) -> float:
        self._start_again_what_is_in_the_future()
        wait: float = super().tick(*words, **options)
        if time.monotonic() >= self._next:
            self._pulse = self._pulse or OwnPulse(BEAT, BEAT)  # here, since a beat within a worker is forked
            self._pulse.beat()
            self._next = time.monotonic() + EVERY_SECONDS
        return min(wait, EVERY_SECONDS)

    def apply_async(self, entry: Any, *words: Any, **options: Any) -> Any:
        """Send what is due, unless nobody takes what was sent before. None where it was not sent."""
        channel: Any = self.connection.default_channel
        waiting = channel.client.llen(QUEUE)
        if waiting >= MOST_WAITING * len(self.schedule):
            logger.warning("%s is not sent: %s messages of the beat wait for a worker", entry.task, waiting)
            return None
        entry.options["queue"] = QUEUE
        return super().apply_async(entry, *words, **options)

    def _start_again_what_is_in_the_future(self) -> None:
        """The clock was set back since that was sent: it would not be due again before the hour had passed once
        more."""
        for entry in self.schedule.values():
            now = entry.default_now()
            if entry.last_run_at and now and entry.last_run_at > now:
                entry.last_run_at = now
                self._heap = None  # in the order of these times, and made anew
