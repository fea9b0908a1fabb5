"""`./run`: it serves, stops whole, and leaves nothing behind however it ends."""

import http.client
import json
import os
import re
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.commands import Running, manage, processes_of, seconds_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

Start = Callable[..., Running]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    started: list[Running] = []

    def start_it(*words: str, in_background: bool = False, **extra: str) -> Running:
        started.append(Running(home, *filter(None, words or ("--empty",)), in_background=in_background, **extra))
        return started[-1]

    yield start_it
    for one in started:
        one.end()


def status_of(url: str, path: str = "/") -> int:
    client = http.client.HTTPConnection(urlsplit(url).netloc, timeout=20)
    client.request("GET", path)
    return client.getresponse().status


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("in_background", [False, True], ids=["foreground", "background"])
def test_it_serves_and_then_stops_within_five_seconds(start: Start, how: signal.Signals, in_background: bool) -> None:
    run = start(in_background=in_background)
    assert status_of(run.wait_until_ready()) < 500
    seconds_until(lambda: any(" worker " in line for line in processes_of(run.home).values()), 10)
    assert run.stop(how) < 5
    assert run.process.returncode == 0
    assert "Stopped." in run.said


def test_a_signal_in_the_middle_of_the_start_stops_it(start: Start) -> None:
    run = start(in_background=True)
    seconds_until(lambda: any("keeper.py" in line for line in processes_of(run.home).values()), 20)
    assert run.stop(signal.SIGINT) < 5


@pytest.mark.parametrize("when", ["starting", "serving"])
def test_kill_9_leaves_no_orphan(start: Start, when: str) -> None:
    run = start()
    if when == "serving":
        run.wait_until_ready()
    seconds_until(lambda: any("keeper.py" in line for line in processes_of(run.home).values()), 20)
    assert run.stop(signal.SIGKILL) < 8


def test_killing_it_and_all_its_keepers_leaves_no_orphan(start: Start) -> None:
    run = start()
    run.wait_until_ready()
    for pid, line in processes_of(run.home).items():
        if "config.serve" in line or "keeper.py" in line:
            os.kill(pid, signal.SIGKILL)
    seconds_until(lambda: not processes_of(run.home), 10)


@pytest.mark.parametrize("victim", ["granian", "celery", " beat ", "bin/postgres", "valkey-server", "keeper.py"])
def test_when_one_process_dies_all_stop_and_it_is_named(start: Start, victim: str) -> None:
    run = start()
    run.wait_until_ready()
    seconds_until(lambda: any(victim in line for line in processes_of(run.home).values()), 10)
    os.kill(min(pid for pid, line in processes_of(run.home).items() if victim in line), signal.SIGKILL)
    seconds_until(lambda: not processes_of(run.home), 10)
    assert run.process.wait(5) == 1
    name = {"granian": "web", "celery": "worker", " beat ": "beat", "valkey-server": "valkey"}.get(victim, "postgres")
    assert re.search(rf"bootshelf: {name} (was killed by signal 9|has ended)", run.said)
    assert "Traceback" not in run.said


def test_a_second_start_finds_the_data_even_after_kill_9(start: Start, home: Path) -> None:
    run = start()
    run.wait_until_ready()
    key = (home / "secret_key").read_text()
    made = manage(
        home, "create_team", "aero", "--name", "Aero", "--admin", "a@example.org", BOOTSHELF_PASSWORD="correct-horse"
    )
    assert made.returncode == 0, made.stderr
    run.stop(signal.SIGKILL)
    again = start()
    again.wait_until_ready()
    found = manage(home, "shell", "-v0", "-c", "from accounts.models import Team; print(Team.objects.get().slug)")
    assert found.stdout == "aero\n"
    assert (home / "secret_key").read_text() == key
    assert "new keyset" in run.said
    assert "new keyset" not in again.said


def test_a_taken_port_is_replaced_by_a_free_one(start: Start) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(PORT=str(port))
        url = run.wait_until_ready()
        assert urlsplit(url).port != port
        assert f"Port {port} is taken" in run.said
        assert status_of(url) < 500


def test_it_runs_once_on_a_home(start: Start) -> None:
    first = start()
    url = first.wait_until_ready()
    second = start()
    assert second.process.wait(20) == 1
    assert f"already running on {first.home}: {url}" in second.said
    assert status_of(url) < 500


def test_a_managed_command_shares_the_running_servers(start: Start, home: Path) -> None:
    run = start()
    run.wait_until_ready()
    before = set(processes_of(home))
    done = manage(home, "shell", "-v0", "-c", "from django.conf import settings; print(settings.REDIS_URL)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == json.loads((home / "run" / "valkey.json").read_text())["url"]
    assert before <= set(processes_of(home))


@pytest.mark.parametrize(
    "wrong", [("PORT", "high"), ("DATABASE_URL", "postgresql://127.0.0.1:1/none"), ("DEBUG", "maybe")]
)
def test_a_wrong_setting_stops_the_start_with_one_clear_line(start: Start, wrong: tuple[str, str]) -> None:
    run = start(**{wrong[0]: wrong[1]})
    assert run.process.wait(40) == 1
    assert "bootshelf: " in run.said
    assert "Traceback" not in run.said
    assert not processes_of(run.home)


def test_the_demo_shows_images_of_all_six_listings_and_keeps_them(start: Start, home: Path) -> None:
    run = start("")
    run.wait_until_ready()
    assert re.search(r"Sign in as \S+@\S+ with the password \S+", run.said)
    seconds_until(lambda: len({image["kind"] for image in demo_images(home)}) == 6, 40)
    done = manage(home, "sync", "demo", "--json")  # finds the simulator that is running
    assert done.returncode == 0, done.stderr
    before = {image["id"] for image in demo_images(home)}
    assert run.stop(signal.SIGTERM) < 5
    again = start("")
    again.wait_until_ready()
    assert {image["id"] for image in demo_images(home)} == before


def demo_images(home: Path) -> list[dict[str, str]]:
    done = manage(home, "images", "demo", "--json")
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_what_it_does_not_understand_is_said(start: Start) -> None:
    run = start("--emtpy")
    assert run.process.wait(20) == 1
    assert "--emtpy: not understood" in run.said
