"""Celery workers as processes of their own, on the database and the broker of the test that starts them."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from config.celery import app
from tests.processes import ROOT, process_environment
from tests.waiting import wait_until

READY_SECONDS = 60

type Worker = subprocess.Popen[bytes]


@pytest.fixture
def start_worker(simulated: Any, tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """Starts a worker, with a beat inside if wanted, and waits until it listens: `start_worker("prefork", beat=True)`,
    further words are its environment. A process group of its own, killed in the end; pytest shows what it logged. The
    broker begins empty.
    """
    with app.connection_for_write() as broker:
        app.control.purge(connection=broker)
    started: list[Worker] = []

    def start(pool: str = "threads", *, concurrency: int = 2, beat: bool = False, **extra: str | None) -> Worker:
        words = f"-A config worker --pool {pool} --concurrency {concurrency} --loglevel INFO --without-gossip"
        clock = ["--beat", "--schedule", str(tmp_path / "schedule")] if beat else []
        log = tmp_path / f"worker-{len(started)}.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                [sys.executable, "-m", "celery", *words.split(), "--without-mingle", *clock],
                cwd=ROOT,
                env=process_environment(**({"SIMULATOR_URL": simulated.url} | extra)),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started.append(worker)
        wait_until(lambda: b" ready." in log.read_bytes() or worker.poll() is not None, 2 * READY_SECONDS)
        assert worker.poll() is None, log.read_text()
        return worker

    yield start
    for number, worker in enumerate(started):
        kill(worker)
        print((tmp_path / f"worker-{number}.log").read_text())


def kill(worker: Worker) -> None:
    """SIGKILL for the worker and its children."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()


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
