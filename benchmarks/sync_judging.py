"""Which of the numbers that are promised for a sync are held. Times are judged as they were, and again undisturbed,
which tells a busy machine from a slow sync.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from benchmarks.judging import Verdict, verdict

TIMES_FLOOR = 3.0
UNCHANGED, COMPARED = 8_000, 100_000  # images a second
FLAT_MB = 20
FLAT_FROM = 10_000
FOUR_WORKERS = 2.5
RETAKEN_SECONDS = 90.0
TIMES_IDLE = 3.0


def judge(found: Mapping[str, Any]) -> list[Verdict]:
    """A line a number that was measured."""
    lines = list(_sizes(found.get("sizes", [])))
    if fleet := found.get("fleet"):
        seconds = {int(count): row["seconds"] for count, row in fleet["workers"].items()}
        times = seconds[min(seconds)] / seconds[max(seconds)]
        text = f"{max(seconds)} workers × {min(seconds)} on {fleet['sources']} sources"
        lines.append(at_least(round(times, 2), FOUR_WORKERS, text))
    if (retaken := found.get("retaken_seconds")) is not None:
        lines.append(verdict(retaken, RETAKEN_SECONDS, "a killed worker's run is taken again, seconds"))
    if answering := found.get("answering"):
        cases = answering["cases"]
        worst = max(cases, key=lambda name: cases[name]["times_idle"])
        text = f"the page while {answering['size']} images are applied, p95 × idle, the worst “{worst}”"
        lines += [verdict(cases[worst]["times_idle"], TIMES_IDLE, text)]
        lines += [verdict(answering["lock_waits"], 0, "lock waits meanwhile")]
    return lines


def at_least(value: float, least: float, text: str) -> Verdict:
    return Verdict("held" if value >= least else "missed", f"{text}: {value:g}, at least {least:g}")


def _sizes(sizes: Sequence[Mapping[str, Any]]) -> Iterator[Verdict]:
    """Each number at its largest size; the small ones are mostly the start of a run."""
    if not sizes:
        return
    largest = max(sizes, key=lambda one: int(one["size"]))
    of = f"{largest['size']} images"
    first, unchanged = largest["first"], largest["unchanged"]
    yield verdict(first["times_floor"], TIMES_FLOOR, f"first sync of {of}, × floor")
    yield verdict(first["times_floor_quiet"], TIMES_FLOOR, f"first sync of {of}, × floor undisturbed")
    yield at_least(unchanged["images_per_second"], UNCHANGED, f"unchanged sync of {of}, images a second")
    text = f"unchanged sync of {of}, images a second undisturbed"
    yield at_least(unchanged["images_per_quiet_second"], UNCHANGED, text)
    yield at_least(unchanged["compared_per_second"], COMPARED, f"its comparison of {of}, images a second")
    written = max(int(one["unchanged"]["image_rows_written"]) for one in sizes)
    yield verdict(written, 0, "image rows written by an unchanged sync")
    flat = {int(one["size"]): one for one in sizes if int(one["size"]) >= FLAT_FROM}
    if len(flat) > 1:
        for name in ("first", "unchanged", "changed"):
            peaks = [flat[size][name]["peak_mb"] for size in sorted(flat)]
            text = (
                f"{name} sync, peak memory {min(flat)} → {max(flat)} images, MB more or less ({peaks[0]} → {peaks[-1]})"
            )
            yield verdict(max(peaks) - min(peaks), FLAT_MB, text)
