"""How a customer wants to be reached and served, and the marks staff put on them."""

from __future__ import annotations

from typing import ClassVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.fields import NullCharField, NullTextField, SealedJSONField
from audit.history.models import TrackedModel
from customers.models.base import BusinessModel, money
from customers.models.customer import Customer
from customers.models.fields import AnswerField


def split_tags(text: str | None) -> list[str]:
    """Return the parts of a text that commas separate, without repeats."""
    parts = (part.strip() for part in (text or "").split(","))
    return list(dict.fromkeys(part for part in parts if part))


class Preferences(BusinessModel, TrackedModel):
    """One row for each customer. A null `prefer_…` means: not asked."""

    privacy: ClassVar[dict[str, str]] = {
        "favorite_products": "behaviour",
        "favorite_tags": "behaviour",
        "preferred_categories": "behaviour",
        "preferred_payment": "payment",
        "average_spend": "behaviour",
        "best_contact_time": "behaviour",
    }

    derived: ClassVar[dict[str, str]] = {"favorite_tags": "favorite_products"}

    customer = models.OneToOneField(
        Customer, models.PROTECT, related_name="preferences"
    )
    prefer_sms = AnswerField("prefers SMS", null=True, blank=True)
    prefer_email = AnswerField("prefers e-mail", null=True, blank=True)
    prefer_call = AnswerField("prefers calls", null=True, blank=True)
    favorite_products = NullTextField()
    favorite_tags = SealedJSONField(null=True, blank=True, editable=False)
    preferred_categories = SealedJSONField(null=True, blank=True)
    preferred_payment = NullCharField(max_length=50)
    average_spend = money(
        currency="business.currency",
        null=True,
        blank=True,
        help_text="Typed by staff; no figure is computed from it.",
    )
    best_contact_time = NullCharField(max_length=100)
    do_not_contact = AnswerField(default=False)
    can_receive_offers = AnswerField(default=True)
    can_receive_loyalty = AnswerField(default=True)

    class Meta(TrackedModel.Meta):
        verbose_name = verbose_name_plural = "preferences"
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [
            ("export_preferences", "Can export preferences"),
            ("import_preferences", "Can import preferences"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "-created_at"], name="preferences_created"
            ),
            models.Index(fields=["-created_at", "-id"], name="preferences_order"),
        ]

    def __str__(self) -> str:
        return gettext("preferences")

    def clean(self) -> None:
        """Raise ValidationError unless the categories are texts."""
        super().clean()
        categories = self.preferred_categories
        is_list = isinstance(categories, list) and all(
            isinstance(t, str) for t in categories
        )
        if categories is not None and not is_list:
            error = ValidationError(_("Send a list of texts."), code="incorrect_type")
            raise ValidationError({"preferred_categories": error})

    def derive(self) -> None:
        """Compute the tags from the text."""
        self.favorite_tags = split_tags(self.favorite_products) or None


class Flag(BusinessModel, TrackedModel):
    """A mark on a customer: who set it, when, why, and the same for its removal."""

    privacy: ClassVar[dict[str, str]] = {
        "code": "public",
        "reason": "free_text",
        "removed_reason": "free_text",
    }

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="flags")
    code = models.SlugField(
        max_length=50, help_text="verified, restricted, or a code of the business."
    )
    reason = NullTextField()
    added_by_id = models.UUIDField(null=True, editable=False)
    removed_at = models.DateTimeField(null=True, blank=True, editable=False)
    removed_by_id = models.UUIDField(null=True, editable=False)
    removed_reason = NullTextField(editable=False)

    class Meta(TrackedModel.Meta):
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [
            ("export_flag", "Can export flags"),
            ("import_flag", "Can import flags"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "customer", "code"],
                condition=Q(removed_at=None),
                name="one_standing_flag_per_code",
                violation_error_message=_("The customer has this flag already."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "-created_at"], name="flag_created"),
            models.Index(fields=["-created_at", "-id"], name="flag_order"),
        ]

    def __str__(self) -> str:
        return self.code

    def clean(self) -> None:
        """Write the code in small letters: rules compare it."""
        super().clean()
        if self.code:
            self.code = self.code.lower()
