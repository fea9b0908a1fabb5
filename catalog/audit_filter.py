"""Which audit rows of a team are looked at: by `actor`, by `action`, by days, and by words that the name of what it was
done to must have (catalog/list_filter.py).
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from django.db import connection
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from accounts.models import AuditEvent, Team
from catalog import list_filter
from catalog.audit_words import ACTIONS
from catalog.list_filter import ListFilter, fetch_page
from catalog.positions import Page
from catalog.query_strings import cut

MOST_ACTORS = 200
# So many rows that have the words are looked up by them; with more, rows are looked through for the words.
MOST_FOUND = 1_000


class AuditFilter(ListFilter):
    __slots__ = ()
    DIMENSIONS: ClassVar[Mapping[str, Promise]] = {"actor": _("Who"), "action": _("What")}

    def known(self, dimension: str) -> Iterable[tuple[str, str]]:
        if dimension == "action":
            return [(action, str(words)) for action, words in ACTIONS.items()]
        return ListFilter.known(self, dimension)

    def of(self, team: Team) -> QuerySet[AuditEvent]:
        """Those of the team that it selects."""
        found = AuditEvent.objects.filter(team=team.id)
        if actors := self.choices.get("actor"):
            found = found.filter(actor__in=actors)
        if actions := self.choices.get("action"):
            found = found.filter(action__in=actions)
        for word in self.q.split():
            found = found.filter(target__icontains=word)
        return self.within_days(found, "at")


def parse(query: QueryDict, actors: tuple[str, ...] = ()) -> AuditFilter:
    """What a query string asks for. What it does not understand is left out, and told in `notices`."""
    return list_filter.parse(query, AuditFilter, {"action": _wrong_action}, actors)


def _wrong_action(action: str) -> str | None:
    return None if action in ACTIONS else _t("There is no action “%(action)s”.") % {"action": cut(action)}


# From one actor to the next along the index, whatever they did.
_ACTORS = """
    WITH RECURSIVE found AS (
        (SELECT actor FROM accounts_auditevent WHERE team = %(team)s ORDER BY actor LIMIT 1)
        UNION ALL SELECT (
            SELECT a.actor FROM accounts_auditevent a WHERE a.team = %(team)s AND a.actor > f.actor
            ORDER BY a.actor LIMIT 1
        ) FROM found f WHERE f.actor IS NOT NULL
    ) SELECT actor FROM found WHERE actor IS NOT NULL LIMIT %(most)s"""


def actors_of(team: Team) -> tuple[str, ...]:
    """Everyone who did something, former members, commands and the product itself too."""
    with connection.cursor() as cursor:
        cursor.execute(_ACTORS, {"team": team.id, "most": MOST_ACTORS})
        return tuple(actor for (actor,) in cursor.fetchall())


def fetch(team: Team, asked: AuditFilter, cursor: str) -> Page[AuditEvent]:
    """The page at a cursor, "" for the newest. One query, one more for words. Raises BadCursor."""
    rows = asked.of(team)
    if asked.q and (few := _few(rows)) is not None:
        rows = AuditEvent.objects.filter(team=team.id, id__in=few)
    return fetch_page(rows, "at", cursor)


def _few(rows: QuerySet[AuditEvent]) -> list[int] | None:
    """The ids of all that is found, if they are few: then no list is walked to its end for them."""
    found = list(rows.values_list("id", flat=True)[: MOST_FOUND + 1])
    return found if len(found) <= MOST_FOUND else None
