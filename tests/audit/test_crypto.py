from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from audit.crypto import decrypt, encrypt, hmac_hex, network_hash


@given(st.binary(max_size=200))
def test_what_is_locked_up_comes_back(data):
    box = encrypt(data, purpose="test", owner=b"a")

    assert decrypt(box, purpose="test", owner=b"a") == data


def test_a_box_opens_for_its_owner_purpose_and_key_only(settings):
    box = encrypt(b"data", purpose="test", owner=b"a")

    with pytest.raises(InvalidTag):
        decrypt(box, purpose="test", owner=b"b")
    with pytest.raises(InvalidTag):
        decrypt(box, purpose="other", owner=b"a")
    settings.HASH_KEY = "another"
    with pytest.raises(InvalidTag):
        decrypt(box, purpose="test", owner=b"a")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "ü"])
def test_what_is_no_box_is_refused(text):
    with pytest.raises((ValueError, InvalidTag)):
        decrypt(text, purpose="test", owner=b"a")


def test_parts_of_a_hash_do_not_run_together():
    assert hmac_hex("ab", "c") != hmac_hex("a", "bc")
    assert hmac_hex("\ud800")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ("192.0.2.1", "::ffff:192.0.2.1"),
    ],
)
def test_addresses_of_one_caller_have_one_hash(one, other):
    assert network_hash(one) == network_hash(other)


def test_addresses_of_other_callers_have_other_hashes():
    addresses = ["192.0.2.1", "192.0.2.2", "2001:db8:1:2::1", "2001:db8:1:3::1", None]

    assert len({network_hash(address) for address in addresses}) == len(addresses)
