"""Decompress request bodies, within a limit."""

from __future__ import annotations

import zlib

from capture.parsing.errors import ParseError

_GZIP_MAGIC = b"\x1f\x8b"
_GZIP, _ZLIB, _RAW = 31, 15, -15
# One gzip member after the other is allowed; a body of nothing else is an attack.
_MAX_MEMBERS = 1000


def decode_body(raw: bytes, encoding: str, *, limit: int) -> bytes:
    """Return a body without its Content-Encoding, at most `limit` bytes of it.

    Inflates step by step, so that a small bomb never becomes a large body in memory.
    Gzip is recognised without a header too, as SDKs send it. Raises ParseError: 415
    for an unknown encoding, 413 over the limit, 400 when it breaks off.
    """
    encoding = encoding.strip().lower()
    if encoding in ("gzip", "x-gzip") or raw.startswith(_GZIP_MAGIC):
        return _inflate_members(raw, limit)
    if encoding in ("", "identity"):
        return raw
    if encoding == "deflate":
        return _deflate(raw, limit)
    msg = "Send the body as it is, or compressed with gzip or deflate."
    raise ParseError("unsupported_encoding", msg, status=415)


def _inflate_members(raw: bytes, limit: int) -> bytes:
    parts: list[bytes] = []
    size, rest = 0, raw
    for _ in range(_MAX_MEMBERS):
        part, rest = _inflate(rest, _GZIP, limit - size)
        parts.append(part)
        size += len(part)
        # Some writers fill the last block with zeros.
        rest = rest.lstrip(b"\0")
        if not rest:
            return b"".join(parts)
    raise _broken()


def _deflate(raw: bytes, limit: int) -> bytes:
    try:
        return _inflate(raw, _ZLIB, limit)[0]
    except ParseError as error:
        if error.status != 400:  # noqa: PLR2004 - the status itself
            raise
        # Some clients leave out the header that the name asks for.
        return _inflate(raw, _RAW, limit)[0]


def _inflate(raw: bytes, window: int, limit: int) -> tuple[bytes, bytes]:
    engine = zlib.decompressobj(window)
    try:
        data = engine.decompress(raw, limit + 1)
    except zlib.error as error:
        raise _broken() from error
    if len(data) > limit:
        msg = "The body is too large once it is unpacked. Send less at once."
        raise ParseError("too_large", msg, status=413)
    if not engine.eof:
        raise _broken()
    return data, engine.unused_data


def _broken() -> ParseError:
    return ParseError(
        "invalid_encoding", "The compressed body is broken or incomplete. Send it anew."
    )
