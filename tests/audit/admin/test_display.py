"""Badges, how long ago something was, and numbers in forms."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from audit.admin.base import ShortDecimalField
from audit.admin.display import Badge, ago, draw_json, elapsed, render_badges


@pytest.mark.parametrize(
    ("time", "words"),
    [
        (timedelta(seconds=-5), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=1), "1 d ago"),
        (timedelta(days=59), "59 d ago"),
        (timedelta(days=61), "2 mo ago"),
        (timedelta(days=729), "23 mo ago"),
        (timedelta(days=731), "2 y ago"),
        (timedelta(days=3653), "10 y ago"),
    ],
)
def test_time_that_has_passed_is_said_in_one_unit(time, words):
    assert elapsed(time) == words


def test_the_exact_time_stands_beside_it():
    drawn = ago(datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC))

    assert 'datetime="2020-01-02T03:04:05+00:00"' in drawn
    assert 'title="2 Jan 2020, 03:04 UTC"' in drawn
    assert "y ago" in drawn


def test_what_never_was_is_said():
    assert ago(None) == "never"


def test_words_of_badges_are_text():
    drawn = render_badges([Badge("<b>", "bad"), Badge("Verified")])

    assert "&lt;b&gt;" in drawn
    assert 'class="badge bad"' in drawn


@pytest.mark.parametrize(
    ("stored", "drawn"),
    [("42.000", "42.00"), ("0.500", "0.50"), ("1.234", "1.234"), ("-7.000", "-7.00")],
)
def test_a_number_in_a_form_has_no_zeros_that_only_fill_its_column(stored, drawn):
    field = ShortDecimalField(max_digits=15, decimal_places=3)

    assert str(field.prepare_value(Decimal(stored))) == drawn
    # To send it back as it was drawn is no change.
    assert not field.has_changed(Decimal(stored), drawn)
    assert field.prepare_value("as typed") == "as typed"
    assert field.prepare_value(None) is None


@pytest.mark.parametrize(
    ("value", "drawn"),
    [
        ([], "–"),
        (["bread", "<b>cake</b>"], "bread, <b>cake</b>"),
        ([1, None], "1, –"),
        ({}, "–"),
        (
            {"cake": "<yes>", "sizes": [1, 2]},
            '<table><tr><th scope="row">cake</th><td>&lt;yes&gt;</td></tr>'
            '<tr><th scope="row">sizes</th><td>[1, 2]</td></tr></table>',
        ),
        (
            [{"description": "Brød"}, {"amount": "2.00"}],
            '<table><tr><th scope="col">description</th><th scope="col">amount</th>'
            "</tr><tr><td>Brød</td><td>–</td></tr>"
            "<tr><td>–</td><td>2.00</td></tr></table>",
        ),
    ],
)
def test_lists_and_objects_are_words_and_tables(value, drawn):
    assert draw_json(value) == drawn


def test_a_list_of_many_names_is_no_table():
    value = [{f"name {number}": number} for number in range(60)]

    assert draw_json(value[:40]).startswith("<table>")
    assert draw_json(value).startswith("[{")
