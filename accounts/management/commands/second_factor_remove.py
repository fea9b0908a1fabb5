from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import PlainCommand
from accounts.second_factors import remove_factors


class Command(PlainCommand):
    help = (
        "Remove a person's authenticator app, passkeys and recovery codes, for whoever lost them: then their password "
        "alone lets them in. Make sure that it is they who ask."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("email", metavar="EMAIL")

    def handle(self, *args: Any, email: str, json: bool, **options: Any) -> None:
        user = self.user(email)
        removed = remove_factors(user, "second_factor_remove")
        self.tell({"user": user.email, "removed": removed}, f"{user.email} has no second factor now.", json)
