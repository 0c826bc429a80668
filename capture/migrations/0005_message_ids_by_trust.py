"""A page's message ids are apart from those of servers and providers.

No row is rewritten. Back again only while no id stands on both sides.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("capture", "0004_shared_bookkeeping"),
        ("customers", "0011_verify_permission"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="capture",
            constraint=models.UniqueConstraint(
                models.F("business"),
                models.F("source"),
                models.F("message_id"),
                models.ExpressionWrapper(
                    models.Q(trust="browser"), models.BooleanField()
                ),
                name="one_capture_per_message_and_trust",
            ),
        ),
        migrations.RemoveConstraint("capture", "one_capture_per_message"),
    ]
