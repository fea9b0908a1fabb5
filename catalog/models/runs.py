"""The runs that read a source, and the signs of life of who runs them."""

from datetime import datetime

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from catalog.models.columns import TeamRow, tenant_key
from catalog.models.sources import Source


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


class Pulse(models.Model):
    """That a worker or the beat is at work: each writes its own, in the database's time (catalog/pulses.py)."""

    name = models.CharField(max_length=250, primary_key=True)
    role = models.CharField(max_length=10)  # worker, beat
    seen_at = models.DateTimeField(db_default=Now())
    stopped_at = models.DateTimeField(null=True)  # it went in order, and is not missed
