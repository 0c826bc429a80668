"""A release of a PIN is written down, and signed, with the account."""

from datetime import datetime

from django.db import migrations

from audit.database.signed import is_mac_of, mac_of

RELEASED = "released:"


def move_releases(apps, schema_editor):
    """On the way back: a release stands with the PIN again.

    Signs only what the hub itself had written. Of the others the word stays, and so
    does what it makes of them: accounts that count for nothing.
    """
    pins = apps.get_model("audit", "PinCredential").objects
    for user in apps.get_model("audit", "User").objects.all():
        if not is_mac_of(user.mac, "audit.user", _facts(user)):
            continue
        words = user.factors.split()
        for word in words:
            if word.startswith(RELEASED):
                due = datetime.fromisoformat(word.removeprefix(RELEASED))
                pins.filter(user=user).update(enrol_from=due)
        user.factors = " ".join(w for w in words if not w.startswith(RELEASED))
        user.mac = mac_of("audit.user", _facts(user))
        user.save(update_fields=["factors", "mac"])


def _facts(user):
    return [
        user.id, user.username, user.password, user.is_active, user.is_staff,
        user.is_superuser, user.factors,
    ]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0013_own_secrets"),
    ]

    operations = [
        migrations.RunPython(migrations.RunPython.noop, move_releases),
        migrations.RemoveField(
            model_name="pincredential",
            name="enrol_from",
        ),
    ]
