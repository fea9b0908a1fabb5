"""Would anybody notice? Takes each team filter out of the product in turn, and the access suite must fail for each.

    python -m tests.isolation.mutations [--only TEXT] [--part K/N] [--jobs N]

First the suite runs once and tells which tests come by which filter; then, for each filter, only those run without it,
until one fails. What survives is printed, and the exit code is 1. What tests/isolation/unneeded.py names is not tried.
`--part 2/3` tries the second of three parts, the same filters each time.
"""

import argparse
import ast
import json
import os
import queue
import subprocess
import sys
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from config.embedded import VARIABLES, Server
from tests.isolation.mutant import ROOT, Site, sites
from tests.isolation.unneeded import reason_of

PYTEST = (sys.executable, "-m", "pytest", "-q", "--reuse-db", "-p", "tests.isolation.mutant", "-p", "no:cacheprovider")
SUITE = ("tests/isolation", "tests/test_access.py", "tests/accounts", "-m", "access and not slow")
QUICKLY = ("--nomigrations", "-x", "-n0")  # on a database that is there
LONGEST_SECONDS = 300  # of one filter's tests
FAILED = 1  # pytest's exit code where a test did; every other one but 0 is no verdict

type Reached = Mapping[str, set[str]]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", default="", help="only filters whose file, line or text hold this")
    parser.add_argument("--part", default="1/1", help="K/N: the K-th of N parts of them")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    wanted = [site for site in sites() if options.only in f"{site.id} {site.text}" and is_of(options.part, site)]
    with tempfile.TemporaryDirectory(prefix="bootshelf-mutants-") as directory:
        used = {variable: Server(Path(directory), name, fast=True) for name, variable in VARIABLES.items()}
        try:
            addresses = {variable: server.acquire() for variable, server in used.items()}
            verdicts = judge_all(wanted, addresses, options.jobs)
        finally:
            for server in [server for server in used.values() if server.release()]:
                server.wait_until_stopped(3)
    counts = {word: verdicts.count(word) for word in sorted(set(verdicts))}
    print(", ".join(f"{n} {word}" for word, n in counts.items()) or "0", f"of {len(wanted)} team filters")
    return 1 if {"survived", "broken"} & set(verdicts) else 0


def is_of(part: str, site: Site) -> bool:
    """Whether the site is in the part "K/N": by where it stands but for its line, so that others do not move it."""
    k, n = map(int, part.split("/"))
    return zlib.crc32(f"{site.file} {site.column} {site.text}".encode()) % n == k - 1


def judge_all(wanted: list[Site], addresses: Mapping[str, str], jobs: int) -> list[str]:
    reached, uses = tests_by_line(addresses, jobs), lines_of_names()
    breadths = Counter(test for tests in reached.values() for test in tests)
    places: queue.SimpleQueue[int] = queue.SimpleQueue()
    for place in range(jobs):
        places.put(place)

    def judged(site: Site) -> str:
        place = places.get()
        try:
            return judge(site, tests_of(site, reached, uses, breadths), of_worker(addresses, place))
        finally:
            places.put(place)

    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(judged, wanted))


def of_worker(addresses: Mapping[str, str], place: int) -> dict[str, str]:
    """The environment in which pytest uses the database that the suite's worker of this number left behind."""
    database, _, options = addresses["DATABASE_URL"].partition("?")
    cache = addresses["REDIS_URL"]
    number = place + 1
    return {
        "DATABASE_URL": f"{database}_gw{place}" + (f"?{options}" if options else ""),
        "REDIS_URL": f"{cache}{'&' if '?' in cache else '?'}db={number}",
    }


