"""`manage simulate_clouds --port N --images N --seed K`: see tests/clouds/."""

import argparse
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Serve simulated clouds on loopback, for the demo, tests and benchmarks."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        from tests.clouds import command

        command.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        from tests.clouds import command

        if code := command.simulate(argparse.Namespace(**options)):
            raise SystemExit(code)
