"""What a person has chosen about the admin: shortcuts, density."""

import audit.ids
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0016_heartbeat"),
    ]

    operations = [
        migrations.CreateModel(
            name="UserPreferences",
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
                    "has_shortcuts",
                    models.BooleanField(
                        default=True, verbose_name="single-key shortcuts"
                    ),
                ),
                (
                    "density",
                    models.CharField(
                        choices=[
                            ("comfortable", "comfortable"),
                            ("compact", "compact"),
                        ],
                        default="comfortable",
                        max_length=20,
                    ),
                ),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="preferences",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("id",),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("density__in", ["comfortable", "compact"])),
                        name="audit_userpreferences_density",
                    )
                ],
            },
        ),
    ]
