"""Where else the same image is: another row of the team with the same id, or of the same repository and tag.

One query on two indexes, image_team_remote_id (of the beginnings of ids) and image_team_reference (of hashes): an id
may be any text, and a btree entry has a limit. It reads MOST_READ rows of each at most, however many share an id.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection
from django.utils.functional import Promise

from catalog.browse import LONGEST_VALUE
from catalog.labels import STATE_TONES, VALUES, source_names
from catalog.models import Image, Source

SHOWN = 20
MOST_READ = 200

_NAMED_BY = ("id", "kind", "cluster", "region", "account_name")  # all of them: a name tells a source from the others
_SOURCE = ", ".join(f"s.{name}" for name in _NAMED_BY)
_ID = 'lower(left({}, 120) COLLATE "C")'  # as the index has it
_SAME_ID = f"""
    SELECT i.id, i.source_id, i.name, i.cluster, i.state, true AS same_id FROM catalog_image i
    WHERE i.team_id = %(team)s AND {_ID.format("i.remote_id")} = {_ID.format("%(remote_id)s")}
        AND i.remote_id = %(remote_id)s AND i.id <> %(id)s AND i.state <> 'archived' LIMIT {MOST_READ + 1}"""  # noqa: S608
_SAME_TAG = f"""
    SELECT i.id, i.source_id, i.name, i.cluster, i.state, false FROM catalog_image i
    WHERE i.team_id = %(team)s AND hashtextextended(i.repository, 0) = hashtextextended(%(repository)s, 0)
        AND hashtextextended(i.tag, 0) = hashtextextended(%(tag)s, 0)
        AND i.repository IS NOT NULL AND i.tag IS NOT NULL AND i.repository = %(repository)s AND i.tag = %(tag)s
        AND i.id <> %(id)s AND i.state <> 'archived' LIMIT {MOST_READ + 1}"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Place:
    """`same_id` is False where only repository and tag are the same. `name` is "" where it says nothing new."""

    image_id: UUID
    source: str
    cluster: str
    name: str
    state: Promise | str
    tone: str
    same_id: bool


@dataclass(frozen=True, slots=True)
class Places:
    """`more` are not shown; with `at_least`, even more than these. `query` finds them in the list."""

    shown: list[Place]
    more: int = 0
    at_least: bool = False
    query: str = ""

    def __bool__(self) -> bool:
        return bool(self.shown)


def also_in(image: Image) -> Places:
    """One query, whatever the size of the shelf. Archived images are left out: they are nowhere any more."""
    values = {name: getattr(image, name) for name in ("id", "remote_id", "repository", "tag")}
    halves = [_SAME_ID, _SAME_TAG] if image.repository and image.tag else [_SAME_ID]
    same = " UNION ALL ".join(f"({half})" for half in halves)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {_SOURCE}, same.* FROM catalog_source s LEFT JOIN ({same}) AS same ON same.source_id = s.id"  # noqa: S608
            " WHERE s.team_id = %(team)s",
            {"team": image.team_id, **values},
        )
        every = cursor.fetchall()
    found = [row[len(_NAMED_BY) :] for row in every if row[len(_NAMED_BY)] is not None]
    rows = list({row[0]: row for row in sorted(found, key=lambda row: row[-1])}.values())  # of two, that of the same id
    if not rows:
        return Places([])
    sources = source_names({row[0]: Source(**dict(zip(_NAMED_BY, row, strict=False))) for row in every}.values())
    places = sorted(_places(image, rows, sources), key=lambda place: (not place.same_id, place.source, place.cluster))
    capped = sum(row[5] for row in found) > MOST_READ or sum(not row[5] for row in found) > MOST_READ
    more = max(0, len(places) - SHOWN)
    return Places(places[:SHOWN], more, capped, _query(image, by_id=places[-1].same_id))


def _places(image: Image, rows: list[tuple[Any, ...]], sources: dict[UUID, str]) -> Iterator[Place]:
    for image_id, source_id, name, cluster, state, same_id in rows:
        words = VALUES["state"].get(state, state)
        tone, place = STATE_TONES.get(state, ""), sources.get(source_id, "")
        yield Place(image_id, place, cluster or "", "" if name == image.name else name, words, tone, same_id)


def _query(image: Image, *, by_id: bool) -> str:
    """A search that finds those that are left out: all who share the id, or the repository and the tag."""
    words = image.remote_id if by_id else f"{image.repository} {image.tag}"
    return urlencode({"q": words[:LONGEST_VALUE]})
