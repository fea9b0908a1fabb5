"""What the locks bring in: a known vulnerability, a licence that binds others and an unhashed line are all found. The
service of advisories is one of the tests' own and speaks OSV's protocol; pip-audit and cyclonedx-py are the real ones.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from json import dumps, loads
from pathlib import Path

import pytest

from config.supply import LOCKS, SHIPPED, SupplyError, by_name, cyclonedx, pins
from config.supply.__main__ import SBOM, STEPS, main
from config.supply.audit import audit, judged
from config.supply.licences import EXCEPTIONS, READ, declared, look

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
HASH = "--hash=sha256:" + "0" * 64
ADVISORY = {
    "id": "PYSEC-2022-1",
    "aliases": ["CVE-2022-1"],
    "affected": [
        {
            "package": {"name": "django", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.2.13"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """OSV's query: knows one advisory, of Django 3.2."""

    status = 200

    def do_POST(self) -> None:
        asked = loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = (asked["package"]["name"], asked["version"]) == ("django", "3.2")
        body = dumps({"vulns": [ADVISORY]} if known else {}).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words: object) -> None: ...


class BrokenAdvisories(Advisories):
    status = 500


@contextmanager
def service(kind: type[Advisories], monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("PIP_AUDIT_OSV_URL", f"http://127.0.0.1:{server.server_port}/v1/query")
        try:
            yield
        finally:
            server.shutdown()


def lock(folder: Path, *lines: str) -> Path:
    path = folder / "requirements.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_it_finds_a_known_vulnerability(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with service(Advisories, monkeypatch):
        assert audit([lock(tmp_path, f"django==3.2 {HASH}", f"six==1.17.0 {HASH}")]) == [
            "django 3.2: PYSEC-2022-1, CVE-2022-1; mended in 3.2.13"
        ]
        assert audit([lock(tmp_path, f"django==4.2 {HASH}")]) == []


def test_the_command_is_red_for_a_known_vulnerability(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("config.supply.__main__.LOCKS", [str(lock(tmp_path, f"django==3.2 {HASH}"))])
    with service(Advisories, monkeypatch):
        assert main(["audit"]) == 1
    assert "1 known vulnerabilities." in capsys.readouterr().out


@pytest.mark.parametrize("answering", [False, True])
def test_where_no_service_answers_it_does_not_say_that_all_is_well(
    answering: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("config.supply.__main__.LOCKS", [str(lock(tmp_path, f"django==3.2 {HASH}"))])
    with service(BrokenAdvisories, monkeypatch):
        if not answering:  # nothing listens on port 1
            monkeypatch.setenv("PIP_AUDIT_OSV_URL", "http://127.0.0.1:1/v1/query")
        assert main(["audit"]) == 3
    assert "Nothing was audited: osv cannot be reached." in capsys.readouterr().out


def test_a_package_that_was_left_out_is_not_one_without_a_vulnerability() -> None:
    left_out = {"name": "uv", "skip_reason": "Dependency not found on PyPI and could not be audited: uv (0.13.8)"}
    assert judged({"dependencies": [left_out, {"name": "six", "version": "1.17.0", "vulns": []}]}) == ([], ["uv"])


def test_it_refuses_a_lock_with_a_line_that_has_no_hash(tmp_path: Path) -> None:
    with pytest.raises(SupplyError, match="hash"):
        audit([lock(tmp_path, f"django==4.2 {HASH}", "six==1.17.0")])


def package(environment: Path, name: str, *metadata: str) -> None:
    """An installed package, as an installer leaves it."""
    [folder] = environment.glob("lib/python*/site-packages")
    there = folder / f"{name}-1.0.dist-info"
    there.mkdir()
    lines = ["Metadata-Version: 2.4", f"Name: {name}", "Version: 1.0", *metadata]
    (there / "METADATA").write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    ("metadata", "is_fine"),
    [
        ("License-Expression: MIT", True),
        ("License-Expression: GPL-3.0-only OR MIT", True),
        ("License-Expression: GPL-3.0-only", False),
        ("License-Expression: MIT AND AGPL-3.0-or-later", False),
        ("License-Expression: Apache-2.0 WITH LLVM-exception", False),
        ("Classifier: License :: OSI Approved :: BSD License", True),
        ("Classifier: License :: OSI Approved :: GNU General Public License v3 (GPLv3)", False),
        ("License: do what you like", False),
        ("Summary: no word of a licence", False),
    ],
)
def test_a_licence_that_binds_others_is_a_problem(metadata: str, is_fine: bool, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    package(tmp_path / "venv", "borrowed", metadata)
    here = by_name(cyclonedx("environment", str(tmp_path / "venv")))
    assert bool(look("borrowed", "1.0", declared(here["borrowed"])).problem) is not is_fine


def test_an_exception_is_for_the_licence_it_was_made_for() -> None:
    assert not look("psycopg", "3.3.9", ["LGPL-3.0-only"]).problem
    assert look("psycopg", "4.0", ["AGPL-3.0-only"]).problem
    assert look("another", "1.0", ["LGPL-3.0-only"]).problem


def test_every_exception_is_of_a_package_that_is_locked() -> None:
    locked = {name for file in LOCKS for name in pins(ROOT / file)}
    assert set(EXCEPTIONS) | set(READ) <= locked


def test_the_bill_names_all_that_production_installs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("config.supply.__main__.ROOT", tmp_path)
    monkeypatch.setattr("config.supply.__main__.LOCKS", [str(ROOT / file) for file in LOCKS])
    monkeypatch.setattr("config.supply.__main__.SHIPPED", str(ROOT / SHIPPED))
    assert main(["licences", "sbom"]) == 0, capsys.readouterr()
    document = loads((tmp_path / SBOM).read_text(encoding="utf-8"))
    components = by_name(document)
    assert {name: component["version"] for name, component in components.items()} == pins(ROOT / SHIPPED)
    for name, component in components.items():
        assert component["licenses"], name
        assert any("hashes" in reference for reference in component["externalReferences"]), name
    edges = {edge["ref"]: edge["dependsOn"] for edge in document["dependencies"]}
    assert components["celery"]["bom-ref"] in edges[document["metadata"]["component"]["bom-ref"]]
    assert components["kombu"]["bom-ref"] in edges[components["celery"]["bom-ref"]]


def test_an_unknown_word_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["sbon"]) == 2
    assert ", ".join(STEPS) in capsys.readouterr().err


@pytest.mark.parametrize(("supply", "ends", "then"), [(0, 0, True), (3, 0, True), (1, 1, False)])
def test_ci_is_red_for_what_is_wrong_and_not_for_being_offline(
    supply: int, ends: int, then: bool, tmp_path: Path
) -> None:
    for path, text in {
        ".ci/run": (ROOT / ".ci" / "run").read_text(encoding="utf-8"),
        "check": f'#!/bin/sh\necho "$@" >> asked\n[ "$1" = --all ] || exit {supply}\n',
        "bin/dpkg": "#!/bin/sh\n",  # all that the browser's tests need is there
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
        (tmp_path / path).chmod(0o755)
    environment = os.environ | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    assert subprocess.run([tmp_path / ".ci" / "run"], env=environment).returncode == ends
    assert (tmp_path / "asked").read_text().split() == ["--supply", "--all"] if then else ["--supply"]
