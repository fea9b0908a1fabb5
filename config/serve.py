"""`./run`: the whole product on this machine, or one management command on the same data.

    ./run                   PostgreSQL, Valkey, web, worker, beat, and a demo team on simulated clouds
    ./run --empty           the same without the demo
    ./run manage ARGS...    manage.py ARGS, with PostgreSQL and Valkey only, shared with whatever else is running

BOOTSHELF_HOME (default var/) holds the data, PORT (default 8000) is where the web answers; DATABASE_URL and REDIS_URL
replace the embedded servers.
"""

import contextlib
import fcntl
import http.client
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

from config.embedded import EmbeddedError, Server, locked
from config.env import KEYLESS_COMMANDS
from config.home import ROOT, environment, make_home, running, servers
from config.processes import STOP_SECONDS, Processes, last_lines
from config.web import web_words

HOST = "127.0.0.1"
START_SECONDS = 60.0
# These say themselves what becomes of the database.
UNMIGRATED = {"migrate", "showmigrations", "sqlmigrate", "squashmigrations", "optimizemigration"}


class Stopped(BaseException):
    """A signal asked for the end."""


class Failed(Exception):
    """What stands in the way, in words for the terminal."""


def say(text: str) -> None:
    print(text, flush=True)


def port_number() -> int:
    given = os.environ.get("PORT", "") or "8000"
    if not given.isascii() or not given.isdigit() or int(given) > 65535:
        raise Failed(f"PORT={given!r} is not a port number.")
    return int(given)


def free_port(wanted: int) -> int:
    """`wanted` if nobody listens there, else another; 0 is any."""
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise Failed(f"No port is free on {HOST}.")


