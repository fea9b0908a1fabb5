"""Drives `./run` for real, in homes of its own, and sees what it leaves behind."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OURS = {"SECRET_KEY", "BOOTSHELF_KEYSET", "DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "PUBLIC_URL", "PORT"}


def environment(home: Path, **extra: str) -> dict[str, str]:
    """A person's environment: without what the tests' own servers and keys put there."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS and not name.startswith("PYTEST")}
    return kept | {"BOOTSHELF_HOME": str(home)} | extra


def run_command(*words: str) -> list[str]:
    """What `./run WORDS` comes to once the packages are there."""
    return [sys.executable, "-m", "config.serve", *words]


def manage(home: Path, *words: str, stdin: str = "", **extra: str) -> subprocess.CompletedProcess[str]:
    """`./run manage WORDS`, to its end."""
    return subprocess.run(
        run_command("manage", *words),
        cwd=ROOT,
        env=environment(home, **extra),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=100,
    )


def processes_of(home: Path) -> dict[int, str]:
    """Command lines by pid of all that lives and was started, however indirectly, for this home."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            words = (entry / "environ").read_bytes().split(b"\0")
            if f"BOOTSHELF_HOME={home}".encode() in words and "\nState:\tZ" not in (entry / "status").read_text():
                found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    return found


def seconds_until(condition: Callable[[], object], limit: float) -> float:
    """How long it took until `condition()` held; fails past `limit`."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < limit, f"still not so after {limit} s"
        time.sleep(0.05)
    return time.monotonic() - started


class Running:
    """A `./run` that answers."""

    def __init__(self, home: Path, *words: str, in_background: bool = False, **extra: str) -> None:
        # What a shell does to a background job: SIGINT is inherited as ignored.
        shell = ["sh", "-c", "trap '' INT; exec \"$@\"", "sh"] if in_background else []
        self.home = home
        self.output = home.with_name(f"{home.name}.{time.monotonic_ns()}.out")
        with self.output.open("wb") as output:
            self.process = subprocess.Popen(
                [*shell, *run_command(*words)],
                cwd=ROOT,
                env=environment(home, **{"PORT": "0"} | extra),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text(encoding="utf-8")

    def wait_until_ready(self) -> str:
        """The address it serves."""
        seconds_until(lambda: "is ready" in self.said or self.process.poll() is not None, 90)
        found = re.search(r"http://127\.0\.0\.1:\d+", self.said)
        assert found and "is ready" in self.said, self.said
        return found[0]

    def stop(self, how: signal.Signals = signal.SIGTERM) -> float:
        """The seconds until it and all it started were gone."""
        self.process.send_signal(how)
        return seconds_until(lambda: self.process.poll() is not None and not processes_of(self.home), 15)

    def end(self) -> None:
        """Whatever happened in a test, nothing of it is left."""
        if self.process.poll() is None:
            self.process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        for pid in processes_of(self.home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()
        forget_sockets(self.home)


def forget_sockets(home: Path) -> None:
    """Remove what a killed keeper leaves for the next one, where there is to be no next one."""
    for note in (home / "run").glob("*.sockets"):
        shutil.rmtree(note.read_text(encoding="utf-8"), ignore_errors=True)
