"""Sources, the images they list, the runs that read them, what changed, and registrations.

Every tenant row carries `team`. A foreign key between tenant rows is composite, (team, id), made by the migrations
(accounts/tenancy.py): hence `db_constraint=False` and DO_NOTHING here, with what a deletion takes along decided there.
"""

import uuid
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Coalesce, Lower, Now
from django.utils.translation import gettext_lazy as _

from accounts.models import CloudAccount, Membership, Team, User


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


class Source(TeamRow):
    """One listing of one product in one region (and cluster or project), read with one cloud account on its schedule.

    `narrowing` holds request filters such as {"ImageOwnerAlias": "self"}. `archived_at` marks a source that was removed
    while its images stay on the shelf, archived; its cloud account may be gone, `account_name` stays.
    `paused_reason` is "admin" or the kind of ProviderError that paused it.
    """

    cloud_account = tenant_key(CloudAccount, null=True, related_name="sources")
    account_name = models.CharField(max_length=100)
    kind = models.CharField(max_length=40)
    region = models.CharField(max_length=40)
    cluster = models.CharField(max_length=100, blank=True)
    narrowing = models.JSONField(default=dict)
    simulated = models.BooleanField(default=False)
    every_minutes = models.PositiveIntegerField(default=60)
    next_sync_at = models.DateTimeField(db_default=Now())
    paused_at = models.DateTimeField(null=True)
    paused_reason = models.CharField(max_length=20, blank=True)
    failures = models.PositiveIntegerField(default=0)
    # The last failure since the last complete run: operation, code, message, request_id, kind, at. None when healthy.
    last_error = models.JSONField(null=True)
    last_complete_at = models.DateTimeField(null=True)
    archived_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "id"], name="source_team_id"),
            models.UniqueConstraint(
                fields=["cloud_account", "kind", "region", "cluster", "narrowing"],
                condition=models.Q(archived_at=None),
                name="source_once",
            ),
            models.CheckConstraint(condition=models.Q(every_minutes__gte=15), name="source_every_15_minutes"),
        ]
        indexes = [
            models.Index(
                fields=["next_sync_at"],
                condition=models.Q(paused_at=None, archived_at=None),
                name="source_due",
            )
        ]


class RunState(models.TextChoices):
    QUEUED = "queued", _("Queued")
    LISTING = "listing", _("Listing")
    APPLYING = "applying", _("Applying")
    COMPLETE = "complete", _("Complete")
    FAILED = "failed", _("Failed")
    SUSPECT = "suspect", _("Suspect")
    ABANDONED = "abandoned", _("Abandoned")


RUNNING = ["queued", "listing", "applying"]


class SyncRun(TeamRow):
    """One attempt at one source. Only one runs at a time for a source: a partial unique index, not a promise.

    Times and the lease are the database's. `digest` of a suspect run tells two equal listings. Of a listing whose
    `parts` the cloud counts one by one, `part` is the one that came last; `expected` is known once all are counted.
    """

    source = tenant_key(Source, related_name="runs")
    state = models.CharField(max_length=10, default="queued")
    trigger = models.CharField(max_length=10, default="schedule")  # schedule, person, command
    requested_by = models.CharField(max_length=254, blank=True)
    attempt = models.PositiveSmallIntegerField(default=1)
    pages = models.PositiveIntegerField(default=0)
    part = models.PositiveIntegerField(null=True)
    parts = models.PositiveIntegerField(null=True)
    expected = models.PositiveIntegerField(null=True)
    listed = models.PositiveIntegerField(default=0)
    added = models.PositiveIntegerField(default=0)
    changed = models.PositiveIntegerField(default=0)
    missing = models.PositiveIntegerField(default=0)
    returned = models.PositiveIntegerField(default=0)
    error = models.JSONField(null=True)
    digest = models.BinaryField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "id"], name="syncrun_team_id"),
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(state__in=RUNNING), name="syncrun_one_running"
            ),
        ]
        indexes = [models.Index(fields=["source", "-created_at"], name="syncrun_source_created")]

    @property
    def is_running(self) -> bool:
        return self.state in RUNNING

    @property
    def kept_at(self) -> datetime | None:
        """When an admin kept the images against this suspect listing."""
        told = (self.error or {}).get("kept_at")
        return datetime.fromisoformat(told) if told else None

    @property
    def accepted_at(self) -> datetime | None:
        """When an admin accepted this suspect listing."""
        told = (self.error or {}).get("accepted_at")
        return datetime.fromisoformat(told) if told else None


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


