import sys
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from accounts.management.base import PlainCommand
from accounts.models import Team
from catalog.models import Source, SyncRun
from catalog.sources import run_seconds
from catalog.sync import sync_now

COUNTS = ("listed", "added", "changed", "missing", "returned", "pages")
ERROR_SHAPE = ("operation", "code", "message", "request_id")
# What a source is told to have ended as where its run is gone: it was removed meanwhile.
GONE = {
    "operation": "sync",
    "code": "SourceRemoved",
    "message": "The source was removed meanwhile.",
    "request_id": None,
}


class Command(PlainCommand):
    help = (
        "Sync a team's sources in this process, one after the other, without worker or broker. A run that is going on "
        "is waited for. Without a SOURCE, all that are not paused. With --json a line a source: {source, kind, state "
        "(complete|failed|suspect), listed, added, changed, missing, returned, pages, seconds, error}. Exits 1 if any "
        "failed; the others are done all the same."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("team", metavar="TEAM", help="the team's slug")
        parser.add_argument("sources", metavar="SOURCE", nargs="*", help="a source's id; one that is paused is tried")

    def handle(self, *args: Any, team: str, sources: list[str], json: bool, **options: Any) -> None:
        chosen = _chosen(self.team(team), sources)
        has_failed = False
        for source in chosen:
            if source.paused_at and not sources:
                # On stderr for machines: a team that looks healthy because its failing sources are paused is a lie.
                (self.stderr if json else self.stdout).write(_line(source, "paused", f"skipped ({source.id})"))
                continue
            run = sync_now(source, "sync", settings.FOREGROUND_PATIENCE_SECONDS)
            document = _outcome(source, run)
            has_failed |= document["state"] == "failed"
            self.tell(document, _line(source, document["state"], _told(document, run)), json)
            self.stdout.flush()
        if has_failed:
            sys.exit(1)


def _chosen(team: Team, ids: list[str]) -> list[Source]:
    """The sources of these ids, in this order, each once, or all. Raises CommandError where the team has none such."""
    every = Source.objects.filter(team=team, archived_at=None).order_by("kind", "region", "cluster", "created_at")
    if not ids:
        return list(every)
    known = {source.id: source for source in every}
    found = {}
    for text in ids:
        try:
            found[UUID(text)] = known[UUID(text)]
        except (ValueError, KeyError):
            raise CommandError(f"The team {team.slug} has no source {text[:60]!r}.") from None
    return list(found.values())


def _outcome(source: Source, run: SyncRun | None) -> dict[str, Any]:
    """What `--json` prints of a source. An abandoned run has failed."""
    state = run.state if run and run.state in ("complete", "suspect") else "failed"
    error = (run.error if run else GONE) if state == "failed" else None
    return {
        "source": str(source.id),
        "kind": source.kind,
        "state": state,
        **{name: getattr(run, name) if run else 0 for name in COUNTS},
        "seconds": round(run_seconds(run), 3) if run else 0.0,
        "error": {name: error.get(name) for name in ERROR_SHAPE} if error else None,
    }


def _told(document: dict[str, Any], run: SyncRun | None) -> str:
    """The same for people."""
    error = document["error"]
    if error:
        request = f" (request {error['request_id']})" if error["request_id"] else ""
        return f"{error['operation']}: {error['code']}: {error['message']}{request}"
    if run and run.error:
        return str(run.error["message"])
    counts = "{listed} listed, {added} added, {changed} changed, {missing} missing, {returned} returned".format(
        **document
    )
    return f"{counts}; {document['pages']} pages in {document['seconds']:.1f} s"


def _line(source: Source, state: str, text: str) -> str:
    return f"{state:<9} {source.kind:<24} {source.cluster or source.region:<20} {' '.join(text.split())}"
