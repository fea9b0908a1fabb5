"""`./run manage`: a management command on the home's data, as if the servers had always been there."""

import os
import shutil
import stat
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.commands import ROOT, environment, manage, processes_of, run_command, seconds_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

HOLD = "import sys; from django.conf import settings as s; print(s.REDIS_URL, flush=True); sys.stdin.read(); {then}"
QUERY = "from accounts.models import Team; print(Team.objects.count())"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def shell(code: str) -> tuple[str, ...]:
    return ("shell", "-v0", "-c", code)


def hold(home: Path) -> subprocess.Popen[str]:
    """A command that prints the address of its Valkey, waits for the end of its input, and then asks the database."""
    return subprocess.Popen(
        run_command("manage", *shell(HOLD.format(then=QUERY))),
        cwd=ROOT,
        env=environment(home),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_makes_all_that_is_needed_and_stdout_is_the_commands_own(home: Path) -> None:
    done = manage(home, *shell(QUERY))
    assert done.stdout == "0\n"
    assert "Back it up" in done.stderr
    for secret in ("keyset.json", "secret_key"):
        assert stat.S_IMODE((home / secret).stat().st_mode) == 0o600
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    seconds_until(lambda: not processes_of(home), 5)
    again = manage(home, *shell(QUERY))
    assert (again.stdout, again.stderr) == ("0\n", "")


def test_input_exit_code_and_environment_pass_through(home: Path) -> None:
    code = "import os, sys; print(sys.stdin.read().upper() + os.environ['SOME_VALUE']); sys.exit(7)"
    done = manage(home, *shell(code), stdin="from far ", SOME_VALUE="away")
    assert done.stdout == "FROM FAR away\n"
    assert done.returncode == 7


def test_a_relative_file_is_the_callers(home: Path, tmp_path: Path) -> None:
    (tmp_path / "here.txt").write_text("found")
    done = subprocess.run(
        run_command("--from", str(tmp_path), "manage", *shell("print(open('here.txt').read())")),
        cwd=ROOT,
        env=environment(home),
        capture_output=True,
        text=True,
    )
    assert done.stdout == "found\n"


def test_calls_at_the_same_time_share_the_servers_and_the_last_one_stops_them(home: Path) -> None:
    calls = [hold(home) for _ in range(3)]
    try:
        addresses = {call.stdout.readline() for call in calls if call.stdout}
        assert len(addresses) == 1, "each had servers of its own"
        for call in calls:  # each asks the database after the ones before it, its starter perhaps among them, have gone
            told, errors = call.communicate("", timeout=30)
            assert told == "0\n", errors
        seconds_until(lambda: not processes_of(home), 5)
    finally:
        for call in calls:
            call.kill()
            call.wait()


def test_a_killed_call_leaves_no_server(home: Path) -> None:
    call = hold(home)
    assert call.stdout is not None
    call.stdout.readline()
    call.kill()
    call.wait()
    seconds_until(lambda: not processes_of(home), 5)


def test_a_call_right_after_another_gets_a_server(home: Path) -> None:
    for _ in range(4):  # the one before may still be stopping its servers
        assert manage(home, *shell(QUERY)).stdout == "0\n"


def test_a_stale_pid_file_with_a_living_pid_does_not_stop_the_start(home: Path) -> None:
    manage(home, *shell(QUERY))
    seconds_until(lambda: not processes_of(home), 5)
    pid_file = home / "postgres" / "postmaster.pid"
    pid_file.write_text(f"{os.getpid()}\n{home}/postgres\n1\n5432\n/tmp\n\n\nready   \n")
    assert manage(home, *shell(QUERY)).stdout == "0\n"


def test_an_interrupted_first_start_is_done_anew(home: Path) -> None:
    call = hold(home)
    seconds_until(lambda: (home / "postgres.new").exists() or (home / "postgres").exists(), 20)
    for pid in processes_of(home):
        with suppress(ProcessLookupError):  # initdb's helpers come and go
            os.kill(pid, 9)
    call.wait()
    seconds_until(lambda: not processes_of(home), 5)
    assert manage(home, *shell(QUERY)).stdout == "0\n"


@pytest.mark.parametrize("words", [("help",), ("collectstatic", "--help"), ("makemigrations", "--check"), ("version",)])
def test_what_needs_no_server_starts_none(home: Path, words: tuple[str, ...]) -> None:
    done = manage(home, *words)
    assert done.returncode == 0, done.stderr
    assert not (home / "postgres").exists()
    assert not (home / "keyset.json").exists()


def test_a_broken_keyset_stops_the_start_with_one_clear_line(home: Path) -> None:
    assert manage(home, *shell(QUERY)).returncode == 0
    (home / "keyset.json").write_text('{"primaryKeyId":1', encoding="utf-8")
    done = subprocess.run(
        run_command(), cwd=ROOT, env=environment(home, PORT="0"), capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr and "ERRORS" not in done.stderr
    assert "bootshelf: BOOTSHELF_KEYSET is not a Tink AEAD keyset in JSON." in done.stderr.splitlines()


def test_a_lost_keyset_is_not_replaced_in_silence(home: Path) -> None:
    seal = (
        "import uuid; from accounts.models import Team; from accounts.secrets import seal; "
        "team = Team.objects.create(slug='a', name='A'); seal(team.id, 'account', uuid.uuid4(), 'credential', 'x')"
    )
    done = manage(home, *shell(seal))
    assert done.returncode == 0, done.stderr
    (home / "keyset.json").rename(home / "elsewhere.json")
    done = manage(home, *shell(QUERY))
    assert done.returncode == 1
    assert done.stderr.startswith(f"bootshelf: {home}/keyset.json is missing, and secrets in the database")
    assert len(done.stderr.splitlines()) == 1
    (home / "elsewhere.json").rename(home / "keyset.json")
    assert manage(home, *shell(QUERY)).stdout == "1\n"


def test_a_given_database_replaces_the_embedded_one(home: Path) -> None:
    given = os.environ["DATABASE_URL"]
    done = manage(home, "migrate", "--plan", DATABASE_URL=given)
    assert done.returncode == 0, done.stderr
    assert not (home / "postgres").exists()
    assert (home / "valkey").exists()


def test_a_database_that_does_not_answer_is_one_line(home: Path) -> None:
    done = manage(home, *shell(QUERY), DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert done.returncode == 1
    assert done.stderr.startswith("bootshelf: the database does not answer")
    assert len(done.stderr.splitlines()) == 1


def test_a_home_that_cannot_be_used_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = manage(tmp_path / "file" / "home", *shell(QUERY))
    assert done.returncode == 1
    assert done.stderr.startswith("bootshelf: BOOTSHELF_HOME")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root, to become somebody else")
def test_an_ordinary_user_starts_the_servers_directly(home: Path) -> None:
    """As nobody; only with the right to read this interpreter, which may lie in root's own directory."""
    home.mkdir()
    os.chown(home, 65534, 65534)
    capability = "-all,+dac_read_search"
    sets = ["--inh-caps", capability, "--ambient-caps", capability, "--bounding-set", capability]
    become = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", *sets]
    done = subprocess.run(
        [*become, *run_command("manage", *shell("import os; print(os.getuid())"))],
        cwd=ROOT,
        env=environment(home, HOME="/nonexistent"),
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.stdout == "65534\n", done.stderr
    assert (home / "postgres").stat().st_uid == 65534
    deadline = time.monotonic() + 5
    while processes_of(home) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not processes_of(home)
