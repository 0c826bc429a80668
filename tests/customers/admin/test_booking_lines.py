"""The lines of a booking as a table: what was not typed over comes back as it was."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django import forms
from hypothesis import given
from hypothesis import strategies as st

from audit.admin.form_fields import json_text
from customers.admin.booking_lines import BookingLinesField
from customers.models import Booking
from tests.conftest import _CELL, form_data, signed_in, staff
from tests.factories import BookingFactory

CAKE = {"description": "Cake", "quantity": "2", "unit_price": "4.20", "amount": "8.40"}
TEXTS = st.text(max_size=9)
LEAVES = TEXTS | st.none() | st.booleans() | st.integers(-9, 2**53 - 1)
NAMES = st.sampled_from(["description", "quantity", "unit_price", "amount", "sku"])
LINES = st.lists(
    st.dictionaries(NAMES | TEXTS, LEAVES | st.lists(LEAVES, max_size=3), max_size=6),
    max_size=4,
)


class Form(forms.Form):
    lines = BookingLinesField(required=False)


def drawn(stored: Any) -> dict[str, str]:
    """Return what a browser posts of a stored value's table."""
    html = str(Form(initial={"lines": stored})["lines"])
    cells = {name: unescape(text) for name, text in _CELL.findall(html)}
    return {
        name: text if name.endswith("stored") else text.translate({10: None, 13: None})
        for name, text in cells.items()
    }


def sent(stored: Any = None, **cells: str) -> Form:
    """Return the form as it comes back with these cells, like `amount_2`."""
    typed = {}
    for name, text in cells.items():
        column, _, number = name.rpartition("_")
        typed[f"lines-{number}-{column}"] = text
    return Form({**drawn(stored), **typed}, initial={"lines": stored})


def read(stored: Any = None, **cells: str) -> Any:
    form = sent(stored, **cells)
    assert not form.errors
    return form.cleaned_data["lines"]


def faults(stored: Any = None, **cells: str) -> list[str]:
    return sent(stored, **cells).errors["lines"]


# --- the table ----------------------------------------------------------------------


@given(LINES)
def test_an_untouched_table_sends_back_what_is_stored(stored):
    form = sent(stored)

    assert form.is_valid(), form.errors
    assert form.changed_data == []
    assert json_text(form.cleaned_data["lines"] or []) == json_text(stored)


@pytest.mark.parametrize("stored", [None, []])
def test_no_lines_stay_none(stored):
    assert not sent(stored).has_changed()
    assert read(stored) is None


def test_there_are_three_empty_lines_and_each_input_has_a_name():
    html = str(Form(initial={"lines": [CAKE]})["lines"])

    assert html.count('type="text"') == 16
    assert 'aria-label="Unit price, line 4"' in html
    assert "style=" not in html


def test_a_new_line_is_stored_as_texts():
    line = {"description": " Bun ", "quantity": "03", "unit_price": "1.50"}
    cells = {f"{name}_2": text for name, text in line.items()}

    assert read([CAKE], **cells) == [
        CAKE,
        {"description": "Bun", "quantity": "3", "unit_price": "1.50", "amount": "4.50"},
    ]


@pytest.mark.parametrize(
    ("quantity", "price", "amount"),
    [
        ("", "4.20", "4.20"),
        ("0.1", "0.2", "0.02"),
        ("1.5", "4.999", "7.499"),
        ("3", "33.333", "99.999"),
        ("2", "-5", "-10.00"),
        ("2", "", None),
    ],
)
def test_an_empty_amount_is_computed(quantity, price, amount):
    (line,) = read(description_1="Bun", quantity_1=quantity, unit_price_1=price)

    assert line.get("amount") == amount


def test_an_amount_that_was_the_product_follows_and_another_stays():
    haggled = {**CAKE, "amount": "8.00"}
    bare = {"description": "Cake", "unit_price": "4.20"}

    assert read([CAKE], quantity_1="3") == [
        {**CAKE, "quantity": "3", "amount": "12.60"}
    ]
    assert read([haggled], quantity_1="3") == [{**haggled, "quantity": "3"}]
    assert read([bare], description_1="Pie") == [{**bare, "description": "Pie"}]


