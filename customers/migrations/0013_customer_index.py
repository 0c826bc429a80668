"""What customers are searched and sorted by, in a table of its own.

The index of names goes: names are looked up and sorted in the new table.
"""

import audit.fields
import customers.models.customer_index
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0012_refund_limit_of_new_businesses")]

    operations = [
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
                    customers.models.customer_index.FoldedField(max_length=600),
                ),
                (
                    "listed_name",
                    customers.models.customer_index.FoldedField(max_length=600),
                ),
                ("reference", models.CharField(max_length=20)),
                ("external_id", audit.fields.NullCharField(max_length=255)),
                ("emails", audit.fields.NullTextField()),
                ("phones", audit.fields.NullTextField()),
                ("further_emails", audit.fields.NullTextField()),
                ("further_phones", audit.fields.NullTextField()),
            ],
            options={"ordering": ("customer",), "default_permissions": ()},
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
        migrations.RemoveIndex(model_name="customer", name="customer_name"),
    ]
