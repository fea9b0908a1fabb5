"""What the commands have in common: an error is one line on stderr and an exit code, never a traceback."""

import contextlib
import json
import os
import sys
import unicodedata
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, OperationalError

from accounts.actions import ActionError, find_user
from accounts.models import CloudAccount, Team, User
from accounts.secrets import KeysetError

LARGEST_FILE = 1024 * 1024
INTERRUPTED = 130


class PlainCommand(BaseCommand):
    """A command for people who script. Its output is its own; every failure a person can cause ends in
    `CommandError`.
    """

    # A missing keyset or a wrong database is told in one line when it is needed.
    requires_system_checks: list[str] = []
    always_json = False

    def add_arguments(self, parser: CommandParser) -> None:
        told = "print JSON (it always does)" if self.always_json else "print JSON"
        parser.add_argument("--json", action="store_true", help=told)

    def create_parser(self, prog_name: str, subcommand: str, **options: Any) -> CommandParser:
        parser = super().create_parser(prog_name, subcommand, **options)
        # `sync TEAM --json SOURCE` means the same as `sync TEAM SOURCE --json`: argparse takes that only when asked to.
        parser.parse_args = parser.parse_intermixed_args  # type: ignore[method-assign]
        return parser

    def execute(self, *args: Any, **options: Any) -> Any:
        try:
            return super().execute(*args, **{name: _utf8(value) for name, value in options.items()})
        except (CommandError, ActionError, KeysetError, DatabaseError) as error:
            if options.get("traceback"):
                raise
            complaint = error if isinstance(error, CommandError) else CommandError(_told(error))
            if not self._called_from_command_line:  # type: ignore[attr-defined]
                raise complaint from None
            self.complain(str(complaint))
            sys.exit(complaint.returncode)
        except (KeyboardInterrupt, BrokenPipeError):
            if not self._called_from_command_line:  # type: ignore[attr-defined]
                raise
            sys.stdout = None  # nobody reads it: Python would complain when it flushes it
            sys.exit(INTERRUPTED)

    def complain(self, message: str) -> None:
        """One line on stderr."""
        self.stderr.write(" ".join(message.split()))

    def tell(self, document: dict[str, Any], text: str, as_json: bool) -> None:
        """The result: the document for machines, or the text for people."""
        self.stdout.write(json.dumps(document) if as_json or self.always_json else text)

    def team(self, slug: str) -> Team:
        team = Team.objects.filter(slug=slug).first() if slug.isprintable() else None
        if team is None:
            raise CommandError(f"There is no team {slug!r}.")
        return team

    def user(self, email: str) -> User:
        user = find_user(email) if email.isprintable() else None
        if user is None:
            raise CommandError(f"There is no user {email[:100]}.")
        return user

    def account(self, team: Team, name: str) -> CloudAccount:
        """The team's cloud account of this name."""
        account = CloudAccount.objects.filter(team=team, name=name).first() if name.isprintable() else None
        if account is None:
            raise CommandError(f"The team {team.slug} has no cloud account {name!r}.")
        return account

    def read_bytes(self, path: str, what: str) -> bytes:
        """What is in this file, or on stdin for "-". `what` names it in an error, which never repeats its content."""
        try:
            if path == "-":
                data = sys.stdin.buffer.read(LARGEST_FILE + 1)
            else:
                with Path(path).open("rb") as file:
                    data = file.read(LARGEST_FILE + 1)
        except (OSError, ValueError) as error:
            raise CommandError(
                f"{path!r} cannot be read: {getattr(error, 'strerror', None) or 'no such path'}."
            ) from None
        if len(data) > LARGEST_FILE:
            raise CommandError(f"The {what} is larger than 1 MiB.")
        return data

    def read_json(self, path: str, what: str) -> Any:
        """The document in this file, or on stdin for "-"."""
        return as_json(self.read_bytes(path, what), what)


def as_json(data: bytes, what: str) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(data.decode("utf-8-sig"))
    # Out of reach of the error, which holds all of what it could not read.
    raise CommandError(f"The {what} is not JSON.")


def fit(text: str, width: int) -> str:
    """The text in so many columns of a terminal; what could steer the terminal is shown as what it is not."""
    shown, used = "", 0
    for letter in text:
        letter = "�" if unicodedata.category(letter)[0] == "C" else letter
        wide = 2 if unicodedata.east_asian_width(letter) in "WF" else 0 if unicodedata.combining(letter) else 1
        if used + wide > width:
            return f"{shown[:-1]}…" if used == width else f"{shown}…"
        shown, used = shown + letter, used + wide
    return shown + " " * (width - used)


def utf8(text: str, what: str) -> str:
    """A text of the command line or the environment, whose bytes are UTF-8 whatever the locale says."""
    try:
        return os.fsencode(text).decode("utf-8")
    except UnicodeError:
        raise CommandError(f"{what} is not text in UTF-8.") from None


def _utf8(value: Any) -> Any:
    if isinstance(value, list):
        return [_utf8(one) for one in value]
    return utf8(value, "An argument") if isinstance(value, str) and not value.isascii() else value


def whole_number(text: str, option: str, *, digits: int = 9) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > digits:
        raise CommandError(f"{option} takes a whole number, not {text[:20]!r}.")
    return int(text)


def _told(error: Exception) -> str:
    if isinstance(error, OperationalError):
        return "The database cannot be reached."
    if isinstance(error, DatabaseError):
        return f"The database refused ({type(error).__name__}). Is it migrated?"
    return str(error)
