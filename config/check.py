"""`./check [--all] [pytest's arguments]`: lint, format, types, contracts, migrations, then the tests.

./check                  everything but the slow suites
./check --all            these too (not `soak`, which is asked for by name: -m soak), once the access suite has noticed
                         every team filter that is taken out of the product (tests/isolation/mutations.py), which is
                         each but those with a reason in tests/isolation/unneeded.py
./check -m faults        one suite; paths, -k and every other argument of pytest work as well
./check --supply         the packages that the locks bring in: vulnerabilities, licences, bill of materials
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from config.embedded import VARIABLES, EmbeddedError, Server
from config.home import ROOT
from tests.services import FOR_TESTS

STEPS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports", "--no-logo"),
    ("manage", "makemigrations", "--check", "--dry-run"),
    ("manage", "check", "--database", "default"),
)
MUTATIONS = ("python", "-m", "tests.isolation.mutations", "--jobs", str(os.cpu_count() or 2))
ALL = "not soak"  # the marks of --all


def pytest_arguments(arguments: Sequence[str]) -> list[str]:
    """What is asked for by name is run whatever its marks; everything else leaves the slow suites out."""
    given = [word for word in arguments if word != "--all"]
    named = any(word.startswith("-m") or (ROOT / word.split("::")[0]).exists() for word in given)
    marks = ALL if len(given) < len(arguments) else "not slow and not soak"
    # Who is done first takes over from the other: a browser's tests take long.
    return ["-n", "auto", "--dist", "worksteal", *([] if named else ["-m", marks]), *given]


def command(words: Sequence[str]) -> list[str]:
    name, *rest = words
    if name == "manage":
        return [sys.executable, "-m", "config.serve", "manage", *rest]
    return [str(Path(sys.executable).with_name(name)), *rest]


def first_failure() -> str | None:
    """Run the steps on servers that are thrown away; the one that failed, or None."""
    with tempfile.TemporaryDirectory(prefix="bootshelf-check-") as directory:
        home = Path(directory)
        used = {variable: Server(home, name, fast=True) for name, variable in VARIABLES.items()}
        # The type checker's plugin reads Django's settings too, and they ask for a key.
        environment = os.environ | FOR_TESTS | {"BOOTSHELF_HOME": str(home)}
        environment |= {variable: server.acquire() for variable, server in used.items()}
        try:
            for words in STEPS:
                print("==", *words, flush=True)
                if subprocess.run(command(words), env=environment).returncode != 0:
                    return " ".join(words)
        finally:
            for server in [server for server in used.values() if server.release()]:
                server.wait_until_stopped(3)
    return None


def mutations_failure() -> str | None:
    print("==", *MUTATIONS, flush=True)
    return " ".join(MUTATIONS) if subprocess.run(command(MUTATIONS)).returncode else None


def main() -> int:
    os.chdir(ROOT)
    if {"-h", "--help"} & set(sys.argv[1:]):
        print((__doc__ or "").strip())
        return 0
    if sys.argv[1:2] == ["--supply"]:
        from config.supply.__main__ import main as supply  # here: its packages are heavy, and the tests need none

        return supply(sys.argv[2:])
    arguments = pytest_arguments(sys.argv[1:])
    try:
        failed = first_failure() or (mutations_failure() if ALL in arguments else None)
    except EmbeddedError as error:
        failed = str(error)
    except KeyboardInterrupt:
        return 130
    if failed:
        print(f"./check stopped at: {failed}", file=sys.stderr)
        return 1
    print("== pytest", *arguments, flush=True)
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *arguments])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    sys.exit(main())
