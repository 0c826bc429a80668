"""Loading a purchase log: customer, day, quantity, amount; each line once."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from audit import log
from audit.database.batches import in_batches
from audit.datetimes import parse_day
from audit.history.bulk import insert_tracked
from audit.history.writing import Authorship
from audit.privacy.invisible import clean_address
from audit.tenancy.actors import Actor
from customers.choices import BookingKind, BookingStatus
from customers.models import Booking, Business, Customer, Preferences
from customers.readers import CsvText
from customers.services.identity import find_by_identity
from customers.services.money.payment_entries import entries_of_file, insert_entries
from customers.services.stats import refresh_stats
from customers.values.amount import check_amount, invalid_amount, parse_number
from customers.values.email_address import EmailAddress, parse_email

# Lines of one transaction; about 50 ms.
_BATCH = 50
_REASON = "purchase log"
_SOURCE = "import"
# Of what names a customer.
_LONGEST = 255
_IN_FUTURE = "The date is in the future. Write when it was bought."
_RETURN = (
    "A return does not say of which purchase it is: record it as a refund of that; "
    "until then it is missing from the figures."
)


@dataclass(frozen=True)
class PurchaseColumns:
    """The column of each value: a name of the header, or a position from 1."""

    customer: str = "customer"
    date: str = "date"
    quantity: str = "quantity"
    amount: str = "amount"


@dataclass(frozen=True)
class Purchase:
    """One valid line."""

    line: int
    customer: str
    day: date
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True)
class BadLine:
    """One line that cannot be loaded, and the reason."""

    line: int
    reason: str


@dataclass
class PurchaseReport:
    """The result of a load."""

    customers: int = 0
    purchases: int = 0
    repeated: int = 0
    batches: int = 0
    bad: list[BadLine] = field(default_factory=list)

    @property
    def lines(self) -> int:
        """The number of lines so far."""
        return self.purchases + self.repeated + len(self.bad)


def read_purchases(
    file: CsvText,
    *,
    columns: PurchaseColumns,
    delimiter: str | None,
    has_header: bool,
    date_format: str,
    currency: str,
) -> Iterator[Purchase | BadLine]:
    """Yield each line as a purchase or as a bad line; blank lines are skipped.

    `delimiter` None means any white space. `currency` is that of the amounts. Raises
    ValidationError before the first line for a missing column, SheetError where the
    file is no such text.
    """
    rows = _rows(file, delimiter)
    header = next(rows, (1, []))[1] if has_header else None
    positions = _positions(columns, header)
    for line, cells in rows:
        if not any(cell.strip() for cell in cells):
            continue
        try:
            yield _purchase(line, cells, positions, date_format, currency)
        except ValueError as error:
            yield BadLine(line, str(error))


def load_purchases(
    business: Business,
    lines: Iterable[Purchase | BadLine],
    *,
    currency: str,
    actor: Actor,
    progress: Callable[[PurchaseReport], None] = lambda _: None,
) -> PurchaseReport:
    """Write purchases as completed orders, and the customers that are missing.

    A line is identified by customer, day, quantity, amount and the number of equal
    lines before it; so a file can be loaded again, or a longer one later. Fifty lines
    are a batch, which is one transaction with its own event: what is loaded stays when
    the rest fails, and the next call continues from there. Raises RuntimeError inside
    of a transaction.
    """
    actor.require_perm(business.pk, "customers.import_booking")
    report = PurchaseReport()
    seen: Counter[str] = Counter()
    for number, batch in in_batches(_until_today(business, lines), _BATCH):
        report.batches = number
        report.bad += [line for line in batch if isinstance(line, BadLine)]
        good = [line for line in batch if isinstance(line, Purchase)]
        keyed = [(_key(line, seen), line) for line in good]
        # Without a lock first: lines that are loaded already need none.
        if len(_stored_keys(business, keyed)) < len(keyed):
            with transaction.atomic(durable=True):
                _load(business, keyed, currency, report=report, actor=actor)
        else:
            report.repeated += len(keyed)
        progress(report)
    log.record_alone(
        "purchases.imported",
        actor=actor,
        business_id=business.pk,
        data={
            "batches": report.batches,
            "customers": report.customers,
            "purchases": report.purchases,
            "known": report.repeated,
            "bad": len(report.bad),
        },
    )
    return report


def _rows(file: CsvText, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    if delimiter is None:
        return ((number, text.split()) for number, text in file.lines())
    return file.rows(delimiter)


def _positions(columns: PurchaseColumns, header: list[str] | None) -> list[int]:
    names = [name.strip() for name in header or []]
    positions = []
    for column in (columns.customer, columns.date, columns.quantity, columns.amount):
        if column in names:
            positions.append(names.index(column))
        elif re.fullmatch(r"[1-9]\d{0,3}", column):
            positions.append(int(column) - 1)
        else:
            headers = ", ".join(names) or "positions only: the file has no header"
            msg = f"There is no column {column!r}. The file has {headers}."
            raise ValidationError(msg, code="unknown_column")
    return positions


def _purchase(
    line: int, cells: list[str], positions: list[int], date_format: str, currency: str
) -> Purchase:
    if max(positions) >= len(cells):
        msg = (
            f"The line has {len(cells)} values; column {max(positions) + 1} is missing."
        )
        raise ValueError(msg)
    customer, day, quantity, amount = (cells[place].strip() for place in positions)
    try:
        customer = clean_address(customer)
    except ValidationError as error:
        raise ValueError(*error.messages) from None
    if not customer:
        msg = "The customer is empty."
        raise ValueError(msg)
    if len(customer) > _LONGEST:
        msg = f"The customer has more than {_LONGEST} characters. Shorten it."
        raise ValueError(msg)
    return Purchase(
        line=line,
        customer=customer,
        day=_day(day, date_format),
        quantity=_parse_number(quantity, None, "quantity"),
        amount=_parse_number(amount, currency, "amount"),
    )


def _day(text: str, date_format: str) -> date:
    try:
        day = datetime.strptime(text, date_format).date()  # noqa: DTZ007 - a day only
    except ValueError:
        msg = f"The date {text[:40]!r} is not written as {date_format}."
        raise ValueError(msg) from None
    try:
        return parse_day(day.isoformat())
    except ValidationError as error:
        raise ValueError(*error.messages) from None


def _until_today(
    business: Business, lines: Iterable[Purchase | BadLine]
) -> Iterator[Purchase | BadLine]:
    """Yield the lines, those of days to come as bad ones."""
    today = business.local_day(timezone.now())
    for line in lines:
        is_ahead = isinstance(line, Purchase) and line.day > today
        yield BadLine(line.line, _IN_FUTURE) if is_ahead else line


def _parse_number(text: str, currency: str | None, name: str) -> Decimal:
    """Return a quantity, or an amount if there is a currency."""
    try:
        number = parse_number(text)
        if number is None:
            raise invalid_amount()
        check_amount(number, currency)
    except ValidationError as error:
        fix = _RETURN if error.code == "amount_negative" else ""
        msg = f"The {name} is wrong. {' '.join(error.messages)} {fix}".strip()
        raise ValueError(msg) from None
    return number


def _load(
    business: Business,
    keyed: list[tuple[str, Purchase]],
    currency: str,
    *,
    report: PurchaseReport,
    actor: Actor,
) -> None:
    stored_keys = _stored_keys(business, keyed)
    report.repeated += len(stored_keys)
    new = [(key, line) for key, line in keyed if key not in stored_keys]
    before = report.customers
    customer_ids = _customers(business, [line for _, line in new], report, actor)
    rows = []
    for key, line in new:
        moment = _noon(line.day, business)
        rows.append(
            Booking(
                business=business,
                customer_id=customer_ids[line.customer],
                kind=BookingKind.ORDER,
                status=BookingStatus.COMPLETED,
                placed_at=moment,
                completed_at=moment,
                items_count=line.quantity,
                total_amount=line.amount,
                paid_amount=line.amount,
                currency=currency,
                external_id=key,
            )
        )
    insert_tracked(rows, Authorship(actor, _REASON))
    entries = [
        entry
        for row in rows
        for entry in entries_of_file(row, Decimal(0), actor=actor, reason=_REASON)
    ]
    insert_entries(entries, actor=actor, reason=_REASON, batch=report.batches)
    report.purchases += len(rows)
    refresh_stats(set(customer_ids.values()))
    log.record(
        "purchases.batch_imported",
        actor=actor,
        business_id=business.pk,
        data={
            "batch": report.batches,
            "customers": report.customers - before,
            "purchases": len(rows),
        },
    )


def _noon(day: date, business: Business) -> datetime:
    """Return noon of a day where the business is, or now if that is still to come."""
    noon = datetime.combine(day, time(12), tzinfo=business.zone)
    return min(noon, timezone.now())


def _stored_keys(business: Business, keyed: list[tuple[str, Purchase]]) -> set[str]:
    """Return the keys of the lines that were loaded before."""
    rows = Booking.objects.filter(
        business=business, external_id__in=[key for key, _ in keyed]
    )
    return {str(key) for key in rows.values_list("external_id", flat=True)}


def _key(line: Purchase, seen: Counter[str]) -> str:
    content = "|".join(
        (line.customer, line.day.isoformat(), f"{line.quantity:f}", f"{line.amount:f}")
    )
    seen[content] += 1
    digest = hashlib.sha256(f"{content}|{seen[content]}".encode()).hexdigest()
    return f"log:{digest[:32]}"


def _customers(
    business: Business, lines: list[Purchase], report: PurchaseReport, actor: Actor
) -> dict[str, UUID]:
    """Return the customer of each reference; missing ones are created.

    An external id, else an e-mail address, current or former, in any spelling; also of
    somebody archived, because what they bought is no reason for a second one.
    """
    first: dict[str, date] = {}
    for line in lines:
        first[line.customer] = min(first.get(line.customer, line.day), line.day)
    emails = {ref: email for ref in first if (email := _email(ref)) is not None}
    by_email, by_id = find_by_identity(
        business.pk,
        emails={email.key for email in emails.values()},
        external_ids=first,
    )
    made: dict[str, Customer] = {}
    for reference, day in first.items():
        email = emails.get(reference)
        if reference in by_id or (email and email.key in by_email):
            continue
        joined = _noon(day, business)
        name = email.key if email else reference
        if name in made:
            # The same mailbox in another spelling.
            made[name].joined_at = min(made[name].joined_at, joined)
            continue
        made[name] = Customer(
            business=business,
            external_id=None if email else reference,
            email=email and email.stored,
            name=(email.stored if email else f"Customer {reference}")[:255],
            source=_SOURCE,
            joined_at=joined,
        )
    authorship = Authorship(actor, _REASON)
    insert_tracked([*made.values()], authorship)
    preferences = [Preferences(business=business, customer=c) for c in made.values()]
    insert_tracked(preferences, authorship)
    report.customers += len(made)
    ids = {key: match.customer_id for key, match in by_email.items()}
    ids |= {name: customer.pk for name, customer in made.items()}
    return {
        reference: by_id[reference].customer_id
        if reference in by_id
        else ids[emails[reference].key if reference in emails else reference]
        for reference in first
    }


def _email(reference: str) -> EmailAddress | None:
    """Return the address that a reference is; None for any other."""
    if "@" not in reference:
        return None
    try:
        return parse_email(reference)
    except ValidationError:
        return None
