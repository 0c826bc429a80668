"""Creating, changing, hiding and bringing back customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from audit import log
from audit.history.writing import history_model
from audit.tenancy.actors import Actor
from customers.choices import CustomerStatus
from customers.models import Address, Business, Customer
from customers.selectors.customers import list_rows
from customers.services.constraints import changed_columns, check_row
from customers.services.crud import archive_row
from customers.services.figure_kinds import Figures
from customers.services.locking import locking
from customers.services.preferences import update_preferences
from customers.services.saving import check_live, check_not_erased, copy_of
from customers.services.stats import refresh_locked
from customers.services.writing import save_record

ARCHIVE, BULK = "customers.archive_customer", "customers.bulk_customer"
# The column that a broken constraint is about; Django blames none of several.
_ABOUT = {
    "one_live_customer_per_email": "email",
    "one_live_customer_per_external_id": "external_id",
}
# What only one live customer of a business may have, and what is said of a second one.
_HAS_IT = {
    "email_key": "A customer here has this e-mail already.",
    "external_id": "A customer here has this external id already.",
}
_PREFERENCES = frozenset({"prefer_sms", "prefer_email", "prefer_call"})
CHANGEABLE = frozenset(
    {
        "name",
        "email",
        "is_email_verified",
        "phone",
        "customer_type",
        "status",
        "signup_method",
        "source",
        "location",
        "external_id",
        "joined_at",
    }
)


@transaction.atomic
def create_customer(
    business: Business,
    *,
    actor: Actor,
    name: str,
    address: str | None = None,
    addresses: Iterable[Mapping[str, Any]] = (),
    reason: str | None = None,
    **columns: Any,
) -> Customer:
    """Create a customer with preferences and figures: three records, one transaction.

    `columns` are those of `Customer`, the three `prefer_…` and `is_active`; `address`
    is kept as it was typed, `addresses` are columns of `Address`. Raises
    ValidationError, with the field, when a rule is broken.
    """
    preferences = {key: columns.pop(key) for key in _PREFERENCES & columns.keys()}
    if not columns.pop("is_active", True):
        columns["status"] = CustomerStatus.INACTIVE
    _check_columns(columns)
    customer = Customer(business=business, name=name, **columns)
    check_row(customer, about=_ABOUT)
    save_record(customer, actor=actor, reason=reason)
    if preferences:
        update_preferences(customer, actor=actor, reason=reason, **preferences)
    if address:
        primary = Address(
            business=business, customer=customer, raw=address, is_primary=True
        )
        save_record(primary, actor=actor, reason=reason)
    for place in addresses:
        row = Address(business=business, customer=customer, **place)
        check_row(row)
        save_record(row, actor=actor, reason=reason)
    return customer


@transaction.atomic
def update_customer(
    customer: Customer,
    *,
    actor: Actor,
    reason: str | None = None,
    expected_rev: int | None = None,
    **changes: Any,
) -> Customer:
    """Change facts of a customer; what is not named stays as it is.

    `changes` are columns of `Customer`, the three `prefer_…`, `is_active`, and
    `address`: the primary one as a text, None to archive it.
    The row is locked and read afresh. Raises ValidationError `stale_version` when it
    is no longer at `expected_rev`, and with the field when a rule is broken.
    """
    preferences = {key: changes.pop(key) for key in _PREFERENCES & changes.keys()}
    has_address, address = "address" in changes, changes.pop("address", None)
    is_active = changes.pop("is_active", None)
    _check_columns(changes)
    row = _locked(customer.pk, actor=actor)
    _check_rev(row, expected_rev)
    if is_active is not None and is_active != row.is_active:
        changes["status"] = _status(row, is_active=is_active)
    stored = copy_of(row)
    for name, value in changes.items():
        setattr(row, name, value)
    # Columns that stay as they are were let in once, maybe by a laxer rule.
    check_row(row, stored, exclude=CHANGEABLE - changes.keys(), about=_ABOUT)
    if changes.keys() & changed_columns(row, stored):
        save_record(row, actor=actor, reason=reason, stored=stored, customer=row)
    if preferences:
        update_preferences(row, actor=actor, reason=reason, **preferences)
    if has_address:
        _set_address(row, address, actor=actor, reason=reason)
    return row


def archive_customer(
    customer: Customer, *, actor: Actor, reason: str, expected_rev: int | None = None
) -> Customer:
    """Hide a customer from daily work. History, tickets and entries stay.

    Raises ValidationError `stale_version` when it is no longer at `expected_rev`.
    """
    archived = archive_customers(
        [customer.pk], actor=actor, reason=reason, expected_rev=expected_rev
    )
    if not archived:
        raise Customer.DoesNotExist
    return archived[0]


@transaction.atomic
def archive_customers(
    ids: Iterable[UUID], *, actor: Actor, reason: str, expected_rev: int | None = None
) -> list[Customer]:
    """Archive all of them or, if one cannot be archived, none."""
    rows = _locked_all(ids, actor=actor)
    for row in rows:
        _check_rev(row, expected_rev)
        if row.is_archived:
            msg = f"Customer {row} is already archived."
            raise ValidationError(msg, code="already_archived")
    _archive(rows, actor=actor, reason=reason)
    return _read_again(rows)


@transaction.atomic
def restore_customers(
    ids: Iterable[UUID], *, actor: Actor, reason: str, expected_rev: int | None = None
) -> list[Customer]:
    """Bring archived customers back, all or none.

    Raises ValidationError when a live customer has taken the e-mail meanwhile.
    """
    rows = _locked_all(ids, actor=actor)
    for row in rows:
        _check_rev(row, expected_rev)
        if not row.is_archived:
            msg = f"Customer {row} is not archived."
            raise ValidationError(msg, code="not_archived")
    for row, why in _conflicts(rows):
        msg = f"Customer {row} cannot come back: {why}"
        raise ValidationError(msg, code="restore_conflict")
    _restore(rows, actor=actor, reason=reason)
    return _read_again(rows)


def archive_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, changed_in: UUID | None = None
) -> int:
    """Archive those of the customers that can be; return how many were.

    Takes a constant number of statements and runs in the caller's transaction. What is
    archived, erased or no longer within reach is left as it is. With `changed_in` only
    customers whom this operation brought back, and nobody has touched so since.
    """
    rows = _locked_some(ids, actor=actor, changed_in=changed_in)
    rows = [row for row in rows if not row.is_archived]
    _archive(rows, actor=actor, reason=reason)
    return len(rows)


def restore_batch(
    ids: Iterable[UUID], *, actor: Actor, reason: str, changed_in: UUID | None = None
) -> int:
    """Bring back those of the customers that can come; return how many were.

    As `archive_batch`. Whose e-mail or external id a live customer has stays archived.
    """
    rows = _locked_some(ids, actor=actor, changed_in=changed_in)
    rows = [row for row in rows if row.is_archived]
    staying = {row.pk for row, _ in _conflicts(rows)}
    rows = [row for row in rows if row.pk not in staying]
    _restore(rows, actor=actor, reason=reason)
    return len(rows)


def _archive(rows: list[Customer], *, actor: Actor, reason: str) -> None:
    marks: dict[str, Any] = {"archived_by_id": actor.user_id, "archive_reason": reason}
    marks["archived_at"] = timezone.now()
    _mark(rows, "customer.archived", marks, actor=actor, reason=reason)


def _restore(rows: list[Customer], *, actor: Actor, reason: str) -> None:
    marks = dict.fromkeys(("archived_at", "archived_by_id", "archive_reason"))
    _mark(rows, "customer.restored", marks, actor=actor, reason=reason)


def _mark(
    rows: list[Customer],
    action: str,
    marks: dict[str, Any],
    *,
    actor: Actor,
    reason: str,
) -> None:
    if not rows:
        return
    ids = [row.pk for row in rows]
    Customer.objects.by(actor, reason=reason).filter(pk__in=ids).update(**marks)
    for business_id in sorted({row.business_id for row in rows}):
        marked = [row.pk for row in rows if row.business_id == business_id]
        log.record(
            action,
            rows[0] if len(rows) == 1 else None,
            actor=actor,
            business_id=business_id,
            subjects=marked,
            reason=reason,
            data={"count": len(marked)},
        )
        for row in rows:
            for name, value in marks.items():
                setattr(row, name, value)
    refresh_locked(rows, Figures.CONSENT)


def _read_again(rows: list[Customer]) -> list[Customer]:
    customers = Customer.objects.filter(pk__in=[row.pk for row in rows]).order_by("pk")
    return list(customers.select_related("business"))


def _conflicts(rows: list[Customer]) -> list[tuple[Customer, str]]:
    """Return archived customers who cannot come back, and why.

    Because a live one has what only one may have, or one of `rows` before them.
    """
    conflicts = []
    taken = _taken_by_the_living(rows)
    for row in rows:
        keys = {
            ("email_key", row.business_id, row.email_key),
            ("external_id", row.business_id, row.external_id),
        }
        keys = {key for key in keys if key[2] is not None}
        if clash := sorted(keys & taken):
            conflicts.append((row, _HAS_IT[clash[0][0]]))
        else:
            taken |= keys
    return conflicts


def _taken_by_the_living(rows: list[Customer]) -> set[tuple[str, UUID, str | None]]:
    live = Customer.objects.filter(business__in={row.business_id for row in rows})
    live = live.live().exclude(pk__in=[row.pk for row in rows])
    taken: set[tuple[str, UUID, str | None]] = set()
    for name in _HAS_IT:
        values = {getattr(row, name) for row in rows} - {None}
        pairs = live.filter(**{f"{name}__in": values}).values_list("business_id", name)
        taken |= {(name, business_id, value) for business_id, value in pairs}
    return taken


def _locked(pk: UUID, *, actor: Actor) -> Customer:
    rows = list_rows(Customer, actor=actor, permission="customers.change_customer")
    row: Customer = locking(rows.select_related("business")).get(pk=pk)
    check_live(row)
    return row


def check_archivable(
    rows: QuerySet[Customer], *, actor: Actor, count: int | None = None
) -> None:
    """Check that the actor may archive and restore all customers of a queryset.

    Several at once need a right of their own. Raises ValidationError when one is not
    the actor's to archive, or when there are fewer than `count`: then none is.
    """
    total = rows.count()
    wanted = total if count is None else count
    archivable = list_rows(Customer, actor=actor, permission=ARCHIVE)
    archivable = archivable.filter(pk__in=rows.order_by().values("pk"))
    mine = archivable.count()
    in_bulk = archivable.visible_to(actor, BULK).count() if total > 1 else mine
    _check_archivable(total, mine, in_bulk=in_bulk, wanted=wanted)


def _check_archivable(found: int, mine: int, *, in_bulk: int, wanted: int) -> None:
    if found > 1 and in_bulk < mine:
        msg = "Your role acts on one customer at a time. Choose one."
        raise ValidationError(msg, code="one_at_a_time")
    if mine < wanted:
        msg = "Some of these customers are not here, or not yours to archive."
        raise ValidationError(msg, code="not_found")


def _locked_all(ids: Iterable[UUID], *, actor: Actor) -> list[Customer]:
    ids = set(ids)
    rows = list_rows(Customer, actor=actor, permission=ARCHIVE).filter(pk__in=ids)
    customers = list(locking(rows.order_by("pk")))
    in_bulk = sum(actor.may(BULK, row.business_id) for row in customers)
    mine = len(customers)
    _check_archivable(mine, mine, in_bulk=in_bulk, wanted=len(ids))
    for row in customers:
        check_not_erased(row)
    return customers


def _locked_some(
    ids: Iterable[UUID], *, actor: Actor, changed_in: UUID | None
) -> list[Customer]:
    """Return those of the customers that the actor may change many of, locked."""
    ids = set(ids)
    if changed_in is not None:
        ids = _as_left_by(changed_in, ids)
    rows = list_rows(Customer, actor=actor, permission=ARCHIVE).filter(pk__in=ids)
    rows = rows.visible_to(actor, BULK).filter(erased_at=None)
    return list(locking(rows.order_by("pk")))


def _as_left_by(operation_id: UUID, ids: set[UUID]) -> set[UUID]:
    """Keep the customers that an operation archived or restored, and nobody since."""
    rows = history_model(Customer)._base_manager.filter(id__in=ids)
    names = ("id", "history_id", "archived_at")
    left = {
        pk: (history_id, archived_at)
        for pk, history_id, archived_at in rows.filter(
            operation_id=operation_id
        ).values_list(*names)
    }
    if not left:
        return set()
    later = rows.filter(history_id__gt=min(first for first, _ in left.values()))
    changed_since = {
        pk
        for pk, history_id, archived_at in later.values_list(*names)
        if pk in left and history_id > left[pk][0] and archived_at != left[pk][1]
    }
    return left.keys() - changed_since


def _status(row: Customer, *, is_active: bool) -> str:
    if row.status == CustomerStatus.BLOCKED:
        # Who is blocked is not active, so they would become it.
        msg = "This customer is blocked. Change the status itself to unblock them."
        raise ValidationError(msg, code="blocked")
    return CustomerStatus.ACTIVE if is_active else CustomerStatus.INACTIVE


def _check_rev(row: Customer, expected: int | None) -> None:
    if expected is not None and row.rev != expected:
        msg = "Somebody changed this customer meanwhile. Load it again and repeat."
        raise ValidationError(msg, code="stale_version")


def _set_address(
    customer: Customer, text: str | None, *, actor: Actor, reason: str | None
) -> None:
    """Keep a text as the primary address; the former one stays in its history."""
    rows = Address.objects.filter(customer=customer, is_primary=True, archived_at=None)
    row = rows.select_for_update(no_key=True).first()
    stored = None if row is None else copy_of(row)
    if row is None and not text:
        return
    if row is not None and not text:
        archive_row(row, actor=actor, reason=reason or "address removed")
        return
    if row is None:
        row = Address(
            business_id=customer.business_id, customer=customer, is_primary=True
        )
    if row.as_text == text:
        return
    for name in ("line1", "line2", "city", "region", "postal_code", "country"):
        setattr(row, name, None)
    row.raw = text
    check_row(row, stored)
    save_record(row, actor=actor, reason=reason, stored=stored, customer=customer)


def _check_columns(columns: dict[str, Any]) -> None:
    if unknown := sorted(columns.keys() - CHANGEABLE):
        msg = f"A customer has no {', '.join(unknown)} that can be set."
        raise ValidationError(msg, code="unknown_field")
