"""Whose message is it? Finds customers, makes them, and links captures to them.

A capture is linked by its e-mail, then by its user id, then by the anonymous id of a
browser or provider. An anonymous id that two customers used, as on a shared computer,
links nothing: two people are never mixed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from audit.emails import email_spellings, fold_email
from audit.tenancy.actors import Actor
from capture.choices import CaptureType, IdentifierKind, LinkRule, Trust
from capture.ingest.projections import TYPED, ParsedCapture, name_in
from capture.ingest.validation import is_success
from capture.models import Capture, CaptureLink, Identifier, Source
from customers import services as customers
from customers.values.phone_number import captured_phone

_NOT_ENOUGH = frozenset(
    {CaptureType.PAGE, CaptureType.EVENT, CaptureType.ALIAS, CaptureType.CONSENT}
)
_BY_ID = (LinkRule.ANONYMOUS_ID, LinkRule.ALIAS)
# The longest chain of aliases that is followed.
_MAX_ROUNDS = 10
# So many waiting captures are attached in one request.
_MAX_ATTACHED = 1000
_LARGE = ("capture__payload", "capture__raw", "capture__warnings")


@dataclass
class Identities:
    """Customers of one business by e-mail key, user id and anonymous id."""

    by_email: dict[str | None, UUID] = field(default_factory=dict)
    by_ref: dict[str | None, UUID] = field(default_factory=dict)
    by_anonymous: dict[str | None, UUID] = field(default_factory=dict)

    def find(self, capture: Capture) -> tuple[UUID | None, str | None]:
        """Return the customer of a capture, and the rule that says so."""
        ref, anonymous = capture.user_ref or "", capture.anonymous_ref or ""
        previous = capture.previous_ref or ""
        ways = (
            (self.by_email, email_key(capture) or "", LinkRule.EMAIL),
            (self.by_ref, ref, LinkRule.USER_ID),
            (self.by_ref, previous, LinkRule.ALIAS),
            (self.by_anonymous, anonymous, LinkRule.ANONYMOUS_ID),
            (self.by_anonymous, previous, LinkRule.ALIAS),
        )
        for customers_by_key, name, rule in ways:
            if name in customers_by_key:
                return customers_by_key[name], rule
        return None, None


@dataclass
class LinkResult:
    """The customers of captures, and what linking found out about them.

    `customers` has None for the unmatched, `new_identifiers` the ids that a customer
    lacked. `attached` are earlier captures that got a customer, `detached` those that
    lost it because an anonymous id turned out to be shared.
    """

    customers: dict[UUID, UUID | None] = field(default_factory=dict)
    new_identifiers: dict[UUID, dict[str, str]] = field(default_factory=dict)
    attached: list[Capture] = field(default_factory=list)
    detached: list[Capture] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)


def link(parsed: list[ParsedCapture], source: Source, *, actor: Actor) -> LinkResult:
    """Find or make the customers of new captures and link them.

    A constant number of statements, whatever the number of messages.
    """
    captures = [item.capture for item in parsed]
    identities = find_identities(source.business_id, captures)
    missing = _missing(parsed, identities)
    made = customers.create_captured_customers(source.business, missing, actor=actor)
    for new_customer, customer_id in zip(missing, made, strict=True):
        if new_customer.email:
            identities.by_email[fold_email(new_customer.email)] = customer_id
        if new_customer.external_id:
            identities.by_ref[new_customer.external_id] = customer_id
    linked = LinkResult(new_identifiers=_learn(parsed, identities))
    links = [link_of(capture, identities) for capture in captures]
    CaptureLink.objects.bulk_create(links)
    linked.customers = {saved.capture_id: saved.customer_id for saved in links}
    linked.touched = {pk for pk in linked.customers.values() if pk is not None}
    _link_waiting(captures, identities, linked, source.business_id)
    return linked


def email_key(capture: Capture) -> str | None:
    """Return the key of a capture's address: what it stored may be one of before."""
    return fold_email(capture.email) if capture.email else None


def links_of(capture_ids: Iterable[UUID]) -> dict[UUID, UUID | None]:
    """Return the customers of captures that were linked before."""
    links = CaptureLink.objects.filter(capture__in=list(capture_ids))
    return dict(links.values_list("capture_id", "customer_id"))


