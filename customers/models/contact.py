"""Where a customer is, and whom or what else to reach."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar, Self

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.emails import fold_email
from audit.fields import EmailField, NullCharField, NullTextField
from audit.history.models import TrackedModel
from customers.choices import AddressKind, ContactKind, within_sentence
from customers.models.base import ArchiveMarks, BusinessModel, one_of
from customers.models.customer import Customer
from customers.models.fields import (
    AnswerField,
    NullCountryField,
    NullNameField,
    PhoneField,
)
from customers.values.country_code import check_country
from customers.values.phone_number import to_e164


class Address(ArchiveMarks, BusinessModel, TrackedModel):
    """A place of a customer. `raw` keeps what was typed as one text."""

    privacy: ClassVar[dict[str, str]] = {
        "label": "contact",
        "recipient": "identity",
        "line1": "contact",
        "line2": "contact",
        "city": "contact",
        "region": "contact",
        "postal_code": "contact",
        "country": "contact",
        "raw": "contact",
        "phone": "contact",
        "phone_e164": "contact",
        "instructions": "free_text",
        "archive_reason": "free_text",
    }

    derived: ClassVar[dict[str, str]] = {"phone_e164": "phone"}

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="addresses")
    kind = models.CharField(
        max_length=20, choices=AddressKind.choices, default=AddressKind.HOME
    )
    label = NullCharField(max_length=100)
    recipient = NullNameField(max_length=200)
    line1 = NullCharField("line 1", max_length=200)
    line2 = NullCharField("line 2", max_length=200)
    city = NullCharField(max_length=100)
    region = NullCharField(max_length=100)
    postal_code = NullCharField(max_length=20)
    country = NullCountryField(max_length=2, validators=[check_country])
    raw = NullTextField("as typed")
    is_primary = AnswerField("primary", default=False)
    phone = PhoneField(max_length=50)
    phone_e164 = NullCharField(max_length=16, editable=False)
    instructions = NullTextField()

    class Meta(TrackedModel.Meta):
        verbose_name_plural = "addresses"
        ordering = ("-is_primary", "-created_at", "-id")
        permissions: ClassVar = [
            ("export_address", "Can export addresses"),
            ("import_address", "Can import addresses"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "customer"],
                condition=Q(is_primary=True, archived_at=None),
                name="one_primary_address",
                violation_error_message=_(
                    "The customer has a primary address already."
                ),
            ),
            one_of("kind", AddressKind.values, "address_kind_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "customer"], name="address_customer"),
            models.Index(fields=["business", "-created_at"], name="address_created"),
            models.Index(
                fields=["-is_primary", "-created_at", "-id"], name="address_order"
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(kind)s address") % {
            "kind": within_sentence(self.get_kind_display())
        }

    @property
    def as_text(self) -> str:
        """The address as one line: as it was typed, or its parts."""
        if self.raw:
            return self.raw
        place = " ".join(filter(None, (self.postal_code, self.city)))
        parts = (self.line1, self.line2, place, self.region, self.country)
        return ", ".join(part for part in parts if part)

    def derive(self) -> None:
        """Compute the E.164 form of the phone."""
        if self.business_id:
            region = self.country or self.business.country or None
            self.phone_e164 = to_e164(self.phone, region)


# What somebody is reached by, or at least asked for by.
_REACHED_BY = ("name", "email", "phone")


class Contact(ArchiveMarks, BusinessModel, TrackedModel):
    """Another person to reach, or a further e-mail or phone, current or former."""

    privacy: ClassVar[dict[str, str]] = {
        "name": "identity",
        "relation": "identity",
        "email": "contact",
        "email_key": "contact",
        "phone": "contact",
        "phone_e164": "contact",
        "archive_reason": "free_text",
    }

    derived: ClassVar[dict[str, str]] = {"email_key": "email", "phone_e164": "phone"}

    # As the database has it: a contact from before the rule may say nothing.
    was_empty = False

    customer = models.ForeignKey(Customer, models.PROTECT, related_name="contacts")
    kind = models.CharField(max_length=20, choices=ContactKind.choices)
    name = NullNameField(max_length=200)
    relation = NullCharField(max_length=100)
    email = EmailField("e-mail", max_length=254, null=True, blank=True)
    email_key = NullCharField(max_length=254, editable=False)
    phone = PhoneField(max_length=50)
    phone_e164 = NullCharField(max_length=16, editable=False)
    is_primary = AnswerField("primary", default=False)
    valid_from = models.DateTimeField(null=True, blank=True)
    valid_to = models.DateTimeField(null=True, blank=True)

    class Meta(TrackedModel.Meta):
        ordering = ("-is_primary", "-created_at", "-id")
        permissions: ClassVar = [
            ("export_contact", "Can export contacts"),
            ("import_contact", "Can import contacts"),
        ]
        constraints: ClassVar = [
            one_of("kind", ContactKind.values, "contact_kind_known"),
            models.CheckConstraint(
                condition=Q(valid_to__isnull=True)
                | Q(valid_from__isnull=True)
                | Q(valid_to__gte=models.F("valid_from")),
                name="contact_ends_after_start",
                violation_error_message=_("The contact ends before it starts."),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["business", "customer"], name="contact_customer"),
            models.Index(fields=["business", "email_key"], name="contact_email"),
            models.Index(fields=["business", "phone_e164"], name="contact_phone"),
            models.Index(fields=["business", "-created_at"], name="contact_created"),
            models.Index(
                fields=["-is_primary", "-created_at", "-id"], name="contact_order"
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(kind)s contact") % {"kind": self.get_kind_display()}

    @classmethod
    def from_db(
        cls,
        db: str | None,
        field_names: Collection[str],
        values: Collection[Any],
        **kwargs: Any,
    ) -> Self:
        instance = super().from_db(db, field_names, values, **kwargs)
        # A column that was not read may say something.
        instance.was_empty = not any(
            instance.__dict__.get(name, True) for name in _REACHED_BY
        )
        return instance

    def judge_all(self) -> None:
        """Let `clean` judge what is stored as if it were new."""
        self.was_empty = False

    def clean(self) -> None:
        """Raise ValidationError for a contact by whom nobody is reached."""
        super().clean()
        if not self.was_empty and not any(getattr(self, n) for n in _REACHED_BY):
            msg = gettext("Give a name, an e-mail or a phone number.")
            raise ValidationError(msg, code="contact_empty")

    def derive(self) -> None:
        """Compute the columns by which the contact is found."""
        self.email = self.email or None
        self.email_key = fold_email(self.email) if self.email else None
        if self.business_id:
            self.phone_e164 = to_e164(self.phone, self.business.country or None)
