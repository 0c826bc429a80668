"""What captures add to the acts of a customer's page."""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from audit.tenancy.actors import Actor
from customers import services as customers
from customers.admin.acts.registry import LinkAct, register_act


def _has_captures(state: customers.CustomerState, actor: Actor) -> bool:
    return state.is_live and state.last_active_at is not None


# A value belongs to one capture, so this begins with the choice of that one.
register_act(
    LinkAct(
        name="correct",
        label=_("Correct a captured value"),
        icon="pulse",
        permission="capture.correct_capture",
        is_offered=_has_captures,
        url=lambda customer: (
            reverse("admin:capture_capture_changelist")
            + f"?link__customer__id__exact={customer.pk}"
        ),
    )
)
