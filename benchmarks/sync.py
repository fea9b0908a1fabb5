"""How fast sources sync, beside the floor the database sets: `python benchmarks/sync.py [SIZE ...] [--part PART ...]`.

Starts a throwaway PostgreSQL and Valkey and the simulated clouds, and measures, part by part:

sizes      one source of each SIZE: first, unchanged, 1 % changed, each in a process of its own, as its peak memory is
           (benchmarks/syncing.py). The floor is measured right after the first sync: the same rows by COPY and one
           set-based upsert into a table with the same indexes and constraints (benchmarks/upsert.py). Small sizes are
           measured several times, and the middle one by its ratio to the floor counts.
fleet      200 sources of 1 000 images over 20 cloud accounts, by 1, 2 and 4 workers, from clouds of 200 ms
           (benchmarks/fleet.py)
retaken    how soon another worker has the run of one that was killed
answering  the pages over HTTP while the largest SIZE is applied (benchmarks/answering.py)

Seconds of a sync are told without those of the simulator's processor. "Undisturbed" leaves out as well what was spent
waiting for a processor that something else had: what an idle machine would show (man 5 proc, schedstat). Clouds are not
spared here: PROVIDER_CALLS_PER_SECOND is out of the way. Prints tables, and which of the promised numbers are held.
"""

import argparse
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median_low
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.home import say, services, throwaway
from benchmarks.syncing import KIND, UNPACED, clouds, make_source, timed_sync
from benchmarks.upsert import floor

SIZES = [1_000, 10_000, 100_000, 1_000_000]
PARTS = ("sizes", "fleet", "retaken", "answering")
# Rounds of the sizes up to these.
ROUNDS = ((10_000, 5), (100_000, 3))
ROW_OF = "{:>9}  {:<10}{:>9}{:>8}{:>8}{:>10}{:>14}{:>9}{:>6}{:>9}{:>10}  {}"
HEADS = ("images", "sync", "seconds", "cpu s", "db s", "images/s", "undisturbed", "compare", "MB", "rows", "all rows")
COLUMNS = ("cpu_seconds", "database_cpu_seconds", "images_per_second", "images_per_quiet_second")


class TooLong(Exception):
    """The time that was given is over."""


def main() -> int:
    options = arguments()
    os.environ |= UNPACED
    found: dict[str, Any] = {"kind": options.kind, "cpus": os.cpu_count(), "load": [round(os.getloadavg()[0], 2)]}
    try:
        with at_most(options.minutes * 60), throwaway() as home, services(home, "postgres", "valkey"):
            measure_all(home, options, found)
    except TooLong:
        found["unfinished"] = f"{options.minutes:g} minutes were not enough"
    from benchmarks.sync_judging import judge

    lines = judge(found)
    print("\n".join(f"{line.verdict:<8}{line.text}" for line in lines))
    found["judged"] = [line._asdict() for line in lines]
    found["load"].append(round(os.getloadavg()[0], 2))
    print(f"{found['cpus']} CPUs, load average {found['load'][0]} at first, {found['load'][1]} in the end")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if "unfinished" in found:
        say(found["unfinished"])
    return 1 if "unfinished" in found else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__ or "", formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", metavar="SIZE", nargs="*", type=_size, help=f"images of a source (default: {SIZES})")
    parser.add_argument("--part", choices=PARTS, action="append", help="measure this alone; again for another")
    parser.add_argument("--kind", default=KIND, help="which listing (default: %(default)s)")
    parser.add_argument("--quick", action="store_true", help="once and few of all, to see that it measures")
    parser.add_argument("--profile", action="store_true", help="print where first and unchanged sync spend their time")
    parser.add_argument("--minutes", type=float, default=240, help="give up after so long (default: %(default)g)")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    options = parser.parse_args()
    options.sizes, options.part = options.sizes or SIZES, options.part or PARTS
    return options


