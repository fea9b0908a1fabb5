from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import PlainCommand
from accounts.switching import switch_on


class Command(PlainCommand):
    help = (
        "Switch a person on again whom `user_disable` switched off: they sign in as before, and are on their teams; "
        "they make their feeds anew."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, email: str, json: bool, **options: Any) -> None:
        user = self.user(email)
        changed = switch_on(user, "user_enable")
        text = f"{user.email} is on again." if changed else f"{user.email} was on already."
        self.tell({"user": user.email, "changed": changed}, text, json)
