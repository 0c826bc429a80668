"""Payments: one row for all messages that share a reference, in whatever order.

A payment is computed from all of its captures each time one arrives, so that late,
early and repeated messages end in the same state. A browser's word is a claim; money
counts once a server or a signed webhook says so, and then becomes a booking.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.db import connection
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture.choices import (
    SETTLED_STATES,
    TRUST_RANK,
    CaptureType,
    LinkRule,
    PaymentState,
    Trust,
)
from capture.ingest.amounts import stored_amount
from capture.ingest.payment_values import (
    COLUMNS,
    Columns,
    PaymentGroup,
    columns_of,
    moment_of,
    trusted,
)
from capture.ingest.projections import newest_corrections, parse_capture
from capture.models import Capture, CaptureLink, Payment, PaymentReference, Source
from customers import services as customers

_REFERENCE_PREFIXES = ("order:", "transaction:")
_NEAR = timedelta(hours=24)


def references_of(capture: Capture) -> set[str]:
    """Return the ids under which further messages know a capture's payment."""
    values = capture.facts or {}
    ids = {*str(values.get("references", "")).split(" "), values.get("transaction_id")}
    processor = str(values.get("processor", "")).casefold()
    # A page knows an order of PayPal by its bare number.
    ids |= {
        name.partition(":")[2]
        for name in ids
        if name and name.startswith(_REFERENCE_PREFIXES)
    }
    references = {f"{processor}:{name}"[:310] for name in ids if name}
    if values.get("joins"):
        # A reference as it is stored, of what an importer says is the same payment.
        references.add(str(values["joins"]))
    if not references and capture.trust != Trust.BROWSER:
        # Confirmed without an id: nothing else can mean it.
        return {f"capture:{capture.pk}"}
    return references


def project_payments(
    captures: Iterable[Capture], source: Source, *, actor: Actor
) -> set[UUID]:
    """Compute the payments of these captures anew; return the customers touched.

    A constant number of statements, whatever the number of captures.
    """
    payment_captures = [c for c in captures if c.type == CaptureType.PAYMENT]
    if not payment_captures:
        return set()
    groups = compute_groups(source.business_id, payment_captures)
    stored = [payment for group in groups for payment in group.payments.values()]
    former = {
        payment.customer_id for payment in stored if payment.customer_id is not None
    }
    payments = _store(groups, source.business_id)
    touched = former | {p.customer_id for p in payments if p.customer_id is not None}
    _settle(payments, groups, source, actor)
    return touched


def compute_groups(business_id: UUID, captures: list[Capture]) -> list[PaymentGroup]:
    """Return the payments to which captures belong, with all of their captures."""
    groups = _group_captures(business_id, captures)
    _load_corrections(groups)
    owners = _owners(groups)
    groups = _with_claims(business_id, groups, owners)
    _load_corrections(groups)
    for group in groups:
        group.customer_id = _owner(group, owners)
    return groups


def _load_corrections(groups: list[PaymentGroup]) -> None:
    """Parse the captures that staff corrected, with their corrections."""
    newest = newest_corrections({pk for group in groups for pk in group.captures})
    for group in groups:
        for pk in group.captures.keys() & newest.keys():
            group.corrected[pk] = parse_capture(group.captures[pk], newest[pk])


def _group_captures(business_id: UUID, captures: list[Capture]) -> list[PaymentGroup]:
    """Return groups of these captures and of all others that share a reference."""
    names = {name for capture in captures for name in references_of(capture)}
    references = PaymentReference.objects.filter(business=business_id, value__in=names)
    payments = {reference.payment_id for reference in references}
    links = CaptureLink.objects.filter(capture__in=[c.pk for c in captures])
    payments |= set(links.exclude(payment=None).values_list("payment_id", flat=True))
    groups = _stored(payments)
    for capture in captures:
        group = PaymentGroup({capture.pk: capture}, references_of(capture))
        groups.append(group)
    return _merge_groups(groups)


def _stored(payment_ids: Iterable[UUID]) -> list[PaymentGroup]:
    """Return what is stored of these payments."""
    ids = list(payment_ids)
    if not ids:
        return []
    payments = Payment.objects.filter(pk__in=ids).order_by("pk")
    if connection.in_atomic_block:
        # A comparison runs outside of a transaction and takes no locks.
        payments = payments.select_for_update(no_key=True)
    groups = {
        payment.pk: PaymentGroup(payments={payment.pk: payment}) for payment in payments
    }
    for reference in PaymentReference.objects.filter(payment__in=ids):
        groups[reference.payment_id].references.add(reference.value)
    members = CaptureLink.objects.filter(payment__in=ids).select_related("capture")
    for link in members:
        if link.payment_id is not None:
            groups[link.payment_id].captures[link.capture_id] = link.capture
    return list(groups.values())


