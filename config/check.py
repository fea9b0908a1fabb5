"""`./check [--all] [pytest's arguments]`: lint, format, types, contracts, migrations, then the tests.

./check                  everything but the slow suites
./check --all            these too (not `soak`, which is asked for by name: -m soak)
./check -m faults        one suite; paths, -k and every other argument of pytest work as well
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from config.home import ROOT

STEPS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports", "--no-logo"),
    ("manage.py", "makemigrations", "--check", "--dry-run"),
)
# Django's settings are read by the type checker's plugin too, which needs neither a key nor a server.
PLACEHOLDERS = {"SECRET_KEY": "x" * 60, "DATABASE_URL": "postgresql:///nowhere", "REDIS_URL": "unix:///nowhere"}


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """What is asked for by name is run whatever its marks; everything else leaves the slow suites out."""
    given = [word for word in arguments if word != "--all"]
    named = any(word.startswith("-m") or (ROOT / word.split("::")[0]).exists() for word in given)
    marks = "not soak" if len(given) < len(arguments) else "not slow and not soak"
    return ["-n", "auto", *([] if named else ["-m", marks]), *given]


def command(words: Sequence[str]) -> list[str]:
    name, *rest = words
    if name == "manage.py":
        return [sys.executable, str(ROOT / name), *rest]
    return [str(Path(sys.executable).with_name(name)), *rest]


def main() -> int:
    os.chdir(ROOT)
    if {"-h", "--help"} & set(sys.argv[1:]):
        print((__doc__ or "").strip())
        return 0
    for words in STEPS:
        print("==", *words, flush=True)
        done = subprocess.run(command(words), env=os.environ | PLACEHOLDERS)
        if done.returncode != 0:
            print(f"./check stopped at: {' '.join(words)}", file=sys.stderr)
            return done.returncode
    print("== manage.py check", flush=True)
    with tempfile.TemporaryDirectory(prefix="bootshelf-check-") as home:
        checks = [sys.executable, "-m", "config.serve", "manage", "check", "--database", "default"]
        done = subprocess.run(checks, env=os.environ | {"BOOTSHELF_HOME": home})
    if done.returncode != 0:
        return done.returncode
    arguments = pytest_arguments(sys.argv[1:])
    print("== pytest", *arguments, flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
