"""Messages whose e-mail and user id are of different people, until staff decide."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _

from audit.emails import fold_email
from audit.fields import NullCharField, NullTextField
from audit.history.models import TrackedModel
from audit.history.querysets import TrackedQuerySet
from audit.ids import parse_uuid
from capture.choices import ReviewDecision, ReviewKind, ReviewState
from capture.models.base import BusinessModel

if TYPE_CHECKING:
    from uuid import UUID

_NONE = Value("")


class IdentityReviewQuerySet(TrackedQuerySet["IdentityReview"]):
    """Reviews by state."""

    def open(self) -> IdentityReviewQuerySet:
        """Keep the reviews without a decision."""
        return self.filter(state=ReviewState.OPEN)

    def about(self, customer: UUID | str) -> IdentityReviewQuerySet:
        """Keep those with this candidate, or decided for them: by id or reference."""
        key = parse_uuid(str(customer))
        name, value = ("", key) if key else ("__unique_id", str(customer))
        return self.filter(
            Q(**{f"email_customer{name}": value})
            | Q(**{f"user_customer{name}": value})
            | Q(**{f"customer{name}": value})
        )


class IdentityReview(BusinessModel, TrackedModel):
    """A question to staff: to whom messages with this e-mail and user id belong.

    Messages of one source with the same e-mail and user id share a review, and refer to
    it by their link. What was decided applies to later ones without another question.
    `email_customer` has the e-mail, `user_customer` the user id; either may be nobody.
    """

    privacy: ClassVar[dict[str, str]] = {
        "kind": "public",
        "email": "contact",
        "email_key": "contact",
        "user_ref": "identity",
        "state": "public",
        "decision": "public",
        "reason": "free_text",
    }
    derived: ClassVar[dict[str, str]] = {"email_key": "email"}

    source = models.ForeignKey(
        "capture.Source", models.PROTECT, related_name="+", db_index=False
    )
    kind = models.CharField(max_length=20, choices=ReviewKind.choices)
    email = NullCharField("e-mail", max_length=254, editable=False)
    email_key = NullCharField(max_length=254, editable=False)
    user_ref = NullCharField("user id", max_length=255, editable=False)
    email_customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="+"
    )
    user_customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="+"
    )
    state = models.CharField(
        max_length=10, choices=ReviewState.choices, default=ReviewState.OPEN
    )
    decision = models.CharField(
        max_length=20, choices=ReviewDecision.choices, null=True
    )
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, null=True, related_name="+"
    )
    reason = NullTextField()
    decided_by_id = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)

    objects = IdentityReviewQuerySet.as_manager()  # type: ignore[misc]  # not in the stubs

    class Meta(TrackedModel.Meta):
        verbose_name = "identity review"
        ordering = ("-created_at", "-id")
        permissions: ClassVar = [
            ("decide_identityreview", "Can decide identity reviews"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                F("business"),
                F("source"),
                F("kind"),
                Coalesce("email_key", _NONE),
                Coalesce("user_ref", _NONE),
                condition=Q(state=ReviewState.OPEN),
                name="one_open_identity_review",
            ),
            models.CheckConstraint(
                condition=Q(kind__in=ReviewKind.values), name="identity_review_kind"
            ),
            models.CheckConstraint(
                condition=Q(
                    state=ReviewState.OPEN,
                    decision__isnull=True,
                    decided_at__isnull=True,
                )
                | Q(
                    state=ReviewState.DECIDED,
                    decision__in=ReviewDecision.values,
                    decided_at__isnull=False,
                ),
                name="identity_review_state",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "state", "-created_at", "-id"],
                name="review_created",
            ),
            models.Index(fields=["-created_at", "-id"], name="review_newest"),
            models.Index(fields=["source", "user_ref"], name="review_user"),
            models.Index(fields=["source", "email_key"], name="review_email"),
        ]

    @property
    def subject_id(self) -> UUID | None:
        """Whom it is about: whom it was decided for, else who has the e-mail or id."""
        return self.customer_id or self.email_customer_id or self.user_customer_id

    @property
    def is_open(self) -> bool:
        """Tell whether it waits for a decision."""
        return self.state == ReviewState.OPEN

    def derive(self) -> None:
        """Compute the key of the e-mail."""
        self.email_key = fold_email(self.email) if self.email else None

    def __str__(self) -> str:
        # Never the e-mail or the id: this text reaches messages and page titles.
        return _("identity review %(id)s") % {"id": str(self.pk)[-6:]}
