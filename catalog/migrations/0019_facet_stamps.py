import django.db.models.deletion
from django.db import migrations, models

from accounts.tenancy import composite_key

# Whoever writes a count, a trigger on images or `facets_verify`, stamps its source anew. Several sources in the order
# of their ids, so that two writers never wait for each other crosswise; nothing for one that is being deleted.
FUNCTION = """
CREATE FUNCTION catalog_facetcount_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_facetstamp (team_id, source_id, stamp)
    SELECT team_id, source_id, gen_random_uuid()
    FROM (SELECT DISTINCT team_id, source_id FROM changed) AS those
    WHERE EXISTS (SELECT 1 FROM catalog_source s WHERE s.id = those.source_id)
    ORDER BY source_id
    ON CONFLICT (team_id, source_id) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END
$$;
"""
EVENTS = {"insert": "NEW", "update": "NEW", "delete": "OLD"}
TRIGGERS = "".join(
    f"CREATE TRIGGER catalog_facetcount_stamp_{event} AFTER {event.upper()} ON catalog_facetcount"
    f" REFERENCING {rows} TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION catalog_facetcount_stamp();"
    for event, rows in EVENTS.items()
)
NO_TRIGGERS = "".join(f"DROP TRIGGER catalog_facetcount_stamp_{event} ON catalog_facetcount;" for event in EVENTS)
FIRST = (
    "INSERT INTO catalog_facetstamp (team_id, source_id, stamp)"
    " SELECT team_id, id, gen_random_uuid() FROM catalog_source"
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0018_registration_lists")]

    operations = [
        migrations.CreateModel(
            name="FacetStamp",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("stamp", models.UUIDField()),
                (
                    "source",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="catalog.source",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.DB_CASCADE,
                        related_name="+",
                        to="accounts.team",
                    ),
                ),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("team", "source"), name="facetstamp_of_source")]},
        ),
        composite_key("catalog_facetstamp", "source_id", "catalog_source"),
        migrations.RunSQL(FUNCTION + TRIGGERS + FIRST, NO_TRIGGERS + "DROP FUNCTION catalog_facetcount_stamp();"),
    ]
