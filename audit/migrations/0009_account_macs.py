"""Bind what decides about an account to a key that is not in the database."""

from django.db import migrations, models

from audit.signed import mac_of


def sign_users(apps, schema_editor):
    """Sign every account as it is now, with the second secrets that it has."""
    authenticators = apps.get_model("audit", "Authenticator").objects
    pins = apps.get_model("audit", "PinCredential").objects.exclude(hash="")
    for user in apps.get_model("audit", "User").objects.all():
        found = {"pin": pins, "totp": authenticators}
        words = [n for n, rows in found.items() if rows.filter(user=user).exists()]
        user.factors = " ".join(words)
        user.mac = mac_of(
            "audit.user",
            [
                user.id, user.username, user.password, user.is_active, user.is_staff,
                user.is_superuser, user.factors,
            ],
        )  # fmt: skip
        user.save(update_fields=["factors", "mac"])


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
        migrations.RunPython(sign_users, migrations.RunPython.noop),
    ]
