"""Which value of a customer's column wins, and where it is from.

The highest trust, then the latest event, then the latest arrival, then the capture's
id: never the order of arrival alone. So messages in any order end in the same values,
and a rebuild finds them again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from audit.tenancy.actors import Actor
from capture.adapters.values import answer
from capture.choices import TRUST_RANK, CaptureType, Trust
from capture.ingest.identity import LinkResult
from capture.ingest.projections import ParsedCapture, earliest_signups, name_in, text
from capture.models import CapturedValue, Source
from customers import services as customers
from customers.values.phone_number import captured_phone

PROFILE_TYPES = (CaptureType.SIGNUP, CaptureType.PROFILE)
# These can make a customer, and then name them; who signs up has the last word.
NAMING_TYPES = (
    *PROFILE_TYPES,
    CaptureType.PAYMENT,
    CaptureType.LOGIN,
    CaptureType.QUESTIONNAIRE,
    CaptureType.DASHBOARD,
)
# They change nothing of their customer but the time of the last activity, unless they
# answer the marketing question.
SILENT_TYPES = (CaptureType.PAGE, CaptureType.EVENT)
STATUSES = ("active", "inactive")

Winners = dict[tuple[UUID, str], CapturedValue]


def update_customers(
    parsed: list[ParsedCapture], linked: LinkResult, source: Source, *, actor: Actor
) -> None:
    """Update customers and their consents from parsed captures."""
    owned = [(t, pk) for t in parsed if (pk := linked.customers.get(t.capture.pk))]
    # Lock first: concurrent messages would both beat the stored value.
    named_ids = {pk for t, pk in owned if t.capture.type in NAMING_TYPES}
    customers.lock_customers(named_ids)
    won, former = _compete(owned, source.business_id)
    updates: dict[UUID, dict[str, customers.CustomerValueUpdate]] = defaultdict(dict)
    for (pk, name), winner in won.items():
        # What the first message of a batch has made of them, a better one replaces.
        former.setdefault((pk, name), getattr(linked.made.get(pk), name, None))
        updates[pk][name] = customers.CustomerValueUpdate(
            value=winner.value or "",
            former=former.get((pk, name)),
            occurred_at=winner.occurred_at,
            may_replace=winner.trust != Trust.BROWSER
            and winner.capture.type in PROFILE_TYPES,
        )
    first: dict[UUID, datetime] = {}
    for item, pk in owned:
        if item.capture.type in PROFILE_TYPES:
            moment = item.capture.occurred_at
            first[pk] = min(first.get(pk, moment), moment)
    customers.update_captured_customers(
        updates,
        actor=actor,
        learned=linked.new_identifiers,
        joined=earliest_signups(first),
        first_seen=first,
    )
    customers.record_captured_consents(
        [*_unrecorded(owned, linked), *_refusals(parsed, linked.objections)],
        business_id=source.business_id,
        wording_version=source.consent_wording_version,
        actor=actor,
    )


def find_winners(owned: Iterable[tuple[ParsedCapture, UUID]]) -> Winners:
    """Return the winning value of each customer's columns among these captures."""
    won: Winners = {}
    for item, pk in owned:
        capture = item.capture
        if capture.type not in NAMING_TYPES:
            continue
        for name, value in _values(item).items():
            candidate = CapturedValue(
                business_id=capture.business_id,
                customer_id=pk,
                field=name,
                value=value,
                capture=capture,
                trust=capture.trust,
                occurred_at=capture.occurred_at,
                received_at=item.stated_at,
            )
            best = won.get((pk, name))
            if best is None or _weight(candidate) > _weight(best):
                won[pk, name] = candidate
    return won


def _values(item: ParsedCapture) -> dict[str, str]:
    """Return the customer columns that a capture sets."""
    if item.capture.type in PROFILE_TYPES:
        columns = customer_columns(item.fields)
        if item.capture.trust == Trust.BROWSER:
            # Nobody is made inactive by what a page says.
            columns.pop("status", None)
        return columns
    values = {
        "name": name_in(item.fields.get("full_name")),
        "phone": captured_phone(item.capture.phone)[0],
    }
    return {name: value for name, value in values.items() if value}