def _size(text: str) -> int:
    size = int(text)
    if size < 1:
        raise ValueError
    return size


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raises TooLong in here after so many seconds."""

    def over(*_: object) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def measure_all(home: Path, options: argparse.Namespace, found: dict[str, Any]) -> None:
    """Fill `found`, so that what was measured is told also where the time is over before the end."""
    parts: dict[str, Callable[[], None]] = {
        "sizes": lambda: measure_sizes(options, found),
        "fleet": lambda: measure_workers(options, found),
        "retaken": lambda: measure_loss(found),
        "answering": lambda: measure_pages(home, options, found),
    }
    for part, measure_part in parts.items():
        if part in options.part:
            began = time.monotonic()
            measure_part()
            found.setdefault("part_seconds", {})[part] = round(time.monotonic() - began)


def measure_sizes(options: argparse.Namespace, found: dict[str, Any]) -> None:
    print(ROW_OF.format(*HEADS, "× floor"), flush=True)
    for size in options.sizes:
        found.setdefault("sizes", []).append(measured := measure(size, options))
        print_size(measured)


def measure_workers(options: argparse.Namespace, found: dict[str, Any]) -> None:
    from benchmarks.fleet import measure_fleet

    found["fleet"] = measure_fleet(quick=options.quick)
    for count, row in found["fleet"]["workers"].items():
        told = "{} sources, {} workers: {seconds} s, {images_per_second} images/s, processors {busy} busy"
        print(told.format(found["fleet"]["sources"], count, **row), flush=True)


def measure_loss(found: dict[str, Any]) -> None:
    from benchmarks.fleet import measure_retaken

    found["retaken_seconds"] = measure_retaken()
    print(f"a killed worker's run is taken again after {found['retaken_seconds']} s", flush=True)


def measure_pages(home: Path, options: argparse.Namespace, found: dict[str, Any]) -> None:
    from benchmarks.answering import measure_answering

    found["answering"] = measure_answering(home, max(options.sizes), quick=options.quick)
    told = "p95 {p95_ms} ms (p50 {p50_ms}, {requests} requests)"
    for name, case in found["answering"]["cases"].items():
        print(f"{name}: idle {told.format(**case['idle'])}, applying {told.format(**case['applying'])}", flush=True)
    for what, times in found["answering"]["waited_for"].items():
        print(f"waited for {what}, seen {times} times", flush=True)


def measure(size: int, options: argparse.Namespace) -> dict[str, Any]:
    """One source of `size` images: the figures of its three syncs and of the floor, of the round in the middle."""
    rounds = 1 if options.quick else next((count for most, count in ROUNDS if size <= most), 1)
    found = []
    with clouds(size) as (cloud, pid):
        for number in range(rounds):
            say(f"{size} images, round {number + 1} of {rounds}, load average {os.getloadavg()[0]:.1f}")
            found.append(_round(size, options.kind, cloud, pid, profile=options.profile and not number))
    middle = median_low(one["first"]["times_floor"] for one in found)
    result = next(one for one in found if one["first"]["times_floor"] == middle)
    for name in ("images_per_second", "images_per_quiet_second", "compared_per_second"):
        result["unchanged"][name] = median_low(one["unchanged"][name] for one in found)
    result["first"]["times_floor_quiet"] = median_low(one["first"]["times_floor_quiet"] for one in found)
    return result | {"rounds": rounds}


def _round(size: int, kind: str, cloud: Any, pid: int, *, profile: bool) -> dict[str, Any]:
    from django.db import connection

    source = make_source(kind)
    first = timed_sync(source, cloud, pid, profile=profile)
    found: dict[str, Any] = {"size": size, "first": first, "floor": (beside := floor(source.id))}
    assert beside["rows"] == first["image_rows_written"] == first["listed"], found
    first["times_floor"] = round(first["net_seconds"] / beside["seconds"], 2)
    first["times_floor_quiet"] = round(first["quiet_seconds"] / beside["quiet_seconds"], 2)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) catalog_image")  # as autovacuum does, at some time in the next minute
    found["unchanged"] = timed_sync(source, cloud, pid, profile=profile)
    found["unchanged"]["compared_per_second"] = round(size / max(found["unchanged"]["steps"]["compare"], 0.001))
    cloud.mutate(listing=kind, region=source.region, change=1, **first_cluster(kind, cloud, source.region))
    found["changed"] = timed_sync(source, cloud, pid)
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE catalog_source CASCADE")
    return found


def first_cluster(kind: str, cloud: Any, region: str) -> dict[str, str]:
    return {"cluster": cloud.clusters(region)[0]} if kind == "alibaba_ehpc_container" else {}


def print_size(found: dict[str, Any]) -> None:
    for name in ("first", "unchanged", "changed"):
        row = found[name]
        told = [round(row["net_seconds"], 2), *(row[column] for column in COLUMNS), row["steps"]["compare"]]
        told += [row["peak_mb"], row["image_rows_written"], row["rows_written"]]
        ratio = f"{row['times_floor']} ({row['times_floor_quiet']} undisturbed)" if name == "first" else ""
        print(ROW_OF.format(found["size"], name, *told, ratio))
    row = found["floor"]
    told = [row["seconds"], "", row["database_cpu_seconds"], *[""] * 4, row["rows"], "", ""]
    print(ROW_OF.format(found["size"], "floor", *told), flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
