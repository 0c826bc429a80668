"""The exact bytes and hashes of the sealed log. Pure functions; no Django.

The formulas are a contract that outlives this code: RFC 8785 JSON, RFC 6962 leaves.
"""

from __future__ import annotations

import hashlib
import json

SALT_BYTES = 32
_COMMIT_PREFIX = b"holdfast-commit-v1\x00"
_LEAF_PREFIX = b"\x00"


def canonical_json(value: object) -> bytes:
    """Return RFC 8785 JSON of a value inside the profile.

    The profile: objects with ASCII keys, arrays, strings without NUL or lone
    surrogates, integers of at most 2**53 - 1, true, false, null. Inside it this
    plain dump is RFC 8785; the functions that build values enforce it.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def commitment(table: str, pk: str, personal: dict[str, object], salt: bytes) -> bytes:
    """Return the 32 bytes that bind a row to its personal values without showing them.

    `personal` holds the columns that are not null. Raises ValueError when the salt is
    not 32 bytes long.
    """
    if len(salt) != SALT_BYTES:
        msg = f"A salt has {SALT_BYTES} bytes, not {len(salt)}."
        raise ValueError(msg)
    body = canonical_json({"id": pk, "personal": personal, "table": table})
    return hashlib.sha256(_COMMIT_PREFIX + salt + body).digest()


def leaf_hash(
    table: str, pk: str, public: dict[str, object], committed: bytes | None
) -> bytes:
    """Return the RFC 6962 leaf hash of a row: its public columns and its commitment."""
    leaf: dict[str, object] = {"id": pk, "public": public, "table": table, "v": 1}
    if committed is not None:
        leaf["commitment"] = committed.hex()
    return hashlib.sha256(_LEAF_PREFIX + canonical_json(leaf)).digest()
