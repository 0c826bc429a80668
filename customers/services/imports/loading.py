"""Writing checked rows: a batch in one short transaction, with history and figures.

Each row gets what `save_record` guarantees: permissions and rules were checked, the
customer is live and locked, histories, events and figures are written with the rows.
But the number of statements is the same for a batch of any size.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils.translation import gettext_noop as _

from audit import log
from audit.emails import fold_email
from audit.history.bulk import insert_tracked, update_tracked
from audit.history.models import TrackedModel
from audit.history.writing import Authorship
from audit.tenancy.actors import Actor
from customers.models import (
    Booking,
    BookingPayment,
    Business,
    Contact,
    Customer,
    Preferences,
    Ticket,
)
from customers.services.consent import MARKETING_CONSENT, RESTRICTIONS
from customers.services.customers import former_email
from customers.services.imports.checking import (
    CHANGED_MEANWHILE,
    RowChecker,
)
from customers.services.imports.rows import (
    CHANGED,
    IMPORT_OUTCOMES,
    NEW,
    WHOLE,
    CheckedRow,
)
from customers.services.imports.tables import OPT_OUT
from customers.services.money.payment_entries import entries_of_file, insert_entries
from customers.services.preferences import record_opt_outs
from customers.services.stats import refresh_stats

# Rows of one transaction: about 100 ms of write lock, and all of them in the event.
BATCH = 100
# Columns of a file of customers that are of other tables.
_ANSWERS = {MARKETING_CONSENT, OPT_OUT}
_FURTHER = {*RESTRICTIONS, *_ANSWERS}
# A conflicting row of another writer makes the batch fail; checked again, the row is
# rejected.
_TRIES = 3
LEFT_ALONE = "left_alone"
_VERBS = {NEW: "created", CHANGED: "changed"}


@dataclass
class LoadedBatch:
    """The outcome of a batch; `instances` are those that were written."""

    number: int
    last_line: int
    checked: list[CheckedRow] = field(default_factory=list)
    instances: list[TrackedModel] = field(default_factory=list)
    # Of each business: outcome to number of rows.
    counts: dict[str, dict[str, int]] = field(default_factory=dict)


def load_batch(
    rows: Sequence[tuple[int, list[str]]],
    *,
    checker: RowChecker,
    number: int,
    reason: str,
    update_existing: bool,
    step: Callable[[LoadedBatch], None] | None = None,
) -> LoadedBatch:
    """Check these rows, then write the good ones in one short transaction.

    `number` counts the batches of a file; events name it. Checking reads outside of the
    transaction, so the write lock is held for writing alone. Rows that lost a race are
    rejected and do not stop the others. Without `update_existing` changes of stored
    rows are skipped. `step` runs at the end of the transaction: it is committed with
    the batch, and rolls it back if it raises.

    If the database refuses rows for a reason that the check does not cover, each row is
    written on its own, and the refused ones are rejected.
    """
    for tried in range(1, _TRIES + 1):
        batch = LoadedBatch(number, rows[-1][0], checker.check(rows))
        checked_rows = [
            checked
            for checked in batch.checked
            if checked.outcome == NEW
            or (checked.outcome == CHANGED and update_existing)
        ]
        try:
            with transaction.atomic():
                write = _write if tried < _TRIES else _write_singly
                write(checked_rows, batch, actor=checker.actor, reason=reason)
                batch.counts = _counted(batch.checked, update_existing=update_existing)
                if step is not None:
                    step(batch)
        except IntegrityError:
            if tried == _TRIES:
                raise
        else:
            return batch
    raise AssertionError  # the last try returns or raises


def _write(
    checked_rows: list[CheckedRow], batch: LoadedBatch, *, actor: Actor, reason: str
) -> None:
    _lock_for_numbers(checked_rows)
    _lock(checked_rows)
    preferences = _lock_preferences(checked_rows)
    new = [c.instance for c in checked_rows if c.outcome == NEW]
    changed = [c for c in checked_rows if c.outcome == CHANGED]
    written = [*new, *(c.instance for c in changed)]
    if not written:
        return
    authorship = Authorship(actor, reason)
    _number_tickets(new)
    insert_tracked(new, authorship)
    payments = _payments(checked_rows, actor=actor, reason=reason)
    columns = {name for c in changed for name in c.changed_columns - _FURTHER}
    customers = [c.instance for c in changed if c.changed_columns - _FURTHER]
    update_tracked(customers, columns, authorship)
    if isinstance(written[0], Customer):
        insert_tracked([_preferences_of(instance) for instance in new], authorship)
        insert_tracked(_former_emails(changed), authorship)
        _change_preferences(changed, preferences, authorship)
        record_opt_outs(
            [c.instance for c in checked_rows if _opts_out(c)],
            actor=actor,
            method="import",
        )
    _record(checked_rows, batch.number, actor=actor, reason=reason)
    of_business: dict[UUID, list[BookingPayment]] = defaultdict(list)
    for payment in payments:
        of_business[payment.business_id].append(payment)
    for entries in of_business.values():
        insert_entries(entries, actor=actor, reason=reason, batch=batch.number)
    refresh_stats(_customer_id(instance) for instance in written)
    batch.instances = written


def _payments(
    checked_rows: list[CheckedRow], *, actor: Actor, reason: str
) -> list[BookingPayment]:
    """Return entries of what the rows add to what bookings have as paid."""
    return [
        entry
        for checked in checked_rows
        if isinstance(checked.instance, Booking) and checked.outcome in _VERBS
        for entry in entries_of_file(
            checked.instance,
            checked.before.get("paid_amount", Decimal(0)),
            actor=actor,
            reason=reason,
        )
    ]


def _lock(checked_rows: list[CheckedRow]) -> None:
    """Lock customers, then rows, in key order; reject rows that changed meanwhile."""
    stored = [checked for checked in checked_rows if checked.before]
    owned = [c for c in checked_rows if not isinstance(c.instance, Customer)]
    if owned:
        customers = Customer.objects.filter(
            pk__in={c.instance.customer_id for c in owned}
        )
        locked = customers.order_by("pk").select_for_update(no_key=True)
        live = {
            pk
            for pk, *marks in locked.values_list("pk", "archived_at", "erased_at")
            if marks == [None, None]
        }
        for checked in owned:
            if checked.instance.customer_id not in live:
                checked.reject(WHOLE, _("The customer was archived meanwhile."))
    if stored:
        rows = type(stored[0].instance)._base_manager.filter(
            pk__in=[checked.instance.pk for checked in stored]
        )
        rows = rows.order_by("pk").select_for_update(of=("self",), no_key=True)
        times = dict(rows.values_list("pk", "updated_at"))
        for checked in stored:
            if times.get(checked.instance.pk) != checked.before["updated_at"]:
                checked.reject(WHOLE, CHANGED_MEANWHILE)


def _lock_preferences(checked_rows: list[CheckedRow]) -> dict[UUID, Preferences]:
    """Lock the preferences that the file changes; reject what changed meanwhile."""
    changed = [c for c in checked_rows if c.before and _changed_preferences(c)]
    if not changed:
        return {}
    rows = Preferences.objects.filter(customer__in=[c.instance.pk for c in changed])
    locked = rows.order_by("pk").select_for_update(no_key=True)
    by_customer = {row.customer_id: row for row in locked}
    for checked in changed:
        stored = by_customer.get(checked.instance.pk)
        if any(
            getattr(stored, name, None) != checked.before[name]
            for name in _changed_preferences(checked)
        ):
            checked.reject(WHOLE, CHANGED_MEANWHILE)
    return by_customer


def _changed_preferences(checked: CheckedRow) -> set[str]:
    """Return the columns of the preferences that a row changes."""
    return checked.changed_columns & set(RESTRICTIONS)


def _preferences_of(customer: Customer) -> Preferences:
    columns = {name: v for name, v in vars(customer).items() if name in RESTRICTIONS}
    return Preferences(customer=customer, business_id=customer.business_id, **columns)


def _change_preferences(
    changed: list[CheckedRow],
    preferences: dict[UUID, Preferences],
    authorship: Authorship,
) -> None:
    written, columns = [], set()
    for checked in changed:
        if names := _changed_preferences(checked):
            instance = preferences[checked.instance.pk]
            for name in names:
                setattr(instance, name, getattr(checked.instance, name))
            written.append(instance)
            columns |= names
    update_tracked(written, columns, authorship)


def _opts_out(checked: CheckedRow) -> bool:
    """Tell whether a row that is written says no to marketing, and is the first to."""
    customer = checked.instance
    if checked.outcome not in _VERBS or not hasattr(customer, MARKETING_CONSENT):
        return False
    is_no = customer.marketing_consent is False or customer.opt_out is True
    return is_no and (checked.is_new or bool(checked.changed_columns & _ANSWERS))


def _write_singly(
    checked_rows: list[CheckedRow], batch: LoadedBatch, *, actor: Actor, reason: str
) -> None:
    """Write rows one by one, so that a refused one does not stop the others."""
    written = []
    for checked in checked_rows:
        try:
            with transaction.atomic():
                _write([checked], batch, actor=actor, reason=reason)
        except IntegrityError:
            checked.reject(WHOLE, _("The database refused this row. Try it once more."))
        else:
            written += batch.instances
        batch.instances = []
    batch.instances = written


def _lock_for_numbers(checked_rows: Iterable[CheckedRow]) -> None:
    """Let one writer at a time number the tickets of a business."""
    ids = {
        c.instance.business_id
        for c in checked_rows
        if isinstance(c.instance, Ticket) and c.is_new
    }
    if ids:
        # Businesses before customers, as `save_record` does.
        businesses = Business.objects.filter(pk__in=ids).order_by("pk")
        list(businesses.select_for_update(no_key=True).values_list("pk"))


def _number_tickets(new: Iterable[object]) -> None:
    tickets = [ticket for ticket in new if isinstance(ticket, Ticket)]
    if not tickets:
        return
    ids = {ticket.business_id for ticket in tickets}
    newest = Ticket.objects.filter(business__in=ids).order_by().values("business_id")
    last = {
        group["business_id"]: group["n"] for group in newest.annotate(n=Max("number"))
    }
    for ticket in tickets:
        ticket.number = last[ticket.business_id] = last.get(ticket.business_id, 0) + 1


def _former_emails(changed: Iterable[CheckedRow]) -> list[Contact]:
    """Return contacts by which the former e-mails still find the customers."""
    return [
        former_email(checked.instance, checked.before["email"])
        for checked in changed
        if (email := checked.before["email"])
        and fold_email(email) != checked.instance.email_key
    ]


def _record(
    checked_rows: list[CheckedRow], number: int, *, actor: Actor, reason: str
) -> None:
    """Write an event for the created and one for the changed rows of each business."""
    groups: dict[tuple[UUID, str], list[TrackedModel]] = defaultdict(list)
    for checked in checked_rows:
        if checked.outcome in _VERBS:
            groups[checked.instance.business_id, checked.outcome].append(
                checked.instance
            )
    for (business_id, outcome), instances in groups.items():
        log.record(
            f"{instances[0]._meta.model_name}.{_VERBS[outcome]}",
            instances[0] if len(instances) == 1 else None,
            actor=actor,
            business_id=business_id,
            subjects=dict.fromkeys(_customer_id(instance) for instance in instances),
            reason=reason,
            data={"batch": number, "count": len(instances)},
        )


def _counted(
    checked: Iterable[CheckedRow], *, update_existing: bool
) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for checked_row in checked:
        outcome = checked_row.outcome
        if outcome == CHANGED and not update_existing:
            outcome = LEFT_ALONE
        business = str(checked_row.business.pk) if checked_row.business else ""
        of_business = counts.setdefault(business, dict.fromkeys(IMPORT_OUTCOMES, 0))
        of_business[outcome] = of_business.get(outcome, 0) + 1
    return counts


def _customer_id(instance: TrackedModel) -> UUID:
    pk: UUID = getattr(instance, "customer_id", instance.pk)
    return pk
