"""Loading the SQLite files that documents 000 and 001 describe; each row once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils.text import slugify

from audit import log
from audit.database.batches import in_batches
from audit.datetimes import names_zone, parse_moment
from audit.emails import email_spellings, fold_email
from audit.json_text import JsonObject
from audit.tenancy.actors import Actor
from capture.adapters import (
    CUSTOMERS,
    LEGACY_TABLES,
    LEGACY_TIMES,
    PAYMENTS,
    SCREENSHOT_KEYS,
    USERS,
    read_columns,
    read_legacy,
    snake,
    who,
)
from capture.choices import CaptureType, IngestStatus, Trust
from capture.envelope import Envelope, Issue
from capture.ingest.amounts import find_amount_issue, rounded_amounts, state_of
from capture.ingest.envelopes import build_envelopes
from capture.ingest.normalisation import read_time, stored_message_id
from capture.ingest.pipeline import IDENTITY_REVIEW, ingest
from capture.ingest.projections import text
from capture.ingest.screenshots import MAX_BYTES, store_screenshot
from capture.ingest.validation import ILLEGAL_IDS
from capture.models import (
    Capture,
    Payment,
    PaymentReference,
    Sighting,
    Source,
)
from capture.parsing import SQLiteFile, Table, TableRecord, fingerprint, quoted, redact
from capture.services.keys import get_or_create_source

if TYPE_CHECKING:
    from customers.models import Business

# Messages of one transaction; about 50 ms.
_BATCH = 20
_PREFIX = "legacy"
_ADAPTER = "import"
# The report stays readable, and memory flat, when every row is wrong.
MAX_LISTED = 1000
_LONGEST_AGENT = 2000
_NESTED_SCREENSHOTS = ("questionnaire_data", "data_snapshot")
_CONFLICT = "message_id_conflict"
# The suffix of the payment in a row of a customer.
_PAYMENT = ":payment"


@dataclass
class TableReport:
    """What became of one table: its rows, and the messages that they made.

    `waiting` are messages whose customer staff have to name.
    """

    name: str
    read: int = 0
    new: int = 0
    repeated: int = 0
    unchanged: int = 0
    covered: int = 0
    problems: int = 0
    waiting: int = 0
    warnings: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class RowProblem:
    """A row that went to quarantine: table, row and code, but no value."""

    table: str
    label: str
    code: str
    pointer: str


@dataclass
class LegacyReport:
    """What a load did. `problems` lists the first thousand of them."""

    tables: list[TableReport] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    batches: int = 0
    # Rows of all tables, and how many of them have been looked at.
    total: int = 0
    read: int = 0


@dataclass(frozen=True)
class _Message:
    row: str
    suffix: str
    envelope: Envelope
    weight: int


@dataclass
class _Load:
    """One load on its way."""

    file: SQLiteFile
    business: Business
    source: Source | None
    zone: tzinfo | None
    actor: Actor
    is_check: bool
    progress: Callable[[LegacyReport], None]
    tables: dict[str, Table]
    report: LegacyReport = field(default_factory=LegacyReport)


def import_legacy(
    file: SQLiteFile,
    *,
    business: Business,
    source: str,
    actor: Actor,
    zone: tzinfo | None = None,
    check: bool = False,
    progress: Callable[[LegacyReport], None] = lambda _: None,
) -> LegacyReport:
    """Capture every row of the known tables with its own time, each once.

    A time without a zone is one of `zone`, or else UTC. A message is known by its
    table and primary key. What is wrong goes to quarantine and stops nothing. Twenty
    messages are a transaction, fewer where they are large, so what is loaded stays when
    the rest fails, and the same call again goes on from there. With `check` nothing is
    written. Raises ValueError when the file has none of the tables, SQLiteError when it
    cannot be read.
    """
    actor.require_perm(business.pk, "capture.add_source")
    all_tables = file.tables()
    tables = {name: all_tables[name] for name in LEGACY_TABLES if name in all_tables}
    if not tables:
        msg = f"{file.path} has none of the tables {', '.join(LEGACY_TABLES)}."
        raise ValueError(msg)
    place = _source(business, source, actor, check=check)
    load = _Load(file, business, place, zone, actor, check, progress, tables)
    load.report.total = sum(_count(load, table) for table in tables.values())
    reports = {name: TableReport(name) for name in tables}
    for report in reports.values():
        load.report.tables.append(report)
        _import_messages(load, report, _read_table(load, report))
    if CUSTOMERS in tables:
        # Last, when the payments of the other table are known.
        _import_messages(load, reports[CUSTOMERS], _read_payments(load))
    if not check:
        _record(load)
    return load.report


def _count(load: _Load, table: Table) -> int:
    query = f"SELECT count(*) FROM {quoted(table.name)}"  # noqa: S608 - names are quoted
    return next(load.file.values(query))[0]


def _source(
    business: Business, name: str, actor: Actor, *, check: bool
) -> Source | None:
    if not check:
        return get_or_create_source(business, name, actor=actor)
    return Source.objects.filter(business=business, slug=slugify(name)[:63]).first()


def _read_table(load: _Load, report: TableReport) -> Iterator[_Message]:
    """Yield the messages of a table, but for the payments of customers' rows."""
    for row in load.file.records(load.tables[report.name], _mark(load, report.name)):
        report.read += 1
        load.report.read += 1
        for message in _row_messages(load, report.name, row):
            if message.suffix != _PAYMENT:
                yield message


