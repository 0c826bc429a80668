"""Write the index of the customers who are there already, in short transactions."""

from collections import defaultdict

from django.db import migrations, transaction

from customers.values.search_key import further_columns, search_columns

BATCH = 500


def fill(apps, schema_editor):
    """Write the rows that are missing; a second run goes on from there."""
    alias = schema_editor.connection.alias
    customer_model = apps.get_model("customers", "Customer")
    contact_model = apps.get_model("customers", "Contact")
    index_model = apps.get_model("customers", "CustomerIndex")
    rows = customer_model._base_manager.using(alias).filter(index=None).order_by("pk")
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
        for pk, *address in contacts.filter(customer__in=batch).values_list(
            "customer_id", "email_key", "phone", "phone_e164"
        ):
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
                index_model(customer=row, business_id=row.business_id, **columns)
            )
        with transaction.atomic(alias):
            # What was written meanwhile is newer than this.
            index_model._base_manager.using(alias).bulk_create(
                built, ignore_conflicts=True
            )
        last = batch[-1].pk


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("customers", "0013_customer_index")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
