from django.db import migrations, models

from catalog.models import SortText

INDEXES = [
    models.Index("team", SortText("description"), "id", name="image_team_description"),
    models.Index("facets", SortText("description"), "id", name="image_facets_description"),
]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0020_run_parts")]
    operations = [migrations.AddIndex("image", index) for index in INDEXES]
