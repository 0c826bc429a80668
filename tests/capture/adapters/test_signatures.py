"""Who signed a webhook, and when: Stripe and Standard Webhooks."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from capture.adapters.signatures import (
    SignatureError,
    verify_standard,
    verify_stripe,
)

NOW = datetime.fromtimestamp(1_700_000_000, UTC)
SECRET = "whsec_test"
RAW = b'{"id":"evt_1","object":"event"}'
MARK = "4c15fb2a43f93ef61eaa3e0893866d57cad9cad4223242cfb96f362480cb4021"
HEADER = f"t=1700000000,v1={MARK}"

KEY = bytes(range(32))
WHSEC = "whsec_" + base64.b64encode(KEY).decode()


def stripe_header(raw=RAW, secret=SECRET, at=NOW):
    seconds = int(at.timestamp())
    signed = f"{seconds}.".encode() + raw
    mark = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    return f"t={seconds},v1={mark}"


def standard_headers(raw=RAW, key=KEY, at=NOW, message_id="msg_1"):
    seconds = int(at.timestamp())
    signed = f"{message_id}.{seconds}.".encode() + raw
    mark = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return {
        "Webhook-Id": message_id,
        "Webhook-Timestamp": str(seconds),
        "Webhook-Signature": f"v1,{mark}",
    }


def code_of(verify, *args, **kwargs):
    with pytest.raises(SignatureError) as caught:
        verify(*args, **{"now": NOW, **kwargs})
    return caught.value.code


def test_the_fixed_example_of_stripe():
    verify_stripe(RAW, HEADER, [SECRET], now=NOW)

    assert code_of(verify_stripe, RAW + b" ", HEADER, [SECRET]) == "bad_signature"


@pytest.mark.parametrize(
    "header",
    [
        f"v1={MARK},t=1700000000",
        f"t=1700000000, v1={MARK}",
        f"t=1700000000,v1={'0' * 64},v1={MARK}",
        f"t=1700000000,v0=old,v1={MARK},v2=new",
    ],
)
def test_stripe_headers_come_in_many_forms(header):
    verify_stripe(RAW, header, ["whsec_old", SECRET], now=NOW)


@pytest.mark.parametrize(
    "header",
    [
        "",
        None,
        ",",
        "=",
        "t=1700000000",
        f"v1={MARK}",
        f"t=,v1={MARK}",
        f"t=1700000000,v0={MARK}",
        f"t=1700000000,v1={MARK.upper()}0",
        f"t=1700000000,v1={'ü' * 64}",
        "t=1700000000,v1=\ud800",
        f"t={'1' * 5000},v1={MARK}",
        f"t=-1,v1={MARK}",
        f"t=1e9,v1={MARK}",
        f"t=NaN,v1={MARK}",
        f"t=\u0661\u0667,v1={MARK}",
        f"t=1700000000,t=1700000000,v1={MARK}",
    ],
)
def test_a_malformed_stripe_header_is_a_bad_signature(header):
    assert code_of(verify_stripe, RAW, header, [SECRET]) == "bad_signature"


@pytest.mark.parametrize("secrets", [[], [""], ["whsec_other"], ["", "test"]])
def test_without_the_right_secret_nothing_is_believed(secrets):
    assert code_of(verify_stripe, RAW, HEADER, secrets) == "bad_signature"


def test_an_empty_secret_vouches_for_nothing():
    header = stripe_header(secret="")

    assert code_of(verify_stripe, RAW, header, [""]) == "bad_signature"


@pytest.mark.parametrize("seconds", [-300, -1, 0, 299, 300])
def test_five_minutes_are_fine(seconds):
    at = NOW + timedelta(seconds=seconds)

    verify_stripe(RAW, stripe_header(at=at), [SECRET], now=NOW)
    verify_standard(RAW, standard_headers(at=at), [WHSEC], now=NOW)


@pytest.mark.parametrize("seconds", [-301, 301, 86_400, -86_400])
def test_older_or_newer_is_stale(seconds):
    at = NOW + timedelta(seconds=seconds)
    header, headers = stripe_header(at=at), standard_headers(at=at)

    assert code_of(verify_stripe, RAW, header, [SECRET]) == "stale_signature"
    assert code_of(verify_standard, RAW, headers, [WHSEC]) == "stale_signature"


def test_a_stale_forgery_is_told_nothing_of_time():
    header = stripe_header(secret="guess", at=NOW - timedelta(days=1))

    assert code_of(verify_stripe, RAW, header, [SECRET]) == "bad_signature"


def test_the_library_of_stripe_signs_what_passes():
    stripe = pytest.importorskip("stripe")
    text = '{"id":"evt_2","name":"Zoë"}'
    header = stripe.WebhookSignature.generate_signature_header(
        text, SECRET, int(NOW.timestamp())
    )

    verify_stripe(text.encode(), header, [SECRET], now=NOW)


def test_standard_webhooks_return_their_id():
    headers = standard_headers()

    assert verify_standard(RAW, headers, [WHSEC], now=NOW) == "msg_1"
    assert code_of(verify_standard, RAW + b" ", headers, [WHSEC]) == "bad_signature"


def test_the_library_of_standard_webhooks_signs_what_passes():
    library = pytest.importorskip("standardwebhooks")
    mark = library.Webhook(WHSEC).sign("msg_1", NOW, RAW.decode())
    headers = {**standard_headers(), "Webhook-Signature": mark}

    assert verify_standard(RAW, headers, [WHSEC], now=NOW) == "msg_1"


def test_secrets_rotate():
    headers = standard_headers()
    old = standard_headers(key=b"o" * 24)["Webhook-Signature"]
    headers["Webhook-Signature"] = f"v1a,x {old} {headers['Webhook-Signature']}"

    verify_standard(RAW, headers, ["nonsense!", "whsec_", WHSEC], now=NOW)


def test_the_same_secret_is_another_key_for_stripe():
    header = stripe_header(secret=WHSEC)
    literal = standard_headers(key=WHSEC.encode())

    verify_stripe(RAW, header, [WHSEC], now=NOW)
    assert code_of(verify_standard, RAW, literal, [WHSEC]) == "bad_signature"


@pytest.mark.parametrize(
    ("length", "is_key"), [(0, False), (23, False), (24, True), (64, True), (65, False)]
)
def test_keys_have_24_to_64_bytes(length, is_key):
    key = b"k" * length
    headers, secret = standard_headers(key=key), base64.b64encode(key).decode()

    if is_key:
        verify_standard(RAW, headers, [secret.rstrip("=")], now=NOW)
    else:
        assert code_of(verify_standard, RAW, headers, [secret]) == "bad_signature"


@pytest.mark.parametrize(
    "changes",
    [
        {"Webhook-Id": ""},
        {"Webhook-Id": "msg.1"},
        {"Webhook-Id": "m\u00fcll"},
        {"Webhook-Id": "x" * 256},
        {"Webhook-Timestamp": ""},
        {"Webhook-Timestamp": "1700000000.0"},
        {"Webhook-Timestamp": "9" * 400},
        {"Webhook-Signature": ""},
        {"Webhook-Signature": "v1"},
        {"Webhook-Signature": "v1,"},
        {"Webhook-Signature": "v1,\u00e9\u00e9\u00e9\u00e9"},
        {"Webhook-Signature": "v1,===="},
        {"Webhook-Signature": "v1a,abc"},
    ],
)
def test_a_malformed_standard_header_is_a_bad_signature(changes):
    headers = {**standard_headers(), **changes}

    assert code_of(verify_standard, RAW, headers, [WHSEC]) == "bad_signature"


@given(st.text(max_size=80), st.text(max_size=80), st.binary(max_size=20))
def test_no_header_breaks_the_check(one, two, raw):
    headers = {"webhook-id": one, "webhook-timestamp": two, "webhook-signature": one}

    assert code_of(verify_stripe, raw, f"t={one},v1={two}", [SECRET]) == "bad_signature"
    assert code_of(verify_standard, raw, headers, [WHSEC, two]) == "bad_signature"
