"""Who signed a webhook of PayPal, with certificates made for the test."""

from __future__ import annotations

import base64
import zlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID

from capture.adapters.signatures import (
    SignatureError,
    is_paypal_certificate_url,
    verify_paypal,
)

NOW = datetime(2026, 11, 21, 10, 0, tzinfo=UTC)
RAW = '{"id":"WH-1","summary":"Zahlung über 5 €"}'.encode()
WEBHOOK = "8PT597110X687430LKGECATA"
SUBJECT = "messageverificationcerts.paypal.com"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def certificate(key=KEY, subject=SUBJECT, begins=-1, ends=365, other=None):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW + timedelta(days=begins))
        .not_valid_after(NOW + timedelta(days=ends))
    )
    if other is not None:
        names = x509.SubjectAlternativeName([x509.DNSName(other)])
        builder = builder.add_extension(names, critical=False)
    made = builder.sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM)


PEM = certificate()


def headers(raw=RAW, at=NOW, webhook=WEBHOOK, sent_at=None, **changes):
    sent_at = sent_at or at.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"id-1|{sent_at}|{webhook}|{zlib.crc32(raw)}"
    mark = KEY.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
    return {
        "Paypal-Transmission-Id": "id-1",
        "Paypal-Transmission-Time": sent_at,
        "Paypal-Transmission-Sig": base64.b64encode(mark).decode(),
        "Paypal-Auth-Algo": "SHA256withRSA",
        "Paypal-Cert-Url": "https://api.paypal.com/v1/notifications/certs/CERT-1",
    } | {f"Paypal-{key.replace('_', '-')}": value for key, value in changes.items()}


def code_of(raw=RAW, given=None, webhook=WEBHOOK, pem=PEM):
    given = headers() if given is None else given
    with pytest.raises(SignatureError) as caught:
        verify_paypal(raw, given, webhook, pem, now=NOW)
    return caught.value.code


def test_what_paypal_signed_passes():
    verify_paypal(RAW, headers(), WEBHOOK, PEM, now=NOW)
    upper = {name.upper(): value for name, value in headers().items()}
    verify_paypal(RAW, upper, WEBHOOK, PEM, now=NOW)


def test_another_body_or_webhook_does_not():
    assert code_of(raw=RAW + b" ") == "bad_signature"
    assert code_of(webhook="other") == "bad_signature"
    assert code_of(webhook="") == "bad_signature"
    assert code_of(given={}) == "bad_signature"


@pytest.mark.parametrize(
    "changes",
    [
        {"Transmission_Id": ""},
        {"Transmission_Id": "id-2"},
        {"Transmission_Time": ""},
        {"Transmission_Time": "yesterday"},
        {"Transmission_Time": "2026-11-21T10:00:00"},
        {"Transmission_Sig": ""},
        {"Transmission_Sig": "ä"},
        {"Transmission_Sig": "AAAA"},
        {"Auth_Algo": "SHA1withRSA"},
        {"Auth_Algo": ""},
    ],
)
def test_a_malformed_header_is_a_bad_signature(changes):
    assert code_of(given=headers(**changes)) == "bad_signature"


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_older_or_newer_is_stale(seconds):
    given = headers(at=NOW + timedelta(seconds=seconds))

    assert code_of(given=given) == "stale_signature"


@pytest.mark.parametrize("sent_at", ["yesterday", "2026-11-21T10:00:00", "1700000000"])
def test_a_signed_time_needs_a_zone(sent_at):
    assert code_of(given=headers(sent_at=sent_at)) == "bad_signature"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_are_fine(seconds):
    given = headers(at=NOW + timedelta(seconds=seconds))

    verify_paypal(RAW, given, WEBHOOK, PEM, now=NOW)


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "evil.example"},
        {"subject": "notpaypal.com"},
        {"subject": "paypal.com.evil.example"},
        {"ends": -0.5},
        {"begins": 1},
    ],
)
def test_only_a_valid_certificate_of_paypal_counts(changes):
    assert code_of(pem=certificate(**changes)) == "bad_signature"


def test_a_certificate_may_name_paypal_beside_its_subject():
    pem = certificate(subject="PayPal, Inc.", other="api.sandbox.paypal.com")

    verify_paypal(RAW, headers(), WEBHOOK, pem, now=NOW)


def test_other_keys_do_not_count():
    weak = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    curve = ec.generate_private_key(ec.SECP256R1())
    foreign = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    for key in (weak, curve, foreign):
        assert code_of(pem=certificate(key=key)) == "bad_signature"


@pytest.mark.parametrize("pem", [b"", b"nonsense", PEM[:200], PEM[100:]])
def test_a_broken_certificate_is_a_bad_signature(pem):
    assert code_of(pem=pem) == "bad_signature"


@pytest.mark.parametrize(
    "url",
    [
        "https://api.paypal.com/v1/notifications/certs/CERT-360caa42-fca2a594-a5cafa77",
        "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-1",
        "https://API.PAYPAL.COM:443/cert",
    ],
)
def test_addresses_of_certificates(url):
    assert is_paypal_certificate_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        None,
        "http://api.paypal.com/cert",
        "https://paypal.com.evil.example/cert",
        "https://evilpaypal.com/cert",
        "https://evil.example/api.paypal.com/cert",
        "https://evil.example#.paypal.com/cert",
        "https://evil.example\\.paypal.com/cert",
        "https://user@api.paypal.com/cert",
        "https://evil.example@api.paypal.com/cert",
        "https://api.paypal.com@evil.example/cert",
        "https://api.paypal.com:8443/cert",
        "https://api.paypal.com",
        "https://api.paypal.com/cert\n",
        " https://api.paypal.com/cert",
        "https://api.paypal.com/cert#x",
        "https://\u0430pi.paypal.com/cert",
        "https://api.paypal.com/" + "x" * 600,
        "file:///etc/passwd",
    ],
)
def test_addresses_that_are_never_fetched(url):
    assert not is_paypal_certificate_url(url)
