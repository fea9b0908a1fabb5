"""What must be so before a home is used: keys, migrations, static files. Each is done only where it is needed.

Run as a program by serve.py: `python -m config.prepare [--demo]`, on the environment that home.py made.
"""

import hashlib
import os
import secrets
import sys
from pathlib import Path
from typing import TextIO

from config.embedded import alone
from config.private import write_private


def make_secret_key(home: Path) -> None:
    """The signing key of sessions and links, before the settings ask for it."""
    if os.environ.get("SECRET_KEY_FILE") == str(home / "secret_key"):
        with alone(home / "run" / "prepare.lock"):
            if not (home / "secret_key").exists():
                write_private(home / "secret_key", secrets.token_urlsafe(48))


def prepare(home: Path, say: TextIO, *, migrate: bool = True) -> None:
    """Set Django up, migrate and make the keyset. Several commands may do so at once: one works, the others wait."""
    make_secret_key(home)
    import django

    django.setup()
    with alone(home / "run" / "prepare.lock"):
        if migrate:
            _migrate(say)
        _make_keyset(home, say)


def _migrate(say: TextIO) -> None:
    from django.core.management import call_command
    from django.db import OperationalError, connection
    from django.db.migrations.executor import MigrationExecutor

    try:
        executor = MigrationExecutor(connection)
    except OperationalError as error:
        raise SystemExit(f"bootshelf: the database does not answer: {str(error).strip().splitlines()[-1]}") from None
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        print("Bringing the database up to date ...", file=say, flush=True)
        call_command("migrate", interactive=False, verbosity=0, stdout=say, stderr=say)
    connection.close()


def _make_keyset(home: Path, say: TextIO) -> None:
    path = home / "keyset.json"
    if os.environ.get("BOOTSHELF_KEYSET_FILE") != str(path) or path.exists():
        return
    from django.db import connection

    from accounts.models import SealedSecret
    from accounts.secrets import new_keyset

    if SealedSecret._meta.db_table in connection.introspection.table_names() and SealedSecret.sealed.exists():
        raise SystemExit(f"bootshelf: {path} is missing, and secrets in the database are sealed with it. Put it back.")
    write_private(path, new_keyset())
    print(f"A new keyset is in {path}. Back it up: without it no stored cloud key can be read.", file=say, flush=True)


def collect_static(home: Path) -> None:
    """Gather, hash and compress the static files, if any has changed since. DEBUG serves them from where they are."""
    from django.conf import settings
    from django.contrib.staticfiles.finders import get_finders
    from django.core.management import call_command

    if settings.DEBUG:
        return
    state = hashlib.sha256()
    for finder in get_finders():
        for path, storage in finder.list([]):
            file = Path(storage.path(path)).stat()
            state.update(f"{path} {file.st_mtime_ns} {file.st_size}\n".encode())
    stamp, now = home / "run" / "static", f"{settings.STATIC_ROOT} {state.hexdigest()}"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == now and Path(settings.STATIC_ROOT).is_dir():
        return
    call_command("collectstatic", interactive=False, clear=True, verbosity=0)
    stamp.write_text(now, encoding="utf-8")


def check() -> None:
    """The system checks, the database's too: a line for each that fails, and the end."""
    from django.core.checks import run_checks

    failed = [one for one in run_checks(databases=["default"]) if one.is_serious() and not one.is_silenced()]
    if failed:
        raise SystemExit("\n".join(" ".join(filter(None, (f"bootshelf: {one.msg}", one.hint))) for one in failed))


def main() -> None:
    """Prepare all that `./run` serves. The demo's own lines are the only ones on stdout."""
    from django.core.management import CommandError, call_command

    home = Path(os.environ["BOOTSHELF_HOME"])
    prepare(home, sys.stderr)
    try:
        check()
        collect_static(home)
        if "--demo" in sys.argv[1:]:
            call_command("load_demo")
    except CommandError as error:
        raise SystemExit(f"bootshelf: {error}") from None


if __name__ == "__main__":
    main()