def test_there_is_no_amount_below_zero_by_its_sign_alone():
    (line,) = read(description_1="Bun", quantity_1="-0", unit_price_1="4.20")

    assert (line["quantity"], line["amount"]) == ("0", "0.00")


def test_a_dot_that_means_thousands_is_no_fraction(settings):
    settings.LANGUAGE_CODE = "de"

    assert faults(description_1="Brot", unit_price_1="1.234") == [
        "Position 1, Einzelpreis: Schreiben Sie 1234 ohne Punkt und Bruchteile mit "
        "Komma."
    ]
    assert read([{**CAKE, "unit_price": "1.234"}]) == [{**CAKE, "unit_price": "1.234"}]


def test_more_lines_than_a_table_has_are_refused_and_not_lost():
    lines = [CAKE] * 500

    assert str(Form(initial={"lines": lines})["lines"]).count("-amount") == 500
    assert faults(lines, description_501="Bun") == [
        "These are 501 lines. Leave at most 500."
    ]


def test_half_a_character_is_no_text():
    form = Form({"lines": r'[{"description": "\ud800"}]'}, initial={"lines": None})

    assert not form.is_valid()
    assert str(form["lines"]).encode()


def test_what_was_typed_is_not_computed():
    (line,) = read(description_1="Bun", unit_price_1="4", amount_1="3.5")

    assert line == {"description": "Bun", "unit_price": "4", "amount": "3.5"}


def test_an_emptied_line_is_removed_and_an_emptied_cell_too():
    empty = dict.fromkeys(
        ("description_1", "quantity_1", "unit_price_1", "amount_1"), ""
    )
    other = {**CAKE, "description": "Bun"}

    assert read([CAKE, other], **empty) == [other]
    assert read([CAKE], **empty) is None
    assert read([CAKE], quantity_1="", unit_price_1="") == [
        {"description": "Cake", "amount": "8.40"}
    ]


def test_what_has_no_column_stays_with_its_line():
    stored = {"sku": 7, "amount": None, "description": "Cake", "tags": ["a"]}

    assert read([stored], quantity_1="2") == [{**stored, "quantity": "2"}]
    html = unescape(str(Form(initial={"lines": [stored]})["lines"]))
    assert 'Stays with the line: sku: 7, tags: ["a"]' in html


def test_a_stored_word_in_the_place_of_a_number_stays_until_it_is_typed_over():
    stored = {"description": "Gift", "quantity": "1", "unit_price": "free"}

    assert read([stored], description_1="Present") == [
        {**stored, "description": "Present"}
    ]
    assert faults([stored], unit_price_1="cheap") == [
        "Line 1, Unit price: Enter a number."
    ]


def test_faults_name_the_line_and_the_column():
    assert faults(
        [CAKE],
        quantity_1="-1",
        amount_1="much",
        amount_2="3",
        description_3="x" * 501,
    ) == [
        "Line 1, Quantity: Ensure this value is greater than or equal to 0.",
        "Line 1, Amount: Enter a number.",
        "Line 2, Description: Write what was bought.",
        "Line 3, Description: Shorten it to 500 characters.",
    ]
    assert faults(description_1="Bun", unit_price_1="9" * 12, quantity_1="9" * 12) == [
        "Line 1, Amount: Ensure that there are no more than 15 digits in total."
    ]


def test_a_refused_table_comes_back_as_it_was_typed():
    form = sent([CAKE], description_3="Bun", amount_3="much")
    html = str(form["lines"])

    cells = {name: unescape(text) for name, text in _CELL.findall(html)}
    assert (cells["lines-3-description"], cells["lines-3-amount"]) == ("Bun", "much")
    assert json.loads(cells["lines-1-stored"]) == CAKE
    assert html.count("aria-invalid") == 1


