"""Cells that no spreadsheet runs, and that come back as they were."""

from __future__ import annotations

import io
import re
import time
import tracemalloc
import zipfile
from collections.abc import Iterable

import openpyxl
import pytest
import tablib
from hypothesis import given
from hypothesis import strategies as st

from customers.cells import escape_cell, unescape_cell
from customers.readers import KINDS, SheetError, open_sheet
from customers.sheets import SafeCSV, SafeXLSX

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
RISKY = ["=1+1", "+47 22", "-5", "@x", "\t=1", "\r=1", "  =1", "\uff1d1", "'=1", "''+1"]
RISKY += ["\u200b=1", "\ufeff+1", "\u00a0@x", "\u00ad-1"]
SHEETS = [*RISKY, "_x0041_", "_x0041\x01", "_x005F_", "\x01", "a\rb", "_xD800_", " a "]
SHEETS += ["plain", "Ærlig, «sitat»", "1.50", "TRUE", "#N/A", "2026-11-21", "\ufffe"]


def rows_of(data: bytes, kind: str) -> list[list[str]]:
    return [cells for _, cells in open_sheet(data, kind).rows]


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
    back = rows_of(text.encode("utf-8-sig"), "csv")

    assert back == rows


@given(st.lists(TEXTS | st.sampled_from(SHEETS), min_size=1, max_size=4))
def test_an_excel_file_survives(texts):
    dataset = tablib.Dataset(*([text, "x"] for text in texts), headers=["a", "b"])

    file = SafeXLSX().export_data(dataset)
    back = rows_of(file, "xlsx")

    assert back == [[text, "x"] for text in texts]
    for row in openpyxl.load_workbook(io.BytesIO(file)).active.iter_rows():
        assert all(cell.data_type != "f" for cell in row)


@given(st.lists(TEXTS | st.sampled_from(RISKY), min_size=2, max_size=2))
def test_each_cell_is_quoted_so_that_no_other_separator_splits_it(row):
    text = SafeCSV().export_data(tablib.Dataset(row, headers=["a", "b"]))

    assert re.fullmatch(r'(?:"(?:[^"]|"")*","(?:[^"]|"")*"\r\n){2}', text)


def test_a_text_too_long_for_a_cell_is_not_cut():
    dataset = tablib.Dataset(["x" * 32_768], headers=["a"])

    with pytest.raises(SheetError, match="Export as CSV"):
        SafeXLSX().export_data(dataset)


def test_a_formula_of_a_sheet_stays_the_text_that_it_is():
    book = openpyxl.Workbook()
    book.active.append(["name"])
    book.active.append(['=HYPERLINK("http://evil.example")'])
    out = io.BytesIO()
    book.save(out)

    back = rows_of(out.getvalue(), "xlsx")

    assert back == [['=HYPERLINK("http://evil.example")']]


# --- files that are not what they say ---------------------------------------------

SHEET = (
    '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
    '{}<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>name</t></is></c></row>'
    "{}</sheetData></worksheet>"
)


def excel(before: str = "", rows: str = "", **more: bytes) -> bytes:
    """Return an Excel file with this sheet, and further parts."""
    out = io.BytesIO()
    openpyxl.Workbook().save(out)
    made = io.BytesIO()
    with (
        zipfile.ZipFile(out) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            if name != "xl/worksheets/sheet1.xml":
                target.writestr(name, source.read(name))
        target.writestr("xl/worksheets/sheet1.xml", SHEET.format(before, rows))
        for name, data in more.items():
            target.writestr(name, data)
    return made.getvalue()


def many_parts() -> bytes:
    return excel(**{f"part{n:05}": b"x" for n in range(3000)})


def lying_end() -> bytes:
    """Return a zip whose end counts one part; the list has three thousand."""
    data = many_parts()
    place = data.rfind(b"PK\x05\x06")
    return data[: place + 8] + b"\1\0\1\0" + data[place + 12 :]


def entities() -> bytes:
    """Return a sheet whose text would grow to a billion characters."""
    nested = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 10))
    start = f'<!DOCTYPE x [<!ENTITY e0 "lol">{nested}]>'
    row = '<row r="2"><c r="A2" t="inlineStr"><is><t>&e9;</t></is></c></row>'
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(excel())) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            if name != "xl/worksheets/sheet1.xml":
                target.writestr(name, source.read(name))
        target.writestr("xl/worksheets/sheet1.xml", start + SHEET.format("", row))
    return out.getvalue()


