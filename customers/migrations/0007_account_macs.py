"""Bind the roles of staff to a key that is not in the database."""

from django.db import migrations, models

from audit.signed import mac_of


def sign_memberships(apps, schema_editor):
    """Sign every membership as it is now."""
    rows = apps.get_model("customers", "Membership")._base_manager
    for row in rows.all():
        facts = [row.id, row.user_id, row.business_id, row.role]
        mac = mac_of("customers.membership", [*facts, row.ended_at is not None])
        rows.filter(pk=row.pk).update(mac=mac)


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0009_account_macs"),
        ("customers", "0006_import_files"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalmembership",
            name="mac",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=64
            ),
        ),
        migrations.AddField(
            model_name="membership",
            name="mac",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=64
            ),
        ),
        migrations.RunPython(sign_memberships, migrations.RunPython.noop),
    ]
