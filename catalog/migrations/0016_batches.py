import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from accounts.tenancy import composite_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_membership_key"),
        ("catalog", "0015_requests"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Batch",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("account_name", models.CharField(max_length=100)),
                ("title", models.CharField(max_length=200)),
                ("unit", models.CharField(max_length=5)),
                ("requested_by", models.CharField(max_length=254)),
                ("drafted", models.JSONField(null=True)),
                ("left_out", models.PositiveIntegerField(default=0)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("confirmed_at", models.DateTimeField(null=True)),
                (
                    "author",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.DB_SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "cloud_account",
                    models.ForeignKey(
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="batches",
                        to="accounts.cloudaccount",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("team", "id"), name="batch_team_id")],
                "indexes": [models.Index(fields=["team", "-created_at"], name="batch_team_created")],
            },
        ),
        migrations.AddField(
            model_name="registration",
            name="batch",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="registrations",
                to="catalog.batch",
            ),
        ),
        migrations.AddField(model_name="registration", name="batch_at", field=models.PositiveIntegerField(null=True)),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(
                condition=models.Q(("batch__isnull", False)),
                fields=["batch", "state", "batch_at"],
                name="registration_batch",
            ),
        ),
        composite_key("catalog_batch", "cloud_account_id", "accounts_cloudaccount", "SET NULL"),
        composite_key("catalog_registration", "batch_id", "catalog_batch", "SET NULL"),
    ]