BOMBS = {
    "unpacks": (lambda: excel(big=b"0" * 60_000_000), "unpacks to more than"),
    "ratio": (lambda: excel(big=b"0" * 5_000_000), "hundred times"),
    "parts": (many_parts, "too many parts"),
    "lying end": (lying_end, "too many parts"),
    "row number": (
        lambda: excel(rows='<row r="999999999"><c r="A999999999"><v>1</v></c></row>'),
        "more than 200000 rows",
    ),
    "wide row": (
        lambda: excel(rows='<row r="2"><c r="XFD2"><v>1</v></c></row>'),
        "more than 200 cells",
    ),
    "entities": (entities, "damaged"),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_a_sentence(name):
    make, said = BOMBS[name]
    file = make()

    started = time.process_time()
    with pytest.raises(SheetError, match=said):
        rows_of(file, "xlsx")

    # Directories alone are looked at where that is enough.
    limit = 0.1 if name in {"unpacks", "ratio", "parts", "lying end"} else 2
    assert time.process_time() - started < limit


def test_a_claimed_size_is_not_believed():
    file = excel(before='<dimension ref="A1:XFD1048576"/>')

    started = time.process_time()
    assert rows_of(file, "xlsx") == []

    assert time.process_time() - started < 1


@pytest.mark.parametrize(
    ("kind", "data", "said"),
    [
        ("xlsx", b"", "no Excel file"),
        ("xlsx", b"PK\x03\x04" + b"x" * 100, "no Excel file"),
        ("xlsx", b"PK\x05\x06" + b"\0" * 18, "no Excel file"),
        ("xlsx", excel()[:2000], "no Excel file"),
        ("csv", excel(), "no CSV but something else"),
        ("csv", b"\x89PNG\r\n\x1a\n\0\0", "no CSV but something else"),
        ("csv", b"name\n\x81\x8d\n", "not in UTF-8"),
        ("csv", "name\nÅsa\n".encode() + b"Z\xeb\n", "not in UTF-8"),
        ("csv", b"name\n\x00\x01\xeb\n", "no CSV but something else"),
        ("csv", b"name\n\x01\xeb\n", "not in UTF-8"),
        ("json", b'[{"a": "\xeb"}]', "not in UTF-8"),
        ("csv", b"name\n" + b"x" * 9000 + b"\0\n", "no text can hold"),
        (
            "csv",
            b"name\n" + b"x" * 200_000 + b"\n",
            "In line 2 a quote is not",
        ),
        ("csv", b"a," * 300 + b"\n", "more than 200 columns"),
        ("csv", b"a\n" + b"x," * 300 + b"\n", "more than 200 cells"),
        ("json", b'[{"a": 1}', "no JSON"),
        ("json", b'[{"a": 1}] x', "no JSON"),
        ("csv", b"a,b,a\n1,2,3\n", "Columns 1 and 3 have one name"),
        ("json", b"[" * 100_000, "no JSON"),
        ("json", b"{}", "list of objects"),
        ("json", b"[1]", "list of objects"),
        ("json", b'[{"a": [1]}]', "list or an object"),
        ("json", b'[{"a": "\\u0000"}]', "no text can hold"),
        ("json", b'[{"\\ud800": "x"}]', "no text can hold"),
        ("json", excel(), "no JSON but something else"),
    ],
)
def test_what_is_something_else_says_so(kind, data, said):
    with pytest.raises(SheetError, match=said):
        rows_of(data, kind)


def test_more_cells_than_an_import_can_load_are_refused():
    row = ",".join(f"x{number}" for number in range(200))
    file = "\n".join([row] * 5002).encode()

    with pytest.raises(SheetError, match="more than 1000000 cells"):
        rows_of(file, "csv")


@given(st.binary(max_size=300) | st.binary(max_size=300).map(b"PK\x03\x04".__add__))
@pytest.mark.parametrize("kind", KINDS)
def test_any_bytes_are_read_or_refused_with_a_sentence(kind, data):
    try:
        rows = rows_of(data, kind)
    except SheetError:
        return
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_numbers_of_json_keep_their_digits():
    back = open_sheet(
        b'[{"a": 1.10, "b": 12345678901234567890}, {"b": true, "c": null}]', "json"
    )

    assert back.columns == ["a", "b", "c"]
    assert list(back.rows) == [
        (2, ["1.10", "12345678901234567890", ""]),
        (3, ["", "yes", ""]),
    ]


@pytest.mark.parametrize(
    ("data", "columns", "rows"),
    [
        (
            b"sep=;\r\nname;email\r\nAsa;a@example.test\r\n",
            ["name", "email"],
            [(3, ["Asa", "a@example.test"])],
        ),
        (
            "name\temail\nÅsa\ta@example.test\n".encode("utf-16"),
            ["name", "email"],
            [(2, ["Åsa", "a@example.test"])],
        ),
        (b"a,b\n\n1\n1,2,3\n", ["a", "b"], [(3, ["1", ""]), (4, ["1", "2", "3"])]),
        (
            b'a,b,,\n"1\n2",3,,\n4,5,\n',
            ["a", "b"],
            [(2, ["1\n2", "3"]), (3, ["4", "5"])],
        ),
    ],
)
def test_what_spreadsheets_write_is_read(data, columns, rows):
    back = open_sheet(data, "csv")

    assert (back.columns, list(back.rows)) == (columns, rows)


def test_what_excel_saves_in_western_languages_is_read_and_named():
    back = open_sheet("name;note\nÅsa;5 € – “so”\n".encode("cp1252"), "csv")

    assert back.assumed == "Windows-1252"
    assert list(back.rows) == [(2, ["Åsa", "5 € – “so”"])]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_an_encoding_that_a_file_proves_is_not_assumed(encoding):
    back = open_sheet("name\nÅsa\n".encode(encoding), "csv")

    assert (back.assumed, list(back.rows)) == ("", [(2, ["Åsa"])])


def test_rows_are_read_one_by_one():
    """Memory does not grow with the rows: a file is never a list of lists."""
    file = b"name,email\n" + b"Ana,ana@example.org\n" * 30_000

    tracemalloc.start()
    count = sum(1 for _ in open_sheet(file, "csv").rows)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert count == 30_000
    # The text is looked at once as a whole; lists of it would take tenfold.
    assert peak < 3 * len(file)


def workbook_of(texts: Iterable[str]) -> bytes:
    """Return a workbook of one column, written without a size."""
    book = openpyxl.Workbook(write_only=True)
    sheet = book.create_sheet()
    for text in texts:
        sheet.append([text])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize("distinct", [10, 40_000], ids=["few texts", "many texts"])
def test_a_workbook_is_opened_without_reading_it_to_its_end(distinct):
    """A request opens it for the names of its columns; a worker reads its rows."""
    file = workbook_of(["name", *(str(n % distinct) for n in range(40_000))])

    started = time.process_time()
    sheet = open_sheet(file, "xlsx")
    opened = time.process_time()
    count = sum(1 for _ in sheet.rows)
    read = time.process_time()

    assert (sheet.columns, count) == (["name"], 40_000)
    assert opened - started < (read - opened) / 12


def test_a_shared_text_is_read_as_excel_wrote_it():
    """Excel writes a text `_x000D_` so that it is no line break."""
    assert rows_of(workbook_of(["name", "_x005F_x000D_"]), "xlsx") == [["_x000D_"]]


def test_a_text_that_the_list_of_texts_does_not_have_is_a_damaged_file():
    file = excel(rows='<row r="2"><c r="A2" t="s"><v>7</v></c></row>')

    with pytest.raises(SheetError, match="damaged"):
        rows_of(file, "xlsx")


@pytest.mark.parametrize("active", [0, 1])
def test_the_sheet_that_was_open_is_read_though_a_chart_stands_before_it(active):
    book = openpyxl.Workbook()
    book.active.append(["sheet 0"])
    book.create_chartsheet("chart", 0)
    book.create_sheet("second").append(["sheet 1"])
    book.active = active + 1
    out = io.BytesIO()
    book.save(out)

    assert open_sheet(out.getvalue(), "xlsx").columns == [f"sheet {active}"]


def far_to_the_right(count: int) -> bytes:
    """Return a workbook whose rows have one empty cell in the 18,278th column."""
    out = io.BytesIO()
    book = openpyxl.Workbook()
    book.active["A1"] = "name"
    book.save(out)
    rows = "".join(f'<row r="{n}"><c r="ZZZ{n}"/></row>' for n in range(2, count + 2))
    changed = io.BytesIO()
    with zipfile.ZipFile(out) as old, zipfile.ZipFile(changed, "w", 8) as new:
        for name in old.namelist():
            data = old.read(name)
            if name == "xl/worksheets/sheet1.xml":
                data = data.replace(b"</sheetData>", f"{rows}</sheetData>".encode())
            new.writestr(name, data)
    return changed.getvalue()


def test_a_cell_far_to_the_right_costs_no_thousands():
    file, longer = far_to_the_right(400), far_to_the_right(2_000)
    began = time.process_time()
    assert rows_of(file, "xlsx") == []
    # It took five seconds, for a file of a few kilobytes.
    assert time.process_time() - began < 2
    with pytest.raises(SheetError, match="millions of empty cells"):
        rows_of(longer, "xlsx")


def test_a_first_line_without_end_is_refused():
    with pytest.raises(SheetError, match="first row is too long"):
        rows_of(b"," * 2_000_000, "csv")
