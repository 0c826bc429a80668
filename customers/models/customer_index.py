"""What customers are searched and sorted by, made from them and their contacts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, ClassVar, Self
from uuid import UUID

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Case, Q, When
from django.db.models.expressions import Combinable, F

from audit.emails import email_parts, fold_email
from audit.fields import NullCharField, NullTextField
from audit.history.querysets import ScopedQuerySet
from audit.privacy.masking import REVEAL, SEE_UNMASKED
from audit.tenancy.actors import Actor
from customers.models.base import BusinessModel
from customers.models.customer import Customer
from customers.values.phone_number import digits_of, without_extension
from customers.values.search_key import (
    LONGEST_NAME,
    LONGEST_REFERENCE,
    SEPARATOR,
    fold_name,
)

VIEW = "customers.view_customer"
# Words of a search that are used.
_WORDS = 8
# Digits that find a phone number by a part of it, by its end where it is masked, and by
# its end in any country.
_PART, _END, _WHOLE = 4, 5, 8
_NONE = Q(pk__in=())
# Behind every text that begins with another.
_LAST = "\U0010ffff"


class FoldedField(NullCharField):
    """A folded text, in the order of its code points on both engines."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> Any:
        parameters: Any = super().db_parameters(connection)
        if connection.vendor == "postgresql":
            # As SQLite compares; an index then finds beginnings, and sorts.
            parameters["collation"] = "C"
        return parameters


class CustomerIndexQuerySet(ScopedQuerySet["CustomerIndex"]):
    """The one matcher of every list and search of customers."""

    def visible_to(self, actor: Actor, permission: str = VIEW) -> Self:
        return super().visible_to(actor, permission)

    def matching(self, text: str, *, actor: Actor) -> Self:
        """Keep customers of whom every word of a text is a part, in any order.

        Of names, and of e-mails and phones where the actor sees them in clear; with the
        beginning of the reference and the whole external id. Elsewhere only the whole
        e-mail or phone matches: parts would disclose a masked one letter by letter. The
        last five digits of a phone, and nothing else beside them, match where the actor
        may have it revealed, too: who calls says them. Words after the eighth are
        ignored.
        """
        clear_in = sees_clear_in(actor)
        reveals_in = _reached(actor, REVEAL)
        words = text.split(maxsplit=_WORDS)[:_WORDS]
        if not words:
            return self.none()
        every = Q()
        for word in words:
            every &= _word(word, clear_in) | _phone(
                word, clear_in, reveals_in if len(words) == 1 else frozenset()
            )
        if len(words) > 1:
            # A number, or a name that is one, in blocks.
            every |= Q(name=fold_name(text)) | _phone(text, clear_in, reveals_in)
        return self.filter(every)

    def beginning(self, text: str, *, actor: Actor) -> Self:
        """Keep customers whose name, as the actor sees it, begins with a text."""
        start = fold_name(text)
        if not start:
            return self.none()
        clear_in = sees_clear_in(actor)
        ranges = {
            column: Q(**{f"{column}__gte": start, f"{column}__lt": start + _LAST})
            for column in ("name", "listed_name")
        }
        return self.filter(
            _where(clear_in, ranges["name"], elsewhere=ranges["listed_name"])
        )

    def named(self, name: str) -> Self:
        """Keep customers of exactly this name, as names are compared."""
        key = fold_name(name)
        return self.filter(name=key) if key else self.none()

    def with_name_part(self, text: str, *, actor: Actor) -> Self:
        """Keep customers whose name, as the actor sees it, has a text in it."""
        key = fold_name(text)
        if not key:
            return self.none()
        elsewhere = Q(listed_name__contains=key)
        clear = Q(name__contains=key)
        return self.filter(_where(sees_clear_in(actor), clear, elsewhere=elsewhere))

    def with_email_part(self, text: str) -> Self:
        """Keep customers whose e-mail has a text in it; for who sees it in clear."""
        parts = Q()
        for part in email_parts(text):
            parts |= Q(emails__contains=part)
        return self.filter(parts)

    def with_phone_part(self, text: str) -> Self:
        """Keep customers whose phone has these digits; for who sees it in clear."""
        digits = digits_of(text).lstrip("0")
        return self.filter(phones__contains=digits) if digits else self.none()


