"""Rates and stored answers move to the tables of `audit`; nothing of them is lost.

A key that was sent before the upgrade gets its answer again after it.
"""

import json

from cryptography.exceptions import InvalidTag
from django.db import migrations
from django.utils import timezone

from audit.crypto import decrypt, encrypt

PURPOSE = "answer"
BATCH = 500


def in_batches(rows):
    """Yield rows in the order of their ids, so many at a time."""
    last = None
    while batch := list(
        (rows if last is None else rows.filter(pk__gt=last)).order_by("pk")[:BATCH]
    ):
        yield batch
        last = batch[-1].pk


def move_buckets(schema_editor, from_model, to_model, from_column, to_column):
    """Move all buckets from one table to the other, in the database."""
    quote = schema_editor.connection.ops.quote_name
    source, target = quote(from_model._meta.db_table), quote(to_model._meta.db_table)
    rest = "offset_us, boot, used_at"
    schema_editor.execute(
        f"INSERT INTO {target} (name, {to_column}, {rest}) "  # noqa: S608 - our own names
        f"SELECT name, {from_column}, {rest} FROM {source}"
    )
    schema_editor.execute(f"DELETE FROM {source}")  # noqa: S608 - our own name


def to_audit(apps, schema_editor):
    """Move what has not expired; answers are encrypted there, as those of staff are."""
    bucket = apps.get_model("audit", "RateLimitBucket")
    move_buckets(
        schema_editor, apps.get_model("capture", "Allowance"), bucket,
        "arrives_us", "tat_us",
    )  # fmt: skip
    response = apps.get_model("audit", "IdempotentResponse")
    rows = apps.get_model("capture", "IdempotencyRecord").objects
    for batch in in_batches(rows.filter(expires_at__gte=timezone.now())):
        response.objects.bulk_create(
            response(
                id=row.id,
                name=row.name,
                fingerprint=row.fingerprint,
                response=closed(row),
                owner=row.owner,
                locked_until=row.locked_until,
                expires_at=row.expires_at,
            )
            for row in batch
        )


def closed(row):
    """Return the stored answer of a record, encrypted; empty while there is none."""
    if row.status is None:
        return ""
    answer = {
        "status": row.status,
        "content_type": row.content_type or "application/json",
        "body": row.body or "",
    }
    text = json.dumps(answer).encode()
    return encrypt(text, purpose=PURPOSE, owner=row.name.encode())


def from_audit(apps, schema_editor):
    """Move back what is of captures: what was leased."""
    bucket = apps.get_model("audit", "RateLimitBucket")
    move_buckets(
        schema_editor, bucket, apps.get_model("capture", "Allowance"),
        "tat_us", "arrives_us",
    )  # fmt: skip
    record = apps.get_model("capture", "IdempotencyRecord")
    rows = apps.get_model("audit", "IdempotentResponse").objects.exclude(owner=None)
    for batch in in_batches(rows):
        record.objects.bulk_create(
            record(
                id=row.id,
                name=row.name,
                fingerprint=row.fingerprint,
                owner=row.owner,
                locked_until=row.locked_until,
                expires_at=row.expires_at,
                **opened(row),
            )
            for row in batch
        )
    rows.all().delete()


def opened(row):
    """Return the columns of a stored answer; none of one that no key of ours opens."""
    if not row.response:
        return {}
    try:
        text = decrypt(row.response, purpose=PURPOSE, owner=row.name.encode())
    except (InvalidTag, ValueError):
        return {}
    return json.loads(text)


def forget_names(apps, schema_editor):
    """Remove the permissions and the content types of models that are gone."""
    gone = ("allowance", "idempotencyrecord")
    apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="capture", content_type__model__in=gone
    ).delete()
    apps.get_model("contenttypes", "ContentType").objects.filter(
        app_label="capture", model__in=gone
    ).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0015_rates_and_responses"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("capture", "0003_allowance_offset"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.RunPython(to_audit, from_audit),
        migrations.DeleteModel("Allowance"),
        migrations.DeleteModel("IdempotencyRecord"),
        migrations.RunPython(forget_names, migrations.RunPython.noop),
    ]