class ImageChange(models.Model):
    """What a run changed of an image: added, changed (one row a field), missing, returned. A first sync writes none.

    Without a run: added or returned by a registration; corrected or restored, a field, by an admin.
    """

    id = models.BigAutoField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)
    source = tenant_key(Source, related_name="+", db_index=False)
    run = tenant_key(SyncRun, related_name="image_changes", null=True)
    image = tenant_key(Image, related_name="changes")
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=10)
    field = models.CharField(max_length=40, blank=True)
    before = models.TextField(null=True)
    after = models.TextField(null=True)

    class Meta:
        # What one run did to a source, or a person to an image, has one time: a set (catalog/change_sets.py).
        indexes = [
            models.Index(fields=["team", "at", "source", "id"], include=["kind", "field"], name="imagechange_team_set"),
            models.Index(fields=["team", "field", "kind", "at", "source"], name="imagechange_team_what"),
        ]


class ChangeVisit(TeamRow):
    """How far a member has read the changes (catalog/change_visits.py).

    Those after `since` are new to them in this visit, None at their first. It was last looked at `opened_at`; what is
    after `shown_until` cannot have been seen then.
    """

    membership = tenant_key(Membership, related_name="+", db_index=False)
    since = models.DateTimeField(null=True)
    opened_at = models.DateTimeField(db_default=Now())
    shown_until = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership"], name="changevisit_once")]


class ChangeFeed(TeamRow):
    """A member's secret address of the team's changes. Of its token only the SHA-256 is kept (catalog/feeds.py)."""

    membership = tenant_key(Membership, related_name="+", db_index=False)
    digest = models.BinaryField(unique=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership"], name="changefeed_once")]


class FacetCount(models.Model):
    """How many images a source has with one combination of facet values. Only the trigger on images writes here."""

    id = models.BigAutoField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)
    source = tenant_key(Source, related_name="+", db_index=False)
    type = models.CharField(max_length=10)
    os = models.CharField(max_length=10)
    distribution_facet = models.CharField(max_length=60)
    os_version_facet = models.CharField(max_length=60)
    arch = models.CharField(max_length=10)
    visibility = models.CharField(max_length=10)
    state = models.CharField(max_length=10)
    # Nearly always its source's; an item of DescribeSelfImages that names its own region beats that (PROVIDERS.md 2a).
    region = models.CharField(max_length=100)
    # A set of labels is one value, so that sums stay exact when several are chosen; nearly always the empty one.
    labels = ArrayField(models.CharField(max_length=40))
    starred = models.BooleanField()
    n = models.BigIntegerField()
    facets = facets_hash()

    class Meta:
        constraints = [models.UniqueConstraint(fields=FACETS, name="facetcount_values", include=["n"])]


class FacetStamp(models.Model):
    """Another one whenever a source's counts are others: a glance at a team's tells whether it counts as it did.

    Only the triggers on FacetCount write here. It is random, not a number that grows: a restored backup would come by
    one again that a process remembers.
    """

    id = models.BigAutoField(primary_key=True)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="+", db_index=False)
    source = tenant_key(Source, related_name="+", db_index=False)
    stamp = models.UUIDField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "source"], name="facetstamp_of_source")]


class SavedView(TeamRow):
    """A named way of looking at the images: a canonical query string (its sort included), columns and density.

    A private view is its owner's; a shared one the team's, and stays when its owner goes. The team's default is shared.
    """

    owner = models.ForeignKey(User, on_delete=models.DB_SET_NULL, null=True, related_name="+")
    name = models.CharField(max_length=60)
    query = models.TextField(blank=True)
    columns = ArrayField(models.CharField(max_length=20), default=list)
    density = models.CharField(max_length=20, default="comfortable")
    shared = models.BooleanField(default=False)
    is_default = models.BooleanField(default=False)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "id"], name="savedview_team_id"),
            models.UniqueConstraint(
                "team", Lower("name"), condition=models.Q(shared=True), name="savedview_shared_name_once"
            ),
            models.UniqueConstraint(
                "team", "owner", Lower("name"), condition=models.Q(shared=False), name="savedview_own_name_once"
            ),
            models.UniqueConstraint(fields=["team"], condition=models.Q(is_default=True), name="savedview_one_default"),
            models.CheckConstraint(
                condition=models.Q(is_default=False) | models.Q(shared=True), name="savedview_default_is_shared"
            ),
        ]


