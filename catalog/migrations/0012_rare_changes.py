from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0011_changes"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="imagechange",
            index=models.Index(fields=["team", "field", "kind", "at", "source"], name="imagechange_team_what"),
        ),
    ]
