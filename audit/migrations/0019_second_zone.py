"""Whether pages show times in the person's zone, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("audit", "0018_language")]

    operations = [
        migrations.AddField(
            model_name="userpreferences",
            name="shows_second_zone",
            field=models.BooleanField(default=False),
        ),
    ]
