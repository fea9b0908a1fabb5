"""How far a member has read the changes: what is new since their last visit of the Changes page.

A visit goes on while its pages are opened less than half an hour apart, so that reloading and paging do not lose what
is new. A sync's changes have the time at which its listing ended, and are there to be seen when it is applied, which
may be minutes later: what is shown to the end is what came before any sync that was being applied.
"""

from datetime import datetime
from typing import Any

from django.db import connection

from accounts.models import Membership

AWAY_MINUTES = 30
MOST_NEW = 99
# Between the end of a listing, or the begin of a person's transaction, and that it is there to be seen.
_MARGIN_SECONDS = 5

_OPEN = f"""
    INSERT INTO catalog_changevisit AS v (id, team_id, membership_id, since, opened_at, shown_until)
    SELECT gen_random_uuid(), %(team)s, %(membership)s, NULL, clock_timestamp(), least(
        clock_timestamp() - interval '{_MARGIN_SECONDS} seconds',
        (SELECT min(started_at) FROM catalog_syncrun WHERE team_id = %(team)s AND state = 'applying'))
    ON CONFLICT (membership_id) DO UPDATE SET
        since = CASE WHEN v.opened_at < excluded.opened_at - interval '{AWAY_MINUTES} minutes' THEN v.shown_until
            ELSE v.since END,
        opened_at = excluded.opened_at,
        shown_until = greatest(v.shown_until, excluded.shown_until)
    RETURNING since"""  # noqa: S608
_SEEN = """
    UPDATE catalog_changevisit SET since = shown_until WHERE team_id = %(team)s AND membership_id = %(membership)s"""
# The latest first, down to the mark, along the index: a join read every change of the team (300 ms of a million).
_COUNT = f"""
    SELECT count(*) FROM (
        SELECT FROM catalog_imagechange c WHERE c.team_id = %(team)s AND c.at > (
            SELECT v.{{}} FROM catalog_changevisit v WHERE v.team_id = %(team)s AND v.membership_id = %(membership)s)
        ORDER BY c.at DESC LIMIT {MOST_NEW + 1}) AS new"""  # noqa: S608


def open_page(membership: Membership) -> datetime | None:
    """The page is opened: what is after this is new to this member in this visit; None at the first of all."""
    since: datetime | None = _one(_OPEN, membership)
    return since


def mark_seen(membership: Membership) -> None:
    """Nothing is new any more that was there when the page was last opened."""
    with connection.cursor() as cursor:
        cursor.execute(_SEEN, _member(membership))


def new_in_visit(membership: Membership) -> int:
    """How many changes are new in this visit, MOST_NEW + 1 for more; 0 at the first."""
    return int(_one(_COUNT.format("since"), membership))


def since_opened(membership: Membership) -> tuple[str, dict[str, Any]]:
    """SQL that counts what came since the page was last opened, MOST_NEW + 1 for more, 0 for who never did."""
    return _COUNT.format("shown_until"), _member(membership)


def _one(sql: str, membership: Membership) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql, _member(membership))
        row = cursor.fetchone()
        return row[0] if row else None


def _member(membership: Membership) -> dict[str, Any]:
    return {"team": membership.team_id, "membership": membership.id}
