"""Tickets in every status and priority, with clocks that run or have run out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import cycle, islice
from typing import TYPE_CHECKING

from config.seeding.drafts import model
from config.seeding.shops import Shop
from config.seeding.words import ANSWERS, INTERNAL

if TYPE_CHECKING:
    from customers.models import Booking, Customer, Ticket, TicketMessage

# Those of the five have lower numbers, generated ones higher.
_FIRST_NUMBER = 101
# Hours to the first answer, and to the end, by priority.
_CLOCKS = {"urgent": (1, 8), "high": (4, 24), "normal": (8, 72), "low": (24, 168)}
# By turns; the open ones with a clock that runs, and one that ran out.
_STATUSES = ["open", "closed", "pending", "resolved", "open", "closed", "closed"]
_PRIORITIES = ["normal", "high", "low", "normal", "urgent"]


def tickets_of(
    shop: Shop, customers: Sequence[Customer], bookings: Sequence[Booking]
) -> list[Ticket]:
    """Return the tickets of a business, the oldest first."""
    newest = {booking.customer_id: booking for booking in bookings}
    earlier = [one for one in customers if one.joined_at < shop.ago(days=30)]
    who = shop.chance.sample(earlier, min(shop.tickets, len(earlier)))
    cases = zip(cycle(_STATUSES), cycle(_PRIORITIES), strict=False)
    drafts = [
        (_opened(shop, customer, status, priority), customer, status, priority)
        for customer, (status, priority) in zip(
            who, islice(cases, len(who)), strict=True
        )
    ]
    drafts.sort(key=lambda draft: draft[0])
    return [
        _ticket(shop, number, draft, newest.get(draft[1].pk))
        for number, draft in enumerate(drafts, start=_FIRST_NUMBER)
    ]


def _opened(shop: Shop, customer: Customer, status: str, priority: str) -> datetime:
    """Return when it was opened: what still is open within the last days."""
    first, end = _CLOCKS[priority]
    if status == "open":
        # Before or after its clocks ran out, as often.
        hours = shop.chance.choice([first * 0.4, first * 0.7, first * 3, end * 1.3])
        return shop.ago(hours=hours * shop.chance.uniform(0.8, 1.2))
    if status == "pending":
        return shop.ago(hours=end * shop.chance.uniform(0.4, 1.3))
    return shop.between(customer.joined_at, shop.ago(days=10))


def _ticket(
    shop: Shop,
    number: int,
    draft: tuple[datetime, Customer, str, str],
    booking: Booking | None,
) -> Ticket:
    opened, customer, status, priority = draft
    first, end = (timedelta(hours=hours) for hours in _CLOCKS[priority])
    is_done = status in ("resolved", "closed")
    # Pending is what was answered and waits for the customer.
    responded = None
    if status != "open" or (opened + first * 2 < shop.now and shop.likely(0.5)):
        late = shop.chance.choice([0.3, 0.6, 0.9, 1.7])
        responded = min(opened + first * late, shop.ago(minutes=5))
    resolved = opened + end * shop.chance.choice([0.4, 0.8, 1.1]) if is_done else None
    has_assignee = is_done or shop.likely(0.6)
    desk = [*shop.staff.support, shop.staff.admin]
    ticket: Ticket = model("Ticket")(
        booking=booking if shop.likely(0.5) else None,
        number=number,
        subject=shop.questions[number % len(shop.questions)][0],
        status=status,
        priority=priority,
        channel=shop.chance.choice(["email", "email", "phone", "chat", "web", "other"]),
        assignee=shop.chance.choice(desk) if has_assignee else None,
        opened_at=opened,
        first_response_due_at=opened + first,
        first_responded_at=responded,
        resolution_due_at=opened + end,
        resolved_at=resolved,
        closed_at=resolved + timedelta(hours=20)
        if resolved and status == "closed"
        else None,
        **shop.owners(customer),
    )
    return ticket


def messages_of(shop: Shop, ticket: Ticket) -> Iterator[TicketMessage]:
    """Yield the question, the answer if there is one, and what colleagues say of it."""
    question = shop.questions[ticket.number % len(shop.questions)][1]
    yield _message(ticket, question, ticket.opened_at)
    author = ticket.assignee or shop.staff.support[0]
    if ticket.first_responded_at is None:
        return
    answer = shop.chance.choice(ANSWERS)
    yield _message(ticket, answer, ticket.first_responded_at, author=author)
    if shop.likely(0.3):
        seen = shop.between(ticket.opened_at, ticket.first_responded_at)
        text = shop.chance.choice(INTERNAL)
        yield _message(ticket, text, seen, author=author, is_internal=True)
    if ticket.resolved_at and shop.likely(0.5):
        yield _message(ticket, "Thank you, that was quick.", ticket.resolved_at)


def _message(
    ticket: Ticket, body: str, sent: datetime, **columns: object
) -> TicketMessage:
    message: TicketMessage = model("TicketMessage")(
        ticket=ticket,
        business=ticket.business,
        author_kind="staff" if "author" in columns else "customer",
        body=body,
        sent_at=sent,
        **columns,
    )
    return message
