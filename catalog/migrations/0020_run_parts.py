from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("catalog", "0019_facet_stamps")]

    operations = [
        migrations.AddField("syncrun", "part", models.PositiveIntegerField(null=True)),
        migrations.AddField("syncrun", "parts", models.PositiveIntegerField(null=True)),
    ]
