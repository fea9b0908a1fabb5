"""A Celery worker as a process of its own, on the database and the broker of the test that starts it."""

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator

from tests.processes import ROOT, process_environment

READY_SECONDS = 60


@contextlib.contextmanager
def worker(**extra: str | None) -> Iterator[list[str]]:
    """One worker of four threads, from when it is ready; `extra` is its environment. Without a beat.

    It yields the lines it logs, as they come, and prints them when it ends: pytest shows those of a test that failed.
    """
    with tempfile.TemporaryDirectory(prefix="bootshelf-worker-") as home:
        words = [sys.executable, "-m", "celery", "-A", "config", "worker", "-P", "threads", "-c", "4", "-l", "INFO"]
        process = subprocess.Popen(
            [*words, "--without-gossip", "--without-mingle"],
            cwd=ROOT,
            env=process_environment(HOME=home, **extra),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        told: list[str] = []
        ready = threading.Event()
        reader = threading.Thread(target=_read, args=(process, told, ready), daemon=True)
        reader.start()
        try:
            assert ready.wait(READY_SECONDS) and process.poll() is None, "the worker does not start: " + "".join(told)
            yield told
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            reader.join()
            print("".join(told))


def _read(process: "subprocess.Popen[str]", told: list[str], ready: threading.Event) -> None:
    """Keep what the worker says, so that its pipe never fills up."""
    assert process.stdout is not None
    for line in process.stdout:
        told.append(line)
        if line.rstrip().endswith("ready."):
            ready.set()
    ready.set()
