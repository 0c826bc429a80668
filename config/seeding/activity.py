"""What staff do today: by the services, as each person, with the rights of the role."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from audit import jobs
from config.seeding.drafts import WORDING
from config.seeding.people import is_silent
from config.seeding.shops import Shop
from config.seeding.staff import acting
from customers import services, tasks

if TYPE_CHECKING:
    from customers.models import Customer, Ticket

# Why somebody was archived, and which share of the silent ones.
_ARCHIVED = {
    "Moved abroad.": 0.12,
    "Asked to be taken off the list.": 0.08,
    "The company has closed.": 0.05,
}


def work(shop: Shop, customers: Sequence[Customer], tickets: Sequence[Ticket]) -> None:
    """Let staff write, answer, look, archive and export, with stored customers."""
    busy = {ticket.customer_id for ticket in tickets}
    free = [one for one in customers if one.pk not in busy]
    silent = [one for one in free if is_silent(one, shop.now)]
    awake = [one for one in customers if not is_silent(one, shop.now)]
    _at_the_desk(shop, awake, [t for t in tickets if t.status == "open"])
    remaining = _archive(shop, silent)
    _ask_for_jobs(shop, remaining)
    if "pia" in shop.staff.by_name:
        _export(shop)


def _at_the_desk(
    shop: Shop, customers: Sequence[Customer], tickets: Sequence[Ticket]
) -> None:
    colleagues = [acting(user) for user in shop.staff.support]
    first = colleagues[0]
    for one, text in zip(
        customers,
        ("Called back; comes on Friday.", "Wants a call before we deliver."),
        strict=False,
    ):
        services.add_note(one, text, actor=first, note_type="personal")
    services.add_note(
        customers[2], "Always offer a chair.", actor=colleagues[-1], is_pinned=True
    )
    for ticket in tickets[:2]:
        services.add_message(
            ticket,
            actor=first,
            author_kind="staff",
            body="I ask and write again.",
        )
    services.update_customer(
        customers[3], actor=first, reason="has moved", location=shop.towns[-1][0]
    )
    services.update_preferences(customers[4], actor=first, best_contact_time="mornings")
    services.record_consent(
        customers[5],
        actor=first,
        purpose="marketing",
        action="given",
        channel="sms",
        wording_version=WORDING,
        method="phone",
    )
    services.issue_credit(
        customers[6],
        actor=acting(shop.staff.admin),
        amount=Decimal(10),
        reason="For the long wait.",
        expires_on=(shop.now + timedelta(days=180)).date(),
    )
    services.reveal_customer(
        customers[7], actor=first, reason="Called about a delivery."
    )


def _archive(shop: Shop, silent: list[Customer]) -> list[Customer]:
    """Archive some of the silent ones; return the others."""
    admin, remaining = acting(shop.staff.admin), list(silent)
    for reason, share in _ARCHIVED.items():
        ids = [one.pk for one in remaining[: math.ceil(len(silent) * share)]]
        remaining = remaining[len(ids) :]
        if ids:
            services.archive_customers(ids, actor=admin, reason=reason)
    return remaining


def _ask_for_jobs(shop: Shop, silent: list[Customer]) -> None:
    """Ask for long work: what the worker does next, and what was cancelled."""
    admin, business_id = acting(shop.staff.admin), shop.business.pk
    tasks.refresh_figures.using(actor=admin, business_id=business_id).enqueue()
    archive = tasks.archive_customers.using(
        actor=admin, business_id=business_id, reason="Not heard of for a year."
    )
    archive.using(ids=[one.pk for one in silent[:4]]).enqueue()
    hasty = archive.using(ids=[one.pk for one in silent]).enqueue()
    jobs.cancel_job(jobs.list_jobs(actor=admin).get(pk=hasty.id), actor=admin)


def _export(shop: Shop) -> None:
    """Export who may be sent offers, to the last row, as marketing does each month."""
    marketing = acting(shop.staff.by_name["pia"])
    plan = services.plan_export(
        shop.business,
        actor=marketing,
        profile="marketing",
        purpose="marketing",
        reason="The monthly letter.",
    )
    for _ in services.start_export(plan, actor=marketing):
        pass
