"""Bytes in, plain data out: limits, gzip, UTF-8, JSON, secrets. No models."""

from __future__ import annotations

from capture.parsing.body import (
    Parsed,
    Unreadable,
    find_excess,
    parse_body,
    parse_lines,
    read_text,
)
from capture.parsing.decoding import decode_body
from capture.parsing.errors import ParseError
from capture.parsing.payload import fingerprint, payload_text, read_payload
from capture.parsing.redaction import redact, redact_text

__all__ = [
    "ParseError",
    "Parsed",
    "Unreadable",
    "decode_body",
    "find_excess",
    "fingerprint",
    "parse_body",
    "parse_lines",
    "payload_text",
    "read_payload",
    "read_text",
    "redact",
    "redact_text",
]
