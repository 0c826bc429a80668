"""An authenticator in software: makes passkeys, signs with them, cheats if asked."""

from __future__ import annotations

import hashlib
import json
import secrets
import struct
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor

DOMAIN = "localhost"
ORIGIN = "http://localhost:8000"
_PRESENT, _VERIFIED, _SYNCABLE, _SYNCED, _ATTESTED = 1, 4, 8, 16, 64


def encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@dataclass
class Device:
    """One device with one passkey. `counter` None is one that is synced."""

    counter: int | None = 0
    domain: str = DOMAIN
    origin: str = ORIGIN
    is_verifying: bool = True
    user_handle: bytes | None = None
    id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def create(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.create`."""
        options = asked["options"]
        self.user_handle = decoded(options["user"]["id"])
        numbers = self.key.public_key().public_numbers()
        public = {
            1: 2,
            3: -7,
            -1: 1,
            -2: numbers.x.to_bytes(32, "big"),
            -3: numbers.y.to_bytes(32, "big"),
        }
        made = bytes(16) + struct.pack(">H", len(self.id)) + self.id
        data = self._data(_ATTESTED) + made + cbor.encode(public)
        attested = {"fmt": "none", "attStmt": {}, "authData": data}
        response = {
            "clientDataJSON": encoded(self._client("webauthn.create", options)),
            "attestationObject": encoded(cbor.encode(attested)),
        }
        return self._answer(asked, response)

    def get(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Answer `navigator.credentials.get`; each time the counter grows."""
        if self.counter is not None:
            self.counter += 1
        client = self._client("webauthn.get", asked["options"])
        data = self._data()
        signed = data + hashlib.sha256(client).digest()
        response = {
            "clientDataJSON": encoded(client),
            "authenticatorData": encoded(data),
            "signature": encoded(self.key.sign(signed, ec.ECDSA(hashes.SHA256()))),
        }
        if self.user_handle is not None:
            response["userHandle"] = encoded(self.user_handle)
        return self._answer(asked, response)

    def _answer(self, asked: dict[str, Any], response: Any) -> dict[str, Any]:
        name = encoded(self.id)
        return {
            "ceremony": asked["ceremony"],
            "credential": {
                "id": name,
                "rawId": name,
                "type": "public-key",
                "response": response,
                "clientExtensionResults": {},
            },
        }

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        facts = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        return json.dumps(facts).encode()

    def _data(self, more: int = 0) -> bytes:
        flags = _PRESENT | more | (_VERIFIED if self.is_verifying else 0)
        if self.counter is None:
            flags |= _SYNCABLE | _SYNCED
        digest = hashlib.sha256(self.domain.encode()).digest()
        return digest + bytes([flags]) + struct.pack(">I", self.counter or 0)
