from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.operations import BtreeGinExtension, TrigramExtension
from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_invitations")]
    operations = [
        BtreeGinExtension(),
        TrigramExtension(),
        migrations.RemoveIndex("auditevent", "auditevent_team_at"),
        migrations.AddIndex("auditevent", models.Index(fields=["team", "-at", "-id"], name="auditevent_team_at_id")),
        migrations.AddIndex(
            "auditevent", models.Index(fields=["team", "actor", "-at", "-id"], name="auditevent_actor_at")
        ),
        migrations.AddIndex(
            "auditevent", models.Index(fields=["team", "action", "-at", "-id"], name="auditevent_action_at")
        ),
        migrations.AddIndex(
            "auditevent",
            GinIndex(OpClass("team", "uuid_ops"), OpClass(Upper("target"), "gin_trgm_ops"), name="auditevent_target"),
        ),
    ]
