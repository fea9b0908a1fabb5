"""Management commands in this process, as their door on the command line opens them: exit code, stdout, stderr.

Only for tests with real transactions: a command closes its connections when it ends.
"""

import io
import json
import subprocess
import sys

import pytest
from django.core.management import get_commands, load_command_class


def run_command(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *words: str, stdin: object = ""
) -> "subprocess.CompletedProcess[str]":
    """`manage.py WORDS` without the price of a process. A `stdin` that is neither text nor bytes is sent as JSON."""
    data = stdin if isinstance(stdin, str | bytes) else json.dumps(stdin)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode() if isinstance(data, str) else data)))
    capsys.readouterr()
    command = load_command_class(get_commands()[words[0]], words[0])
    code = 0
    try:
        command.run_from_argv(["manage.py", *words])
    except SystemExit as exit:
        code = exit.code if isinstance(exit.code, int) else 1
    out, told = capsys.readouterr()
    return subprocess.CompletedProcess(words, code, out, told)
