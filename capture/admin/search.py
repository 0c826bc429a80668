"""What the search of the admin finds here: payments and captures."""

from __future__ import annotations

from django.utils.timezone import localtime

from audit.admin.search import (
    Description,
    SearchGroup,
    described,
    register_search_group,
)
from capture import services
from capture.models import Capture, Payment


def _describe_capture(capture: Capture) -> Description:
    link = getattr(capture, "link", None)
    customer = link.customer if link is not None else None
    received = f"{localtime(capture.received_at):%Y-%m-%d %H:%M}"
    return described(
        capture.get_type_display(), capture.source, received, customer or "unmatched"
    )


def _describe_payment(payment: Payment) -> Description:
    day = f"{localtime(payment.occurred_at):%Y-%m-%d}"
    title = services.format_amount(payment)
    state = payment.get_state_display()
    return described(title, state, day, payment.customer or "unmatched")


register_search_group(
    SearchGroup(
        "Payments",
        Payment,
        services.find_payments,
        _describe_payment,
        order=60,
        is_suggested=False,
    )
)
register_search_group(
    SearchGroup(
        "Captures",
        Capture,
        services.find_captures,
        _describe_capture,
        order=70,
        is_suggested=False,
    )
)
