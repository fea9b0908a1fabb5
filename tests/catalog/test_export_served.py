"""Exports over HTTP, served as in production: who goes away, what breaks off, how much memory."""

import socket
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.models import User
from catalog import export, fields
from catalog.browse import parse
from catalog.columns import DEFAULT
from catalog.models import Source
from config.web import web_words
from tests.catalog.shelf import put
from tests.commands import seconds_until
from tests.processes import ROOT, process_environment

HOST, N = "127.0.0.1", 40_000


def fill(source: Source, n: int) -> None:
    """Copies of one image, quicker than one by one."""
    image = put(source, f"image-of-{n}", description="d" * 100)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(column_name, ', ') FROM information_schema.columns"
            " WHERE table_name = 'catalog_image' AND is_generated = 'NEVER'"
            " AND column_name NOT IN ('id', 'key', 'name', 'name_key')"
        )
        columns = cursor.fetchone()[0]
        cursor.execute(
            f"INSERT INTO catalog_image (id, key, name, name_key, {columns})"
            f" SELECT gen_random_uuid(), %s || '/' || n, 'image-' || n, 'image-' || n, {columns}"
            " FROM catalog_image, generate_series(1, %s) AS n WHERE id = %s",
            [n, n - 1, image.id],
        )


@dataclass
class Web:
    port: int
    cookie: str

    def ask(self, form: str, *, slowly: bool = False) -> tuple[HTTPConnection, HTTPResponse]:
        """The begin of an answer. Read `slowly`, little of it fits between the server and this client."""
        client = HTTPConnection(HOST, self.port, timeout=60)
        if slowly:
            client.sock = socket.socket()
            client.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sock.settimeout(60)
            client.sock.connect((HOST, self.port))
        client.request("GET", f"/t/aero/images/export.{form}", headers={"Cookie": self.cookie})
        return client, client.getresponse()

    def whole(self) -> int:
        """How many lines a CSV has; 0 where there is no place for it yet."""
        client, answer = self.ask("csv")
        found = answer.read()
        client.close()
        assert b"INCOMPLETE" not in found
        return found.count(b"\r\n") if answer.status == 200 else 0

    def status(self, form: str) -> int:
        client, answer = self.ask(form)
        client.close()
        return answer.status


@pytest.fixture
def web(make_source: Callable[..., Source], bob: User, tmp_path: Path) -> Iterator[Web]:
    """One process with production's threads, and a viewer who is signed in."""
    fill(make_source("alibaba_ehpc_custom"), N)
    client = Client()
    client.force_login(bob)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment = process_environment(PUBLIC_URL=f"http://{HOST}:{port}", DEBUG="true", LOG_LEVEL="ERROR")
    with (tmp_path / "web.log").open("wb") as log:
        words = [sys.executable, *web_words(HOST, port, workers=1)]
        process = subprocess.Popen(words, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        seconds_until(lambda: _answers(port), 60)
        yield Web(port, f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
    finally:
        process.terminate()
        process.wait(20)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def exporting() -> list[int]:
    """The database's processes that hold an export's moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state <> 'idle' AND query LIKE '%%catalog_image%%'"
        )
        return [pid for (pid,) in cursor.fetchall()]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_who_goes_away_ends_the_query_and_gives_the_place_back(web: Web) -> None:
    client, answer = web.ask("csv", slowly=True)
    assert answer.read(14) == b"name,remote_id"
    seconds_until(exporting, 20)
    assert web.status("csv") == 429, "one at a time"
    answer.close()
    client.close()
    seconds_until(lambda: exporting() == [], 20)
    seconds_until(lambda: web.whole() == N + 1, 20)


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_database_that_goes_away_leaves_a_file_that_says_so(web: Web) -> None:
    answer = web.ask("csv", slowly=True)[1]
    found = answer.read(100)
    seconds_until(exporting, 20)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [exporting()])
        assert cursor.rowcount == 1
    found += answer.read()
    assert 5000 < found.count(b"\r\n") < N, "it broke off in the middle"
    assert found.endswith(b"\r\nINCOMPLETE: this export broke off here. Export again.\r\n")
    seconds_until(lambda: web.whole() == N + 1, 20)


@pytest.mark.django_db
def test_memory_does_not_grow_with_the_shelf(
    make_source: Callable[..., Source], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "BATCH", 100)
    source = make_source("alibaba_ehpc_custom")

    def measured() -> tuple[int, int]:
        """How many bytes came, and how many were held at a time."""
        asked, form = parse("", source.team_id, [source]), export.FORMATS["json"]
        tracemalloc.start()
        parts = export.parts(asked, fields.of_columns(DEFAULT), form, page="http://x/", person=uuid4())
        size = sum(map(len, parts))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return size, peak

    fill(source, 1_000)
    measured()  # what is made once
    small, before = measured()
    fill(source, 9_000)
    large, after = measured()
    assert large > 9 * small and after < 1.2 * before
