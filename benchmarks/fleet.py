"""How a sync scales out: many sources over many cloud accounts, with more and more worker processes of one thread,
against clouds that take their time. And how soon the run of a worker that was killed is taken again.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.home import ROOT, say
from benchmarks.syncing import KIND, clouds, environment, make_account, make_source

WORKERS = (1, 2, 4)
SOURCES, ACCOUNTS, IMAGES, LATENCY = 200, 20, 1_000, 0.2
READY_SECONDS, RETAKEN_SECONDS = 120.0, 300.0


def measure_fleet(*, quick: bool = False) -> dict[str, Any]:
    """Seconds from when all sources are due until all are synced, their first time, by how many workers; and the share
    of the machine's processors that was in use meanwhile, by whomever."""
    sources, images = (2, 100) if quick else (SOURCES, IMAGES)
    found = {}
    with clouds(images, LATENCY) as (cloud, _pid):
        for count in WORKERS[:2] if quick else WORKERS:
            _empty()
            _make_sources(sources)
            with workers(count, cloud):
                before = _processors()
                seconds = _sync_all(sources, images)
                busy, idle = (now - then for now, then in zip(_processors(), before, strict=True))
            found[count] = {"seconds": round(seconds, 1), "images_per_second": round(sources * images / seconds)}
            found[count]["busy"] = round(busy / (busy + idle), 2)
            say(f"  {sources} sources, {count} workers: {seconds:.1f} s")
    return {"sources": sources, "accounts": ACCOUNTS, "images": images, "latency": LATENCY, "workers": found}


def measure_retaken() -> float:
    """Seconds from the SIGKILL of a worker in the middle of a listing until another has its run, with the beat as in
    production."""
    from catalog.models import SyncRun
    from catalog.runs import start_run

    with clouds(200) as (cloud, _pid):
        _empty()
        cloud.fail(operation="DescribeSelfImages", page=2, delay=RETAKEN_SECONDS)
        run = start_run(make_source(KIND), "command")
        assert run
        with workers(1, cloud) as (first,), _celery("beat", cloud, "--schedule", "{home}/beat"):
            _announce(run.id)
            _wait(lambda: SyncRun.objects.filter(id=run.id, state="listing", pages__gte=1).exists(), READY_SECONDS)
            os.kill(first.pid, signal.SIGKILL)
            killed = time.monotonic()
            with workers(1, cloud):
                taken = SyncRun.objects.filter(id=run.id, attempt=2).exclude(state="queued")
                _wait(taken.exists, RETAKEN_SECONDS)
                return round(time.monotonic() - killed, 1)


@contextmanager
def workers(count: int, cloud: Any) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """So many worker processes of one thread each, from when all listen."""
    with ExitStack() as stack:
        options = ("--pool", "threads", "--concurrency", "1", "--without-gossip", "--without-mingle")
        yield [
            stack.enter_context(
                _celery("worker", cloud, *options, "--hostname", f"{number}-{time.monotonic_ns()}@here")
            )
            for number in range(count)
        ]


@contextmanager
def _celery(role: str, cloud: Any, *options: str) -> Iterator["subprocess.Popen[bytes]"]:
    from config.keeper import under

    with tempfile.TemporaryDirectory(prefix="bootshelf-bench-") as home:
        log = Path(home, f"{role}.log")
        words = [*under("TERM"), sys.executable, "-m", "celery", "-A", "config", role, "--loglevel", "INFO"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*words, *(option.format(home=home) for option in options)],
                cwd=ROOT, env=environment(cloud) | {"HOME": home}, stdout=output, stderr=output,
            )  # fmt: skip
        try:
            sign = b" ready." if role == "worker" else b"beat: Starting"
            _wait(lambda: sign in log.read_bytes() or process.poll() is not None, READY_SECONDS)
            assert process.poll() is None, log.read_text(errors="replace")[-2_000:]
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _empty() -> None:
    """Neither sources nor anything of theirs, and no message of theirs is left."""
    from django.db import connection

    from config.celery import app

    with app.connection_for_write() as broker:
        app.control.purge(connection=broker)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE accounts_cloudaccount, catalog_source CASCADE")


def _make_sources(count: int) -> None:
    """Spread over the accounts, each in a region of its own."""
    made = 0
    for number in range(ACCOUNTS):
        account = make_account("alibaba")
        for region in range(number, count, ACCOUNTS):
            make_source(KIND, account, f"sim-{region // ACCOUNTS + 1}")
            made += 1
    assert made == count


def _sync_all(count: int, images: int) -> float:
    from catalog.models import SyncRun
    from catalog.runs import queue_due_sources

    started = time.monotonic()
    assert len(queue_due_sources()) == count
    running = SyncRun.objects.filter(state__in=["queued", "listing", "applying"])
    _wait(lambda: not running.exists(), 3_600.0, every=0.5)
    seconds = time.monotonic() - started
    done = SyncRun.objects.filter(state="complete", added=images).count()
    assert done == count, f"only {done} of {count} runs are complete"
    return seconds


def _processors() -> tuple[float, float]:
    """Ticks that the machine's processors have worked and been idle in all (man 5 proc)."""
    user, nice, system, idle, waiting, *more = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9])
    return user + nice + system + sum(more), idle + waiting


def _announce(run_id: Any) -> None:
    from catalog.queueing import send
    from catalog.runs import TASK

    send(TASK, run_id)


def _wait(condition: Any, seconds: float, every: float = 0.1) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s"
        time.sleep(every)
