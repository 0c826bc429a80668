from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from hypothesis import given
from hypothesis import strategies as st

from audit.keyed import keyed_hash, lock_up, unlock


@given(st.binary(max_size=200))
def test_what_is_locked_up_comes_back(data):
    box = lock_up(data, purpose="test", owner=b"a")

    assert unlock(box, purpose="test", owner=b"a") == data


def test_a_box_opens_for_its_owner_purpose_and_key_only(settings):
    box = lock_up(b"data", purpose="test", owner=b"a")

    with pytest.raises(InvalidTag):
        unlock(box, purpose="test", owner=b"b")
    with pytest.raises(InvalidTag):
        unlock(box, purpose="other", owner=b"a")
    settings.HASH_KEY = "another"
    with pytest.raises(InvalidTag):
        unlock(box, purpose="test", owner=b"a")


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", "ü"])
def test_what_is_no_box_is_refused(text):
    with pytest.raises((ValueError, InvalidTag)):
        unlock(text, purpose="test", owner=b"a")


def test_parts_of_a_hash_do_not_run_together():
    assert keyed_hash("ab", "c") != keyed_hash("a", "bc")
    assert keyed_hash("\ud800")
