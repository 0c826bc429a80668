import audit.fields
import audit.ids
import django.db.models.deletion
import django.utils.timezone
import simple_history.models
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("capture", "0001_initial"),
        ("customers", "0002_pipeline"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allowance",
            fields=[
                (
                    "name",
                    models.CharField(max_length=120, primary_key=True, serialize=False),
                ),
                ("arrives_us", models.BigIntegerField(default=0)),
                ("used_at", models.DateTimeField(db_index=True, null=True)),
            ],
            options={
                "ordering": ("name",),
            },
        ),
        migrations.CreateModel(
            name="CapturedValue",
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
                ("field", models.CharField(max_length=30)),
                ("value", audit.fields.NullTextField()),
                (
                    "trust",
                    models.CharField(
                        choices=[
                            ("browser", "Browser"),
                            ("server", "Server"),
                            ("webhook", "Webhook"),
                        ],
                        max_length=10,
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
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
                    "capture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capture.capture",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="captured_values",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-occurred_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "-occurred_at"], name="value_occurred"
                    ),
                    models.Index(fields=["-occurred_at", "-id"], name="value_newest"),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("customer", "field"), name="one_value_per_field"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="DashboardSnapshot",
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
                    "trust",
                    models.CharField(
                        choices=[
                            ("browser", "Browser"),
                            ("server", "Server"),
                            ("webhook", "Webhook"),
                        ],
                        max_length=10,
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("ip_address", audit.fields.NullCharField(max_length=45)),
                ("user_agent", audit.fields.NullTextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("user_id", audit.fields.NullCharField(max_length=255)),
                ("user_email", audit.fields.NullCharField(max_length=254)),
                ("user_name", audit.fields.NullCharField(max_length=200)),
                (
                    "initial_equity",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "current_equity",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "total_pnl",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "win_rate",
                    models.DecimalField(decimal_places=2, max_digits=5, null=True),
                ),
                ("total_trades", models.BigIntegerField(null=True)),
                ("winning_trades", models.BigIntegerField(null=True)),
                ("losing_trades", models.BigIntegerField(null=True)),
                (
                    "average_win",
                    models.DecimalField(decimal_places=2, max_digits=12, null=True),
                ),
                (
                    "average_loss",
                    models.DecimalField(decimal_places=2, max_digits=12, null=True),
                ),
                (
                    "profit_factor",
                    models.DecimalField(decimal_places=4, max_digits=10, null=True),
                ),
                (
                    "max_drawdown",
                    models.DecimalField(decimal_places=2, max_digits=12, null=True),
                ),
                (
                    "current_drawdown",
                    models.DecimalField(decimal_places=2, max_digits=12, null=True),
                ),
                (
                    "gross_profit",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "gross_loss",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                ("consecutive_wins", models.BigIntegerField(null=True)),
                ("consecutive_losses", models.BigIntegerField(null=True)),
                (
                    "risk_per_trade",
                    models.DecimalField(decimal_places=2, max_digits=5, null=True),
                ),
                (
                    "daily_loss_limit",
                    models.DecimalField(decimal_places=2, max_digits=5, null=True),
                ),
                ("consecutive_losses_limit", models.BigIntegerField(null=True)),
                (
                    "account_balance",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "account_equity_dash",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                ("theme", models.CharField(default="dark", max_length=20)),
                ("dashboard_state", audit.fields.NullTextField()),
                ("trading_state", audit.fields.NullTextField()),
                ("state_hash", audit.fields.NullCharField(max_length=64)),
                ("last_seen_at", models.DateTimeField()),
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
                    "capture",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="capture.capture",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-last_seen_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "-occurred_at"], name="dashboard_occurred"
                    ),
                    models.Index(
                        fields=["customer", "-last_seen_at"], name="dashboard_seen"
                    ),
                    models.Index(
                        fields=["business", "user_email", "-last_seen_at"],
                        name="dashboard_person",
                    ),
                    models.Index(
                        fields=["business", "user_id", "-last_seen_at"],
                        name="dashboard_user",
                    ),
                    models.Index(
                        fields=["-last_seen_at", "-id"], name="dashboard_newest"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalWebhookEndpoint",
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
                    "provider",
                    models.CharField(
                        choices=[
                            ("stripe", "Stripe"),
                            ("paypal", "PayPal"),
                            ("standard", "Standard Webhooks"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "sealed_secrets",
                    models.TextField(blank=True, default="", editable=False),
                ),
                (
                    "livemode",
                    models.BooleanField(
                        blank=True,
                        help_text="Stripe: yes takes live events only, no test events only.",
                        null=True,
                    ),
                ),
                (
                    "paypal_webhook_id",
                    models.CharField(blank=True, max_length=100, null=True),
                ),
                (
                    "certificate",
                    models.TextField(
                        blank=True,
                        help_text="PayPal: a pinned certificate (PEM), for hubs without a way out.",
                        null=True,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
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
                    "source",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="capture.source",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical webhook endpoint",
                "verbose_name_plural": "historical webhook endpoints",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("history_change_reason__isnull", True),
                            _connector="OR",
                        ),
                        name="capture_h_webhookendpoint_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_h_webhookendpoint_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_h_webhookendpoint_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="IdempotencyRecord",
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
                ("name", models.CharField(max_length=64, unique=True)),
                ("fingerprint", models.CharField(max_length=64)),
                ("owner", models.UUIDField()),
                ("locked_until", models.DateTimeField()),
                ("status", models.PositiveSmallIntegerField(null=True)),
                ("content_type", models.CharField(max_length=100, null=True)),
                ("body", audit.fields.NullTextField()),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="Identifier",
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
                    "kind",
                    models.CharField(
                        choices=[
                            ("user_id", "user id"),
                            ("anonymous_id", "anonymous id"),
                        ],
                        max_length=20,
                    ),
                ),
                ("value", models.CharField(max_length=255, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                        related_name="identifiers",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-created_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "-created_at"], name="identifier_created"
                    ),
                    models.Index(
                        fields=["-created_at", "-id"], name="identifier_newest"
                    ),
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "kind", "value", "customer"),
                        name="identifier_unique",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Payment",
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
                    "trust",
                    models.CharField(
                        choices=[
                            ("browser", "Browser"),
                            ("server", "Server"),
                            ("webhook", "Webhook"),
                        ],
                        max_length=10,
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("user_id", audit.fields.NullCharField(max_length=255)),
                ("user_email", audit.fields.NullCharField(max_length=254)),
                ("user_name", audit.fields.NullCharField(max_length=200)),
                ("plan_name", models.CharField(max_length=200, null=True)),
                (
                    "original_price",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "discount_amount",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "final_price",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                ("coupon_code", audit.fields.NullCharField(max_length=100)),
                ("payment_method", audit.fields.NullCharField(max_length=50)),
                ("payment_processor", models.CharField(max_length=50, null=True)),
                ("transaction_id", models.CharField(max_length=255, null=True)),
                ("payment_status", models.CharField(max_length=50, null=True)),
                ("crypto_transaction_hash", audit.fields.NullCharField(max_length=128)),
                ("crypto_from_address", audit.fields.NullCharField(max_length=128)),
                ("crypto_amount", audit.fields.NullCharField(max_length=64)),
                (
                    "crypto_amount_value",
                    models.DecimalField(decimal_places=18, max_digits=38, null=True),
                ),
                ("currency", models.CharField(max_length=3)),
                ("currency_assumed", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("pending", "Pending"),
                            ("authorised", "Authorised"),
                            ("paid", "Paid"),
                            ("partially_refunded", "partially refunded"),
                            ("refunded", "Refunded"),
                            ("disputed", "Disputed"),
                            ("failed", "Failed"),
                        ],
                        max_length=20,
                    ),
                ),
                ("verified", models.BooleanField(default=False)),
                (
                    "amount_refunded",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                ("ip_address", audit.fields.NullCharField(max_length=45)),
                ("user_agent", audit.fields.NullTextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
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
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payments",
                        to="customers.customer",
                    ),
                ),
                (
                    "first_capture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capture.capture",
                    ),
                ),
                (
                    "latest_capture",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capture.capture",
                    ),
                ),
            ],
            options={
                "ordering": ("-occurred_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "customer"], name="payment_customer"
                    ),
                    models.Index(
                        fields=["business", "-occurred_at"], name="payment_occurred"
                    ),
                    models.Index(
                        fields=["business", "transaction_id"], name="payment_number"
                    ),
                    models.Index(fields=["-occurred_at", "-id"], name="payment_newest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "state__in",
                                [
                                    "created",
                                    "pending",
                                    "authorised",
                                    "paid",
                                    "partially_refunded",
                                    "refunded",
                                    "disputed",
                                    "failed",
                                ],
                            )
                        ),
                        name="payment_state_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PaymentReference",
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
                ("value", models.CharField(max_length=310)),
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
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="references",
                        to="capture.payment",
                    ),
                ),
            ],
            options={
                "ordering": ("value", "id"),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "value"), name="one_payment_per_reference"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Quarantine",
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
                ("key_id", models.UUIDField(null=True)),
                ("operation_id", models.UUIDField(db_index=True)),
                ("position", models.PositiveIntegerField(default=0)),
                ("adapter", models.CharField(max_length=20)),
                (
                    "trust",
                    models.CharField(
                        choices=[
                            ("browser", "Browser"),
                            ("server", "Server"),
                            ("webhook", "Webhook"),
                        ],
                        max_length=10,
                    ),
                ),
                ("type", models.CharField(max_length=20, null=True)),
                ("stage", models.CharField(max_length=20)),
                ("code", models.CharField(max_length=40)),
                ("message", models.CharField(max_length=300)),
                ("message_id", models.CharField(max_length=255, null=True)),
                ("received_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("fingerprint", models.CharField(max_length=64)),
                ("item", audit.fields.NullTextField()),
                ("raw", models.BinaryField(null=True)),
                ("pointer", audit.fields.NullCharField(max_length=300)),
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
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capture.source",
                    ),
                ),
            ],
            options={
                "verbose_name": "quarantined item",
                "ordering": ("-received_at", "-id"),
                "permissions": [
                    ("replay_quarantine", "Can replay quarantined items"),
                    ("discard_quarantine", "Can discard quarantined items"),
                ],
                "indexes": [
                    models.Index(
                        fields=["business", "-received_at", "-id"],
                        name="quarantine_received",
                    ),
                    models.Index(fields=["business", "code"], name="quarantine_code"),
                    models.Index(
                        fields=["-received_at", "-id"], name="quarantine_newest"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("item__isnull", True),
                                ("pointer__isnull", True),
                                ("raw__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="capture_quarantine_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_quarantine_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_quarantine_commitment_length",
                    ),
                    models.UniqueConstraint(
                        fields=("source", "fingerprint", "code"),
                        name="one_quarantine_per_item",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="QuarantineDecision",
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
                    "decision",
                    models.CharField(
                        choices=[("replayed", "Replayed"), ("discarded", "Discarded")],
                        max_length=20,
                    ),
                ),
                ("decided_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("decided_by_id", models.UUIDField(null=True)),
                ("operation_id", models.UUIDField(db_index=True)),
                ("reason", audit.fields.NullTextField()),
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
                    "capture",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capture.capture",
                    ),
                ),
                (
                    "quarantine",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="decisions",
                        to="capture.quarantine",
                    ),
                ),
            ],
            options={
                "ordering": ("-decided_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "-decided_at"], name="decision_decided"
                    ),
                    models.Index(fields=["-decided_at", "-id"], name="decision_newest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("reason__isnull", True),
                            _connector="OR",
                        ),
                        name="capture_quarantinedecision_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_quarantinedecision_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_quarantinedecision_commitment_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("decision__in", ["replayed", "discarded"])),
                        name="quarantine_decision_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Questionnaire",
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
                    "trust",
                    models.CharField(
                        choices=[
                            ("browser", "Browser"),
                            ("server", "Server"),
                            ("webhook", "Webhook"),
                        ],
                        max_length=10,
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("ip_address", audit.fields.NullCharField(max_length=45)),
                ("user_agent", audit.fields.NullTextField()),
                (
                    "created_at",
                    models.DateTimeField(
                        default=django.utils.timezone.now, editable=False
                    ),
                ),
                ("updated_at", models.DateTimeField(auto_now=True)),
                ("user_id", audit.fields.NullCharField(max_length=255)),
                ("user_email", audit.fields.NullCharField(max_length=254)),
                ("user_name", audit.fields.NullCharField(max_length=200)),
                ("trades_per_day", audit.fields.NullCharField(max_length=100)),
                ("trading_session", audit.fields.NullCharField(max_length=100)),
                ("crypto_assets", audit.fields.SealedJSONField(null=True)),
                ("forex_assets", audit.fields.SealedJSONField(null=True)),
                ("custom_forex_pairs", audit.fields.SealedJSONField(null=True)),
                ("has_account", audit.fields.NullCharField(max_length=100)),
                (
                    "account_equity",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                ("prop_firm", audit.fields.NullCharField(max_length=100)),
                ("account_type", audit.fields.NullCharField(max_length=100)),
                (
                    "account_size",
                    models.DecimalField(decimal_places=3, max_digits=15, null=True),
                ),
                (
                    "risk_percentage",
                    models.DecimalField(decimal_places=2, max_digits=5, null=True),
                ),
                ("risk_reward_ratio", audit.fields.NullCharField(max_length=100)),
                (
                    "account_screenshot",
                    audit.fields.NullCharField(
                        max_length=64, verbose_name="screenshot"
                    ),
                ),
                ("screenshot_filename", audit.fields.NullCharField(max_length=255)),
                ("screenshot_size", models.PositiveIntegerField(null=True)),
                ("screenshot_type", models.CharField(max_length=50, null=True)),
                ("trading_experience", audit.fields.NullTextField()),
                ("risk_tolerance", audit.fields.NullTextField()),
                ("trading_goals", audit.fields.NullTextField()),
                ("answers", audit.fields.NullTextField()),
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
                    "capture",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)s",
                        to="capture.capture",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="%(class)ss",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-occurred_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "-occurred_at"], name="answers_occurred"
                    ),
                    models.Index(fields=["-occurred_at", "-id"], name="answers_newest"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RefusalCount",
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
                ("name", models.CharField(max_length=64)),
                ("code", models.CharField(max_length=40)),
                ("hour", models.DateTimeField()),
                ("count", models.PositiveIntegerField(default=0)),
                (
                    "business",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="customers.business",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="refusals",
                        to="capture.source",
                    ),
                ),
            ],
            options={
                "verbose_name": "refused request",
                "ordering": ("-hour", "-id"),
                "indexes": [
                    models.Index(fields=["-hour", "-id"], name="refusal_newest")
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("name", "code", "hour"), name="one_count_per_hour"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="Sighting",
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
                ("key_id", models.UUIDField(null=True)),
                ("operation_id", models.UUIDField(db_index=True)),
                ("message_id", models.CharField(max_length=255, null=True)),
                ("occurred_at", models.DateTimeField(null=True)),
                ("received_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("attempt", models.PositiveIntegerField(null=True)),
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
                    "capture",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sightings",
                        to="capture.capture",
                    ),
                ),
                (
                    "quarantine",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sightings",
                        to="capture.quarantine",
                    ),
                ),
                (
                    "source",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="capture.source",
                    ),
                ),
            ],
            options={
                "ordering": ("-received_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["source", "message_id"], name="sighting_message"
                    ),
                    models.Index(
                        fields=["business", "-received_at"], name="sighting_received"
                    ),
                    models.Index(
                        fields=["-received_at", "-id"], name="sighting_newest"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("salt__isnull", False)),
                        name="capture_sighting_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_sighting_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_sighting_commitment_length",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="WebhookEndpoint",
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
                    "provider",
                    models.CharField(
                        choices=[
                            ("stripe", "Stripe"),
                            ("paypal", "PayPal"),
                            ("standard", "Standard Webhooks"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                (
                    "sealed_secrets",
                    models.TextField(blank=True, default="", editable=False),
                ),
                (
                    "livemode",
                    models.BooleanField(
                        blank=True,
                        help_text="Stripe: yes takes live events only, no test events only.",
                        null=True,
                    ),
                ),
                (
                    "paypal_webhook_id",
                    models.CharField(blank=True, max_length=100, null=True),
                ),
                (
                    "certificate",
                    models.TextField(
                        blank=True,
                        help_text="PayPal: a pinned certificate (PEM), for hubs without a way out.",
                        null=True,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
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
                    "source",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhooks",
                        to="capture.source",
                    ),
                ),
            ],
            options={
                "ordering": ("name", "id"),
                "permissions": [
                    ("export_webhookendpoint", "Can export webhook endpoints"),
                    ("import_webhookendpoint", "Can import webhook endpoints"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(fields=["business", "name"], name="webhook_name")
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("provider__in", ["stripe", "paypal", "standard"])
                        ),
                        name="webhook_provider_known",
                    )
                ],
            },
        ),
        migrations.AlterModelOptions(
            name="capture",
            options={
                "ordering": ("-received_at", "-id"),
                "permissions": [
                    ("read_payload", "Can see what was sent"),
                    ("correct_capture", "Can correct captures"),
                ],
            },
        ),
        migrations.AddField(
            model_name="apikey",
            name="networks",
            field=audit.fields.SealedJSONField(
                blank=True,
                default=list,
                help_text='Addresses that may use a secret key: ["198.51.100.0/24"]. Empty: all.',
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="replaced_by",
                to="capture.apikey",
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="requires_origin",
            field=models.BooleanField(
                default=True,
                help_text="Switch off for a publishable key in an app that sends no Origin.",
            ),
        ),
        migrations.AddField(
            model_name="historicalapikey",
            name="networks",
            field=audit.fields.SealedJSONField(
                blank=True,
                default=list,
                help_text='Addresses that may use a secret key: ["198.51.100.0/24"]. Empty: all.',
            ),
        ),
        migrations.AddField(
            model_name="historicalapikey",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                editable=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="capture.apikey",
            ),
        ),
        migrations.AddField(
            model_name="historicalapikey",
            name="requires_origin",
            field=models.BooleanField(
                default=True,
                help_text="Switch off for a publishable key in an app that sends no Origin.",
            ),
        ),
        migrations.AddField(
            model_name="historicalsource",
            name="event_types",
            field=audit.fields.SealedJSONField(
                blank=True,
                default=dict,
                help_text='Which track events of an analytics SDK are more than an event: {"Plan bought": "payment"}. Adds to the usual names.',
            ),
        ),
        migrations.AddField(
            model_name="source",
            name="event_types",
            field=audit.fields.SealedJSONField(
                blank=True,
                default=dict,
                help_text='Which track events of an analytics SDK are more than an event: {"Plan bought": "payment"}. Adds to the usual names.',
            ),
        ),
        migrations.AlterField(
            model_name="apikey",
            name="origins",
            field=audit.fields.SealedJSONField(
                blank=True,
                default=list,
                help_text='Origins of pages that may use a publishable key: ["https://shop.example.com"]. One star stands for one label: "https://*.example.com".',
            ),
        ),
        migrations.AlterField(
            model_name="historicalapikey",
            name="origins",
            field=audit.fields.SealedJSONField(
                blank=True,
                default=list,
                help_text='Origins of pages that may use a publishable key: ["https://shop.example.com"]. One star stands for one label: "https://*.example.com".',
            ),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(
                fields=["business", "anonymous_ref"], name="capture_anonymous"
            ),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(
                fields=["business", "previous_ref"], name="capture_previous"
            ),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(fields=["corrects_id"], name="capture_corrects"),
        ),
        migrations.AddIndex(
            model_name="capture",
            index=models.Index(fields=["replay_of_id"], name="capture_replay_of"),
        ),
        migrations.AddField(
            model_name="capturelink",
            name="payment",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="links",
                to="capture.payment",
            ),
        ),
    ]
