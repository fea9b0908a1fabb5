"""A plugin of pytest (`-p tests.isolation.mutant`). With BOOTSHELF_MUTANT="FILE:LINE:COLUMN:N" the product runs without
one team filter. With BOOTSHELF_REACHED=DIRECTORY it writes down which tests come by which filter.
"""

import ast
import json
import os
import re
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ("accounts", "catalog")
LOOKUPS = {"filter", "exclude", "get", "get_or_create", "update_or_create", "get_object_or_404"}
WORDS = {"team", "team_id", "team__in", "team_id__in"}  # what such a lookup calls the team
_SQL = re.compile(r"((?:\w+\.)?\bteam(?:_id)?) = (%s|%\(team\)s)")


class Site(NamedTuple):
    """A team filter: in the file, from the line and column of the syntax tree's node on, the n-th there. `text` is the
    lookup or the line of SQL, after the function's name.
    """

    file: str
    line: int
    column: int
    n: int
    text: str

    @property
    def id(self) -> str:
        return f"{self.file}:{self.line}:{self.column}:{self.n}"


def sites() -> Iterator[Site]:
    """Every team filter of the product, in an ORM lookup or in SQL."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                yield from _sites_of(path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8")))


def _sites_of(file: str, tree: ast.Module) -> Iterator[Site]:
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    named = {inner: f"{one.name}: " for one in functions for inner in ast.walk(one)}  # the innermost comes last
    for node in ast.walk(tree):
        for n, text in enumerate(_filters(node)):
            yield Site(file, node.lineno, node.col_offset, n, named.get(node, "") + text)


def _filters(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return [_line(node.value, found.start()) for found in _SQL.finditer(node.value)]
    return [ast.unparse(node) for _word in _keywords(node)]


def _line(text: str, at: int) -> str:
    return (text[:at].rpartition("\n")[2] + text[at:].partition("\n")[0]).strip()


def _keywords(node: ast.AST) -> list[ast.keyword]:
    if not isinstance(node, ast.Call):
        return []
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return [word for word in node.keywords if name in LOOKUPS and word.arg in WORDS]


class Removal(ast.NodeTransformer):
    """Takes out one filter: a keyword of a lookup; a condition of SQL keeps its parameter and always holds."""

    def __init__(self, line: int, column: int, n: int) -> None:
        self.place, self.n, self.done = (line, column), n, False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if (node.lineno, node.col_offset) == self.place and len(found := _keywords(node)) > self.n:
            node.keywords.remove(found[self.n])
            self.done = True
        return self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        if (node.lineno, node.col_offset) == self.place and isinstance(node.value, str):
            found = list(_SQL.finditer(node.value))
            if len(found) > self.n:
                (start, end), (column, parameter) = found[self.n].span(), found[self.n].groups()
                always = f"{column} IS NOT NULL AND {parameter}::text IS NOT NULL"
                node.value = node.value[:start] + always + node.value[end:]
                self.done = True
        return node


class Loader(SourceFileLoader):
    """Compiles the mutated source anew, whatever is cached."""

    def __init__(self, name: str, path: str, removal: Removal) -> None:
        super().__init__(name, path)
        self.removal = removal

    def get_code(self, fullname: str) -> CodeType:
        tree = self.removal.visit(ast.parse(self.get_data(self.path)))
        assert self.removal.done, "there is no such filter"
        return compile(ast.fix_missing_locations(tree), self.path, "exec", dont_inherit=True)


class Finder:
    def __init__(self, mutant: str) -> None:
        self.file, line, column, n = mutant.split(":")
        self.module = self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        self.removal = Removal(int(line), int(column), int(n))

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.module:
            return None
        spec = PathFinder.find_spec(name, path, target)
        assert spec is not None
        spec.loader = Loader(name, str(ROOT / self.file), self.removal)
        return spec


if mutant := os.environ.get("BOOTSHELF_MUTANT"):
    sys.meta_path.insert(0, Finder(mutant))


class Reached:
    """Which tests execute which lines of the product's files that have filters."""

    def __init__(self, directory: Path) -> None:
        self.directory, self.test = directory, ""
        self.files = {str(ROOT / site.file): site.file for site in sites()}
        self.tests: dict[str, set[str]] = defaultdict(set)
        self.tool = sys.monitoring.COVERAGE_ID
        sys.monitoring.use_tool_id(self.tool, "reached")
        sys.monitoring.register_callback(self.tool, sys.monitoring.events.LINE, self._line)
        sys.monitoring.set_events(self.tool, sys.monitoring.events.LINE)

    def _line(self, code: CodeType, line: int) -> Any:
        file = self.files.get(code.co_filename)
        if file is None:
            return sys.monitoring.DISABLE
        if self.test:
            self.tests[f"{file}:{line}"].add(self.test)
        return None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        self.test = item.nodeid
        try:
            return (yield)
        finally:
            self.test = ""

    def pytest_sessionfinish(self) -> None:
        found = {line: sorted(tests) for line, tests in self.tests.items()}
        (self.directory / f"{os.getpid()}.json").write_text(json.dumps(found), encoding="utf-8")


def pytest_configure(config: pytest.Config) -> None:
    directory = os.environ.get("BOOTSHELF_REACHED")
    if directory and (os.environ.get("PYTEST_XDIST_WORKER") or not config.getoption("numprocesses", None)):
        config.pluginmanager.register(Reached(Path(directory)))
