"""Which of the numbers that are promised for the images page are held: by the largest shelf measured, and by how the
figures grow from the smallest.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

TIMES_FLOOR, LIST_P95 = 3.0, 100.0
SEARCH_P50, SEARCH_P95 = 150.0, 300.0
GROWTH = {"list": 1.5, "page": 1.5, "search": 3.0}
QUERIES, KB = 12, 120.0
EXPORT_SECONDS, EXPORT_MB = 60.0, 250
SYNC_SHARE = 1.25

Found = Mapping[int, Mapping[str, Any]]


class Verdict(NamedTuple):
    verdict: str  # held, missed
    text: str


def verdict(value: float, most: float, text: str) -> Verdict:
    return Verdict("held" if value <= most else "missed", f"{text}: {value:g}, at most {most:g}")


def judge(found: Found) -> list[Verdict]:
    """A line a number; of several cases, the worst one speaks."""
    return [
        *_speed(found[max(found)]["cases"]),
        *_shape(found),
        *_growth(found),
        *_exports(found[max(found)]["exports"]),
    ]


def _worst(cases: Mapping[str, Any], kinds: tuple[str, ...], field: str, most: float, text: str) -> Iterator[Verdict]:
    mine = {name: row for name, row in cases.items() if row["kind"] in kinds}
    if mine:
        name = max(mine, key=lambda name: mine[name][field])
        over = sum(row[field] > most for row in mine.values())
        yield verdict(mine[name][field], most, f"{text}, of {len(mine)} cases {over} above, the worst “{name}”")


def _speed(cases: Mapping[str, Any]) -> Iterator[Verdict]:
    yield from _worst(cases, ("list",), "times_floor", TIMES_FLOOR, "lists, p50 × floor")
    yield from _worst(cases, ("list",), "p95_ms", LIST_P95, "lists, p95 ms")
    yield from _worst(cases, ("search",), "p50_ms", SEARCH_P50, "searches, p50 ms")
    yield from _worst(cases, ("search",), "p95_ms", SEARCH_P95, "searches, p95 ms")


def _shape(found: Found) -> Iterator[Verdict]:
    """The same queries at every size, and a page that can be carried."""
    cases = {f"{name} of {size}": row for size, one in found.items() for name, row in one["cases"].items()}
    yield from _worst(cases, ("list", "search", "page"), "queries", QUERIES, "queries")
    yield from _worst(cases, ("list", "search"), "kb", KB, "KB of a page")
    by_name: dict[str, set[int]] = {}
    for one in found.values():
        for name, row in one["cases"].items():
            by_name.setdefault(name, set()).add(row["queries"])
    uneven = [name for name, numbers in by_name.items() if len(numbers) > 1]
    yield verdict(len(uneven), 0, f"cases whose queries differ by size ({', '.join(uneven) or 'none'})")


def _growth(found: Found) -> Iterator[Verdict]:
    """By the ratio to the floor measured beside each case, which takes the machine's own moods out."""
    small, large = min(found), max(found)
    if small == large:
        return
    grown = {}
    for name, row in found[large]["cases"].items():
        before = found[small]["cases"][name]
        grown[name] = {"kind": row["kind"], "ratio": round(row["times_floor"] / before["times_floor"], 2)}
        grown[name]["ms"] = round(row["p50_ms"] / before["p50_ms"], 2)
    for kind, most in GROWTH.items():
        yield from _worst(grown, (kind,), "ratio", most, f"{kind}: growth {small} → {large}, by × floor")
        yield from _worst(grown, (kind,), "ms", most, f"{kind}: growth {small} → {large}, by ms")


def _exports(exports: Mapping[str, Any]) -> Iterator[Verdict]:
    """How long is promised of CSV alone, how much memory of all."""
    yield verdict(exports["csv"]["seconds"], EXPORT_SECONDS, "export of every image as csv, seconds")
    for form, found in exports.items():
        yield verdict(found["peak_mb"], EXPORT_MB, f"export of every image as {form}, the web process's peak MB")


def facet_cost(share: float) -> Verdict:
    return verdict(round(share, 3), SYNC_SHARE, "a sync with the facet counts ÷ without, median of the rounds")
