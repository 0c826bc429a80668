"""Messages of Segment's and RudderStack's clients: identify, track, page and so on."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from audit.json_text import JsonObject
from capture.adapters.item import Item
from capture.adapters.requirement import CONSENT, NAMES, read_requirement, snake
from capture.adapters.segment_payments import read_order
from capture.adapters.values import (
    answer,
    as_object,
    first,
    is_unsaid,
    misfit,
    moment,
    text,
    without_none,
)
from capture.choices import CaptureType
from capture.envelope import Identity, Issue

# Names of track events, case-folded, and what they are; staff may keep another table.
EVENT_TYPES: dict[str, str] = {
    **dict.fromkeys(
        (
            "order completed",
            "order updated",
            "order cancelled",
            "order canceled",
            "order refunded",
            "payment",
            "payment completed",
            "payment succeeded",
            "payment successful",
            "payment received",
            "payment made",
            "payment processed",
            "payment captured",
            "payment pending",
            "payment failed",
            "payment declined",
            "payment refunded",
        ),
        CaptureType.PAYMENT.value,
    ),
    **dict.fromkeys(
        ("signed up", "sign up", "signup", "user signed up", "account created"),
        CaptureType.SIGNUP.value,
    ),
    **dict.fromkeys(
        (
            "signed in",
            "sign in",
            "logged in",
            "login",
            "user signed in",
            "user logged in",
            "login succeeded",
            "login failed",
            "sign in failed",
        ),
        CaptureType.LOGIN.value,
    ),
}
_TYPES: dict[str | None, str] = {
    "identify": CaptureType.PROFILE,
    "group": CaptureType.PROFILE,
    "page": CaptureType.PAGE,
    "screen": CaptureType.PAGE,
    "alias": CaptureType.ALIAS,
}
_IDS = {
    "user_id": "userId",
    "anonymous_id": "anonymousId",
    "previous_id": "previousId",
}
_TEXTS = (*_IDS.values(), "messageId", "groupId", "name")
_TIMES = ("timestamp", "originalTimestamp", "sentAt")
# Where consent managers write what a person agreed to.
_ANSWERS = "categoryPreferences"


@dataclass(frozen=True)
class _Message:
    """A message and the objects in it that every kind has."""

    item: JsonObject
    # Traits of the person, by the path under which they came; the last one counts.
    traits_at: dict[str, JsonObject]
    properties: JsonObject
    context: JsonObject

    @property
    def traits(self) -> JsonObject:
        """The traits of the person."""
        return {k: v for traits in self.traits_at.values() for k, v in traits.items()}


def read_segment(
    item: object,
    kind: str | None,
    names: Mapping[str, str],
    stored_type: str | None = None,
) -> Item:
    """Return a message in our words. Never raises for what it holds.

    `kind` is what the route says, else the message does. `stored_type` is the type that
    a stored message was given at its arrival: the table of names may be another one
    now.
    """
    if not isinstance(item, dict):
        issue = Issue("item_not_object", "", "Send one JSON object for each item.")
        return Item(Identity(), issue=issue)
    kind = kind or text(item.get("type"))
    if stored_type is not None:
        kind = _kind_again(kind, stored_type)
    context = as_object(item.get("context"))
    message = _Message(
        item=item,
        traits_at=_traits(item, context, kind),
        properties=as_object(item.get("properties")),
        context=context,
    )
    common = _common(message)
    if kind not in _READERS:
        issue = Issue("unknown_shape", "/type", "Send identify, track, page or so.")
        return replace(common, issue=issue)
    message_item = _READERS[kind](message, common, names, stored_type)
    message_item = _with_consent(message_item, message)
    return replace(message_item, issue=message_item.issue or _malformed(message, kind))


def _kind_again(kind: str | None, stored_type: str) -> str:
    """Return the kind of a stored message; only its route may have named it."""
    if kind == "track" or _TYPES.get(kind) == stored_type:
        return str(kind)
    return next(
        (k for k, kind_of in _TYPES.items() if kind_of == stored_type and k), "track"
    )


def _common(message: _Message) -> Item:
    item, context = message.item, message.context
    attempt = as_object(item.get("_metadata")).get("retryCount")
    identity, sent_as = _identity(message)
    if "ip" in context:
        sent_as["ip_address"] = "context/ip"
    return Item(
        identity=identity,
        sent_as=sent_as,
        message_id=text(item.get("messageId")),
        timestamp=first(
            moment(item.get("timestamp")), moment(item.get("originalTimestamp"))
        ),
        sent_at=moment(item.get("sentAt")),
        ip=text(context.get("ip")),
        user_agent=text(context.get("userAgent")),
        attempt=_count(attempt),
        gpc=any(answer(values.get("gpc")) for values in (item, context)) or None,
        warnings=_unread(message),
    )


def _unread(message: _Message) -> tuple[tuple[str, str], ...]:
    """Return a warning for what every kind of message may have, and is none of it."""
    item, context = message.item, message.context
    metadata = as_object(item.get("_metadata"))
    consent = as_object(context.get("consent"))
    read = {
        **{
            key: (item.get(key), text)
            for key in (*_IDS.values(), "messageId", "groupId", "name")
        },
        **{key: (item.get(key), moment) for key in _TIMES},
        **{key: (item.get(key), _object) for key in ("context", "properties")},
        "gpc": (item.get("gpc"), answer),
        "context/gpc": (context.get("gpc"), answer),
        "context/ip": (context.get("ip"), text),
        "context/userAgent": (context.get("userAgent"), text),
        "context/traits": (context.get("traits"), _object),
        "context/consent": (context.get("consent"), _object),
        f"context/consent/{_ANSWERS}": (consent.get(_ANSWERS), _object),
        "traits": (item.get("traits"), _object),
        **{
            f"{path}/{key}": (traits.get(key), text)
            for path, traits in message.traits_at.items()
            for key in ("email", "phone")
        },
        "properties/email": (message.properties.get("email"), text),
        "_metadata": (item.get("_metadata"), _object),
        "_metadata/retryCount": (metadata.get("retryCount"), _count),
    }
    return tuple(
        warning
        for key, (sent, reader) in read.items()
        for warning in misfit(key, sent, reader(sent))
    )


def _object(value: object) -> JsonObject | None:
    return value if isinstance(value, dict) else None


def _count(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return None


def _identity(message: _Message) -> tuple[Identity, dict[str, str]]:
    """Return the identity in a message, and the keys that it came under."""
    where = "traits" if "traits" in message.item else "context/traits"
    ways = (
        ("email", message.traits, where),
        ("email", message.properties, "properties"),
    )
    email, place = next(
        (
            (text(values[key]), place)
            for key, values, place in ways
            if text(values.get(key))
        ),
        (None, where),
    )
    ids = {name: text(message.item.get(key)) for name, key in _IDS.items()}
    identity = Identity(email=email, phone=text(message.traits.get("phone")), **ids)
    return identity, {
        **_IDS,
        "email": f"{place}/email",
        "phone": f"{where}/phone",
    }


def _traits(
    item: dict[str, object], context: dict[str, object], kind: str | None
) -> dict[str, JsonObject]:
    """Return the traits of the person. Those at the root of a group are the group's."""
    root = {} if kind == "group" else as_object(item.get("traits"))
    return {
        "context/traits": as_object(context.get("traits")),
        "traits": without_none(root),
    }