class Run:
    """One `./run`, from start to stop."""

    def __init__(self, home: Path, *, demo: bool) -> None:
        self.home, self.demo = home, demo
        self.servers: dict[str, Server] = {}
        self.environment: dict[str, str] = {}
        self.note = home / "run" / "serve.json"
        self.stopping, self.hurry = 0.0, False

    def on_signal(self, *_: Any) -> None:
        """The first signal stops; one that comes a second later or more kills what is left."""
        if self.stopping:
            self.hurry = time.monotonic() > self.stopping + 1
            return
        self.stopping = time.monotonic()
        raise Stopped

    def serve(self) -> NoReturn:
        """Until a signal (exit 0) or until one process ends (exit 1)."""
        for name in (signal.SIGINT, signal.SIGTERM):  # a background job inherits SIGINT as ignored
            signal.signal(name, self.on_signal)
        if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup keeps it ignored
            signal.signal(signal.SIGHUP, self.on_signal)
        lock = self.only_one()
        processes = Processes(self.home / "log")
        code = 1
        try:
            self.start(processes)
            self.watch(processes)
        except Stopped:
            code = 0
        except (Failed, EmbeddedError) as error:
            print(f"bootshelf: {error}", file=sys.stderr, flush=True)
        finally:
            self.stopping = self.stopping or time.monotonic()
            self.note.unlink(missing_ok=True)
            processes.stop(lambda: self.hurry, last="simulator")  # a sync that is ending still asks it
            for last in [server for server in self.servers.values() if server.release()]:
                last.wait_until_stopped(1.8)
            lock.close()
        if code == 0:
            say("Stopped.")
        sys.exit(code)

    def only_one(self) -> IO[str]:
        """The lock of this home's `./run`. Where the last one was killed, its janitor holds it while it cleans up."""
        deadline = time.monotonic() + STOP_SECONDS + 2
        while (lock := locked(self.home / "run" / "serve.lock", fcntl.LOCK_EX | fcntl.LOCK_NB)) is None:
            up = running(self.home)
            if time.monotonic() > deadline or Path(f"/proc/{up.get('pid', '-')}").exists():
                raise Failed(f"Bootshelf is already running on {self.home}: {up.get('url', 'starting')}.")
            time.sleep(0.1)
        return lock

    def start(self, processes: Processes) -> None:
        self.write_note({"pid": str(os.getpid())})
        wanted = port_number()
        port = free_port(wanted)
        url = f"http://{HOST}:{port}"
        self.environment = os.environ | environment(self.home, url)
        self.servers = servers(self.home)
        simulator = self.start_simulator(processes) if self.demo else ""
        for variable, server in self.servers.items():
            self.environment[variable] = server.acquire()
        demo = self.prepare()
        self.start_web(processes, port)
        self.wait_for_web(processes, port)
        self.start_worker(processes)  # after the web, which someone is waiting for
        self.start_beat(processes)
        self.write_note({"pid": str(os.getpid()), "url": url, "simulator": simulator})
        if wanted not in (0, port):
            say(f"Port {wanted} is taken, so another was chosen.")
        say(f"Bootshelf is ready: {url}/")
        if demo:
            say("\n".join(f"  {line}" for line in demo.splitlines()))
        say(f"  Data: {self.home}   Logs: {self.home / 'log'}   Stop: Ctrl-C")

    def write_note(self, what: dict[str, str]) -> None:
        """For `./run manage` on the same home, and for a second `./run`."""
        self.note.write_text(json.dumps(what), encoding="utf-8")

    def python(self, *words: str) -> list[str]:
        return [sys.executable, *words]

    def start_simulator(self, processes: Processes) -> str:
        """The clouds of the demo team; what AddImage added to them outlives a restart."""
        if given := os.environ.get("SIMULATOR_URL"):
            return given
        port = free_port(0)
        state = str(self.home / "simulated-clouds.json")
        words = self.python("-m", "tests.clouds", "--port", str(port), "--state", state)
        processes.start("simulator", words, self.environment, ROOT)
        self.environment["SIMULATOR_URL"] = url = f"http://{HOST}:{port}"
        return url

    def prepare(self) -> str:
        """Keys, migrations, static files, demo; returns the demo's lines."""
        words = self.python("-m", "config.prepare", *(["--demo"] if self.demo else []))
        log = self.home / "log" / "prepare.log"
        with log.open("wb") as output:
            child = subprocess.Popen(
                words,
                env=self.environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            try:
                assert child.stdout is not None and child.stderr is not None
                relay = threading.Thread(target=_relay, args=(child.stderr, output), daemon=True)
                relay.start()
                told = child.stdout.read().decode()
                relay.join()
            except BaseException:
                child.kill()
                raise
            finally:
                child.wait()
        if child.returncode != 0:
            raise Failed(f"the data could not be prepared. The end of {log}:\n{last_lines(log)}")
        return told.strip()

    def start_web(self, processes: Processes, port: int) -> None:
        words = self.python(*web_words(HOST, port))
        processes.start("web", words, self.environment, ROOT)

    def start_worker(self, processes: Processes) -> None:
        options = ["-P", "threads", "--concurrency", "4", "--without-gossip", "--without-mingle"]
        processes.start("worker", self.celery("worker", *options), self.environment, ROOT)

    def start_beat(self, processes: Processes) -> None:
        """A process of its own: within a worker (-B) it is forked, and what it inherits closes the connections that it
        opens, so that it stands still sooner or later."""
        words = self.celery("beat", "--schedule", str(self.home / "beat-schedule"))
        processes.start("beat", words, self.environment, ROOT)

    def celery(self, role: str, *options: str) -> list[str]:
        level = os.environ.get("LOG_LEVEL") or "INFO"
        return self.python("-m", "celery", "-A", "config", role, *options, "--loglevel", level)

    def wait_for_web(self, processes: Processes, port: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            self.check(processes)
            with contextlib.suppress(OSError, http.client.HTTPException):
                client = http.client.HTTPConnection(HOST, port, timeout=10)
                client.request("GET", "/")
                client.getresponse()
                return
            time.sleep(0.05)
        raise Failed(f"the web did not answer within {START_SECONDS:.0f} s. See {processes.log('web')}.")

    def check(self, processes: Processes) -> None:
        if over := processes.ended():
            raise Failed(over)
        for server in self.servers.values():
            if server.is_lost():
                raise Failed(f"{server.name} has ended. The end of {server.log}:\n{last_lines(server.log)}")

    def watch(self, processes: Processes) -> NoReturn:
        while True:
            self.check(processes)
            time.sleep(0.2)


def _relay(source: Any, log: Any) -> None:
    """Copy the preparation's words to the terminal and its log."""
    for line in source:
        log.write(line)
        log.flush()
        sys.stderr.buffer.write(line)
        sys.stderr.flush()


def manage(home: Path, start: Path, arguments: Sequence[str]) -> None:
    """manage.py in this very process, so that its input, exit code and environment are the caller's own. The kernel
    lets go of the shared servers when it ends, however that is."""
    words = list(arguments) or ["help"]
    sys.argv = [str(ROOT / "manage.py"), *words]
    sys.path.insert(0, str(ROOT))
    up = running(home)
    found = environment(home, up.get("url") or f"http://{HOST}:{port_number()}")
    if up.get("simulator") and not os.environ.get("SIMULATOR_URL"):
        os.environ["SIMULATOR_URL"] = up["simulator"]
    used = servers(home)
    if words[0].strip("-") in KEYLESS_COMMANDS | {"h"} or {"-h", "--help"} & set(words):
        os.environ.update({name: value for name, value in found.items() if not name.endswith("_FILE")})
    else:
        from config.prepare import prepare

        os.environ.update(found)
        os.environ.update({variable: server.acquire() for variable, server in used.items()})
        with contextlib.redirect_stdout(sys.stderr):
            prepare(home, sys.stderr, migrate=words[0] not in UNMIGRATED)
    os.chdir(start)
    runpy.run_path(str(ROOT / "manage.py"), run_name="__main__")


def main() -> None:
    arguments = sys.argv[1:]
    start = Path.cwd()
    if arguments[:1] == ["--from"]:
        start, arguments = Path(arguments[1]), arguments[2:]
    try:
        if arguments[:1] == ["manage"]:
            manage(make_home(start), start, arguments[1:])
        elif {"-h", "--help"} & set(arguments):
            say((__doc__ or "").strip())
        elif not set(arguments) <= {"--empty"}:
            raise Failed(f"{' '.join(arguments)}: not understood. Write ./run [--empty] or ./run manage ARGS...")
        else:
            Run(make_home(start), demo="--empty" not in arguments).serve()
    except (Failed, EmbeddedError) as error:
        sys.exit(f"bootshelf: {error}")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
