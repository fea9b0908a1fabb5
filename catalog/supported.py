"""Which systems of a team's images are supported today: what the `support` filter and its counts rest on.

Support is no column: it follows from distribution and version, and from the day. The filter is turned into the pairs of
both that the team has, which the planner knows how to estimate.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import date
from uuid import UUID

from django.utils import timezone

from catalog.models import FacetCount
from catalog.os_support import TABLE, support

# state (supported, ending, past) → distribution → versions. What is in none of them is unknown.
Dated = Mapping[str, Mapping[str, list[str]]]


def today() -> date:
    """The day by which support is told, the same for everybody: in UTC."""
    return timezone.now().date()


class Systems:
    """The systems of teams, on one day. A team's are read once, when they are first asked for: one query over its
    facet counts.
    """

    def __init__(self, day: date | None = None) -> None:
        self.day = day or today()
        self._dated: dict[UUID, Dated] = {}

    def dated(self, team_id: UUID) -> Dated:
        if team_id not in self._dated:
            self._dated[team_id] = self._read(team_id)
        return self._dated[team_id]

    def _read(self, team_id: UUID) -> Dated:
        known = {distribution for distribution, _version in TABLE}
        pairs = FacetCount.objects.filter(team_id=team_id, n__gt=0, distribution_facet__in=sorted(known))
        found: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
        for distribution, version in pairs.values_list("distribution_facet", "os_version_facet").distinct():
            state = self.state(distribution, version)
            if state != "unknown":
                found[state][distribution].append(version)
        return found

    def state(self, distribution: str | None, version: str | None) -> str:
        return support(distribution, version, self.day).state
