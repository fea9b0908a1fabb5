from django.db import migrations, models

from catalog.models import LastSeen, SortId, SortText

# What the list is sorted by is in its index; of what only containers have, they alone, as those that are missing of
# when they were seen. An id is found by its own too.
CONTAINER = models.Q(type="container")
LOST = models.Q(state__in=["missing", "archived"])
INDEXES = [
    models.Index(fields=["team", "first_seen_at", "id"], name="image_team_first_seen"),
    models.Index(fields=["facets", "first_seen_at", "id"], name="image_facets_first_seen"),
    models.Index("team", SortText("version"), "id", name="image_team_version"),
    models.Index("facets", SortText("version"), "id", name="image_facets_version"),
    models.Index("team", SortId("remote_id"), "id", name="image_team_remote_id"),
    models.Index("facets", SortId("remote_id"), "id", name="image_facets_remote_id"),
    models.Index("team", SortText("repository"), "id", name="image_container_repository", condition=CONTAINER),
    models.Index("team", SortText("tag"), "id", name="image_container_tag", condition=CONTAINER),
    models.Index("team", SortText("cluster"), "id", name="image_container_cluster", condition=CONTAINER),
    models.Index("team", LastSeen(), "id", name="image_lost_last_seen", condition=LOST),
]


class Migration(migrations.Migration):
    dependencies = [("catalog", "0013_own_systems")]
    operations = [
        migrations.RemoveIndex("image", "image_team_remote_id"),
        *(migrations.AddIndex("image", index) for index in INDEXES),
    ]
