from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0017_removals")]

    operations = [
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(fields=["team", "state", "-created_at"], name="registration_team_state"),
        ),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(fields=["team", "requested_by", "-created_at"], name="registration_team_who"),
        ),
        migrations.AddIndex(
            model_name="registration",
            index=models.Index(fields=["cloud_account", "name"], name="registration_called"),
        ),
    ]