def test_a_comma_is_taken_where_people_write_one(settings):
    settings.LANGUAGE_CODE = "de"

    (line,) = read(description_1="Brot", unit_price_1="4,20", quantity_1="2.5")

    assert line["amount"] == "10.50"


# --- what is no table ---------------------------------------------------------------


@pytest.mark.parametrize(
    "stored", [{"a": 1}, ["Cake"], [CAKE, 5], [{"a": json.loads("[" * 40 + "]" * 40)}]]
)
def test_another_value_is_json(stored):
    form = Form(initial={"lines": stored})

    html = str(form["lines"])
    assert '<textarea name="lines"' in html
    assert 'aria-label="Lines"' in html
    assert "lines-1" not in html
    text = form["lines"].value()
    assert json.loads(text) == stored
    if "[[" not in text:
        again = Form({"lines": text}, initial={"lines": stored})
        assert again.is_valid()
        assert not again.has_changed()
        assert again.cleaned_data["lines"] == stored


def test_json_is_taken_too_and_bad_json_is_refused():
    assert Form({"lines": json.dumps([CAKE])}).is_valid()
    for text in ("{", "[" * 5000, "9" * 5000):
        refused = Form({"lines": text})
        assert not refused.is_valid()
        assert "<textarea" in str(refused["lines"])


@pytest.mark.parametrize("stored", ["", "{", "[1]", '"x"', "[" * 9999])
def test_a_forged_copy_of_a_line_is_none(stored):
    form = Form({"lines-1-stored": stored, "lines-1-description": "Bun"})

    assert form.is_valid()
    assert form.cleaned_data["lines"] == [{"description": "Bun"}]


# --- the page -----------------------------------------------------------------------


@pytest.fixture
def booking(bakery):
    return BookingFactory(
        customer__business=bakery, lines=[{**CAKE, "sku": 7}, {"note": "gift"}]
    )


def path_of(booking: Booking) -> str:
    return f"/admin/customers/booking/{booking.pk}/change/"


def test_an_unchanged_form_saves_no_version(alice, booking):
    data = form_data(alice, path_of(booking))

    assert alice.post(path_of(booking), data).status_code == 302

    before = booking.lines
    booking.refresh_from_db()
    assert (booking.lines, booking.rev) == (before, 1)
    assert booking.history.count() == 1


def test_a_line_is_added_from_the_page(alice, booking):
    cells = {"lines-3-description": "Bun", "lines-3-unit_price": "2"}
    data = form_data(alice, path_of(booking), **cells)

    assert alice.post(path_of(booking), data).status_code == 302

    bun = {"description": "Bun", "unit_price": "2", "amount": "2.00"}
    before = booking.lines
    booking.refresh_from_db()
    assert booking.lines == [*before, bun]


def test_a_fault_comes_back_with_the_page(alice, booking):
    data = form_data(alice, path_of(booking), **{"lines-1-amount": "much"})

    page = alice.post(path_of(booking), data)

    assert "Line 1, Amount: Enter a number." in page.text
    assert 'value="much"' in page.text
    assert page.context["errors"]


def test_what_somebody_saved_meanwhile_is_shown_in_words(alice, booking):
    data = form_data(alice, path_of(booking), **{"lines-1-amount": "9"})
    theirs = form_data(alice, path_of(booking), **{"lines-1-amount": "7"})
    alice.post(path_of(booking), theirs)

    (one,) = alice.post(path_of(booking), data).context["differences"]

    assert (one.name, one.side) == ("lines", "")
    assert "Cake · 2 · 4.20 · 7" in one.theirs
    assert "Cake · 2 · 4.20 · 9" in one.yours


def test_who_may_only_look_or_sees_masked_values_gets_the_page(bob, bakery, booking):
    support = signed_in(staff(bakery, "support"))

    for client in (bob, support):
        assert client.get(path_of(booking)).status_code == 200
    assert "lines-1-" not in bob.get(path_of(booking)).text
