from importlib import import_module
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

# Labels and stars are values among the counts, like any other the cloud reports: one more array and one more boolean
# in the same rows keep a label's count exact under every other choice.
before = import_module("catalog.migrations.0005_facet_region")
VALUES = f"{before.VALUES}, labels, starred"


def labels(**options: Any) -> Any:
    return ArrayField(base_field=models.CharField(max_length=40), **options)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0005_facet_region")]
    operations = [
        migrations.RunSQL(
            "DELETE FROM catalog_facetcount", before.functions(before.VALUES) + before.recount(before.VALUES)
        ),
        migrations.RemoveConstraint(model_name="facetcount", name="facetcount_values"),
        migrations.AddField("image", "labels", labels(default=list, db_default=[])),
        migrations.AddField("image", "starred", models.BooleanField(default=False, db_default=False)),
        migrations.AddField("image", "note", models.TextField(default="", db_default="")),
        migrations.AddField("image", "own_text", models.TextField(default="", db_default="")),
        migrations.AddField("image", "overrides", models.JSONField(default=dict, db_default={})),
        migrations.AddField("facetcount", "labels", labels(default=list), preserve_default=False),
        migrations.AddField("facetcount", "starred", models.BooleanField(default=False), preserve_default=False),
        migrations.AddConstraint(
            model_name="facetcount",
            constraint=models.UniqueConstraint(
                fields=[*before.FIELDS, "region", "labels", "starred"], include=["n"], name="facetcount_values"
            ),
        ),
        migrations.RunSQL(before.functions(VALUES) + before.recount(VALUES), "DELETE FROM catalog_facetcount"),
    ]
