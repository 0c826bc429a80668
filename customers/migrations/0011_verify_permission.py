"""Who may say that a customer was checked: a permission of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0010_saved_views"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="customer",
            options={
                "base_manager_name": "objects",
                "ordering": ("-joined_at", "-id"),
                "permissions": [
                    ("export_customer", "Can export customers"),
                    ("import_customer", "Can import customers"),
                    ("archive_customer", "Can archive and restore a customer"),
                    ("bulk_customer", "Can act on many customers at once"),
                    ("verify_customer", "Can say that somebody was checked"),
                    ("view_segment", "Can see the definitions of segments"),
                    ("target_segment", "Can see who is in a segment, and try rules"),
                    ("export_marketing", "Can export people who may be sent offers"),
                    ("view_export", "Can see what was exported"),
                ],
            },
        ),
    ]
