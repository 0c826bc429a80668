"""Lists and objects as ordinary inputs: what is stored comes back as it was."""

from __future__ import annotations

from typing import Any

import pytest
from django import forms
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from audit.admin.form_fields import ChecklistField, LinesField, PairsField

TYPES = ("payment", "signup")
LEAVES = st.none() | st.booleans() | st.integers(-9, 2**53 - 1) | st.text(max_size=9)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=9,
)


def lines(**options: Any) -> LinesField:
    return LinesField(required=False, **options)


class LinesForm(forms.Form):
    lines = LinesField(required=False)


def pairs() -> PairsField:
    return PairsField(required=False, choices=TYPES, example="Paid = payment")


def checklist() -> ChecklistField:
    return ChecklistField(required=False, choices=[(one, one) for one in TYPES])


def refusal(field: forms.Field, sent: Any) -> list[str]:
    with pytest.raises(ValidationError) as refused:
        field.clean(sent)
    return refused.value.messages


def sent_by_browser(drawn: Any) -> str:
    text = "" if drawn is None else str(drawn)
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")


# --- lines --------------------------------------------------------------------------


def test_each_line_is_a_text():
    assert lines().clean("b\r\n\r\n  a \nb\r\n") == ["b", "a"]
    assert lines().prepare_value(["b", "a"]) == "b\na"


def test_nothing_is_an_empty_list_or_null():
    assert lines().clean(" \r\n") == []
    assert lines().clean(None) == []
    assert lines(is_nullable=True).clean("") is None
    with pytest.raises(ValidationError):
        LinesField().clean("\n")


@pytest.mark.parametrize("stored", [None, []])
def test_no_lines_are_no_change(stored):
    assert not lines().has_changed(stored, "\r\n")


def test_lists_are_compared():
    assert not lines().has_changed(["a", "b"], "a\r\n\r\n b ")
    assert lines().has_changed(["a", "b"], "b\r\na")
    assert lines().has_changed(["a", "b"], "a")
    assert lines().has_changed(None, "a")
    assert not lines(disabled=True).has_changed(["a"], "b")


def test_a_fault_is_named_by_its_line():
    def refuse_capitals(text: str) -> None:
        if text.isupper():
            msg = "Write it in small letters."
            raise ValidationError(msg)

    field = lines(line_validator=refuse_capitals)

    assert field.clean("a\nb") == ["a", "b"]
    assert refusal(field, "a\n\nB\nC") == [
        "Line 3: Write it in small letters.",
        "Line 4: Write it in small letters.",
    ]
    assert field.has_changed(["a"], "A")


def test_a_sign_that_no_database_takes_is_refused():
    assert refusal(lines(), "a\0b") == ["Null characters are not allowed."]


@given(VALUES)
def test_whatever_is_stored_is_drawn_and_not_changed(stored):
    for field in (lines(), pairs()):
        sent = sent_by_browser(field.prepare_value(stored))
        assert not field.has_changed(stored, sent)


@given(st.lists(VALUES) | st.dictionaries(st.text(max_size=5), VALUES))
def test_a_value_that_lines_cannot_hold_comes_back(stored):
    if lines().join(stored) is None:
        initial = {"lines": stored}
        drawn = LinesForm(initial=initial)["lines"].value()
        form = LinesForm({"lines": sent_by_browser(drawn)}, initial=initial)
        assert form.is_valid()
        assert form.cleaned_data["lines"] == stored


def test_json_that_was_typed_is_a_line():
    form = LinesForm({"lines": "[1]"}, initial={"lines": [2]})

    assert form.is_valid()
    assert form.cleaned_data["lines"] == ["[1]"]
    assert lines().clean('["https://a.example"]') == ['["https://a.example"]']
    assert lines().clean("[" * 5000) == ["[" * 5000]


# --- pairs --------------------------------------------------------------------------


def test_each_line_is_a_name_and_a_type():
    typed = "Plan bought = payment\r\n\r\na = b=Signup\r\n"

    assert pairs().clean(typed) == {"Plan bought": "payment", "a = b": "signup"}
    assert pairs().clean("") == {}
    assert pairs().prepare_value({"Plan bought": "payment"}) == "Plan bought = payment"
    assert not pairs().has_changed({"a": "payment"}, "a=payment")
    assert pairs().has_changed({"a": "payment"}, "a=signup")


def test_faults_of_pairs_say_the_fix():
    typed = "Plan bought\n= payment\nPaid = cash\nGone = signup\ngone = payment"

    assert refusal(pairs(), typed) == [
        "Line 1: Write a name, “=” and a type, like: Paid = payment.",
        "Line 2: Write a name, “=” and a type, like: Paid = payment.",
        "Line 3: “cash” is no type. Write one of: payment, signup.",
        "Line 5: “gone” has a type in line 4 already. Take one away.",
    ]


def test_a_stored_type_that_is_unknown_is_refused_and_not_lost():
    assert pairs().prepare_value({"a": "cash"}) == "a = cash"
    assert "“cash” is no type" in refusal(pairs(), "a = cash")[0]


# --- checklists ---------------------------------------------------------------------


class Form(forms.Form):
    scopes = checklist()


def test_a_stored_text_that_is_unknown_keeps_its_box():
    html = str(Form(initial={"scopes": ["signup", "old"]})["scopes"])

    assert html.count("checkbox") == 3
    assert html.count(" checked") == 2
    assert 'value="old"' in html
    assert str(Form()["scopes"]).count("checkbox") == 2


def test_an_unknown_text_is_refused_until_its_tick_is_gone():
    form = Form({"scopes": ["signup", "old"]}, initial={"scopes": ["signup", "old"]})

    assert form.errors["scopes"] == ["“old” is not known here. Take its tick away."]
    assert 'value="old"' in str(form["scopes"])
    assert Form({"scopes": ["signup"]}).is_valid()


@given(VALUES)
def test_any_stored_value_is_drawn_as_boxes(stored):
    form = Form(initial={"scopes": stored})

    assert "checkbox" in str(form["scopes"])
    ticked = form["scopes"].value()
    assert not checklist().has_changed(stored, ticked)


def test_the_order_of_ticks_is_no_change():
    assert not checklist().has_changed(["signup", "payment"], ["payment", "signup"])
    assert checklist().has_changed([], ["payment"])
    assert not checklist().has_changed(None, [])
