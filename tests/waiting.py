"""Waiting for what happens elsewhere, and doing things at the same time."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import connection

LOOK_SECONDS = 0.05
# Long, since a machine may be busy: what does not come fails late, what comes is seen at once.
DEADLINE_SECONDS = 60.0


def wait_until(condition: Callable[[], Any], seconds: float = DEADLINE_SECONDS) -> None:
    """Look until it is so. AssertionError where it is not in time."""
    deadline, waiting = time.monotonic() + seconds, threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        waiting.wait(LOOK_SECONDS)


def at_once(*calls: Callable[[], Any]) -> list[Any]:
    """The results of these calls, made at the same time in threads of their own."""
    barrier, results = threading.Barrier(len(calls)), [None] * len(calls)

    def run(place: int, call: Callable[[], Any]) -> None:
        barrier.wait()
        try:
            results[place] = call()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(calls)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results
