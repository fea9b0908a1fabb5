"""Management commands as processes of their own, on the database of the test that starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.db import connection
from psycopg.conninfo import make_conninfo

ROOT = Path(__file__).resolve().parent.parent


def process_environment(**extra: str | None) -> dict[str, str]:
    """This process's environment with the test's database in it; None takes a variable out."""
    named = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    parts = {part: connection.settings_dict[name] for part, name in named.items()}
    database = make_conninfo("", **{part: value for part, value in parts.items() if value})
    given = os.environ | {"DATABASE_URL": database} | extra
    return {name: value for name, value in given.items() if value is not None}


def start_manage(*words: str, **extra: str | None) -> "subprocess.Popen[str]":
    """`manage.py WORDS`, running, with pipes."""
    pipe = subprocess.PIPE
    return subprocess.Popen(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env=process_environment(**extra),
        stdin=pipe,
        stdout=pipe,
        stderr=pipe,
        text=True,
    )


def manage(*words: str, stdin: object = "", **extra: str | None) -> "subprocess.CompletedProcess[str]":
    """`manage.py WORDS` to its end. A `stdin` that is no text is sent as JSON; `extra` is its environment."""
    process = start_manage(*words, **extra)
    try:
        out, told = process.communicate(stdin if isinstance(stdin, str) else json.dumps(stdin), timeout=60)
    except BaseException:
        process.kill()
        process.wait()
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, told)


def refused(done: "subprocess.CompletedProcess[str]", code: int = 1) -> str:
    """The one line with which a command refused: nothing else on stderr, nothing on stdout."""
    assert (done.returncode, done.stdout) == (code, ""), (done.returncode, done.stdout, done.stderr)
    lines = done.stderr.splitlines()
    assert len(lines) == 1 and lines[0], done.stderr
    return lines[0]


def answer(done: "subprocess.CompletedProcess[str]", code: int = 0) -> Any:
    """The one JSON document a command printed."""
    assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
    assert len(done.stdout.splitlines()) == 1, done.stdout
    return json.loads(done.stdout)
