"""Columns by which customers are found who look like one another."""

import audit.fields
from django.db import migrations, models

LOOK = {"editable": False, "max_length": 254}
PERSONAL = (
    "archive_reason",
    "email",
    "email_key",
    "email_skeleton",
    "external_id",
    "history_change_reason",
    "location",
    "name",
    "name_skeleton",
    "phone",
    "phone_e164",
    "raw_customer_type",
)


class Migration(migrations.Migration):
    dependencies = [("customers", "0007_account_macs")]

    operations = [
        migrations.RemoveConstraint(
            "historicalcustomer", "customers_h_customer_salted"
        ),
        *(
            migrations.AddField(model, name, audit.fields.NullCharField(**LOOK))
            for model in ("customer", "historicalcustomer")
            for name in ("email_skeleton", "name_skeleton")
        ),
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["business", "email_skeleton"], name="customer_email_look"
            ),
        ),
        migrations.AddIndex(
            "customer",
            models.Index(
                fields=["business", "name_skeleton"], name="customer_name_look"
            ),
        ),
        migrations.AddConstraint(
            "historicalcustomer",
            models.CheckConstraint(
                condition=models.Q(salt__isnull=False)
                | models.Q(**{f"{name}__isnull": True for name in PERSONAL}),
                name="customers_h_customer_salted",
            ),
        ),
    ]
