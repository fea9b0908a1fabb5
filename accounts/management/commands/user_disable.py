from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import PlainCommand
from accounts.switching import switch_off, teams_without_admin


class Command(PlainCommand):
    help = (
        "Switch a person off: no way in any more, every session and feed of theirs ended at once and for good. What "
        "they did, and their place on their teams, stays; `user_enable` switches them on again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, email: str, json: bool, **options: Any) -> None:
        user = self.user(email)
        ended = switch_off(user, "user_disable")
        left = teams_without_admin(user)
        for slug in left:
            self.complain(f"Warning: nobody administers the team {slug} now.")
        told = ", ".join(f"{what} ended: {count}" for what, count in (ended or {}).items())
        text = f"{user.email} was off already." if ended is None else f"{user.email} is off, {told}."
        document = {"user": user.email, "changed": ended is not None, "ended": ended or {}, "teams_without_admin": left}
        self.tell(document, text, json)
