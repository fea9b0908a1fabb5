"""The processes of one `./run`: started, watched and stopped together, and ended with their starter however that ends.

Each child leads a process group, so that a straggler's own children go with it. A janitor, forked before anything else,
learns of every group through a pipe; when the pipe closes without a word, the starter was killed: it ends the groups.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from config.keeper import under

STOP_SECONDS = 3.0
ROTATE_BYTES = 10_000_000


class Processes:
    """Start children from the main thread only: the parent-death signal is a thread's, not a process's."""

    def __init__(self, log_directory: Path) -> None:
        self.logs = log_directory
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self._pipe, self._janitor = _start_janitor()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], directory: Path) -> None:
        """Start `command` as `name`; what it prints goes to its log."""
        log = self.log(name)
        with contextlib.suppress(FileNotFoundError):
            log.replace(log.with_suffix(".log.1"))
        with log.open("wb") as output:
            child = subprocess.Popen(
                [*under("TERM"), *command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=directory,
                env=dict(environment),
                process_group=0,
            )
        os.write(self._pipe, f"{child.pid}\n".encode())
        self.children[name] = child

    def log(self, name: str) -> Path:
        return self.logs / f"{name}.log"

    def ended(self) -> str | None:
        """What is over that should not be, in words, with the end of its log; None while all are up."""
        for name, child in self.children.items():
            if child.poll() is not None:
                how = (
                    f"was killed by signal {-child.returncode}"
                    if child.returncode < 0
                    else f"ended ({child.returncode})"
                )
                return f"{name} {how}. The end of {self.log(name)}:\n{last_lines(self.log(name))}"
        if os.waitpid(self._janitor, os.WNOHANG)[0]:
            self._janitor = 0
            return "the janitor process was killed."
        return None

    def stop(self, hurry: Callable[[], bool] = lambda: False, last: str = "") -> None:
        """Ask all to end, the one named `last` when the others have; wait STOP_SECONDS in all, or until `hurry()`, then
        kill what is left of them."""
        deadline = time.monotonic() + STOP_SECONDS
        for names in (
            [name for name in self.children if name != last],
            [name for name in self.children if name == last],
        ):
            asked = [self.children[name] for name in names]
            for child in asked:
                if child.poll() is None:
                    child.terminate()
            while time.monotonic() < deadline and not hurry() and any(child.poll() is None for child in asked):
                time.sleep(0.02)
        for child in self.children.values():
            kill_group(child.pid, signal.SIGKILL)
            child.wait()
        self.children.clear()
        with contextlib.suppress(OSError):
            os.write(self._pipe, b"done\n")
        os.close(self._pipe)
        if self._janitor:
            os.waitpid(self._janitor, 0)


def last_lines(log: Path, count: int = 12) -> str:
    """The end of a log, indented."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - 8000))
        lines = file.read().decode(errors="replace").splitlines()[-count:]
    return "\n".join(f"  {line}" for line in lines)


def kill_group(group: int, how: int) -> bool:
    """Whether anything was there to take the signal; 0 only asks."""
    try:
        os.killpg(group, how)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _start_janitor() -> tuple[int, int]:
    """The pipe to it, and its pid."""
    read_end, write_end = os.pipe()
    pid = os.fork()
    if pid:
        os.close(read_end)
        return write_end, pid
    try:
        os.close(write_end)
        os.setsid()
        for name in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(name, signal.SIG_IGN)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(nowhere, descriptor)
        _sweep(read_end)
    finally:
        os._exit(0)


def _sweep(read_end: int) -> None:
    with os.fdopen(read_end) as lines:
        told = lines.read().split()
    if "done" in told:
        return
    groups = [int(word) for word in told]
    for group in groups:
        kill_group(group, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline and any(kill_group(group, 0) for group in groups):
        time.sleep(0.05)
    for group in groups:
        kill_group(group, signal.SIGKILL)
