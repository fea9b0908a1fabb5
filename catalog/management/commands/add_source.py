from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import PlainCommand, whole_number
from catalog import actions
from catalog.providers import PROVIDERS


class Command(PlainCommand):
    help = 'Add a listing to keep in sync. Prints {"source": uuid}.'
    always_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        parser.add_argument("account", metavar="ACCOUNT_NAME", help="the name of a cloud account of the team")
        parser.add_argument("kind", metavar="KIND", help=", ".join(PROVIDERS))
        parser.add_argument("--region", required=True, help="as the cloud writes it, cn-hangzhou for one")
        parser.add_argument("--cluster", metavar="ID", help="only this cluster, where the listing has clusters")
        parser.add_argument("--every", default="60", metavar="MINUTES", help="60 if left out, 15 at least")

    def handle(self, *args: Any, team: str, account: str, kind: str, region: str, **options: Any) -> None:
        owner = self.team(team)
        (source,) = actions.add_sources(
            owner,
            "add_source",
            self.account(owner, account),
            kind,
            [region],
            [options["cluster"]] if options["cluster"] else [],
            every_minutes=whole_number(options["every"], "--every"),
        )
        self.tell({"source": str(source.id)}, "", options["json"])
