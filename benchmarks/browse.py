"""How fast the images page is, beside the floor: `python benchmarks/browse.py [--sizes N,…] [--json FILE]`.

Loads 10 000, 100 000 and 1 000 000 images (benchmarks/shelf.py), each into a database of its own in a throwaway home,
serves them as in production, signs in, and measures over HTTP with one keep-alive client. Before each request of a case
it makes one of the floor (benchmarks/floor.py), so that both see the same machine, however busy that is: the ratio of
their medians is what to look at. Then it streams every image as CSV, JSON and NDJSON. Prints a table a size, how the
figures grow, and which of the promised numbers are held.

`--sync` measures instead what the facet counts cost a sync (benchmarks/facet_cost.py).
"""

import argparse
import html
import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.home import say, services, throwaway
from benchmarks.judging import Verdict, judge
from benchmarks.served import Browser, CannotMeasure, percentile, serve

SIZES = (10_000, 100_000, 1_000_000)
WARM_UPS, REQUESTS = 3, 30
LIST = "/t/bench/images/"
FLOOR, BARE = "/floor/bench/", "/floor/bench/bare/"
ROW_OF = "{:<34}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}"
EXPORT_OF = "{:<34}{:>9}{:>9}{:>9}{:>15}"
# The lines of an export that are no image's, by its format.
AROUND = {"csv": 1, "json": 2, "ndjson": 0}


class Case(NamedTuple):
    """`kind` says which of the promised numbers are its: list, search, page (of one image)."""

    name: str
    kind: str
    path: str


