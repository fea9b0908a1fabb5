"""The image's door (config/container.py), and that what operators are shown is what the settings read."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands import ROOT, environment, manage, seconds_until
from tests.services import FOR_TESTS

DOCUMENTED = (ROOT / ".env.example").read_text(encoding="utf-8")


def container(*words: str) -> list[str]:
    return [sys.executable, "-m", "config.container", *words]


def settings_read() -> set[str]:
    """The environment variables that the product's own code reads through config/env.py."""
    found: set[str] = set()
    for part in ("config", "accounts", "catalog"):
        for path in (ROOT / part).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            found |= set(re.findall(r"env\.(?:text|required|boolean|integer|words|endpoints)\(\s*\"([A-Z_]+)\"", text))
    return found


@pytest.mark.parametrize("name", sorted(settings_read()))
def test_every_setting_is_in_the_example(name: str) -> None:
    assert re.search(rf"^#?{name}=", DOCUMENTED, re.MULTILINE)


def test_the_example_sets_nothing_unknown() -> None:
    shown = set(re.findall(r"^#?([A-Z_]+)=", DOCUMENTED, re.MULTILINE))
    by_compose = {"POSTGRES_PASSWORD", "PUBLISH"}
    by_commands = {"BOOTSHELF_HOME", "PORT", "WEB_WORKERS", "WORKER_THREADS"}
    assert {name.removesuffix("_FILE") for name in shown} <= settings_read() | by_compose | by_commands


def test_the_image_copies_what_it_serves() -> None:
    copied = set(re.findall(r"^COPY (\w\S*) ", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE))
    let_in = set(re.findall(r"^!(\S+)", (ROOT / ".dockerignore").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"accounts", "catalog", "config", "locale", "manage.py", "requirements.txt", "static", "templates"} == copied
    assert copied == let_in


def test_an_unknown_role_is_one_line() -> None:
    done = subprocess.run(container("wbe"), cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "bootshelf: wbe: not one of web, worker, beat, manage ARGS...\n"


@pytest.mark.slow
def test_the_web_role_serves_and_tells_its_health(tmp_path: Path) -> None:
    home = tmp_path / "home"
    given = {"DATABASE_URL": os.environ["DATABASE_URL"], "REDIS_URL": os.environ["REDIS_URL"]}
    assert manage(home, "migrate", "--noinput", **given).returncode == 0
    assert manage(home, "collectstatic", "--noinput", STATIC_ROOT=str(home / "static"), **given).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = str(probe.getsockname()[1])
    settings = environment(home, PORT=port, STATIC_ROOT=str(home / "static"), **given, **FOR_TESTS)
    assert subprocess.run(container("health"), cwd=ROOT, env=settings).returncode == 1
    web = subprocess.Popen(container("web"), cwd=ROOT, env=settings)
    try:
        seconds_until(lambda: subprocess.run(container("health"), cwd=ROOT, env=settings).returncode == 0, 40)
    finally:
        web.terminate()
        assert web.wait(10) == 0


@pytest.mark.slow
def test_a_role_does_not_start_without_its_keyset(tmp_path: Path) -> None:
    settings = environment(tmp_path, **{name: os.environ[name] for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")})
    done = subprocess.run(container("worker"), cwd=ROOT, env=settings, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "BOOTSHELF_KEYSET is not set" in done.stderr
    assert "Traceback" not in done.stderr