def customer_columns(fields: dict[str, object]) -> dict[str, str]:
    """Return the customer columns that a signup or profile sets."""
    status = fields.get("status")
    columns = {
        "name": name_in(fields.get("full_name")),
        "phone": captured_phone(fields.get("mobile_number"))[0],
        "location": text(fields.get("location"), 200),
        "source": text(fields.get("signup_source", fields.get("source")), 100),
        "status": status if status in STATUSES else None,
    }
    return {name: value for name, value in columns.items() if value}


def consent_of(item: ParsedCapture) -> bool | None:
    """Return the answer of a capture to the marketing question; GPC is a no to it."""
    if item.capture.gpc and item.capture.trust == Trust.BROWSER:
        return False
    return answer(item.fields.get("marketing_consent"))


def _weight(value: CapturedValue) -> tuple[bool, bool, int, datetime, datetime, UUID]:
    """Sort key: nothing of a page wins; else a profile does, then trust, then time."""
    rank = TRUST_RANK[Trust(value.trust)]
    is_profile = value.capture.type in PROFILE_TYPES
    times = (value.occurred_at, value.received_at)
    return rank > 0, is_profile, rank, *times, value.capture_id


def _compete(
    owned: list[tuple[ParsedCapture, UUID]], business_id: UUID
) -> tuple[Winners, dict[tuple[UUID, str], str | None]]:
    """Store the values that beat the stored ones; return them and the former ones."""
    candidates = find_winners(owned)
    if not candidates:
        return {}, {}
    stored = CapturedValue.objects.filter(
        business=business_id, customer__in={pk for pk, _ in candidates}
    )
    # Of the capture only its type: what was sent can be long.
    columns = ("customer", "field", "value", "trust", "occurred_at", "received_at")
    stored_values = stored.select_related("capture").only(*columns, "capture__type")
    stored_by_key = {(value.customer_id, value.field): value for value in stored_values}
    won = {
        key: value
        for key, value in sorted(candidates.items())
        if key not in stored_by_key or _weight(value) > _weight(stored_by_key[key])
    }
    CapturedValue.objects.bulk_create(
        won.values(),
        update_conflicts=True,
        unique_fields=["customer", "field"],
        update_fields=["value", "capture", "trust", "occurred_at", "received_at"],
    )
    return won, {key: value.value for key, value in stored_by_key.items()}


def _answers(
    owned: list[tuple[ParsedCapture, UUID]],
) -> list[customers.CapturedConsent]:
    """Return answers to the marketing question."""
    answers = []
    for item, pk in owned:
        capture = item.capture
        is_yes = consent_of(item)
        if is_yes is not None:
            answers.append(
                customers.CapturedConsent(pk, is_yes, capture.occurred_at, capture.pk)
            )
    return answers


def _unrecorded(
    owned: list[tuple[ParsedCapture, UUID]], linked: LinkResult
) -> list[customers.CapturedConsent]:
    """Return answers, but those that were recorded while their message waited."""
    answers = _answers(owned)
    attached = {capture.pk for capture in linked.attached}
    waited = [answer for answer in answers if answer.capture_id in attached]
    if not waited:
        return answers
    recorded = customers.captures_with_consent(
        {answer.customer_id for answer in waited},
        [answer.capture_id for answer in waited],
    )
    return [answer for answer in answers if answer.capture_id not in recorded]


def _refusals(
    parsed: list[ParsedCapture], objections: Mapping[UUID, UUID]
) -> list[customers.CapturedConsent]:
    """Return each *no* of messages about which staff were asked whose they are.

    It holds at once, for whoever the e-mail finds, else for the user id's.
    """
    objected = [
        (item, pk) for item in parsed if (pk := objections.get(item.capture.pk))
    ]
    return [answer for answer in _answers(objected) if not answer.is_yes]
