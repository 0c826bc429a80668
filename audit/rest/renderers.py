"""JSON answers: times in UTC with Z (RFC 3339), decimals as exact JSON numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import orjson
from django.utils.functional import Promise
from rest_framework.renderers import BaseRenderer


class ExactJSONRenderer(BaseRenderer):
    """Writes decimals digit by digit, never through a float."""

    media_type = "application/json"
    format = "json"
    charset = None
    render_style = "binary"

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        return orjson.dumps(data, default=_json_default, option=orjson.OPT_UTC_Z)


def _json_default(value: Iterable[object] | Decimal | Promise) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    if isinstance(value, Promise):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    return list(value)
