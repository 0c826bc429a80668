"""Passkeys, the questions that are put to them, and grants that one has confirmed."""

import audit.ids
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from audit.database.signed import is_mac_of, mac_of


def forget_passkeys(apps, schema_editor):
    """On the way back: no account has one, and no grant was confirmed with one.

    Signs only what the hub itself had written, and in the form that was known then.
    """
    apps.get_model("audit", "Grant").objects.filter(method="passkey").delete()
    for user in apps.get_model("audit", "User").objects.all():
        if is_mac_of(user.mac, "audit.user", _facts(user)):
            words = user.factors.split()
            user.factors = " ".join(word for word in words if "passkey:" not in word)
            user.mac = mac_of("audit.user", _facts(user))
            user.save(update_fields=["factors", "mac"])


def _facts(user):
    return [
        user.id, user.username, user.password, user.is_active, user.is_staff,
        user.is_superuser, user.factors,
    ]  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0011_catalogue"),
    ]

    operations = [
        migrations.CreateModel(
            name="Ceremony",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("enrol", "add a passkey"),
                            ("sign_in", "sign in"),
                            ("step_up", "confirm an act"),
                        ],
                        max_length=10,
                    ),
                ),
                ("binding", models.CharField(max_length=64)),
                ("scope", models.CharField(blank=True, default="", max_length=20)),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Passkey",
            fields=[
                (
                    "mac",
                    models.CharField(
                        blank=True, default="", editable=False, max_length=64
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("credential_id", models.BinaryField(max_length=1023, unique=True)),
                ("public_key", models.BinaryField()),
                ("sign_count", models.BigIntegerField(default=0, editable=False)),
                (
                    "is_backed_up",
                    models.BooleanField(
                        default=False, editable=False, verbose_name="synced"
                    ),
                ),
                ("name", models.CharField(max_length=60)),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("last_used_at", models.DateTimeField(editable=False, null=True)),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="grant_method_known",
        ),
        migrations.AlterField(
            model_name="grant",
            name="method",
            field=models.CharField(
                choices=[
                    ("pin", "PIN"),
                    ("totp", "authenticator code"),
                    ("passkey", "passkey"),
                ],
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="user",
            name="factors",
            field=models.CharField(
                blank=True, default="", editable=False, max_length=1000
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(("method__in", ["pin", "totp", "passkey"])),
                name="grant_method_known",
            ),
        ),
        migrations.AddField(
            model_name="ceremony",
            name="user",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="passkey",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="passkeys",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddConstraint(
            model_name="ceremony",
            constraint=models.CheckConstraint(
                condition=models.Q(("purpose__in", ["enrol", "sign_in", "step_up"])),
                name="ceremony_purpose_known",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_passkeys),
    ]
