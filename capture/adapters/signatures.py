"""Who sent a webhook? Each provider signs the raw bytes in a way of its own."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtensionOID, NameOID

TOLERANCE = timedelta(seconds=300)

_SECONDS = re.compile(r"[0-9]{1,11}")
# The signed parts are joined by dots, so an id must not contain one.
_ID = re.compile(r"[!-\-/-~]{1,255}")
_PREFIX = "whsec_"
_KEY_LENGTHS = range(24, 65)
# Everything that URL parsers quarrel about (user names, backslashes, blanks) is out.
_CERTIFICATE_URL = re.compile(
    r"https://(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+paypal\.com(?::443)?/[\w./~%=&?+-]*",
    re.ASCII | re.IGNORECASE,
)
_LONGEST_URL = 500
_SHORTEST_RSA = 2048


class SignatureError(Exception):
    """A webhook without a valid signature: `bad_signature` or `stale_signature`."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def verify_stripe(
    raw: bytes, header: str, secrets: list[str], *, now: datetime
) -> None:
    """Raise SignatureError unless a secret signed these bytes just now.

    Stripe uses the secret as it is written, `whsec_` included.
    """
    parts = [part.strip().partition("=") for part in str(header).split(",")]
    times = [value for name, _, value in parts if name == "t"]
    given = [_bytes(value) for name, _, value in parts if name == "v1"]
    if len(times) != 1 or not _SECONDS.fullmatch(times[0]):
        raise _bad("The header Stripe-Signature holds no time.")
    signed = _bytes(times[0]) + b"." + raw
    keys = [_bytes(secret) for secret in secrets if secret]
    _compare([_hmac(key, signed).hex().encode() for key in keys], given)
    _check_age(int(times[0]), now)


def verify_standard(
    raw: bytes, headers: Mapping[str, str], secrets: list[str], *, now: datetime
) -> str:
    """Return the webhook-id; raise SignatureError unless a secret signed all of it.

    The secret is base64 behind its `whsec_`; the bytes in it are the key.
    """
    lowered = _lowered(headers)
    message_id = lowered.get("webhook-id", "")
    seconds = lowered.get("webhook-timestamp", "")
    if not _ID.fullmatch(message_id) or not _SECONDS.fullmatch(seconds):
        raise _bad("Send the headers webhook-id and webhook-timestamp.")
    marks = [
        mark.partition(",") for mark in lowered.get("webhook-signature", "").split()
    ]
    given = [_decoded(text) for version, _, text in marks if version == "v1"]
    signed = _bytes(f"{message_id}.{seconds}.") + raw
    keys = [key for key in map(_standard_key, secrets) if key]
    _compare([_hmac(key, signed) for key in keys], given)
    _check_age(int(seconds), now)
    return message_id


def verify_paypal(
    raw: bytes,
    headers: Mapping[str, str],
    webhook_id: str,
    certificate_pem: bytes,
    *,
    now: datetime,
) -> None:
    """Raise SignatureError unless PayPal's certificate signed these bytes just now.

    The certificate is believed for its place: fetched from an address that
    `is_paypal_certificate_url` allows, or pinned by staff.
    """
    lowered = _lowered(headers)
    message_id = lowered.get("paypal-transmission-id", "")
    sent_at = lowered.get("paypal-transmission-time", "")
    algorithm = lowered.get("paypal-auth-algo", "")
    if not (message_id and sent_at and webhook_id):
        raise _bad("Send the headers PAYPAL-TRANSMISSION-ID and -TIME.")
    if algorithm.casefold() != "sha256withrsa":
        raise _bad("The header PAYPAL-AUTH-ALGO names another algorithm.")
    text = f"{message_id}|{sent_at}|{webhook_id}|{zlib.crc32(raw)}"
    signature = _decoded(lowered.get("paypal-transmission-sig", ""))
    try:
        key = _paypal_key(certificate_pem, now)
        key.verify(signature, _bytes(text), PKCS1v15(), SHA256())
    except InvalidSignature as error:
        raise _bad("The signature does not fit the body.") from error
    _check_age(_epoch(sent_at), now)


def is_paypal_certificate_url(url: str) -> bool:
    """Tell whether a certificate may be fetched from here: https, below paypal.com."""
    return (
        isinstance(url, str)
        and len(url) <= _LONGEST_URL
        and _CERTIFICATE_URL.fullmatch(url) is not None
    )


def _compare(expected: list[bytes], given: list[bytes]) -> None:
    # Every pair is compared, so that timing does not reveal which one fits.
    fits = [hmac.compare_digest(mine, yours) for mine in expected for yours in given]
    if not any(fits):
        raise _bad("The signature does not fit the body and any known secret.")


def _check_age(seconds: float, now: datetime) -> None:
    """Refuse old messages, which may be replays, and those from the future alike."""
    if abs(now.timestamp() - seconds) > TOLERANCE.total_seconds():
        msg = "The signature is older or newer than five minutes. Check both clocks."
        raise SignatureError("stale_signature", msg)


def _hmac(key: bytes, signed: bytes) -> bytes:
    return hmac.new(key, signed, hashlib.sha256).digest()


def _standard_key(secret: str) -> bytes | None:
    key = _decoded(secret.strip().removeprefix(_PREFIX))
    return key if len(key) in _KEY_LENGTHS else None


def _decoded(text: str) -> bytes:
    """Return the bytes of base64, with or without its padding; none if it is not."""
    bare = text.strip().rstrip("=")
    try:
        return base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {str(name).lower(): str(value) for name, value in headers.items()}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="surrogatepass")


def _epoch(text: str) -> float:
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.timestamp()
    except (ValueError, OverflowError):
        pass
    raise _bad("The header PAYPAL-TRANSMISSION-TIME holds no time with a zone.")


def _paypal_key(pem: bytes, now: datetime) -> RSAPublicKey:
    """Return the key of a certificate that is PayPal's and valid now."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        names = _names(certificate)
    except Exception as error:
        # The library has no common error for the many ways to be malformed.
        raise _bad("The certificate cannot be read.") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < _SHORTEST_RSA:
        raise _bad("The certificate holds no RSA key of 2048 bits or more.")
    if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
        raise _bad("The certificate is not valid at this time.")
    if not any(f".{name}".casefold().endswith(".paypal.com") for name in names):
        raise _bad("The certificate is not one of paypal.com.")
    return key


def _names(certificate: x509.Certificate) -> list[str]:
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    common_names = [str(name.value) for name in names]
    try:
        more = certificate.extensions.get_extension_for_oid(
            ExtensionOID.SUBJECT_ALTERNATIVE_NAME
        ).value
    except x509.ExtensionNotFound:
        return common_names
    assert isinstance(more, x509.SubjectAlternativeName)  # noqa: S101 - for the types
    return common_names + more.get_values_for_type(x509.DNSName)


def _bad(message: str) -> SignatureError:
    return SignatureError("bad_signature", message)
