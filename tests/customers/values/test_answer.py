"""A yes or no, as people and programs write it."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from hypothesis import example, given
from hypothesis import strategies as st

from customers.values.answer import NO, YES, parse_answer
from tests.customers.values.tables import table_of

READ = {"yes": True, "no": False, "": None}


def outcome_of(raw):
    try:
        return parse_answer(raw)
    except ValidationError as error:
        return f"!{error.code}"


@pytest.mark.parametrize(
    "read", [json.loads, lambda t: json.loads(t, parse_float=Decimal)]
)
def test_the_table_of_answers(read):
    lines = table_of("answers")
    expected = {line["raw"]: READ.get(line["answer"], line["answer"]) for line in lines}

    assert {line["raw"]: outcome_of(read(line["raw"])) for line in lines} == expected


@given(
    st.sampled_from(sorted(YES | NO)),
    st.sampled_from([str.upper, str.title, str.swapcase, str.casefold, str]),
    st.text(" \t\r\n\u00a0\u200b\ufeff", max_size=3),
)
def test_a_word_counts_in_any_case_and_with_blanks_around(word, spell, around):
    assert parse_answer(f"{around}{spell(word)}{around}") is (word in YES)


def test_no_word_is_both():
    assert not YES & NO


@given(
    st.one_of(
        st.text(),
        st.integers(),
        st.floats(),
        st.decimals(),
        st.binary(),
        st.lists(st.booleans()),
        st.dictionaries(st.text(), st.booleans()),
    )
)
@example(Decimal("sNaN"))
@example(10**400)
def test_nothing_else_fails_in_another_way(raw):
    assert outcome_of(raw) in (True, False, None, "!answer_invalid")


def test_the_refusal_does_not_repeat_what_was_sent():
    with pytest.raises(ValidationError, match=r"Send true or false\."):
        parse_answer("secret")