def _merge_groups(groups: list[PaymentGroup]) -> list[PaymentGroup]:
    """Join groups that share a reference or a capture."""
    by_name: dict[str | UUID, PaymentGroup] = {}
    merged: list[PaymentGroup] = []
    for group in groups:
        names: set[str | UUID] = {*group.references, *group.captures}
        others = {id(by_name[n]): by_name[n] for n in names if n in by_name}
        for other in others.values():
            group.join(other)
            merged = [earlier for earlier in merged if earlier is not other]
        merged.append(group)
        names = {*group.references, *group.captures}
        by_name |= dict.fromkeys(names, group)
    return merged


def _owners(groups: list[PaymentGroup]) -> dict[UUID, tuple[UUID | None, str | None]]:
    ids = [pk for group in groups for pk in group.captures]
    links = CaptureLink.objects.filter(capture__in=ids)
    return {
        pk: (customer_id, rule)
        for pk, customer_id, rule in links.values_list(
            "capture_id", "customer_id", "rule"
        )
    }


def _owner(
    group: PaymentGroup, owners: dict[UUID, tuple[UUID | None, str | None]]
) -> UUID | None:
    """Return the customer of a payment: of its strongest capture that has one.

    What only the payment itself had linked does not count, nor does a page's claim to
    what a server or a provider speaks of.
    """
    captures = sorted(
        trusted(group.captures.values()),
        key=lambda c: (TRUST_RANK[Trust(c.trust)], *moment_of(c)),
    )
    for capture in reversed(captures):
        customer_id, rule = owners.get(capture.pk, (None, None))
        if customer_id is not None and rule != LinkRule.PROVIDER:
            return customer_id
    return None


def _with_claims(
    business_id: UUID,
    groups: list[PaymentGroup],
    owners: dict[UUID, tuple[UUID | None, str | None]],
) -> list[PaymentGroup]:
    """Add each claim without an id to the only payment that matches it.

    Same customer, amount and currency within a day, and exactly one such payment;
    else a claim stays one.
    """
    owners_with_payments = {
        pk for group in groups if (pk := _owner(group, owners)) is not None
    }
    if not owners_with_payments:
        return groups
    claims = CaptureLink.objects.filter(
        business=business_id,
        customer__in=owners_with_payments,
        capture__type=CaptureType.PAYMENT,
        capture__trust=Trust.BROWSER,
    ).select_related("capture")
    loose = {
        link.capture_id: link for link in claims if not references_of(link.capture)
    }
    if not loose:
        return groups
    return _distribute(business_id, groups, owners, loose)


def _distribute(
    business_id: UUID,
    groups: list[PaymentGroup],
    owners: dict[UUID, tuple[UUID | None, str | None]],
    loose: dict[UUID, CaptureLink],
) -> list[PaymentGroup]:
    owners |= {pk: (link.customer_id, link.rule) for pk, link in loose.items()}
    claim_owners = {link.customer_id for link in loose.values()}
    others = set(
        Payment.objects.filter(business=business_id, customer__in=claim_owners)
        .exclude(pk__in=[pk for group in groups for pk in group.payments])
        .values_list("pk", flat=True)
    )
    # Of every payment of these people, claims are taken off and given anew.
    groups = _merge_groups([*groups, *_stored(others)])
    _load_corrections(groups)
    owners |= _owners(groups)
    firm: list[tuple[PaymentGroup, Columns]] = []
    claim_groups: dict[UUID, PaymentGroup] = {}
    for group in groups:
        taken = [pk for pk in group.captures if pk in loose]
        for pk in taken:
            del group.captures[pk]
        if group.captures:
            group.customer_id = _owner(group, owners)
            firm.append((group, columns_of(group)))
        else:
            claim_groups |= dict.fromkeys(taken, group)
    result = [group for group, _ in firm]
    for pk, link in sorted(loose.items()):
        capture = link.capture
        fits = [
            group
            for group, columns in firm
            if columns["verified"] and _fits(capture, link.customer_id, columns)
        ]
        if len(fits) == 1:
            fits[0].captures[pk] = capture
            if pk in claim_groups:
                fits[0].payments |= claim_groups[pk].payments
        else:
            old = claim_groups.get(pk)
            result.append(
                PaymentGroup({pk: capture}, set(), old.payments if old else {})
            )
    return result


def _fits(claim: Capture, customer_id: UUID | None, columns: Columns) -> bool:
    values = claim.facts or {}
    return (
        columns["customer_id"] == customer_id
        and columns["currency"] == values.get("currency")
        and columns["final_price"] is not None
        and columns["final_price"]
        == stored_amount(values, "final_price", columns["currency"])
        and abs(columns["occurred_at"] - claim.occurred_at) <= _NEAR
    )


