"""Screenshots of questionnaires: out of the message, into private files by hash."""

from __future__ import annotations

import base64
import binascii
import hashlib
from uuid import UUID

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from audit.json_text import JsonObject
from capture.adapters import SCREENSHOT_KEYS, snake
from capture.envelope import Issue

MAX_BYTES = 5_000_000
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_PREFIX = "sha256:"


def store_screenshot(
    item: JsonObject, business_id: UUID | None
) -> tuple[JsonObject, Issue | None]:
    """Return the item with its screenshot replaced by hash, type and size.

    The file is written before the capture and named by its content, so that a repeat
    writes nothing. Type and size are measured, not believed. What is no picture, or
    too large, stays out and is an issue of the item.
    """
    names = [k for k in item if snake(k) in SCREENSHOT_KEYS]
    issue = None
    for name in names:
        value = item[name]
        if not isinstance(value, str) or not value or value.startswith(_PREFIX):
            continue
        mark, reason = _store(value, business_id)
        item = {**item, name: mark}
        if reason:
            issue = Issue("schema_violation", f"/{name}", reason)
    return item, issue


def read_mark(value: object) -> tuple[str, str, int] | None:
    """Return hash, type and size from the mark that replaces a screenshot."""
    if not isinstance(value, str) or not value.startswith(_PREFIX):
        return None
    parts = value.removeprefix(_PREFIX).split(";")
    if len(parts) != 3 or not parts[2].isdigit():  # noqa: PLR2004 - hash, type, size
        return None
    return parts[0], parts[1], int(parts[2])


def path_of(business_id: UUID, digest: str) -> str:
    """Return where the file of a business lies below the media folder."""
    return f"screenshots/{business_id}/{digest}"


def _store(text: str, business_id: UUID | None) -> tuple[str, str | None]:
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    # Three bytes for every four characters.
    if len(encoded) > MAX_BYTES * 4 // 3 + 4:
        return "[too large]", f"Send a screenshot of at most {MAX_BYTES} bytes."
    try:
        data = base64.b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        return "[not base64]", "Send the screenshot in base64."
    kind = _kind(data)
    if kind is None:
        return "[no picture]", "Send a screenshot that is PNG, JPEG or WebP."
    digest = hashlib.sha256(data).hexdigest()
    if business_id is not None:
        path = path_of(business_id, digest)
        if not default_storage.exists(path):
            default_storage.save(path, ContentFile(data))
    return f"{_PREFIX}{digest};{kind};{len(data)}", None


def _kind(data: bytes) -> str | None:
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((kind for magic, kind in _MAGIC if data.startswith(magic)), None)
