from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import PlainCommand
from catalog import actions


class Command(PlainCommand):
    help = (
        'Add a cloud account. The credential is JSON: alibaba {"access_key_id", "access_key_secret", '
        '"security_token"?}, huawei {"access_key", "secret_key", "security_token"?, "project_id"?}. It is sealed, and '
        "never shown again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        parser.add_argument("vendor", metavar="VENDOR", help="alibaba or huawei")
        parser.add_argument("name", metavar="NAME", help="what the team calls the account")
        parser.add_argument(
            "--credential", required=True, metavar="FILE|-", help="a file with the JSON, or - for stdin"
        )
        parser.add_argument("--site", default="china", help="china (the default) or international")

    def handle(
        self, *args: Any, team: str, vendor: str, name: str, credential: str, json: bool, **options: Any
    ) -> None:
        owner = self.team(team)
        account = actions.create_cloud_account(
            owner,
            "add_cloud_account",
            vendor=vendor,
            name=name,
            credential=self.read_json(credential, "credential"),
            site=options["site"],
        )
        document = {"account": str(account.id), "vendor": vendor, "name": account.name}
        self.tell(document, f"Cloud account {account.name} is there.", json)
