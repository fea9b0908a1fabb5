"""The rows of images and what a team marks them with: read, changed and written a batch a statement, so that none of
these runs long. The caller holds the locks of their sources.
"""

from collections.abc import Callable, Sequence
from itertools import batched
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from django.db import connection

from catalog.models import Image
from catalog.search import own_text, search_pieces

BATCH_ROWS = 1_000

_STAR = """
    UPDATE catalog_image SET starred = %(starred)s
    WHERE team_id = %(team)s AND id = ANY(%(ids)s) AND starred <> %(starred)s RETURNING id"""
_READ = """
    SELECT i.id, i.labels, i.note, left(i.search_text, length(i.search_text) - length(i.own_text))
    FROM catalog_image i WHERE i.team_id = %s AND i.id = ANY(%s)"""
_WRITE = """
    UPDATE catalog_image i SET labels = v.labels, note = v.note, own_text = v.said,
        search_text = left(i.search_text, length(i.search_text) - length(i.own_text)) || v.said,
        search_pieces = ARRAY(
            SELECT DISTINCT piece COLLATE "C" FROM unnest(i.search_pieces || v.more) AS piece
            WHERE piece <> ALL(v.gone) ORDER BY 1)
    FROM jsonb_to_recordset(%s::jsonb) AS v (
        id uuid, labels varchar[], note text, said text, more text[], gone text[])
    WHERE i.team_id = %s AND i.id = v.id"""


class _Row(NamedTuple):
    """An image's marks, and the text that the cloud says of it."""

    id: UUID
    labels: list[str]
    note: str
    cloud_text: str

    def written(self, *, labels: set[str] | None = None, note: str | None = None) -> dict[str, Any]:
        """What `_WRITE` needs: the marks as they are to be, and which pieces come and go with them."""
        marks = (self.labels if labels is None else sorted(labels), self.note if note is None else note)
        before, said = own_text(self.labels, self.note), own_text(*marks)
        has = set(search_pieces(said))
        gone = set(search_pieces(before)) - has
        if gone:
            gone -= set(search_pieces(self.cloud_text))
        return {"id": str(self.id), "labels": marks[0], "note": marks[1], "said": said, "more": [*has], "gone": [*gone]}


def star(team_id: UUID, ids: Sequence[UUID], starred: bool) -> list[UUID]:
    """The ids of those that were not so before."""
    changed: list[UUID] = []
    for batch in batched(ids, BATCH_ROWS):
        with connection.cursor() as cursor:
            cursor.execute(_STAR, {"team": team_id, "ids": list(batch), "starred": starred})
            changed += [image_id for (image_id,) in cursor.fetchall()]
    return changed


def write_note(image: Image, note: str) -> None:
    row = _Row(image.id, image.labels, image.note, image.search_text.removesuffix(image.own_text))
    _write(image.team_id, [row.written(note=note)])


def relabel(team_id: UUID, ids: Sequence[UUID], change: Callable[[list[str]], set[str]]) -> list[UUID]:
    """The ids of those whose labels this changed."""
    changed: list[UUID] = []
    for batch in batched(ids, BATCH_ROWS):
        with connection.cursor() as cursor:
            cursor.execute(_READ, [team_id, list(batch)])
            rows = [_Row(*row) for row in cursor.fetchall()]
        wanted = [(row, labels) for row in rows if (labels := change(row.labels)) != {*row.labels}]
        _write(team_id, [row.written(labels=labels) for row, labels in wanted])
        changed += [row.id for row, _labels in wanted]
    return changed


def _write(team_id: UUID, rows: list[dict[str, Any]]) -> None:
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_WRITE, [orjson.dumps(rows).decode(), team_id])
