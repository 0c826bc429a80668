"""Each refund and dispute of a payment, as a column of its projection.

Null until a message of the payment comes, or `rebuild_projections` runs.
"""

from django.db import migrations

import audit.fields


class Migration(migrations.Migration):
    dependencies = [
        ("capture", "0006_identity_reviews"),
    ]

    operations = [
        migrations.AddField(
            model_name="payment",
            name="refunds",
            field=audit.fields.SealedJSONField(null=True),
        ),
    ]
