"""What changed, how far each member has read it, and the feeds of it."""

from django.db import models
from django.db.models.functions import Now

from accounts.models import Membership, Team
from catalog.models.columns import TeamRow, tenant_key
from catalog.models.images import Image
from catalog.models.runs import SyncRun
from catalog.models.sources import Source


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
