"""Bytes in, plain data out: limits, gzip, UTF-8, JSON, secrets. No models."""

from __future__ import annotations

from capture.parsing.body import BodyItem, Parsed, find_excess, parse_body, read_text
from capture.parsing.decoding import decode_body
from capture.parsing.errors import ParseError
from capture.parsing.items import parse_items, parse_items_or_lines, parse_lines
from capture.parsing.payload import fingerprint, payload_text, read_payload
from capture.parsing.redaction import redact, redact_text
from capture.parsing.sqlite import (
    SQLiteError,
    SQLiteFile,
    Table,
    TableRecord,
    is_blank,
    open_sqlite,
    plain_value,
    quoted,
)
