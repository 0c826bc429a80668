"""Parts of names and addresses are found by an index, where PostgreSQL has trigrams.

Where the extension `pg_trgm` is missing, or this role may not make it, the migration
says so and goes on: searches read the rows of the business then, as on SQLite.
"""

from django.db import DatabaseError, migrations, transaction

COLUMNS = (
    "name",
    "listed_name",
    "reference",
    "external_id",
    "emails",
    "phones",
    "further_emails",
    "further_phones",
)
NAME = "index_parts"
HINT = (
    "\n    The extension pg_trgm could not be made, so that searches for a part of a name"
    "\n    or address read all rows of a business. Nothing else depends on it. To have it,"
    "\n    let the owner of the database run the lines in docs/operate.md, Searches. "
)


def make_index(apps, schema_editor):
    """Make the extension and the index, on PostgreSQL, if that may be."""
    if schema_editor.connection.vendor != "postgresql":
        return
    try:
        with transaction.atomic(using=schema_editor.connection.alias):
            schema_editor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    except DatabaseError:
        print(HINT, end="")  # noqa: T201 - Django's own way to speak from a migration
        return
    with schema_editor.connection.cursor() as cursor:
        # It may have been made in a schema of its own.
        cursor.execute(
            "SELECT quote_ident(n.nspname) FROM pg_extension e "
            "JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'pg_trgm'"
        )
        (schema,) = cursor.fetchone()
    columns = ", ".join(f"{column} {schema}.gin_trgm_ops" for column in COLUMNS)
    schema_editor.execute(
        f"CREATE INDEX IF NOT EXISTS {NAME} ON customers_customerindex "
        f"USING gin ({columns})"
    )


def remove_index(apps, schema_editor):
    """Remove the index. The extension stays: others may use it."""
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(f"DROP INDEX IF EXISTS {NAME}")


class Migration(migrations.Migration):
    dependencies = [("customers", "0015_refund_method")]

    operations = [migrations.RunPython(make_index, remove_index, elidable=False)]