class Batch(TeamRow):
    """Images registered together, from one file or command (catalog/batches.py).

    A draft until it is confirmed: only its author sees it, and it goes after an hour. `drafted` are its rows until
    then: a list of {"at", "id", "region", "spec", "left_out"}. `unit` says what its registrations' `batch_at` counts:
    row (of a CSV), line (of YAML) or entry. `left_out` is how many needed no registering.
    """

    cloud_account = tenant_key(CloudAccount, null=True, related_name="batches")
    account_name = models.CharField(max_length=100)
    title = models.CharField(max_length=200)
    unit = models.CharField(max_length=5)
    author = models.ForeignKey(User, on_delete=models.DB_SET_NULL, null=True, related_name="+")
    requested_by = models.CharField(max_length=254)
    drafted = models.JSONField(null=True)
    left_out = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(db_default=Now())
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "id"], name="batch_team_id")]
        indexes = [models.Index(fields=["team", "-created_at"], name="batch_team_created")]


class RegistrationState(models.TextChoices):
    REQUESTED = "requested", _("Waiting for an admin")
    DECLINED = "declined", _("Declined")
    PENDING = "pending", _("Waiting to be sent")
    SENDING = "sending", _("Sending")
    SUCCEEDED = "succeeded", _("Registered")
    REJECTED = "rejected", _("Rejected")
    UNKNOWN = "unknown", _("Outcome unknown")
    SEEN = "seen", _("Seen in a sync")


class CloudWrite(TeamRow):
    """One call that changes a cloud, sent at most once, and what became of it (catalog/writes.py).

    `error` has the shape of ProviderError.as_dict(), and its kind. `looks` are the tries to find out what became of an
    outcome that is unknown, as catalog/lookups.py writes them; `settled_by` is the admin who decided in the end.
    """

    cloud_account = tenant_key(CloudAccount, null=True, related_name="%(class)ss")
    account_name = models.CharField(max_length=100)
    region = models.CharField(max_length=40)
    type = models.CharField(max_length=10)
    name = models.TextField()
    version = models.TextField(null=True)
    state = models.CharField(max_length=10, default="pending")
    requested_by = models.CharField(max_length=254)
    remote_id = models.TextField(null=True)
    request_id = models.TextField(null=True)
    error = models.JSONField(null=True)
    image = tenant_key(Image, null=True, related_name="%(class)ss")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    lookups = models.PositiveSmallIntegerField(default=0)
    next_lookup_at = models.DateTimeField(null=True)
    looks = models.JSONField(default=list, db_default=[])
    settled_by = models.CharField(max_length=254, default="", db_default="")

    class Meta:
        abstract = True

    @property
    def was_not_sent(self) -> bool:
        """Whether it ended before any call: cancelled, stopped with its batch, or its account deleted."""
        return self.state == "rejected" and self.sent_at is None


