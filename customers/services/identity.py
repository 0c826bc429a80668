"""Who has an e-mail or an external id: one lookup for every entrance."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple
from uuid import UUID

from django.db.models import F, QuerySet

from audit.emails import fold_email
from audit.history.writing import history_model
from audit.tenancy.actors import Actor
from customers.choices import ContactKind
from customers.models import Business, Contact, Customer


class IdentityMatch(NamedTuple):
    """A customer who has an e-mail or an id, and the current ones of theirs."""

    customer_id: UUID
    email_key: str | None
    external_id: str | None
    is_archived: bool


def find_by_identity(
    business_id: UUID, *, emails: Iterable[str], external_ids: Iterable[str]
) -> tuple[dict[str, IdentityMatch], dict[str, IdentityMatch]]:
    """Return customers by e-mail key, current or former, and by external id.

    A current e-mail comes before a former one, and a live customer before an archived
    one; of several archived ones the last. Three statements at most.
    """
    keys = list(emails)
    customers = Customer.objects.filter(business=business_id, erased_at=None)
    columns = ("pk", "email_key", "external_id", "archived_at")
    matches: list[tuple[str, IdentityMatch]] = []
    former = former_emails(keys).filter(business=business_id)
    for email, *values in former.values_list(
        "email_key", *(f"customer__{name}" for name in columns)
    ):
        matches.append((email or "", _match(*values)))
    current = customers.filter(email_key__in=keys).order_by("pk")
    for values in current.values_list(*columns):
        match = _match(*values)
        matches.append((match.email_key or "", match))
    by_email: dict[str, IdentityMatch] = {}
    for email, match in matches:
        if not match.is_archived or by_email.get(email, match).is_archived:
            by_email[email] = match
    named = customers.filter(external_id__in=list(external_ids))
    # The live one comes last, because a later one replaces an earlier one.
    in_order = named.order_by(F("archived_at").asc(nulls_last=True), "pk")
    by_id = [_match(*values) for values in in_order.values_list(*columns)]
    return by_email, {match.external_id or "": match for match in by_id}


def _match(
    pk: UUID, email_key: str | None, external_id: str | None, archived_at: object
) -> IdentityMatch:
    return IdentityMatch(pk, email_key, external_id, archived_at is not None)


def find_by_email(email: str, businesses: QuerySet[Business]) -> dict[UUID, UUID]:
    """Return who has an e-mail, now or formerly, in each of these businesses.

    By business and of live customers; in two statements for all.
    """
    key = fold_email(email)
    ids = businesses.order_by().values("pk")
    former = former_emails([key]).filter(business__in=ids, customer__archived_at=None)
    current = Customer.objects.filter(business__in=ids, email_key=key).live()
    return {
        **dict(former.values_list("business_id", "customer_id")),
        **dict(current.values_list("business_id", "pk")),
    }


def former_emails(keys: Collection[str]) -> QuerySet[Contact]:
    """Return the contacts by which customers are found, the oldest first.

    Also those of archived customers.
    """
    return Contact.objects.filter(
        email_key__in=keys, kind=ContactKind.EMAIL, customer__erased_at=None
    ).order_by("pk")


def find_captured_ids(pairs: Iterable[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return those external ids of customers that captures brought, and nobody else.

    By the first version of each that has it.
    """
    queried = set(pairs)
    versions = history_model(Customer).objects.filter(
        id__in={pk for pk, _ in queried},
        external_id__in={value for _, value in queried},
    )
    first: dict[tuple[UUID, str], str | None] = {}
    for pk, value, reason in versions.order_by(
        "history_date", "history_id"
    ).values_list("id", "external_id", "history_change_reason"):
        first.setdefault((pk, value), reason)
    return {pair for pair in queried if first.get(pair) == "captured"}


def add_email(customer: Customer, email: str, *, actor: Actor, reason: str) -> Contact:
    """Add a further e-mail that finds a customer, in the caller's transaction."""
    contact = Contact(
        business_id=customer.business_id,
        customer=customer,
        kind=ContactKind.EMAIL,
        email=email,
    )
    contact.as_actor(actor, reason=reason).save(savepoint=False)
    return contact