def _store(groups: list[PaymentGroup], business_id: UUID) -> list[Payment]:
    """Write the rows of groups, their references and links; drop rows that merged."""
    payments, links, references = [], [], []
    merged_ids: set[UUID] = set()
    former = {pk: p.trust for group in groups for pk, p in group.payments.items()}
    for group in groups:
        payment_id = min(group.payments, default=None)
        payment = (
            group.payments[payment_id]
            if payment_id
            else Payment(business_id=business_id)
        )
        for name, value in columns_of(group).items():
            setattr(payment, name, value)
        payment.updated_at = timezone.now()
        merged_ids |= set(group.payments) - {payment.pk}
        group.payments = {payment.pk: payment}
        payments.append(payment)
        references += [
            PaymentReference(business_id=business_id, payment=payment, value=value)
            for value in sorted(group.references)
        ]
        links += [(pk, payment) for pk in group.captures]
    new = [payment for payment in payments if payment._state.adding]
    existing = [payment for payment in payments if not payment._state.adding]
    _take_traces(payments, groups, former)
    Payment.objects.bulk_create(new)
    if existing:
        names = [n.removesuffix("_id") if n not in _PLAIN else n for n in COLUMNS]
        # One row of values for each, where bulk_update() would write a CASE for each
        # column: a fifth of the time.
        Payment.objects.bulk_create(
            existing,
            update_conflicts=True,
            unique_fields=["id"],
            update_fields=[*names, *_STAMPS],
        )
    PaymentReference.objects.bulk_create(
        references,
        update_conflicts=True,
        unique_fields=["business", "value"],
        update_fields=["payment"],
    )
    _store_links(links)
    if merged_ids:
        Payment.objects.filter(pk__in=merged_ids).delete()
    return payments


_STAMPS = ("ip_address", "user_agent", "updated_at")
# Ids of others, and of the processor: no foreign keys.
_PLAIN = ("user_id", "transaction_id")


def _store_links(pairs: list[tuple[UUID, Payment]]) -> None:
    payment_of = dict(pairs)
    links = list(
        CaptureLink.objects.filter(capture__in=list(payment_of)).order_by("pk")
    )
    for link in links:
        payment = payment_of[link.capture_id]
        link.payment = payment
        # Whose a waiting one is, staff say.
        is_free = link.customer_id is None and link.review_id is None
        if is_free or link.rule == LinkRule.PROVIDER:
            link.customer_id = payment.customer_id
            link.rule = LinkRule.PROVIDER if payment.customer_id else None
    CaptureLink.objects.bulk_update(links, ["payment", "customer", "rule"])


def _take_traces(
    payments: list[Payment], groups: list[PaymentGroup], former: dict[UUID, str]
) -> None:
    """Copy the address of the first request; captures do not have it.

    Of `former`, the trust that each payment had before: that of a claim goes once
    somebody more trusted speaks.
    """
    for payment, group in zip(payments, groups, strict=True):
        was_claim = former.get(payment.pk) == Trust.BROWSER
        if was_claim and payment.trust != Trust.BROWSER:
            payment.ip_address = payment.user_agent = None
        for capture in trusted(group.captures.values()):
            payment.ip_address = payment.ip_address or capture.trace_ip
            payment.user_agent = payment.user_agent or capture.trace_agent


def _settle(
    payments: list[Payment], groups: list[PaymentGroup], source: Source, actor: Actor
) -> None:
    """Create or update the bookings of confirmed payments."""
    settlements = []
    for payment, group in zip(payments, groups, strict=True):
        names = sorted(group.references)
        # A claim moves no money, not even of what staff wrote.
        if not names or payment.trust == Trust.BROWSER:
            continue
        settlements.append(_snapshot(payment, names))
    customers.settle_payments(source.business, settlements, actor=actor)


def _snapshot(payment: Payment, references: list[str]) -> customers.PaymentSnapshot:
    is_settled = payment.verified and payment.state in SETTLED_STATES
    return customers.PaymentSnapshot(
        customer_id=payment.customer_id,
        references=references,
        # A refund or a dispute may come before what it is about.
        is_settled=is_settled and payment.final_price is not None,
        is_refunded=payment.state == PaymentState.REFUNDED,
        occurred_at=payment.occurred_at,
        currency=payment.currency,
        is_currency_assumed=payment.currency_assumed,
        amount=payment.final_price or Decimal(0),
        original=payment.original_price,
        discount=payment.discount_amount or Decimal(0),
        refunded=payment.amount_refunded or Decimal(0),
        plan=payment.plan_name,
        method=payment.payment_method,
    )


def payments_named(
    customer_ids: Collection[UUID], numbers: Collection[str]
) -> list[customers.PaymentSnapshot]:
    """Return the payments of customers that have one of these numbers; two statements.

    Whatever the processor: a booking has the bare number as its reference. What a page
    claims is left out.
    """
    names: dict[UUID, list[str]] = defaultdict(list)
    references = PaymentReference.objects.filter(payment__customer__in=customer_ids)
    pairs = references.exclude(payment__trust=Trust.BROWSER).order_by("value")
    for payment_id, name in pairs.values_list("payment_id", "value"):
        names[payment_id].append(name)
    meant = [
        key
        for key, values in names.items()
        if any(name.partition(":")[2] in numbers for name in values)
    ]
    payments = Payment.objects.filter(pk__in=meant).order_by("pk") if meant else ()
    return [_snapshot(payment, names[payment.pk]) for payment in payments]
