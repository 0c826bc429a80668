"""Whose message is it? Finds customers, makes them, and links captures to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from audit.actors import Actor
from audit.folding import fold_email
from capture.choices import CaptureType, LinkRule, Trust
from capture.envelope import Envelope
from capture.models import Capture, CaptureLink, Source
from capture.services.projecting import TYPED
from capture.services.validation import is_success
from customers import services as customers

_NOT_ENOUGH = frozenset({CaptureType.PAGE, CaptureType.EVENT, CaptureType.ALIAS})


@dataclass(frozen=True)
class Pair:
    """A message and the capture that keeps it."""

    envelope: Envelope
    capture: Capture


@dataclass(frozen=True)
class Linked:
    """The customers of captures, and what linking told about them.

    `customers` has None for the unmatched, `learned` the ids that a customer lacked,
    `joined` the customers to whom captures of earlier days were attached.
    """

    customers: dict[UUID, UUID | None]
    learned: dict[UUID, dict[str, str]]
    joined: set[UUID]


def link(pairs: list[Pair], source: Source, *, actor: Actor) -> Linked:
    """Find or make the customers of new captures and link them.

    A constant number of statements, whatever the number of messages.
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
    learned = _learn(pairs, by_email, by_ref)
    links = [link_of(pair.capture, by_email, by_ref) for pair in pairs]
    CaptureLink.objects.bulk_create(links)
    return Linked(
        customers={link.capture_id: link.customer_id for link in links},
        learned=learned,
        joined=attach_waiting(source.business_id, by_email, by_ref),
    )


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
        return is_success(envelope.fields) is True
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


def _learn(
    pairs: list[Pair], by_email: dict[str, UUID], by_ref: dict[str, UUID]
) -> dict[UUID, dict[str, str]]:
    """Return the e-mail or user id that a message adds to a customer it found.

    Adds them to both maps too, so that no second customer claims them. A page does
    not name the e-mail of a user id: anybody could put theirs on somebody else.
    """
    learned: dict[UUID, dict[str, str]] = {}
    for pair in sorted(pairs, key=lambda p: p.capture.occurred_at):
        email, ref = pair.capture.email, pair.capture.user_ref
        if email is None or ref is None or (email in by_email) == (ref in by_ref):
            continue
        if email in by_email:
            by_ref[ref] = by_email[email]
            learned.setdefault(by_ref[ref], {}).setdefault("external_id", ref)
        elif pair.envelope.trust != Trust.BROWSER:
            by_email[email] = by_ref[ref]
            typed = pair.envelope.identity.email or email
            learned.setdefault(by_email[email], {}).setdefault("email", typed)
    return learned


def attach_waiting(
    business_id: UUID, by_email: dict[str, UUID], by_ref: dict[str, UUID]
) -> set[UUID]:
    """Attach unmatched captures of earlier days to customers known by now.

    Returns these customers.
    """
    waiting = CaptureLink.objects.filter(business=business_id, customer=None).filter(
        Q(capture__email__in=list(by_email)) | Q(capture__user_ref__in=list(by_ref))
    )
    columns = ("email", "user_ref", "business_id", "received_at")
    captures = Capture.objects.only(*columns).filter(link__in=waiting)
    found = {c.pk: link_of(c, by_email, by_ref) for c in captures}
    links = list(waiting.filter(capture__in=list(found)).order_by("pk"))
    for row in links:
        told = found[row.capture_id]
        row.customer_id, row.rule = told.customer_id, told.rule
        row.linked_at = timezone.now()
    if links:
        CaptureLink.objects.bulk_update(links, ["customer", "rule", "linked_at"])
        for model in TYPED.values():
            rows: list[Any] = list(
                model.objects.filter(capture__in=list(found)).order_by("pk")
            )
            for typed in rows:
                typed.customer_id = found[typed.capture_id].customer_id
            model.objects.bulk_update(rows, ["customer"])
    return {row.customer_id for row in links if row.customer_id is not None}


def link_of(
    capture: Capture, by_email: dict[str, UUID], by_ref: dict[str, UUID]
) -> CaptureLink:
    """Return the unsaved link of a capture: by e-mail first, then by user id."""
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
