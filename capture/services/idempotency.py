"""The `Idempotency-Key` of the native routes: whose it is, and of which address."""

from __future__ import annotations

from uuid import UUID

from audit.crypto import hmac_hex
from audit.rest.idempotency import Lease, claim_lease


def claim_key(key_id: UUID, path: str, text: str, fingerprint: str) -> Lease:
    """Claim the `Idempotency-Key` that a capture key has sent to an address."""
    name = hmac_hex("idempotency", str(key_id), path, text)
    return claim_lease(name, fingerprint)
