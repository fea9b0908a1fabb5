import uuid

import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models

from accounts.tenancy import composite_key


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_membership_key"),
        ("catalog", "0014_every_column"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="registration",
            name="requester",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.DB_SET_NULL,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="registration",
            name="decision",
            field=models.CharField(db_default="", default="", max_length=10),
        ),
        migrations.AddField(
            model_name="registration",
            name="decided_by",
            field=models.CharField(db_default="", default="", max_length=254),
        ),
        migrations.AddField(model_name="registration", name="decided_at", field=models.DateTimeField(null=True)),
        migrations.AddField(
            model_name="registration", name="decision_word", field=models.TextField(db_default="", default="")
        ),
        migrations.AddField(model_name="registration", name="told_at", field=models.DateTimeField(null=True)),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(
                condition=models.Q(
                    ("state", "requested"),
                    models.Q(("decided_at__isnull", False), ("told_at", None)),
                    _connector="OR",
                ),
                fields=["team"],
                name="registration_to_be_seen",
            ),
        ),
        migrations.CreateModel(
            name="RequestMail",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=10)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
                ("next_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "membership",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="accounts.membership",
                    ),
                ),
                (
                    "registration",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.registration",
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
                "constraints": [
                    models.UniqueConstraint(fields=("membership", "registration", "kind"), name="requestmail_once")
                ],
            },
        ),
        composite_key("catalog_requestmail", "membership_id", "accounts_membership"),
        composite_key("catalog_requestmail", "registration_id", "catalog_registration"),
    ]