def tests_by_line(addresses: Mapping[str, str], jobs: int) -> Reached:
    """Of the unchanged product: "FILE:LINE" → the tests that execute it."""
    with tempfile.TemporaryDirectory() as directory:
        done = subprocess.run(
            [*PYTEST, "-n", str(jobs), *SUITE],
            cwd=ROOT,
            env=os.environ | addresses | {"BOOTSHELF_REACHED": directory},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        found: dict[str, set[str]] = defaultdict(set)
        for path in Path(directory).glob("*.json"):
            for line, tests in json.loads(path.read_text(encoding="utf-8")).items():
                found[line].update(tests)
    return found


def judge(site: Site, tests: list[str], environment: Mapping[str, str]) -> str:
    """noticed, unneeded, survived, or broken: the tests could not run."""
    why, told = reason_of(site), ""
    if why:
        verdict, told = "unneeded", why
    elif not tests:
        verdict = "survived"
    else:
        verdict, told = _tried(site, tests, environment)
    if verdict != "noticed":
        print(f"{verdict}: {site.id} {site.text} ({len(tests)} tests come by) {told}".rstrip(), flush=True)
    return verdict


def _tried(site: Site, tests: list[str], environment: Mapping[str, str]) -> tuple[str, str]:
    words, variables = [*PYTEST, *QUICKLY, *tests], os.environ | environment | {"BOOTSHELF_MUTANT": site.id}
    try:
        done = subprocess.run(words, cwd=ROOT, env=variables, timeout=LONGEST_SECONDS, capture_output=True, text=True)
    except subprocess.TimeoutExpired:
        return "survived", f"in {LONGEST_SECONDS} seconds"
    if done.returncode in (0, FAILED):
        return ("noticed", "") if done.returncode else ("survived", "")
    return "broken", done.stdout[-1000:] + done.stderr[-1000:]


def tests_of(site: Site, reached: Reached, uses: Reached, breadths: Mapping[str, int]) -> list[str]:
    """Those that execute the statement the filter is in; of SQL in a constant of the module, statements that name it.
    The suite's own tests of walls first, and of these the ones that do little else, for they are the nearest.
    """
    statement = _statement(site)
    lines = {f"{site.file}:{line}" for line in range(statement.lineno, (statement.end_lineno or 0) + 1)}
    if statement in _tree(site.file).body:
        lines = set().union(*(uses.get(name, set()) for name in _names(statement, ast.Store)))
    found = set().union(*(reached.get(line, set()) for line in lines))
    return sorted(found, key=lambda test: (not test.startswith(SUITE[0]), breadths[test], test))


def _statement(site: Site) -> ast.stmt:
    """The innermost one that holds the filter's line."""
    holding = [
        node for node in ast.walk(_tree(site.file))
        if isinstance(node, ast.stmt) and node.lineno <= site.line <= (node.end_lineno or 0)
    ]  # fmt: skip
    return min(holding, key=lambda node: (node.end_lineno or 0) - node.lineno)


def _tree(file: str) -> ast.Module:
    if file not in _TREES:
        _TREES[file] = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return _TREES[file]


_TREES: dict[str, ast.Module] = {}


def lines_of_names() -> Reached:
    """Where names are used, and the constants of modules that are made with them: name → {"FILE:LINE", …}."""
    found: dict[str, set[str]] = defaultdict(set)
    made: dict[str, set[str]] = defaultdict(set)
    for file in {site.file for site in sites()}:
        for node in ast.walk(_tree(file)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                found[node.id].add(f"{file}:{node.lineno}")
        for statement in _tree(file).body:
            if isinstance(statement, ast.Assign | ast.AnnAssign):
                for name in _names(statement, ast.Load):
                    made[name] |= _names(statement, ast.Store)
    return {name: set().union(*(found[one] for one in _made_with(name, made))) for name in [*found]}


def _made_with(name: str, made: Mapping[str, set[str]]) -> set[str]:
    """It and all constants that it is in, by way of others too."""
    known, new = {name}, {name}
    while new:
        new = set().union(*(made.get(one, set()) for one in new)) - known
        known |= new
    return known


def _names(statement: ast.stmt, how: type[ast.expr_context]) -> set[str]:
    return {node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and isinstance(node.ctx, how)}


if __name__ == "__main__":
    raise SystemExit(main())
