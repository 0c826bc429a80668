"""A PIN is released by the owner, and set anew a day later."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0009_account_macs"),
    ]

    operations = [
        migrations.AddField(
            model_name="pincredential",
            name="enrol_from",
            field=models.DateTimeField(null=True),
        ),
    ]
