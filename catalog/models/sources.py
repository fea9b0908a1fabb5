"""Sources, the tests of what their accounts may do, and the trouble of their clouds."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from accounts.models import CloudAccount
from catalog.models.columns import TeamRow, tenant_key


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
