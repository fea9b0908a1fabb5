"""The demo team that `./run` shows: simulated accounts of both vendors, sources of every kind, a user of every role."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.db import transaction

from accounts import audit
from accounts.actions import add_member, create_team
from accounts.management.base import PlainCommand
from accounts.models import CloudAccount, Team
from catalog import actions
from catalog.actions.teams import holdings
from catalog.models import Source

SLUG, NAME = "demo", "Demo team"
# No secret: ./run listens on loopback only, and what the team sees is made up.
PASSWORD = "demo-on-this-machine-only"  # noqa: S105
PEOPLE = (
    ("admin@demo.example", "Ada Admin", "admin"),
    ("editor@demo.example", "Edgar Editor", "editor"),
    ("viewer@demo.example", "Vera Viewer", "viewer"),
)
ACCOUNTS = {"alibaba": "Alibaba production", "huawei": "Huawei desktops"}
# vendor, kind, regions, clusters, narrowing, minutes
SOURCES: tuple[tuple[str, str, list[str], list[str], dict[str, str], int], ...] = (
    ("alibaba", "alibaba_ehpc_custom", ["cn-hangzhou", "cn-shanghai"], [], {}, 60),
    ("alibaba", "alibaba_ehpc_container", ["cn-hangzhou"], [], {}, 30),
    ("alibaba", "alibaba_ehpc_container", ["cn-shanghai"], ["ehpc-sh-4kTz81vYba"], {}, 30),
    ("alibaba", "alibaba_ehpc_registered", ["cn-hangzhou"], [], {}, 15),
    ("alibaba", "alibaba_ens_public", ["cn-hangzhou"], [], {}, 360),
    ("alibaba", "alibaba_ens_self", ["cn-hangzhou"], [], {}, 60),
    ("huawei", "huawei_workspace", ["cn-north-4", "cn-east-3"], [], {}, 120),
)


class Command(PlainCommand):
    help = "Make the demo team on the simulated clouds, or whatever of it is missing, and print its sign-in."

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        if not settings.SIMULATOR_URL:
            raise CommandError("The demo lives on simulated clouds: set SIMULATOR_URL, or start it with ./run.")
        with transaction.atomic():
            with audit.gathered() as done:
                team = _make()
            if done:
                audit.record(team, "load_demo", "demo.loaded", target=NAME, target_id=team.id, changes=_told(team))
        email = PEOPLE[0][0]
        lines = [f"Sign in as {email} with the password {PASSWORD}"]
        lines += [f"  or as {email} ({role}), with the same password" for email, _name, role in PEOPLE[1:]]
        self.tell({"team": SLUG, "email": email, "password": PASSWORD}, "\n".join(lines), json)


def _make() -> Team:
    team = Team.objects.filter(slug=SLUG).first() or create_team(SLUG, NAME, "load_demo")
    for email, name, role in PEOPLE:
        add_member(team, email, role, "load_demo", password=PASSWORD, name=name)
    if not CloudAccount.objects.filter(team=team).exists() and not Source.objects.filter(team=team).exists():
        _connect(team)
    return team


def _told(team: Team) -> dict[str, int]:
    """What the team has then."""
    return {name: n for name, n in holdings(team).items() if name in ("members", "cloud_accounts", "sources")}


def _connect(team: Team) -> None:
    """Accounts and sources, once: what somebody deletes from the demo stays deleted."""
    from tests.clouds import credentials

    accounts = {
        vendor: actions.create_cloud_account(
            team, "load_demo", vendor=vendor, name=name, credential=credentials.DEFAULT[vendor], simulated=True
        )
        for vendor, name in ACCOUNTS.items()
    }
    for vendor, kind, regions, clusters, narrowing, minutes in SOURCES:
        actions.add_sources(team, "load_demo", accounts[vendor], kind, regions, clusters, narrowing, minutes)
