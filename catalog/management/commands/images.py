import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import orjson
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import PlainCommand, fit
from catalog.browse import ImageFilter, UnknownFilter, parse
from catalog.fields import FIELDS
from catalog.models import Source
from catalog.pages import stream

# What a machine gets, in this order: the key, and its SQL where it is not the image's column of that name.
KEYS = (
    "id", "source", "kind", "remote_id", "name", "version", "type", "visibility", "os", "distribution", "os_version",
    "arch", "size_gib", "min_ram_mb", "min_disk_gb", "disk_format", "status", "state", "repository", "tag",
    "description", "region", "cluster", "labels", "starred", "note", "first_seen_at", "last_seen_at", "missing_since",
    "provenance",
)  # fmt: skip
SQL = {key: FIELDS[key].sql for key in ("source", "kind", "last_seen_at")} | {"provenance": "i.provenance::text"}
TABLE = {"name": 44, "remote_id": 38, "os": 26, "arch": 8, "type": 9, "visibility": 10, "region": 16, "state": 10}


class Command(PlainCommand):
    help = "List the images of a team, filtered as on its images page: by the address's query string, or in words."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        examples = "\"os=linux&arch=-i386&q=cuda\" or 'os:linux -arch:i386 cuda' (after -- if it begins with a dash)"
        parser.add_argument("query", metavar="QUERY", nargs="*", help=examples)

    def handle(self, *args: Any, team: str, query: list[str], **options: Any) -> None:
        owner = self.team(team)
        try:
            asked = parse(as_query(" ".join(query)), owner.id, Source.objects.filter(team=owner), strict=True)
        except UnknownFilter as error:
            raise CommandError(str(error)) from None
        for notice in asked.notices:
            self.stderr.write(notice)
        for line in json_lines(asked) if options["json"] else table_lines(asked):
            self.stdout.write(line)


def as_query(text: str) -> str:
    """Words as the search box takes them, as a query string; what begins like one stays."""
    return text if not text or re.match(r"\??[\w-]*=", text) else f"q={quote(text, errors='replace')}"


def json_lines(asked: ImageFilter) -> Iterator[str]:
    columns = ", ".join(SQL.get(key, f"i.{key}") for key in KEYS)
    for row in stream(asked, columns):
        image = dict(zip(KEYS, row, strict=True))
        image["provenance"] = orjson.Fragment(image["provenance"])
        yield orjson.dumps(image, option=orjson.OPT_UTC_Z).decode()


def table_lines(asked: ImageFilter) -> Iterator[str]:
    yield "  ".join(fit(title.upper().replace("_", " "), width) for title, width in TABLE.items()).rstrip()
    system = "coalesce(concat_ws(' ', left(i.distribution, 60), left(i.os_version, 20)), '')"
    shown = {
        "name": "left(i.name, 80)",
        "remote_id": "left(i.remote_id, 80)",
        "os": f"coalesce(nullif({system}, ''), i.os)",
    }
    for row in stream(asked, ", ".join(shown.get(column, f"i.{column}") for column in TABLE)):
        yield "  ".join(fit(text, width) for text, width in zip(row, TABLE.values(), strict=True)).rstrip()
