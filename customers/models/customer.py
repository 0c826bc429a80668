"""Customers of a business: identity, contact data, status."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Self
from uuid import UUID

from django.apps import apps
from django.db import models
from django.db.models import F, Max, Min, Prefetch, Q, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast, Concat, Upper
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from audit.emails import fold_email
from audit.fields import CodeField, EmailField, NullCharField, PastDateTimeField
from audit.history.models import TrackedModel
from audit.history.querysets import TrackedQuerySet
from audit.privacy.confusables import LONGEST_SKELETON, skeleton
from customers.choices import CustomerStatus, CustomerType
from customers.models.base import ArchiveMarks, one_of
from customers.models.business import Business
from customers.models.fields import AnswerField, NameField, PhoneField
from customers.references import new_customer_reference
from customers.values.phone_number import to_e164

if TYPE_CHECKING:
    from customers.models.stats import CustomerStats

LIVE = Q(archived_at=None, erased_at=None)


class CustomerQuerySet(TrackedQuerySet["Customer"]):
    """Customers by status, search and likeness."""

    def live(self) -> Self:
        """Keep customers who are neither archived nor erased."""
        return self.filter(LIVE)

    def with_details(self) -> Self:
        """Load figures, preferences and the primary address."""
        addresses = apps.get_model("customers", "Address")._default_manager
        primary = addresses.filter(is_primary=True, archived_at=None)
        loaded = self.select_related("business", "stats", "preferences")
        return loaded.prefetch_related(
            Prefetch("addresses", primary, to_attr="primary_addresses")
        )

    def looking_like(self, customer: Customer) -> Self:
        """Keep others of the business with a similar e-mail or name."""
        alike = Q()
        if customer.email_skeleton:
            alike |= Q(email_skeleton=customer.email_skeleton)
        if customer.name_skeleton:
            # The same name is no look-alike.
            alike |= Q(name_skeleton=customer.name_skeleton) & ~Q(name=customer.name)
        if not alike:
            return self.none()
        return self.filter(alike, business=customer.business_id).exclude(pk=customer.pk)

    def looking_alike(self) -> Self:
        """Keep live customers who look like another one of their business.

        By two groupings of all rows, whose time grows with their number and no faster.
        """
        text = models.CharField()
        whole: dict[str, Combinable] = {
            "email_skeleton": F("email_key"),
            "name_skeleton": Upper("name"),
        }
        alike = Q()
        for column, written in whole.items():
            # As one text: a row in SQL is not compared alike on both engines.
            look = Concat(Cast("business_id", text), Value(" "), Cast(column, text))
            live = self.live().order_by().exclude(**{column: None})
            groups = live.values("business_id", column)
            # Two of them that differ are enough; to count all takes a sort of all.
            several = groups.annotate(_first=Min(written), _last=Max(written))
            several = several.exclude(_first=F("_last")).annotate(_look=look)
            looks = several.values("_look")
            customers = live.annotate(_look=look).filter(_look__in=looks)
            alike |= Q(pk__in=customers.values("pk"))
        return self.filter(alike)

    def for_list(self) -> Self:
        """Load the business and the figures, which lists show."""
        return self.select_related("business", "stats")


class Customer(ArchiveMarks, TrackedModel):
    """A person or company that a business serves. Counters live in `CustomerStats`."""

    privacy: ClassVar[dict[str, str]] = {
        "unique_id": "public",
        "external_id": "identity",
        "name": "identity",
        "name_skeleton": "identity",
        "email": "contact",
        "email_key": "contact",
        "email_skeleton": "contact",
        "phone": "contact",
        "phone_e164": "contact",
        "raw_customer_type": "free_text",
        "signup_method": "public",
        "source": "public",
        "location": "contact",
        "archive_reason": "free_text",
    }

    derived: ClassVar[dict[str, str]] = {
        "name_skeleton": "name",
        "email_key": "email",
        "email_skeleton": "email",
        "phone_e164": "phone",
    }

    business = models.ForeignKey(
        Business, models.PROTECT, related_name="customers", db_index=False
    )
    unique_id = models.CharField(
        "reference", max_length=20, default=new_customer_reference, editable=False
    )
    external_id = CodeField(
        "external id",
        max_length=255,
        help_text="The number or name of this customer in another system.",
    )
    # Required by every form and service; null only once the person is erased.
    name = NameField(max_length=255, null=True)
    # For finding look-alikes: see `audit.privacy.confusables`.
    name_skeleton = NullCharField(max_length=LONGEST_SKELETON, editable=False)
    email = EmailField("e-mail", max_length=254, null=True, blank=True)
    email_key = NullCharField(max_length=254, editable=False)
    email_skeleton = NullCharField(max_length=LONGEST_SKELETON, editable=False)
    is_email_verified = AnswerField("e-mail verified", default=False)
    email_bounced_at = PastDateTimeField("e-mail bounces since", null=True, blank=True)
    phone = PhoneField(max_length=50)
    phone_e164 = NullCharField(max_length=16, editable=False)
    customer_type = models.CharField(
        "type", max_length=20, choices=CustomerType.choices, null=True, blank=True
    )
    raw_customer_type = NullCharField(max_length=100, editable=False)
    status = models.CharField(
        max_length=20, choices=CustomerStatus.choices, default=CustomerStatus.ACTIVE
    )
    signup_method = models.CharField(max_length=50, default="email", blank=True)
    source = models.CharField(max_length=100, default="website", blank=True)
    location = NullCharField(max_length=200)
    joined_at = PastDateTimeField("joined", default=timezone.now)
    erased_at = models.DateTimeField(null=True, editable=False)

    # Whether there is a row of figures, as far as a query has asked: see `locking`.
    has_figures: bool = False
    rev = models.PositiveIntegerField("revision", default=1, editable=False)

    objects = CustomerQuerySet.as_manager()  # type: ignore[misc]  # not in the stubs

    if TYPE_CHECKING:
        stats: CustomerStats

    class Meta(TrackedModel.Meta):
        ordering = ("-joined_at", "-id")
        permissions: ClassVar = [
            ("export_customer", "Can export customers"),
            ("import_customer", "Can import customers"),
            ("archive_customer", "Can archive and restore a customer"),
            ("bulk_customer", "Can act on many customers at once"),
            ("verify_customer", "Can say that somebody was checked"),
            # Of no table of their own: segments are rules, manifests are events.
            ("view_segment", "Can see the definitions of segments"),
            ("target_segment", "Can see who is in a segment, and try rules"),
            ("export_marketing", "Can export people who may be sent offers"),
            ("view_export", "Can see what was exported"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "unique_id"], name="customer_reference_unique"
            ),
            models.UniqueConstraint(
                fields=["business", "email_key"],
                name="one_live_customer_per_email",
                condition=LIVE,
                violation_error_code="unique",
                violation_error_message=_("A customer here has this e-mail already."),
            ),
            models.UniqueConstraint(
                fields=["business", "external_id"],
                name="one_live_customer_per_external_id",
                condition=LIVE,
                violation_error_code="unique",
                violation_error_message=_(
                    "A customer here has this external id already."
                ),
            ),
            models.CheckConstraint(
                condition=Q(name__isnull=False) | Q(erased_at__isnull=False),
                name="customer_has_a_name",
                violation_error_message=_("Give a name."),
            ),
            one_of("status", CustomerStatus.values, "customer_status_known"),
            one_of("customer_type", CustomerType.values, "customer_type_known"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["business", "-joined_at", "-id"], name="customer_joined"
            ),
            models.Index(fields=["business", "created_at"], name="customer_created"),
            models.Index(fields=["business", "email_key"], name="customer_email"),
            models.Index(
                fields=["business", "email_skeleton"], name="customer_email_look"
            ),
            models.Index(
                fields=["business", "name_skeleton"], name="customer_name_look"
            ),
            models.Index(fields=["business", "phone_e164"], name="customer_phone"),
            models.Index(fields=["business", "status"], name="customer_status"),
            models.Index(fields=["-joined_at", "-id"], name="customer_newest"),
        ]

    @property
    def subject_id(self) -> UUID:
        """The customer of the row: itself."""
        return self.pk

    def __str__(self) -> str:
        # Never the name: this text reaches logs, messages and page titles.
        return self.unique_id

    @property
    def is_live(self) -> bool:
        """Return True if the customer is neither archived nor erased."""
        return not self.is_archived and self.erased_at is None

    @property
    def display_status(self) -> str:
        """The status for display: erased and archived come first."""
        if self.erased_at is not None:
            return "erased"
        return "archived" if self.is_archived else self.status

    @property
    def is_active(self) -> bool:
        """Return True if the stored status is active."""
        return self.status == CustomerStatus.ACTIVE

    def derive(self) -> None:
        """Compute the columns by which the customer is found."""
        self.name_skeleton = skeleton(self.name or "") or None
        self.email = self.email or None
        self.email_skeleton = skeleton(self.email or "") or None
        self.email_key = fold_email(self.email) if self.email else None
        if self.business_id:
            self.phone_e164 = to_e164(self.phone, self.business.country or None)
