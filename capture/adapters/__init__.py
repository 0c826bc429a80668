"""Wire formats to items: plain data in, our names out. No rule is decided here."""

from __future__ import annotations

from capture.adapters.automatic import without_automatic
from capture.adapters.cloudevents import (
    is_cloudevent,
    read_cloudevent,
    whole_cloudevent,
    with_decoded_data,
)
from capture.adapters.item import Item
from capture.adapters.legacy import (
    CUSTOMERS,
    LEGACY_TABLES,
    LEGACY_TIMES,
    PAYMENTS,
    USERS,
    read_columns,
    read_legacy,
    who,
)
from capture.adapters.paypal import read_paypal
from capture.adapters.requirement import (
    AMOUNT_KEYS,
    AMOUNTS,
    NAMES,
    SCREENSHOT_KEYS,
    read_requirement,
    snake,
)
from capture.adapters.segment import EVENT_TYPES, read_segment
from capture.adapters.segment_payments import ORDER_AMOUNT_KEYS
from capture.adapters.signatures import (
    SignatureError,
    is_paypal_certificate_url,
    verify_paypal,
    verify_standard,
    verify_stripe,
)
from capture.adapters.standard import read_standard
from capture.adapters.stripe import read_stripe, stripe_livemode
