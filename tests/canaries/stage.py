"""The product as it is served, a web process, a worker and a beat, watched at every place where something may stay."""

import contextlib
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import connection

from accounts.models import AuditEvent
from config.embedded import find_program
from config.web import web_words
from tests.canaries.places import model_rows, watched
from tests.canaries.planted import Garden
from tests.clouds.server import Simulator
from tests.processes import ROOT, process_environment
from tests.waiting import wait_until
from tests.workers import Worker

HOST = "127.0.0.1"
PLACES = ("logs", "Valkey", "database", "audit", "pages", "mails", "exports", "repr", "tracebacks")


@dataclass
class Stage:
    """Started by `served`. `answers` and `exports` are what the web gave, whole; `told` what Valkey was."""

    garden: Garden
    cloud: Simulator
    folder: Path
    logs: Path
    url: str = ""
    worker: Worker | None = None
    answers: list[bytes] = field(default_factory=list)
    exports: list[bytes] = field(default_factory=list)
    told: list[bytes] = field(default_factory=list)

    @property
    def keyset(self) -> Path:
        """The file that every process reads its keyset from, each time it needs it."""
        return self.folder / "keyset.json"

    @property
    def watched(self) -> Path:
        """Where the processes write: reports, mails, their home and their temporary files."""
        return self.folder / "watched"

    def environment(self, **extra: str | None) -> dict[str, str | None]:
        """What every process of the product runs with."""
        return {
            "DJANGO_SETTINGS_MODULE": "tests.canaries.settings",
            "CANARY_PLACE": str(self.watched),
            "BOOTSHELF_KEYSET": None,
            "BOOTSHELF_KEYSET_FILE": str(self.keyset),
            "PROVIDER_ENDPOINTS": json.dumps(self.cloud.endpoints()),
            "PUBLIC_URL": self.url,
            "HOME": str(self.watched),
            "TMPDIR": str(self.watched),
            **extra,
        }

    def manage(self, *words: str, stdin: object = "", **extra: str) -> "subprocess.CompletedProcess[str]":
        """`manage.py WORDS` to its end; what it prints is a log."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=process_environment(**self.environment(**extra)),
            input=stdin if isinstance(stdin, str) else json.dumps(stdin),
            capture_output=True,
            text=True,
            timeout=100,
        )
        with (self.logs / "commands.log").open("a", encoding="utf-8") as file:
            file.write(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
        if "--json" in words or done.stdout.startswith(("{", "[")):
            self.exports.append(done.stdout.encode())
        return done

    def found(self) -> dict[str, set[str]]:
        """By place, the names of what is found there."""
        return {place: self.garden.found_in(parts) for place, parts in self.places().items()}

    def places(self) -> dict[str, Iterator[bytes]]:
        return dict(zip(PLACES, (
            watched(sorted(self.logs.glob("*.log"))),
            iter([*self.told, *dump_of_valkey()]),
            iter([dump_of_database(), *sessions()]),
            (json.dumps(row, default=str).encode() for row in AuditEvent.objects.values()),
            iter(self.answers),
            watched([self.watched / "mails"]),
            iter(self.exports),
            model_rows(),
            watched([self.watched / "reports"]),
        ), strict=True))  # fmt: skip


@contextlib.contextmanager
def served(stage: Stage, start_process: Callable[..., Worker]) -> Iterator[Stage]:
    """All of it, until the block ends."""
    for name in ("reports", "mails"):
        (stage.watched / name).mkdir(parents=True)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    stage.url = f"http://{HOST}:{port}"
    with contextlib.ExitStack() as stack:
        stack.enter_context(listening(stage.told))
        stack.enter_context(web(stage, port))
        stage.worker = start_process(WORKER, " ready.", **stage.environment())
        start_process(f"beat --schedule {stage.folder / 'schedule'}", "beat: Starting...", **stage.environment())
        wait_until(lambda: socket.socket().connect_ex((HOST, port)) == 0)
        yield stage


WORKER = "worker --pool threads --concurrency 4 --without-gossip --without-mingle"


@contextlib.contextmanager
def web(stage: Stage, port: int) -> Iterator[None]:
    with (stage.logs / "web.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, *web_words(HOST, port, workers=1)],
            cwd=ROOT,
            env=process_environment(**stage.environment()),
            stdout=log,
            stderr=log,
        )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def listening(told: list[bytes]) -> Iterator[None]:
    """Every command Valkey is given, as it tells by MONITOR: a message is gone from a queue as soon as it is taken."""
    broker = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=None)
    ear = broker.connection_pool.make_connection()
    ear.send_command("MONITOR")

    def listen() -> None:
        with contextlib.suppress(redis.ConnectionError):
            while b"the hunt is over" not in (line := bytes(ear.read_response())):
                told.append(line)

    thread = threading.Thread(target=listen, daemon=True)
    thread.start()
    try:
        yield
    finally:
        broker.echo("the hunt is over")
        thread.join(10)
        ear.disconnect()


def dump_of_valkey() -> Iterator[bytes]:
    """Every key of every database, as DUMP serialises it, without compression."""
    broker = redis.Redis.from_url(settings.REDIS_URL)
    broker.config_set("rdbcompression", "no")
    for number in range(int(broker.config_get("databases")["databases"])):
        broker.execute_command("SELECT", number)
        for key in broker.scan_iter(count=1000):
            yield key + b" " + (broker.dump(key) or b"")


def dump_of_database() -> bytes:
    """As `pg_dump` writes it: every table with every row, ciphertexts too."""
    words = [find_program("postgres") / "pg_dump", "--dbname", process_environment()["DATABASE_URL"]]
    done = subprocess.run(words, capture_output=True, check=True)
    assert connection.vendor == "postgresql" and b"accounts_sealedsecret" in done.stdout
    return done.stdout


def sessions() -> Iterator[bytes]:
    """What the rows of sessions hold, which is packed there."""
    for session in Session.objects.all():
        yield json.dumps(session.get_decoded(), default=str).encode()


def post_mortem(stage: Stage, found: dict[str, set[str]]) -> str:
    """Where what should not be there is, with what stands around it: for whoever has to mend it."""
    lines: list[Any] = []
    for place, parts in stage.places().items():
        if bad := found[place] - {stage.garden.control.name}:
            whole = b"\n".join(parts)
            lines += [f"{place}: {name}: …{around}…" for name, around in stage.garden.around(whole, bad)][:6]
    return "\n".join(map(str, lines[:60]))
