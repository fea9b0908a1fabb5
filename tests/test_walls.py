"""What may import what, where import-linter's contracts in pyproject.toml cannot say it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LOAD_THE_WEB = """
import config.wsgi, sys
from django.urls import get_resolver
get_resolver().reverse_dict
print(*sys.modules, sep="\\n")
"""


def test_the_web_process_imports_no_sdk() -> None:
    done = subprocess.run([sys.executable, "-c", LOAD_THE_WEB], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert {"django", "catalog", "config"} <= loaded
    assert not {name for name in loaded if name.startswith(("alibabacloud", "darabonba", "huaweicloud", "Tea"))}


@pytest.mark.parametrize("path", sorted((ROOT / "catalog" / "providers").rglob("*.py")), ids=lambda path: path.name)
def test_a_provider_does_not_touch_the_database(path: Path) -> None:
    imported = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported |= {f"{node.module}.{name.name}" for name in node.names}
    assert not {name for name in imported if name.startswith(("django.db", "django.apps", "django.contrib", "psycopg"))}
