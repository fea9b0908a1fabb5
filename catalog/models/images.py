"""Images, and the cloud's own documents of them."""

import uuid
from datetime import datetime

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Coalesce, Now

from accounts.models import Team
from catalog.models.columns import LastSeen, OwnSystem, SortId, SortText, TeamRow, TextHash, facets_hash, tenant_key
from catalog.models.sources import Source

CONTAINER = models.Q(type="container")


LOST = models.Q(state__in=["missing", "archived"])


class Image(TeamRow):
    """One image as one source lists it, normalised. For the fields' meaning see providers.base.RemoteImage.

    `key` is what a re-sync recognises it by; `content_hash` what tells that it changed (empty: put here by a
    registration, not yet listed). `last_seen_at` is stored for a missing image only: a present one's is its source's
    last complete run.
    `state` is missing while `missing_since` is set, archived when the source was removed.
    `distribution_facet` and `os_version_facet` are the values the facets group by: a known name or version, "other",
    "unknown".
    `labels` (sorted, in small letters), `starred` and `note` are the team's own; no sync touches them. What they say is
    folded into `own_text`, the end of `search_text`. `overrides` holds what an admin set in the place of a misdetected
    field, by field (catalog/overrides.py); the column itself holds `value`.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, db_default=RandomUUID(), editable=False)
    source = tenant_key(Source, related_name="images", db_index=False)
    key = models.TextField()
    content_hash = models.BinaryField()
    remote_id = models.TextField()
    name = models.TextField()
    version = models.TextField(null=True)
    type = models.CharField(max_length=10)
    visibility = models.CharField(max_length=10)
    os = models.CharField(max_length=10)
    distribution = models.TextField(null=True)
    os_version = models.TextField(null=True)
    arch = models.CharField(max_length=10)
    size_gib = models.BigIntegerField(null=True)
    min_ram_mb = models.BigIntegerField(null=True)
    min_disk_gb = models.BigIntegerField(null=True)
    disk_format = models.TextField(null=True)
    status = models.TextField(null=True)
    state = models.CharField(max_length=10)
    repository = models.TextField(null=True)
    tag = models.TextField(null=True)
    description = models.TextField(null=True)
    region = models.CharField(max_length=100)
    cluster = models.CharField(max_length=200, null=True)
    remote_created_at = models.DateTimeField(null=True)
    remote_updated_at = models.DateTimeField(null=True)
    provenance = models.JSONField(default=dict)
    extra = models.JSONField(default=dict)
    distribution_facet = models.CharField(max_length=60)
    os_version_facet = models.CharField(max_length=60)
    name_key = models.CharField(max_length=200, db_collation="C")
    search_text = models.TextField()
    search_pieces = ArrayField(models.TextField())
    first_seen_at = models.DateTimeField(db_default=Now())
    changed_at = models.DateTimeField(db_default=Now())
    last_seen_at = models.DateTimeField(null=True)
    missing_since = models.DateTimeField(null=True)
    labels = ArrayField(models.CharField(max_length=40), default=list, db_default=[])
    starred = models.BooleanField(default=False, db_default=False)
    note = models.TextField(default="", db_default="")
    own_text = models.TextField(default="", db_default="")
    overrides = models.JSONField(default=dict, db_default={})
    facets = facets_hash()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "id"], name="image_team_id"),
            models.UniqueConstraint(fields=["source", "key"], name="image_source_key"),
        ]
        indexes = [
            models.Index(fields=["team", "name_key", "id"], name="image_team_name"),
            models.Index(fields=["team", "changed_at", "id"], name="image_team_changed"),
            models.Index("team", Coalesce("size_gib", -1), "id", name="image_team_size"),
            # The same orders within one combination of facet values (catalog/walks.py).
            models.Index(fields=["facets", "name_key", "id"], name="image_facets_name"),
            models.Index(fields=["facets", "changed_at", "id"], name="image_facets_changed"),
            models.Index("facets", Coalesce("size_gib", -1), "id", name="image_facets_size"),
            models.Index(
                "team",
                OwnSystem(),
                "id",
                name="image_team_own_system",
                condition=models.Q(distribution_facet="other"),
            ),
            models.Index(fields=["team", "first_seen_at", "id"], name="image_team_first_seen"),
            models.Index(fields=["facets", "first_seen_at", "id"], name="image_facets_first_seen"),
            models.Index("team", SortText("version"), "id", name="image_team_version"),
            models.Index("facets", SortText("version"), "id", name="image_facets_version"),
            models.Index("team", SortText("description"), "id", name="image_team_description"),
            models.Index("facets", SortText("description"), "id", name="image_facets_description"),
            models.Index("team", SortId("remote_id"), "id", name="image_team_remote_id"),
            models.Index("facets", SortId("remote_id"), "id", name="image_facets_remote_id"),
            # Of those that counts do not tell (catalog/value_walks.py).
            *(
                models.Index("team", SortText(name), "id", name=f"image_container_{name}", condition=CONTAINER)
                for name in ("repository", "tag", "cluster")
            ),
            models.Index("team", LastSeen(), "id", name="image_lost_last_seen", condition=LOST),
            models.Index(
                "team",
                TextHash("repository"),
                TextHash("tag"),
                name="image_team_reference",
                condition=models.Q(repository__isnull=False, tag__isnull=False),
            ),
            # The few with a correction, which a sync must keep: 0.6 ms among 25 000 images, 37 without.
            models.Index(fields=["source"], condition=~models.Q(overrides={}), name="image_overridden"),
            GinIndex(
                fields=["team", "search_text"], opclasses=["uuid_ops", "gin_trgm_ops"], name="image_search_trigrams"
            ),
            GinIndex(fields=["team", "search_pieces"], opclasses=["uuid_ops", "array_ops"], name="image_search_pieces"),
        ]

    def __str__(self) -> str:
        return self.name

    def seen_at(self, source: Source) -> datetime:
        """When a complete listing last had this image. `source` is its source, already read."""
        if self.missing_since or source.last_complete_at is None:
            return self.last_seen_at or self.first_seen_at
        return max(source.last_complete_at, self.first_seen_at)


class ImageDocument(models.Model):
    """The cloud's own item, 1:1 with its image, compressed by TOAST, never read by the list."""

    image = models.OneToOneField(
        Image, on_delete=models.DO_NOTHING, db_constraint=False, primary_key=True, related_name="document_row"
    )
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)
    document = models.JSONField()