def _read_payments(load: _Load) -> Iterator[_Message]:
    """Yield the payments in the rows of customers."""
    for row in load.file.records(load.tables[CUSTOMERS]):
        for message in _row_messages(load, CUSTOMERS, row):
            if message.suffix == _PAYMENT:
                yield message


def _import_messages(
    load: _Load, report: TableReport, messages: Iterator[_Message]
) -> None:
    for _, batch in in_batches(messages, _BATCH, weigh=lambda m: m.weight):
        load.report.batches += 1
        _import_batch(load, report, batch)


def _row_messages(load: _Load, table: str, row: TableRecord) -> Iterator[_Message]:
    """Yield the messages of a row. Every row becomes at least one."""
    business_id = None if load.is_check else load.business.pk
    weight = sum(len(v) for v in row.values.values() if isinstance(v, str | bytes))
    values, warnings = read_columns(row.values)
    _localise(values, load.zone)
    _drop_illegal_ids(table, values)
    warnings += _store_screenshots(values, business_id)
    for part in read_legacy(table, values, has_signup=row.mark):
        moment = _first_time(part.times)
        if part.is_dated and read_time(moment) is None:
            continue
        message_id = f"{_PREFIX}:{table}:{row.key}{part.suffix}"
        body = {**part.body, "message_id": message_id}
        if "timestamp" in body:
            # Times are not searched for secrets; what is none has another name.
            body["legacy_timestamp"] = body.pop("timestamp")
        if read_time(moment) is not None:
            body["timestamp"] = moment
        envelope = build_envelopes(
            part.kind,
            body,
            adapter=_ADAPTER,
            trust=Trust.SERVER,
            business_id=business_id,
            user_agent=text(redact(values.get("user_agent"))[0], _LONGEST_AGENT),
            warnings=() if part.suffix else tuple(warnings),
        )[0]
        # The row's own time, also where a route would look at another key first.
        envelope = replace(
            envelope, message_id=message_id, timestamp=moment, sent_at=None
        )
        yield _Message(row.label, part.suffix, envelope, weight)


def _localise(values: dict[str, object], zone: tzinfo | None) -> None:
    """Write the zone to the times that have none."""
    if zone is None:
        return
    for name in LEGACY_TIMES:
        value = values.get(name)
        if not isinstance(value, str) or names_zone(value):
            continue
        try:
            moment = parse_moment(value, zone, takes_first=True)
        except ValidationError:
            continue
        values[name] = moment.isoformat()


def _first_time(times: tuple[object, ...]) -> object:
    """Return the first time that can be read, else the first one that is there."""
    values = [value for value in times if value not in (None, "")]
    readable = (value for value in values if read_time(value) is not None)
    return next(readable, next(iter(values), None))


def _drop_illegal_ids(table: str, values: dict[str, object]) -> None:
    """Rename a user id of 0 or the like: it identifies nobody, unlike the e-mail."""
    for name in (*who(table)[0], "user_id"):
        value = values.get(name)
        if value is not None and str(value).strip().casefold() in ILLEGAL_IDS:
            values[f"legacy_{name}"] = values.pop(name)


