"""E-mail addresses: what is one, how it is stored, and by what two are the same."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from audit.emails import email_spellings, fold_email, mail_address
from customers.values.email_address import parse_email
from tests.customers.values.tables import table_of

LINES = table_of("emails")


def outcome(raw: object) -> tuple[str, str]:
    try:
        email = parse_email(raw)
    except ValidationError as error:
        return f"!{error.code}", ""
    return (email.stored, email.key) if email else ("", "")


@pytest.mark.parametrize("line", LINES, ids=lambda line: line["raw"][:60])
def test_an_address_is_stored_and_compared_as_the_table_says(line):
    assert outcome(json.loads(line["raw"])) == (line["stored"], line["key"])


@pytest.mark.parametrize("line", [x for x in LINES if x["stored"].startswith("!")])
def test_a_refusal_does_not_repeat_what_was_sent(line):
    raw = json.loads(line["raw"])

    with pytest.raises(ValidationError) as refused:
        parse_email(raw)

    if len(str(raw)) > 2 and str(raw) not in "name@example.org":
        assert str(raw) not in refused.value.message


@given(st.text(max_size=100))
def test_every_text_has_a_key(text):
    assert fold_email(f" {text} ") == fold_email(text)


@given(st.emails())
def test_an_address_that_is_taken_stays_what_it_is(text):
    try:
        email = parse_email(text)
    except ValidationError:
        return
    assert email
    assert parse_email(email.stored) == email
    assert parse_email(email.key).key == email.key
    assert len(email.key) <= 254


def test_a_domain_goes_to_the_mail_server_encoded():
    assert mail_address("Ana@straße.example") == "Ana@xn--strae-oqa.example"
    assert mail_address("ana@example.org") == "ana@example.org"


def test_an_address_has_the_key_of_before_too():
    encoded = "ana@xn--bcher-kva.example"

    assert email_spellings("Ana@BÜCHER.example") == {"ana@bücher.example", encoded}
    assert email_spellings(encoded) == {"ana@bücher.example", encoded}
    # That was the key of another mailbox.
    assert email_spellings("ana@straße.example") == {"ana@xn--strae-oqa.example"}
