"""What customers are searched and sorted by, in a table of its own, and filled.

In short transactions, so that others can write meanwhile; an interrupted run begins
again. The index of names goes: names are looked up and sorted in the new table.
"""

from collections import defaultdict

import audit.fields
import customers.models.customer_index
import django.db.models.deletion
from django.db import migrations, models, transaction

from customers.values.search_key import further_columns, search_columns


BATCH = 500


def fill(apps, schema_editor):
    """Write the row of each customer, five hundred in a transaction."""
    # The foreign keys, while the table is empty: at the end each would lock its tables
    # and read all rows.
    for statement in schema_editor.deferred_sql:
        schema_editor.execute(statement)
    schema_editor.deferred_sql.clear()
    alias = schema_editor.connection.alias
    customer_model = apps.get_model("customers", "Customer")
    contact_model = apps.get_model("customers", "Contact")
    index_model = apps.get_model("customers", "CustomerIndex")
    rows = customer_model._base_manager.using(alias).order_by("pk")
    rows = rows.only(
        "business_id",
        "unique_id",
        "name",
        "external_id",
        "email_key",
        "phone",
        "phone_e164",
        "erased_at",
    )
    contacts = contact_model._base_manager.using(alias).order_by()
    last = None
    while batch := list((rows if last is None else rows.filter(pk__gt=last))[:BATCH]):
        addresses = defaultdict(list)
        for pk, *address in contacts.filter(
            customer__in=[row.pk for row in batch]
        ).values_list("customer_id", "email_key", "phone", "phone_e164"):
            addresses[pk].append(tuple(address))
        built = []
        for row in batch:
            columns = search_columns(
                row.unique_id,
                row.name,
                row.external_id,
                (row.email_key, row.phone, row.phone_e164),
            )
            columns |= further_columns(addresses[row.pk])
            if row.erased_at is not None:
                columns = {"reference": columns["reference"]}
            built.append(
                index_model(customer_id=row.pk, business_id=row.business_id, **columns)
            )
        with transaction.atomic(alias):
            # What was written meanwhile is newer than this.
            index_model._base_manager.using(alias).bulk_create(
                built, ignore_conflicts=True
            )
        last = batch[-1].pk


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("customers", "0012_refund_limit_of_new_businesses")]

    operations = [
        # What an interrupted run has left.
        migrations.RunSQL(
            "DROP TABLE IF EXISTS customers_customerindex", migrations.RunSQL.noop
        ),
        migrations.CreateModel(
            name="CustomerIndex",
            fields=[
                (
                    "customer",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="index",
                        serialize=False,
                        to="customers.customer",
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
                    "name",
                    customers.models.customer_index.FoldedField(
                        max_length=600, verbose_name="name"
                    ),
                ),
                (
                    "listed_name",
                    customers.models.customer_index.FoldedField(
                        max_length=600, verbose_name="name"
                    ),
                ),
                ("reference", models.CharField(max_length=20)),
                (
                    "external_id",
                    audit.fields.NullCharField(
                        max_length=255, verbose_name="external id"
                    ),
                ),
                ("emails", audit.fields.NullTextField(verbose_name="e-mail")),
                ("phones", audit.fields.NullTextField(verbose_name="phone")),
                ("further_emails", audit.fields.NullTextField(verbose_name="e-mail")),
                ("further_phones", audit.fields.NullTextField(verbose_name="phone")),
            ],
            options={
                "verbose_name": "search index",
                "verbose_name_plural": "search index",
                "ordering": ("customer",),
                "default_permissions": (),
            },
        ),
        migrations.AddIndex(
            model_name="customerindex",
            index=models.Index(
                fields=["business", "name", "customer"], name="index_name"
            ),
        ),
        migrations.AddIndex(
            model_name="customerindex",
            index=models.Index(
                fields=["business", "listed_name", "customer"],
                name="index_listed_name",
            ),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop),
        migrations.RemoveIndex(model_name="customer", name="customer_name"),
    ]
