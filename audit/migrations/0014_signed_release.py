"""A release of a PIN is written down, and signed, with the account."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0013_own_secrets"),
    ]

    operations = [
        migrations.RemoveField(
            model_name="pincredential",
            name="enrol_from",
        ),
    ]
