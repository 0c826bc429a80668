"""A new business has a refund limit; those that are there keep theirs, or none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0011_verify_permission"),
    ]

    operations = [
        migrations.AlterField(
            model_name="business",
            name="refund_limit",
            field=models.DecimalField(
                blank=True,
                decimal_places=3,
                default=100,
                help_text="Refunds above it wait for a second person. Empty: no limit.",
                max_digits=15,
                null=True,
            ),
        ),
        migrations.AlterField(
            model_name="historicalbusiness",
            name="refund_limit",
            field=models.DecimalField(
                blank=True,
                decimal_places=3,
                default=100,
                help_text="Refunds above it wait for a second person. Empty: no limit.",
                max_digits=15,
                null=True,
            ),
        ),
    ]
