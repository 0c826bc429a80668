"""How a refund goes back; null in the rows that are there, which count as before."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0014_booking_payments"),
    ]

    operations = [
        migrations.AddField(
            model_name="historicalrefund",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[
                    ("processor", "by the payment provider"),
                    ("cash", "Cash"),
                    ("card", "card at the counter"),
                    ("transfer", "bank transfer"),
                    ("other", "Other"),
                ],
                max_length=20,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="method",
            field=models.CharField(
                blank=True,
                choices=[
                    ("processor", "by the payment provider"),
                    ("cash", "Cash"),
                    ("card", "card at the counter"),
                    ("transfer", "bank transfer"),
                    ("other", "Other"),
                ],
                max_length=20,
                null=True,
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("method__in", ["processor", "cash", "card", "transfer", "other"])
                ),
                name="refund_method_known",
                violation_error_message="method is not one of processor, cash, card, transfer, other.",
            ),
        ),
    ]
