"""The product served as in production, and one person's browser as a keep-alive client that measures it."""

import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

HOST = "127.0.0.1"
START_SECONDS = 60.0


class CannotMeasure(Exception):
    """Why there is nothing to measure, in one line."""


@contextmanager
def serve(home: Path, database_url: str) -> Iterator["Browser"]:
    """The web with the flags of ./run and the container, DEBUG off, on a port of its own; a browser not signed in."""
    from config.home import ROOT
    from config.keeper import under
    from config.prepare import collect_static
    from config.web import web_words

    collect_static(home)
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "DATABASE_URL": database_url,
        "DJANGO_SETTINGS_MODULE": "benchmarks.settings",
        "PUBLIC_URL": f"http://{HOST}:{port}",
    }
    log = home / "log" / "web.log"
    with log.open("wb") as output:
        web = subprocess.Popen(
            [*under("TERM"), sys.executable, *web_words(HOST, port)],
            cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    browser = Browser(port, web.pid)
    try:
        _wait(browser, web, log)
        yield browser
    finally:
        browser.close()
        web.terminate()
        try:
            web.wait(10)
        except subprocess.TimeoutExpired:
            web.kill()


def _wait(browser: "Browser", web: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and web.poll() is None:
        with suppress(OSError, http.client.HTTPException):
            browser.get("/account/login/")
            return
        browser.close()
        time.sleep(0.1)
    raise CannotMeasure(f"the web does not answer: {log.read_text(errors='replace')[-2000:]}")


@dataclass(frozen=True, slots=True)
class Answer:
    """`seconds` from the first byte sent to the last received; `queries` as the server counted them."""

    body: bytes
    seconds: float
    queries: int


@dataclass(slots=True)
class Browser:
    port: int
    pid: int
    cookies: dict[str, str] = field(default_factory=dict)
    _connection: http.client.HTTPConnection | None = None

    def get(self, path: str, *, status: int = 200) -> Answer:
        return self._ask("GET", path, status)

    def post(self, path: str, form: dict[str, str], *, status: int = 302) -> Answer:
        """A form of a page that was signed in for."""
        return self._ask("POST", path, status, urlencode({"csrfmiddlewaretoken": self.cookies["csrf"], **form}))

    def sign_in(self, email: str, password: str) -> None:
        """Through the form, as a person does."""
        page = self.get("/account/login/").body.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
        assert token
        form = {"csrfmiddlewaretoken": token[1], "login": email, "password": password}
        self._ask("POST", "/account/login/", 302, urlencode(form))

    def stream(self, path: str) -> tuple[float, int, int]:
        """(seconds, bytes, lines) of an answer of any length, of which nothing is kept."""
        connection, started, size, lines = self._send("GET", path, None), time.perf_counter(), 0, 0
        answer = connection.getresponse()
        if answer.status != 200:
            raise CannotMeasure(f"GET {path}: {answer.status} {answer.read(300)!r}")
        while block := answer.read(1 << 16):
            size, lines = size + len(block), lines + block.count(b"\n")
        return time.perf_counter() - started, size, lines

    def close(self) -> None:
        if self._connection:
            self._connection.close()
        self._connection = None

    def _send(self, method: str, path: str, body: str | None) -> http.client.HTTPConnection:
        connection = self._connection = self._connection or http.client.HTTPConnection(HOST, self.port, timeout=300)
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        return connection

    def _ask(self, method: str, path: str, status: int, body: str | None = None) -> Answer:
        started = time.perf_counter()
        answer = self._send(method, path, body).getresponse()
        content = answer.read()
        seconds = time.perf_counter() - started
        if answer.status != status:
            raise CannotMeasure(f"{method} {path}: {answer.status}, not {status}: {content[:300]!r}")
        for header in answer.headers.get_all("Set-Cookie", []):
            self.cookies |= {name: morsel.value for name, morsel in SimpleCookie(header).items()}
        return Answer(content, seconds, int(answer.headers.get("X-Queries", "0")))

    # The processes that answer

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children]

    def forget_peak(self) -> None:
        """Start the workers' peak memory anew (man 5 proc, clear_refs)."""
        for pid in self.workers():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def peak_mb(self) -> int:
        """The most memory one of the workers has had."""
        found = [re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in self.workers()]
        return max(int(match[1]) for match in found if match) // 1024


def percentile(values: list[float], share: float) -> float:
    """`values` in any order; 0.5 is the median."""
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]
