"""Do the pages keep answering while a large listing is applied? A team's pages, measured over HTTP while nothing else
happens, and while the first sync of another of its sources is being applied. An image of the team is starred too: who
writes waits for nobody either.
"""

import json
import subprocess
import threading
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.home import say
from benchmarks.served import Answer, Browser, percentile, serve
from benchmarks.syncing import KIND, clouds, environment, make_source, words

SHELF = 10_000  # images that the team has already
IDLE_REQUESTS = 60  # of each case
TEAM = "/t/bench/"
PAGES = {
    "first page": f"{TEAM}images/",
    "two facets": f"{TEAM}images/?arch=x86_64&os=linux",
    "search": f"{TEAM}images/?q=gromacs",
    "overview": TEAM,
    "sources": f"{TEAM}sources/",
    "changes": f"{TEAM}changes/",
}

type Times = dict[str, list[float]]


def measure_answering(home: Path, size: int, *, quick: bool = False) -> dict[str, Any]:
    """p50 and p95 in ms of each case, idle and while `size` images are applied; lock waits seen in the database."""
    from benchmarks import loading

    shelf, requests = (200, 5) if quick else (SHELF, IDLE_REQUESTS)
    loading.use(shelf)
    with ExitStack() as stack:
        cloud, _pid = stack.enter_context(clouds(size))
        browser = stack.enter_context(serve(home, loading.database_url()))
        browser.sign_in(loading.EMAIL, loading.PASSWORD)
        reader, source = Reader(browser), make_source(KIND)
        for _ in range(5):
            reader.ask_all({})
        idle: Times = {}
        for _ in range(requests):
            reader.ask_all(idle)
        say(f"  applying {size} images")
        busy, waits, seconds = _while_applying(reader, source, cloud, loading.database_url())
    cases = {name: {"idle": _told(idle[name]), "applying": _told(busy[name])} for name in idle}
    for case in cases.values():
        case["times_idle"] = round(case["applying"]["p95_ms"] / case["idle"]["p95_ms"], 2)
    found = {"size": size, "shelf": shelf, "apply_seconds": seconds, "cases": cases}
    return found | {"lock_waits": waits.total(), "waited_for": dict(waits)}


class Reader:
    """Asks for one page after the other, as one person does."""

    def __init__(self, browser: Browser) -> None:
        from catalog.models import Image

        image = Image.objects.filter(state="available").order_by("name_key", "id").values_list("id", flat=True)[0]
        self.browser, self._image, self._starred = browser, f"{TEAM}images/{image}/", False

    def ask_all(self, times: Times) -> None:
        """One round: what each case took, in seconds, at the end of its `times`."""
        for name, path in {**PAGES, "one image": self._image}.items():
            times.setdefault(name, []).append(self.browser.get(path).seconds)
        times.setdefault("a star", []).append(self._star().seconds)

    def _star(self) -> Answer:
        self._starred = not self._starred
        return self.browser.post(f"{self._image}star/", {"star": "yes" if self._starred else "no"})


def _told(times: list[float]) -> dict[str, float]:
    p50, p95 = (round(percentile(times, share) * 1000, 1) for share in (0.5, 0.95))
    return {"p50_ms": p50, "p95_ms": p95, "requests": len(times)}


def _while_applying(
    reader: Reader, source: Any, cloud: Any, database_url: str
) -> tuple[Times, Counter[str], dict[str, float]]:
    """What the pages took from when the listing was read until it was applied, who waited for what, and the seconds of
    the sync's steps."""
    from catalog.models import SyncRun

    busy: Times = {}
    run = SyncRun.objects.filter(source=source)
    with (
        Watch(database_url) as watch,
        subprocess.Popen(words(source), env=environment(cloud, database_url), stdout=subprocess.PIPE) as process,
    ):
        try:
            while process.poll() is None and not run.filter(state="applying").exists():
                time.sleep(0.05)
            reader.browser.close()  # a connection that was idle for so long may be gone
            while process.poll() is None and run.filter(state="applying").exists():
                reader.ask_all(busy)
        except BaseException:
            process.kill()
            raise
        assert process.stdout is not None
        told = json.loads(process.stdout.read())
    assert len(busy.get("a star", [])) > 1, "the listing was applied before the pages were asked for"
    return busy, watch.waits, told["steps"]


# Who waits for what, and for whom; the measured run's own processes among them.
_WAITING = """
    SELECT l.locktype || ' ' || l.mode || coalesce(' of ' || l.relation::regclass::text, ''),
        left(regexp_replace(a.query, '\\s+', ' ', 'g'), 120)
    FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid WHERE NOT l.granted"""


class Watch(threading.Thread):
    """Looks ten times a second for anyone who waits for a lock: how often somebody did, by what and for what."""

    def __init__(self, database_url: str) -> None:
        super().__init__(daemon=True)
        self._url, self._over = database_url, threading.Event()
        self.waits: Counter[str] = Counter()

    def run(self) -> None:
        import psycopg

        with psycopg.connect(self._url, autocommit=True) as db:
            while not self._over.wait(0.1):
                self.waits.update(f"{lock}: {query}" for lock, query in db.execute(_WAITING))

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.join(5)
