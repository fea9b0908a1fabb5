"""People, teams, roles, cloud accounts and their sealed keys, audit. Nothing here knows of images."""

import uuid
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models.fields.json import KeyTransform
from django.db.models.functions import Lower, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

VENDORS = {"alibaba": _("Alibaba Cloud"), "huawei": _("Huawei Cloud")}
SITES = {"china": _("China site"), "international": _("International site")}


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):
    """A person. The email, in lower case, is the name they sign in with."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(unique=True)
    name = models.CharField(max_length=100, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    date_joined = models.DateTimeField(default=timezone.now)
    preferences = models.JSONField(default=dict, blank=True)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_any_case")]

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.email = self.email.strip().lower()
        super().save(*args, **kwargs)

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def initials(self) -> str:
        words = (self.name or self.email.partition("@")[0].replace(".", " ")).split()
        return "".join(word[0] for word in words[:2]).upper() or "?"

    @property
    def language(self) -> str | None:
        """The language they chose, if they did: for their mails."""
        kept = self.preferences.get("language")
        return kept if kept in [code for code, _name in settings.LANGUAGES] else None


class Team(models.Model):
    """The tenant: everything that is browsed, synced and registered belongs to one."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    slug = models.SlugField(max_length=40, unique=True)
    name = models.CharField(max_length=100)
    created_at = models.DateTimeField(auto_now_add=True)
    requires_second_factor = models.BooleanField(default=False)  # of its admins: accounts/access.py
    deleted_at = models.DateTimeField(null=True)  # it has no members any more; the worker takes the rest away
    members: "models.ManyToManyField[User, Membership]" = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    VIEWER = "viewer", _("Viewer")
    EDITOR = "editor", _("Editor")
    ADMIN = "admin", _("Admin")


ROLE_RANK = {Role.VIEWER.value: 1, Role.EDITOR.value: 2, Role.ADMIN.value: 3}


class Membership(models.Model):
    """A user's role on a team."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.DB_CASCADE, related_name="memberships")
    role = models.CharField(max_length=10)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="membership_once"),
            models.UniqueConstraint(fields=["team", "id"], name="membership_team_id"),
            models.CheckConstraint(condition=models.Q(role__in=["viewer", "editor", "admin"]), name="membership_role"),
        ]

    @property
    def role_label(self) -> str:
        return str(Role(self.role).label)

    # An admin whose team asks for a second factor, and who has none (accounts/access.py): a viewer for now.
    held = False

    def allows(self, role: str) -> bool:
        return ROLE_RANK["viewer" if self.held else self.role] >= ROLE_RANK[role]


class Invitation(models.Model):
    """A way onto a team for whoever has its link and this email address: once, until `expires_at`, while who made it
    may still invite. The link's token is kept as its SHA-256; accepted or revoked, the row is gone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="invitations", db_index=False)
    email = models.EmailField()
    role = models.CharField(max_length=10)
    digest = models.BinaryField(max_length=32, unique=True)
    # The composite key of the migration: NULL once they left the team, and then nobody vouches for it.
    inviter = models.ForeignKey(
        Membership, on_delete=models.DO_NOTHING, db_constraint=False, null=True, related_name="invitations"
    )
    invited_by = models.CharField(max_length=254)
    sent_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "email"], name="invitation_once"),
            models.CheckConstraint(condition=models.Q(role__in=["viewer", "editor", "admin"]), name="invitation_role"),
        ]

    @property
    def role_label(self) -> str:
        return str(Role(self.role).label)


class CloudAccountManager(models.Manager["CloudAccount"]):
    """Accounts without the drafts that *Test connection* makes."""

    def get_queryset(self) -> models.QuerySet["CloudAccount"]:
        return super().get_queryset().filter(draft_until=None)


class CloudAccount(models.Model):
    """A vendor, a name and a sealed credential of one team.

    The credential is the vendor's JSON object, sealed as field "credential"; `key_hint` is the last four characters of
    the key id, all that is ever shown. `simulated` accounts are made by the demo and the only ones that talk to
    the simulator. A draft (`draft_until`) is a credential under test, gone when the time is over.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, related_name="cloud_accounts")
    vendor = models.CharField(max_length=20)
    name = models.CharField(max_length=100)
    site = models.CharField(max_length=20, default="china")
    simulated = models.BooleanField(default=False)
    key_hint = models.CharField(max_length=4, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    draft_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = CloudAccountManager()
    with_drafts = models.Manager["CloudAccount"]()

    class Meta:
        base_manager_name = "with_drafts"
        constraints = [
            models.UniqueConstraint(fields=["team", "id"], name="cloudaccount_team_id"),
            models.UniqueConstraint(
                fields=["team", "name"], condition=models.Q(draft_until=None), name="cloudaccount_name_once"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def expires_soon(self) -> bool:
        """An STS token with less than a day left, or none."""
        return self.expires_at is not None and self.expires_at < timezone.now() + timedelta(days=1)

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class SealedSecret(models.Model):
    """A ciphertext and the place it belongs to: of a team, or of a person, whose id is `row` then. Only
    accounts/secrets.py reads or writes it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    team = models.ForeignKey(Team, on_delete=models.DB_CASCADE, null=True, related_name="+")
    table = models.CharField(max_length=40)
    row = models.UUIDField()
    field = models.CharField(max_length=40)
    ciphertext = models.BinaryField()
    sealed_at = models.DateTimeField(auto_now=True)

    sealed = models.Manager["SealedSecret"]()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["team", "table", "row", "field"], nulls_distinct=False, name="sealedsecret_place"
            )
        ]

    def __repr__(self) -> str:
        return f"<SealedSecret {self.table}.{self.field}>"

    __str__ = __repr__


class AuditEvent(models.Model):
    """Who did what, when, to what. A trigger refuses update and delete; names are text, to outlive what they name."""

    id = models.BigAutoField(primary_key=True)
    team = models.UUIDField(null=True)
    at = models.DateTimeField(auto_now_add=True)
    actor = models.CharField(max_length=254)
    action = models.CharField(max_length=60)
    target = models.CharField(max_length=300, blank=True)
    target_id = models.UUIDField(null=True)
    changes = models.JSONField(default=dict)

    class Meta:
        indexes = [
            models.Index(fields=["team", "-at", "-id"], name="auditevent_team_at_id"),
            models.Index(fields=["team", "actor", "-at", "-id"], name="auditevent_actor_at"),
            models.Index(fields=["team", "action", "-at", "-id"], name="auditevent_action_at"),
            # In upper case, as Django looks a text up in any case.
            GinIndex(OpClass("team", "uuid_ops"), OpClass(Upper("target"), "gin_trgm_ops"), name="auditevent_target"),
            models.Index(fields=["team", "target_id", "-at"], name="auditevent_target_at"),
            # What was done to many at once, by each of them.
            GinIndex(
                OpClass(KeyTransform("ids", "changes"), "jsonb_path_ops"),
                name="auditevent_ids",
                condition=models.Q(target_id=None),
            ),
        ]
