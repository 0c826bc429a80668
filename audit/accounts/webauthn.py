"""Passkeys (WebAuthn) as browsers send them; the one place that knows the library.

Pure: which challenge is the right one, and whose a key is, the services say.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from fido2 import cbor
from fido2.cose import CoseKey
from fido2.server import Fido2Server
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationConveyancePreference,
    AttestedCredentialData,
    AuthenticationResponse,
    PublicKeyCredentialDescriptor,
    PublicKeyCredentialParameters,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialType,
    PublicKeyCredentialUserEntity,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from audit.json_text import JsonObject

RP_NAME = "Holdfast"
# Ed25519, ECDSA with P-256, RSA: every authenticator has one of these.
_ALGORITHMS = (-8, -7, -257)
# The most that the standard allows.
_LONGEST_ID = 1023
_PUBLIC_KEY = PublicKeyCredentialType.PUBLIC_KEY
_VERIFIED = UserVerificationRequirement.REQUIRED


class NotProven(Exception):  # noqa: N818 - an answer, not a fault
    """What came is no passkey's right answer to this challenge, whatever it is."""


@dataclass(frozen=True)
class NewKey:
    """What is kept of a passkey that was just made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    is_backed_up: bool


@dataclass(frozen=True)
class AssertionState:
    """What an answer was signed with: the counter after it, and whether it is synced.

    A synced passkey has no counter, and always says 0.
    """

    sign_count: int
    is_backed_up: bool


def creation_options(
    challenge: bytes, *, user_id: bytes, name: str, exclude: Iterable[bytes]
) -> JsonObject:
    """Return what a browser needs to make a passkey, ready for JSON.

    `user_id` is kept by the authenticator and given back at each sign-in; `known` are
    the keys of the user, of which an authenticator makes no second one.
    """
    user = PublicKeyCredentialUserEntity(id=user_id, name=name, display_name=name)
    options, _ = _server().register_begin(
        user,
        _descriptors(exclude),
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=_VERIFIED,
        challenge=challenge,
    )
    return dict(options.public_key)


def request_options(challenge: bytes, *, allowed: Iterable[bytes]) -> JsonObject:
    """Return what a browser needs to ask for a passkey; without `allowed`, for any."""
    options, _ = _server().authenticate_begin(
        _descriptors(allowed) or None, user_verification=_VERIFIED, challenge=challenge
    )
    return dict(options.public_key)


def check_new_key(answer: Mapping[str, object], challenge: bytes) -> NewKey:
    """Return the passkey that was made for this challenge. Raises NotProven."""
    try:
        data = _server().register_complete(_state(challenge), answer)
        made = data.credential_data
        assert made is not None  # noqa: S101 - the library has looked
        public_key = cbor.encode(dict(made.public_key))
        is_supported = made.public_key[3] in _ALGORITHMS
    except Exception as error:  # Bytes of a stranger, in a library's parser.
        raise NotProven from error
    if not is_supported or not 0 < len(made.credential_id) <= _LONGEST_ID:
        raise NotProven
    return NewKey(made.credential_id, public_key, data.counter, data.is_backed_up())


def read_answer(answer: Mapping[str, object]) -> tuple[bytes, bytes | None]:
    """Return of which key and which user an answer says it is. Raises NotProven."""
    try:
        read = AuthenticationResponse.from_dict(answer)
        return read.raw_id, read.response.user_handle
    except Exception as error:  # As above.
        raise NotProven from error


def check_answer(
    answer: Mapping[str, object],
    challenge: bytes,
    *,
    credential_id: bytes,
    public_key: bytes,
) -> AssertionState:
    """Return what this key has signed for this challenge, its user verified.

    Raises NotProven.
    """
    try:
        stored: Any = cbor.decode(public_key)
        key = CoseKey.parse(stored)
        credential = AttestedCredentialData.create(Aaguid.NONE, credential_id, key)
        _server().authenticate_complete(_state(challenge), [credential], answer)
        data = AuthenticationResponse.from_dict(answer).response.authenticator_data
    except Exception as error:  # As above.
        raise NotProven from error
    return AssertionState(data.counter, data.is_backed_up())


def _server() -> Fido2Server:
    rp = PublicKeyCredentialRpEntity(id=settings.PASSKEY_DOMAIN, name=RP_NAME)
    server = Fido2Server(
        rp,
        attestation=AttestationConveyancePreference.NONE,
        # As a whole: neither another port nor a name below ours will do.
        verify_origin=lambda origin: origin in settings.PASSKEY_ORIGINS,
    )
    server.allowed_algorithms = [
        PublicKeyCredentialParameters(type=_PUBLIC_KEY, alg=alg) for alg in _ALGORITHMS
    ]
    return server


def _state(challenge: bytes) -> dict[str, object]:
    # As the library would have kept it, had it made the challenge.
    return {"challenge": websafe_encode(challenge), "user_verification": _VERIFIED}


def _descriptors(ids: Iterable[bytes]) -> list[PublicKeyCredentialDescriptor]:
    return [PublicKeyCredentialDescriptor(type=_PUBLIC_KEY, id=each) for each in ids]
