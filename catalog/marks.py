"""What a team says of its images itself: labels, a star, a note. What each may be, who has it, and how a sync keeps it.

They are written by catalog/actions/marks.py alone. What they say is searched: folded, it ends an image's `search_text`
(`own_text`, catalog/search.py), and its pieces are among `search_pieces`.
"""

import hashlib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from django.db import connection
from django.utils.translation import gettext as _

from accounts.actions import ActionError
from accounts.models import AuditEvent
from catalog.combinations import read
from catalog.leases import Database
from catalog.models import Image
from catalog.search import own_text, search_pieces

LONGEST_LABEL = 40
MOST_OF_IMAGE, MOST_OF_TEAM = 10, 200
LONGEST_NOTE = 4_000
UNLABELLED = "unknown"  # the facet's value for an image without a label

_LINE_ENDS = re.compile("\r\n?")


def label_of(text: str) -> str:
    """A label in its one spelling: small letters, no white space but single spaces inside. Raises ActionError."""
    label = " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).lower()).split())
    if not label:
        raise ActionError("label", _("A label has at least one character."))
    if len(label) > LONGEST_LABEL:
        raise ActionError("label", _("A label has at most %(most)d characters.") % {"most": LONGEST_LABEL})
    if re.search("[,\uff0c]", label) or not label.isprintable():
        raise ActionError("label", _("A label has no comma and no control characters."))
    if label == UNLABELLED:
        message = _("“%(label)s” cannot be a label: it stands for images without one.")
        raise ActionError("label", message % {"label": label})
    return label


def split_labels(text: str) -> list[str]:
    """What was typed into one box, commas between labels, a Chinese one too. Raises nothing: `label_of` judges."""
    return [part for part in re.split("[,\uff0c]", text) if part.strip()]


def note_of(text: str) -> str:
    """A note as it is kept: plain lines, nothing around them. Raises ActionError."""
    note = _LINE_ENDS.sub("\n", text).strip()
    if len(note) > LONGEST_NOTE:
        message = _("A note has at most %(most)d characters; this one has %(n)d.")
        raise ActionError("note", message % {"most": LONGEST_NOTE, "n": len(note)})
    if any(unicodedata.category(letter) in ("Cc", "Cs") and letter not in "\n\t" for letter in note):
        raise ActionError("note", _("A note is plain text: it has no control characters."))
    return note


def note_digest(note: str) -> str:
    """What tells whether a note is still the one that a form showed."""
    return hashlib.blake2b(note.encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True)
class Tally:
    """How many images have a label: those on the shelf, and the archived ones, which the list shows on demand."""

    shelf: int
    archived: int

    @property
    def total(self) -> int:
        return self.shelf + self.archived


_TALLIES = """
    SELECT label, coalesce(sum(n) FILTER (WHERE state <> 'archived'), 0)::bigint,
        coalesce(sum(n) FILTER (WHERE state = 'archived'), 0)::bigint
    FROM (SELECT labels, state, sum(n) AS n FROM catalog_facetcount
        WHERE team_id = %s AND n > 0 AND labels <> '{}' GROUP BY 1, 2) AS sets, unnest(labels) AS label
    GROUP BY label ORDER BY label COLLATE "C" """


def team_labels(team_id: UUID) -> dict[str, Tally]:
    """The team's labels in their order, from the facet counts. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_TALLIES, [team_id])
        return {label: Tally(shelf, archived) for label, shelf, archived in cursor.fetchall()}


def label_names(team_id: UUID) -> list[str]:
    """The same without their numbers: one query that reads nothing while the counts are those this process knows."""
    kept, _ = read(team_id)
    sets = zip(kept.combinations.axes["label"].values, kept.sums["label"], strict=True)
    return sorted({label for labels, n in sets if n for label in labels})


@dataclass(frozen=True, slots=True)
class Noted:
    """Who last wrote an image's note, and when."""

    by: str
    at: datetime


def last_noted(image: Image) -> Noted | None:
    """From the audit trail; None for a note that nobody wrote here."""
    found = AuditEvent.objects.filter(team=image.team_id, target_id=image.id, action="image.noted")
    event = found.order_by("-at", "-id").values_list("actor", "at").first()
    return Noted(*event) if event else None


_SAID = """
    SELECT DISTINCT i.own_text FROM sync_delta d JOIN catalog_image i ON i.id = d.id
    WHERE i.own_text <> '' AND d.what IN ('changed', 'returned', 'seen')"""
_KEEP = """
    UPDATE sync_delta d SET own = o.pieces
    FROM catalog_image i, jsonb_to_recordset(%s::jsonb) AS o (said text, pieces text[])
    WHERE i.id = d.id AND o.said = i.own_text AND d.what IN ('changed', 'returned', 'seen')"""


def keep_own_pieces(db: Database) -> None:
    """For a sync, while it applies a listing: note in sync_delta the pieces of what the team says of the images that
    are to be written anew. An UPDATE of rows without marks costs one query more."""
    said = [text for (text,) in db.execute(_SAID).fetchall()]
    if said:
        rows = [{"said": text, "pieces": search_pieces(text)} for text in said]
        db.execute(_KEEP, [orjson.dumps(rows).decode()])


def carry_over(old: Image, new: Image) -> None:
    """Within a transaction that holds the lock of their source: the marks of an image that is about to go, to the one
    that takes its place. What `new` has itself stays."""
    labels = sorted({*old.labels, *new.labels})[:MOST_OF_IMAGE]
    note, starred = new.note or old.note, old.starred or new.starred
    if (labels, note, starred) == (new.labels, new.note, new.starred):
        return
    said = own_text(labels, note)
    text = new.search_text.removesuffix(new.own_text) + said
    Image.objects.filter(team_id=new.team_id, id=new.id).update(
        labels=labels, note=note, starred=starred, own_text=said, search_text=text, search_pieces=search_pieces(text)
    )


def with_own_text(columns: Mapping[str, Any], image: Image) -> dict[str, Any]:
    """The columns of an image that is written anew by itself, with what the team says of it in its searched text."""
    text = f"{columns['search_text']}{image.own_text}"
    return {**columns, "search_text": text, "search_pieces": search_pieces(text)}