class CustomerIndex(BusinessModel):
    """One row for each customer, written with every change of them and their contacts.

    `services.indexing` alone writes it. `name` is folded; `listed_name` is null for a
    name that is an address, whose place in a list would disclose it where it is masked.
    Values of one column are between separators. The further ones are of contacts: now,
    formerly, or archived.
    """

    privacy: ClassVar[dict[str, str]] = {
        "name": "identity",
        "listed_name": "identity",
        "reference": "public",
        "external_id": "identity",
        "emails": "contact",
        "phones": "contact",
        "further_emails": "contact",
        "further_phones": "contact",
    }

    customer = models.OneToOneField(
        Customer, models.PROTECT, primary_key=True, related_name="index"
    )
    name = FoldedField("name", max_length=LONGEST_NAME)
    listed_name = FoldedField("name", max_length=LONGEST_NAME)
    reference = models.CharField(max_length=LONGEST_REFERENCE)
    external_id = NullCharField("external id", max_length=255)
    emails = NullTextField("e-mail")
    phones = NullTextField("phone")
    further_emails = NullTextField("e-mail")
    further_phones = NullTextField("phone")

    objects = CustomerIndexQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "search index"
        ordering = ("customer",)
        default_permissions = ()
        indexes: ClassVar = [
            models.Index(fields=["business", "name", "customer"], name="index_name"),
            models.Index(
                fields=["business", "listed_name", "customer"],
                name="index_listed_name",
            ),
        ]

    def __str__(self) -> str:
        # Never the name, as with the customer.
        return self.reference


def sees_clear_in(
    actor: Actor, business_id: UUID | None = None
) -> Collection[UUID] | None:
    """Return the businesses where the actor sees contact data; None for everywhere.

    Everywhere means in every business that the actor sees customers of; with
    `business_id` in that one.
    """
    return _reached(actor, SEE_UNMASKED, business_id)


def order_by_name(clear_in: Collection[UUID] | None) -> Combinable:
    """Return the name of a customer to sort by, as far as it may be seen."""
    if clear_in is None:
        return F("index__name")
    if not clear_in:
        return F("index__listed_name")
    clear = When(business_id__in=clear_in, then="index__name")
    return Case(clear, default="index__listed_name")


def _reached(
    actor: Actor, permission: str, business_id: UUID | None = None
) -> frozenset[UUID] | None:
    allowed = actor.businesses_for(permission)
    if business_id is not None:
        return None if allowed is None or business_id in allowed else frozenset()
    seen = actor.businesses_for(VIEW)
    if allowed is not None and seen is not None and allowed >= seen:
        # Without a condition on the business, which the caller has.
        return None
    return allowed


def _where(
    business_ids: Collection[UUID] | None, condition: Q, *, elsewhere: Q = _NONE
) -> Q:
    """Return a condition in these businesses, and another one everywhere."""
    if business_ids is None:
        return condition
    if not business_ids:
        return elsewhere
    return condition & Q(business_id__in=business_ids) | elsewhere


def _word(word: str, clear_in: Collection[UUID] | None) -> Q:
    """Match a word of a name, an e-mail, the reference or the external id."""
    matched = Q(external_id=word)
    if key := fold_name(word):
        matched |= Q(reference__startswith=key) | Q(name=key)
        matched |= _where(
            clear_in, Q(name__contains=key), elsewhere=Q(listed_name__contains=key)
        )
    address = fold_email(word)
    if not address:
        return matched
    parts = Q()
    for part in email_parts(word):
        parts |= _contains("emails", part)
    whole = _contains("emails", f"{SEPARATOR}{address}{SEPARATOR}")
    return matched | _where(clear_in, parts, elsewhere=whole)


def _phone(
    text: str,
    clear_in: Collection[UUID] | None,
    reveals_in: Collection[UUID] | None,
) -> Q:
    typed = digits_of(text)
    if len(typed) < _PART or any(sign.isalpha() for sign in without_extension(text)):
        return _NONE
    # A leading zero is the trunk prefix, which E.164 leaves out.
    digits = typed.lstrip("0") or typed
    matched = _where(clear_in, _contains("phones", digits))
    if len(typed) == _END:
        end = _contains("phones", f"{typed}{SEPARATOR}")
        matched |= _where(reveals_in, end)
    if len(digits) >= _WHOLE and clear_in is not None:
        # With or without the code of the country.
        matched |= _contains("phones", f"{digits}{SEPARATOR}")
    return matched


def _contains(column: str, text: str) -> Q:
    """Match a text in the values of the customer, or of a contact."""
    return Q(**{f"{column}__contains": text}) | Q(
        **{f"further_{column}__contains": text}
    )
