"""Saved views of the images page."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Lower, Now

from accounts.models import User
from catalog.models.columns import TeamRow


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
