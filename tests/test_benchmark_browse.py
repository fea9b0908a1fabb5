"""benchmarks/browse.py: that it measures. How fast the pages are is no test's to say."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import shelf
from benchmarks.judging import judge
from catalog.export import FORMATS
from catalog.providers import PROVIDERS

ROOT = Path(__file__).resolve().parent.parent


def test_a_shelf_is_the_same_on_every_machine_and_the_beginning_of_a_larger_one() -> None:
    made = list(shelf.images(2_500))
    assert made[:1_200] == list(shelf.images(1_200))
    first = made[0]
    assert str(first.id) == "ffed02f1-5258-418f-a135-6182ad2fa0e4"
    assert first.image.name == "kestrel-alibaba_cloud_linux_3_x64_20G_alibase_20170101"


def test_a_shelf_has_what_real_ones_have() -> None:
    made = list(shelf.images(10_000))
    assert {one.place.kind for one in made} == set(PROVIDERS) and len({one.place.number for one in made}) == 40
    states = [one.image.state for one in made]
    for state in ("missing", "archived", "failed", "creating"):
        assert 5 < states.count(state) < 1_000, state
    assert sum(not one.image.name.isascii() for one in made) > 1_000
    assert sum(bool(one.labels) for one in made) > 100 and any(one.starred for one in made)
    assert sum(shelf.RARE in one.image.name for one in made) == 15


@pytest.mark.slow
def test_it_measures_a_small_shelf_and_writes_its_figures(tmp_path: Path) -> None:
    told = tmp_path / "browse.json"
    words = ["--sizes", "1000", "--requests", "2", "--cases", "a", "--json", str(told)]
    done = subprocess.run(
        [sys.executable, "benchmarks/browse.py", *words], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(told.read_text(encoding="utf-8"))
    assert set(found["sizes"]) == {"1000"} and found["cpus"]
    one = found["sizes"]["1000"]
    assert one["floor"]["queries"] == 1 and one["floor"]["p50_ms"] > 0
    for name in ("rare search", "last page", "by arch, falling", "one image"):
        case = one["cases"][name]
        assert case["queries"] > 1 and case["kb"] > 1 and case["p95_ms"] >= case["p50_ms"] > 0, name
    archived = sum(image.image.state == "archived" for image in shelf.images(1_000))
    assert set(one["exports"]) == set(FORMATS)
    for form, export in one["exports"].items():
        assert export["rows"] == 1_000 - archived and export["peak_mb"] > 20 and export["mb"] > 0.1, form
    for line in found["judged"]:
        assert line["verdict"] in ("held", "missed") and f"{line['verdict']:<8}{line['text']}" in done.stdout


def figures(form: str = "csv", export: dict[str, Any] | None = None, **changed: Any) -> dict[str, Any]:
    row = {"kind": "list", "p50_ms": 20, "p95_ms": 30, "times_floor": 2.0, "queries": 7, "kb": 90} | changed
    exports = {name: {"seconds": 1, "peak_mb": 99} for name in FORMATS}
    exports[form] |= export or {}
    return {"cases": {"first page": row}, "exports": exports}


@pytest.mark.parametrize(
    ("large", "text"),
    [
        ({"times_floor": 3.1}, "p50 × floor"),
        ({"p95_ms": 101}, "p95 ms"),
        ({"queries": 13}, "queries, of"),
        ({"queries": 8}, "queries differ by size"),
        ({"kb": 121}, "KB of a page"),
        ({"times_floor": 2.9, "p50_ms": 31}, "growth 10 → 20, by ms"),
        ({"export": {"seconds": 61}}, "as csv, seconds: 61, at most 60"),
        ({"export": {"peak_mb": 251}}, "as csv, the web process's peak MB: 251, at most 250"),
        ({"form": "json", "export": {"peak_mb": 251}}, "as json, the web process's peak MB"),
        ({"form": "ndjson", "export": {"peak_mb": 251}}, "as ndjson, the web process's peak MB"),
    ],
)
def test_it_says_which_number_was_missed(large: dict[str, Any], text: str) -> None:
    assert {line.verdict for line in judge({10: figures(), 20: figures()})} == {"held"}
    missed = [line.text for line in judge({10: figures(), 20: figures(**large)}) if line.verdict == "missed"]
    assert any(text in line for line in missed), missed
