import audit.fields
import audit.ids
import django.db.models.deletion
import django.utils.timezone
import simple_history.models
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("customers", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Source",
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
                ("slug", models.SlugField(max_length=63)),
                ("name", models.CharField(max_length=200)),
                (
                    "consent_wording_version",
                    models.CharField(
                        blank=True,
                        help_text="The wording people agree to there. Without it, what they tick is no valid consent.",
                        max_length=50,
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
            ],
            options={
                "ordering": ("name", "id"),
                "permissions": [
                    ("export_source", "Can export sources"),
                    ("import_source", "Can import sources"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("business", "slug"),
                        name="source_slug_unique",
                        violation_error_message="A source here has this slug already.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalApiKey",
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
                        choices=[("publishable", "Publishable"), ("secret", "Secret")],
                        default="publishable",
                        max_length=20,
                    ),
                ),
                ("prefix", models.CharField(editable=False, max_length=20)),
                (
                    "key_hash",
                    models.CharField(db_index=True, editable=False, max_length=64),
                ),
                ("scopes", audit.fields.SealedJSONField(blank=True, default=list)),
                (
                    "origins",
                    audit.fields.SealedJSONField(
                        blank=True,
                        default=list,
                        help_text='Origins of pages that may use a publishable key: ["https://shop.example.com"]',
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
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
                "verbose_name": "historical key",
                "verbose_name_plural": "historical keys",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("history_change_reason__isnull", True),
                            _connector="OR",
                        ),
                        name="capture_h_apikey_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_h_apikey_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_h_apikey_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Capture",
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
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("signup", "Signup"),
                            ("login", "Login"),
                            ("payment", "Payment"),
                            ("questionnaire", "Questionnaire"),
                            ("dashboard", "Dashboard"),
                            ("profile", "Profile"),
                            ("page", "Page"),
                            ("event", "Event"),
                            ("alias", "Alias"),
                            ("consent", "Consent"),
                        ],
                        max_length=20,
                    ),
                ),
                ("schema_version", models.PositiveSmallIntegerField(default=1)),
                ("attempt", models.PositiveIntegerField(null=True)),
                ("gpc", models.BooleanField(null=True)),
                ("message_id", models.CharField(max_length=255)),
                (
                    "message_id_origin",
                    models.CharField(
                        choices=[
                            ("given", "Given"),
                            ("derived", "Derived"),
                            ("content", "Content"),
                        ],
                        max_length=10,
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
                ("received_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("original_timestamp", models.DateTimeField(null=True)),
                ("time_source", models.CharField(max_length=20)),
                ("skew_ms", models.BigIntegerField(null=True)),
                ("replay_of_id", models.UUIDField(null=True)),
                ("corrects_id", models.UUIDField(null=True)),
                ("facts", audit.fields.SealedJSONField(default=dict)),
                ("payload", audit.fields.NullTextField()),
                ("raw", models.BinaryField(null=True)),
                ("raw_signature", audit.fields.NullTextField()),
                ("event_name", audit.fields.NullCharField(max_length=255)),
                ("email", audit.fields.NullCharField(max_length=254)),
                ("phone", audit.fields.NullCharField(max_length=50)),
                ("user_ref", audit.fields.NullCharField(max_length=255)),
                ("anonymous_ref", audit.fields.NullCharField(max_length=255)),
                ("previous_ref", audit.fields.NullCharField(max_length=255)),
                ("fingerprint", models.BinaryField(max_length=32, null=True)),
                ("warnings", audit.fields.SealedJSONField(null=True)),
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
                "ordering": ("-received_at", "-id"),
                "indexes": [
                    models.Index(
                        fields=["business", "-received_at", "-id"],
                        name="capture_received",
                    ),
                    models.Index(fields=["business", "email"], name="capture_email"),
                    models.Index(fields=["business", "user_ref"], name="capture_user"),
                    models.Index(
                        fields=["business", "type", "-received_at"], name="capture_type"
                    ),
                    models.Index(fields=["-received_at", "-id"], name="capture_newest"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            models.Q(
                                ("anonymous_ref__isnull", True),
                                ("email__isnull", True),
                                ("event_name__isnull", True),
                                ("fingerprint__isnull", True),
                                ("payload__isnull", True),
                                ("phone__isnull", True),
                                ("previous_ref__isnull", True),
                                ("raw__isnull", True),
                                ("raw_signature__isnull", True),
                                ("user_ref__isnull", True),
                                ("warnings__isnull", True),
                            ),
                            _connector="OR",
                        ),
                        name="capture_capture_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_capture_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_capture_commitment_length",
                    ),
                    models.UniqueConstraint(
                        fields=("business", "source", "message_id"),
                        name="one_capture_per_message",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "type__in",
                                [
                                    "signup",
                                    "login",
                                    "payment",
                                    "questionnaire",
                                    "dashboard",
                                    "profile",
                                    "page",
                                    "event",
                                    "alias",
                                    "consent",
                                ],
                            )
                        ),
                        name="capture_type_known",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ApiKey",
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
                        choices=[("publishable", "Publishable"), ("secret", "Secret")],
                        default="publishable",
                        max_length=20,
                    ),
                ),
                ("prefix", models.CharField(editable=False, max_length=20)),
                (
                    "key_hash",
                    models.CharField(editable=False, max_length=64, unique=True),
                ),
                ("scopes", audit.fields.SealedJSONField(blank=True, default=list)),
                (
                    "origins",
                    audit.fields.SealedJSONField(
                        blank=True,
                        default=list,
                        help_text='Origins of pages that may use a publishable key: ["https://shop.example.com"]',
                    ),
                ),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("revoked_at", models.DateTimeField(blank=True, null=True)),
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
                        related_name="keys",
                        to="capture.source",
                    ),
                ),
            ],
            options={
                "verbose_name": "key",
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("export_apikey", "Can export keys"),
                    ("import_apikey", "Can import keys"),
                ],
                "abstract": False,
                "base_manager_name": "objects",
                "indexes": [
                    models.Index(
                        fields=["business", "-created_at"], name="key_created"
                    ),
                    models.Index(fields=["-created_at", "-id"], name="key_order"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["publishable", "secret"])),
                        name="key_kind_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CaptureLink",
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
                    "rule",
                    models.CharField(
                        choices=[
                            ("email", "e-mail"),
                            ("user_id", "user id"),
                            ("anonymous_id", "anonymous id"),
                            ("alias", "Alias"),
                            ("provider", "Provider"),
                            ("manual", "Manual"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("linked_at", models.DateTimeField(default=django.utils.timezone.now)),
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
                        related_name="link",
                        to="capture.capture",
                    ),
                ),
                (
                    "customer",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="capture_links",
                        to="customers.customer",
                    ),
                ),
            ],
            options={
                "ordering": ("-linked_at", "-id"),
                "indexes": [
                    models.Index(fields=["business", "customer"], name="link_customer"),
                    models.Index(fields=["business", "-linked_at"], name="link_linked"),
                    models.Index(fields=["-linked_at", "-id"], name="link_order"),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalSource",
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
                    "consent_wording_version",
                    models.CharField(
                        blank=True,
                        help_text="The wording people agree to there. Without it, what they tick is no valid consent.",
                        max_length=50,
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
            ],
            options={
                "verbose_name": "historical source",
                "verbose_name_plural": "historical sources",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", False),
                            ("history_change_reason__isnull", True),
                            _connector="OR",
                        ),
                        name="capture_h_source_salted",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("salt__isnull", True),
                            ("salt__length", 32),
                            _connector="OR",
                        ),
                        name="capture_h_source_salt_length",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("commitment__length", 32)),
                        name="capture_h_source_commitment_length",
                    ),
                ],
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="Login",
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
                ("email", audit.fields.NullCharField(max_length=254)),
                ("login_time", models.DateTimeField()),
                ("login_method", models.CharField(default="password", max_length=50)),
                ("success", models.BooleanField(default=True)),
                ("device_info", audit.fields.NullCharField(max_length=255)),
                ("failure_reason", audit.fields.NullTextField()),
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
                        fields=["business", "-occurred_at"], name="login_occurred"
                    ),
                    models.Index(fields=["-occurred_at", "-id"], name="login_newest"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Signup",
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
                ("email", audit.fields.NullCharField(max_length=254)),
                ("full_name", audit.fields.NullCharField(max_length=200)),
                ("mobile_number", audit.fields.NullCharField(max_length=50)),
                ("plan", models.CharField(max_length=200, null=True)),
                ("signup_date", models.DateTimeField()),
                ("signup_method", models.CharField(default="email", max_length=50)),
                ("signup_source", models.CharField(default="website", max_length=100)),
                ("referral_code", audit.fields.NullCharField(max_length=100)),
                ("email_verified", models.BooleanField(default=False)),
                ("marketing_consent", models.BooleanField(null=True)),
                ("preferred_categories", audit.fields.SealedJSONField(null=True)),
                ("location", audit.fields.NullCharField(max_length=200)),
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
                        fields=["business", "-occurred_at"], name="signup_occurred"
                    ),
                    models.Index(fields=["-occurred_at", "-id"], name="signup_newest"),
                ],
            },
        ),
    ]
