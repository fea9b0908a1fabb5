"""What no first sync can be faster than: the same image rows by COPY and one set-based upsert, into an empty table with
the same indexes and constraints.
"""

import os
import tempfile
import time
from typing import IO, Any

TABLE = "floor_image"


def floor(source_id: Any) -> dict[str, float]:
    """How many rows, and the seconds in all, for COPY, of the database's processor, and without waiting for one that
    others had."""
    from django.db import connection, transaction

    from benchmarks.syncing import Spent

    # Through a file: the rows of a million images are no benchmark's to keep in memory.
    with connection.cursor() as cursor, tempfile.TemporaryFile() as rows:
        columns = make_table(cursor)
        _copy_out(cursor, columns, source_id, rows)
        pids = (os.getpid(), cursor.connection.info.backend_pid)
        updates = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", ") if name != "id")
        before, started = [Spent.of(pid) for pid in pids], time.perf_counter()
        cursor.execute("CREATE TEMP TABLE floor_staging (LIKE catalog_image)")
        with cursor.cursor.copy(f"COPY floor_staging ({columns}) FROM STDIN") as copy:
            while block := rows.read(1 << 16):
                copy.write(block)
        copied = time.perf_counter()
        with transaction.atomic():
            cursor.execute(
                f"INSERT INTO {TABLE} ({columns}) SELECT {columns} FROM floor_staging"
                f" ON CONFLICT (source_id, key) DO UPDATE SET {updates}"
            )
            count = cursor.rowcount
        ended, spent = time.perf_counter(), [Spent.of(pid) - then for pid, then in zip(pids, before, strict=True)]
        cursor.execute(f"DROP TABLE {TABLE}, floor_staging")
    worked, waited = sum(one.working for one in spent), sum(one.waiting for one in spent)
    return {
        "rows": count,
        "seconds": round(ended - started, 2),
        "copy_seconds": round(copied - started, 2),
        "database_cpu_seconds": round(spent[1].working, 2),
        "quiet_seconds": round(max(ended - started - waited, worked), 2),
    }


def make_table(cursor: Any) -> str:
    """The floor's table, empty, as catalog_image is today; the columns that are written, joined."""
    cursor.execute(
        "SELECT string_agg(attname, ', ' ORDER BY attnum) FROM pg_attribute"
        " WHERE attrelid = 'catalog_image'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''"
    )
    columns = str(cursor.fetchall()[0][0])
    cursor.execute(f"DROP TABLE IF EXISTS {TABLE}, floor_staging")
    cursor.execute(f"CREATE TABLE {TABLE} (LIKE catalog_image INCLUDING ALL)")
    cursor.execute(  # what LIKE leaves out
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'catalog_image'::regclass"
        " AND contype = 'f'"
    )
    for (definition,) in cursor.fetchall():
        cursor.execute(f"ALTER TABLE {TABLE} ADD {definition}")
    return columns


def _copy_out(cursor: Any, columns: str, source_id: Any, rows: IO[bytes]) -> None:
    query = f"COPY (SELECT {columns} FROM catalog_image WHERE source_id = '{source_id}') TO STDOUT"
    with cursor.cursor.copy(query) as copy:
        for block in copy:
            rows.write(block)
    rows.seek(0)