def _malformed(message: _Message, kind: str | None) -> Issue | None:
    if kind not in ("identify", "group"):
        return None
    traits = (
        (message.item.get("traits"), "/traits"),
        (message.context.get("traits"), "/context/traits"),
    )
    wrong = (
        pointer
        for value, pointer in traits
        if value is not None and not isinstance(value, dict)
    )
    pointer = next(wrong, None)
    if pointer is None:
        return None
    return Issue("traits_not_object", pointer, "Send the traits as an object.")


def _identify(message: _Message, common: Item, *_: object) -> Item:
    fields, sent_as = _profile(message)
    sent_as = {**sent_as, **common.sent_as}
    return replace(common, type=CaptureType.PROFILE, fields=fields, sent_as=sent_as)


def _profile(
    message: _Message, more: JsonObject | None = None
) -> tuple[JsonObject, dict[str, str]]:
    """Return what the traits say of the person, and the path of each value.

    `more` are properties that say the same. Values are as they were sent, so that one
    that does not fit is noted.
    """
    values: JsonObject = {}
    paths: dict[str, str] = {}
    for path, source in {**message.traits_at, "properties": more or {}}.items():
        for key, value in without_none(source).items():
            name = snake(key)
            is_no = name == CONSENT and answer(values.get(name)) is False
            if name in values and (is_no or is_unsaid(value)):
                continue
            values[name], paths[name] = value, f"{path}/{key}"
    parts = (text(values.get("first_name")), text(values.get("last_name")))
    ways = {
        "full_name": ("name", "first_name", "last_name"),
        "mobile_number": ("phone",),
        "marketing_consent": ("marketing_consent",),
        "status": ("status",),
        "location": ("address", "location"),
        "signup_date": ("created_at",),
    }
    names = {ours: _filled(values, keys) for ours, keys in ways.items()}
    fields = {ours: values[name] for ours, name in names.items() if name}
    joined = " ".join(filter(None, parts))
    if joined and text(values.get("name")) is None:
        fields["full_name"] = joined
    if place := first(_place(values.get("address")), text(values.get("location"))):
        fields["location"] = place
    return fields, {ours: paths[name] for ours, name in names.items() if name}


def _filled(values: JsonObject, keys: tuple[str, ...]) -> str | None:
    """Return the first key that says something, else one of which nothing is seen."""
    sent = [key for key in keys if text(values.get(key)) or _is_other(values.get(key))]
    return next((key for key in sent if not is_unsaid(values[key])), None) or next(
        iter(sent), None
    )


def _is_other(value: object) -> bool:
    return value is not None and not isinstance(value, str)


def _place(address: object) -> str | None:
    return first(text(address), text(as_object(address).get("city")))


