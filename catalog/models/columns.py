"""What the tables are made of: rows of a team, keys between them, and the expressions that indexes hold.

Every tenant row carries `team`. A foreign key between tenant rows is composite, (team, id), made by the migrations
(accounts/tenancy.py): hence `db_constraint=False` and DO_NOTHING here, with what a deletion takes along decided there.
"""

import uuid
from typing import Any

from django.db import models

from accounts.models import Team


def tenant_key(to: "type[models.Model] | str", **options: Any) -> Any:
    """A foreign key whose constraint is the composite one of the migrations."""
    return models.ForeignKey(to, on_delete=models.DO_NOTHING, db_constraint=False, **options)


class RowHash(models.Func):
    """64 bits of the values of some columns, the same in every table and every version of PostgreSQL."""

    template = "hash_record_extended(ROW(%(expressions)s), 0)"
    output_field = models.BigIntegerField()


class TextHash(models.Func):
    """64 bits of a text of any length, for an index: a btree entry has a limit."""

    template = "hashtextextended(%(expressions)s, 0)"
    output_field = models.BigIntegerField()


class OwnSystem(models.Func):
    """What an image calls a system that the table does not know, as orders by system have it (catalog/orders.py)."""

    template = "(lower(left(distribution, 60)) || ' ' || coalesce(left(os_version, 60), '')) COLLATE \"C\""
    output_field = models.TextField()


class SortText(models.Func):
    """A text of strangers as a sort key, of which a btree entry holds the beginning (catalog/orders.py)."""

    template = "coalesce(lower(left(nullif(%(expressions)s, ''), 60) COLLATE \"C\"), U&'\\+10FFFF')"
    output_field = models.TextField()


class SortId(models.Func):
    """The same of what is never unknown, and has more that tells one from another."""

    template = 'lower(left(%(expressions)s, 120) COLLATE "C")'
    output_field = models.TextField()


class LastSeen(models.Func):
    """When an image that is missing was listed last: microseconds, as a text of one length (catalog/orders.py)."""

    template = (
        "lpad((extract(epoch FROM coalesce(last_seen_at, first_seen_at) AT TIME ZONE 'UTC') * 1000000)::bigint::text,"
        " 18, '0') COLLATE \"C\""
    )
    output_field = models.TextField()


class Computed(models.GeneratedField):
    """A stored generated column. Its check asks no server whether it has them: all that are supported do, and
    makemigrations runs without one.
    """

    def check(self, **options: Any) -> Any:
        return super().check(**options | {"databases": None})


# What a count is kept of: the team and the columns that the facets group by, in the order of their hash.
FACETS = (
    "team", "source", "type", "os", "distribution_facet", "os_version_facet", "arch", "visibility", "state", "region",
    "labels", "starred",
)  # fmt: skip


def facets_hash() -> Any:
    """Which combination of facet values a row has. By it an image is found from its FacetCount, whatever is chosen."""
    return Computed(expression=RowHash(*FACETS), output_field=models.BigIntegerField(), db_persist=True, editable=False)


class TeamRow(models.Model):
    """A row of one team: a uuid for its key and its address."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)

    class Meta:
        abstract = True
