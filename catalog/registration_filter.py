"""Which registrations are looked at: by `state`, by `who` asked for it, by days, and by words that the name, version,
reference or ID must have (catalog/list_filter.py).
"""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from django.db.models import Q, QuerySet
from django.http import QueryDict
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from catalog import list_filter
from catalog.list_filter import ListFilter, fetch_page
from catalog.models import Registration, RegistrationState
from catalog.positions import Page
from catalog.query_strings import no_value

SIZE = list_filter.SIZE
MOST_PEOPLE = 200
_SEARCHED = ("name", "version", "registry_url", "vm_image_id", "remote_id")


class RegistrationFilter(ListFilter):
    __slots__ = ()
    DIMENSIONS: ClassVar[Mapping[str, Promise]] = {"state": _("State"), "who": _("Who")}

    def known(self, dimension: str) -> Iterable[tuple[str, str]]:
        if dimension == "state":
            return [(value, str(label)) for value, label in RegistrationState.choices]
        return ListFilter.known(self, dimension)

    def of(self, team: Team) -> QuerySet[Registration]:
        """Those of the team that it selects."""
        found = Registration.objects.filter(team=team)
        if states := self.choices.get("state"):
            found = found.filter(state__in=states)
        if people := self.choices.get("who"):
            found = found.filter(requested_by__in=people)
        for word in self.q.split():
            anywhere = Q()
            for column in _SEARCHED:
                anywhere |= Q(**{f"{column}__icontains": word})
            found = found.filter(anywhere)
        return self.within_days(found, "created_at")


def parse(query: QueryDict, people: tuple[str, ...]) -> RegistrationFilter:
    """What a query string asks for. What it does not understand is left out, and told in `notices`."""
    return list_filter.parse(query, RegistrationFilter, {"state": _wrong_state}, people)


def _wrong_state(state: str) -> str | None:
    return None if state in RegistrationState.values else no_value("state", state, RegistrationState.values)


def who_asked(team: Team) -> tuple[str, ...]:
    """Everyone who registered or asked for something, former members too."""
    asked = Registration.objects.filter(team=team).order_by("requested_by").values_list("requested_by", flat=True)
    return tuple(asked.distinct()[:MOST_PEOPLE])


def fetch(team: Team, asked: RegistrationFilter, cursor: str) -> Page[Registration]:
    """The page at a cursor, "" for the newest. One query, however many there are. Raises BadCursor."""
    return fetch_page(asked.of(team).defer("description", "error"), "created_at", cursor)
