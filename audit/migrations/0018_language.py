"""The language that a person has chosen for pages and mails."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0017_user_preferences")]

    operations = [
        migrations.AddField(
            model_name="userpreferences",
            name="language",
            field=models.CharField(
                blank=True,
                choices=[("en", "English"), ("de", "Deutsch")],
                default="",
                max_length=10,
            ),
        ),
    ]
