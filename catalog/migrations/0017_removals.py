import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from accounts.tenancy import composite_key


def tenant_key(to: str) -> "models.ForeignKey[models.Model | None]":
    return models.ForeignKey(
        db_constraint=False,
        null=True,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="%(class)ss",
        to=to,
    )


class Migration(migrations.Migration):
    dependencies = [("catalog", "0016_batches")]

    operations = [
        migrations.AlterField("registration", "cloud_account", tenant_key("accounts.cloudaccount")),
        migrations.AlterField("registration", "image", tenant_key("catalog.image")),
        migrations.AddField("registration", "looks", models.JSONField(db_default=[], default=list)),
        migrations.AddField("registration", "settled_by", models.CharField(db_default="", default="", max_length=254)),
        migrations.CreateModel(
            name="Removal",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("account_name", models.CharField(max_length=100)),
                ("region", models.CharField(max_length=40)),
                ("type", models.CharField(max_length=10)),
                ("name", models.TextField()),
                ("version", models.TextField(null=True)),
                ("state", models.CharField(default="pending", max_length=10)),
                ("requested_by", models.CharField(max_length=254)),
                ("remote_id", models.TextField(null=True)),
                ("request_id", models.TextField(null=True)),
                ("error", models.JSONField(null=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("sent_at", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("lookups", models.PositiveSmallIntegerField(default=0)),
                ("next_lookup_at", models.DateTimeField(null=True)),
                ("looks", models.JSONField(db_default=[], default=list)),
                ("settled_by", models.CharField(db_default="", default="", max_length=254)),
                ("cloud_account", tenant_key("accounts.cloudaccount")),
                ("image", tenant_key("catalog.image")),
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
                "constraints": [
                    models.UniqueConstraint(fields=("team", "id"), name="removal_team_id"),
                    models.UniqueConstraint(
                        condition=models.Q(("state__in", ["pending", "sending"])),
                        fields=("image",),
                        name="removal_one_under_way",
                    ),
                ],
            },
        ),
        composite_key("catalog_removal", "cloud_account_id", "accounts_cloudaccount", "SET NULL"),
        composite_key("catalog_removal", "image_id", "catalog_image", "SET NULL"),
    ]
