from typing import Any

from django.db import migrations, models
from django.db.models.functions import Coalesce

from catalog.models import Computed, RowHash, TextHash

# A combination of facet values has one number, on an image and on its count alike, which the database computes. Through
# it the page goes from the counts to the images: to few of them at once, to the first of each combination where they
# are many and far from the start of the order.
FACETS = [
    "team", "source", "type", "os", "distribution_facet", "os_version_facet", "arch", "visibility", "state", "region",
    "labels", "starred",
]  # fmt: skip


def facets() -> Any:
    return Computed(expression=RowHash(*FACETS), output_field=models.BigIntegerField(), db_persist=True, editable=False)


INDEXES = [
    models.Index("team", Coalesce("size_gib", -1), "id", name="image_team_size"),
    models.Index(fields=["facets", "name_key", "id"], name="image_facets_name"),
    models.Index(fields=["facets", "changed_at", "id"], name="image_facets_changed"),
    models.Index("facets", Coalesce("size_gib", -1), "id", name="image_facets_size"),
    models.Index("team", TextHash("remote_id"), name="image_team_remote_id"),
    models.Index(
        "team",
        TextHash("repository"),
        TextHash("tag"),
        name="image_team_reference",
        condition=models.Q(repository__isnull=False, tag__isnull=False),
    ),
]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0007_saved_views")]
    operations = [
        migrations.AddField("facetcount", "facets", facets()),
        migrations.AddField("image", "facets", facets()),
        *(migrations.AddIndex("image", index) for index in INDEXES),
    ]
