from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0009_watching"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="image",
            index=models.Index(
                condition=models.Q(("overrides", {}), _negated=True), fields=["source"], name="image_overridden"
            ),
        ),
    ]