def _store_screenshots(
    values: JsonObject, business_id: UUID | None
) -> list[tuple[str, str]]:
    """Store the screenshots inside of JSON; keep as text what is no picture at all."""
    warnings = []
    for name in _NESTED_SCREENSHOTS:
        if isinstance(values.get(name), dict):
            cleaned, issue = store_screenshot(values[name], business_id)
            if issue is None:
                values[name] = cleaned
    for name in [key for key in values if snake(key) in SCREENSHOT_KEYS]:
        value = values[name]
        is_small = isinstance(value, str) and len(value) <= MAX_BYTES // 100
        if is_small and store_screenshot({name: value}, None)[1] is not None:
            # A path, or a note: the other answers are good.
            values[f"{name}_text"] = values.pop(name)
            warnings.append(("no_picture", f"/{name}"))
    return warnings


def _folded(column: str) -> str:
    """Return SQL for the key of an address, which is one for all its spellings."""
    return f"fold_email(CAST({column} AS BLOB))"


def _column(table: Table, names: tuple[str, ...]) -> str | None:
    spelled = {snake(name): name for name in table.columns}
    column = next((spelled[name] for name in names if name in spelled), None)
    return quoted(column) if column else None


def _mark(load: _Load, name: str) -> str:
    """Return SQL that is true for users whose signup is in the other table."""
    other = load.tables.get(CUSTOMERS)
    if name != USERS or other is None:
        return "0"
    ours, theirs = (
        _column(table, who(key)[1])
        for key, table in ((USERS, load.tables[USERS]), (CUSTOMERS, other))
    )
    if not (ours and theirs):
        return "0"
    emails = f"SELECT {_folded(theirs)} FROM {quoted(other.name)}"  # noqa: S608 - names are quoted
    return f"coalesce({_folded(ours)} IN ({emails}), 0)"


def _import_batch(load: _Load, report: TableReport, batch: list[_Message]) -> None:
    """Capture what is new of a batch and count what became of each message."""
    batch = _uncovered(load, report, batch)
    fresh = []
    before = _stored_fingerprints(load, batch)
    for message in batch:
        report.warnings.update({code for code, _ in message.envelope.warnings})
        if _is_repeat(message.envelope, before, load.source):
            report.repeated += 1
        else:
            fresh.append(message)
    fresh = _taking_over(load, report, fresh)
    if load.is_check or load.source is None:
        for message in fresh:
            _count_checked(load, report, message, before)
    elif fresh:
        _ingest(load, report, fresh, load.source)
    load.progress(load.report)


def _ingest(
    load: _Load, report: TableReport, batch: list[_Message], source: Source
) -> None:
    envelopes = [message.envelope for message in batch]
    results = ingest(envelopes, source=source, actor=load.actor)
    for message, result in zip(batch, results, strict=True):
        report.waiting += IDENTITY_REVIEW in result.warnings
        if result.code is not None:
            _note(load, report, message, result.code, result.pointer)
        elif result.status == IngestStatus.ACCEPTED:
            report.new += 1
        elif "unchanged" in result.warnings:
            report.unchanged += 1
        else:
            report.repeated += 1


def _count_checked(
    load: _Load,
    report: TableReport,
    message: _Message,
    before: dict[str, bytes | None],
) -> None:
    issue = message.envelope.issue
    if issue is not None:
        _note(load, report, message, issue.code, issue.pointer)
    elif load.source and stored_message_id(message.envelope, load.source) in before:
        _note(load, report, message, _CONFLICT, "")
    else:
        report.new += 1


def _note(
    load: _Load, report: TableReport, message: _Message, code: str, pointer: str | None
) -> None:
    report.problems += 1
    if len(load.report.problems) < MAX_LISTED:
        issue = RowProblem(report.name, message.row, code, pointer or "")
        load.report.problems.append(issue)


def _stored_fingerprints(load: _Load, batch: list[_Message]) -> dict[str, bytes | None]:
    """Return the messages that came before: the fingerprint of each, if any."""
    if load.source is None:
        return {}
    ids = [stored_message_id(m.envelope, load.source) for m in batch]
    seen = Sighting.objects.filter(
        source=load.source, message_id__in=ids, capture__type=CaptureType.DASHBOARD
    )
    fingerprints: dict[str, bytes | None] = {
        name: None for name in seen.values_list("message_id", flat=True) if name
    }
    captured = Capture.objects.filter(
        business=load.business, source=load.source, message_id__in=ids
    )
    for name, mark in captured.values_list("message_id", "fingerprint"):
        fingerprints[name] = bytes(mark) if mark is not None else None
    return fingerprints


