"""One sync in a process of its own, measured: `python benchmarks/syncing.py SOURCE [--profile]` on the database and the
clouds of its environment.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.home import ROOT

KIND = "alibaba_ens_self"
REGIONS = {"alibaba": "cn-hangzhou", "huawei": "cn-north-4"}
# Measured is what a sync costs, not the pace that clouds are spared by (catalog/pace.py).
UNPACED = {"PROVIDER_CALLS_PER_SECOND": "1000000"}
# Steps of a sync that are timed by themselves: what each is called, and the function.
STEPS = {"list": "catalog.sync._list", "apply": "catalog.sync.apply_listing", "compare": "catalog.applying._compare"}


@contextmanager
def clouds(images: int, latency: float = 0.0) -> Iterator["tuple[Any, int]"]:
    """The simulated clouds in a process of their own: its controls and its pid."""
    from config.keeper import under
    from tests.clouds.remote import Remote

    command = [*under("TERM"), sys.executable, "-m", "tests.clouds", "--images", str(images), "--latency", str(latency)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Remote(process.stdout.readline().strip()), process.pid
        finally:
            process.terminate()


def make_account(vendor: str) -> Any:
    from accounts.models import CloudAccount, Team
    from catalog.connections import seal_credential
    from tests.clouds.credentials import DEFAULT

    team = Team.objects.get_or_create(slug="bench", defaults={"name": "Bench"})[0]
    account = CloudAccount.objects.create(team=team, vendor=vendor, name=f"{time.monotonic_ns()}", simulated=True)
    seal_credential(team.id, account.id, DEFAULT[vendor])
    return account


def make_source(kind: str, account: Any = None, region: str = "") -> Any:
    from catalog.models import Source

    vendor = kind.partition("_")[0]
    account = account or make_account(vendor)
    place = {"kind": kind, "region": region or REGIONS[vendor]}
    return Source.objects.create(
        team_id=account.team_id, cloud_account=account, account_name=account.name, simulated=True, **place
    )


def timed_sync(
    source: Any, cloud: Any, cloud_pid: int, *, profile: bool = False, database_url: str = ""
) -> dict[str, Any]:
    """One sync in a process of its own: seconds, the simulator's own among them, those that it waited for a processor
    which others had, images a second without the first and without both, peak memory in MB, rows written."""
    before, spent = rows_written(), Spent.of(cloud_pid)
    done = subprocess.run(
        words(source, profile=profile),
        env=environment(cloud, database_url),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    simulator = Spent.of(cloud_pid) - spent
    found["cloud_seconds"] = round(simulator.working, 2)
    own, backend = Spent(*found.pop("own")), Spent(*found.pop("backend"))
    found["cpu_seconds"], found["database_cpu_seconds"] = round(own.working, 2), round(backend.working, 2)
    found["net_seconds"] = found["seconds"] - found["cloud_seconds"]
    waited = own.waiting + backend.waiting + simulator.waiting
    # One at a time works, but for the moments of a COPY: hardly less than what was worked.
    quiet = max(found["net_seconds"] - waited, own.working + backend.working)
    found["quiet_seconds"] = round(min(quiet, found["net_seconds"]), 2)
    found["images_per_second"] = round(found["listed"] / max(found["net_seconds"], 0.001))
    found["images_per_quiet_second"] = round(found["listed"] / max(found["quiet_seconds"], 0.001))
    after = rows_written()
    found["image_rows_written"] = after["catalog_image"] - before["catalog_image"]
    found["rows_written"] = sum(after.values()) - sum(before.values())
    return found


def words(source: Any, *, profile: bool = False) -> list[str]:
    return [sys.executable, __file__, str(source.id), *(["--profile"] if profile else [])]


def environment(cloud: Any, database_url: str = "") -> dict[str, str]:
    given = os.environ | UNPACED | {"SIMULATOR_URL": cloud.url}
    return given | ({"DATABASE_URL": database_url} if database_url else {})


class Spent(NamedTuple):
    """Seconds that the main thread of a process has worked, and those that it waited for a processor."""

    working: float
    waiting: float

    @classmethod
    def of(cls, pid: int) -> "Spent":
        working, waiting, _ = Path(f"/proc/{pid}/schedstat").read_text().split()
        return cls(int(working) / 1e9, int(waiting) / 1e9)

    def __sub__(self, before: "Spent") -> "Spent":
        return Spent(self.working - before.working, self.waiting - before.waiting)


def rows_written() -> dict[str, int]:
    """Rows inserted, updated or deleted so far in each of the product's tables, by the database's own count (a backend
    that has ended has told all)."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables"
            " WHERE relname ~ '^(accounts|catalog)_'"
        )
        return {name: int(count) for name, count in cursor.fetchall()}


# In the process that is measured


def main(source_id: str, *, profile: bool) -> int:
    import django

    django.setup()
    from django.db import connection

    from catalog.models import Source
    from catalog.sync import sync_now

    source = Source.objects.get(id=source_id)
    _warm(source)
    steps = dict.fromkeys(STEPS, 0.0)
    for step, name in STEPS.items():
        _time(name, step, steps)
    # A backend's seconds are asked for while it lives: the one of this process alone.
    backend = connection.connection.info.backend_pid
    before_mb, own, database, started = _memory(), Spent.of(os.getpid()), Spent.of(backend), time.perf_counter()
    run = _profiled(sync_now, source) if profile else sync_now(source, "benchmark", 30)
    seconds = time.perf_counter() - started
    assert run is not None and run.state == "complete", run and run.error
    counts = {name: getattr(run, name) for name in ("listed", "added", "changed", "missing", "pages")}
    told = {
        "seconds": round(seconds, 2),
        "own": Spent.of(os.getpid()) - own,
        "backend": Spent.of(backend) - database,
        "steps": {name: round(value, 3) for name, value in steps.items()},
        "before_mb": before_mb,
        "peak_mb": _memory(),
    }
    print(json.dumps(told | counts))
    return 0


def _warm(source: Any) -> None:
    """What a worker has behind it when its second sync begins: the vendor's SDK is imported."""
    from catalog.connections import connect
    from catalog.providers import list_pages
    from catalog.providers.base import Target

    for _page in list_pages(source.kind, connect(source.cloud_account, 30), Target(region=source.region)):
        return


def _time(name: str, step: str, steps: dict[str, float]) -> None:
    """Have this function's time counted, wherever it is called from."""
    import importlib

    module_name, _, function = name.rpartition(".")
    module = importlib.import_module(module_name)
    real: Callable[..., Any] = getattr(module, function)

    def timed(*arguments: Any, **options: Any) -> Any:
        began = time.perf_counter()
        try:
            return real(*arguments, **options)
        finally:
            steps[step] += time.perf_counter() - began

    setattr(module, function, timed)


def _memory() -> int:
    """The most this process has had, in MB."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) // 1024


def _profiled(sync_now: Callable[..., Any], source: Any) -> Any:
    import cProfile
    import pstats

    profiler = cProfile.Profile()
    run = profiler.runcall(sync_now, source, "benchmark", 30)
    pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    return run


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1], profile="--profile" in sys.argv))
