"""A scope for the own second secrets, and recovery codes that confirm it."""

from django.db import migrations, models


def forget_grants(apps, schema_editor):
    """On the way back: what was confirmed for it, or with it, is known no more."""
    grants = apps.get_model("audit", "Grant").objects
    grants.filter(models.Q(scope="account") | models.Q(method="recovery")).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0012_passkeys"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="grant",
            name="grant_scope_known",
        ),
        migrations.RemoveConstraint(
            model_name="grant",
            name="grant_method_known",
        ),
        migrations.AlterField(
            model_name="grant",
            name="scope",
            field=models.CharField(
                choices=[
                    ("reveal", "show personal data"),
                    ("export", "export"),
                    ("refund_over_limit", "give back more than the limit"),
                    ("erase", "erase"),
                    ("manage_roles", "users and roles"),
                    ("manage_keys", "keys and secrets"),
                    ("bulk", "change many at once"),
                    ("account", "add or remove own second secrets"),
                ],
                max_length=20,
            ),
        ),
        migrations.AlterField(
            model_name="grant",
            name="method",
            field=models.CharField(
                choices=[
                    ("pin", "PIN"),
                    ("totp", "authenticator code"),
                    ("passkey", "passkey"),
                    ("recovery", "recovery code"),
                ],
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "scope__in",
                        [
                            "reveal",
                            "export",
                            "refund_over_limit",
                            "erase",
                            "manage_roles",
                            "manage_keys",
                            "bulk",
                            "account",
                        ],
                    )
                ),
                name="grant_scope_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="grant",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("method__in", ["pin", "totp", "passkey", "recovery"])
                ),
                name="grant_method_known",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_grants),
    ]
