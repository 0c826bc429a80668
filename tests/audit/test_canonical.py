"""The bytes of the sealed log: the worked example, and the reference for RFC 8785."""

from __future__ import annotations

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit.canonical import canonical_json, commitment, leaf_hash

CREDIT_ID = "0193f0a0-1c00-7abc-8def-000000000001"
EVENT_ID = "0193f0a0-2c00-7abc-8def-000000000002"
CREDIT_COMMITMENT = "ee80ef744dbc5552e8a7ca6b78b295c9b0d8416aa3d3d9efe1e618e293e37469"
EVENT_COMMITMENT = "f2fe800386d3d69163e4b0ed1473c475790e8b1aaa4b457bd4e91ec52f423522"


def test_commitment_of_the_worked_credit():
    reason = "Late refund for Zoë Müller\nparcel lost"

    got = commitment(
        "customers.credit", CREDIT_ID, {"reason": reason}, bytes(range(0x40, 0x60))
    )

    assert got.hex() == CREDIT_COMMITMENT


def test_leaf_of_the_worked_credit():
    public = {
        "amount": "12.50",
        "business_id": "0193f0a0-0000-7000-8000-0000000000b1",
        "created_at": "2026-11-21T04:00:00.250001Z",
        "created_by_id": "0193f0a0-0000-7000-8000-0000000000e1",
        "currency": "EUR",
        "customer_id": "0193f0a0-0000-7000-8000-0000000000c1",
        "expires_on": "2027-11-21",
        "manual": True,
        "sequence": 7,
    }

    got = leaf_hash(
        "customers.credit", CREDIT_ID, public, bytes.fromhex(CREDIT_COMMITMENT)
    )

    assert got.hex() == (
        "373720a134b9c67a980aca1fa3f9c89e2de5105f54af0d35ecb7bb16ab1d9c9a"
    )


def test_commitment_and_leaf_of_the_worked_event():
    personal = {"ip": "192.0.2.7", "reason": "request 4711"}
    public = {
        "action": "erasure.approved",
        "actor_id": "0193f0a0-0000-7000-8000-0000000000e1",
        "actor_kind": "user",
        "business_id": "0193f0a0-0000-7000-8000-0000000000b1",
        "data": {"postponed_until": None, "rows": {"customers.credit": 1}},
        "occurred_at": "2026-11-21T05:00:00.000000Z",
        "outcome": "done",
        "subjects": ["0193f0a0-0000-7000-8000-0000000000c1"],
    }

    committed = commitment("audit.event", EVENT_ID, personal, bytes(range(0x60, 0x80)))

    assert committed.hex() == EVENT_COMMITMENT
    assert leaf_hash("audit.event", EVENT_ID, public, committed).hex() == (
        "2019152d21cd1edf4e2fb1c37aa4f48d816fc5e21b93d6b06967d82280f478dc"
    )


def test_leaf_of_a_table_without_personal_columns_has_no_commitment():
    public = {
        "created_at": "2026-11-21T05:00:00.000000Z",
        "event_id": EVENT_ID,
        "reason": "erasure",
        "row_id": CREDIT_ID,
        "table_label": "customers.credit",
    }
    row_id = "0193f0a0-2c00-7abc-8def-000000000003"

    assert leaf_hash("audit.redaction", row_id, public, None).hex() == (
        "c013b9843451cbccf816d11a614efa6c1488f41eb55f5768fd8f1d6aa6570da1"
    )


def test_a_salt_of_another_length_is_refused():
    with pytest.raises(ValueError, match="32 bytes, not 3"):
        commitment("audit.event", EVENT_ID, {}, b"abc")


texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
keys = st.text(st.characters(min_codepoint=32, max_codepoint=126))
scalars = st.none() | st.booleans() | texts | st.integers(1 - 2**53, 2**53 - 1)
profile = st.recursive(
    scalars,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=25,
)


@given(profile)
def test_inside_the_profile_the_plain_dump_is_rfc_8785(value):
    assert canonical_json(value) == rfc8785.dumps(value)
