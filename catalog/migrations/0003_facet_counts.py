from django.db import migrations

# One trigger an event with its transition tables: no writer of images can forget the counts. Deltas are upserted in
# key order, so that two writers never wait for each other crosswise; zero deltas are skipped; nothing is written for a
# source that is being deleted (its row is gone when the cascade reaches its images).
# ruff: noqa: S608 - the texts are this file's own
VALUES = "team_id, source_id, type, os, distribution_facet, os_version_facet, arch, visibility, state"


def function(event: str, rows: str) -> str:
    return f"""
CREATE FUNCTION catalog_image_facets_{event}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO catalog_facetcount AS f ({VALUES}, n)
    SELECT {VALUES}, sum(d) FROM ({rows}) AS moved
    WHERE EXISTS (SELECT 1 FROM catalog_source s WHERE s.id = moved.source_id)
    GROUP BY {VALUES} HAVING sum(d) <> 0
    ORDER BY {VALUES}
    ON CONFLICT ({VALUES}) DO UPDATE SET n = f.n + excluded.n;
    RETURN NULL;
END
$$;
"""


NEW = f"SELECT {VALUES}, 1 AS d FROM new_rows"
OLD = f"SELECT {VALUES}, -1 AS d FROM old_rows"
FORWARDS = (
    function("insert", NEW)
    + function("update", f"{NEW} UNION ALL {OLD}")
    + function("delete", OLD)
    + """
CREATE TRIGGER catalog_image_facets_insert AFTER INSERT ON catalog_image
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_image_facets_insert();
CREATE TRIGGER catalog_image_facets_update AFTER UPDATE ON catalog_image
    REFERENCING NEW TABLE AS new_rows OLD TABLE AS old_rows
    FOR EACH STATEMENT EXECUTE FUNCTION catalog_image_facets_update();
CREATE TRIGGER catalog_image_facets_delete AFTER DELETE ON catalog_image
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION catalog_image_facets_delete();
"""
)
BACKWARDS = "".join(
    f"DROP TRIGGER catalog_image_facets_{event} ON catalog_image; DROP FUNCTION catalog_image_facets_{event}();"
    for event in ("insert", "update", "delete")
)


class Migration(migrations.Migration):
    dependencies = [("catalog", "0002_composite_keys")]
    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
