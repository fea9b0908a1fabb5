"""What a listing brings, kept beside the inventory until it is known to be complete: two temporary tables of the
run's connection.

A killed worker leaves nothing to clean up. An image that is on the shelf with the same content hash is staged by its
key and hash alone, so that an unchanged listing costs one look-up a batch and nothing is computed for it.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from uuid import UUID

import psycopg
from django.db import DatabaseError, transaction

from catalog.leases import session
from catalog.providers.base import RemoteImage
from catalog.rows import COLUMNS, content_hash, to_json, values

BATCH_ROWS = 2_000
BATCH_BYTES = 16 * 1024 * 1024

_TABLES = f"""
CREATE TEMP TABLE sync_staging AS
    SELECT 0 AS n, '' AS scope, false AS whole, key, content_hash, {", ".join(COLUMNS)}, extra AS document
    FROM catalog_image WITH NO DATA;
CREATE TEMP TABLE sync_delta (
    n int, id uuid NOT NULL, what text NOT NULL, differs boolean NOT NULL DEFAULT false,
    own text[] NOT NULL DEFAULT '{{}}'
);
"""  # noqa: S608
_DROP = "DROP TABLE IF EXISTS sync_staging, sync_delta"
_COPY_KNOWN = "COPY sync_staging (n, scope, whole, key, content_hash) FROM STDIN"
_COPY_WHOLE = f"COPY sync_staging (n, scope, whole, key, content_hash, {', '.join(COLUMNS)}, document) FROM STDIN"
_KNOWN = """
    SELECT key, content_hash FROM catalog_image
    WHERE source_id = %s AND missing_since IS NULL AND key = ANY(%s)"""
# The later of two is the newer observation.
_COLLAPSE = """
    DELETE FROM sync_staging s
    USING (SELECT key, max(n) AS n FROM sync_staging GROUP BY key HAVING count(*) > 1) AS last
    WHERE s.key = last.key AND s.n < last.n"""

type _Staged = tuple[str, RemoteImage, bytes]


@contextmanager
def staging_tables() -> Iterator[None]:
    """The two tables, empty, for the length of a run."""
    session().execute(_DROP)
    for statement in _TABLES.strip().split(";")[:2]:
        session().execute(statement)
    try:
        yield
    finally:
        with suppress(
            psycopg.Error, DatabaseError
        ):  # the run's own error is what matters; tables go with their connection
            session().execute(_DROP)


class Staging:
    """One listing on its way into the staging table, a batch at a time.

    With `lean`, an image that is on the shelf unchanged is staged by key and hash alone; if the shelf moves before the
    listing is applied, that shows there (applying.py), and the listing is made again without.
    """

    def __init__(self, source_id: UUID, *, lean: bool) -> None:
        self._source_id, self._lean = source_id, lean
        self._waiting: list[_Staged] = []
        self._bytes = self._n = 0
        session().execute("TRUNCATE sync_staging")

    def add(self, scope: str, images: Iterable[RemoteImage]) -> None:
        for image in images:
            safe, digest, size = content_hash(image)
            self._waiting.append((scope, safe, digest))
            self._bytes += size
            if len(self._waiting) >= BATCH_ROWS or self._bytes >= BATCH_BYTES:
                self._flush()

    def finish(self) -> dict[str, int]:
        """Everything staged, what came twice collapsed, the table analysed: how many distinct images came of each
        scope."""
        self._flush()
        with transaction.atomic():
            db = session()
            db.execute("SELECT set_config('work_mem', '64MB', true)")
            db.execute(_COLLAPSE)
            db.execute("ANALYZE sync_staging (n, whole, key, content_hash)")
            return dict(db.execute("SELECT scope, count(*) FROM sync_staging GROUP BY scope").fetchall())

    def _flush(self) -> None:
        waiting, self._waiting, self._bytes = self._waiting, [], 0
        if not waiting:
            return
        db, known = session(), self._known(waiting)
        plain: list[tuple[Any, ...]] = []
        with db.cursor() as cursor, cursor.copy(_COPY_WHOLE) as copy:
            for scope, image, digest in waiting:
                self._n += 1
                if known.get(image.key) == digest:
                    plain.append((self._n, scope, False, image.key, digest))
                else:
                    row = (self._n, scope, True, image.key, digest, *values(image), to_json(image.document))
                    copy.write_row(row)
        if plain:
            with db.cursor() as cursor, cursor.copy(_COPY_KNOWN) as copy:
                for row in plain:
                    copy.write_row(row)

    def _known(self, waiting: list[_Staged]) -> dict[str, bytes]:
        """The hashes of those that are on the shelf and not missing, by key."""
        if not self._lean:
            return {}
        keys = [image.key for _, image, _ in waiting]
        return {key: bytes(digest) for key, digest in session().execute(_KNOWN, [self._source_id, keys])}
