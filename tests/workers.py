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
from django.conf import settings

from config.celery import app
from tests.processes import ROOT, process_environment
from tests.waiting import wait_until

READY_SECONDS = 60

type Worker = subprocess.Popen[bytes]


@pytest.fixture
def start_process(tmp_path: Path) -> Iterator[Callable[..., Worker]]:
    """`start_process(words, ready, **environment)`: `celery WORDS` as a process group of its own, once its log says
    `ready`. All are killed in the end, and pytest shows what they logged. The broker begins empty.
    """
    with app.connection_for_write() as broker:
        app.control.purge(connection=broker)
    started: list[tuple[Worker, Path]] = []

    def start(words: str, ready: str, **extra: str | None) -> Worker:
        log = tmp_path / f"celery-{len(started)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "celery", "-A", "config", *words.split(), "--loglevel", "INFO"],
                cwd=ROOT,
                env=process_environment(**({"SIMULATOR_URL": settings.SIMULATOR_URL} | extra)),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        started.append((process, log))
        wait_until(lambda: ready in log.read_text() or process.poll() is not None, 2 * READY_SECONDS)
        assert process.poll() is None, log.read_text()
        return process

    yield start
    for process, log in started:
        kill(process)
        print(log.read_text())


@pytest.fixture
def start_worker(simulated: Any, start_process: Callable[..., Worker]) -> Callable[..., Worker]:
    """Starts a worker of a pool and waits until it listens; further words are its environment."""

    def start(pool: str = "threads", *, concurrency: int = 2, **extra: str | None) -> Worker:
        words = f"worker --pool {pool} --concurrency {concurrency} --without-gossip --without-mingle"
        return start_process(words, " ready.", **extra)

    return start


@pytest.fixture
def start_beat(start_process: Callable[..., Worker], tmp_path: Path) -> Callable[..., Worker]:
    """Starts the clock that queues what is due, as a process of its own."""
    return lambda **extra: start_process(f"beat --schedule {tmp_path / 'schedule'}", "beat: Starting...", **extra)


def kill(worker: "subprocess.Popen[Any]") -> None:
    """SIGKILL for the worker and its children, if it leads a group of its own."""
    if worker.poll() is None:
        is_group = os.getpgid(worker.pid) == worker.pid
        (os.killpg if is_group else os.kill)(worker.pid, signal.SIGKILL)
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