def link_of(capture: Capture, identities: Identities) -> CaptureLink:
    """Return the unsaved link of a capture."""
    customer_id, rule = identities.find(capture)
    return CaptureLink(
        business_id=capture.business_id,
        capture=capture,
        customer_id=customer_id,
        rule=rule,
        linked_at=capture.received_at,
    )


def find_identities(business_id: UUID, captures: Iterable[Capture]) -> Identities:
    """Return the customers with the identifiers of these captures."""
    captures = list(captures)
    emails = {key for c in captures if (key := email_key(c))}
    previous = {c.previous_ref for c in captures if c.previous_ref}
    refs = {c.user_ref for c in captures if c.user_ref} | previous
    anonymous = {c.anonymous_ref for c in captures if c.anonymous_ref} | previous
    by_email, by_ref = customers.find_by_identity(
        business_id, emails=emails, external_ids=refs
    )
    more = _identified(business_id, refs, anonymous)
    return Identities(
        by_email,
        {**_unambiguous(more[IdentifierKind.USER_ID]), **by_ref},
        _unambiguous(more[IdentifierKind.ANONYMOUS_ID]),
    )


def _identified(
    business_id: UUID, refs: set[str], anonymous: set[str]
) -> dict[str, dict[str, set[UUID]]]:
    """Return the customers of further names, by kind and value."""
    customers_by_name: dict[str, dict[str, set[UUID]]] = {
        kind: defaultdict(set) for kind in IdentifierKind.values
    }
    identifiers = Identifier.objects.filter(business=business_id).filter(
        Q(kind=IdentifierKind.USER_ID, value__in=refs)
        | Q(kind=IdentifierKind.ANONYMOUS_ID, value__in=anonymous)
    )
    live = identifiers.filter(customer__archived_at=None, customer__erased_at=None)
    for kind, value, pk in live.order_by("pk").values_list(
        "kind", "value", "customer_id"
    ):
        customers_by_name[kind][value or ""].add(pk)
    return customers_by_name


def _unambiguous(owners: dict[str, set[UUID]]) -> dict[str | None, UUID]:
    return {value: next(iter(ids)) for value, ids in owners.items() if len(ids) == 1}


def _missing(
    parsed: list[ParsedCapture], identities: Identities
) -> list[customers.CapturedCustomer]:
    """Return the customers to be made.

    Messages of one batch may name a person by e-mail, by user id, or by both.
    """
    missing: list[customers.CapturedCustomer] = []
    by_name: dict[str, customers.CapturedCustomer] = {}
    for item in sorted(parsed, key=lambda t: t.capture.occurred_at):
        capture = item.capture
        names = [name for name in (email_key(capture), capture.user_ref) if name]
        has_customer = (
            email_key(capture) in identities.by_email
            or capture.user_ref in identities.by_ref
        )
        if not names or has_customer or not _makes_customer(item):
            continue
        new_customer = next((by_name[name] for name in names if name in by_name), None)
        if new_customer is None:
            new_customer = _new_customer(item)
            missing.append(new_customer)
        _complete(new_customer, item, by_name)
        for name in names:
            by_name.setdefault(name, new_customer)
    return missing


def _complete(
    new_customer: customers.CapturedCustomer,
    item: ParsedCapture,
    by_name: dict[str, customers.CapturedCustomer],
) -> None:
    """Add the id that an earlier message of the batch did not name."""
    capture = item.capture
    lacks_ref = not new_customer.external_id and capture.user_ref not in by_name
    if capture.user_ref and lacks_ref:
        new_customer.external_id = capture.user_ref
    if (key := email_key(capture)) and not new_customer.email and key not in by_name:
        if new_customer.name == new_customer.external_id:
            new_customer.name = name_in(item.fields.get("full_name")) or item.email
        new_customer.email = item.email


def _makes_customer(item: ParsedCapture) -> bool:
    if item.capture.type == CaptureType.LOGIN:
        return is_success(item.fields) is True
    return item.capture.type not in _NOT_ENOUGH


