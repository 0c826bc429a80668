"""From a parsed body to envelopes: every door that takes one message uses this."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from typing import Any

from django.utils import timezone

from capture.adapters import read, snake
from capture.choices import CaptureType
from capture.envelope import Envelope
from capture.services.projecting import TYPED
from capture.services.validation import find_problem

ADAPTER = "requirement"


def build_envelopes(kind: str, body: dict[str, Any], **facts: Any) -> list[Envelope]:
    """Return the envelopes of one message; the first has a `problem` if it is wrong.

    `facts` are columns of `Envelope` that the door knows: trust, key, address. A
    profile that tells of a login becomes two messages.
    """
    item = read(kind, body)
    body = _without_address(kind, body, item.fields)
    envelope = Envelope(
        adapter=ADAPTER,
        type=kind,
        identity=item.identity,
        fields=item.fields,
        body=body,
        sent_as=item.sent_as,
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


def _without_address(
    kind: str, body: dict[str, Any], fields: dict[str, Any]
) -> dict[str, Any]:
    """Return the body without the person's network address where a typed row keeps it.

    A capture is for ever; the row is where an address can be cleared after its time.
    """
    if kind not in TYPED:
        return body
    try:
        fields["ip_address"] = str(ip_address(fields["ip_address"]))
    except (KeyError, ValueError):
        fields.pop("ip_address", None)
        return body
    return {key: value for key, value in body.items() if snake(key) != "ip_address"}
