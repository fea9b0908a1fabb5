from django.db import migrations, models


class Migration(migrations.Migration):
    """What composite foreign keys point at."""

    dependencies = [
        ("accounts", "0003_audit_by_target"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="membership",
            constraint=models.UniqueConstraint(fields=("team", "id"), name="membership_team_id"),
        ),
    ]
