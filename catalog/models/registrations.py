"""What is written to the clouds: registrations, their batches and mails, removals."""

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import CloudAccount, Membership, User
from catalog.models.columns import TeamRow, tenant_key
from catalog.models.images import Image


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
