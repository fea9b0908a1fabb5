"""Many images at once: what somebody is about to change, named, counted and held still until they say so.

A choice of images is a list's filter, or rows selected in it. What is shown of it (`digest`) must be what is there when
it is confirmed: the very same images, not only as many. Their values may have changed.
"""

import hashlib
from base64 import b64decode, b64encode
from collections import Counter
from dataclasses import dataclass
from itertools import batched
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.http import QueryDict
from django.utils.translation import gettext as _

from accounts.models import Team
from catalog.actions.marks import MOST_AT_ONCE
from catalog.browse import PAGE_KEYS, ImageFilter, UnknownFilter, parse
from catalog.counts import count, select
from catalog.models import Source
from catalog.selection import Condition, all_of, of_team
from catalog.walks import ids_by_facets

# Of an address of the images page, what says how it looks and selects nothing.
NOT_FILTERS = (*PAGE_KEYS, "view", "bom")
TRACE_BYTES = 4  # of an id, which is random: enough to tell ten thousand apart


def frozen(query: QueryDict, team: Team) -> ImageFilter:
    """The filter of an address, whole. Raises UnknownFilter: an image more than was meant must never be exported or
    changed.
    """
    filters = query.copy()
    for key in NOT_FILTERS:
        filters.pop(key, None)
    return parse(filters, team.id, Source.objects.filter(team=team), strict=True)


class Since(NamedTuple):
    """How many images came since somebody looked, and how many went."""

    came: int
    went: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """`ids` of what is chosen, [] where that is too many; `total` how many in all. `selected` says that rows were
    selected one by one. `asked` is the list's filter, `here` the list's query string as it was.
    """

    here: str
    asked: ImageFilter
    ids: list[UUID]
    total: int
    selected: bool

    @property
    def too_many(self) -> bool:
        return self.total > MOST_AT_ONCE

    @property
    def digest(self) -> str:
        """Which images these are."""
        return hashlib.blake2b(b"".join(one.bytes for one in self.ids), digest_size=16).hexdigest()

    @property
    def traces(self) -> str:
        """The beginning of each id, for `since`: of ten thousand images 53 KB."""
        return b64encode(b"".join(one.bytes[:TRACE_BYTES] for one in self.ids)).decode()

    def since(self, traces: str) -> Since | None:
        """What changed since these were the traces; None for what are none."""
        try:
            before = Counter(batched(b64decode(traces, validate=True), TRACE_BYTES))
        except ValueError:
            return None
        now = Counter(tuple(one.bytes[:TRACE_BYTES]) for one in self.ids)
        return Since((now - before).total(), (before - now).total())

    @property
    def condition(self) -> Condition:
        return Condition("i.id = ANY(%s)", [self.ids])


def choose(team: Team, query: str, images: list[str]) -> Chosen:
    """The images of a list's query string, or of these ids, as a form gives them. Raises UnknownFilter."""
    asked = frozen(QueryDict(query), team)
    if not images:
        ids = _ids(ids_by_facets(asked, select(asked), MOST_AT_ONCE + 1))
        if len(ids) > MOST_AT_ONCE:
            return Chosen(query, asked, [], max(count(asked).total, len(ids)), False)
        return Chosen(query, asked, ids, len(ids), False)
    try:
        wanted = [UUID(one) for one in images[:MOST_AT_ONCE]]
    except ValueError:
        raise UnknownFilter(_("The selection could not be read: select the images again.")) from None
    there = all_of(of_team(asked), Condition("i.id = ANY(%s)", [wanted]))
    ids = _ids(Condition(f"SELECT i.id FROM catalog_image i WHERE {there.sql}", there.params))  # noqa: S608
    return Chosen(query, asked, ids, len(ids), True)


def remote_ids(team: Team, chosen: Chosen) -> list[str]:
    """What the clouds call these images, each once, sorted."""
    sql = "SELECT DISTINCT i.remote_id FROM catalog_image i WHERE i.team_id = %s AND i.id = ANY(%s) ORDER BY 1"
    with connection.cursor() as cursor:
        cursor.execute(sql, [team.id, chosen.ids])
        return [remote_id for (remote_id,) in cursor.fetchall()]


def _ids(rows: Condition) -> list[UUID]:
    """Sorted."""
    with connection.cursor() as cursor:
        cursor.execute(*rows)
        return sorted(image_id for (image_id,) in cursor.fetchall())
