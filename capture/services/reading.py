"""From a parsed body to envelopes: every door that takes one message uses this."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.utils import timezone

from capture.adapters import read
from capture.choices import CaptureType
from capture.envelope import Envelope
from capture.services.validation import find_problem

ADAPTER = "requirement"


def build_envelopes(kind: str, body: dict[str, Any], **facts: Any) -> list[Envelope]:
    """Return the envelopes of one message; the first has a `problem` if it is wrong.

    `facts` are columns of `Envelope` that the door knows: trust, key, address. A
    profile that tells of a login becomes two messages.
    """
    item = read(kind, body)
    envelope = Envelope(
        adapter=ADAPTER,
        type=kind,
        identity=item.identity,
        fields=item.fields,
        body=body,
        message_id=item.message_id,
        timestamp=item.timestamp,
        sent_at=item.sent_at,
        problem=item.problem,
        **{"received_at": timezone.now(), **facts},
    )
    envelope = replace(envelope, problem=find_problem(envelope))
    seen = item.fields.get("last_login_at")
    if kind != CaptureType.PROFILE or seen is None:
        return [envelope]
    login = replace(
        envelope,
        index=1,
        type=CaptureType.LOGIN,
        fields={"success": True},
        body={"email": item.identity.email, "success": True, "login_time": seen},
        message_id=f"{item.message_id}:login" if item.message_id else None,
        timestamp=seen,
        problem=None,
    )
    return [envelope, login]
