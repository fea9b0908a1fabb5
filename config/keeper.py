"""The keeper of one embedded server: starts it, waits until its last user is gone, stops it. Run by embedded.py, by its
path and by an interpreter without site-packages, so it imports the standard library only and takes little memory.

Its locks: `run/NAME.keeper`, held as long as it lives; `run/NAME.users`, asked for alone, which is granted when the
last user lets go. When it is killed, the server gets a parent-death signal.
"""

import contextlib
import fcntl
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

START_SECONDS = 40.0
STOP_SECONDS = 1.5  # `./run` promises to be gone within 5 s, of which its own children take up to 3

# A sixteenth of the memory: a page of a million images reads some 600 MB. PostgreSQL takes only what it uses.
_MEGABYTES = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
POSTGRES = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": f"{min(max(_MEGABYTES // 16, 128), 1024)}MB",
    "effective_cache_size": "1GB",
    "maintenance_work_mem": "128MB",
    "work_mem": "16MB",
    "max_wal_size": "2GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "log_timezone": "UTC",
}
POSTGRES_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
VALKEY = {"port": "0", "unixsocketperm": "700", "save": "", "maxmemory-policy": "noeviction", "daemonize": "no"}


class KeeperError(Exception):
    """Why the server does not start, in one line."""


class ServerEnded(Exception):
    """The server ended by itself."""


class Asked(BaseException):
    """The keeper was asked to stop by a signal."""


def under(death_signal: str) -> list[str]:
    """A command prefix: the program gets this signal when its starter dies (Linux; elsewhere nothing)."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", death_signal] if setpriv else []


def unprivileged() -> list[str]:
    """A command prefix for PostgreSQL, which refuses root: as nobody, but let through private directories."""
    if os.geteuid() != 0:
        return under("INT")
    if not under("INT"):
        raise KeeperError("PostgreSQL does not run as root: be another user, or install setpriv (util-linux)")
    nobody, capabilities = pwd.getpwnam("nobody"), "-all,+dac_override"
    ids = ["--reuid", str(nobody.pw_uid), "--regid", str(nobody.pw_gid), "--clear-groups"]
    sets = ["--inh-caps", capabilities, "--ambient-caps", capabilities, "--bounding-set", capabilities]
    return [*under("INT"), *ids, *sets, "--securebits", "+no_setuid_fixup"]


def prepare_postgres(home: Path, bin_dir: Path) -> None:
    """Make the cluster and its database if they are not there; atomic, so that an interrupted start is done anew."""
    data, new = home / "postgres", home / "postgres.new"
    if (data / "PG_VERSION").exists():
        _clear_stale_lock(data)
        return
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(mode=0o700)
    if os.geteuid() == 0:
        os.chown(new, pwd.getpwnam("nobody").pw_uid, pwd.getpwnam("nobody").pw_gid)
    # C.UTF-8: with C, pg_trgm drops every non-ASCII character and a Chinese search finds nothing.
    locale = ["--locale=C.UTF-8", "--encoding=UTF8"]
    access = ["--auth=trust", "--username=bootshelf"]  # the socket's directory is private
    _finish([*unprivileged(), f"{bin_dir}/initdb", "-D", str(new), *locale, *access, "--no-sync", "--no-instructions"])
    single = [f"{bin_dir}/postgres", "--single", "-D", str(new), "-c", "exit_on_error=on", "template1"]
    _finish([*unprivileged(), *single], "CREATE DATABASE bootshelf;\n")
    new.rename(data)


def _finish(command: Sequence[str], text: str = "") -> None:
    done = subprocess.run(command, input=text, capture_output=True, text=True, errors="replace", cwd="/")
    if done.returncode != 0:
        last = (done.stderr.strip() or done.stdout.strip() or "no word").splitlines()[-1]
        raise KeeperError(f"{Path(command[-1]).name if text else 'initdb'}: {last}")


def _clear_stale_lock(data: Path) -> None:
    """Remove the pid file a killed server left: PostgreSQL refuses to start where another process has that pid now."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            pid = int((data / "postmaster.pid").read_text().split()[0])
            same = data.samefile(f"/proc/{pid}/cwd") if Path("/proc/self").exists() else True
        except (OSError, ValueError, IndexError):
            break
        if not same:
            break
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGINT)  # its keeper is dead: we hold the lock that a living one would hold
        time.sleep(0.1)
    if Path("/proc/self").exists():
        (data / "postmaster.pid").unlink(missing_ok=True)


def postgres_command(plan: dict[str, Any], sockets: Path) -> list[str]:
    settings = POSTGRES | {"unix_socket_directories": str(sockets)} | (POSTGRES_FAST if plan["fast"] else {})
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    return [*unprivileged(), f"{plan['program']}/postgres", "-D", f"{plan['home']}/postgres", "-p", "5432", *options]


def valkey_command(plan: dict[str, Any], sockets: Path) -> list[str]:
    data = Path(plan["home"], "valkey")
    data.mkdir(mode=0o700, exist_ok=True)
    settings = VALKEY | {"unixsocket": f"{sockets}/valkey.sock", "dir": str(data)}
    settings["appendonly"] = "no" if plan["fast"] else "yes"
    return [
        *under("TERM"),
        plan["program"],
        *(word for name, value in settings.items() for word in (f"--{name}", value)),
    ]


def postgres_is_ready(plan: dict[str, Any], sockets: Path) -> bool:
    """What `pg_ctl -w` looks at: the eighth line of the pid file."""
    try:
        lines = Path(plan["home"], "postgres", "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[7].strip() == "ready"


def valkey_is_ready(plan: dict[str, Any], sockets: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(f"{sockets}/valkey.sock")
            client.sendall(b"PING\r\n")
            return client.recv(64).startswith(b"+PONG")  # while it loads its data it says -LOADING
        except OSError:
            return False


@contextlib.contextmanager
def socket_directory(note: Path) -> Iterator[Path]:
    """A private directory of a short name (a socket's path has 100 bytes at most); removes a killed keeper's."""
    with contextlib.suppress(OSError):
        left = Path(note.read_text(encoding="utf-8"))
        if left.name.startswith("bootshelf-") and left.parent != left:
            shutil.rmtree(left, ignore_errors=True)
    base = "/tmp" if os.access("/tmp", os.W_OK) else None  # noqa: S108 - mkdtemp makes it private
    made = Path(tempfile.mkdtemp(prefix="bootshelf-", dir=base))
    note.write_text(str(made), encoding="utf-8")
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)
        note.unlink(missing_ok=True)


def start(plan: dict[str, Any], sockets: Path) -> tuple[subprocess.Popen[bytes], str]:
    """The running server and its address, once it answers. Raises KeeperError."""
    home, name = Path(plan["home"]), plan["name"]
    if name == "postgres":
        prepare_postgres(home, Path(plan["program"]))
        command, ready = postgres_command(plan, sockets), postgres_is_ready
        url = f"postgresql://bootshelf@/bootshelf?host={sockets}&port=5432"
    else:
        command, ready = valkey_command(plan, sockets), valkey_is_ready
        url = f"unix://{sockets}/valkey.sock"
    log = home / "log" / f"{name}.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd="/", process_group=0
        )
    deadline = time.monotonic() + START_SECONDS
    try:
        while not ready(plan, sockets):
            if server.poll() is not None:
                said = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
                raise KeeperError(said[-1] if said else f"it ended with status {server.returncode}")
            if time.monotonic() > deadline:
                raise KeeperError(f"no answer within {START_SECONDS:.0f} s")
            time.sleep(0.01)
    except BaseException:
        stop(server)
        raise
    return server, url


def stop(server: subprocess.Popen[bytes]) -> None:
    """Politely, then without waiting for a checkpoint (the log repairs that at the next start), then for good."""
    for how in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server.pid, how) if how != signal.SIGKILL else os.killpg(server.pid, how)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)


