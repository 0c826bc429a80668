"""No reader stumbles, whatever JSON it is given."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.adapters import (
    EVENT_TYPES,
    Item,
    is_cloudevent,
    read_cloudevent,
    read_paypal,
    read_segment,
    read_standard,
    read_stripe,
)
from capture.choices import CaptureType
from tests.capture.adapters import (
    test_cloudevents,
    test_paypal,
    test_segment,
    test_stripe,
)

LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["\ud800", "\0", "eur", "payment", "track", -1, 10**300])
)
JSON = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
READERS = {
    "stripe": read_stripe,
    "paypal": read_paypal,
    "standard": lambda body: read_standard(body, "m"),
    "segment": lambda body: read_segment(body, None, EVENT_TYPES),
    "track": lambda body: read_segment(body, "track", EVENT_TYPES),
    "known": lambda body: read_segment(body, None, {}, "payment"),
    "structured": lambda body: read_cloudevent(None, body),
    "binary": lambda body: read_cloudevent(test_cloudevents.HEADERS, body),
}
SAMPLES = {
    "stripe": [
        test_stripe.event(kind, thing)
        for kind, thing in (
            ("checkout.session.completed", test_stripe.SESSION),
            ("payment_intent.succeeded", test_stripe.INTENT),
            ("charge.refunded", test_stripe.CHARGE),
            ("charge.dispute.closed", test_stripe.DISPUTE),
            ("invoice.paid", test_stripe.INVOICE),
            ("customer.updated", {"id": "cus_1", "address": {"city": "Berlin"}}),
        )
    ],
    "paypal": [
        test_paypal.event(kind, thing)
        for kind, thing in (
            ("PAYMENT.CAPTURE.COMPLETED", test_paypal.CAPTURE),
            ("PAYMENT.CAPTURE.REFUNDED", test_paypal.REFUND),
            ("CHECKOUT.ORDER.COMPLETED", test_paypal.ORDER),
            ("PAYMENT.SALE.REVERSED", test_paypal.SALE),
            ("CUSTOMER.DISPUTE.CREATED", test_paypal.DISPUTE),
        )
    ],
    "standard": [{"type": "payment.paid", "data": {"email": "a@example.org"}}],
    "segment": [test_segment.IDENTIFY, test_segment.BROWSER, test_segment.RUDDER],
    "structured": [test_cloudevents.EVENT],
}


def is_sound(item):
    """Tell whether an item holds what the pipeline counts on."""
    who = vars(item.identity).values()
    texts = (*who, item.message_id, item.name, item.ip, item.user_agent)
    return (
        isinstance(item, Item)
        and all(isinstance(value, str | None) for value in texts)
        and isinstance(item.fields, dict)
        and (item.type in CaptureType.values or item.issue is not None)
    )


@pytest.mark.parametrize("name", READERS)
@given(body=JSON)
def test_any_value(name, body):
    assert is_sound(READERS[name](body))
    is_cloudevent(None, body)


def places(value, path=()):
    """Yield the way to every value inside of a sample."""
    yield path
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        for step, inner in steps:
            yield from places(inner, (*path, step))


def replaced(value, path, other):
    """Return a copy of a sample with another value in one place."""
    if not path:
        return other
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[path[0]] = replaced(value[path[0]], path[1:], other)
    return copy


ODD = [
    None,
    True,
    -1,
    10**300,
    Decimal("1E+400"),
    "",
    "x",
    "\ud800",
    [],
    [[]],
    {},
    [{}],
]


@pytest.mark.parametrize("name", SAMPLES)
def test_any_value_in_any_place(name):
    for sample in SAMPLES[name]:
        for path in places(sample):
            for odd in ODD:
                body = replaced(sample, path, odd)
                item = READERS[name](body)

                assert is_sound(item), (path, odd)
                # Read again from what is stored, it says the same.
                assert READERS[name](body) == item


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_is_left_as_it_came(name):
    for sample in SAMPLES[name]:
        before = json.dumps(sample, default=str)
        READERS[name](sample)

        assert json.dumps(sample, default=str) == before
