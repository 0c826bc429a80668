"""Bytes in, plain data out: limits, UTF-8, JSON, secrets. No models."""

from __future__ import annotations

from capture.parsing.body import Parsed, ParseError, parse_body
from capture.parsing.payload import fingerprint, payload_text
from capture.parsing.redaction import redact

__all__ = [
    "ParseError",
    "Parsed",
    "fingerprint",
    "parse_body",
    "payload_text",
    "redact",
]
