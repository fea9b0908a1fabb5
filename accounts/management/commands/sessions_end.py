from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.management.base import PlainCommand
from accounts.switching import end_sessions


class Command(PlainCommand):
    help = (
        "End every session of a person, wherever they are signed in; or of everybody. They may sign in again, and "
        "their feeds go on: `user_disable` ends those."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL", nargs="?", help="the person's address")
        parser.add_argument("--all", action="store_true", help="everybody's")

    def handle(self, *args: Any, email: str | None, all: bool, json: bool, **options: Any) -> None:
        if bool(email) == all:
            raise CommandError("Name a person by their address, or say --all.")
        user = self.user(email) if email else None
        ended = end_sessions(user, "sessions_end")
        self.tell({"user": user.email if user else None, "ended": ended}, f"Sessions ended: {ended}.", json)