class Registration(CloudWrite):
    """One AddImage, from form to the day a sync sees the image (seed AddImage; PROVIDERS.md section 5).

    The registry password is no column: it is sealed as ("catalog_registration", id, "registry_password") and forgotten
    when the registration ends. `error` has the shape of ProviderError.as_dict(). `batch_at` is its place in the file of
    its batch.

    What an editor asked for begins as "requested" (catalog/requests.py). `requester` is who asked; `decision` how that
    ended: approved, declined, withdrawn, expired or dropped with its account, by whom and with which word; `told_at`
    when who asked saw it.
    """

    batch = tenant_key(Batch, null=True, related_name="registrations", db_index=False)
    batch_at = models.PositiveIntegerField(null=True)
    description = models.TextField(null=True)
    vm_image_id = models.TextField(null=True)
    registry_url = models.TextField(null=True)
    is_acr = models.BooleanField(null=True)
    is_acr_enterprise = models.BooleanField(null=True)
    registry_cri_id = models.TextField(null=True)
    registry_server = models.TextField(null=True)
    registry_user = models.TextField(null=True)
    requester = models.ForeignKey(User, on_delete=models.DB_SET_NULL, null=True, related_name="+")
    decision = models.CharField(max_length=10, default="", db_default="")
    decided_by = models.CharField(max_length=254, default="", db_default="")
    decided_at = models.DateTimeField(null=True)
    decision_word = models.TextField(default="", db_default="")
    told_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "id"], name="registration_team_id")]
        indexes = [
            models.Index(fields=["team", "-created_at"], name="registration_team_created"),
            models.Index(fields=["team", "state", "-created_at"], name="registration_team_state"),
            models.Index(fields=["team", "requested_by", "-created_at"], name="registration_team_who"),
            models.Index(fields=["cloud_account", "name"], name="registration_called"),
            # What the navigation counts: an admin's to decide, or a requester's to be told of.
            models.Index(
                fields=["team"],
                condition=models.Q(state="requested") | models.Q(decided_at__isnull=False, told_at=None),
                name="registration_to_be_seen",
            ),
            models.Index(
                fields=["batch", "state", "batch_at"],
                condition=models.Q(batch__isnull=False),
                name="registration_batch",
            ),
        ]


class Removal(CloudWrite):
    """One RemoveImage, from an admin's word to the day a sync no longer lists the image (catalog/removal.py).

    Its states are those of a registration; "seen" is: seen to be gone.
    """

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "id"], name="removal_team_id"),
            models.UniqueConstraint(
                fields=["image"], condition=models.Q(state__in=["pending", "sending"]), name="removal_one_under_way"
            ),
        ]


class RequestMail(TeamRow):
    """A mail about a request that a member is still to get (catalog/request_mails.py): "asked" to those who decide,
    "decided" to who asked. The row goes once it is sent or given up, and with the membership.
    """

    registration = tenant_key(Registration, related_name="+")
    membership = tenant_key(Membership, related_name="+", db_index=False)
    kind = models.CharField(max_length=10)
    tries = models.PositiveSmallIntegerField(default=0)
    next_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["membership", "registration", "kind"], name="requestmail_once")]


class ConnectionTest(TeamRow):
    """One *Test connection*: a cloud account (often a draft), what is to be called, and the matrix the worker filled.

    `checks` is a list of {kind, region, cluster}; `results` one {kind, region, operation, outcome, code, message,
    request_id} for each; outcome is allowed or the kind of ProviderError. Rows go with their draft, ten minutes later.
    """

    cloud_account = tenant_key(CloudAccount, related_name="tests")
    state = models.CharField(max_length=10, default="queued")  # queued, running, done
    checks = models.JSONField(default=list)
    results = models.JSONField(default=list)
    requested_by = models.CharField(max_length=254)
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)


class Breaker(TeamRow):
    """Trouble of one product in one region, met with one cloud account, that has not passed (catalog/breakers.py).

    `failures` are runs in a row that met it and `sources` whose they were. It is open while `open_until` is set: then
    only people sync there, and `probe`, the one run that finds out once that time has come. `openings` counts how often
    it opened since an answer came; `error` is the last one, as a run keeps it.
    """

    cloud_account = tenant_key(CloudAccount, related_name="+")
    product = models.CharField(max_length=20)
    region = models.CharField(max_length=40)
    failures = models.PositiveIntegerField(default=0)
    sources = ArrayField(models.UUIDField(), default=list)
    openings = models.PositiveSmallIntegerField(default=0)
    since = models.DateTimeField(db_default=Now())
    open_until = models.DateTimeField(null=True)
    probe = models.UUIDField(null=True)
    error = models.JSONField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cloud_account", "product", "region"], name="breaker_once"),
        ]


class Pulse(models.Model):
    """That a worker or the beat is at work: each writes its own, in the database's time (catalog/pulses.py)."""

    name = models.CharField(max_length=250, primary_key=True)
    role = models.CharField(max_length=10)  # worker, beat
    seen_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)  # it went in order, and is not missed
