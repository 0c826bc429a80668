"""Rates, and answers that are given again, are kept here for all apps.

What `capture` kept of both it moves over itself, in its 0004.
"""

from django.db import migrations, models


def forget_permissions(*names):
    """Return the operation that removes permissions of models that are not there."""

    def forget(apps, schema_editor):
        permissions = apps.get_model("auth", "Permission").objects
        for name in names:
            permissions.filter(
                content_type__app_label="audit", codename__endswith=f"_{name}"
            ).delete()

    return forget


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0014_signed_release"),
        ("auth", "0012_alter_user_first_name_max_length"),
    ]

    operations = [
        migrations.RenameModel("StoredAnswer", "IdempotentResponse"),
        migrations.AlterModelOptions(
            "idempotentresponse",
            options={"ordering": ("id",), "verbose_name": "stored answer"},
        ),
        migrations.RenameField("idempotentresponse", "answer", "response"),
        migrations.AddField("idempotentresponse", "owner", models.UUIDField(null=True)),
        migrations.AddField(
            "idempotentresponse", "locked_until", models.DateTimeField(null=True)
        ),
        migrations.CreateModel(
            name="RateLimitBucket",
            fields=[
                (
                    "name",
                    models.CharField(max_length=120, primary_key=True, serialize=False),
                ),
                ("tat_us", models.BigIntegerField(default=0)),
                ("offset_us", models.BigIntegerField(db_default=0, default=0)),
                (
                    "boot",
                    models.CharField(
                        blank=True, db_default="", default="", max_length=16
                    ),
                ),
                ("used_at", models.DateTimeField(db_index=True, null=True)),
            ],
            options={"ordering": ("name",)},
        ),
        migrations.RunPython(
            forget_permissions("storedanswer"),
            forget_permissions("idempotentresponse", "ratelimitbucket"),
        ),
    ]
