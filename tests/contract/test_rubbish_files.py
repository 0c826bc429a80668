"""Files that are nothing, or nearly something: a sentence with the fix, or all rows.

Each goes to the page that imports customers and to the command that loads purchases.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command

from audit.models import Event
from customers.models import Booking, Customer, ImportFile
from tests.customers.admin.test_exchange import CUSTOMERS, confirm, counts

PEOPLE = "name,email\nÅsa Öberg,asa@example.test\nZoë Brontë,zoe@example.test\n"
SALES = (
    "customer,date,quantity,amount\n"
    "asa@example.test,2026-10-01,1,10.00\n"
    "Zoë,2026-10-02,2,20.00\n"
)


def workbook(_: str) -> bytes:
    out = io.BytesIO()
    book = openpyxl.Workbook()
    book.active.append(["name", "email"])
    book.save(out)
    return out.getvalue()


def in_middle(text: str, part: str) -> str:
    """Put a part before the last line."""
    *lines, last = text.splitlines(keepends=True)
    return "".join([*lines, part, last])


# What is read to the letter all the same.
READ = {
    "utf-8": lambda text: text.encode(),
    "utf-8 with its mark": lambda text: text.encode("utf-8-sig"),
    "utf-16 with its mark": lambda text: text.encode("utf-16"),
    "big utf-16 with its mark": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "cp1252": lambda text: text.encode("cp1252"),
    "carriage returns alone": lambda text: text.replace("\n", "\r").encode(),
    "both": lambda text: text.replace("\n", "\r\n").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
    "semicolons": lambda text: text.replace(",", ";").encode(),
    "sep": lambda text: f"sep=,\n{text}".encode(),
    "SEP": lambda text: f"SEP=;\r\n{text.replace(',', ';')}".encode("utf-8-sig"),
    "sep of tabs": lambda text: f"sep=\t\r{text.replace(',', chr(9))}".encode("utf-16"),
    "sep of what it has least": lambda text: (
        "sep=|\n" + "".join(f"{n.replace(',', '|')}\n" for n in text.splitlines())
    ).encode(),
    "blank lines": lambda text: (text.replace("\n", "\n\n") + "\n ,\n").encode(),
    "commas at the end": lambda text: text.replace("\n", ",,,\n").encode(),
}
# What is refused whole, and what the sentence says.
REFUSED = {
    "utf-16 without its mark": (lambda text: text.encode("utf-16-le"), "UTF-16"),
    "big utf-16 without it": (lambda text: text.encode("utf-16-be"), "UTF-16"),
    "utf-32": (lambda text: text.encode("utf-32"), "as CSV in UTF-8"),
    "half of utf-16": (lambda text: text.encode("utf-16")[:-1], "Save it as CSV"),
    "some letters broken": (lambda text: text.encode() + b"x\xff,\n", "in UTF-8"),
    "a NUL": (lambda text: in_middle(text, "\0").encode(), "as CSV in UTF-8"),
    "a NUL far behind": (
        lambda text: (text + "\n" * 9000 + "\0").encode(),
        "holds a character that no text can hold",
    ),
    "a workbook": (workbook, "workbook"),
    "an old workbook": (lambda _: b"\xd0\xcf\x11\xe0" + bytes(600), "workbook"),
    "a picture": (lambda _: b"\x89PNG\r\n\x1a\n" + bytes(90), "something else"),
    "an open quote": (lambda text: in_middle(text, '"').encode(), "In line 3 a quote"),
    "an open quote at the end": (
        lambda text: f'{text}"x,y'.encode(),
        "In line 4 a quote",
    ),
    "an open quote in the header": (
        lambda text: f'"{text}'.encode(),
        "In line 1 a quote",
    ),
    "a cell without end": (
        lambda text: in_middle(text, "x" * 140_000 + "\n").encode(),
        "In line 3 a quote is not closed, or a cell is too long",
    ),
    "a million commas": (
        lambda text: ("," * 1_000_000 + "\n" + text).encode(),
        "first row is too long",
    ),
    "nothing": (lambda _: b"", "column|empty"),
    "a mark alone": (lambda _: b"\xef\xbb\xbf", "column"),
    "markup": (lambda _: b"<html><table><tr><td>name</td></table>", "column"),
}
# What is wrong with one row alone; the others are read.
ONE_ROW = {
    "a cell of 100,000 characters": "x" * 100_000 + ",y\n",
    "a cell that is quoted, and too long": '"' + "x\n" * 40_000 + '",y\n',
    "too few cells": "\x07\n",
}


def send(client, data: bytes) -> Any:
    file = SimpleUploadedFile("people.csv", data, "text/csv")
    return client.post(f"{CUSTOMERS}import/", {"import_file": file}, follow=True)


@pytest.fixture
def load(bakery, tmp_path):
    """Load a log; return the exit code and what was printed."""

    def run(data: bytes, path: Path = tmp_path / "log.csv") -> tuple[int, str]:
        path.write_bytes(data)
        out, code = io.StringIO(), 0
        try:
            call_command(
                "import_purchases", str(path), business=bakery.slug, stdout=out,
                stderr=out,
            )  # fmt: skip
        except SystemExit as stop:
            code = int(str(stop.code))
        return code, out.getvalue()

    return run


@pytest.mark.parametrize("made", READ.values(), ids=READ)
def test_what_programs_save_is_read_by_the_page(alice, bakery, made):
    preview = send(alice, made(PEOPLE))

    assert counts(preview) == {"new": 2}, preview.text
    confirm(alice, preview)
    assert set(Customer.objects.values_list("name", "email")) == {
        ("Åsa Öberg", "asa@example.test"),
        ("Zoë Brontë", "zoe@example.test"),
    }


@pytest.mark.parametrize("made", READ.values(), ids=READ)
def test_what_programs_save_is_read_by_the_command(load, made):
    code, printed = load(made(SALES))

    assert (code, Booking.objects.count()) == (0, 2), printed
    assert set(Customer.objects.values_list("email", "external_id")) == {
        ("asa@example.test", None),
        (None, "Zoë"),
    }
    assert ("Windows-1252" in printed) == (made is READ["cp1252"])


@pytest.mark.parametrize(("made", "sentence"), REFUSED.values(), ids=REFUSED)
def test_the_page_refuses_it_with_the_fix_and_keeps_nothing(
    alice, bakery, made, sentence
):
    page = send(alice, made(PEOPLE))

    assert page.status_code == 200
    problems = str(page.context["form"].errors) if "form" in page.context else ""
    assert re.search(sentence, problems), page.text[-3000:]
    assert not Customer.objects.exists()
    assert not ImportFile.objects.exists()


@pytest.mark.parametrize(("made", "sentence"), REFUSED.values(), ids=REFUSED)
def test_the_command_refuses_it_with_the_fix_and_loads_nothing(load, made, sentence):
    with pytest.raises(CommandError, match=sentence) as caught:
        load(made(SALES))

    assert caught.value.returncode == 1
    assert len(str(caught.value)) < 500
    assert not Booking.objects.exists()
    assert not Event.objects.filter(action__startswith="purchases.").exists()


@pytest.mark.parametrize("row", ONE_ROW.values(), ids=ONE_ROW)
def test_one_wrong_row_is_named_and_the_others_are_loaded(alice, bakery, load, row):
    preview = send(alice, in_middle(PEOPLE, row).encode())
    assert counts(preview) == {"new": 2, "rejected": 1}

    code, printed = load(in_middle(SALES, row).encode())
    assert (code, Booking.objects.count()) == (1, 2)
    assert "1 lines left out" in printed
    # What a cell holds is not printed at any length.
    assert len(printed) < 1000


def test_a_long_row_of_commas_is_a_row_like_any(alice, bakery, load):
    row = "," * 150_000 + "\n"

    assert counts(send(alice, in_middle(PEOPLE, row).encode())) == {"new": 2}
    assert load(in_middle(SALES, row).encode())[0] == 0
    assert Booking.objects.count() == 2


def test_two_long_references_are_not_one_person(load):
    long = "x" * 255
    lines = "".join(f"{long}{n},2026-10-01,1,10.00\n" for n in range(2))

    code, printed = load(f"{SALES.splitlines()[0]}\n{lines}".encode())

    assert code == 1
    assert printed.count("The customer has more than 255 characters.") == 2
    assert not Booking.objects.exists()
