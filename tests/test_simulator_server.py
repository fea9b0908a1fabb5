"""The simulator as a server and as a command: loopback only, several clients, large answers, prompt stops."""

import hashlib
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.clouds import sdks
from tests.clouds.credentials import ALIBABA
from tests.clouds.remote import Remote
from tests.clouds.server import Simulator
from tests.test_simulator_listings import EHPC_2018

ROOT = Path(__file__).resolve().parent.parent


def address(cloud: Remote) -> tuple[str, int]:
    host, _, port = cloud.url.removeprefix("http://").partition(":")
    return host, int(port)


@contextmanager
def command(*arguments: str) -> Iterator["subprocess.Popen[str]"]:
    words = [sys.executable, "-m", "tests.clouds", *arguments]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def signed_request(cloud: Remote, action: str) -> bytes:
    """A GET of an E-HPC 2018-04-12 operation as bytes, signed by the SDK's signer."""
    from alibabacloud_tea_openapi.utils import Utils

    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": cloud.url.removeprefix("http://"),
        "x-acs-action": action,
        "x-acs-version": EHPC_2018,
        "x-acs-date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "x-acs-signature-nonce": uuid.uuid4().hex,
        "x-acs-content-sha256": empty,
    }
    asked = SimpleNamespace(method="GET", pathname="/", query={}, headers=headers)
    signature = Utils.get_authorization(asked, "ACS3-HMAC-SHA256", empty, ALIBABA.key, ALIBABA.secret)
    lines = [f"{name}: {value}" for name, value in (headers | {"Authorization": signature}).items()]
    return "\r\n".join(["GET / HTTP/1.1", *lines, "", ""]).encode()


def test_it_listens_on_loopback_only(cloud: Simulator) -> None:
    host, port = address(cloud)
    assert host == "127.0.0.1"
    with socket.create_server(("127.0.0.2", port)):
        pass  # Still free: the server did not bind every address.


def test_control_is_refused_under_a_foreign_name(cloud: Simulator) -> None:
    connection = http.client.HTTPConnection(*address(cloud))
    connection.request("GET", "/_control/requests", headers={"Host": "evil.example:80"})
    assert connection.getresponse().status == 403
    connection.close()


def test_health_tells_what_is_served(cloud: Simulator) -> None:
    health = cloud.health()
    assert (health["status"], health["images"], health["seed"]) == ("ok", 120, 1)


@pytest.mark.parametrize(("method", "path"), [("GET", "nothing"), ("POST", "health")])
def test_an_unknown_control_is_refused(cloud: Simulator, method: str, path: str) -> None:
    with pytest.raises(RuntimeError, match="no such control"):
        cloud.call(method, path)


def test_a_connection_is_kept_and_requests_may_arrive_in_pieces(cloud: Simulator) -> None:
    with socket.create_connection(address(cloud)) as client:
        head = b"GET /_control/health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
        for piece in (head[:10], head[10:] + head + head[:-1], head[-1:]):
            client.sendall(piece)
        seen = b""
        client.settimeout(5)
        while seen.count(b'"status":"ok"') < 3:
            seen += client.recv(65536)
        assert seen.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", b"400"),
        (b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", b"413"),
        (b"GET /" + b"x" * 1_100_000, b"414"),
    ],
)
def test_what_is_not_http_is_refused(cloud: Simulator, sent: bytes, status: bytes) -> None:
    with socket.create_connection(address(cloud)) as client:
        client.sendall(sent)
        assert client.recv(100).startswith(b"HTTP/1.1 " + status)


def test_a_path_of_no_cloud_is_not_found(cloud: Simulator) -> None:
    connection = http.client.HTTPConnection(*address(cloud))
    connection.request("GET", "/favicon.ico")
    response = connection.getresponse()
    assert response.status == 401 and json.loads(response.read())["error_code"] == "APIGW.0301"
    connection.request("GET", "/")
    response = connection.getresponse()
    assert response.status == 404 and json.loads(response.read())["Code"] == "InvalidAction.NotFound"
    connection.close()


def test_many_clients_are_served_at_once(cloud: Simulator) -> None:
    sizes: list[int] = []

    def read() -> None:
        for _ in range(5):
            sizes.append(len(sdks.rpc(cloud, EHPC_2018, "ListCustomImages")["Images"]["ImageInfo"]))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sizes == [120] * 40


def test_a_large_listing_without_pages_is_streamed_whole() -> None:
    with Simulator(images=20_000) as cloud:
        images = sdks.rpc(cloud, EHPC_2018, "ListCustomImages")["Images"]["ImageInfo"]
    assert len({image["ImageId"] for image in images}) == 20_000


def test_a_client_that_leaves_in_the_middle_harms_nobody() -> None:
    with Simulator(images=50_000) as cloud:
        with socket.create_connection(address(cloud)) as impatient:
            impatient.sendall(signed_request(cloud, "ListCustomImages"))
            assert impatient.recv(1000).startswith(b"HTTP/1.1 200 OK")
        assert cloud.health()["status"] == "ok"
        assert sdks.rpc(cloud, EHPC_2018, "ListClusters")["TotalCount"] == 3


def test_it_stops_at_once_with_clients_connected_and_answers_pending() -> None:
    cloud = Simulator(images=10).start()
    cloud.fail(operation="ListClusters", delay=60)
    connection = socket.create_connection(address(cloud))
    connection.sendall(signed_request(cloud, "ListClusters"))
    while not cloud.requests("ListClusters"):
        pass
    started = time.monotonic()
    cloud.stop()
    assert time.monotonic() - started < 2
    connection.close()


def test_a_taken_port_is_an_error(cloud: Simulator) -> None:
    with pytest.raises(OSError, match="address already in use"):
        Simulator(port=address(cloud)[1]).start()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_its_url_and_stops_on_a_signal(number: signal.Signals) -> None:
    with command("--images", "30", "--seed", "5") as process:
        cloud = Remote(first_line(process))
        assert (cloud.health()["images"], cloud.health()["seed"]) == (30, 5)
        started = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - started < 1


def test_the_command_speaks_json() -> None:
    with command("--json") as process:
        document: dict[str, Any] = json.loads(first_line(process))
        assert Remote(document["url"]).health()["images"] == 400


@pytest.mark.parametrize(
    ("content", "says"), [("{}", "is not a state file"), ("nonsense", "is not a state file"), (None, "directory")]
)
def test_the_command_refuses_a_bad_state_file_in_one_line(tmp_path: Path, content: str | None, says: str) -> None:
    state = tmp_path / "state"
    state.mkdir() if content is None else state.write_text(content)
    with command("--state", str(state)) as process:
        _, complaint = process.communicate(timeout=20)
        assert process.returncode == 1
        assert complaint.count("\n") == 1 and says in complaint


def test_the_command_refuses_a_taken_port_in_one_line(cloud: Simulator) -> None:
    with command("--port", str(address(cloud)[1])) as process:
        _, complaint = process.communicate(timeout=20)
        assert (process.returncode, complaint.count("\n")) == (1, 1)


def test_the_simulator_imports_no_sdk_and_no_django() -> None:
    script = (
        "import sys, tests.clouds.server, tests.clouds.command; "
        "print([m for m in sys.modules if m.split('.')[0] in ('django', 'Tea', 'darabonba', 'huaweicloudsdkcore')])"
    )
    found = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
