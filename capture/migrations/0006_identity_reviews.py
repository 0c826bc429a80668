"""Identity reviews; and user ids belong to their source. No stored id changes."""

import audit.fields
import audit.ids
import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
import simple_history.models
from django.db import migrations, models


def forget_sources(apps, schema_editor):
    """Leave one row of each name and customer, as there was before sources."""
    identifiers = apps.get_model("capture", "Identifier").objects
    same = identifiers.filter(
        business=models.OuterRef("business"),
        kind=models.OuterRef("kind"),
        value=models.OuterRef("value"),
        customer=models.OuterRef("customer"),
        pk__lt=models.OuterRef("pk"),
    )
    doubled = identifiers.filter(models.Exists(same)).values_list("pk", flat=True)
    identifiers.filter(pk__in=list(doubled)).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("capture", "0005_message_ids_by_trust"),
        ("customers", "0012_refund_limit_of_new_businesses"),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalIdentityReview",
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
                            ("contradiction", "e-mail and user id differ"),
                            ("claimed_user_id", "claimed user id"),
                            ("claimed_email", "claimed e-mail"),
                            ("archived_customer", "archived customer"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "email",
                    audit.fields.NullCharField(
                        editable=False, max_length=254, verbose_name="e-mail"
                    ),
                ),
                (
                    "email_key",
                    audit.fields.NullCharField(editable=False, max_length=254),
                ),
                (
                    "user_ref",
                    audit.fields.NullCharField(
                        editable=False, max_length=255, verbose_name="user id"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("decided", "Decided")],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("same_person", "same person"),
                            ("other_person", "other person"),
                            ("changed_email", "change of e-mail"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("decided_by_id", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
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
                "verbose_name": "historical identity review",
                "verbose_name_plural": "historical identity reviews",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="IdentityReview",
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
                            ("contradiction", "e-mail and user id differ"),
                            ("claimed_user_id", "claimed user id"),
                            ("claimed_email", "claimed e-mail"),
                            ("archived_customer", "archived customer"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "email",
                    audit.fields.NullCharField(
                        editable=False, max_length=254, verbose_name="e-mail"
                    ),
                ),
                (
                    "email_key",
                    audit.fields.NullCharField(editable=False, max_length=254),
                ),
                (
                    "user_ref",
                    audit.fields.NullCharField(
                        editable=False, max_length=255, verbose_name="user id"
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("decided", "Decided")],
                        default="open",
                        max_length=10,
                    ),
                ),
                (
                    "decision",
                    models.CharField(
                        choices=[
                            ("same_person", "same person"),
                            ("other_person", "other person"),
                            ("changed_email", "change of e-mail"),
                        ],
                        max_length=20,
                        null=True,
                    ),
                ),
                ("reason", audit.fields.NullTextField()),
                ("decided_by_id", models.UUIDField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name": "identity review",
                "ordering": ("-created_at", "-id"),
                "permissions": [
                    ("decide_identityreview", "Can decide identity reviews")
                ],
                "abstract": False,
                "base_manager_name": "objects",
            },
        ),
        migrations.RemoveConstraint(
            model_name="identifier",
            name="identifier_unique",
        ),
        migrations.AddField(
            model_name="identifier",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="capture.source",
            ),
        ),
        migrations.AddField(
            model_name="identifier",
            name="trust",
            field=models.CharField(
                choices=[("page", "Page"), ("server", "Server"), ("staff", "Staff")],
                db_default="server",
                default="server",
                max_length=10,
            ),
        ),
        migrations.AddConstraint(
            model_name="identifier",
            constraint=models.UniqueConstraint(
                fields=("business", "kind", "value", "customer", "source"),
                name="identifier_of_source_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="identifier",
            constraint=models.UniqueConstraint(
                condition=models.Q(("source", None)),
                fields=("business", "kind", "value", "customer"),
                name="identifier_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="identifier",
            constraint=models.CheckConstraint(
                condition=models.Q(("trust__in", ["page", "server", "staff"])),
                name="identifier_trust_known",
            ),
        ),
        migrations.AddField(
            model_name="historicalidentityreview",
            name="business",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="customers.business",
            ),
        ),
        migrations.AddField(
            model_name="historicalidentityreview",
            name="customer",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="historicalidentityreview",
            name="email_customer",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="historicalidentityreview",
            name="source",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="capture.source",
            ),
        ),
        migrations.AddField(
            model_name="historicalidentityreview",
            name="user_customer",
            field=models.ForeignKey(
                blank=True,
                db_constraint=False,
                null=True,
                on_delete=django.db.models.deletion.DO_NOTHING,
                related_name="+",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="identityreview",
            name="business",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="customers.business",
            ),
        ),
        migrations.AddField(
            model_name="identityreview",
            name="customer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="identityreview",
            name="email_customer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="identityreview",
            name="source",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="capture.source",
            ),
        ),
        migrations.AddField(
            model_name="identityreview",
            name="user_customer",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="customers.customer",
            ),
        ),
        migrations.AddField(
            model_name="capturelink",
            name="review",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="links",
                to="capture.identityreview",
            ),
        ),
        migrations.AddConstraint(
            model_name="historicalidentityreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("salt__isnull", False),
                    models.Q(
                        ("email__isnull", True),
                        ("email_key__isnull", True),
                        ("history_change_reason__isnull", True),
                        ("reason__isnull", True),
                        ("user_ref__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="capture_h_identityreview_salted",
            ),
        ),
        migrations.AddConstraint(
            model_name="historicalidentityreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("salt__isnull", True), ("salt__length", 32), _connector="OR"
                ),
                name="capture_h_identityreview_salt_length",
            ),
        ),
        migrations.AddConstraint(
            model_name="historicalidentityreview",
            constraint=models.CheckConstraint(
                condition=models.Q(("commitment__length", 32)),
                name="capture_h_identityreview_commitment_length",
            ),
        ),
        migrations.AddIndex(
            model_name="identityreview",
            index=models.Index(
                fields=["business", "state", "-created_at", "-id"],
                name="review_created",
            ),
        ),
        migrations.AddIndex(
            model_name="identityreview",
            index=models.Index(fields=["-created_at", "-id"], name="review_newest"),
        ),
        migrations.AddIndex(
            model_name="identityreview",
            index=models.Index(fields=["source", "user_ref"], name="review_user"),
        ),
        migrations.AddIndex(
            model_name="identityreview",
            index=models.Index(fields=["source", "email_key"], name="review_email"),
        ),
        migrations.AddConstraint(
            model_name="identityreview",
            constraint=models.UniqueConstraint(
                models.F("business"),
                models.F("source"),
                models.F("kind"),
                django.db.models.functions.comparison.Coalesce(
                    "email_key", models.Value("")
                ),
                django.db.models.functions.comparison.Coalesce(
                    "user_ref", models.Value("")
                ),
                condition=models.Q(("state", "open")),
                name="one_open_identity_review",
            ),
        ),
        migrations.AddConstraint(
            model_name="identityreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "contradiction",
                            "claimed_user_id",
                            "claimed_email",
                            "archived_customer",
                        ],
                    )
                ),
                name="identity_review_kind",
            ),
        ),
        migrations.AddConstraint(
            model_name="identityreview",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("decided_at__isnull", True),
                        ("decision__isnull", True),
                        ("state", "open"),
                    ),
                    models.Q(
                        ("decided_at__isnull", False),
                        (
                            "decision__in",
                            ["same_person", "other_person", "changed_email"],
                        ),
                        ("state", "decided"),
                    ),
                    _connector="OR",
                ),
                name="identity_review_state",
            ),
        ),
        migrations.RunPython(migrations.RunPython.noop, forget_sources),
    ]