def _new_customer(item: ParsedCapture) -> customers.CapturedCustomer:
    fields, capture = item.fields, item.capture
    return customers.CapturedCustomer(
        name=name_in(fields.get("full_name")) or item.email or capture.user_ref,
        email=item.email,
        phone=captured_phone(capture.phone)[0],
        external_id=capture.user_ref,
        joined_at=capture.occurred_at,
        source=_source(fields.get("signup_source")) or "website",
    )


def _source(value: object) -> str:
    text = value.replace("\0", "") if isinstance(value, str) else ""
    return text.encode("utf-8", errors="replace").decode().strip()[:100]


def _learn(
    parsed: list[ParsedCapture], identities: Identities
) -> dict[UUID, dict[str, str]]:
    """Return the e-mail or user id that a message adds to a customer it found.

    Adds them to both maps too, so that no second customer claims them. A page does
    not set the e-mail of a user id: anybody could put theirs on another customer.
    """
    by_email, by_ref = identities.by_email, identities.by_ref
    new_identifiers: dict[UUID, dict[str, str]] = {}
    for item in sorted(parsed, key=lambda t: t.capture.occurred_at):
        capture = item.capture
        email, ref = email_key(capture), capture.user_ref
        if email is None or ref is None or (email in by_email) == (ref in by_ref):
            continue
        if email in by_email:
            by_ref[ref] = by_email[email]
            new_identifiers.setdefault(by_ref[ref], {}).setdefault("external_id", ref)
        elif capture.trust != Trust.BROWSER:
            by_email[email] = by_ref[ref]
            typed = item.email or email
            new_identifiers.setdefault(by_email[email], {}).setdefault("email", typed)
    return new_identifiers


def _link_waiting(
    captures: list[Capture],
    identities: Identities,
    linked: LinkResult,
    business_id: UUID,
) -> None:
    """Attach what waited for these captures, and what waited for that, and so on."""
    customers_of = dict(linked.customers)
    for _ in range(_MAX_ROUNDS):
        names = _names(captures, customers_of)
        shared = _store_names(business_id, names)
        lost = _detach(business_id, shared)
        linked.detached += lost
        linked.touched |= set(lost.values())
        new = _identities_from(names, shared, captures, customers_of)
        captures = _attach_waiting(business_id, new)
        if not captures:
            break
        customers_of = links_of([capture.pk for capture in captures])
        linked.attached += captures
        linked.touched |= {pk for pk in customers_of.values() if pk is not None}


def _names(
    captures: list[Capture], customers_of: dict[UUID, UUID | None]
) -> set[tuple[str, str, UUID]]:
    """Return the further names that linked captures give: (kind, value, customer)."""
    names: set[tuple[str, str, UUID]] = set()
    for capture in captures:
        customer_id = customers_of.get(capture.pk)
        # Who is known by an anonymous id alone gives it no further name.
        is_named = capture.email or capture.user_ref
        if customer_id is None or not is_named:
            continue
        anonymous = {capture.anonymous_ref}
        if capture.previous_ref and capture.previous_ref != capture.user_ref:
            anonymous.add(capture.previous_ref)
            if capture.trust != Trust.BROWSER:
                # A page could claim anybody's user id as its former one.
                names.add((IdentifierKind.USER_ID, capture.previous_ref, customer_id))
        if capture.user_ref and (
            capture.trust != Trust.BROWSER or capture.type != CaptureType.ALIAS
        ):
            names.add((IdentifierKind.USER_ID, capture.user_ref, customer_id))
        names |= {(IdentifierKind.ANONYMOUS_ID, v, customer_id) for v in anonymous if v}
    return names


def missing_names(
    captures: list[Capture], customers_of: dict[UUID, UUID | None], *, repair: bool
) -> list[tuple[UUID, str]]:
    """Return further names that are not stored: (customer, kind); store them."""
    missing: list[tuple[UUID, str]] = []
    for business_id in sorted({capture.business_id for capture in captures}):
        business_captures = [c for c in captures if c.business_id == business_id]
        names = _names(business_captures, customers_of)
        stored = Identifier.objects.filter(
            business=business_id, value__in={value for _, value, _ in names}
        )
        lost = names - set(stored.values_list("kind", "value", "customer_id"))
        missing += [(pk, kind) for kind, _, pk in sorted(lost)]
        if lost and repair:
            _store_names(business_id, lost)
    return missing


