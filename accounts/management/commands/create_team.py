import getpass
import os
import sys
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from accounts.actions import checked_email, checked_slug, create_team, find_user, found_or_made
from accounts.management.base import PlainCommand, utf8


class Command(PlainCommand):
    help = (
        "Create a team and make the user of this email address its admin. A user who does not exist is created, with "
        "the password in BOOTSHELF_PASSWORD or one asked for; a user who does keeps theirs."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("slug", metavar="SLUG", help="the team's name in addresses: letters, digits, hyphens")
        parser.add_argument("--name", required=True, help="the team's name in words")
        parser.add_argument("--admin", required=True, metavar="EMAIL")

    def handle(self, *args: Any, slug: str, name: str, admin: str, json: bool, **options: Any) -> None:
        email = checked_email(admin)
        known = find_user(email)
        if known is not None and not known.is_active:
            raise CommandError(f"The user {email} is switched off.")
        checked_slug(slug)  # so that nobody is asked for a password in vain
        password = None if known else self.password()
        with transaction.atomic():
            user = found_or_made(email, password)
            team = create_team(slug, name, "create_team", admin=user)
        document = {"team": str(team.id), "slug": team.slug, "admin": user.email}
        self.tell(document, f"Team {team.slug} is there, {user.email} is its admin.", json)

    def password(self) -> str:
        """From BOOTSHELF_PASSWORD, where a weak one is the operator's choice and only warned of; else asked for,
        twice.
        """
        if given := utf8(os.environ.get("BOOTSHELF_PASSWORD", ""), "BOOTSHELF_PASSWORD"):
            if weakness := _weakness(given):
                self.complain(f"Warning: {weakness}")
            return given
        if not sys.stdin.isatty():
            raise CommandError("Set BOOTSHELF_PASSWORD: there is no terminal to ask for a password.")
        while True:
            password = getpass.getpass("Password: ")
            if weakness := _weakness(password):
                self.complain(weakness)
            elif getpass.getpass("Password (again): ") != password:
                self.complain("The two are not the same.")
            else:
                return password


def _weakness(password: str) -> str:
    try:
        validate_password(password)
    except ValidationError as error:
        return " ".join(error.messages)
    return ""
