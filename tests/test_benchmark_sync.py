"""benchmarks/sync.py: that it measures. How fast a sync is is no test's to say."""

import importlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from benchmarks import syncing
from benchmarks.sync_judging import judge
from benchmarks.upsert import TABLE, floor, make_table
from catalog.models import Source
from tests.processes import process_environment

ROOT = Path(__file__).resolve().parent.parent


def of_table(name: str, *, statement: str) -> Counter[str]:
    """What defines its indexes or constraints, without any names of their own."""
    with connection.cursor() as cursor:
        cursor.execute(statement, [name])
        return Counter(definition.partition(" USING ")[2] or definition for (definition,) in cursor.fetchall())


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass",
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = %s::regclass",
    ],
    ids=["indexes", "constraints"],
)
def test_the_floor_has_every_index_and_constraint_of_the_images(db: None, statement: str) -> None:
    with connection.cursor() as cursor:
        make_table(cursor)
    images = of_table("catalog_image", statement=statement)
    assert len(images) > 3 and of_table(TABLE, statement=statement) == images


@pytest.mark.django_db(transaction=True)
def test_it_measures_one_sync_in_a_process_of_its_own_and_its_floor(
    make_source: Callable[..., Source],
) -> None:
    source = make_source(syncing.KIND)
    with syncing.clouds(30) as (cloud, pid):
        found = syncing.timed_sync(source, cloud, pid, database_url=process_environment()["DATABASE_URL"])
    listed = found["listed"]
    assert listed == found["added"] == found["image_rows_written"] == floor(source.id)["rows"] > 0
    assert found["rows_written"] >= 3 * listed  # with their documents and what is counted of them
    assert 0 < found["steps"]["compare"] < found["steps"]["apply"] < found["seconds"]
    assert found["cpu_seconds"] > 0 and found["peak_mb"] > 20


def test_what_is_timed_is_there() -> None:
    for name in syncing.STEPS.values():
        module, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(module), function))


def measure(tmp_path: Path, *words: str) -> tuple["subprocess.CompletedProcess[str]", dict[str, Any]]:
    told = tmp_path / "sync.json"
    done = subprocess.run(
        [sys.executable, "benchmarks/sync.py", "--quick", *words, "--json", str(told)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert told.exists(), done.stdout + done.stderr
    found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    for line in found["judged"]:
        assert line["verdict"] in ("held", "missed") and f"{line['verdict']:<8}{line['text']}" in done.stdout
    return done, found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_measures_every_part_and_writes_its_figures(tmp_path: Path) -> None:
    done, found = measure(tmp_path, "200", "30000", "--part", "sizes", "--part", "fleet", "--part", "answering")
    assert done.returncode == 0, done.stdout + done.stderr
    one = found["sizes"][0]
    assert (one["first"]["added"], one["changed"]["changed"], one["unchanged"]["image_rows_written"]) == (200, 2, 0)
    assert one["changed"]["image_rows_written"] == 2
    assert one["floor"]["seconds"] > 0 and one["first"]["times_floor"] > 0
    assert set(found["fleet"]["workers"]) == {"1", "2"}
    cases = found["answering"]["cases"]
    assert {"first page", "a star"} < set(cases) and all(case["applying"]["requests"] > 1 for case in cases.values())


@pytest.mark.slow
def test_it_ends_when_its_time_is_over_and_says_so(tmp_path: Path) -> None:
    done, found = measure(tmp_path, "1000000", "--part", "sizes", "--minutes", "0.15")
    assert done.returncode == 1 and found["unfinished"] in done.stderr
    assert not found.get("sizes")


def figures(size: int, **changed: Any) -> dict[str, Any]:
    """What is measured of one source, all of it well."""
    first = {"times_floor": 2.0, "times_floor_quiet": 2.0, "peak_mb": 110}
    unchanged = {"images_per_second": 9e3, "images_per_quiet_second": 9e3, "compared_per_second": 2e5, "peak_mb": 110}
    rows = {"first": first, "unchanged": unchanged | {"image_rows_written": 0}, "changed": {"peak_mb": 110}}
    for name, fields in changed.items():
        rows[name] = rows[name] | fields
    return {"size": size, **rows}


def all_of(**changed: Any) -> dict[str, Any]:
    case = {"times_idle": 2.0}
    found = {
        "sizes": [figures(10_000), figures(1_000_000)],
        "fleet": {"sources": 200, "workers": {"1": {"seconds": 900}, "2": {"seconds": 500}, "4": {"seconds": 300}}},
        "retaken_seconds": 60,
        "answering": {"size": 1_000_000, "cases": {"first page": case, "search": case}, "lock_waits": 0},
    }
    return found | changed


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (all_of(sizes=[figures(10_000, first={"times_floor": 3.1})]), "first sync of 10000 images, × floor"),
        (all_of(sizes=[figures(1_000, unchanged={"images_per_second": 7_999})]), "images a second: 7999"),
        (all_of(sizes=[figures(1_000, unchanged={"compared_per_second": 99_999})]), "its comparison"),
        (all_of(sizes=[figures(1_000, unchanged={"image_rows_written": 1})]), "rows written by an unchanged"),
        (all_of(sizes=[figures(10_000), figures(20_000, changed={"peak_mb": 131})]), "changed sync, peak memory"),
        (all_of(fleet={"sources": 9, "workers": {"1": {"seconds": 10}, "4": {"seconds": 5}}}), "4 workers × 1"),
        (all_of(retaken_seconds=91), "taken again"),
        (
            all_of(answering={"size": 9, "cases": {"search": {"times_idle": 3.1}}, "lock_waits": 0}),
            "the worst “search”",
        ),
        (all_of(answering={"size": 9, "cases": {"search": {"times_idle": 1}}, "lock_waits": 1}), "lock waits"),
    ],
)
def test_it_says_which_number_was_missed(found: dict[str, Any], text: str) -> None:
    assert {line.verdict for line in judge(all_of())} == {"held"}
    missed = [line.text for line in judge(found) if line.verdict == "missed"]
    assert len(missed) == 1 and text in missed[0], missed


def test_what_was_not_measured_is_not_judged() -> None:
    assert judge({}) == []
