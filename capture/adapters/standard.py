"""Standard Webhooks: `{"type", "timestamp", "data"}`; also our own outgoing format."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from audit.json_text import JsonObject
from capture.adapters.item import Item
from capture.adapters.requirement import CONSENT, NAMES, read_requirement
from capture.adapters.values import as_object, first, is_unsaid, misfit, moment, text
from capture.choices import CaptureType
from capture.envelope import Issue

_FAILED = ("failed", "failure", "denied")
# One that says who is gone is an event: it makes nobody.
_DELETED = ("deleted", "removed", "erased", "anonymized", "anonymised")
_NAMING = (CaptureType.SIGNUP, CaptureType.PROFILE)


def read_standard(event: JsonObject, webhook_id: str | None) -> Item:
    """Return an event in our words. Never raises for what it holds.

    The first part of the type chooses ours: `payment.succeeded` is a payment.
    """
    fields = as_object(event)
    name = text(fields.get("type"))
    family, _, verb = (name or "").partition(".")
    item = read_data(family, verb, name, fields.get("data"), "data")
    issue, stamp = item.issue, fields.get("timestamp")
    if name is None:
        issue = Issue("schema_violation", "/type", "An event has a type.")
    return replace(
        item,
        message_id=webhook_id,
        timestamp=first(moment(stamp), item.timestamp),
        sent_at=None,
        clock_trusted=True,
        issue=issue,
        warnings=(
            *item.warnings,
            *misfit("timestamp", stamp, moment(stamp)),
        ),
    )


def read_data(
    family: str, verb: str, name: str | None, data: object, path: str
) -> Item:
    """Return what the data of an event says; of an unknown family, as an event.

    `path` is the key of the data in the message, empty if it is the message.
    """
    under = f"{path}/" if path else ""
    is_deletion = family in _NAMING and verb in _DELETED
    if family not in NAMES or is_deletion:
        # Of an event of unknown type only who it is about, and a no, is read.
        person = read_requirement(CaptureType.LOGIN, as_object(data))
        is_object = isinstance(data, dict)
        consents = {k: v for k, v in person.fields.items() if k == CONSENT}
        return Item(
            identity=replace(person.identity, phone=None),
            fields={"properties": data, **consents} if is_object else {},
            sent_as={
                k: f"{under}{v}" for k, v in person.sent_as.items() if k == CONSENT
            },
            type=CaptureType.EVENT,
            name=name,
            warnings=(
                *misfit(path, data, is_object or None),
                *_further_down(under, person.warnings),
            ),
        )
    item = read_requirement(family, as_object(data))
    issue = item.issue
    if not isinstance(data, dict):
        pointer = f"/{path}" if path else ""
        issue = Issue("schema_violation", pointer, "The data must be an object.")
    elif issue is not None and path:
        issue = replace(issue, pointer=f"/{path}{issue.pointer}")
    return replace(
        item,
        type=family,
        name=name,
        fields=_with_outcome(family, verb, item.fields),
        sent_as={key: f"{under}{value}" for key, value in item.sent_as.items()},
        issue=issue,
        warnings=_further_down(under, item.warnings),
    )


def _further_down(
    under: str, warnings: Iterable[tuple[str, str]]
) -> tuple[tuple[str, str], ...]:
    """Return warnings with their pointers as they are in the whole message."""
    return tuple((code, f"/{under}{pointer[1:]}") for code, pointer in warnings)


def _with_outcome(family: str, verb: str, fields: dict[str, object]) -> JsonObject:
    """Let the type say how it went where the data does not."""
    if family == CaptureType.PAYMENT and verb:
        return {"payment_status": verb, **fields}
    is_silent = is_unsaid(fields.get("success"))
    if family == CaptureType.LOGIN and verb in _FAILED:
        return {**fields, "success": False} if is_silent else fields
    return fields
