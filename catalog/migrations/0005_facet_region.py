from django.db import migrations, models

# The region of an image is a value of its own among the counts: an item that names its region beats its source's, and
# the page filters by what it shows. The counts are made anew, and the triggers write one column more.
VALUES = "team_id, source_id, type, os, distribution_facet, os_version_facet, arch, visibility, state, region"
OLD_VALUES = "team_id, source_id, type, os, distribution_facet, os_version_facet, arch, visibility, state"


def functions(values: str) -> str:
    new, old = f"SELECT {values}, 1 AS d FROM new_rows", f"SELECT {values}, -1 AS d FROM old_rows"  # noqa: S608
    return "".join(
        f"""
CREATE OR REPLACE FUNCTION catalog_image_facets_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_facetcount AS f ({values}, n)
    SELECT {values}, sum(d) FROM ({rows}) AS moved
    WHERE EXISTS (SELECT 1 FROM catalog_source s WHERE s.id = moved.source_id)
    GROUP BY {values} HAVING sum(d) <> 0
    ORDER BY {values}
    ON CONFLICT ({values}) DO UPDATE SET n = f.n + excluded.n;
    RETURN NULL;
END
$$;
"""  # noqa: S608
        for event, rows in (("insert", new), ("update", f"{new} UNION ALL {old}"), ("delete", old))
    )


def recount(values: str) -> str:
    return f"""
DELETE FROM catalog_facetcount;
INSERT INTO catalog_facetcount ({values}, n) SELECT {values}, count(*) FROM catalog_image GROUP BY {values};
"""  # noqa: S608


FIELDS = [
    "team", "source", "type", "os", "distribution_facet", "os_version_facet", "arch", "visibility", "state",
]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [("catalog", "0003_facet_counts")]
    operations = [
        # Empty while the column comes and goes: rows that differ by region alone would not fit the old constraint, and
        # nothing may be inserted before an ALTER TABLE in one transaction.
        migrations.RunSQL("DELETE FROM catalog_facetcount", functions(OLD_VALUES) + recount(OLD_VALUES)),
        migrations.RemoveConstraint(model_name="facetcount", name="facetcount_values"),
        migrations.AddField(
            "facetcount", "region", models.CharField(max_length=100, default=""), preserve_default=False
        ),
        migrations.AddConstraint(
            model_name="facetcount",
            constraint=models.UniqueConstraint(fields=[*FIELDS, "region"], include=["n"], name="facetcount_values"),
        ),
        migrations.RunSQL(functions(VALUES) + recount(VALUES), "DELETE FROM catalog_facetcount"),
    ]
