"""The database against the model."""

from collections import Counter
from typing import Any
from uuid import UUID

from catalog.models import FacetCount, Image, ImageChange, Source, SyncRun
from catalog.providers.shape import storable
from catalog.rows import COLUMNS
from tests.catalog.histories.places import wire
from tests.catalog.histories.shelf import Outcome, Shelf, facets

WRITTEN = [*COLUMNS, "labels", "starred", "note", "own_text"]


def images(shelves: list[Shelf]) -> None:
    """Every column of every image, its document, its corrections, and since when it is missing."""
    expected = {(s.source, key): held for s in shelves for key, held in s.images.items()}
    found: dict[tuple[UUID, str], dict[str, Any]] = {}
    names = ["source_id", "key", "content_hash", "overrides", "missing_since", "last_seen_at", "first_seen_at"]
    for row in Image.objects.values(*names, *WRITTEN, "document_row__document"):
        found[row["source_id"], row["key"]] = row
    assert found.keys() == expected.keys()
    for place, held in expected.items():
        row, wanted = found[place], held.row()
        wrong = {name: (row[name], wanted[name]) for name in WRITTEN if row[name] != wanted[name]}
        assert not wrong, (place, wrong)
        assert (bytes(row["content_hash"]) == b"") is held.placeholder, place
        if not held.placeholder:
            assert row["document_row__document"] == storable(wire(held.document)), place
        assert bool(row["missing_since"]) is bool(row["last_seen_at"]) is held.missing, place
        assert not held.missing or row["first_seen_at"] <= row["last_seen_at"] <= row["missing_since"], place
        kept = {name: (entry["value"], entry["reported"]) for name, entry in row["overrides"].items()}
        assert kept == {name: (value, held.columns[name]) for name, value in held.overrides.items()}, place


def counts(shelves: list[Shelf]) -> None:
    names = ["source_id", "type", "os", "distribution_facet", "os_version_facet", "arch", "visibility", "state"]
    kept: Counter[tuple[Any, ...]] = Counter()
    for *values, labels, starred, n in FacetCount.objects.values_list(*names, "region", "labels", "starred", "n"):
        assert n >= 0, values
        kept[(*values, tuple(labels), starred)] += n
    assert +kept == facets(shelves)


def sources(live: list[Shelf]) -> None:
    """What each source says of itself, and that it has the run the model knows and no other."""
    found = {source.id: source for source in Source.objects.filter(archived_at=None)}
    assert found.keys() == {shelf.source for shelf in live}
    running = Counter(SyncRun.objects.filter(state__in=["queued", "listing", "applying"]).values_list("source_id"))
    for shelf in live:
        source = found[shelf.source]
        assert (source.failures, (source.last_error or {}).get("kind")) == (shelf.failures, shelf.error)
        assert (bool(source.paused_at), source.paused_reason) == (bool(shelf.paused), shelf.paused)
        assert bool(source.last_complete_at) is bool(shelf.complete)
        assert running.pop((shelf.source,), 0) == (1 if shelf.run else 0)
        if shelf.run:
            run = SyncRun.objects.get(id=shelf.run)
            assert (run.state, run.attempt) == ("queued", shelf.attempt)
    assert not running


def changes(told: list[tuple[Any, ...]]) -> None:
    names = ("source_id", "run_id", "image__key", "kind", "field", "before", "after")
    assert Counter(ImageChange.objects.values_list(*names)) == Counter(told)


def run(shelf: Shelf, ended: SyncRun, outcome: Outcome | None, refused: str) -> None:
    """The run says how it ended, and its source follows it."""
    source = Source.objects.get(id=shelf.source)
    assert ended.finished_at and ended.started_at <= ended.finished_at and ended.lease_until is None
    counted = (ended.added, ended.changed, ended.missing, ended.returned)
    if outcome is None:
        assert (ended.state, ended.error["kind"], counted) == ("failed", refused, (0, 0, 0, 0))
        assert ended.error["code"] and ended.error["message"] and ended.error["operation"]
        assert source.last_error["code"] == ended.error["code"]
        return
    assert (ended.state, ended.listed) == (outcome.state, outcome.listed)
    assert counted == (outcome.added, outcome.changed, outcome.missing, outcome.returned)
    if outcome.state == "suspect":
        assert ended.error["code"] == "SuspectListing" and ended.digest
        assert bool(ended.error.get("kept_by")) is shelf.word.kept
    else:
        assert ended.error is None and ended.digest is None
        assert ended.started_at <= source.last_complete_at <= ended.finished_at
        fresh = Image.objects.filter(source=source, missing_since__gte=source.last_complete_at)
        assert fresh.count() == outcome.missing


def untouched(before: dict[str, tuple[Any, ...]], after: dict[str, tuple[Any, ...]], written: set[str]) -> None:
    """No row was written but these: an unchanged image costs none."""
    for key, row in before.items():
        assert key in written or key not in after or row == after[key], f"{key} was written"
