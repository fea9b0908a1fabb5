"""How fast a source syncs, beside the floor the database sets: `python benchmarks/sync.py [SIZE ...]`.

Starts a throwaway PostgreSQL and Valkey and the simulated clouds, and syncs one source of each size: first, unchanged,
1 % changed. Every sync is a process of its own, as its peak memory is. The floor is measured in the same run: the same
rows by COPY and one set-based upsert into a table with the same indexes and constraints. Prints a table on stderr, JSON
on stdout.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.home import ROOT, services, throwaway

SIZES = [1_000, 10_000, 100_000]
REGIONS = {"alibaba": "cn-hangzhou", "huawei": "cn-north-4"}
TICKS = os.sysconf("SC_CLK_TCK")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sizes", metavar="SIZE", nargs="*", type=int, default=SIZES)
    parser.add_argument("--kind", default="alibaba_ens_self", help="which listing (default: %(default)s)")
    parser.add_argument("--profile", action="store_true", help="print where the unchanged sync spends its time")
    parser.add_argument("--one", metavar="SOURCE", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        return sync_one(options.one, profile=options.profile)
    with throwaway() as home, services(home, "postgres", "valkey"):
        results = [measure(size, options.kind, options.profile) for size in options.sizes]
    print_table(results)
    print(json.dumps({"kind": options.kind, "cpus": os.cpu_count(), "sizes": results}, indent=1))
    return 0


@contextmanager
def clouds(images: int) -> Iterator["tuple[Any, int]"]:
    """The simulated clouds in a process of their own: its controls and its pid."""
    from tests.clouds.remote import Remote

    command = [sys.executable, "-m", "tests.clouds", "--images", str(images)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield Remote(process.stdout.readline().strip()), process.pid
        finally:
            process.terminate()


def measure(size: int, kind: str, profile: bool) -> dict[str, Any]:
    """One source of `size` images: the figures of its three syncs and of the floor."""
    from catalog.models import Image

    with clouds(size) as (cloud, pid):
        source = make_source(kind)
        found: dict[str, Any] = {"size": size, "first": timed_sync(source, cloud, pid)}
        found["unchanged"] = timed_sync(source, cloud, pid, profile=profile)
        cloud.mutate(listing=kind, region=source.region, change=1, **first_cluster(kind, cloud, source.region))
        found["changed"] = timed_sync(source, cloud, pid)
        found["floor"] = floor(source.id)
        found["first"]["times_floor"] = round(found["first"]["seconds"] / found["floor"]["seconds"], 2)
        assert Image.objects.filter(source=source).count() == found["first"]["listed"]
        source.delete()
    return found


def first_cluster(kind: str, cloud: Any, region: str) -> dict[str, str]:
    return {"cluster": cloud.clusters(region)[0]} if kind == "alibaba_ehpc_container" else {}


def make_source(kind: str) -> Any:
    from accounts.models import CloudAccount, Team
    from catalog.connections import seal_credential
    from catalog.models import Source
    from tests.clouds.credentials import DEFAULT

    vendor = kind.partition("_")[0]
    team = Team.objects.get_or_create(slug="bench", defaults={"name": "Bench"})[0]
    account = CloudAccount.objects.create(team=team, vendor=vendor, name=f"{time.monotonic_ns()}", simulated=True)
    seal_credential(team.id, account.id, DEFAULT[vendor])
    return Source.objects.create(
        team=team, cloud_account=account, account_name=account.name, simulated=True, kind=kind, region=REGIONS[vendor]
    )


def timed_sync(source: Any, cloud: Any, cloud_pid: int, *, profile: bool = False) -> dict[str, Any]:
    """One sync in a process of its own: seconds, of those the simulator's own, images a second without them, peak
    memory in MB, image rows written."""
    before, cpu = rows_written(), cpu_seconds(cloud_pid)
    done = subprocess.run(
        [sys.executable, __file__, "--one", str(source.id), *(["--profile"] if profile else [])],
        # Measured is what a sync costs, not the pace that clouds are spared by.
        env=os.environ | {"SIMULATOR_URL": cloud.url, "PROVIDER_CALLS_PER_SECOND": "1000000"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    found["cloud_seconds"] = round(cpu_seconds(cloud_pid) - cpu, 2)
    found["images_per_second"] = round(found["listed"] / max(found["seconds"] - found["cloud_seconds"], 0.001))
    found["image_rows_written"] = rows_written() - before
    return found


def sync_one(source_id: str, *, profile: bool) -> int:
    """In the process that is measured."""
    import django

    django.setup()
    from catalog.models import Source
    from catalog.sync import sync_now

    source = Source.objects.get(id=source_id)
    started = time.perf_counter()
    if profile:
        import cProfile
        import pstats

        profiler = cProfile.Profile()
        run = profiler.runcall(sync_now, source, "benchmark", 30)
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    else:
        run = sync_now(source, "benchmark", 30)
    seconds = time.perf_counter() - started
    assert run is not None and run.state == "complete", run and run.error
    usage = resource.getrusage(resource.RUSAGE_SELF)
    counts = {name: getattr(run, name) for name in ("listed", "added", "changed", "missing", "pages")}
    told = {"seconds": round(seconds, 2), "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2)}
    print(json.dumps(told | {"peak_mb": usage.ru_maxrss // 1024} | counts))
    return 0


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def rows_written() -> int:
    """Image rows inserted, updated or deleted so far, by the database's own count (a backend that has ended has told
    all)."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT n_tup_ins + n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = 'catalog_image'"
        )
        return int(cursor.fetchall()[0][0])


