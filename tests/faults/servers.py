"""A PostgreSQL and a Valkey of a test's own: to be killed, stopped, filled up and started again.

They are started as `./run` starts them (config/keeper.py), and without a keeper: who ends one starts it again.
"""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from django.db import connection

from config import keeper
from config.embedded import find_program
from config.settings import database

START_SECONDS = 60.0
SMALL_BYTES = 8 * 1024 * 1024
LARGEST_SHARED_BYTES = 256 * 1024 * 1024
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-current-user", "--keep-caps", "--mount"]


class OwnServer:
    """A "postgres" or "valkey" with its data in `home`, at one address for all its lives.

    Its writes wait for the disk, as in production. `disk` is a small one that a PostgreSQL has beside its data, where
    there is one (small_disk).
    """

    def __init__(self, home: Path, name: str) -> None:
        self.home, self.name, self.log = home, name, home / f"{name}.log"
        self.disk, self._prefix = small_disk(home) if name == "postgres" else (None, [])
        self._sockets = Path(tempfile.mkdtemp(prefix="bootshelf-", dir="/tmp"))
        self._plan: dict[str, Any] = {"home": str(home), "name": name, "fast": False}
        self._plan["program"] = str(find_program(name))
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        if self.name == "postgres":
            return f"postgresql://bootshelf@/bootshelf?host={self._sockets}&port=5432"
        return f"unix://{self._sockets}/valkey.sock"

    @property
    def is_up(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Up and answering, with the data it had. A PostgreSQL that fell recovers first."""
        if self.name == "postgres":
            keeper.prepare_postgres(Path(self._plan["home"]), Path(self._plan["program"]))
            command, is_ready = keeper.postgres_command(self._plan, self._sockets), keeper.postgres_is_ready
        else:
            command, is_ready = keeper.valkey_command(self._plan, self._sockets), keeper.valkey_is_ready
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*self._prefix, *command], stdout=output, stderr=output, cwd="/", process_group=0
            )
        deadline = time.monotonic() + START_SECONDS
        while not is_ready(self._plan, self._sockets):
            assert self.is_up and time.monotonic() < deadline, self.log.read_text(errors="replace")
            time.sleep(0.05)

    def end(self, how: signal.Signals) -> None:
        """SIGKILL for Valkey; for PostgreSQL SIGINT or SIGQUIT, what `pg_ctl stop -m fast` and `-m immediate` send."""
        assert self._process is not None
        if self.is_up:
            self._process.send_signal(how)
        self._process.wait(START_SECONDS)
        if self.name == "postgres":
            connection.close()  # this process's own is cut as well

    def forget(self) -> None:
        """Its data is lost while it is down."""
        assert not self.is_up
        shutil.rmtree(self.home / self.name)

    def remove(self) -> None:
        self.end(signal.SIGQUIT if self.name == "postgres" else signal.SIGKILL)
        shutil.rmtree(self._sockets)
        if self.disk:
            shutil.rmtree(self.disk)


@contextmanager
def in_use(server: OwnServer) -> Iterator[None]:
    """This process and those it starts have this PostgreSQL for their database."""
    kept, own = dict(connection.settings_dict), database(server.url)
    connection.close()
    connection.settings_dict.update({name: own[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")})
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(kept)


def small_disk(home: Path) -> tuple[Path | None, list[str]]:
    """A file system that a server may fill up: its directory, and the command prefix to start that server with.

    One in memory that only the server sees, mounted by root or in a user namespace; else a container's /dev/shm, small
    by itself. Without a directory where this machine has neither.
    """
    owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    tried = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/tmp"], capture_output=True)
    if tried.returncode == 0:
        place = home / "small"
        place.mkdir()
        mount = f'mount -t tmpfs -o size={SMALL_BYTES},uid={owner},mode=0700 tmpfs "{place}" && exec "$@"'
        return place, [*NAMESPACE, "sh", "-c", mount, "sh"]
    shared = os.statvfs("/dev/shm")
    if shared.f_blocks * shared.f_frsize <= LARGEST_SHARED_BYTES:
        place = Path(tempfile.mkdtemp(prefix="bootshelf-", dir="/dev/shm"))
        os.chown(place, owner, -1)
        return place, []
    return None, []
