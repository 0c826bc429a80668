"""What was captured of one person, counted as document 001 does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max, Model

from audit.tenancy.actors import Actor
from capture.choices import CaptureType
from capture.models import (
    CaptureLink,
    DashboardSnapshot,
    Payment,
    Questionnaire,
)
from customers import services as customers

_COUNTED = (CaptureType.PAYMENT, CaptureType.QUESTIONNAIRE, CaptureType.DASHBOARD)


@dataclass(frozen=True)
class CaptureCounts:
    """Numbers and newest seconds by kind; zero and None for an unknown person."""

    payments: int = 0
    questionnaires: int = 0
    dashboard_updates: int = 0
    activities: int = 0
    audit_records: int = 0
    latest: dict[str, datetime | None] = field(default_factory=dict)
    # The persons with this e-mail in each business that was searched.
    customer_ids: dict[UUID, set[UUID]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """Everything but the audit records, as the document adds it up."""
        return (
            self.payments
            + self.questionnaires
            + self.dashboard_updates
            + self.activities
        )


def count_captures(email: str, *, actor: Actor) -> CaptureCounts:
    """Count the captures of the person with this e-mail, now or formerly.

    Only in the actor's businesses; an unknown and a foreign person look the same.
    """
    permission = "capture.view_capture"
    businesses = customers.list_businesses(actor=actor, permission=permission)
    customer_of = customers.find_by_email(email, businesses)
    searched = businesses.values_list("pk", flat=True)
    persons = {pk: {customer_of[pk]} if pk in customer_of else set() for pk in searched}
    ids = set(customer_of.values())
    if not ids:
        return CaptureCounts(latest=dict.fromkeys(_LATEST), customer_ids=persons)
    links = CaptureLink.objects.filter(customer__in=ids)
    ordinary = links.filter(capture__corrects_id=None)
    counts: dict[str, tuple[int, datetime | None]] = {}
    tables: dict[str, tuple[type[Model], str]] = {
        "payment": (Payment, "occurred_at"),
        "questionnaire": (Questionnaire, "occurred_at"),
        "dashboard": (DashboardSnapshot, "last_seen_at"),
    }
    for name, (model, moment) in tables.items():
        projections = model._default_manager.filter(customer__in=ids)
        totals = projections.aggregate(n=Count("pk"), last=Max(moment))
        last = totals["last"]
        counts[name] = (totals["n"], last and last.replace(microsecond=0))
    return CaptureCounts(
        payments=counts["payment"][0],
        questionnaires=counts["questionnaire"][0],
        dashboard_updates=counts["dashboard"][0],
        activities=ordinary.exclude(capture__type__in=_COUNTED).count(),
        audit_records=links.count(),
        latest={name: counts[name][1] for name in _LATEST},
        customer_ids=persons,
    )


_LATEST = ("payment", "questionnaire", "dashboard")
