"""A made shelf into a database of its own, by COPY: in minutes for a million images. Only its team's counts are not
copied: the product's triggers make them, as they do for a sync.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from itertools import batched
from typing import Any
from uuid import UUID, uuid5

from django.db import connection, transaction
from django.utils import timezone

from benchmarks import shelf
from benchmarks.home import say

TEAM, EMAIL, PASSWORD = "bench", "bench@example.org", "a-long-password-of-the-benchmark"
BATCH = 25_000
NAMES = UUID("6f1a4d5e-3c1b-4c0e-9a3d-2f7f3b1f8f10")


def use(size: int) -> None:
    """Make the database of this size the one Django uses, loaded if it is not yet, migrated if it is older."""
    from django.core.management import call_command

    name = f"shelf_{size}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname IN (%s, %s)", [name, f"{name}_new"])
        there = {row[0] for row in cursor.fetchall()}
        if name not in there:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}_new")
            cursor.execute(f"CREATE DATABASE {name}_new")
    if name not in there:
        _connect(f"{name}_new")
        call_command("migrate", verbosity=0)
        _load(size)
        _connect("bootshelf")
        with connection.cursor() as cursor:
            cursor.execute(f"ALTER DATABASE {name}_new RENAME TO {name}")
    _connect(name)
    if _is_older():
        call_command("migrate", verbosity=0)
        _tidy()
    _refresh()


def _is_older() -> bool:
    from django.db.migrations.executor import MigrationExecutor

    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def _tidy() -> None:
    """What autovacuum would see to in time: the planner knows nothing of a table that was just written."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
        cursor.execute("CHECKPOINT")


def _connect(name: str) -> None:
    connection.close()
    connection.settings_dict["NAME"] = name


def _refresh() -> None:
    """Every source has just been listed, but for one that fails and the one that was removed."""
    from catalog.models import Source

    Source.objects.filter(archived_at=None, last_error=None).update(last_complete_at=timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE) catalog_source")


def _load(size: int) -> None:
    started = time.monotonic()
    team_id, sources = _people_and_sources()
    with _without_indexes("catalog_image", "catalog_imagedocument", "catalog_imagechange"):
        for batch in batched(shelf.images(size), BATCH):
            _copy(team_id, sources, batch)
        say(f"  {size} images copied after {time.monotonic() - started:.0f} s")
    _tidy()
    say(f"  indexed and analysed after {time.monotonic() - started:.0f} s")


def _people_and_sources() -> tuple[UUID, dict[int, UUID]]:
    """The team's id and those of its sources by number. Its one member is an editor, as most are."""
    from accounts.actions import add_member, create_team
    from accounts.models import CloudAccount
    from catalog.models import Source

    team = create_team(TEAM, "Bench", "benchmark")
    add_member(team, EMAIL, "editor", "benchmark", password=PASSWORD, name="Ben Ch")
    accounts = {
        (vendor, name): CloudAccount.objects.create(team=team, vendor=vendor, name=name)
        for vendor, names in shelf.ACCOUNTS.items()
        for name in names
    }
    sources = {}
    for place in shelf.places():
        account = accounts[place.vendor, place.account]
        source = Source(id=uuid5(NAMES, f"{place.number}"), team=team, cloud_account=account, account_name=account.name)
        source.kind, source.region, source.cluster = place.kind, place.region, place.cluster
        source.last_complete_at = shelf.NOW
        if place.is_archived:
            source.archived_at = shelf.NOW
        if place.number == 38:
            source.failures, source.last_complete_at = 3, shelf.NOW - timedelta(hours=5)
            source.last_error = {"operation": "ListImages", "code": "Timeout", "message": "No answer.",
                                 "request_id": None, "kind": "unreachable", "at": shelf.NOW.isoformat()}  # fmt: skip
        source.save()
        sources[place.number] = source.id
    return team.id, sources


@contextmanager
def _without_indexes(*tables: str) -> Iterator[None]:
    """Indexes that no constraint needs are built once, at the end."""
    with connection.cursor() as cursor:
        cursor.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
        cursor.execute(
            "SELECT x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid) FROM pg_index x"
            " WHERE x.indrelid = ANY(%s::regclass[])"
            " AND NOT EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = x.indexrelid)",
            [list(tables)],
        )
        found = cursor.fetchall()
        for name, _ in found:
            cursor.execute(f"DROP INDEX {name}")
    yield
    with connection.cursor() as cursor:
        for _, definition in found:
            cursor.execute(definition)


_STATIC = ("id", "team_id", "source_id", "key", "content_hash")
_OWN = ("first_seen_at", "changed_at", "last_seen_at", "missing_since", "labels", "starred", "note", "own_text")


@transaction.atomic
def _copy(team_id: UUID, sources: dict[int, UUID], batch: tuple[shelf.Made, ...]) -> None:
    from catalog.rows import COLUMNS, to_json

    with connection.cursor() as cursor:
        with cursor.cursor.copy(f"COPY catalog_image ({', '.join((*_STATIC, *COLUMNS, *_OWN))}) FROM STDIN") as copy:
            for made in batch:
                copy.write_row(_row(team_id, sources, made))
        with cursor.cursor.copy("COPY catalog_imagedocument (image_id, team_id, document) FROM STDIN") as copy:
            for made in batch:
                copy.write_row((made.id, team_id, to_json(made.image.document)))
        with cursor.cursor.copy(
            "COPY catalog_imagechange (team_id, source_id, image_id, at, kind, field, before, after) FROM STDIN"
        ) as copy:
            for made in batch:
                if made.changed_at > made.first_seen_at:
                    what = ("missing", "") if made.missing_since else ("changed", "status")
                    words = (made.image.status, "Creating") if what[1] else (None, None)
                    copy.write_row((team_id, sources[made.place.number], made.id, made.changed_at, *what, *words))


def _row(team_id: UUID, sources: dict[int, UUID], made: shelf.Made) -> tuple[Any, ...]:
    from catalog.rows import COLUMNS, content_hash, values
    from catalog.search import fold, search_pieces

    image, digest, _size = content_hash(made.image)
    found = list(values(image))
    own = fold("\n".join(filter(None, (*made.labels, made.note))))
    if own:
        text, pieces = COLUMNS.index("search_text"), COLUMNS.index("search_pieces")
        found[text] = f"{found[text]}\n{own}"
        found[pieces] = search_pieces(found[text])
    last_seen = made.first_seen_at if made.missing_since else None
    mine = (made.first_seen_at, made.changed_at, last_seen, made.missing_since)
    marks = (made.labels, made.starred, made.note, own)
    return (made.id, team_id, sources[made.place.number], image.key, digest, *found, *mine, *marks)


def database_url() -> str:
    """The address of the database in use, as DATABASE_URL takes it."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(os.environ["DATABASE_URL"], dbname=connection.settings_dict["NAME"])


def facet_rows() -> int:
    from catalog.models import FacetCount

    return FacetCount.objects.count()
