"""Cells that no spreadsheet runs, and that come back as they were."""

from __future__ import annotations

import io
import zipfile

import pytest
import tablib
from hypothesis import given
from hypothesis import strategies as st

from customers.sheets import SafeCSV, SafeXLSX, escape_cell, unescape_cell

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
RISKY = ["=1+1", "+47 22", "-5", "@x", "\t=1", "\r=1", "  =1", "\uff1d1", "'=1", "''+1"]


@given(TEXTS | st.sampled_from(RISKY))
def test_any_text_survives(text):
    assert unescape_cell(escape_cell(text)) == text


@given(TEXTS | st.sampled_from(RISKY))
def test_no_cell_begins_like_a_formula(text):
    shown = escape_cell(text)

    assert not shown.lstrip().startswith(
        ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
    )
    assert not shown.startswith(("\t", "\r", "\n"))


@given(st.lists(st.lists(TEXTS | st.sampled_from(RISKY), min_size=2, max_size=2)))
def test_a_csv_file_survives(rows):
    rows = [row for row in rows if any(row)]
    dataset = tablib.Dataset(*rows, headers=["a", "b"])

    text = SafeCSV().export_data(dataset)
    back = SafeCSV().create_dataset(text.encode("utf-8-sig"))

    assert [list(row) for row in back] == rows


@pytest.mark.parametrize("text", [*RISKY, "plain", "Ærlig, «sitat»", "1.50"])
def test_an_excel_file_survives(text):
    dataset = tablib.Dataset([text, "x"], headers=["a", "b"])

    back = SafeXLSX().create_dataset(SafeXLSX().export_data(dataset))

    assert [list(row) for row in back] == [[text.replace("\r", "\n"), "x"]]


def test_a_sheet_that_unpacks_to_too_much_is_refused():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)

    with pytest.raises(ValueError, match="unpacks to more than"):
        SafeXLSX().create_dataset(file.getvalue())


def test_what_is_no_sheet_says_so():
    with pytest.raises(ValueError, match="no Excel file"):
        SafeXLSX().create_dataset(b"a,b\n1,2\n")
