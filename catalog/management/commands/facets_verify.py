import sys
from typing import Any

from django.core.management.base import CommandParser

from accounts.management.base import PlainCommand
from accounts.models import Team
from catalog.recount import Difference, Verdict, repair, verify


class Command(PlainCommand):
    help = (
        "Hold the kept facet counts against the images themselves and print each difference. Exits 1 if there is any. "
        "With --json: {combinations, images, differences: [{values, kept, counted}]}."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--team", metavar="SLUG", help="of this team only")
        parser.add_argument("--repair", action="store_true", help="count anew where they differ, and look again")

    def handle(self, *args: Any, json: bool, **options: Any) -> None:
        only = self.team(options["team"]) if options["team"] else None
        ids = [team.id for team in ([only] if only else Team.objects.order_by("slug"))]
        found = verify(ids)
        if found.differences and options["repair"]:
            for one in found.differences:
                self.complain(f"was: {_line(one)}")
            repair(ids, "facets_verify", only)
            found = verify(ids)
        self.tell(_document(found), _words(found), json)
        if found.differences:
            sys.exit(1)


def _document(found: Verdict) -> dict[str, Any]:
    differences = [{"values": one.values, "kept": one.kept, "counted": one.counted} for one in found.differences]
    return {"combinations": found.combinations, "images": found.images, "differences": differences}


def _words(found: Verdict) -> str:
    there = f"{found.combinations} combinations, {found.images} images"
    if not found.differences:
        return f"{there}: no difference"
    return "\n".join([*map(_line, found.differences), f"{there}: {len(found.differences)} differ"])


def _line(one: Difference) -> str:
    return f"kept {one.kept}, counted {one.counted}: " + " ".join(
        f"{name}={value}" for name, value in one.values.items()
    )
