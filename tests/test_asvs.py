"""docs/asvs.md: each requirement stands there once, with a status, and what it names exists: a test, a line."""

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
ROW = re.compile(r"\| (\d+\.\d+\.\d+) \| ([123]) \| (.+?) \| (met|not applicable|open) \| (.+) \|")
ROWS = {found[1]: found for found in ROW.finditer(DOCUMENT)}


def required() -> dict[str, str]:
    """The level of each requirement by its id, of the list beside this test."""
    lines = (ROOT / "tests" / "asvs_5_0_0.txt").read_text(encoding="utf-8").splitlines()
    levels = [line.split(": ") for line in lines if not line.startswith("#")]
    return {requirement: level for level, ids in levels for requirement in ids.split()}


@cache
def functions(file: str) -> set[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def named(text: str) -> list[str]:
    """What stands in backquotes and is a path of ours, with what it names in the file: `a.py::test` or `a.py#text`."""
    return re.findall(
        r"`((?:[\w.-]+/)*[\w.-]+\.(?:py|md|txt|js|yaml|html)(?:(?:::|#)[^`]+)?|Dockerfile(?:#[^`]+)?)`", text
    )


def missing(name: str) -> str:
    """Why it is not there, or nothing."""
    file, separator, inside = re.fullmatch(r"([^:#]+)(::|#)?(.*)", name).groups()
    if not (ROOT / file).is_file():
        return f"there is no {file}"
    if separator == "::" and inside not in functions(file):
        return f"{file} has no {inside}"
    if separator == "#" and inside not in (ROOT / file).read_text(encoding="utf-8"):
        return f"{file} does not say {inside}"
    return ""


def test_level_1_is_whole_in_the_list() -> None:
    assert Counter(required().values())["1"] == 70  # as the standard counts itself


def test_each_requirement_stands_there_once() -> None:
    stands = Counter(found[1] for found in ROW.finditer(DOCUMENT))
    assert stands == Counter(list(required()))
    assert {requirement: found[2] for requirement, found in ROWS.items()} == required()


def test_no_row_was_left_unread() -> None:
    rows = [line for line in DOCUMENT.splitlines() if re.match(r"\| \d", line)]
    assert len(rows) == len(ROWS), "a row has another form or an unknown status"


@pytest.mark.parametrize("requirement", ROWS)
def test_what_a_row_names_is_there(requirement: str) -> None:
    assert [why for name in named(ROWS[requirement][5]) if (why := missing(name))] == []


@pytest.mark.parametrize("requirement", ROWS)
def test_each_status_has_its_ground(requirement: str) -> None:
    """A test, a line or a document for what is met; a reason for everything else."""
    status, ground = ROWS[requirement].group(4, 5)
    assert named(ground) if status == "met" else len(ground) > 20


def test_what_the_threat_model_names_is_there() -> None:
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert named(text) and [why for name in named(text) if (why := missing(name))] == []


def test_the_header_counts_right() -> None:
    counted = {(level, status): 0 for level in "12" for status in ("met", "not applicable", "open")}
    counted |= Counter((found[2], found[4]) for found in ROWS.values())
    for level in "12":
        numbers = [counted[level, status] for status in ("met", "not applicable", "open")]
        assert f"| level {level} | {sum(numbers)} | {' | '.join(map(str, numbers))} |" in DOCUMENT


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("tests/test_nothing.py::test_it", "there is no tests/test_nothing.py"),
        ("tests/test_asvs.py::test_nothing", "tests/test_asvs.py has no test_nothing"),
        ("config/settings.py#NO_SUCH_SETTING", "config/settings.py does not say NO_SUCH_SETTING"),
    ],
)
def test_it_sees_what_is_not_there(name: str, why: str) -> None:
    assert named(f"see `{name}` and") == [name] and missing(name) == why
