"""Bind what decides about an account to a key that is not in the database."""

from django.db import migrations, models
from django.db.migrations.exceptions import IrreversibleError

from audit.database.signed import is_mac_of, mac_of


def sign_users(apps, schema_editor):
    """Sign every account as it is now, with the second secrets that it has."""
    for user in apps.get_model("audit", "User").objects.all():
        user.factors = " ".join(_found(apps, user))
        user.mac = mac_of("audit.user", _facts(user))
        user.save(update_fields=["factors", "mac"])


def refuse_altered(apps, schema_editor):
    """Refuse the way back while an account is not genuine.

    Coming again this migration signs every account as it is, and would make it so.
    """
    for user in apps.get_model("audit", "User").objects.all():
        words = sorted(_found(apps, user))
        is_genuine = is_mac_of(user.mac, "audit.user", _facts(user))
        if not is_genuine or sorted(user.factors.split()) != words:
            msg = (
                f"The account {user.pk} was changed past the hub. Run migrate, look at "
                "it, run accept_account, and go back then."
            )
            raise IrreversibleError(msg)


def _found(apps, user):
    authenticators = apps.get_model("audit", "Authenticator").objects
    pins = apps.get_model("audit", "PinCredential").objects.exclude(hash="")
    found = {"pin": pins, "totp": authenticators}
    return [name for name, rows in found.items() if rows.filter(user=user).exists()]


def _facts(user):
    return [
        user.id, user.username, user.password, user.is_active, user.is_staff,
        user.is_superuser, user.factors,
    ]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0008_lock_marks"),
    ]

    operations = [
        migrations.AlterModelManagers(name="user", managers=[]),
        migrations.AddField(
            model_name="user",
            name="factors",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=200
            ),
        ),
        migrations.AddField(
            model_name="user",
            name="mac",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=64
            ),
        ),
        migrations.RunPython(sign_users, refuse_altered),
    ]
