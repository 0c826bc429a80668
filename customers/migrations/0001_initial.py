import audit.fields
import audit.ids
import audit.timezones
import customers.countries
import customers.money
import customers.references
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.utils.timezone
import simple_history.models
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("audit", "__first__"),
    ]

    operations = [
        migrations.CreateModel(
            name="Business",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("slug", models.SlugField(max_length=63, unique=True)),
                ("name", models.CharField(max_length=200)),
                (
                    "timezone",
                    models.CharField(
                        default="UTC",
                        max_length=64,
                        validators=[audit.timezones.check_time_zone],
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        default="EUR",
                        max_length=3,
                        validators=[customers.money.check_currency],
                    ),
                ),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        help_text="Country of phone numbers that are typed without a country code.",
                        max_length=2,
                        validators=[customers.countries.check_country],
                    ),
                ),
                (
                    "consent_mode",
                    models.CharField(
                        choices=[
                            ("explicit_opt_in", "Explicit Opt In"),
                            ("soft_opt_in", "Soft Opt In"),
                        ],
                        default="explicit_opt_in",
                        max_length=20,
                    ),
                ),
                (
                    "occasional_from",
                    models.PositiveIntegerField(
                        default=2,
                        validators=[django.core.validators.MinValueValidator(2)],
                    ),
                ),
                ("regular_from", models.PositiveIntegerField(default=4)),
                ("frequent_from", models.PositiveIntegerField(default=10)),
                ("high_value_purchases", models.PositiveIntegerField(default=3)),
                (
                    "high_value_spent",
                    models.DecimalField(decimal_places=3, default=1000, max_digits=15),
                ),
                (
                    "refund_limit",
                    models.DecimalField(
                        blank=True,
                        decimal_places=3,
                        help_text="Refunds above it wait for a second person. Empty: no limit.",
                        max_digits=15,
                        null=True,
                    ),
                ),
                ("signup_is_login", models.BooleanField(default=True)),
                (
                    "settings",
                    audit.fields.SealedJSONField(
                        blank=True,
                        default=dict,
                        help_text="consent_wordings: version to true while valid. mappings: raw values to ours.",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "businesses",
                "ordering": ("name", "id"),
                "permissions": [
                    ("export_business", "Can export businesses"),
                    ("import_business", "Can import businesses"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("consent_mode__in", ["explicit_opt_in", "soft_opt_in"])
                        ),
                        name="business_consent_mode_known",
                        violation_error_message="consent_mode is not one of explicit_opt_in, soft_opt_in.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("frequent_from__gt", models.F("regular_from")),
                            ("occasional_from__gte", 2),
                            ("regular_from__gt", models.F("occasional_from")),
                        ),
                        name="business_tiers_ascend",
                        violation_error_message="Loyalty tiers start at 2 and must ascend.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Customer",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "unique_id",
                    models.CharField(
                        default=customers.references.new_customer_reference,
                        editable=False,
                        max_length=20,
                        verbose_name="reference",
                    ),
                ),
                (
                    "external_id",
                    audit.fields.NullCharField(
                        help_text="The number or name of this customer in another system.",
                        max_length=255,
                        verbose_name="external id",
                    ),
                ),
                ("name", models.CharField(max_length=255, null=True)),
                (
                    "email",
                    models.EmailField(
                        blank=True, max_length=254, null=True, verbose_name="e-mail"
                    ),
                ),
                (
                    "email_key",
                    audit.fields.NullCharField(editable=False, max_length=254),
                ),
                (
                    "is_email_verified",
                    models.BooleanField(default=False, verbose_name="e-mail verified"),
                ),
                (
                    "email_bounced_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="e-mail bounces since"
                    ),
                ),
                ("phone", audit.fields.NullCharField(max_length=50)),
                (
                    "phone_e164",
                    audit.fields.NullCharField(editable=False, max_length=16),
                ),
                (
                    "customer_type",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("walk_in", "Walk In"),
                            ("regular", "Regular"),
                            ("vip", "VIP"),
                            ("wholesale", "Wholesale"),
                            ("other", "Other"),
                        ],
                        max_length=20,
                        null=True,
                        verbose_name="type",
                    ),
                ),
                (
                    "raw_customer_type",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("inactive", "Inactive"),
                            ("blocked", "Blocked"),
                        ],
                        default="active",
                        max_length=20,
                    ),
                ),
                (
                    "signup_method",
                    models.CharField(blank=True, default="email", max_length=50),
                ),
                (
                    "source",
                    models.CharField(blank=True, default="website", max_length=100),
                ),
                ("location", audit.fields.NullCharField(max_length=200)),
                (
                    "joined_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="joined"
                    ),
                ),
                ("erased_at", models.DateTimeField(editable=False, null=True)),
                (
                    "rev",
                    models.PositiveIntegerField(
                        default=1, editable=False, verbose_name="revision"
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="customers",
                        to="customers.business",
                    ),
                ),
            ],
            options={
                "ordering": ("-joined_at", "-id"),
                "permissions": [
                    ("export_customer", "Can export customers"),
                    ("import_customer", "Can import customers"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "-joined_at", "-id"], name="customer_joined"
                    ),
                    models.Index(
                        fields=["business", "created_at"], name="customer_created"
                    ),
                    models.Index(
                        models.F("business"),
                        django.db.models.functions.text.Upper("name"),
                        name="customer_name",
                    ),
                    models.Index(
                        fields=["business", "email_key"], name="customer_email"
                    ),
                    models.Index(
                        fields=["business", "phone_e164"], name="customer_phone"
                    ),
                    models.Index(fields=["business", "status"], name="customer_status"),
                    models.Index(fields=["-joined_at", "-id"], name="customer_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "unique_id"),
                        name="customer_reference_unique",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("archived_at", None), ("erased_at", None)),
                        fields=("business", "email_key"),
                        name="one_live_customer_per_email",
                        violation_error_code="unique",
                        violation_error_message="A customer here has this e-mail already.",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("archived_at", None), ("erased_at", None)),
                        fields=("business", "external_id"),
                        name="one_live_customer_per_external_id",
                        violation_error_code="unique",
                        violation_error_message="A customer here has this external id already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("name__isnull", False),
                            ("erased_at__isnull", False),
                            _connector="OR",
                        ),
                        name="customer_has_a_name",
                        violation_error_message="Give a name.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["active", "inactive", "blocked"])
                        ),
                        name="customer_status_known",
                        violation_error_message="status is not one of active, inactive, blocked.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "customer_type__in",
                                ["walk_in", "regular", "vip", "wholesale", "other"],
                            )
                        ),
                        name="customer_type_known",
                        violation_error_message="customer_type is not one of walk_in, regular, vip, wholesale, other.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Booking",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("booking", "Booking"),
                            ("order", "Order"),
                            ("sale", "Sale"),
                            ("plan", "Plan"),
                        ],
                        default="order",
                        max_length=20,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        default=customers.references.new_booking_reference,
                        editable=False,
                        max_length=100,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("pending", "Pending"),
                            ("confirmed", "Confirmed"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                            ("no_show", "No Show"),
                            ("refunded", "Refunded"),
                            ("other", "Other"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                (
                    "raw_status",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                (
                    "placed_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="placed"
                    ),
                ),
                (
                    "starts_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="starts"),
                ),
                (
                    "ends_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="ends"),
                ),
                (
                    "completed_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="completed"
                    ),
                ),
                (
                    "cancelled_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="cancelled"
                    ),
                ),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("customer", "Customer"),
                            ("business", "Business"),
                            ("system", "System"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("cancel_reason", audit.fields.NullTextField()),
                (
                    "items_count",
                    models.DecimalField(
                        decimal_places=3,
                        default=Decimal("0"),
                        max_digits=12,
                        verbose_name="items",
                    ),
                ),
                (
                    "lines",
                    audit.fields.SealedJSONField(
                        blank=True,
                        help_text="A list of objects: description, quantity, unit_price, amount. Amounts are texts.",
                        null=True,
                    ),
                ),
                (
                    "original_amount",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=15, null=True
                    ),
                ),
                (
                    "discount_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "total_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "paid_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "credit_used",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3, validators=[customers.money.check_currency]
                    ),
                ),
                ("payment_method", audit.fields.NullCharField(max_length=50)),
                (
                    "invoice_number",
                    models.CharField(blank=True, max_length=50, null=True),
                ),
                (
                    "external_id",
                    models.CharField(blank=True, max_length=255, null=True),
                ),
                (
                    "rescheduled_from",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="rescheduled_to",
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="bookings",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-placed_at", "-id"),
                "permissions": [
                    ("export_booking", "Can export bookings"),
                    ("import_booking", "Can import bookings"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "customer", "-placed_at"],
                        name="booking_customer",
                    ),
                    models.Index(
                        fields=["business", "-placed_at", "-id"], name="booking_placed"
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="booking_created"
                    ),
                    models.Index(fields=["business", "status"], name="booking_status"),
                    models.Index(fields=["-placed_at", "-id"], name="booking_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "reference"),
                        name="booking_reference_unique",
                    ),
                    models.UniqueConstraint(
                        fields=("business", "external_id"),
                        name="booking_external_id_unique",
                        violation_error_message="A booking here has this external id already.",
                    ),
                    models.UniqueConstraint(
                        fields=("business", "invoice_number"),
                        name="booking_invoice_unique",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["booking", "order", "sale", "plan"])
                        ),
                        name="booking_kind_known",
                        violation_error_message="kind is not one of booking, order, sale, plan.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "draft",
                                    "pending",
                                    "confirmed",
                                    "completed",
                                    "cancelled",
                                    "no_show",
                                    "refunded",
                                    "other",
                                ],
                            )
                        ),
                        name="booking_status_known",
                        violation_error_message="status is not one of draft, pending, confirmed, completed, cancelled, no_show, refunded, other.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("cancelled_by__in", ["customer", "business", "system"])
                        ),
                        name="booking_cancelled_by_known",
                        violation_error_message="cancelled_by is not one of customer, business, system.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credit_used__gte", 0),
                            ("discount_amount__gte", 0),
                            ("items_count__gte", 0),
                            ("paid_amount__gte", 0),
                            ("total_amount__gte", 0),
                        ),
                        name="booking_amounts_not_negative",
                        violation_error_message="Amounts and items are zero or more.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("status__in", ("completed", "refunded")), _negated=True
                            ),
                            ("completed_at__isnull", False),
                            _connector="OR",
                        ),
                        name="purchase_has_a_time",
                        violation_error_message="A completed booking needs its time.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("starts_at__isnull", True),
                            ("ends_at__isnull", True),
                            ("ends_at__gte", models.F("starts_at")),
                            _connector="OR",
                        ),
                        name="booking_ends_after_start",
                        violation_error_message="The booking ends before it starts.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Credit",
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
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("issued", "Issued"),
                            ("spent", "Spent"),
                            ("reversed", "Reversed"),
                            ("expired", "Expired"),
                        ],
                        max_length=20,
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
                    "reason_code",
                    models.CharField(
                        choices=[
                            ("compensation", "Compensation"),
                            ("loyalty", "Loyalty"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=20,
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("expires_on", models.DateField(blank=True, null=True)),
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
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits",
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
                        to="customers.credit",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="credits",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
                "permissions": [("export_credit", "Can export credits")],
                "indexes": [
                    models.Index(
                        fields=["business", "customer", "-created_at"],
                        name="credit_customer",
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="credit_created"
                    ),
                    models.Index(fields=["-created_at", "-id"], name="credit_order"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("reason__isnull", True),
                            _connector="OR",
                        ),
                        name="customers_credit_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_credit_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_credit_commitment_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["issued", "spent", "reversed", "expired"])
                        ),
                        name="credit_kind_known",
                        violation_error_message="kind is not one of issued, spent, reversed, expired.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("reason_code__in", ["compensation", "loyalty", "other"])
                        ),
                        name="credit_reason_known",
                        violation_error_message="reason_code is not one of compensation, loyalty, other.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("amount__gt", 0), ("kind", "issued")),
                            models.Q(
                                ("amount__lt", 0), ("kind__in", ["spent", "expired"])
                            ),
                            models.Q(("kind", "reversed"), ("reverses__isnull", False)),
                            _connector="OR",
                        ),
                        name="credit_sign_fits_kind",
                        violation_error_message="Issued credit is positive; spent and expired credit is negative; a reversal names its entry.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Contact",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("emergency", "Emergency"),
                            ("alternative", "Alternative"),
                            ("email", "e-mail"),
                            ("phone", "Phone"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name", audit.fields.NullCharField(max_length=200)),
                ("relation", audit.fields.NullCharField(max_length=100)),
                (
                    "email",
                    models.EmailField(
                        blank=True, max_length=254, null=True, verbose_name="e-mail"
                    ),
                ),
                (
                    "email_key",
                    audit.fields.NullCharField(editable=False, max_length=254),
                ),
                ("phone", audit.fields.NullCharField(max_length=50)),
                (
                    "phone_e164",
                    audit.fields.NullCharField(editable=False, max_length=16),
                ),
                (
                    "is_primary",
                    models.BooleanField(default=False, verbose_name="primary"),
                ),
                ("valid_from", models.DateTimeField(blank=True, null=True)),
                ("valid_to", models.DateTimeField(blank=True, null=True)),
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="contacts",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-is_primary", "-created_at", "-id"),
                "permissions": [
                    ("export_contact", "Can export contacts"),
                    ("import_contact", "Can import contacts"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "customer"], name="contact_customer"
                    ),
                    models.Index(
                        fields=["business", "email_key"], name="contact_email"
                    ),
                    models.Index(
                        fields=["business", "phone_e164"], name="contact_phone"
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="contact_created"
                    ),
                    models.Index(
                        fields=["-is_primary", "-created_at", "-id"],
                        name="contact_order",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("kind__in", ["emergency", "alternative", "email", "phone"])
                        ),
                        name="contact_kind_known",
                        violation_error_message="kind is not one of emergency, alternative, email, phone.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("valid_to__isnull", True),
                            ("valid_from__isnull", True),
                            ("valid_to__gte", models.F("valid_from")),
                            _connector="OR",
                        ),
                        name="contact_ends_after_start",
                        violation_error_message="The contact ends before it starts.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ConsentEvent",
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
                (
                    "purpose",
                    models.SlugField(help_text="marketing, loyalty or another."),
                ),
                (
                    "channel",
                    models.CharField(
                        blank=True,
                        choices=[("email", "e-mail"), ("sms", "SMS"), ("call", "Call")],
                        max_length=10,
                        null=True,
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("given", "Given"),
                            ("refused", "Refused"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "wording_version",
                    models.CharField(blank=True, max_length=50, null=True),
                ),
                (
                    "wording_hash",
                    models.CharField(blank=True, max_length=64, null=True),
                ),
                ("method", models.CharField(default="staff", max_length=50)),
                (
                    "occurred_at",
                    models.DateTimeField(default=django.utils.timezone.now),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("recorded_by_id", models.UUIDField(editable=False, null=True)),
                ("capture_id", models.UUIDField(editable=False, null=True)),
                (
                    "operation_id",
                    models.UUIDField(db_index=True, editable=False, null=True),
                ),
                ("evidence", audit.fields.NullTextField()),
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="consent_events",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-occurred_at", "-id"),
                "permissions": [("export_consentevent", "Can export consents")],
                "indexes": [
                    models.Index(
                        fields=["business", "customer", "-occurred_at"],
                        name="consent_customer",
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="consent_created"
                    ),
                    models.Index(fields=["-occurred_at", "-id"], name="consent_order"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("evidence__isnull", True),
                            _connector="OR",
                        ),
                        name="customers_consentevent_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_consentevent_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_consentevent_commitment_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("channel__in", ["email", "sms", "call"])),
                        name="consent_channel_known",
                        violation_error_message="channel is not one of email, sms, call.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("action__in", ["given", "refused", "withdrawn"])
                        ),
                        name="consent_action_known",
                        violation_error_message="action is not one of given, refused, withdrawn.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Address",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("home", "Home"),
                            ("work", "Work"),
                            ("billing", "Billing"),
                            ("delivery", "Delivery"),
                            ("pickup", "Pickup"),
                            ("other", "Other"),
                        ],
                        default="home",
                        max_length=20,
                    ),
                ),
                ("label", audit.fields.NullCharField(max_length=100)),
                ("recipient", audit.fields.NullCharField(max_length=200)),
                (
                    "line1",
                    audit.fields.NullCharField(max_length=200, verbose_name="line 1"),
                ),
                (
                    "line2",
                    audit.fields.NullCharField(max_length=200, verbose_name="line 2"),
                ),
                ("city", audit.fields.NullCharField(max_length=100)),
                ("region", audit.fields.NullCharField(max_length=100)),
                ("postal_code", audit.fields.NullCharField(max_length=20)),
                (
                    "country",
                    audit.fields.NullCharField(
                        max_length=2, validators=[customers.countries.check_country]
                    ),
                ),
                ("raw", audit.fields.NullTextField(verbose_name="as typed")),
                (
                    "is_primary",
                    models.BooleanField(default=False, verbose_name="primary"),
                ),
                ("phone", audit.fields.NullCharField(max_length=50)),
                (
                    "phone_e164",
                    audit.fields.NullCharField(editable=False, max_length=16),
                ),
                ("instructions", audit.fields.NullTextField()),
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="addresses",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "addresses",
                "ordering": ("-is_primary", "-created_at", "-id"),
                "permissions": [
                    ("export_address", "Can export addresses"),
                    ("import_address", "Can import addresses"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "customer"], name="address_customer"
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="address_created"
                    ),
                    models.Index(
                        fields=["-is_primary", "-created_at", "-id"],
                        name="address_order",
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("archived_at", None), ("is_primary", True)),
                        fields=("business", "customer"),
                        name="one_primary_address",
                        violation_error_message="The customer has a primary address already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                [
                                    "home",
                                    "work",
                                    "billing",
                                    "delivery",
                                    "pickup",
                                    "other",
                                ],
                            )
                        ),
                        name="address_kind_known",
                        violation_error_message="kind is not one of home, work, billing, delivery, pickup, other.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="CustomerStats",
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
                    "total_orders",
                    models.PositiveIntegerField(default=0, verbose_name="orders"),
                ),
                (
                    "completed_orders",
                    models.PositiveIntegerField(default=0, verbose_name="completed"),
                ),
                (
                    "cancelled_orders",
                    models.PositiveIntegerField(default=0, verbose_name="cancelled"),
                ),
                (
                    "no_show_orders",
                    models.PositiveIntegerField(default=0, verbose_name="no-shows"),
                ),
                (
                    "refunded_orders",
                    models.PositiveIntegerField(default=0, verbose_name="refunded"),
                ),
                (
                    "total_purchases",
                    models.PositiveIntegerField(default=0, verbose_name="purchases"),
                ),
                (
                    "total_spent",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                ("spent", audit.fields.SealedJSONField(default=dict)),
                (
                    "avg_transaction_value",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "total_items_bought",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                ("first_purchase_date", models.DateField(null=True)),
                ("last_purchase_date", models.DateField(null=True)),
                (
                    "is_repeat_customer",
                    models.BooleanField(default=False, verbose_name="repeat customer"),
                ),
                (
                    "repeat_frequency",
                    models.CharField(
                        choices=[
                            ("one_time", "One Time"),
                            ("occasional", "Occasional"),
                            ("regular", "Regular"),
                            ("frequent", "Frequent"),
                        ],
                        max_length=20,
                        null=True,
                        verbose_name="loyalty tier",
                    ),
                ),
                (
                    "is_high_value",
                    models.BooleanField(default=False, verbose_name="high value"),
                ),
                (
                    "login_count",
                    models.PositiveIntegerField(default=0, verbose_name="logins"),
                ),
                (
                    "last_login_at",
                    models.DateTimeField(null=True, verbose_name="last login"),
                ),
                (
                    "last_active_at",
                    models.DateTimeField(null=True, verbose_name="last active"),
                ),
                ("open_tickets", models.PositiveIntegerField(default=0)),
                ("urgent_tickets", models.PositiveIntegerField(default=0)),
                (
                    "addresses_count",
                    models.PositiveIntegerField(default=0, verbose_name="addresses"),
                ),
                (
                    "contacts_count",
                    models.PositiveIntegerField(default=0, verbose_name="contacts"),
                ),
                (
                    "is_opted_in",
                    models.BooleanField(default=False, verbose_name="marketing opt-in"),
                ),
                ("updated_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="stats",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "customer statistics",
                "verbose_name_plural": "customer statistics",
                "ordering": ("-last_active_at", "-id"),
                "permissions": [("export_customerstats", "Can export statistics")],
                "indexes": [
                    models.Index(
                        fields=["business", "-total_spent"], name="stats_spent"
                    ),
                    models.Index(
                        fields=["business", "-total_orders"], name="stats_orders"
                    ),
                    models.Index(
                        fields=["business", "-total_purchases"], name="stats_purchases"
                    ),
                    models.Index(
                        fields=["business", "-last_active_at"], name="stats_active"
                    ),
                    models.Index(
                        fields=["business", "last_login_at"], name="stats_login"
                    ),
                    models.Index(
                        fields=["business", "repeat_frequency"], name="stats_tier"
                    ),
                    models.Index(
                        fields=["-last_active_at", "-id"], name="stats_newest"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Flag",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "code",
                    models.SlugField(
                        help_text="verified, restricted, or a code of the business."
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("added_by_id", models.UUIDField(editable=False, null=True)),
                (
                    "removed_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                ("removed_by_id", models.UUIDField(editable=False, null=True)),
                ("removed_reason", audit.fields.NullTextField(editable=False)),
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="flags",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("export_flag", "Can export flags"),
                    ("import_flag", "Can import flags"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "-created_at"], name="flag_created"
                    ),
                    models.Index(fields=["-created_at", "-id"], name="flag_order"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("removed_at", None)),
                        fields=("business", "customer", "code"),
                        name="one_standing_flag_per_code",
                        violation_error_message="The customer has this flag already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalAddress",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("home", "Home"),
                            ("work", "Work"),
                            ("billing", "Billing"),
                            ("delivery", "Delivery"),
                            ("pickup", "Pickup"),
                            ("other", "Other"),
                        ],
                        default="home",
                        max_length=20,
                    ),
                ),
                ("label", audit.fields.NullCharField(max_length=100)),
                ("recipient", audit.fields.NullCharField(max_length=200)),
                (
                    "line1",
                    audit.fields.NullCharField(max_length=200, verbose_name="line 1"),
                ),
                (
                    "line2",
                    audit.fields.NullCharField(max_length=200, verbose_name="line 2"),
                ),
                ("city", audit.fields.NullCharField(max_length=100)),
                ("region", audit.fields.NullCharField(max_length=100)),
                ("postal_code", audit.fields.NullCharField(max_length=20)),
                (
                    "country",
                    audit.fields.NullCharField(
                        max_length=2, validators=[customers.countries.check_country]
                    ),
                ),
                ("raw", audit.fields.NullTextField(verbose_name="as typed")),
                (
                    "is_primary",
                    models.BooleanField(default=False, verbose_name="primary"),
                ),
                ("phone", audit.fields.NullCharField(max_length=50)),
                (
                    "phone_e164",
                    audit.fields.NullCharField(editable=False, max_length=16),
                ),
                ("instructions", audit.fields.NullTextField()),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical address",
                "verbose_name_plural": "historical addresses",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("archive_reason__isnull", True),
                                ("city__isnull", True),
                                ("country__isnull", True),
                                ("history_change_reason__isnull", True),
                                ("instructions__isnull", True),
                                ("label__isnull", True),
                                ("line1__isnull", True),
                                ("line2__isnull", True),
                                ("phone__isnull", True),
                                ("phone_e164__isnull", True),
                                ("postal_code__isnull", True),
                                ("raw__isnull", True),
                                ("recipient__isnull", True),
                                ("region__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_address_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_address_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_address_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalBooking",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("booking", "Booking"),
                            ("order", "Order"),
                            ("sale", "Sale"),
                            ("plan", "Plan"),
                        ],
                        default="order",
                        max_length=20,
                    ),
                ),
                (
                    "reference",
                    models.CharField(
                        default=customers.references.new_booking_reference,
                        editable=False,
                        max_length=100,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("pending", "Pending"),
                            ("confirmed", "Confirmed"),
                            ("completed", "Completed"),
                            ("cancelled", "Cancelled"),
                            ("no_show", "No Show"),
                            ("refunded", "Refunded"),
                            ("other", "Other"),
                        ],
                        default="pending",
                        max_length=20,
                    ),
                ),
                (
                    "raw_status",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                (
                    "placed_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="placed"
                    ),
                ),
                (
                    "starts_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="starts"),
                ),
                (
                    "ends_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="ends"),
                ),
                (
                    "completed_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="completed"
                    ),
                ),
                (
                    "cancelled_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="cancelled"
                    ),
                ),
                (
                    "cancelled_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("customer", "Customer"),
                            ("business", "Business"),
                            ("system", "System"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("cancel_reason", audit.fields.NullTextField()),
                (
                    "items_count",
                    models.DecimalField(
                        decimal_places=3,
                        default=Decimal("0"),
                        max_digits=12,
                        verbose_name="items",
                    ),
                ),
                (
                    "lines",
                    audit.fields.SealedJSONField(
                        blank=True,
                        help_text="A list of objects: description, quantity, unit_price, amount. Amounts are texts.",
                        null=True,
                    ),
                ),
                (
                    "original_amount",
                    models.DecimalField(
                        blank=True, decimal_places=3, max_digits=15, null=True
                    ),
                ),
                (
                    "discount_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "total_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "paid_amount",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "credit_used",
                    models.DecimalField(
                        decimal_places=3, default=Decimal("0"), max_digits=15
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        max_length=3, validators=[customers.money.check_currency]
                    ),
                ),
                ("payment_method", audit.fields.NullCharField(max_length=50)),
                (
                    "invoice_number",
                    models.CharField(blank=True, max_length=50, null=True),
                ),
                (
                    "external_id",
                    models.CharField(blank=True, max_length=255, null=True),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
                (
                    "rescheduled_from",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.booking",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical booking",
                "verbose_name_plural": "historical bookings",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("cancel_reason__isnull", True),
                                ("history_change_reason__isnull", True),
                                ("lines__isnull", True),
                                ("payment_method__isnull", True),
                                ("raw_status__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_booking_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_booking_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_booking_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalBusiness",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("slug", models.SlugField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                (
                    "timezone",
                    models.CharField(
                        default="UTC",
                        max_length=64,
                        validators=[audit.timezones.check_time_zone],
                    ),
                ),
                (
                    "currency",
                    models.CharField(
                        default="EUR",
                        max_length=3,
                        validators=[customers.money.check_currency],
                    ),
                ),
                (
                    "country",
                    models.CharField(
                        blank=True,
                        help_text="Country of phone numbers that are typed without a country code.",
                        max_length=2,
                        validators=[customers.countries.check_country],
                    ),
                ),
                (
                    "consent_mode",
                    models.CharField(
                        choices=[
                            ("explicit_opt_in", "Explicit Opt In"),
                            ("soft_opt_in", "Soft Opt In"),
                        ],
                        default="explicit_opt_in",
                        max_length=20,
                    ),
                ),
                (
                    "occasional_from",
                    models.PositiveIntegerField(
                        default=2,
                        validators=[django.core.validators.MinValueValidator(2)],
                    ),
                ),
                ("regular_from", models.PositiveIntegerField(default=4)),
                ("frequent_from", models.PositiveIntegerField(default=10)),
                ("high_value_purchases", models.PositiveIntegerField(default=3)),
                (
                    "high_value_spent",
                    models.DecimalField(decimal_places=3, default=1000, max_digits=15),
                ),
                (
                    "refund_limit",
                    models.DecimalField(
                        blank=True,
                        decimal_places=3,
                        help_text="Refunds above it wait for a second person. Empty: no limit.",
                        max_digits=15,
                        null=True,
                    ),
                ),
                ("signup_is_login", models.BooleanField(default=True)),
                (
                    "settings",
                    audit.fields.SealedJSONField(
                        blank=True,
                        default=dict,
                        help_text="consent_wordings: version to true while valid. mappings: raw values to ours.",
                    ),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
            ],
            options={
                "verbose_name": "historical business",
                "verbose_name_plural": "historical businesses",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("history_change_reason__isnull", True),
                            _connector="OR",
                        ),
                        name="customers_h_business_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_business_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_business_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalContact",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("emergency", "Emergency"),
                            ("alternative", "Alternative"),
                            ("email", "e-mail"),
                            ("phone", "Phone"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name", audit.fields.NullCharField(max_length=200)),
                ("relation", audit.fields.NullCharField(max_length=100)),
                (
                    "email",
                    models.EmailField(
                        blank=True, max_length=254, null=True, verbose_name="e-mail"
                    ),
                ),
                (
                    "email_key",
                    audit.fields.NullCharField(editable=False, max_length=254),
                ),
                ("phone", audit.fields.NullCharField(max_length=50)),
                (
                    "phone_e164",
                    audit.fields.NullCharField(editable=False, max_length=16),
                ),
                (
                    "is_primary",
                    models.BooleanField(default=False, verbose_name="primary"),
                ),
                ("valid_from", models.DateTimeField(blank=True, null=True)),
                ("valid_to", models.DateTimeField(blank=True, null=True)),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical contact",
                "verbose_name_plural": "historical contacts",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("archive_reason__isnull", True),
                                ("email__isnull", True),
                                ("email_key__isnull", True),
                                ("history_change_reason__isnull", True),
                                ("name__isnull", True),
                                ("phone__isnull", True),
                                ("phone_e164__isnull", True),
                                ("relation__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_contact_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_contact_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_contact_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalCustomer",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "unique_id",
                    models.CharField(
                        default=customers.references.new_customer_reference,
                        editable=False,
                        max_length=20,
                        verbose_name="reference",
                    ),
                ),
                (
                    "external_id",
                    audit.fields.NullCharField(
                        help_text="The number or name of this customer in another system.",
                        max_length=255,
                        verbose_name="external id",
                    ),
                ),
                ("name", models.CharField(max_length=255, null=True)),
                (
                    "email",
                    models.EmailField(
                        blank=True, max_length=254, null=True, verbose_name="e-mail"
                    ),
                ),
                (
                    "email_key",
                    audit.fields.NullCharField(editable=False, max_length=254),
                ),
                (
                    "is_email_verified",
                    models.BooleanField(default=False, verbose_name="e-mail verified"),
                ),
                (
                    "email_bounced_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="e-mail bounces since"
                    ),
                ),
                ("phone", audit.fields.NullCharField(max_length=50)),
                (
                    "phone_e164",
                    audit.fields.NullCharField(editable=False, max_length=16),
                ),
                (
                    "customer_type",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("walk_in", "Walk In"),
                            ("regular", "Regular"),
                            ("vip", "VIP"),
                            ("wholesale", "Wholesale"),
                            ("other", "Other"),
                        ],
                        max_length=20,
                        null=True,
                        verbose_name="type",
                    ),
                ),
                (
                    "raw_customer_type",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("inactive", "Inactive"),
                            ("blocked", "Blocked"),
                        ],
                        default="active",
                        max_length=20,
                    ),
                ),
                (
                    "signup_method",
                    models.CharField(blank=True, default="email", max_length=50),
                ),
                (
                    "source",
                    models.CharField(blank=True, default="website", max_length=100),
                ),
                ("location", audit.fields.NullCharField(max_length=200)),
                (
                    "joined_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="joined"
                    ),
                ),
                ("erased_at", models.DateTimeField(editable=False, null=True)),
                (
                    "rev",
                    models.PositiveIntegerField(
                        default=1, editable=False, verbose_name="revision"
                    ),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical customer",
                "verbose_name_plural": "historical customers",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("archive_reason__isnull", True),
                                ("email__isnull", True),
                                ("email_key__isnull", True),
                                ("external_id__isnull", True),
                                ("history_change_reason__isnull", True),
                                ("location__isnull", True),
                                ("name__isnull", True),
                                ("phone__isnull", True),
                                ("phone_e164__isnull", True),
                                ("raw_customer_type__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_customer_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_customer_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_customer_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalFlag",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "code",
                    models.SlugField(
                        help_text="verified, restricted, or a code of the business."
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("added_by_id", models.UUIDField(editable=False, null=True)),
                (
                    "removed_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                ("removed_by_id", models.UUIDField(editable=False, null=True)),
                ("removed_reason", audit.fields.NullTextField(editable=False)),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical flag",
                "verbose_name_plural": "historical flags",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("history_change_reason__isnull", True),
                                ("reason__isnull", True),
                                ("removed_reason__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_flag_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_flag_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_flag_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalMembership",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("support", "Support"),
                            ("marketing", "Marketing"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=20,
                    ),
                ),
                ("is_default", models.BooleanField(default=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "historical membership",
                "verbose_name_plural": "historical memberships",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("history_change_reason__isnull", True),
                            _connector="OR",
                        ),
                        name="customers_h_membership_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_membership_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_membership_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalNote",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "note_type",
                    models.CharField(
                        choices=[
                            ("personal", "Personal"),
                            ("preference", "Preference"),
                            ("issue", "Issue"),
                            ("feedback", "Feedback"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=20,
                        verbose_name="type",
                    ),
                ),
                (
                    "raw_note_type",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                ("content", models.TextField(null=True)),
                (
                    "is_pinned",
                    models.BooleanField(default=False, verbose_name="pinned"),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "created_by",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical note",
                "verbose_name_plural": "historical notes",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("archive_reason__isnull", True),
                                ("content__isnull", True),
                                ("history_change_reason__isnull", True),
                                ("raw_note_type__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_note_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_note_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_note_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalPreferences",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "prefer_sms",
                    models.BooleanField(
                        blank=True, null=True, verbose_name="prefers SMS"
                    ),
                ),
                (
                    "prefer_email",
                    models.BooleanField(
                        blank=True, null=True, verbose_name="prefers e-mail"
                    ),
                ),
                (
                    "prefer_call",
                    models.BooleanField(
                        blank=True, null=True, verbose_name="prefers calls"
                    ),
                ),
                ("favorite_products", audit.fields.NullTextField()),
                (
                    "favorite_tags",
                    audit.fields.SealedJSONField(blank=True, editable=False, null=True),
                ),
                (
                    "preferred_categories",
                    audit.fields.SealedJSONField(blank=True, null=True),
                ),
                ("preferred_payment", audit.fields.NullCharField(max_length=50)),
                (
                    "average_spend",
                    models.DecimalField(
                        blank=True,
                        decimal_places=3,
                        help_text="Typed by staff; no figure is computed from it.",
                        max_digits=15,
                        null=True,
                    ),
                ),
                ("best_contact_time", audit.fields.NullCharField(max_length=100)),
                ("do_not_contact", models.BooleanField(default=False)),
                ("can_receive_offers", models.BooleanField(default=True)),
                ("can_receive_loyalty", models.BooleanField(default=True)),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical preferences",
                "verbose_name_plural": "historical preferences",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("average_spend__isnull", True),
                                ("best_contact_time__isnull", True),
                                ("favorite_products__isnull", True),
                                ("favorite_tags__isnull", True),
                                ("history_change_reason__isnull", True),
                                ("preferred_categories__isnull", True),
                                ("preferred_payment__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_preferences_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_preferences_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_preferences_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalRefund",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
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
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("refused", "Refused"),
                        ],
                        default="requested",
                        max_length=20,
                    ),
                ),
                (
                    "reason_code",
                    models.CharField(
                        choices=[
                            ("duplicate", "Duplicate"),
                            ("fraudulent", "Fraudulent"),
                            ("requested_by_customer", "Requested By Customer"),
                            ("not_delivered", "Not Delivered"),
                            ("quality", "Quality"),
                            ("goodwill", "Goodwill"),
                            ("other", "Other"),
                        ],
                        max_length=30,
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("requested_by_id", models.UUIDField(editable=False, null=True)),
                ("approved_by_id", models.UUIDField(editable=False, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "external_id",
                    models.CharField(blank=True, max_length=255, null=True),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "booking",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.booking",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical refund",
                "verbose_name_plural": "historical refunds",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("history_change_reason__isnull", True),
                                ("reason__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_refund_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_refund_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_refund_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="HistoricalTicket",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("number", models.PositiveIntegerField(editable=False)),
                ("subject", models.CharField(max_length=255, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("pending", "Pending"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=20,
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[
                            ("low", "Low"),
                            ("normal", "Normal"),
                            ("high", "High"),
                            ("urgent", "Urgent"),
                        ],
                        default="normal",
                        max_length=20,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "e-mail"),
                            ("phone", "Phone"),
                            ("chat", "Chat"),
                            ("web", "Web"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=20,
                    ),
                ),
                (
                    "raw_channel",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                (
                    "opened_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="opened"
                    ),
                ),
                ("first_response_due_at", models.DateTimeField(blank=True, null=True)),
                ("first_responded_at", models.DateTimeField(blank=True, null=True)),
                ("resolution_due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resolved_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="resolved"
                    ),
                ),
                (
                    "closed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="closed"),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "booking",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.booking",
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical ticket",
                "verbose_name_plural": "historical tickets",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("history_change_reason__isnull", True),
                                ("raw_channel__isnull", True),
                                ("subject__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_ticket_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_ticket_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_ticket_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Membership",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("support", "Support"),
                            ("marketing", "Marketing"),
                            ("auditor", "Auditor"),
                        ],
                        max_length=20,
                    ),
                ),
                ("is_default", models.BooleanField(default=False)),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
                (
                    "business",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to="customers.business",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="memberships",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("business", "user"),
                "permissions": [
                    ("export_membership", "Can export memberships"),
                    ("import_membership", "Can import memberships"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "user"),
                        name="one_membership_per_user",
                        violation_error_message="This user works for the business already.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("role__in", ["admin", "support", "marketing", "auditor"])
                        ),
                        name="membership_role_known",
                        violation_error_message="role is not one of admin, support, marketing, auditor.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Note",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "archived_at",
                    models.DateTimeField(blank=True, editable=False, null=True),
                ),
                (
                    "archived_by_id",
                    models.UUIDField(blank=True, editable=False, null=True),
                ),
                ("archive_reason", audit.fields.NullTextField(editable=False)),
                (
                    "note_type",
                    models.CharField(
                        choices=[
                            ("personal", "Personal"),
                            ("preference", "Preference"),
                            ("issue", "Issue"),
                            ("feedback", "Feedback"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=20,
                        verbose_name="type",
                    ),
                ),
                (
                    "raw_note_type",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                ("content", models.TextField(null=True)),
                (
                    "is_pinned",
                    models.BooleanField(default=False, verbose_name="pinned"),
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
                    "created_by",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notes",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-is_pinned", "-created_at", "-id"),
                "permissions": [
                    ("export_note", "Can export notes"),
                    ("import_note", "Can import notes"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "customer", "-created_at"],
                        name="note_customer",
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="note_created"
                    ),
                    models.Index(
                        fields=["-is_pinned", "-created_at", "-id"], name="note_order"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "note_type__in",
                                [
                                    "personal",
                                    "preference",
                                    "issue",
                                    "feedback",
                                    "other",
                                ],
                            )
                        ),
                        name="note_type_known",
                        violation_error_message="note_type is not one of personal, preference, issue, feedback, other.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Preferences",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "prefer_sms",
                    models.BooleanField(
                        blank=True, null=True, verbose_name="prefers SMS"
                    ),
                ),
                (
                    "prefer_email",
                    models.BooleanField(
                        blank=True, null=True, verbose_name="prefers e-mail"
                    ),
                ),
                (
                    "prefer_call",
                    models.BooleanField(
                        blank=True, null=True, verbose_name="prefers calls"
                    ),
                ),
                ("favorite_products", audit.fields.NullTextField()),
                (
                    "favorite_tags",
                    audit.fields.SealedJSONField(blank=True, editable=False, null=True),
                ),
                (
                    "preferred_categories",
                    audit.fields.SealedJSONField(blank=True, null=True),
                ),
                ("preferred_payment", audit.fields.NullCharField(max_length=50)),
                (
                    "average_spend",
                    models.DecimalField(
                        blank=True,
                        decimal_places=3,
                        help_text="Typed by staff; no figure is computed from it.",
                        max_digits=15,
                        null=True,
                    ),
                ),
                ("best_contact_time", audit.fields.NullCharField(max_length=100)),
                ("do_not_contact", models.BooleanField(default=False)),
                ("can_receive_offers", models.BooleanField(default=True)),
                ("can_receive_loyalty", models.BooleanField(default=True)),
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
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="preferences",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "verbose_name": "preferences",
                "verbose_name_plural": "preferences",
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("export_preferences", "Can export preferences"),
                    ("import_preferences", "Can import preferences"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "-created_at"], name="preferences_created"
                    ),
                    models.Index(
                        fields=["-created_at", "-id"], name="preferences_order"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Refund",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
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
                    "status",
                    models.CharField(
                        choices=[
                            ("requested", "Requested"),
                            ("approved", "Approved"),
                            ("succeeded", "Succeeded"),
                            ("failed", "Failed"),
                            ("refused", "Refused"),
                        ],
                        default="requested",
                        max_length=20,
                    ),
                ),
                (
                    "reason_code",
                    models.CharField(
                        choices=[
                            ("duplicate", "Duplicate"),
                            ("fraudulent", "Fraudulent"),
                            ("requested_by_customer", "Requested By Customer"),
                            ("not_delivered", "Not Delivered"),
                            ("quality", "Quality"),
                            ("goodwill", "Goodwill"),
                            ("other", "Other"),
                        ],
                        max_length=30,
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("requested_by_id", models.UUIDField(editable=False, null=True)),
                ("approved_by_id", models.UUIDField(editable=False, null=True)),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "external_id",
                    models.CharField(blank=True, max_length=255, null=True),
                ),
                (
                    "booking",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refunds",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("export_refund", "Can export refunds"),
                    ("import_refund", "Can import refunds"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "customer"], name="refund_customer"
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="refund_created"
                    ),
                    models.Index(fields=["-created_at", "-id"], name="refund_order"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "status__in",
                                [
                                    "requested",
                                    "approved",
                                    "succeeded",
                                    "failed",
                                    "refused",
                                ],
                            )
                        ),
                        name="refund_status_known",
                        violation_error_message="status is not one of requested, approved, succeeded, failed, refused.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "reason_code__in",
                                [
                                    "duplicate",
                                    "fraudulent",
                                    "requested_by_customer",
                                    "not_delivered",
                                    "quality",
                                    "goodwill",
                                    "other",
                                ],
                            )
                        ),
                        name="refund_reason_known",
                        violation_error_message="reason_code is not one of duplicate, fraudulent, requested_by_customer, not_delivered, quality, goodwill, other.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount__gt", 0)),
                        name="refund_is_positive",
                        violation_error_message="A refund is more than zero.",
                    ),
                    models.UniqueConstraint(
                        fields=("business", "external_id"),
                        name="refund_external_id_unique",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Ticket",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("number", models.PositiveIntegerField(editable=False)),
                ("subject", models.CharField(max_length=255, null=True)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("open", "Open"),
                            ("pending", "Pending"),
                            ("resolved", "Resolved"),
                            ("closed", "Closed"),
                        ],
                        default="open",
                        max_length=20,
                    ),
                ),
                (
                    "priority",
                    models.CharField(
                        choices=[
                            ("low", "Low"),
                            ("normal", "Normal"),
                            ("high", "High"),
                            ("urgent", "Urgent"),
                        ],
                        default="normal",
                        max_length=20,
                    ),
                ),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("email", "e-mail"),
                            ("phone", "Phone"),
                            ("chat", "Chat"),
                            ("web", "Web"),
                            ("other", "Other"),
                        ],
                        default="other",
                        max_length=20,
                    ),
                ),
                (
                    "raw_channel",
                    audit.fields.NullCharField(editable=False, max_length=100),
                ),
                (
                    "opened_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="opened"
                    ),
                ),
                ("first_response_due_at", models.DateTimeField(blank=True, null=True)),
                ("first_responded_at", models.DateTimeField(blank=True, null=True)),
                ("resolution_due_at", models.DateTimeField(blank=True, null=True)),
                (
                    "resolved_at",
                    models.DateTimeField(
                        blank=True, null=True, verbose_name="resolved"
                    ),
                ),
                (
                    "closed_at",
                    models.DateTimeField(blank=True, null=True, verbose_name="closed"),
                ),
                (
                    "assignee",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "booking",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
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
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tickets",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-opened_at", "-id"),
                "permissions": [
                    ("export_ticket", "Can export tickets"),
                    ("import_ticket", "Can import tickets"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "customer", "-opened_at"],
                        name="ticket_customer",
                    ),
                    models.Index(
                        fields=["business", "status", "priority"], name="ticket_desk"
                    ),
                    models.Index(
                        fields=["business", "-opened_at", "-id"], name="ticket_opened"
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="ticket_created"
                    ),
                    models.Index(fields=["-opened_at", "-id"], name="ticket_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "number"), name="ticket_number_unique"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("status__in", ["open", "pending", "resolved", "closed"])
                        ),
                        name="ticket_status_known",
                        violation_error_message="status is not one of open, pending, resolved, closed.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("priority__in", ["low", "normal", "high", "urgent"])
                        ),
                        name="ticket_priority_known",
                        violation_error_message="priority is not one of low, normal, high, urgent.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("channel__in", ["email", "phone", "chat", "web", "other"])
                        ),
                        name="ticket_channel_known",
                        violation_error_message="channel is not one of email, phone, chat, web, other.",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalTicketMessage",
            fields=[
                ("operation_id", models.UUIDField(db_index=True, editable=False)),
                ("salt", audit.fields.SaltField(max_length=32, null=True)),
                (
                    "commitment",
                    audit.fields.CommitmentField(
                        blank=True, default=None, max_length=32
                    ),
                ),
                (
                    "id",
                    models.UUIDField(
                        db_index=True, default=audit.ids.uuid7, editable=False
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "author_kind",
                    models.CharField(
                        choices=[("customer", "Customer"), ("staff", "Staff")],
                        default="staff",
                        max_length=20,
                        verbose_name="author",
                    ),
                ),
                (
                    "is_internal",
                    models.BooleanField(default=False, verbose_name="internal"),
                ),
                ("body", models.TextField(null=True)),
                (
                    "sent_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="sent"
                    ),
                ),
                (
                    "history_id",
                    models.UUIDField(
                        default=audit.ids.uuid7,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("history_date", models.DateTimeField()),
                ("history_change_reason", audit.fields.NullTextField()),
                (
                    "history_type",
                    models.CharField(
                        choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")],
                        max_length=1,
                    ),
                ),
                ("history_user_id", models.UUIDField(db_index=True, null=True)),
                (
                    "author",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "business",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "ticket",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="customers.ticket",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical ticket message",
                "verbose_name_plural": "historical ticket messages",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("body__isnull", True),
                                ("history_change_reason__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="customers_h_ticketmessage_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="customers_h_ticketmessage_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="customers_h_ticketmessage_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="TicketMessage",
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
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                (
                    "author_kind",
                    models.CharField(
                        choices=[("customer", "Customer"), ("staff", "Staff")],
                        default="staff",
                        max_length=20,
                        verbose_name="author",
                    ),
                ),
                (
                    "is_internal",
                    models.BooleanField(default=False, verbose_name="internal"),
                ),
                ("body", models.TextField(null=True)),
                (
                    "sent_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, verbose_name="sent"
                    ),
                ),
                (
                    "author",
                    models.ForeignKey(
                        editable=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
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
                    "ticket",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="messages",
                        to="customers.ticket",
                    ),
                ),
            ],
            options={
                "ordering": ("sent_at", "id"),
                "permissions": [
                    ("export_ticketmessage", "Can export ticket messages"),
                    ("import_ticketmessage", "Can import ticket messages"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "ticket", "sent_at"], name="message_ticket"
                    ),
                    models.Index(
                        fields=["business", "-created_at"], name="message_created"
                    ),
                    models.Index(fields=["sent_at", "id"], name="message_order"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("author_kind__in", ["customer", "staff"])),
                        name="message_author_known",
                        violation_error_message="author_kind is not one of customer, staff.",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("author_kind", "staff"),
                            ("is_internal", False),
                            _connector="OR",
                        ),
                        name="customers_write_no_internal_messages",
                        violation_error_message="A customer's message cannot be internal.",
                    ),
                ],
            },
        ),
    ]