QUERIES = (
    ("first page", "list", ""),
    ("two facets", "list", "os=linux&arch=x86_64"),
    ("five facets, one excluded", "list", "type=vm&os=linux&distribution=CentOS,Ubuntu&visibility=private&arch=-i386"),
    ("past its support", "list", "support=past"),
    ("rare search", "search", "q=kestrel"),
    ("common search", "search", "q=ubuntu"),
    ("two words and a facet", "search", "q=gromacs+centos&type=vm"),
    ("two-letter search", "search", "q=gr"),
    ("Chinese search", "search", "q=%E6%B0%94%E8%B1%A1"),
    ("Chinese search, five characters", "search", "q=%E5%88%86%E5%AD%90%E5%8A%A8%E5%8A%9B%E5%AD%A6"),
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sizes", type=_sizes, default=SIZES, help="how many images (10000,100000,1000000)")
    parser.add_argument("--requests", type=int, default=REQUESTS, help="of each case (default: %(default)s)")
    parser.add_argument("--cases", default="", help="only cases whose name holds this text")
    parser.add_argument("--keep", metavar="HOME", type=Path, help="use this home, and keep it and what is loaded")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures there too")
    parser.add_argument("--sync", action="store_true", help="measure what the facet counts cost a sync instead")
    options = parser.parse_args()
    try:
        with throwaway(options.keep) as home, services(home, "postgres", "valkey"):
            found = _sync() if options.sync else _browse(home, options)
    except CannotMeasure as error:
        print(f"benchmarks/browse.py: {error}", file=sys.stderr)
        return 1
    found |= {"cpus": os.cpu_count(), "load": [round(n, 2) for n in os.getloadavg()]}
    print(f"{found['cpus']} CPUs, load average at the end: {found['load'][0]}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(sorted(int(word.replace("_", "")) for word in text.split(",")))


def _sync() -> dict[str, Any]:
    from benchmarks.facet_cost import measure_facet_cost

    found, line = measure_facet_cost()
    median = found["median"]
    print(f"{found['images']} changed images, median of {len(found['seconds']['with'])} syncs each way")
    print(f"with the facet counts {median['with']:.2f} s, without {median['without']:.2f} s")
    _print_verdicts([line])
    return {"sync": found, "judged": [line._asdict()]}


def _browse(home: Path, options: argparse.Namespace) -> dict[str, Any]:
    from benchmarks import loading

    sizes = {}
    for size in options.sizes:
        say(f"{size} images")
        loading.use(size)
        with serve(home, loading.database_url()) as browser:
            browser.sign_in(loading.EMAIL, loading.PASSWORD)
            sizes[size] = _measure(browser, options) | {"facet_rows": loading.facet_rows()}
        _print_table(size, sizes[size])
    lines = judge(sizes)
    _print_verdicts(lines)
    return {"sizes": {str(size): found for size, found in sizes.items()}, "judged": [line._asdict() for line in lines]}


def _measure(browser: Browser, options: argparse.Namespace) -> dict[str, Any]:
    for _ in range(20):  # every thread of the web has its connection then, and its templates
        browser.get(FLOOR)
        browser.get(BARE)
    floors: list[float] = []
    bare: list[float] = []
    cases = {}
    for case in [case for case in _cases(browser) if options.cases in case.name]:
        for _ in range(WARM_UPS):
            browser.get(case.path)
        pairs = [(browser.get(FLOOR), browser.get(case.path)) for _ in range(options.requests)]
        floors += (beside := [floor.seconds for floor, _ in pairs])
        bare += [browser.get(BARE).seconds for _ in range(5)]
        times = [answer.seconds for _, answer in pairs]
        cases[case.name] = {
            "kind": case.kind,
            "p50_ms": _ms(percentile(times, 0.5)),
            "p95_ms": _ms(percentile(times, 0.95)),
            "times_floor": round(percentile(times, 0.5) / percentile(beside, 0.5), 2),
            "queries": max(answer.queries for _, answer in pairs),
            "kb": round(max(len(answer.body) for _, answer in pairs) / 1024, 1),
        }
    told = {name: _told(times) for name, times in (("floor", floors), ("bare_floor", bare))}
    for row in cases.values():
        row["times_bare"] = round(row["p50_ms"] / told["bare_floor"]["p50_ms"], 2)
    return {**told, "cases": cases, "exports": _exports(browser)}


def _told(times: list[float]) -> dict[str, Any]:
    return {"p50_ms": _ms(percentile(times, 0.5)), "p95_ms": _ms(percentile(times, 0.95)), "queries": 1}


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _cases(browser: Browser) -> Iterator[Case]:
    from catalog.browse import SORTS

    for name, kind, query in QUERIES:
        yield Case(name, kind, _address(query))
    yield Case("page 200, or the last there is", "list", _page(browser, 200))
    yield Case("last page", "list", _link(browser.get(LIST).body, "page=last"))
    for column in SORTS:
        yield Case(f"by {column}", "list", _address(f"sort={column}"))
        yield Case(f"by {column}, falling", "list", _address(f"sort=-{column}"))
    image = re.search(rb'href="(/t/bench/images/[0-9a-f-]{36}/)', browser.get(_address("q=gromacs")).body)
    assert image
    yield Case("one image", "page", image[1].decode())


def _address(query: str) -> str:
    """The product's own spelling of it: another one is led there."""
    from catalog.browse import parse
    from catalog.models import Source

    return f"{LIST}?{parse(query, UUID(int=0), list(Source.objects.all())).query()}".rstrip("?")


def _page(browser: Browser, number: int) -> str:
    """The address of a page so far on, by its predecessors' links."""
    path = LIST
    for _ in range(number - 1):
        found = re.search(rb'href="([^"]+)" rel="next"', browser.get(path).body)
        if not found:
            break
        path = html.unescape(found[1].decode())
    return path


def _link(page: bytes, text: str) -> str:
    found = re.search(rb'href="([^"]*%b[^"]*)"' % re.escape(text.encode()), page)
    return html.unescape(found[1].decode()) if found else LIST


def _exports(browser: Browser) -> dict[str, Any]:
    """Every image in each format, once: seconds, MB, how many, and the most memory a web process has had meanwhile."""
    found = {}
    for form, around in AROUND.items():
        browser.forget_peak()
        seconds, size, lines = browser.stream(f"{LIST}export.{form}")
        told = {"seconds": round(seconds, 1), "mb": round(size / 2**20, 1), "rows": lines - around}
        found[form] = told | {"peak_mb": browser.peak_mb()}
    if len({one["rows"] for one in found.values()}) > 1:
        raise CannotMeasure(f"an export broke off, or they differ: {found}")
    return found


def _print_table(size: int, found: dict[str, Any]) -> None:
    print(f"\n{size:,} images, {found['facet_rows']:,} rows of facet counts".replace(",", " "))
    print(ROW_OF.format("case", "p50 ms", "p95 ms", "× floor", "× bare", "queries", "KB"))
    for name, words in (("floor", "floor"), ("bare_floor", "the same by a bare cursor")):
        print(ROW_OF.format(words, found[name]["p50_ms"], found[name]["p95_ms"], "", "", found[name]["queries"], ""))
    for name, row in found["cases"].items():
        print(
            ROW_OF.format(
                name, row["p50_ms"], row["p95_ms"], row["times_floor"], row["times_bare"], row["queries"], row["kb"]
            )
        )
    print(EXPORT_OF.format("export of every image", "seconds", "MB", "rows", "web's peak MB"))
    for form, row in found["exports"].items():
        print(EXPORT_OF.format(form, row["seconds"], row["mb"], row["rows"], row["peak_mb"]))
    print(flush=True)


def _print_verdicts(lines: list[Verdict]) -> None:
    print("\n".join(f"{line.verdict:<8}{line.text}" for line in lines))


if __name__ == "__main__":
    raise SystemExit(main())
