"""A person's own secrets, of no team, and whether a team asks its admins for a second factor."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_audit_filters")]

    operations = [
        migrations.AddField("team", "requires_second_factor", models.BooleanField(default=False)),
        migrations.RemoveConstraint("sealedsecret", "sealedsecret_place"),
        migrations.AlterField(
            "sealedsecret",
            "team",
            models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.DB_CASCADE, related_name="+", to="accounts.team"
            ),
        ),
        migrations.AddConstraint(
            "sealedsecret",
            models.UniqueConstraint(
                fields=("team", "table", "row", "field"), name="sealedsecret_place", nulls_distinct=False
            ),
        ),
    ]