def _is_repeat(
    envelope: Envelope, before: dict[str, bytes | None], source: Source | None
) -> bool:
    name = stored_message_id(envelope, source) if source else None
    if name not in before or envelope.issue is not None:
        return False
    return before[name] in (None, fingerprint(envelope.body))


def _uncovered(
    load: _Load, report: TableReport, batch: list[_Message]
) -> list[_Message]:
    """Leave out the payment of a customer's row that another message recorded.

    The row repeats the latest payment without its number, so that it would count
    twice. Same e-mail, amount and state is the same payment.
    """
    currency = load.business.currency
    sums = [m for m in batch if m.suffix == _PAYMENT and not _issue(m.envelope, load)]
    emails = {fold_email(e) for m in sums if (e := m.envelope.identity.email)}
    if not emails:
        return batch
    spellings = {way for email in emails for way in email_spellings(email)}
    payments = Payment.objects.filter(business=load.business, user_email__in=spellings)
    recorded = {
        (fold_email(email or ""), price, state)
        for email, price, state in payments.exclude(
            first_capture__message_id__startswith=f"{_PREFIX}:{CUSTOMERS}:"
        ).values_list("user_email", "final_price", "state")
    }
    covered = {id(m) for m in sums if _summary(m.envelope, currency) in recorded}
    report.covered += len(covered)
    return [message for message in batch if id(message) not in covered]


def _taking_over(
    load: _Load, report: TableReport, batch: list[_Message]
) -> list[_Message]:
    """Join payments with what the rows of customers told of them in an earlier run.

    Each with one: same e-mail, amount and state. They are one payment from then on.
    """
    if report.name != PAYMENTS:
        return batch
    currency = load.business.currency
    good = [m for m in batch if not _issue(m.envelope, load)]
    emails = {fold_email(e) for m in good if (e := m.envelope.identity.email)}
    spellings = {way for email in emails for way in email_spellings(email)}
    # Of one message alone: nothing else has taken it over yet.
    payments = Payment.objects.filter(
        business=load.business,
        user_email__in=spellings,
        first_capture__message_id__startswith=f"{_PREFIX}:{CUSTOMERS}:",
        first_capture=F("latest_capture"),
    )
    names = PaymentReference.objects.filter(payment__in=payments).order_by("value")
    columns = ("payment__user_email", "payment__final_price", "payment__state")
    summaries: dict[tuple[str, Decimal | None, str], dict[UUID, str]] = {}
    for payment_id, value, email, price, state in names.values_list(
        "payment_id", "value", *columns
    ):
        key = (fold_email(email or ""), price, state)
        summaries.setdefault(key, {})[payment_id] = value
    result = []
    for message in batch:
        envelope = message.envelope
        is_good = summaries and not _issue(envelope, load)
        same = summaries.get(_summary(envelope, currency)) if is_good else None
        if same:
            _, reference = same.popitem()
            fields = {**envelope.fields, "joins": reference}
            message = replace(message, envelope=replace(envelope, fields=fields))  # noqa: PLW2901 - the same one, with one field more
        result.append(message)
    return result


def _issue(envelope: Envelope, load: _Load) -> Issue | None:
    return envelope.issue or find_amount_issue(envelope, load.business.currency)


def _summary(envelope: Envelope, currency: str) -> tuple[str, Decimal | None, str]:
    price = rounded_amounts(envelope.fields, currency).get("final_price")
    return fold_email(envelope.identity.email or ""), price, state_of(envelope.fields)


@transaction.atomic
def _record(load: _Load) -> None:
    names = {"rows": "read", "known": "repeated"}
    names |= {n: n for n in ("new", "unchanged", "covered", "problems")}
    log.record(
        "legacy.imported",
        load.source,
        actor=load.actor,
        business_id=load.business.pk,
        data={"batches": load.report.batches}
        | {
            f"{table.name}.{name}": getattr(table, field_name)
            for table in load.report.tables
            for name, field_name in names.items()
        },
    )
