"""The model of a shelf: what each image of a source is to say after its last complete listing, and what a listing is to
change, tell and count. Plain data and plain rules, from DESIGN.md's words."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from catalog import applying, rows
from catalog.search import own_text, search_pieces
from tests.catalog.histories.places import Document, Listed, Place, mapped, wire

OVERRIDABLE = ("os", "distribution", "os_version", "arch")

# (key, kind, field, before, after) of one told change, and by which run
type Told = tuple[str, str, str, str | None, str | None]


@dataclass
class Held:
    """An image on the shelf. `columns` are the cloud's, before what the team says of it; `listings_missed` counts the
    complete ones, from the one that marked it missing.
    """

    columns: dict[str, Any]
    document: Document
    placeholder: bool = False
    state: str = "present"  # present, missing, archived
    missing: bool = False
    listings_missed: int = 0
    labels: set[str] = field(default_factory=set)
    starred: bool = False
    note: str = ""
    overrides: dict[str, str | None] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Every column a sync writes, as it is to stand in the table, and the marks."""
        found = corrected(self.columns, self.overrides)
        said = own_text(sorted(self.labels), self.note)
        found["search_text"] += said
        found["search_pieces"] = search_pieces(found["search_text"])
        found["state"] = found["state"] if self.state == "present" else self.state
        marks = {"labels": sorted(self.labels), "starred": self.starred, "note": self.note, "own_text": said}
        return found | marks


def corrected(columns: dict[str, Any], overrides: dict[str, str | None]) -> dict[str, Any]:
    """What the cloud says, with what an admin set over it."""
    found = columns | overrides
    if "distribution" in overrides:
        found["distribution_facet"] = rows.distribution_facet(overrides["distribution"])
    if "os_version" in overrides:
        found["os_version_facet"] = rows.os_version_facet(overrides["os_version"])
    found["provenance"] = columns["provenance"] | dict.fromkeys(overrides, "admin")
    return found


def told(value: Any) -> str | None:
    """A value as a change keeps it."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ").removesuffix(":00")
    return None if value is None else str(value)[: applying.TOLD_LENGTH]


@dataclass
class Word:
    """The last complete or suspect listing, and what was said of it."""

    run: UUID
    suspect: bool
    keys: frozenset[str]
    kept: bool = False


@dataclass
class Outcome:
    """What a listing is to do: the run's state and counts, the changes it tells, the images whose rows it may write."""

    state: str
    listed: int
    added: int = 0
    changed: int = 0
    missing: int = 0
    returned: int = 0
    told: list[Told] = field(default_factory=list)
    written: set[str] = field(default_factory=set)


@dataclass
class Shelf:
    """A source and its images by key."""

    place: Place
    source: UUID
    images: dict[str, Held] = field(default_factory=dict)
    complete: int = 0  # complete listings so far
    failures: int = 0
    error: str | None = None  # the kind of the last one
    paused: str = ""
    run: UUID | None = None  # queued, or waiting for its next attempt
    attempt: int = 1
    accepted: frozenset[str] | None = None  # the listing that its next run is told to believe
    word: Word | None = None

    def apply(self, run: UUID, listing: Listed) -> Outcome:
        keys = frozenset(listing.documents)
        lost = [key for key, held in self.images.items() if held.state == "present" and key not in keys]
        if self._is_suspect(lost) and not self._is_believed(keys):
            kept = bool(self.word and self.word.suspect and self.word.kept and self.word.keys == keys)
            self.word = Word(run, True, keys, kept)
            return Outcome("suspect", len(keys))
        found = Outcome("complete", len(keys), written=set(lost))
        for key, document in listing.documents.items():
            self._list(key, document, found)
        for key in lost:
            self.images[key].state, self.images[key].missing = "missing", True
            found.missing += 1
            found.told.append((key, "missing", "", None, None))
        for held in self.images.values():
            held.listings_missed += held.missing
        if not self.complete:  # all would be new
            found.told = [one for one in found.told if one[1] != "added"]
        self.word, self.complete = Word(run, False, keys), self.complete + 1
        return found

    def _list(self, key: str, document: Document, found: Outcome) -> None:
        columns = rows.columns(mapped(self.place, document))
        held = self.images.get(key)
        if held is None:
            self.images[key] = Held(columns, document)
            found.added += 1
            found.told.append((key, "added", "", None, None))
            found.written.add(key)
            return
        before, differs = held.row(), wire(held.document) != wire(document)
        if differs or held.placeholder or held.missing:
            found.written.add(key)
        if held.missing:
            found.returned += 1
            found.told.append((key, "returned", "", None, None))
        was_missing, was_placeholder = held.missing, held.placeholder
        held.columns, held.document, held.placeholder = columns, document, False
        held.state, held.missing, held.listings_missed = "present", False, 0
        if differs and not was_placeholder:  # a registration's row stood in for what the cloud says
            found.changed += 1 if self._tell(key, before, held.row(), was_missing, found) else 0

    @staticmethod
    def _tell(key: str, before: dict[str, Any], after: dict[str, Any], was_missing: bool, found: Outcome) -> bool:
        fields = [
            (key, "changed", name, told(before[name]), told(after[name]))
            for name in rows.REPORTED_COLUMNS
            if before[name] != after[name] and not (name == "state" and was_missing)
        ]
        found.told += fields or [(key, "changed", "document", None, None)]
        return True

    def _is_suspect(self, lost: list[str]) -> bool:
        present = [held for held in self.images.values() if held.state == "present" and not held.placeholder]
        gone = sum(not self.images[key].placeholder for key in lost)
        if not gone:
            return False
        return gone == len(present) or (gone > applying.SUSPECT_COUNT and gone > applying.SUSPECT_SHARE * len(present))

    def _is_believed(self, keys: frozenset[str]) -> bool:
        if self.accepted == keys:
            return True
        return bool(self.word and self.word.suspect and not self.word.kept and self.word.keys == keys)


def facets(shelves: list[Shelf]) -> Counter[tuple[Any, ...]]:
    """How many images there are of each source and combination of facet values."""
    names = ("type", "os", "distribution_facet", "os_version_facet", "arch", "visibility", "state", "region")
    counted: Counter[tuple[Any, ...]] = Counter()
    for shelf in shelves:
        for held in shelf.images.values():
            row = held.row()
            counted[(shelf.source, *(row[name] for name in names), tuple(row["labels"]), row["starred"])] += 1
    return counted
