"""What the search of the admin finds here: payments and captures."""

from __future__ import annotations

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

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
    received = date_format(localtime(capture.received_at), "SHORT_DATETIME_FORMAT")
    whom = customer or gettext("unmatched")
    return described(capture.get_type_display(), capture.source, received, whom)


def _describe_payment(payment: Payment) -> Description:
    day = date_format(localtime(payment.occurred_at), "SHORT_DATE_FORMAT")
    title = services.format_amount(payment)
    state = payment.get_state_display()
    return described(title, state, day, payment.customer or gettext("unmatched"))


register_search_group(
    SearchGroup(
        _("Payments"),
        Payment,
        services.find_payments,
        _describe_payment,
        order=60,
        is_suggested=False,
    )
)
register_search_group(
    SearchGroup(
        _("Captures"),
        Capture,
        services.find_captures,
        _describe_capture,
        order=70,
        is_suggested=False,
    )
)
