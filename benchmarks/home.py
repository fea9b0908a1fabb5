"""The servers a benchmark measures on: its own PostgreSQL (and Valkey), set up as `./run` sets them up."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from config.embedded import Server

ROOT = Path(__file__).resolve().parent.parent


@contextmanager
def throwaway(keep: Path | None = None) -> Iterator[Path]:
    """A home that is gone at the end, or the one to keep."""
    if keep:
        keep.mkdir(mode=0o700, parents=True, exist_ok=True)
        yield keep.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="bootshelf-bench-") as home:
        yield Path(home)


@contextmanager
def services(home: Path, *names: str) -> Iterator[None]:
    """The embedded servers of these names ("postgres", "valkey"), Django on them, and the database migrated."""
    from config.embedded import VARIABLES, Server

    os.environ |= dict.fromkeys(VARIABLES.values(), "unix:///nowhere")
    os.environ |= {"SECRET_KEY": "for-the-benchmark-only-" * 3, "DJANGO_SETTINGS_MODULE": "config.settings"}
    os.environ |= {"LOG_LEVEL": "WARNING", "PGOPTIONS": "", "STATIC_ROOT": str(home / "static"), "DEBUG": ""}
    with ExitStack() as stack:
        for name in names:
            server = Server(home, name)
            os.environ[VARIABLES[name]] = server.acquire()
            stack.callback(_stop, server)
        import django
        from django.core.management import call_command

        django.setup()
        from accounts.secrets import new_keyset

        os.environ["BOOTSHELF_KEYSET"] = new_keyset()
        call_command("migrate", verbosity=0)
        yield


def _stop(server: "Server") -> None:
    if server.release():
        server.wait_until_stopped(30)


def say(text: str) -> None:
    """Progress goes beside the result."""
    print(text, file=sys.stderr, flush=True)
