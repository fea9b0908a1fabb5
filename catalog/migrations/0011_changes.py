import uuid
from typing import Any

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

from accounts.tenancy import composite_key


def team() -> Any:
    return models.ForeignKey(
        db_index=False, on_delete=django.db.models.deletion.DB_CASCADE, related_name="+", to="accounts.team"
    )


def membership() -> Any:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name="+",
        to="accounts.membership",
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_membership_key"),
        ("catalog", "0010_overridden"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="imagechange",
            index=models.Index(
                fields=["team", "at", "source", "id"], include=["kind", "field"], name="imagechange_team_set"
            ),
        ),
        migrations.RemoveIndex(model_name="imagechange", name="imagechange_team_at"),
        migrations.CreateModel(
            name="ChangeVisit",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("since", models.DateTimeField(null=True)),
                ("opened_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("shown_until", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("membership", membership()),
                ("team", team()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("membership",), name="changevisit_once")],
            },
        ),
        migrations.CreateModel(
            name="ChangeFeed",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("digest", models.BinaryField(unique=True)),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("membership", membership()),
                ("team", team()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("membership",), name="changefeed_once")],
            },
        ),
        composite_key("catalog_changevisit", "membership_id", "accounts_membership"),
        composite_key("catalog_changefeed", "membership_id", "accounts_membership"),
    ]
