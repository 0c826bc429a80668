"""Exports of customers: permissions, columns, the stream, and its manifest.

There is no table of exports. The event `export.started` is the export and has its id;
`export.finished` holds the manifest. An aborted stream leaves the first without the
second. Whoever is in a file has an event of their own, `customer.exported`.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import IO, Any
from uuid import UUID

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone
from django.utils.translation import gettext

from audit import accounts, log
from audit.json_text import JsonObject, JsonValue
from audit.privacy.masking import SEE_UNMASKED
from audit.tenancy.actors import Actor
from customers.cells import BYTE_ORDER_MARK, csv_line, escape_cell, utc_text
from customers.choices import ConsentChannel, ExportProfile
from customers.models import Business, Customer, CustomerQuerySet
from customers.selectors.customers import list_hub_customers
from customers.services.batches import by_key
from customers.services.columns import Column
from customers.services.exports.customer_columns import (
    check_columns,
    columns_of,
    load_values,
)
from customers.services.exports.marketing import COLUMNS, PRESETS, consenting, targeted
from customers.services.segment_rules import plain_rule, read_rule
from customers.services.segments import get_segment

EXPORT_PERMISSIONS = {
    ExportProfile.FULL: "customers.export_customer",
    ExportProfile.LIST: "customers.export_customer",
    ExportProfile.MARKETING: "customers.export_marketing",
}
_BATCH = 500
_PIECE = 65_536
EXPORTED = "customer.exported"
# What events of an export name in the place of a row.
EXPORT_LABEL = "export"
# In memory up to here, in a file without a name above.
_SPOOLED = 1_000_000
# Nothing that a spreadsheet could run; mail tools take an apostrophe for a digit.
_PHONE = re.compile(r"\+\d{5,15}")


@dataclass(frozen=True)
class ExportPlan:
    """A checked export that has not begun: content, filters, purpose and reason."""

    business: Business
    profile: str
    columns: tuple[str, ...]
    filters: dict[str, object]
    unmasked: bool
    purpose: str
    reason: str
    recipient: str = ""
    channel: str = ""
    preset: str = ""
    format: str = "csv"
    # Of a page of the admin: whose columns the file has.
    table: str = ""

    def event_data(self) -> JsonObject:
        """Return the data of its events, which leave out the text of a search."""
        filters = {k: v for k, v in self.filters.items() if k != "search"}
        data: JsonObject = {
            "profile": self.profile,
            "format": self.format,
            "filters": _json_safe(filters),
            "columns": list(self.columns),
            "in_clear": self.unmasked,
            "purpose": self.purpose,
            "recipient": self.recipient,
        }
        if self.table:
            data["table"] = self.table
        if self.profile == ExportProfile.MARKETING:
            data |= {
                "channel": self.channel,
                "preset": self.preset,
                "consent_mode": self.business.consent_mode,
            }
        return data

    @property
    def search(self) -> str:
        """The text of the search, if any."""
        return str(self.filters.get("search") or "")

    @property
    def digest(self) -> str:
        """The digest of exactly this export, for step-up."""
        return accounts.digest_of(
            "export",
            business=str(self.business.pk),
            search=self.search,
            reason=self.reason,
            **self.event_data(),
        )

    @property
    def what(self) -> str:
        """The export in words, for the page of step-up."""
        clear = "in clear" if self.unmasked else "masked"
        columns = len(self.columns)
        return f"Export customers ({self.profile}, {columns} columns, {clear}) as CSV"


def plan_export(
    business: Business,
    *,
    actor: Actor,
    profile: str,
    columns: Iterable[str] = (),
    filters: Mapping[str, object] | None = None,
    unmasked: bool = False,
    purpose: str,
    reason: str,
    recipient: str = "",
    channel: str = ConsentChannel.EMAIL,
    preset: str = "plain",
) -> ExportPlan:
    """Return a checked plan of an export; nothing is read or written.

    `filters` are a search, status, customer type, segment, rule, and the conditions of
    `get_customers_for_targeted_marketing`. A marketing export always has its eight
    columns, in clear: the rules of consent decide who is in it. Raises PermissionDenied
    without the permission, or for clear values that the role sees masked;
    ValidationError for unknown columns; RuleError; DoesNotExist for an unknown segment.
    """
    actor.require_perm(business.pk, EXPORT_PERMISSIONS[ExportProfile(profile)])
    filters = {k: v for k, v in (filters or {}).items() if v not in (None, "")}
    # Raises for a wrong rule or segment before step-up.
    _selected(filters, actor=actor, business=business)
    check_declaration(purpose, reason)
    declaration = {"purpose": purpose, "reason": reason, "recipient": recipient}
    if profile == ExportProfile.MARKETING:
        return ExportPlan(
            business,
            profile,
            COLUMNS,
            filters,
            unmasked=True,
            channel=str(channel),
            preset=preset,
            **declaration,
        )
    if unmasked:
        check_unmasked(business, actor)
    names = check_columns(columns, profile, actor=actor, business_id=business.pk)
    return ExportPlan(
        business, profile, tuple(names), filters, unmasked=unmasked, **declaration
    )


def check_declaration(purpose: str, reason: str) -> None:
    """Raise ValidationError `reason_needed` unless both say something."""
    if not reason.strip() or not purpose.strip():
        msg = gettext("Say for which purpose and reason. They stand in the manifest.")
        raise ValidationError(msg, code="reason_needed")


def check_unmasked(business: Business, actor: Actor) -> None:
    """Raise PermissionDenied for contact data in clear that the role sees masked."""
    if not actor.has_perm(SEE_UNMASKED, business.pk):
        msg = "Your role sees contact data masked. Export without in_clear."
        raise PermissionDenied(msg)


def start_export(plan: ExportPlan, *, actor: Actor) -> Export:
    """Begin a planned export: record its event, and return the stream.

    The event is written in a transaction of its own, before anything is read. A
    marketing export is written at once, into a temporary file, because the headers of
    its answer say how many customers were left out.
    """
    export = _begun(plan, actor)
    if plan.profile == ExportProfile.MARKETING:
        export.spool()
    return export


class Export:
    """The bytes of one file, produced batch by batch while they are read.

    Iterate over it once. Memory holds one batch of five hundred customers. Close it
    when it is not read to the end.
    """

    def __init__(
        self, plan: ExportPlan, customers: CustomerQuerySet, *, actor: Actor, pk: UUID
    ) -> None:
        self.plan, self.pk = plan, pk
        self.left_out: Counter[str] = Counter()
        self.rows = 0
        self._customers, self._actor = customers, actor
        self._columns = columns_of(plan.profile, plan.columns)
        self._hash = hashlib.sha256()
        self._spool: IO[bytes] | None = None

    @property
    def file_name(self) -> str:
        """The name under which a browser keeps the file."""
        return f"customers-{self.plan.profile}-{timezone.now():%Y-%m-%d}.csv"

    def spool(self) -> None:
        """Write the whole file now, to a temporary file that `close` deletes."""
        self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOLED)  # noqa: SIM115 - closed by close()
        try:
            for part in self._parts():
                self._spool.write(part)
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._pieces() if self._spool else self._parts()
        finally:
            self.close()
        self._finish()

    def as_rows(self) -> Iterator[dict[str, object]]:
        """Yield the rows as dicts; the manifest is that of the file."""
        self._taken(self._head())
        for batch in self._batches():
            for values in batch:
                self._taken(self._line(values))
                yield values
        self._finish()

    def close(self) -> None:
        """Delete the temporary file."""
        if self._spool is not None:
            self._spool.close()

    def _pieces(self) -> Iterator[bytes]:
        spool = self._spool
        if spool is not None:
            spool.seek(0)
            while piece := spool.read(_PIECE):
                yield piece

    def _parts(self) -> Iterator[bytes]:
        yield self._taken(self._head())
        for batch in self._batches():
            if batch:
                yield self._taken("".join(map(self._line, batch)))

    def _batches(self) -> Iterator[list[dict[str, object]]]:
        """Yield the values of batches of customers, without those left out."""
        plan = self.plan
        for batch in _batches(self._customers):
            exported = batch
            if self._is_marketing:
                exported = consenting(batch, plan.channel, self.left_out)
            self.rows += len(exported)
            values = load_values(exported, plan.columns, profile=plan.profile)
            # Before they are handed out: a stream that breaks off has named them.
            record_exported(
                self.plan, self.pk, [one.pk for one in exported], actor=self._actor
            )
            yield values

    @property
    def _is_marketing(self) -> bool:
        return self.plan.profile == ExportProfile.MARKETING

    def _head(self) -> str:
        is_named = self._is_marketing
        headers = PRESETS[self.plan.preset] if is_named else self.plan.columns
        return BYTE_ORDER_MARK + csv_line(headers)

    def _line(self, values: dict[str, object]) -> str:
        return csv_line(
            self._cell(column, values[column.name]) for column in self._columns
        )

    def _cell(self, column: Column, value: object) -> str:
        text = column.cell(value if self.plan.unmasked else column.masked(value))
        if self._is_marketing and column.name == "phone" and _PHONE.fullmatch(text):
            return text
        return escape_cell(text)

    def _taken(self, text: str) -> bytes:
        data = text.encode("utf-8", errors="replace")
        self._hash.update(data)
        return data

    def _finish(self) -> None:
        record_finished(
            self.plan,
            self.pk,
            actor=self._actor,
            count=self.rows,
            left_out=self.left_out,
            sha256=self._hash.hexdigest(),
        )


def record_exported(
    plan: ExportPlan,
    export_id: UUID,
    customer_ids: Iterable[UUID],
    *,
    actor: Actor,
    grant_id: UUID | None = None,
) -> None:
    """Write on the page of each of these customers that a file holds them, and why."""
    log.record_for_each(
        EXPORTED,
        customer_ids,
        actor=actor,
        business_id=plan.business.pk,
        object_label=EXPORT_LABEL,
        object_id=str(export_id),
        reason=plan.reason,
        grant_id=grant_id,
    )


def record_finished(
    plan: ExportPlan,
    export_id: UUID,
    *,
    actor: Actor,
    count: int,
    sha256: str,
    left_out: Mapping[str, int] | None = None,
    grant_id: UUID | None = None,
) -> None:
    """Write the manifest of an export that was handed out whole."""
    log.record_alone(
        "export.finished",
        actor=actor,
        business_id=plan.business.pk,
        object_label=EXPORT_LABEL,
        object_id=str(export_id),
        data={
            "export_id": str(export_id),
            **plan.event_data(),
            "rows": count,
            "left_out": dict(sorted((left_out or {}).items())),
            "sha256": sha256,
        },
        grant_id=grant_id,
    )


def export_customers_for_marketing(
    *,
    actor: Actor,
    customers: CustomerQuerySet | None = None,
    business_id: UUID | None = None,
    channel: str = ConsentChannel.EMAIL,
    reason: str,
) -> MarketingExport:
    """Return the customers of a list who may get offers on this channel, as rows.

    For programs: `start_export` makes the file of the same rows. The rules of consent
    are applied here, whatever the list. Start and end are events, the end one with the
    manifest. Raises ValidationError without a business if the actor works for several.
    """
    business_id = business_id or actor.sole_business_id
    if business_id is None:
        msg = "Name the business whose customers are exported."
        raise ValidationError(msg, code="business_needed")
    plan = plan_export(
        Business.objects.get(pk=business_id),
        actor=actor,
        profile=ExportProfile.MARKETING,
        purpose="marketing",
        reason=reason,
        channel=channel,
    )
    export = _begun(plan, actor, customers)
    return MarketingExport(export.as_rows(), export.left_out)


@dataclass
class MarketingExport:
    """The rows of one export, and how many were left out; read `rows` to the end."""

    rows: Iterator[dict[str, object]]
    left_out: Counter[str]


def _begun(
    plan: ExportPlan, actor: Actor, customers: CustomerQuerySet | None = None
) -> Export:
    chosen = _selected(plan.filters, actor=actor, business=plan.business)
    if customers is not None:
        chosen = chosen.filter(pk__in=customers.order_by().values("pk"))
    started = log.record_alone(
        "export.started",
        actor=actor,
        business_id=plan.business.pk,
        reason=plan.reason,
        query=plan.search or None,
        data=plan.event_data(),
    )
    return Export(plan, chosen, actor=actor, pk=started.pk)


def _selected(
    filters: Mapping[str, Any], *, actor: Actor, business: Business
) -> CustomerQuerySet:
    """Return the customers that match the filters, with what a file needs."""
    left = dict(filters)
    customers = list_hub_customers(
        actor=actor,
        business=business,
        search=left.pop("search", ""),
        status=left.pop("status", ""),
    )
    if kind := left.pop("customer_type", ""):
        customers = customers.filter(customer_type=kind)
    now = timezone.now()
    if segment := left.pop("segment", ""):
        customers = customers.filter(get_segment(segment).rule(now))
    if (rule := left.pop("rule", None)) is not None:
        customers = customers.filter(read_rule(rule, business=business, now=now))
    return targeted(customers, **left)


def _batches(customers: CustomerQuerySet) -> Iterator[list[Customer]]:
    # By key: no cursor is held while a slow reader reads.
    for batch in by_key(customers, _BATCH):
        yield batch
        for row in batch:
            # A customer and their figures refer to each other: without this only the
            # garbage collector frees them, which runs seldom.
            row._state.fields_cache.clear()


def _json_safe(value: object) -> JsonValue:
    """Return filters for the trail: times and amounts as text."""
    if isinstance(value, dict):
        return {key: _json_safe(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    return plain_rule(value)
