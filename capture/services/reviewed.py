"""Identity reviews about a person and what waits for them, for the person's export."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet

from capture.models import Capture, IdentityReview

if TYPE_CHECKING:
    from django.db.models import Model

    from customers.models import Customer


def reviews_about(customer: Customer) -> tuple[str, QuerySet[IdentityReview]]:
    """Return the reviews about a customer, and their section's name; decided or not."""
    reviews = IdentityReview.objects.filter(business=customer.business_id)
    return "identity_reviews", reviews.about(customer.pk).order_by("pk")


def waiting_about(customer: Customer) -> tuple[str, QuerySet[Capture]]:
    """Return the messages about a customer that wait for a review, and their section.

    Those with their e-mail, or with their user id and no e-mail: another address may be
    another person's.
    """
    captures = Capture.objects.filter(
        business=customer.business_id,
        link__business=customer.business_id,
        link__customer=None,
    )
    about = captures.filter(
        Q(link__review__email_customer=customer)
        | Q(link__review__user_customer=customer, link__review__email_key=None)
    )
    return "captures_waiting", about.order_by("pk")


def columns_of_others(review: Model, customer: Customer) -> set[str]:
    """Return the columns of a review, or of a version, that are somebody else's."""
    columns: dict[str, set[str]] = {
        "email_customer_id": {"email", "email_key"},
        "user_customer_id": {"user_ref"},
        "customer_id": set(),
    }
    others = {c for c in columns if getattr(review, c) not in (None, customer.pk)}
    hidden = others.union(*(columns[name] for name in others))
    # An address that is nobody's yet may be somebody's all the same.
    if getattr(review, "email_customer_id") != customer.pk:  # noqa: B009 - of a version, too
        hidden |= columns["email_customer_id"]
    return hidden
