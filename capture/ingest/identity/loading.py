"""Reading the names of captures, and who has them; the same for one or a thousand."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.db.models import Q

from audit.emails import fold_email
from capture.choices import (
    CaptureType,
    IdentifierKind,
    IdentifierTrust,
    Trust,
)
from capture.ingest.projections import ParsedCapture
from capture.ingest.resolver import (
    Directory,
    Message,
    Name,
    Person,
)
from capture.ingest.validation import is_success
from capture.models import Capture, CaptureLink, Identifier
from customers import services as customers

_NOT_ENOUGH = frozenset(
    {CaptureType.PAGE, CaptureType.EVENT, CaptureType.ALIAS, CaptureType.CONSENT}
)


def email_key(capture: Capture) -> str | None:
    """Return the key of a capture's address: what it stored may be one of before."""
    return fold_email(capture.email) if capture.email else None


def links_of(capture_ids: Iterable[UUID]) -> dict[UUID, UUID | None]:
    """Return the customers of captures that were linked before."""
    links = CaptureLink.objects.filter(capture__in=list(capture_ids))
    return dict(links.values_list("capture_id", "customer_id"))


def message_of(capture: Capture, item: ParsedCapture | None = None) -> Message:
    """Return what a capture says of its person; with its fields, of a new one, too."""
    return Message(
        key=capture.pk,
        source_id=capture.source_id,
        email=email_key(capture),
        typed_email=item.email if item else capture.email,
        user_ref=capture.user_ref,
        previous_ref=capture.previous_ref,
        anonymous_ref=capture.anonymous_ref,
        is_page=capture.trust == Trust.BROWSER,
        is_alias=capture.type == CaptureType.ALIAS,
        makes_customer=item is not None and _makes_customer(item),
    )


def _makes_customer(item: ParsedCapture) -> bool:
    if item.capture.type == CaptureType.LOGIN:
        return is_success(item.fields) is True
    return item.capture.type not in _NOT_ENOUGH


def load_directory(
    business_id: UUID, captures: Iterable[Capture], *, is_exact: bool = False
) -> Directory:
    """Return who has the names of these captures.

    With `is_exact`, names of before user ids had sources are told from the numbers
    that staff or files gave; one more statement.
    """
    captures = list(captures)
    emails = {key for c in captures if (key := email_key(c))}
    previous = {c.previous_ref for c in captures if c.previous_ref}
    refs = {c.user_ref for c in captures if c.user_ref} | previous
    anonymous = {c.anonymous_ref for c in captures if c.anonymous_ref} | previous
    by_email, by_id = customers.find_by_identity(
        business_id, emails=emails, external_ids=refs
    )
    directory = Directory(
        emails={key: match.customer_id for key, match in by_email.items()},
        external_ids={
            key: match.customer_id
            for key, match in by_id.items()
            if not match.is_archived
        },
        archived_ids={
            key: match.customer_id for key, match in by_id.items() if match.is_archived
        },
    )
    for match in (*by_email.values(), *by_id.values()):
        directory.customers.setdefault(match.customer_id, Person(*match))
    _load_names(directory, business_id, refs, anonymous)
    if is_exact:
        pairs = {
            (pk, value)
            for value, pk in directory.external_ids.items()
            if directory.is_company_number(value)
        }
        pairs |= {
            (name.customer_id, name.value)
            for name in directory.names
            if name.source_id is None and is_external_id(name, directory)
        }
        directory.captured_ids = customers.find_captured_ids(pairs) if pairs else set()
    return directory


def _load_names(
    directory: Directory, business_id: UUID, refs: set[str], anonymous: set[str]
) -> None:
    identifiers = Identifier.objects.filter(
        Q(kind=IdentifierKind.USER_ID, value__in=refs)
        | Q(kind=IdentifierKind.ANONYMOUS_ID, value__in=anonymous),
        business=business_id,
        customer__erased_at=None,
    )
    columns = ("kind", "value", "customer_id", "source_id", "trust")
    of_customer = ("email_key", "external_id", "archived_at")
    for (
        kind,
        value,
        pk,
        source_id,
        trust,
        email,
        ref,
        archived_at,
    ) in identifiers.order_by("pk").values_list(
        *columns, *(f"customer__{name}" for name in of_customer)
    ):
        person = Person(pk, email, ref, archived_at is not None)
        directory.customers.setdefault(pk, person)
        name = Name(IdentifierKind(kind), value or "", pk, source_id)
        directory.add(name, IdentifierTrust(trust))


def is_external_id(name: Name, directory: Directory) -> bool:
    """Tell whether a user id is the external id of its customer."""
    external_id = directory.customers[name.customer_id].external_id
    return name.kind == IdentifierKind.USER_ID and external_id == name.value
