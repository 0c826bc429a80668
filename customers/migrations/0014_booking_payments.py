"""Payments that somebody recorded, and what of a booking captured ones say."""

import audit.fields
import audit.ids
import customers.money
import django.db.models.deletion
import django.utils.timezone
from decimal import Decimal
from django.db import migrations, models


def add_without_value(model):
    """Return operations that add the column with null in the rows that are there.

    What was paid before stays as it was: nobody knows which part of it was confirmed.
    Only the state has the default of new rows, so no row is rewritten.
    """
    options = {
        "blank": True,
        "decimal_places": 3,
        "editable": False,
        "max_digits": 15,
        "null": True,
    }
    name = {"model_name": model, "name": "confirmed_amount"}
    field = models.DecimalField(default=Decimal(0), **options)
    return (
        migrations.AddField(**name, field=models.DecimalField(**options)),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.AlterField(**name, field=field)]
        ),
    )


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0013_customer_index"),
    ]

    operations = [
        *add_without_value("booking"),
        *add_without_value("historicalbooking"),
        migrations.CreateModel(
            name="BookingPayment",
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
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                ("amount", models.DecimalField(decimal_places=3, max_digits=15)),
                (
                    "currency",
                    models.CharField(
                        max_length=3, validators=[customers.money.check_currency]
                    ),
                ),
                (
                    "method",
                    models.CharField(
                        choices=[
                            ("cash", "Cash"),
                            ("card", "card at the counter"),
                            ("transfer", "bank transfer"),
                            ("other", "Other"),
                            ("imported", "from a file"),
                            ("earlier", "before payments were recorded"),
                        ],
                        max_length=20,
                    ),
                ),
                ("received_on", models.DateField(verbose_name="received")),
                ("reference", audit.fields.NullCharField(max_length=100)),
                ("external_id", audit.fields.NullCharField(max_length=255)),
                ("reason", audit.fields.NullTextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("created_by_id", models.UUIDField(editable=False, null=True)),
                (
                    "operation_id",
                    models.UUIDField(db_index=True, editable=False, null=True),
                ),
                (
                    "booking",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="customers.booking",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "reverses",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="reversed_by",
                        to="customers.bookingpayment",
                    ),
                ),
            ],
            options={
                "verbose_name": "recorded payment",
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("export_bookingpayment", "Can export recorded payments")
                ],
                "indexes": [
                    models.Index(
                        fields=["booking", "-created_at"],
                        name="booking_payment_booking",
                    ),
                    models.Index(
                        fields=["business", "-created_at"],
                        name="booking_payment_created",
                    ),
                    models.Index(
                        fields=["-created_at", "-id"], name="booking_payment_order"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("reason__isnull", True), ("reference__isnull", True)
                            ),
                            _connector="OR",
                        ),
                        name="customers_bookingpayment_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_bookingpayment_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_bookingpayment_commitment_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "method__in",
                                [
                                    "cash",
                                    "card",
                                    "transfer",
                                    "other",
                                    "imported",
                                    "earlier",
                                ],
                            )
                        ),
                        name="booking_payment_method_known",
                        violation_error_message="method is not one of cash, card, transfer, other, imported, earlier.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("reverses__isnull", True)),
                            models.Q(("amount__lt", 0), ("reverses__isnull", False)),
                            _connector="OR",
                        ),
                        name="booking_payment_sign_fits",
                        violation_error_message="A payment is more than zero; a reversal names its payment.",
                    ),
                    models.UniqueConstraint(
                        fields=("business", "external_id"),
                        name="booking_payment_external_id_unique",
                        violation_error_message="A payment here has this external id already.",
                    ),
                ],
            },
        ),
    ]