def _store_names(business_id: UUID, names: set[tuple[str, str, UUID]]) -> set[str]:
    """Store names, and return the anonymous ids that more than one customer has."""
    if not names:
        return set()
    Identifier.objects.bulk_create(
        [
            Identifier(business_id=business_id, kind=k, value=v, customer_id=pk)
            for k, v, pk in sorted(names)
        ],
        ignore_conflicts=True,
    )
    values = {v for k, v, _ in names if k == IdentifierKind.ANONYMOUS_ID}
    stored = _identified(business_id, set(), values)[IdentifierKind.ANONYMOUS_ID]
    return {value for value, ids in stored.items() if len(ids) > 1}


def _identities_from(
    names: set[tuple[str, str, UUID]],
    shared: set[str],
    captures: list[Capture],
    customers_of: dict[UUID, UUID | None],
) -> Identities:
    identities = Identities()
    for kind, value, pk in sorted(names):
        if kind == IdentifierKind.USER_ID:
            identities.by_ref[value] = pk
        elif value not in shared:
            identities.by_anonymous[value] = pk
    for capture in captures:
        pk_or_none = customers_of.get(capture.pk)
        key = email_key(capture)
        if key and pk_or_none is not None:
            identities.by_email[key] = pk_or_none
    return identities


def _attach_waiting(business_id: UUID, identities: Identities) -> list[Capture]:
    """Attach unmatched captures of earlier days to customers known by now."""
    refs = list(identities.by_ref)
    ids = list(identities.by_anonymous)
    if not (refs or ids or identities.by_email):
        return []
    emails = {way for key in identities.by_email if key for way in email_spellings(key)}
    waiting = CaptureLink.objects.filter(business=business_id, customer=None).filter(
        Q(capture__email__in=emails)
        | Q(capture__user_ref__in=refs)
        | Q(capture__anonymous_ref__in=ids)
        | Q(capture__previous_ref__in=[*refs, *ids])
    )
    # The rest follows with the next message that gives these names.
    light = waiting.select_related("capture").defer(*_LARGE)
    # Locked in key order: another message may know the same captures by another name.
    locked = light.select_for_update(of=("self",), no_key=True)
    links = list(locked.order_by("pk")[:_MAX_ATTACHED])
    attached = []
    for waiting_link in links:
        waiting_link.customer_id, waiting_link.rule = identities.find(
            waiting_link.capture
        )
        waiting_link.linked_at = timezone.now()
        if waiting_link.customer_id is not None:
            attached.append(waiting_link.capture)
    if attached:
        CaptureLink.objects.bulk_update(links, ["customer", "rule", "linked_at"])
        _copy_customers([capture.pk for capture in attached])
    return attached


def _detach(business_id: UUID, shared: set[str]) -> dict[Capture, UUID]:
    """Take captures that only a shared id had linked away from their customer.

    Returns whose they were.
    """
    if not shared:
        return {}
    names = list(shared)
    links = CaptureLink.objects.filter(
        Q(capture__anonymous_ref__in=names) | Q(capture__previous_ref__in=names),
        business=business_id,
        rule__in=_BY_ID,
        customer__isnull=False,
    )
    light = links.select_related("capture").defer(*_LARGE)
    captures = {
        shared_link.capture: shared_link.customer_id
        for shared_link in light.select_for_update(of=("self",), no_key=True).order_by(
            "pk"
        )
        if shared_link.customer_id is not None
    }
    ids = [capture.pk for capture in captures]
    if ids:
        links.model.objects.filter(capture__in=ids).update(customer=None, rule=None)
        _copy_customers(ids)
    return captures


def _copy_customers(capture_ids: list[UUID]) -> None:
    """Give typed rows the customer of their capture."""
    owner = CaptureLink.objects.filter(capture=OuterRef("capture"))
    for model in TYPED.values():
        projections = model._default_manager.filter(capture__in=capture_ids)
        projections.update(customer=Subquery(owner.values("customer")[:1]))
