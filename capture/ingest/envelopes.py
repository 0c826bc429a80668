"""From a parsed body to envelopes: measured, redacted, read, and checked.

Every endpoint uses this with the reader of its wire format.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from ipaddress import ip_address
from typing import Any

from django.utils import timezone

from audit.json_text import JsonObject, JsonValue
from audit.privacy.invisible import bare, without_unseen
from capture.adapters import (
    EVENT_TYPES,
    Item,
    is_cloudevent,
    read_cloudevent,
    read_paypal,
    read_requirement,
    read_segment,
    read_standard,
    read_stripe,
    snake,
    whole_cloudevent,
    with_decoded_data,
)
from capture.adapters.values import misfit, text
from capture.choices import CaptureType, Provider, Trust
from capture.envelope import Envelope, Identity, Issue
from capture.ingest.fitting import find_misfits
from capture.ingest.screenshots import store_screenshot
from capture.ingest.validation import find_issue
from capture.models import Source
from capture.parsing import (
    BodyItem,
    find_excess,
    payload_text,
    redact,
    redact_text,
)

REQUIREMENT, NATIVE, SEGMENT, CLOUDEVENTS = (
    "requirement",
    "native",
    "segment",
    "cloudevents",
)
Reader = Callable[[JsonObject], Item]
# Of `Envelope`, by name, as far as an entrance knows them; and `business_id`.
Fields = dict[str, Any]

_LARGE_ITEM = 32_768
_LONGEST_AGENT = 1000
_NOT_AN_OBJECT = Issue("item_not_object", "", "Send one JSON object for each item.")
_NO_ITEM = Item(Identity())


def build_envelopes(
    kind: str, body: object, **envelope_fields: object
) -> list[Envelope]:
    """Return the envelopes of one message of a requirement route.

    `envelope_fields` are those of `Envelope` that the endpoint knows: trust, key,
    address. An envelope with an `issue` goes to quarantine. A profile with a login time
    becomes two.
    """
    envelope_fields = {"adapter": REQUIREMENT, **envelope_fields}
    return with_login(
        build_envelope(
            body, lambda item: read_requirement(kind, item), kind, envelope_fields
        )
    )


def build_native(item: object, **envelope_fields: object) -> list[Envelope]:
    """Return the envelopes of one native item, or of one CloudEvent.

    The item is a value, or a `BodyItem` of a body.
    """
    value = item.value if isinstance(item, BodyItem) else item
    if isinstance(value, dict) and is_cloudevent(None, value):
        envelope_fields = {**envelope_fields, "adapter": CLOUDEVENTS}
        reader: Reader = partial(read_cloudevent, None)
        decoded = _with_decoded_data(item)
        return with_login(build_envelope(decoded, reader, None, envelope_fields))
    kind = value.get("type") if isinstance(value, dict) else None
    is_type = isinstance(kind, str) and kind in CaptureType.values
    envelope_fields = {"adapter": NATIVE, **envelope_fields}
    native_type = str(kind) if is_type else CaptureType.EVENT.value
    return with_login(
        build_envelope(
            item,
            lambda body: _read_native(native_type, body),
            native_type,
            envelope_fields,
        )
    )


def build_segment(
    item: object, kind: str | None, names: Mapping[str, str], **envelope_fields: object
) -> list[Envelope]:
    """Return the envelope of one Segment or RudderStack message."""
    envelope_fields = {"adapter": SEGMENT, **envelope_fields}
    return [
        build_envelope(
            item, lambda body: read_segment(body, kind, names), None, envelope_fields
        )
    ]


def build_cloudevent(
    headers: Mapping[str, str], item: object, **envelope_fields: object
) -> list[Envelope]:
    """Return the envelope of one CloudEvent with its attributes in headers."""
    envelope_fields = {"adapter": CLOUDEVENTS, **envelope_fields}
    envelope = build_envelope(
        _with_decoded_data(item),
        lambda body: read_cloudevent(headers, body),
        None,
        envelope_fields,
    )
    if envelope.issue is not None and envelope.body is not None:
        # In quarantine it keeps its attributes, which a replay needs.
        envelope = replace(envelope, body=whole_cloudevent(headers, envelope.body))
    return [envelope]


def _with_decoded_data(item: object) -> BodyItem:
    """Return a CloudEvent whose data is no base64 any more; written anew if it was."""
    body_item = item if isinstance(item, BodyItem) else BodyItem(None, item)
    if not isinstance(body_item.value, dict):
        return body_item
    value = with_decoded_data(body_item.value)
    is_same = value is body_item.value
    return body_item if is_same else replace(body_item, text=None, value=value)


def build_webhook(
    provider: str,
    event: object,
    *,
    webhook_id: str | None = None,
    **envelope_fields: object,
) -> list[Envelope]:
    """Return the envelope of one event of a provider; `raw` has its exact bytes."""
    readers: dict[str, Reader] = {
        Provider.STRIPE: read_stripe,
        Provider.PAYPAL: read_paypal,
        Provider.STANDARD: lambda body: read_standard(body, webhook_id or ""),
    }
    envelope_fields = {"adapter": provider, **envelope_fields}
    return [build_envelope(event, readers[provider], None, envelope_fields)]


def build_again(
    adapter: str,
    kind: str,
    item: object,
    source: Source,
    *,
    webhook_id: str | None = None,
    **envelope_fields: object,
) -> list[Envelope]:
    """Return the envelopes of a quarantined item, read by its adapter again."""
    envelope_fields = {
        "adapter": adapter,
        "business_id": source.business_id,
        **envelope_fields,
    }
    if adapter in Provider.values:
        return build_webhook(adapter, item, webhook_id=webhook_id, **envelope_fields)
    if adapter == SEGMENT:
        return build_segment(item, None, event_names(source), **envelope_fields)
    if adapter in (NATIVE, CLOUDEVENTS):
        return build_native(item, **envelope_fields)
    return build_envelopes(kind, item, **envelope_fields)


def event_names(source: Source) -> dict[str, str]:
    """Return the capture type of each track event name of a source."""
    custom = {str(k).casefold(): str(v) for k, v in (source.event_types or {}).items()}
    return {**EVENT_TYPES, **custom}


def build_unreadable(text: str, issue: Issue, **envelope_fields: Any) -> Envelope:
    """Return the envelope of what has no value: it goes to quarantine as text."""
    envelope_fields.pop("business_id", None)
    return Envelope(
        type=envelope_fields.pop("type", None) or CaptureType.EVENT,
        identity=Identity(),
        fields={},
        body=None,
        text=redact_text(text),
        issue=issue,
        **{"received_at": timezone.now(), "adapter": NATIVE, **envelope_fields},
    )


def build_envelope(
    item: object, reader: Reader, kind: str | None, envelope_fields: Fields
) -> Envelope:
    """Return the envelope of one item. Never raises for what an item holds.

    An item without a value, or too large to be read, is stored as text.
    """
    body_item = item if isinstance(item, BodyItem) else BodyItem(None, item)
    envelope_fields = {
        **envelope_fields,
        "warnings": (*envelope_fields.get("warnings", ()), *body_item.warnings),
    }
    if body_item.error is not None:
        unread = Issue(body_item.error.code, "", body_item.error.message)
        return build_unreadable(
            body_item.text or "", unread, **{"type": kind, **envelope_fields}
        )
    item = body_item.value
    wrong: Issue | None = None
    if isinstance(item, dict) and item:
        item, wrong = store_screenshot(item, envelope_fields.get("business_id"))
    else:
        wrong = _NOT_AN_OBJECT
    excess, size = find_excess(item)
    if excess is not None:
        # Its own text; what a picture was taken out of is written anew.
        is_whole = body_item.text is not None and item is body_item.value
        text = body_item.text if is_whole else payload_text(item)
        too_much = Issue(excess[0], "", excess[1])
        envelope_fields = {
            "type": kind,
            "message_id": _given_id(item),
            **envelope_fields,
        }
        return build_unreadable(text or "", too_much, **envelope_fields)
    body, warnings = redact(item)
    message = reader(body) if isinstance(body, dict) else _NO_ITEM
    if size > _LARGE_ITEM:
        warnings.append(("large_item", ""))
    issue = message.issue or wrong
    return _checked(
        message, body, envelope_fields, kind=kind, warnings=warnings, issue=issue
    )


def _given_id(item: object) -> str | None:
    """Return the message id of an item that is not read further."""
    fields = item if isinstance(item, dict) else {}
    given = fields.get("message_id") or fields.get("messageId")
    return given if isinstance(given, str) else None


def _checked(
    message: Item,
    body: JsonValue,
    envelope_fields: Fields,
    *,
    kind: str | None,
    warnings: list[tuple[str, str]],
    issue: Issue | None,
) -> Envelope:
    envelope_fields = {k: v for k, v in envelope_fields.items() if k != "business_id"}
    kind = message.type or kind or CaptureType.EVENT
    sent_ip = message.ip or message.fields.get("ip_address")
    body, ip = _without_address(body, message)
    sent_agent = message.fields.pop("user_agent", None)
    agent = text(sent_agent)
    # A page is the person's own: nothing overrules where its request came from.
    is_page = envelope_fields.get("trust") == Trust.BROWSER
    if is_page or (agent and len(agent) > _LONGEST_AGENT):
        agent = None
    ip = None if is_page else ip
    warnings += [
        *message.warnings,
        *misfit(message.sent_as.get("ip_address", "ip"), sent_ip, ip),
        *misfit(message.sent_as.get("user_agent", "user_agent"), sent_agent, agent),
    ]
    overrides = {
        "ip": ip,
        "user_agent": agent or (None if is_page else message.user_agent),
        "attempt": message.attempt,
        "gpc": message.gpc,
        "sent_at": message.sent_at,
        "name": message.name,
    }
    merged: Fields = {
        "received_at": timezone.now(),
        **envelope_fields,
        **{name: value for name, value in overrides.items() if value is not None},
    }
    merged["warnings"] = (*envelope_fields.get("warnings", ()), *warnings)
    envelope = Envelope(
        type=kind,
        identity=_bare(message.identity),
        fields=message.fields,
        body=body,
        sent_as=message.sent_as,
        message_id=message.message_id,
        timestamp=message.timestamp,
        clock_trusted=message.clock_trusted,
        issue=issue,
        **merged,
    )
    noted = dict.fromkeys((*envelope.warnings, *find_misfits(envelope)))
    return replace(envelope, warnings=tuple(noted), issue=find_issue(envelope))


def _bare(who: Identity) -> Identity:
    """Return an identity without the invisible characters that copying leaves.

    A phone number identifies nobody, so only what is visible of it is needed.
    """
    return replace(
        who,
        email=bare(who.email or "") or None,
        user_id=bare(who.user_id or "") or None,
        previous_id=bare(who.previous_id or "") or None,
        phone=without_unseen(who.phone or "") or None,
    )


def with_login(envelope: Envelope) -> list[Envelope]:
    """Return the envelope, and a login for a profile with a login time."""
    seen = envelope.fields.get("last_login_at")
    if envelope.type != CaptureType.PROFILE or seen is None or envelope.issue:
        return [envelope]
    given = envelope.message_id
    email = envelope.identity.email
    login = replace(
        envelope,
        type=CaptureType.LOGIN,
        fields={"success": True},
        body={"email": email, "success": True, "login_time": seen},
        message_id=f"{given}:login" if given else None,
        timestamp=seen,
        issue=None,
    )
    return [envelope, login]


def _read_native(kind: str, body: dict[str, object]) -> Item:
    item = read_requirement(kind, body)
    if body.get("type") in CaptureType.values:
        return item
    # An unknown type is an event of that name; without any there is nothing to take.
    name = body.get("type") or item.name
    if not isinstance(name, str):
        issue = Issue("unknown_shape", "/type", "Name the type of the capture.")
        return replace(item, issue=item.issue or issue)
    return replace(item, name=name)


def _without_address(body: object, message: Item) -> tuple[JsonValue, str | None]:
    """Return the body without the person's network address, and that address.

    A capture is never changed; from typed rows an address can be removed later.
    """
    given = message.ip or message.fields.get("ip_address")
    try:
        address = str(ip_address(str(given))) if given else None
    except ValueError:
        address = None
    message.fields.pop("ip_address", None)
    if address is None or not isinstance(body, dict):
        return body, address
    cleaned = {key: value for key, value in body.items() if snake(key) != "ip_address"}
    context = cleaned.get("context")
    if isinstance(context, dict) and "ip" in context:
        cleaned["context"] = {k: v for k, v in context.items() if k != "ip"}
    return cleaned, address
