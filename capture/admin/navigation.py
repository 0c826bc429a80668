"""Where the pages of captures stand in the side navigation."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from audit.admin.navigation import Entry, Waiting, register_entries
from audit.tenancy.actors import Actor
from capture import services
from capture.choices import ReviewState

# More need not be told apart.
_MOST = 100


def count_quarantined(actor: Actor) -> Waiting:
    """Return how many items wait for a decision, up to 100."""
    items = services.list_quarantined(actor=actor).order_by()
    return Waiting(items[:_MOST].count())


def count_reviews(actor: Actor) -> Waiting:
    """Return how many identity reviews wait for a decision, up to 100."""
    reviews = services.list_identity_reviews(actor=actor, state=ReviewState.OPEN)
    return Waiting(reviews.order_by()[:_MOST].count())


register_entries(
    "Capture",
    Entry("capture.capture", "pulse"),
    Entry("capture.quarantine", "alert", _("Quarantine"), count=count_quarantined),
    Entry("capture.identityreview", "merge", count=count_reviews),
    Entry("capture.source", "link"),
    Entry("capture.apikey", "key"),
    Entry("capture.webhookendpoint", "bell", _("Webhooks")),
)
