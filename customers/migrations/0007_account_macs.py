"""Bind the roles of staff to a key that is not in the database."""

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

from audit.database.signed import is_mac_of, mac_of


def sign_memberships(apps, schema_editor):
    """Sign every membership as it is now."""
    rows = apps.get_model("customers", "Membership")._base_manager
    for row in rows.all():
        rows.filter(pk=row.pk).update(mac=mac_of("customers.membership", _facts(row)))


def refuse_altered(apps, schema_editor):
    """Refuse the way back while a membership is not genuine.

    Coming again this migration signs every one as it is, and would make it so.
    """
    for row in apps.get_model("customers", "Membership")._base_manager.all():
        if not is_mac_of(row.mac, "customers.membership", _facts(row)):
            msg = (
                f"The membership {row.pk} was changed past the hub. Run migrate, look "
                "at it, run accept_account, and go back then."
            )
            raise IrreversibleError(msg)


def _facts(row):
    return [row.id, row.user_id, row.business_id, row.role, row.ended_at is not None]


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
        migrations.RunPython(sign_memberships, refuse_altered),
    ]
