"""Which refunds and credits are so large that their person has to confirm them."""

from __future__ import annotations

from customers.choices import CLAIMING_STATUSES
from customers.models import Credit, Refund


def exceeds_refund_limit(row: Refund | Credit) -> bool:
    """Tell whether money given back is more than the limit of its business.

    Amounts of another currency than the business's cannot be compared with the limit,
    so each of them is.
    """
    if isinstance(row, Refund):
        gives = row.status in CLAIMING_STATUSES
        business, currency = row.booking.business, row.booking.currency
    else:
        gives = row.amount > 0
        business, currency = row.customer.business, row.currency
    limit = business.refund_limit
    if limit is None or not gives:
        return False
    return currency != business.currency or row.amount > limit
