from django.db import migrations, models

from catalog.models import OwnSystem


class Migration(migrations.Migration):
    dependencies = [("catalog", "0012_rare_changes")]
    operations = [
        migrations.AddIndex(
            "image",
            models.Index(
                "team",
                OwnSystem(),
                "id",
                name="image_team_own_system",
                condition=models.Q(distribution_facet="other"),
            ),
        )
    ]
