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
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--map-current-user", "--keep-caps", "--mount"]


class OwnServer:
    """A "postgres" or "valkey" with its data in `home`, at one address for all its lives.

    Its writes wait for the disk, as in production. `prefix` is a command that starts the server's.
    """

    def __init__(self, home: Path, name: str, prefix: list[str] | None = None) -> None:
        self.home, self.name, self.log = home, name, home / f"{name}.log"
        self._sockets = Path(tempfile.mkdtemp(prefix="bootshelf-", dir="/tmp"))
        self._plan: dict[str, Any] = {"home": str(home), "name": name, "fast": False}
        self._plan["program"] = str(find_program(name))
        self._prefix = prefix or []
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


def may_mount() -> bool:
    """Whether this machine lets root, or anybody in a user namespace, mount a file system that nobody else sees."""
    words = [*NAMESPACE, "mount", "-t", "tmpfs", "tmpfs", "/tmp"]
    return shutil.which("unshare") is not None and subprocess.run(words, capture_output=True).returncode == 0


def with_room(place: Path, size: int) -> list[str]:
    """A command prefix: a file system of `size` bytes at `place`, which only the program sees. It may write there."""
    place.mkdir()
    owner = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    mount = f'mount -t tmpfs -o size={size},uid={owner},mode=0700 tmpfs "{place}" && exec "$@"'
    return [*NAMESPACE, "sh", "-c", mount, "sh"]
