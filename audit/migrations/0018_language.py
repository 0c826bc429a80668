"""The language that a person has chosen, and plurals that Django does not guess."""

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
        migrations.AlterModelOptions(
            name="userpreferences",
            options={
                "ordering": ("id",),
                "verbose_name_plural": "user preferences",
            },
        ),
        migrations.AlterModelOptions(
            name="ceremony",
            options={"ordering": ("id",), "verbose_name_plural": "ceremonies"},
        ),
        migrations.AlterModelOptions(
            name="jobbatch",
            options={"verbose_name_plural": "job batches"},
        ),
    ]
