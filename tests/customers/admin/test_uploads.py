"""Files to import: refused before they are read, and gone when their time is over."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from customers.models import Customer
from tests.customers.admin.test_exchange import CUSTOMERS, HEADER, confirm, upload

IMPORT = f"{CUSTOMERS}import/"
ROW = HEADER + "bakery,,Ana,ana@example.org,,\n"


def send(client, name: str, data: bytes, number: str):
    file = SimpleUploadedFile(name, data)
    return client.post(IMPORT, {"format": number, "resource": "0", "import_file": file})


def cached() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM holdfast_cache")
        return cursor.fetchone()[0]


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    return out.getvalue()


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (("list.xlsx", bomb(), "1"), "unpacks to more than"),
        (("list.xlsx", b"name\nAna\n", "1"), "no Excel file"),
        (("list.csv", b"\x89PNG\r\n\x1a\n\0", "0"), "no CSV but something else"),
        (("list.json", b"{}", "2"), "list of objects"),
    ],
)
def test_a_wrong_file_is_refused_with_a_sentence_and_not_kept(
    alice, bakery, file, said
):
    page = send(alice, *file)

    assert page.status_code == 200
    assert said in page.content.decode()
    assert "Error" not in str(page.context["form"].errors)
    assert cached() == 0


def test_a_bomb_is_refused_at_once(alice, bakery):
    alice.get(IMPORT)
    data = bomb()

    started = time.process_time()
    send(alice, "list.xlsx", data, "1")

    # The page around the sentence included.
    assert time.process_time() - started < 0.5


def test_a_file_over_the_limit_is_refused_unread(alice, bakery, settings):
    settings.UPLOAD_MAX_BYTES = 1000
    at_the_door = send(alice, "list.csv", b"x" * 2000, "0")
    settings.UPLOAD_MAX_BYTES = 1200
    in_the_form = send(alice, "list.csv", b"x" * 1201, "0")

    assert at_the_door.status_code == in_the_form.status_code == 413
    assert "1000 bytes" in at_the_door.content.decode()


def test_an_upload_leaves_no_file(alice, bakery, settings, tmp_path):
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10

    preview = upload(alice, CUSTOMERS, ROW)

    assert "confirm_form" in preview.context
    assert list(tmp_path.iterdir()) == []


def test_a_preview_that_nobody_confirms_is_gone_a_day_later(alice, bakery):
    upload(alice, CUSTOMERS, ROW)
    assert cached() == 1
    call_command("maintain", yes=True)
    assert cached() == 1

    with connection.cursor() as cursor:
        past = timezone.now().replace(microsecond=0) - timedelta(seconds=1)
        cursor.execute(
            "UPDATE holdfast_cache SET expires = %s",
            [connection.ops.adapt_datetimefield_value(past)],
        )
    call_command("maintain")
    assert cached() == 1
    call_command("maintain", yes=True)

    assert cached() == 0


def test_the_day_is_what_the_store_says(alice, bakery):
    upload(alice, CUSTOMERS, ROW)

    with connection.cursor() as cursor:
        cursor.execute("SELECT expires FROM holdfast_cache")
        [expires] = cursor.fetchone()
    if isinstance(expires, str):
        expires = timezone.datetime.fromisoformat(expires)
    if timezone.is_naive(expires):
        expires = timezone.make_aware(expires, timezone.get_default_timezone())
    left = expires - timezone.now()
    assert timedelta(hours=23, minutes=58) < left <= timedelta(hours=24, seconds=1)


def test_a_file_that_is_gone_is_asked_for_again(alice, bakery):
    preview = upload(alice, CUSTOMERS, ROW)
    cache.clear()

    done = confirm(alice, CUSTOMERS, preview)

    assert done.redirect_chain[0][0] == IMPORT
    assert "no longer there" in done.content.decode()
    assert not Customer.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"format": "x"},
        {"format": "99"},
        {"format": "-1"},
        {"resource": "x"},
        {"resource": "7"},
        {"import_file_name": "../../../../etc/passwd"},
    ],
)
def test_forged_hidden_fields_load_nothing(alice, bakery, changes):
    preview = upload(alice, CUSTOMERS, ROW)
    form = preview.context["confirm_form"]
    data = {name: form[name].value() for name in form.fields} | changes

    response = alice.post(f"{CUSTOMERS}process_import/", data)

    assert response.status_code in {200, 302}
    assert not Customer.objects.exists()
    assert "root:" not in response.content.decode()


def test_a_formula_in_a_name_is_kept_as_text(alice, bakery):
    text = HEADER + 'bakery,,"=1+1",a@example.org,,\'+47 22 00 01 77\n'

    confirm(alice, CUSTOMERS, upload(alice, CUSTOMERS, text))

    customer = Customer.objects.get()
    assert (customer.name, customer.phone) == ("=1+1", "+47 22 00 01 77")
