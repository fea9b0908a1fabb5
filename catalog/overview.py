"""What the Overview says of a team's shelf: how much there is, how it grew, what needs a person.

All of it comes from what is kept anyway: the counts of the facets, the last runs, the sources. As many queries for a
hundred images as for a million, and none that counts images.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from catalog.browse import ImageFilter
from catalog.counts import Counts
from catalog.labels import SUPPORT_TONES, value_label
from catalog.models import Source

DAYS = 90
POINTS = 31
# A chart of less says nothing.
LEAST = timedelta(days=1)
WEEK = timedelta(days=7)
BARS = 5
LAST = ("other", "unknown")

CHART_WIDTH, CHART_HEIGHT, CHART_MARGIN = 660, 150, 6


@dataclass(frozen=True, slots=True)
class Week:
    """What the complete listings of seven days brought and lost; `gained` counts what came back too."""

    gained: int
    lost: int


def this_week(team_id: UUID, source_ids: Sequence[UUID]) -> Week:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(added + returned), 0), coalesce(sum(missing), 0) FROM catalog_syncrun"
            " WHERE source_id = ANY(%s) AND team_id = %s AND created_at > %s",
            [list(source_ids), team_id, timezone.now() - WEEK],
        )
        return Week(*map(int, cursor.fetchone()))


@dataclass(frozen=True, slots=True)
class Trend:
    """How many images the clouds listed, from `since` until now. `line` and `area` are points of an SVG of CHART_WIDTH
    by CHART_HEIGHT, whose foot is `least`, not zero: the numbers stand beside it."""

    since: datetime
    until: datetime
    first: int
    last: int
    least: int
    most: int
    line: str
    area: str

    @property
    def days(self) -> int:
        return round((self.until - self.since) / timedelta(days=1))


# At each moment, what the last complete run of each source listed: one step down an index for each of them.
_LISTED = """
    SELECT at, sum(run.listed) FROM unnest(%s::timestamptz[]) AS at
    CROSS JOIN unnest(%s::uuid[]) AS wanted(id)
    CROSS JOIN LATERAL (SELECT listed FROM catalog_syncrun
        WHERE source_id = wanted.id AND team_id = %s AND state = 'complete' AND created_at <= at
        ORDER BY created_at DESC LIMIT 1) AS run
    GROUP BY at ORDER BY at"""


def trend(team_id: UUID, sources: Sequence[Source]) -> Trend | None:
    """Over ninety days, or since the first source was added; None where that is not a day ago. One query."""
    until = timezone.now()
    since = max(until - timedelta(days=DAYS), min((source.created_at for source in sources), default=until))
    if until - since < LEAST:
        return None
    step = (until - since) / (POINTS - 1)
    points = [since + place * step for place in range(POINTS)]
    with connection.cursor() as cursor:
        cursor.execute(_LISTED, [points, [source.id for source in sources], team_id])
        found = [(at, int(listed)) for at, listed in cursor.fetchall()]
    return _drawn(found) if len(found) > 1 else None


def _drawn(found: Sequence[tuple[datetime, int]]) -> Trend:
    listed = [n for _at, n in found]
    least, most = min(listed), max(listed)
    room, span = CHART_HEIGHT - 2 * CHART_MARGIN, (most - least) or 1
    places = [
        (CHART_WIDTH * place / (len(listed) - 1), CHART_HEIGHT - CHART_MARGIN - room * (n - least) / span)
        for place, n in enumerate(listed)
    ]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    area = f"0,{CHART_HEIGHT} {line} {CHART_WIDTH},{CHART_HEIGHT}"
    return Trend(found[0][0], found[-1][0], listed[0], listed[-1], least, most, line, area)


@dataclass(frozen=True, slots=True)
class Bar:
    """One value of a facet. `width` is its share of the largest, in hundredths; `query` shows its images."""

    label: str
    n: int
    width: int
    tone: str
    query: str


def bars(asked: ImageFilter, counts: Counts, dimension: str) -> list[Bar]:
    """The most frequent values of a facet, what is not known last."""
    found = counts.facets[dimension]
    ordered = sorted(found.items(), key=lambda one: (one[0] in LAST, -one[1], one[0]))
    if dimension == "support":  # in the order of how well they fare
        ordered = [(state, found[state]) for state in (*SUPPORT_TONES, "unknown") if state in found]
    shown = [(value, n) for value, n in ordered if n][:BARS]
    return _bars(asked, dimension, shown)


def _bars(asked: ImageFilter, dimension: str, shown: Iterable[tuple[str, int]]) -> list[Bar]:
    values = list(shown)
    largest = max((n for _value, n in values), default=1)
    return [
        Bar(
            value_label(dimension, value),
            n,
            max(1, round(100 * n / largest)),
            "muted" if value in LAST else SUPPORT_TONES.get(value, ""),
            asked.toggled(dimension, value).query(),
        )
        for value, n in values
    ]
