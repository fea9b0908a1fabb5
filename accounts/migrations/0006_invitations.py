import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

from accounts.tenancy import composite_key


class Migration(migrations.Migration):
    """Invitations, and teams whose rows the worker takes away."""

    dependencies = [("accounts", "0005_audit_by_each")]

    operations = [
        migrations.AddField("team", "deleted_at", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="Invitation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("email", models.EmailField(max_length=254)),
                ("role", models.CharField(max_length=10)),
                ("digest", models.BinaryField(max_length=32, unique=True)),
                ("invited_by", models.CharField(max_length=254)),
                ("sent_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("expires_at", models.DateTimeField()),
                (
                    "inviter",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="invitations",
                        to="accounts.membership",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="invitations",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("team", "email"), name="invitation_once"),
                    models.CheckConstraint(
                        condition=models.Q(("role__in", ["viewer", "editor", "admin"])), name="invitation_role"
                    ),
                ],
            },
        ),
        composite_key("accounts_invitation", "inviter_id", "accounts_membership", "SET NULL"),
    ]
