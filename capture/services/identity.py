"""Whose message is it? Finds customers, makes them, and links captures to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from audit.actors import Actor
from audit.folding import fold_email
from capture.choices import CaptureType, LinkRule
from capture.envelope import Envelope
from capture.models import Capture, CaptureLink, Source
from customers import services as customers

_NOT_ENOUGH = frozenset({CaptureType.PAGE, CaptureType.EVENT, CaptureType.ALIAS})


@dataclass(frozen=True)
class Pair:
    """A message and the capture that keeps it."""

    envelope: Envelope
    capture: Capture


def link(pairs: list[Pair], source: Source, *, actor: Actor) -> dict[UUID, UUID | None]:
    """Find or make the customers of new captures and link them.

    Returns capture id to customer id, None for the unmatched. A constant number of
    statements, whatever the number of messages.
    """
    emails = {p.capture.email for p in pairs if p.capture.email}
    refs = {p.capture.user_ref for p in pairs if p.capture.user_ref}
    by_email, by_ref = customers.find_by_identity(
        source.business_id, emails=emails, external_ids=refs
    )
    missing = _missing(pairs, by_email, by_ref)
    made = customers.create_captured_customers(
        source.business, list(missing.values()), actor=actor
    )
    for facts, customer_id in zip(missing.values(), made, strict=True):
        if facts.get("email"):
            by_email[fold_email(facts["email"])] = customer_id
        if facts.get("external_id"):
            by_ref[facts["external_id"]] = customer_id
    links = [_link(pair.capture, by_email, by_ref) for pair in pairs]
    CaptureLink.objects.bulk_create(links)
    return {link.capture_id: link.customer_id for link in links}


def links_of(capture_ids: list[UUID]) -> dict[UUID, UUID | None]:
    """Return the customers of captures that were linked before."""
    links = CaptureLink.objects.filter(capture__in=capture_ids)
    return dict(links.values_list("capture_id", "customer_id"))


def _missing(
    pairs: list[Pair], by_email: dict[str, UUID], by_ref: dict[str, UUID]
) -> dict[str, dict[str, Any]]:
    """Return the facts of each customer to be made, by e-mail key or user id."""
    missing: dict[str, dict[str, Any]] = {}
    for pair in sorted(pairs, key=lambda p: p.capture.occurred_at):
        capture = pair.capture
        key = capture.email or capture.user_ref
        known = capture.email in by_email or capture.user_ref in by_ref
        if key is None or known or not _makes_customer(pair.envelope):
            continue
        facts = missing.setdefault(key, _facts(pair))
        if capture.user_ref and not facts.get("external_id"):
            facts["external_id"] = capture.user_ref
    return missing


def _makes_customer(envelope: Envelope) -> bool:
    if envelope.type == CaptureType.LOGIN:
        return envelope.fields.get("success", True) is True
    return envelope.type not in _NOT_ENOUGH


def _facts(pair: Pair) -> dict[str, Any]:
    envelope, capture = pair.envelope, pair.capture
    email = envelope.identity.email
    name = envelope.fields.get("full_name")
    return {
        "name": _line(name) or email or capture.user_ref,
        "email": email,
        "phone": capture.phone,
        "external_id": capture.user_ref,
        "joined_at": capture.occurred_at,
        "source": _line(envelope.fields.get("signup_source"), 100) or "website",
    }


def _line(value: Any, length: int = 255) -> str:
    text = str(value).replace("\0", "") if isinstance(value, str) else ""
    return text.encode("utf-8", errors="replace").decode().strip()[:length]


def _link(
    capture: Capture, by_email: dict[str, UUID], by_ref: dict[str, UUID]
) -> CaptureLink:
    rule: str | None = None
    customer_id = by_email.get(capture.email or "")
    if customer_id is not None:
        rule = LinkRule.EMAIL
    elif capture.user_ref in by_ref:
        customer_id, rule = by_ref[capture.user_ref], LinkRule.USER_ID
    return CaptureLink(
        business_id=capture.business_id,
        capture=capture,
        customer_id=customer_id,
        rule=rule,
        linked_at=capture.received_at,
    )
