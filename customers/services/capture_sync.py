"""Creating and updating many customers from captures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.utils import timezone

from audit import log
from audit.history.writing import history_model
from audit.tenancy.actors import Actor
from customers.choices import ConsentAction, CustomerStatus, Purpose
from customers.models import Business, ConsentEvent, Customer, Preferences

_REASON = "captured"
_UPDATABLE = ("name", "phone", "location", "status", "source")
# Identifiers are added where they are missing, and never replaced.
_ADDABLE = ("email", "external_id")
# The defaults of columns.
_DEFAULTS = {"status": CustomerStatus.ACTIVE, "source": "website"}
_COLUMNS = (*_UPDATABLE, *_ADDABLE, "joined_at")


@dataclass
class CapturedCustomer:
    """The columns of a customer to be created, as captures know them."""

    id: UUID
    name: str | None
    email: str | None
    phone: str | None
    external_id: str | None
    joined_at: datetime
    source: str


def create_captured_customers(
    business: Business, new_customers: list[CapturedCustomer], *, actor: Actor
) -> list[UUID]:
    """Create customers with preferences.

    A few statements for all. The caller refreshes their figures in the same
    transaction.
    """
    if not new_customers:
        return []
    customers = [Customer(business=business, **vars(new)) for new in new_customers]
    Customer.objects.as_actor(actor, reason=_REASON).bulk_create(customers)
    Preferences.objects.as_actor(actor, reason=_REASON).bulk_create(
        [Preferences(business=business, customer=customer) for customer in customers]
    )
    ids = [customer.pk for customer in customers]
    log.record(
        "customer.created",
        customers[0] if len(customers) == 1 else None,
        actor=actor,
        business_id=business.pk,
        subjects=ids,
        reason=_REASON,
        data={"count": len(ids)},
    )
    return ids


@dataclass(frozen=True)
class CustomerValueUpdate:
    """A value of one column from captures, and their value before it.

    `may_replace` is false for a browser: it must not overwrite what others wrote.
    """

    value: str
    former: str | None
    occurred_at: datetime
    may_replace: bool


def update_captured_customers(
    captured: Mapping[UUID, Mapping[str, CustomerValueUpdate]],
    *,
    actor: Actor,
    learned: Mapping[UUID, Mapping[str, str]],
    joined: Mapping[UUID, datetime],
    first_seen: Mapping[UUID, datetime],
) -> None:
    """Update customers from captures: values, missing identifiers, when they joined.

    A value replaces an earlier one of captures. What staff or an import wrote is
    replaced by a later value of a server or provider, never of a browser. `joined`
    always applies, `first_seen` only where it is earlier. A blocked customer stays
    blocked: that is for staff. Default values of status and source are replaced where
    only captures wrote the customer.
    """
    ids = {*captured, *learned, *joined, *first_seen}
    customers = Customer.objects.filter(pk__in=ids).select_related("business")
    locked = customers.order_by("pk").select_for_update(of=("self",), no_key=True)
    written_by_others = _written_by_others(captured)
    changed = []
    for customer in locked:
        before = [getattr(customer, name) for name in _COLUMNS]
        _apply(
            customer,
            captured.get(customer.pk, {}),
            is_default=customer.pk not in written_by_others,
        )
        for name, value in learned.get(customer.pk, {}).items():
            if name in _ADDABLE and not getattr(customer, name):
                setattr(customer, name, value)
        seen = first_seen.get(customer.pk, customer.joined_at)
        customer.joined_at = joined.get(customer.pk) or min(customer.joined_at, seen)
        if before != [getattr(customer, name) for name in _COLUMNS]:
            changed.append(customer)
    if changed:
        Customer.objects.as_actor(actor, reason=_REASON).bulk_update(changed, _COLUMNS)


def _written_by_others(
    captured: Mapping[UUID, Mapping[str, CustomerValueUpdate]],
) -> set[UUID]:
    """Return who was written by others than captures, of those for whom it matters."""
    candidates = [
        pk
        for pk, values in captured.items()
        if any(
            (update := values.get(name))
            and update.former is None
            and update.value != default
            for name, default in _DEFAULTS.items()
        )
    ]
    if not candidates:
        return set()
    versions = history_model(Customer).objects.filter(id__in=candidates)
    return set(
        versions.exclude(history_change_reason=_REASON).values_list("id", flat=True)
    )


def _apply(
    customer: Customer, captured: Mapping[str, CustomerValueUpdate], *, is_default: bool
) -> None:
    for name, update in captured.items():
        current = getattr(customer, name)
        if name == "status" and current == CustomerStatus.BLOCKED:
            continue
        # A name that is only the e-mail or the user id is a placeholder.
        is_placeholder = name == "name" and current in (
            customer.email,
            customer.external_id,
        )
        if is_default and update.former is None:
            is_placeholder = is_placeholder or current == _DEFAULTS.get(name)
        is_captured = update.former is not None and current == update.former
        is_later = update.may_replace and update.occurred_at >= customer.updated_at
        if not current or is_placeholder or is_captured or is_later:
            setattr(customer, name, update.value)


class CapturedConsent(NamedTuple):
    """An answer of a customer to the marketing question, and where it is from."""

    customer_id: UUID
    is_yes: bool
    occurred_at: datetime
    capture_id: UUID


def captures_with_consent(
    customer_ids: Iterable[UUID], capture_ids: Iterable[UUID]
) -> set[UUID]:
    """Return the captures whose answers these customers have events of."""
    events = ConsentEvent.objects.filter(
        customer__in=customer_ids, capture_id__in=list(capture_ids)
    )
    ids = events.order_by().values_list("capture_id", flat=True)
    return {pk for pk in ids if pk is not None}


def record_captured_consents(
    answers: list[CapturedConsent],
    *,
    business_id: UUID,
    wording_version: str | None,
    actor: Actor,
) -> None:
    """Record answers to the marketing question.

    A no after a yes is a withdrawal. A yes counts only under a valid wording. An
    answer of a clock that is ahead is one of now, so that a no counts at once.
    """
    if not answers:
        return
    now = timezone.now()
    answers = [
        answer._replace(occurred_at=min(answer.occurred_at, now)) for answer in answers
    ]
    events = ConsentEvent.objects.filter(
        customer__in=[answer.customer_id for answer in answers],
        purpose=Purpose.MARKETING,
    )
    answers_by_time = events.order_by("occurred_at", "id").values_list(
        "customer_id", "action"
    )
    newest = dict(answers_by_time)
    consents = []
    for answer in sorted(answers, key=lambda answer: answer.occurred_at):
        if answer.is_yes:
            action = ConsentAction.GIVEN
        elif newest.get(answer.customer_id) == ConsentAction.GIVEN:
            action = ConsentAction.WITHDRAWN
        else:
            action = ConsentAction.REFUSED
        newest[answer.customer_id] = action
        consents.append(
            ConsentEvent(
                business_id=business_id,
                customer_id=answer.customer_id,
                purpose=Purpose.MARKETING,
                action=action,
                wording_version=wording_version if answer.is_yes else None,
                method=_REASON,
                occurred_at=answer.occurred_at,
                capture_id=answer.capture_id,
                operation_id=actor.operation.id,
            )
        )
    ConsentEvent.objects.bulk_create(consents)