def wait_for_the_last_user(server: subprocess.Popen[bytes], users: int) -> None:
    """Return with the users' lock held alone. Raises ServerEnded."""

    def child_ended(*_: Any) -> None:
        if server.poll() is not None:
            raise ServerEnded

    signal.signal(signal.SIGCHLD, child_ended)
    try:
        child_ended()
        fcntl.flock(users, fcntl.LOCK_EX)
    finally:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


def asked(*_: Any) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    raise Asked


def keep(plan: dict[str, Any], told: Path, sockets: Path, users: int) -> None:
    """From start to stop. Raises KeeperError where it does not start."""
    server, url = start(plan, sockets)
    try:
        new = told.with_suffix(".new")
        new.write_text(json.dumps({"pid": os.getpid(), "url": url}), encoding="utf-8")
        new.rename(told)
        with contextlib.suppress(BrokenPipeError):  # who started it was killed meanwhile
            print("ready", flush=True)
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        with contextlib.suppress(ServerEnded):
            wait_for_the_last_user(server, users)
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        stop(server)
        told.unlink(missing_ok=True)


def main() -> int:
    plan = json.loads(sys.argv[1])
    run = Path(plan["home"], "run")
    for ignored in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    # In this order: at a kill the kernel lets go of the lower descriptor first, and a newcomer waits for the second.
    alive = os.open(run / f"{plan['name']}.keeper", os.O_RDWR | os.O_CREAT, 0o600)
    users = os.open(run / f"{plan['name']}.users", os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(alive, fcntl.LOCK_EX)
    signal.signal(signal.SIGTERM, asked)
    with contextlib.suppress(Asked), socket_directory(run / f"{plan['name']}.sockets") as sockets:
        try:
            keep(plan, run / f"{plan['name']}.json", sockets, users)
        except (KeeperError, OSError) as error:
            print(error, flush=True)
            return 1
    os.close(alive)
    os.close(users)
    return 0


if __name__ == "__main__":
    sys.exit(main())