def _with_consent(item: Item, message: _Message) -> Item:
    """Return the item with what it says of marketing, wherever it says so.

    A no counts before a yes: old traits come again with every message, and whoever says
    no to a consent manager means it. What is not read is noted.
    """
    first_path = item.sent_as.get(CONSENT, CONSENT)
    stated = {first_path: item.fields.get(CONSENT), **_consents(message)}
    given = {path: value for path, value in stated.items() if not is_unsaid(value)}
    if not given:
        return item
    read = {path: answer(value) for path, value in given.items()}
    path = next(
        path for choice in (False, True, None) for path in read if read[path] is choice
    )
    others = [misfit(key, given[key], read[key]) for key in given if key != path]
    return replace(
        item,
        fields={**item.fields, CONSENT: given[path]},
        sent_as={**item.sent_as, CONSENT: path},
        warnings=(*item.warnings, *itertools.chain.from_iterable(others)),
    )


def _consents(message: _Message) -> JsonObject:
    """Return what a message says of marketing beside its traits, by path."""
    manager = as_object(as_object(message.context.get("consent")).get(_ANSWERS))
    sources = (
        ("properties/", message.properties, CONSENT),
        ("", message.item, CONSENT),
        (f"context/consent/{_ANSWERS}/", manager, "marketing"),
    )
    return {
        f"{path}{key}": value
        for path, values, name in sources
        for key, value in values.items()
        if snake(key) == name
    }


def _group(message: _Message, common: Item, *_: object) -> Item:
    group = {
        "group_id": text(message.item.get("groupId")),
        "group_traits": as_object(message.item.get("traits")) or None,
    }
    profile, sent_as = _profile(message)
    fields = {**profile, **without_none(group)}
    sent_as = {**sent_as, **common.sent_as}
    return replace(common, type=CaptureType.PROFILE, fields=fields, sent_as=sent_as)


def _page(message: _Message, common: Item, *_: object) -> Item:
    name = first(text(message.item.get("name")), text(message.properties.get("name")))
    fields = {"properties": message.properties}
    return replace(common, type=CaptureType.PAGE, name=name, fields=fields)


def _alias(message: _Message, common: Item, *_: object) -> Item:
    return replace(common, type=CaptureType.ALIAS)


def _track(
    message: _Message, common: Item, names: Mapping[str, str], stored_type: str | None
) -> Item:
    name = text(message.item.get("event"))
    if name is None:
        issue = Issue("event_name_missing", "/event", "Name the event.")
        return replace(common, type=stored_type or CaptureType.EVENT, issue=issue)
    capture_type = stored_type or names.get(name.casefold(), CaptureType.EVENT)
    tracked = replace(common, type=CaptureType.EVENT, name=name)
    if capture_type == CaptureType.PAYMENT:
        fields, sent_as = read_order(name, message.properties)
        return replace(
            tracked,
            type=capture_type,
            fields=fields,
            sent_as={**tracked.sent_as, **sent_as},
            warnings=(*tracked.warnings, *_unread_number(message, sent_as)),
        )
    if capture_type == CaptureType.PROFILE:
        profile, sent_as = _profile(message, message.properties)
        sent_as = {**sent_as, **tracked.sent_as}
        return replace(tracked, type=capture_type, fields=profile, sent_as=sent_as)
    if capture_type == CaptureType.EVENT or capture_type not in NAMES:
        return replace(tracked, fields={"properties": message.properties})
    return _typed(str(capture_type), name, message, tracked)


def _unread_number(
    message: _Message, sent_as: Mapping[str, str]
) -> list[tuple[str, str]]:
    """Return a warning for the number of an order that is no text."""
    path = sent_as.get("transaction_id", "")
    number = message.properties.get(path.partition("/")[2])
    return misfit(path, number, text(number))


def _typed(kind: str, name: str, message: _Message, tracked: Item) -> Item:
    """Read the properties as our own words, and what they lack from the traits."""
    typed = read_requirement(kind, message.properties)
    person, traits = _profile(message)
    if kind != CaptureType.SIGNUP:
        # A trait comes again with every message, also after the person said otherwise.
        person.pop(CONSENT, None)
    unsaid = [key for key in NAMES[kind] if is_unsaid(typed.fields.get(key))]
    missing = {key: person[key] for key in unsaid if key in person}
    fields = {**typed.fields, **missing}
    if kind == CaptureType.LOGIN and "fail" in name.lower():
        fields["success"] = False
    issue = typed.issue
    if issue is not None:
        issue = replace(issue, pointer=f"/properties{issue.pointer}")
    under = {key: f"properties/{value}" for key, value in typed.sent_as.items()}
    under |= {key: traits[key] for key in missing}
    return replace(
        tracked,
        type=kind,
        fields=fields,
        sent_as={**under, **tracked.sent_as},
        timestamp=first(tracked.timestamp, moment(typed.timestamp)),
        issue=issue,
        warnings=(
            *tracked.warnings,
            *((code, f"/properties{pointer}") for code, pointer in typed.warnings),
        ),
    )


_READERS: dict[str | None, Callable[..., Item]] = {
    "identify": _identify,
    "track": _track,
    "page": _page,
    "screen": _page,
    "group": _group,
    "alias": _alias,
}
