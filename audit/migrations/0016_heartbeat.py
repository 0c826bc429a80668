"""The hub's cache leaves the database: its values were unpickled when they were read.

What it kept for long, when `maintain` ran, has a table. On the way back older code makes
its cache table anew, after `migrate`.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0015_rates_and_responses")]

    operations = [
        migrations.CreateModel(
            name="Heartbeat",
            fields=[
                (
                    "name",
                    models.CharField(max_length=40, primary_key=True, serialize=False),
                ),
                ("at", models.DateTimeField()),
                ("filler", models.TextField(blank=True, default="")),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.RunSQL(
            "DROP TABLE IF EXISTS holdfast_cache", migrations.RunSQL.noop
        ),
    ]
