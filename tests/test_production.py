"""As production serves it: the container's web role behind a proxy that speaks HTTPS, seen from outside."""

import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.commands import ROOT, environment, manage
from tests.services import FOR_TESTS

HOST = "images.example.org"
PRODUCTION = FOR_TESTS | {"PUBLIC_URL": f"https://{HOST}", "BEHIND_PROXY": "true", "EMAIL_HOST": "mail.example.org"}
SERVERS = {"DATABASE_URL", "REDIS_URL"}
MIB = 1024 * 1024


class Answer(NamedTuple):
    status: int
    headers: http.client.HTTPMessage
    text: str


class Site:
    def __init__(self, port: int) -> None:
        self.port = port

    def ask(self, path: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Answer:
        """Over a connection of its own. `headers` are told with "_" for "-"."""
        told = {"Host": HOST, "X-Forwarded-Proto": "https"}
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            client.putrequest(method, path, skip_host=True)
            for name, value in told.items():
                client.putheader(name, value)
            if body is not None and "Content-Length" not in told:
                client.putheader("Content-Length", str(len(body)))
            client.endheaders(body)
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode(errors="replace"))
        finally:
            client.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("production")
    given = {name: os.environ[name] for name in SERVERS} | PRODUCTION | {"STATIC_ROOT": str(home / "static")}
    for words in (["migrate", "--noinput"], ["collectstatic", "--noinput"]):
        done = manage(home, *words, **given)
        assert done.returncode == 0, done.stderr
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "config.container", "web"]
    web = subprocess.Popen(words, cwd=ROOT, env=environment(home, PORT=str(port), WEB_WORKERS="1", **given))
    try:
        _wait(port, web)
        yield Site(port)
    finally:
        web.terminate()
        web.wait(10)


def _wait(port: int, web: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + 40
    while time.monotonic() < until:
        assert web.poll() is None, "the web has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the web does not answer")


def test_djangos_own_check_finds_nothing_to_deploy_otherwise(tmp_path: Path) -> None:
    given = {name: os.environ[name] for name in SERVERS} | PRODUCTION
    given["DJANGO_ALLOW_ASYNC_UNSAFE"] = ""  # what tests in a browser set is none of it
    done = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **given)
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


PATHS = {"/account/login/": 200, "/account/password/reset/": 200, "/nothing/": 404, "/t/aero/images/": 302, "/%00": 404}


@pytest.mark.parametrize("path", PATHS)
def test_every_page_says_how_it_is_to_be_treated(site: Site, path: str) -> None:
    status, headers, text = site.ask(path)
    assert status == PATHS[path]
    _is_walled(headers)
    assert headers["Cache-Control"] == "no-store" or "no-store" in headers["Cache-Control"]
    assert "Traceback" not in text and "django" not in text.lower().replace("django_htmx", "")


def _is_walled(headers: http.client.HTTPMessage) -> None:
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy and "form-action 'self'" in policy
    assert not re.search(r"unsafe|nonce|http:|https:|\*", policy)
    assert headers["Strict-Transport-Security"] == f"max-age={365 * 24 * 3600}"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"


def test_static_files_are_everybodys_and_kept_for_ever(site: Site) -> None:
    (sheet,) = re.findall(r'href="(/static/css/[^"]+)"', site.ask("/account/login/").text)
    status, headers, _ = site.ask(sheet)
    assert status == 200 and "public" in headers["Cache-Control"] and "immutable" in headers["Cache-Control"]
    _is_walled(headers)


def a_form(site: Site) -> tuple[str, str, dict[str, str]]:
    """(cookie as it was set, token, headers) of whoever has a page of ours open."""
    page = site.ask("/account/login/")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
    (cookie,) = page.headers.get_all("Set-Cookie", [])
    assert token
    told = {
        "Cookie": cookie.partition(";")[0],
        "Content_Type": "application/x-www-form-urlencoded",
        "Origin": f"https://{HOST}",
    }
    return cookie, token[1], told


def test_every_cookie_is_this_hosts_alone(site: Site) -> None:
    csrf, token, told = a_form(site)
    form = f"csrfmiddlewaretoken={token}&theme=dark&language=zh-hans&next=/".encode()
    cookies = [csrf]
    for path in ("/theme/", "/language/"):
        answer = site.ask(path, "POST", form, **told)
        assert answer.status == 302, answer.text
        cookies += answer.headers.get_all("Set-Cookie", [])
    assert {cookie.partition("=")[0] for cookie in cookies} >= {"__Host-csrf", "__Host-theme", "__Host-language"}
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in cookie.split(";")}, cookie
        assert "domain=" not in cookie.lower() and cookie.startswith("__Host-")
    refused = site.ask("/theme/", "POST", form, **told | {"Origin": "https://evil.example"})
    assert refused.status == 403 and "no longer valid" in refused.text


def test_plain_http_is_led_to_https_but_for_probes(site: Site) -> None:
    answer = site.ask("/account/login/?next=/x", X_Forwarded_Proto="http")
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}/account/login/?next=/x")
    assert site.ask("/health/", X_Forwarded_Proto="http").status == 200


@pytest.mark.parametrize("host", ["evil.example", "images.example.org.evil.example", "a b"])
def test_another_host_is_refused_in_words_that_tell_nothing(site: Site, host: str) -> None:
    answer = site.ask("/account/login/", Host=host)
    assert answer.status == 400 and host not in answer.text and HOST not in answer.text


def test_what_is_too_large_is_refused_before_it_is_read(site: Site) -> None:
    answer = site.ask("/account/login/", "POST", b"login=", Content_Length=str(11 * MIB))
    assert answer.status == 413 and "larger than 10 MB" in answer.text
    _is_walled(answer.headers)
    _cookie, token, told = a_form(site)
    form = f"csrfmiddlewaretoken={token}&login=".encode()
    answer = site.ask("/account/login/", "POST", form + b"x" * (3 * MIB), **told)
    assert answer.status == 413 and "larger than 2 MB" in answer.text
    answer = site.ask("/account/login/", "POST", form + b"&a=1" * 20_000, **told)
    assert answer.status == 400 and "could not be read" in answer.text
    assert site.ask("/health/").text == "ok\n"


def test_a_body_of_no_told_length_is_none(site: Site) -> None:
    with socket.create_connection(("127.0.0.1", site.port), 10) as raw:
        head = f"POST /account/login/ HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-Proto: https\r\n"
        raw.sendall(f"{head}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode())
        raw.sendall(b"1000\r\n" + b"x" * 4096 + b"\r\n0\r\n\r\n")
        assert raw.recv(100).startswith(b"HTTP/1.1 403")  # no token: nothing of it was read
