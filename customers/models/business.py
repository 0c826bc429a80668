"""Businesses, and the memberships of their staff."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import cache
from typing import Any, ClassVar, Self
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MinValueValidator
from django.db import models
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.database.signed import SignedModel
from audit.fields import SealedJSONField
from audit.history.models import TrackedModel
from audit.history.querysets import TrackedQuerySet
from audit.json_text import JsonValue
from audit.timezones import check_time_zone
from customers.choices import ConsentMode, Role, within_sentence
from customers.models.base import (
    AmountsModel,
    currency_code,
    money,
    one_of,
)
from customers.models.fields import AnswerField, CountryField
from customers.roles import PERMISSIONS
from customers.values.country_code import check_country

# As long as the column of a consent that names one.
LONGEST_WORDING = 50

logger = logging.getLogger(__name__)


class BusinessQuerySet(TrackedQuerySet["Business"]):
    """Businesses that an actor may see."""

    business_field = "id"

    def by_reference(self, reference: str) -> Self:
        """Keep the business with this UUID or slug, as paths have it."""
        try:
            key = models.UUIDField().to_python(reference)
        except ValidationError:
            return self.filter(slug=reference)
        return self.filter(pk=key)


class Business(AmountsModel, TrackedModel):
    """A company that uses the hub. Its rows never meet another's."""

    privacy: ClassVar[dict[str, str]] = {
        "slug": "public",
        "name": "public",
        "timezone": "public",
        "currency": "public",
        "country": "public",
        "settings": "public",
    }

    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=200)
    timezone = models.CharField(
        max_length=64, default="UTC", validators=[check_time_zone]
    )
    currency = currency_code(default="EUR")
    country = CountryField(
        max_length=2,
        blank=True,
        validators=[check_country],
        help_text="Country of phone numbers that are typed without a country code.",
    )
    consent_mode = models.CharField(
        max_length=20, choices=ConsentMode.choices, default=ConsentMode.EXPLICIT_OPT_IN
    )
    occasional_from = models.PositiveIntegerField(
        default=2, validators=[MinValueValidator(2)]
    )
    regular_from = models.PositiveIntegerField(default=4)
    frequent_from = models.PositiveIntegerField(default=10)
    high_value_purchases = models.PositiveIntegerField(default=3)
    high_value_spent = money(default=1000)
    refund_limit = money(
        null=True,
        blank=True,
        default=100,
        help_text="Refunds above it wait for a second person. Empty: no limit.",
    )
    signup_is_login = AnswerField(default=True)
    settings = SealedJSONField(
        default=dict,
        blank=True,
        help_text="consent_wordings: version to true while valid. mappings: raw values "
        "to ours.",
    )

    objects = BusinessQuerySet.as_manager()  # type: ignore[misc]  # not in the stubs

    class Meta(TrackedModel.Meta):
        verbose_name_plural = "businesses"
        ordering = ("name", "id")
        permissions: ClassVar = [
            ("export_business", "Can export businesses"),
            ("import_business", "Can import businesses"),
        ]
        constraints: ClassVar = [
            one_of("consent_mode", ConsentMode.values, "business_consent_mode_known"),
            models.CheckConstraint(
                condition=models.Q(
                    occasional_from__gte=2,
                    regular_from__gt=models.F("occasional_from"),
                    frequent_from__gt=models.F("regular_from"),
                ),
                name="business_tiers_ascend",
                violation_error_message=_("Loyalty tiers start at 2 and must ascend."),
            ),
        ]

    @property
    def tenant_id(self) -> UUID:
        """The business that the row belongs to: itself."""
        return self.pk

    def __str__(self) -> str:
        return self.name

    @classmethod
    @cache
    def compared_columns(cls) -> tuple[str, ...]:
        """Return the columns of which `clean` knows what is stored."""
        return (*super().compared_columns(), "settings")

    def clean(self) -> None:
        """Raise ValidationError unless the settings are what readers of them take.

        What was stored before a rule is judged once it changes.
        """
        super().clean()
        changed, parts = self.settings, ("consent_wordings", "mappings")
        if not isinstance(changed, dict) or not all(
            isinstance(changed.get(name, {}), dict) for name in parts
        ):
            msg = _("Send an object; consent_wordings and mappings in it are objects.")
            error = ValidationError(msg, code="incorrect_type")
            raise ValidationError({"settings": error})
        stored: Any = self.stored_values.get("settings", {})
        stored = stored if isinstance(stored, dict) else {}
        errors = [*_wording_errors(changed, stored), *_language_errors(changed, stored)]
        if errors:
            raise ValidationError({"settings": errors})

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the business."""
        return ZoneInfo(self.timezone)

    def local_day(self, moment: datetime) -> date:
        """Return the calendar day of a moment where the business is."""
        return moment.astimezone(self.zone).date()

    @property
    def valid_wordings(self) -> list[str]:
        """The versions of the wording under which consent counts, sorted."""
        return sorted(name for name in self._wordings if self.wording_is_valid(name))

    @property
    def _wordings(self) -> dict[str, JsonValue]:
        wordings = self.settings.get("consent_wordings")
        return wordings if isinstance(wordings, dict) else {}

    @property
    def invoice_settings(self) -> dict[str, JsonValue]:
        """What invoices say and in which language: `seller_lines`, `language`."""
        invoice = self.settings.get("invoice")
        return invoice if isinstance(invoice, dict) else {}

    @property
    def seller_lines(self) -> list[str]:
        """The lines below the name of the seller on invoices."""
        lines = self.invoice_settings.get("seller_lines")
        return [str(line) for line in lines] if isinstance(lines, list) else []

    @property
    def requires_verified_email(self) -> bool:
        """Whether advertising goes only to addresses that were confirmed."""
        return self.settings.get("require_verified_email") is True

    def wording_is_valid(self, version: str | None) -> bool:
        """Return True if consent under this version of the wording still counts."""
        return bool(version) and self._wordings.get(version or "") is True


def check_wording_version(version: str) -> None:
    """Raise ValidationError for a version that no consent could name."""
    if len(version) > LONGEST_WORDING:
        msg = _("A version of the wording has at most %(most)s characters.") % {
            "most": LONGEST_WORDING
        }
        raise ValidationError(msg, code="wording_too_long")


def _wording_errors(
    changed: Mapping[str, Any], stored: Mapping[str, Any]
) -> Iterable[ValidationError]:
    """Yield what is wrong with versions that are new: a consent could not name them."""
    before = stored.get("consent_wordings")
    new = set(changed.get("consent_wordings", {})) - set(
        before if isinstance(before, dict) else ()
    )
    for version in sorted(new):
        try:
            check_wording_version(version)
        except ValidationError as error:
            yield error
            return


def _language_errors(
    changed: Mapping[str, Any], stored: Mapping[str, Any]
) -> Iterable[ValidationError]:
    """Yield what is wrong with a language of invoices that is new."""
    language, before = (
        invoice.get("language") if isinstance(invoice, dict) else None
        for invoice in (changed.get("invoice"), stored.get("invoice"))
    )
    codes = [code for code, _name in settings.LANGUAGES]
    if language and language != before and language not in codes:
        msg = _("Send one of %(names)s.") % {"names": ", ".join(codes)}
        yield ValidationError(msg, code="language_unknown")


class Membership(SignedModel, TrackedModel):
    """The role of a member of staff in one business."""

    signed = ("id", "user_id", "business_id", "role", "ended_at")
    derived: ClassVar[Mapping[str, str | tuple[str, ...]]] = {
        "mac": ("user", "business", "role", "ended_at")
    }
    privacy: ClassVar[dict[str, str]] = {"mac": "public"}

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="memberships"
    )
    business = models.ForeignKey(Business, models.PROTECT, related_name="memberships")
    role = models.CharField(max_length=20, choices=Role.choices)
    is_default = AnswerField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta(TrackedModel.Meta):
        ordering = ("business", "user")
        permissions: ClassVar = [
            ("export_membership", "Can export memberships"),
            ("import_membership", "Can import memberships"),
        ]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["business", "user"],
                name="one_membership_per_user",
                violation_error_message=_("This user works for the business already."),
            ),
            one_of("role", Role.values, "membership_role_known"),
        ]

    def __str__(self) -> str:
        return gettext("%(user)s as %(role)s of %(business)s") % {
            "user": self.user,
            "role": within_sentence(self.get_role_display()),
            "business": self.business,
        }

    def derive(self) -> None:
        super().derive()
        self.sign()


def permissions_in_businesses(user: models.Model) -> dict[UUID, frozenset[str]]:
    """Return the permissions of a user in each business: those of the role there."""
    return {
        membership.business_id: PERMISSIONS[Role(membership.role)]
        for membership in _memberships(user)
    }


def staff_of(
    business_ids: Iterable[UUID],
) -> models.QuerySet[Membership, Mapping[str, object]]:
    """Return the ids of the users who work for any of these businesses now."""
    memberships = Membership.objects.filter(business__in=business_ids, ended_at=None)
    return memberships.values("user_id")


def roles_of(user: models.Model) -> set[str]:
    """Return the roles a user has now, in whichever business."""
    return {membership.role for membership in _memberships(user)}


def _memberships(user: models.Model) -> list[Membership]:
    """Return the memberships that count: not those written past the hub."""
    active = Membership.objects.filter(user=user.pk, ended_at=None)
    memberships = list(active.only(*Membership.signed, "mac"))
    for membership in memberships:
        if not membership.is_genuine:
            msg = "Membership %s was changed past the hub: no permission."
            logger.error(msg, membership.pk)
    return [membership for membership in memberships if membership.is_genuine]