def floor(source_id: Any) -> dict[str, Any]:
    """The same image rows once more, by COPY and one upsert, into an empty table with the same indexes and
    constraints."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
            " WHERE attrelid = 'catalog_image'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
        )
        columns = cursor.fetchall()[0][0]
        cursor.execute("DROP TABLE IF EXISTS floor_image, floor_staging")
        cursor.execute("CREATE TABLE floor_image (LIKE catalog_image INCLUDING ALL)")
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint"
            " WHERE conrelid = 'catalog_image'::regclass AND contype = 'f'"
        )
        for (definition,) in cursor.fetchall():
            cursor.execute(f"ALTER TABLE floor_image ADD {definition}")
        with cursor.cursor.copy(
            f"COPY (SELECT {columns} FROM catalog_image WHERE source_id = '{source_id}') TO STDOUT"
        ) as copy:
            rows = b"".join(copy)
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", ") if name != "id")
        started = time.perf_counter()
        cursor.execute("CREATE TEMP TABLE floor_staging (LIKE catalog_image)")
        with cursor.cursor.copy(f"COPY floor_staging ({columns}) FROM STDIN") as copy:
            copy.write(rows)
        copied = time.perf_counter()
        with transaction.atomic():
            cursor.execute(
                f"INSERT INTO floor_image ({columns}) SELECT {columns} FROM floor_staging"
                f" ON CONFLICT (source_id, key) DO UPDATE SET {updates}"
            )
        ended = time.perf_counter()
        cursor.execute("DROP TABLE floor_image, floor_staging")
    return {"seconds": round(ended - started, 2), "copy_seconds": round(copied - started, 2)}


def print_table(results: list[dict[str, Any]]) -> None:
    row_of = "{:>9}  {:<10}{:>9}{:>8}{:>10}{:>9}{:>9}  {}"
    heads = ("images", "sync", "seconds", "cpu s", "images/s", "peak MB", "rows", "× floor")
    print(row_of.format(*heads), file=sys.stderr)
    for found in results:
        for name in ("first", "unchanged", "changed"):
            row = found[name]
            told = [
                row[key] for key in ("seconds", "cpu_seconds", "images_per_second", "peak_mb", "image_rows_written")
            ]
            print(row_of.format(found["size"], name, *told, row.get("times_floor", "")), file=sys.stderr)
        print(row_of.format(found["size"], "floor", found["floor"]["seconds"], *[""] * 5), file=sys.stderr)


if __name__ == "__main__":
    raise SystemExit(main())
