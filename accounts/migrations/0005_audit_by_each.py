from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import migrations, models
from django.db.models.fields.json import KeyTransform


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_membership_key")]
    operations = [
        migrations.AddIndex(
            "auditevent",
            GinIndex(
                OpClass(KeyTransform("ids", "changes"), "jsonb_path_ops"),
                name="auditevent_ids",
                condition=models.Q(target_id=None),
            ),
        ),
    ]
