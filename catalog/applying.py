"""A complete listing becomes the inventory: one short transaction under the source's lock (DESIGN.md, the way in).

It compares by content hash and touches only what differs: new, changed, returned and lost images. Facet counts move by
the triggers on images. An image is never deleted: what is not listed is marked missing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from catalog.leases import NEXT_SYNC, PAUSING, Hold, RunLost, close_complete, close_suspect, keep, session
from catalog.locks import LOCK_SQL, lock_name
from catalog.marks import keep_own_pieces
from catalog.models import Source
from catalog.overrides import keep_overrides
from catalog.providers import PROVIDERS
from catalog.rows import COLUMNS, REPORTED_COLUMNS
from catalog.shelving import close_removed, close_seen

# Losing everything is suspect, and so is losing more than both of these.
SUSPECT_SHARE, SUSPECT_COUNT = 0.3, 20
# A change keeps so much of what was and of what is.
TOLD_LENGTH = 1_000
# A suspect run names so many of the images that would go missing.
LOST_NAMED, NAME_LENGTH = 50, 200


def listing_operation(kind: str) -> str:
    """The call that lists the images, among those a provider makes."""
    return next(name for name in PROVIDERS[kind].operations if "Image" in name)


class ShelfMoved(Exception):
    """An image that was staged as unchanged is so no more: somebody else wrote it meanwhile. List again."""


class SourceRemoved(Exception):
    """The source was taken down while it was listed."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What is staged: how many distinct images, when their listing began and when it was over, in the database's
    time."""

    listed: int
    began: datetime
    ended: datetime


def apply_listing(hold: Hold, listing: Listing) -> str:
    """Apply what is staged and close the run; its state: complete or suspect. Raises ShelfMoved, SourceRemoved or
    RunLost, and then nothing has changed."""
    with transaction.atomic():
        db = session()
        db.execute("SELECT set_config('work_mem', '64MB', true), set_config('jit', 'off', true)")
        db.execute(LOCK_SQL, [lock_name(hold.source_id)])
        if not keep(hold.team_id, hold.source_id):
            raise RunLost
        source = Source.objects.get(id=hold.source_id)
        if source.archived_at:
            raise SourceRemoved
        values = {
            "team": hold.team_id,
            "source": hold.source_id,
            "run": hold.run_id,
            "began": listing.began,
            "at": listing.ended,
            "last": source.last_complete_at,
        }
        found = _compare(values)
        loss = _suspect_loss(values) if found.get("lost") else None
        if loss and not _is_accepted(values, digest := _digest()):
            close_suspect(hold, listing.listed, digest, _suspicion(source, *loss) | _kept(values, digest))
            _refresh_source(values, "")
            return "suspect"
        counts = _write(values, found, is_first=source.last_complete_at is None)
        if close_seen(source) and counts["missing"]:
            counts["missing"] = _missed(values)
        close_removed(source)
        # Else checked at commit, ten seconds for a million images. So long would the heartbeat and the beat wait, who
        # write the run and its source too.
        db.execute("SET CONSTRAINTS ALL IMMEDIATE")
        close_complete(hold, counts | {"listed": listing.listed})
        _refresh_source(values, "last_complete_at = %(at)s,")
    return "complete"


# new: not on the shelf. seen: put there by a registration and listed now for the first time. lost: on the shelf and not
# listed; an image registered, or brought back so, while the listing ran is not. stale: staged as unchanged and not so
# any more.
_COMPARE = """
    INSERT INTO sync_delta (n, id, what)
    SELECT s.n, coalesce(i.id, gen_random_uuid()), CASE
        WHEN s.n IS NULL THEN 'lost'
        WHEN NOT s.whole THEN 'stale'
        WHEN i.id IS NULL THEN 'new'
        WHEN i.missing_since IS NOT NULL THEN 'returned'
        WHEN i.content_hash = '' THEN 'seen'
        ELSE 'changed' END
    FROM (
        SELECT id, key, content_hash, missing_since,
            CASE WHEN content_hash = '' THEN changed_at ELSE first_seen_at END AS here_since
        FROM catalog_image WHERE source_id = %(source)s
    ) AS i
    FULL JOIN sync_staging s ON s.key = i.key
    WHERE i.id IS NULL OR i.content_hash <> s.content_hash OR (s.n IS NOT NULL AND i.missing_since IS NOT NULL)
        OR (s.n IS NULL AND i.missing_since IS NULL AND i.here_since < %(began)s)"""


def _compare(values: Mapping[str, Any]) -> dict[str, int]:
    """Fill sync_delta with what is to be done; how many of each. Raises ShelfMoved."""
    db = session()
    db.execute("TRUNCATE sync_delta")
    db.execute(_COMPARE, values)
    found: dict[str, int] = dict(db.execute("SELECT what, count(*) FROM sync_delta GROUP BY what").fetchall())
    if found.get("stale"):
        raise ShelfMoved
    if found:
        db.execute("ANALYZE sync_delta")
    return found


# An image that an admin had removed is expected to go.
_EXPECTED = """ AND NOT EXISTS (
        SELECT FROM catalog_removal r WHERE r.image_id = i.id AND r.state IN ('sending', 'succeeded', 'unknown'))"""
_LOSS = f"""
    SELECT count(*), count(d.id) FROM catalog_image i LEFT JOIN sync_delta d ON d.id = i.id AND d.what = 'lost'
    WHERE i.source_id = %(source)s AND i.missing_since IS NULL AND i.content_hash <> ''
        AND i.first_seen_at < %(began)s{_EXPECTED}"""  # noqa: S608
_LOST = f"""
    SELECT i.id, left(i.name, %s) FROM sync_delta d JOIN catalog_image i ON i.id = d.id
    WHERE d.what = 'lost' AND i.content_hash <> ''{_EXPECTED} ORDER BY i.name_key, i.id LIMIT %s"""  # noqa: S608
_DIGEST = """
    SELECT int8send(count(*)) || int8send(coalesce(bit_xor(hashtextextended(key, 0)), 0))
        || int8send(coalesce(bit_xor(hashtextextended(key, 1)), 0)) FROM sync_staging"""
_BELIEVED = """
    (SELECT digest FROM catalog_syncrun WHERE id = %(run)s)
    UNION ALL
    (SELECT CASE WHEN state = 'suspect' AND error->>'kept_by' IS NULL THEN digest END FROM catalog_syncrun
    WHERE source_id = %(source)s AND id <> %(run)s AND state IN ('suspect', 'complete')
    ORDER BY created_at DESC LIMIT 1)"""
_KEPT = """
    SELECT digest, error->>'kept_by', error->>'kept_at' FROM catalog_syncrun
    WHERE source_id = %(source)s AND id <> %(run)s AND state IN ('suspect', 'complete')
    ORDER BY created_at DESC LIMIT 1"""


def _suspect_loss(values: Mapping[str, Any]) -> tuple[int, int] | None:
    """(lost, present) if so many are lost that the listing is not to be believed at once. Only images that were
    listed before count."""
    present, lost = session().execute(_LOSS, values).fetchall()[0]
    is_suspect = lost and (lost == present or (lost > SUSPECT_COUNT and lost > SUSPECT_SHARE * present))
    return (lost, present) if is_suspect else None


def _digest() -> bytes:
    """What tells two equal listings: 24 bytes of which images they have, whatever those say of themselves."""
    return bytes(session().execute(_DIGEST).fetchall()[0][0])


def _is_accepted(values: Mapping[str, Any], digest: bytes) -> bool:
    """Whether an admin said that this listing is to be believed, or the complete listing before this one was the
    same and no admin said that the shelf is to be kept."""
    rows = session().execute(_BELIEVED, values).fetchall()
    return any(row[0] is not None and bytes(row[0]) == digest for row in rows)


def _kept(values: Mapping[str, Any], digest: bytes) -> dict[str, str]:
    """Who said of the same listing, the last time it came, that the shelf is to be kept: that holds until it is another
    or somebody accepts it."""
    for before, kept_by, kept_at in session().execute(_KEPT, values):
        if kept_by and before is not None and bytes(before) == digest:
            return {"kept_by": kept_by, "kept_at": kept_at}
    return {}


def _suspicion(source: Source, lost: int, present: int) -> dict[str, Any]:
    """The error of a suspect run, with the first of the images that would go missing, by name."""
    named = session().execute(_LOST, [NAME_LENGTH, LOST_NAMED]).fetchall()
    return {
        "operation": listing_operation(source.kind),
        "code": "SuspectListing",
        "message": f"The listing lacks {lost} of {present} images. Nothing was changed.",
        "request_id": None,
        "kind": "suspect",
        "lost": lost,
        "present": present,
        "images": [{"id": str(image_id), "name": name} for image_id, name in named],
    }


_NAMES = ", ".join(COLUMNS)
_VALUES = ", ".join(f"s.{name}" for name in COLUMNS)
_INSERT = f"""
    INSERT INTO catalog_image (id, team_id, source_id, first_seen_at, changed_at, key, content_hash, {_NAMES})
    SELECT d.id, %(team)s, %(source)s, %(at)s, %(at)s, s.key, s.content_hash, {_VALUES}
    FROM sync_delta d JOIN sync_staging s ON s.n = d.n WHERE d.what = 'new'"""  # noqa: S608
# What the team says of an image itself stays in what is searched of it: `own` holds its pieces (catalog/marks.py).
_SEARCHED = {
    "search_text": "s.search_text || i.own_text",
    "search_pieces": """CASE WHEN d.own = '{}' THEN s.search_pieces ELSE
        ARRAY(SELECT DISTINCT piece COLLATE "C" FROM unnest(s.search_pieces || d.own) AS piece ORDER BY 1) END""",
}
_UPDATE = f"""
    UPDATE catalog_image i SET content_hash = s.content_hash,
        {", ".join(f"{name} = {_SEARCHED.get(name, f's.{name}')}" for name in COLUMNS)},
        missing_since = NULL, last_seen_at = NULL,
        changed_at = CASE WHEN d.differs OR d.what = 'returned' THEN %(at)s ELSE i.changed_at END
    FROM sync_delta d JOIN sync_staging s ON s.n = d.n
    WHERE i.id = d.id AND d.what IN ('changed', 'returned', 'seen')"""  # noqa: S608
_MARK_MISSING = """
    UPDATE catalog_image i SET state = 'missing', missing_since = %(at)s, changed_at = %(at)s,
        last_seen_at = greatest(i.first_seen_at, %(last)s)
    FROM sync_delta d WHERE i.id = d.id AND d.what = 'lost'"""
_DOCUMENTS = """
    INSERT INTO catalog_imagedocument AS o (image_id, team_id, document)
    SELECT d.id, %(team)s, s.document FROM sync_delta d JOIN sync_staging s ON s.n = d.n
    ON CONFLICT (image_id) DO UPDATE SET document = excluded.document
    WHERE o.document IS DISTINCT FROM excluded.document"""
# "document" stands for what has no column, and is told only where nothing else is. A row written anew because the
# mapping of the product changed, with nothing to tell, is no change, nor is a registration's row once it is listed.
_FIELDS = (
    ", ".join(f"('{name}', i.{name}::text, s.{name}::text)" for name in REPORTED_COLUMNS if name != "state")
    + ", ('state', CASE WHEN i.missing_since IS NULL THEN i.state ELSE s.state END, s.state)"
)
_TELL_CHANGED = f"""
    WITH told AS (
        INSERT INTO catalog_imagechange (team_id, source_id, run_id, image_id, at, kind, field, before, after)
        SELECT %(team)s, %(source)s, %(run)s, i.id, %(at)s, 'changed', c.field,
            left(c.before, {TOLD_LENGTH}), left(c.after, {TOLD_LENGTH})
        FROM sync_delta d JOIN sync_staging s ON s.n = d.n JOIN catalog_image i ON i.id = d.id
        LEFT JOIN catalog_imagedocument o ON o.image_id = i.id
        CROSS JOIN LATERAL (
            WITH fields AS (
                SELECT * FROM (VALUES {_FIELDS}) AS v (field, before, after) WHERE v.before IS DISTINCT FROM v.after
            )
            SELECT * FROM fields
            UNION ALL SELECT 'document', NULL, NULL WHERE NOT EXISTS (SELECT FROM fields)
                AND (i.extra IS DISTINCT FROM s.extra OR o.document IS DISTINCT FROM s.document)
        ) AS c
        WHERE d.what IN ('changed', 'returned') AND i.content_hash <> '' RETURNING image_id
    )
    UPDATE sync_delta d SET differs = true FROM (SELECT DISTINCT image_id FROM told) AS t WHERE d.id = t.image_id"""  # noqa: S608
_TELL_REST = """
    INSERT INTO catalog_imagechange (team_id, source_id, run_id, image_id, at, kind, field)
    SELECT %(team)s, %(source)s, %(run)s, id, %(at)s,
        CASE what WHEN 'new' THEN 'added' WHEN 'lost' THEN 'missing' ELSE 'returned' END, ''
    FROM sync_delta WHERE what = ANY(%(told)s)"""


def _write(values: Mapping[str, Any], found: Mapping[str, int], *, is_first: bool) -> dict[str, int]:
    """Write what sync_delta says, and nothing where it says nothing. A first sync does not tell what is new: all is,
    but for what a registration put there."""
    db, changed = session(), 0
    rewritten = any(found.get(what) for what in ("changed", "returned", "seen"))
    if rewritten:
        keep_overrides(values)
    if found.get("changed") or found.get("returned"):
        changed = db.execute(_TELL_CHANGED, values).rowcount
    if found.get("new"):
        db.execute(_INSERT, values)
    if rewritten:
        keep_own_pieces(db)
        db.execute(_UPDATE, values)
    if rewritten or found.get("new"):
        db.execute(_DOCUMENTS, values)
    if found.get("lost"):
        db.execute(_MARK_MISSING, values)
    told = [what for what in ("new", "lost", "returned") if found.get(what) and not (is_first and what == "new")]
    if told:
        db.execute(_TELL_REST, {**values, "told": told})
    return {
        "added": found.get("new", 0),
        "changed": changed,
        "missing": found.get("lost", 0),
        "returned": found.get("returned", 0),
    }


def _missed(values: Mapping[str, Any]) -> int:
    """How many images this listing is the first to miss, once those that stood in for a listed one are gone."""
    sql = "SELECT count(*) FROM catalog_image WHERE source_id = %(source)s AND missing_since = %(at)s"
    return int(session().execute(sql, values).fetchall()[0][0])


def _refresh_source(values: Mapping[str, Any], assignment: str) -> None:
    """The cloud answered: no error is left, and a pause for one is over."""
    session().execute(
        f"""UPDATE catalog_source SET {assignment} failures = 0, last_error = NULL, next_sync_at = {NEXT_SYNC},
            paused_at = CASE WHEN paused_reason = ANY(%(cured)s) THEN NULL ELSE paused_at END,
            paused_reason = CASE WHEN paused_reason = ANY(%(cured)s) THEN '' ELSE paused_reason END
        WHERE id = %(source)s""",  # noqa: S608
        {**values, "cured": list(PAUSING)},
    )
