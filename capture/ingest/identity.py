"""Links captures to customers: loads names, resolves, stores what follows.

`capture.ingest.resolver` decides; this module reads for it and writes after it, in a
constant number of statements for one message or a thousand.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from audit.emails import email_spellings, fold_email
from audit.tenancy.actors import Actor
from capture.choices import (
    CaptureType,
    IdentifierKind,
    IdentifierTrust,
    LinkRule,
    ReviewDecision,
    ReviewKind,
    ReviewState,
    Trust,
)
from capture.ingest.projections import TYPED, ParsedCapture, name_in
from capture.ingest.resolver import (
    Directory,
    Message,
    Name,
    Outcome,
    Person,
    Question,
    QuestionKey,
    Resolver,
    names_of,
)
from capture.ingest.validation import is_success
from capture.models import Capture, CaptureLink, Identifier, IdentityReview, Source
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
_REASON = "captured"


@dataclass
class LinkResult:
    """The customers of captures, and what linking found out about them.

    `customers` has None for the unmatched, `new_identifiers` the ids that a customer
    lacked. `attached` are earlier captures that got a customer, `detached` those that
    lost it because an anonymous id turned out to be shared. `waiting` are captures
    whose customer staff have to name, with whom a *no* in them is of until then;
    `questioned` are the earlier ones of them, which nobody fitted before.
    """

    customers: dict[UUID, UUID | None] = field(default_factory=dict)
    new_identifiers: dict[UUID, dict[str, str]] = field(default_factory=dict)
    attached: list[Capture] = field(default_factory=list)
    detached: list[Capture] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
    waiting: dict[UUID, UUID | None] = field(default_factory=dict)
    questioned: list[Capture] = field(default_factory=list)
    reviews: dict[UUID, UUID] = field(default_factory=dict)

    def note_waiting(self, capture_id: UUID, outcome: Outcome) -> None:
        """Add a capture that waits for staff, and of whom a *no* in it holds."""
        self.waiting[capture_id] = outcome.objector_id
        if outcome.objector_id is not None:
            self.touched.add(outcome.objector_id)


@dataclass
class _Linking:
    """Captures of one business that are being linked, and the names they need."""

    captures: list[Capture]
    business_id: UUID
    # Of captures that may make a customer, their fields.
    parsed: dict[UUID, ParsedCapture] = field(default_factory=dict)

    @cached_property
    def directory(self) -> Directory:
        """Who has the names of these captures."""
        return load_directory(self.business_id, self.captures)

    @cached_property
    def reviews(self) -> _Reviews:
        """The reviews of their sources, e-mails and user ids."""
        return _Reviews(self.business_id, self.captures)

    @cached_property
    def resolver(self) -> Resolver:
        """The rule, over these names and what staff decided about them."""
        self.reviews.directory = self.directory
        self.directory.answers = self.reviews
        return Resolver(self.directory)

    @cached_property
    def outcomes(self) -> dict[UUID, Outcome]:
        """Whose each capture is, resolved in their order."""
        return {
            capture.pk: self.resolver.resolve(
                message_of(capture, self.parsed.get(capture.pk))
            )
            for capture in self.captures
        }

    def store_questions(self, actor: Actor) -> dict[UUID, UUID]:
        """Return the review of each capture with a question; open what is missing."""
        questions = {
            capture: question
            for capture in self.captures
            if (question := self.outcomes[capture.pk].question) is not None
        }
        return self.reviews.store(questions, self.parsed, actor) if questions else {}

    def names_and_emails(self) -> tuple[dict[Name, IdentifierTrust], set[str]]:
        """Return the identifiers and e-mail keys that those with a customer give."""
        names, emails = dict(self.resolver.changed), set()
        for capture in self.captures:
            outcome = self.outcomes[capture.pk]
            if outcome.customer_id is None:
                continue
            if key := email_key(capture):
                emails.add(key)
            names |= names_of(message_of(capture), outcome, self.directory)
        shared = {
            name
            for name in names
            if name.kind == IdentifierKind.ANONYMOUS_ID
            and self.directory.is_shared(name.value, is_page=False)
        }
        return {n: t for n, t in names.items() if n not in shared}, emails

    def followed_by(self, captures: list[Capture]) -> _Linking:
        """Return the linking of captures that waited; it loads what is not loaded."""
        following = _Linking(captures, self.business_id)
        loaded = set().union(*map(_names_in, self.captures))
        if set().union(*map(_names_in, captures)) <= loaded:
            following.directory = self.directory
        return following


def _names_in(capture: Capture) -> set[tuple[str, str | None]]:
    return {
        ("email", email_key(capture)),
        ("user", capture.user_ref),
        ("anonymous", capture.anonymous_ref),
        ("user", capture.previous_ref),
        ("anonymous", capture.previous_ref),
    } | {("email", None), ("user", None), ("anonymous", None)}


class _Reviews(Mapping[tuple[UUID, QuestionKey], "UUID | None"]):
    """What staff decided about the questions of some captures.

    Loaded once somebody asks, because questions are rare. Adds whom staff decided for
    to the directory.
    """

    def __init__(self, business_id: UUID, captures: list[Capture]) -> None:
        self._business_id = business_id
        self._captures = captures
        self.directory = Directory()

    def __getitem__(self, key: tuple[UUID, QuestionKey]) -> UUID | None:
        return self._decided[key]

    def __iter__(self) -> Iterator[tuple[UUID, QuestionKey]]:
        return iter(self._decided)

    def __len__(self) -> int:
        return len(self._decided)

    @cached_property
    def _stored(self) -> list[IdentityReview]:
        emails = {key for c in self._captures if (key := email_key(c))}
        refs = {c.user_ref for c in self._captures if c.user_ref}
        reviews = IdentityReview.objects.filter(
            Q(email_key__in=emails) | Q(user_ref__in=refs),
            business=self._business_id,
            source__in={c.source_id for c in self._captures},
        )
        return list(reviews.select_related("customer").order_by("decided_at", "pk"))

    @cached_property
    def _decided(self) -> dict[tuple[UUID, QuestionKey], UUID | None]:
        decided: dict[tuple[UUID, QuestionKey], UUID | None] = {}
        for review in self._stored:
            if review.is_open:
                continue
            decided[_key_of(review)] = review.customer_id
            customer = review.customer
            if customer is not None and customer.erased_at is None:
                self.directory.customers.setdefault(
                    customer.pk,
                    Person(
                        customer.pk,
                        customer.email_key,
                        customer.external_id,
                        customer.is_archived,
                    ),
                )
        return decided

    def store(
        self,
        questions: dict[Capture, Question],
        parsed: dict[UUID, ParsedCapture],
        actor: Actor,
    ) -> dict[UUID, UUID]:
        """Return the open review of each capture's question; make what is missing."""
        pending = {_key_of(r): r for r in self._stored if r.is_open}
        new: list[IdentityReview] = []
        result: dict[UUID, UUID] = {}
        for capture, question in questions.items():
            key = (capture.source_id, question.key)
            if key not in pending:
                item = parsed.get(capture.pk)
                typed = (item and item.email) or capture.email
                pending[key] = IdentityReview(
                    business_id=capture.business_id,
                    source_id=capture.source_id,
                    kind=question.kind,
                    email=typed if question.email else None,
                    user_ref=question.user_ref,
                    email_customer_id=question.email_customer,
                    user_customer_id=question.user_customer,
                )
                new.append(pending[key])
            result[capture.pk] = pending[key].pk
        if new:
            IdentityReview.objects.as_actor(actor, reason=_REASON).bulk_create(new)
        return result


def _key_of(review: IdentityReview) -> tuple[UUID, QuestionKey]:
    key = QuestionKey(review.kind, review.email_key, review.user_ref)
    return review.source_id, key


def link(parsed: list[ParsedCapture], source: Source, *, actor: Actor) -> LinkResult:
    """Find or make the customers of new captures and link them.

    A constant number of statements, whatever the number of messages.
    """
    linking = _Linking(
        [item.capture for item in parsed],
        source.business_id,
        {item.capture.pk: item for item in parsed},
    )
    linked = LinkResult()
    outcomes = linking.outcomes
    _create(linking, source, linked, actor)
    linked.reviews = linking.store_questions(actor)
    links = [
        CaptureLink(
            business_id=capture.business_id,
            capture=capture,
            customer_id=outcomes[capture.pk].customer_id,
            rule=outcomes[capture.pk].rule,
            review_id=linked.reviews.get(capture.pk),
            linked_at=capture.received_at,
        )
        for capture in linking.captures
    ]
    CaptureLink.objects.bulk_create(links)
    _note(linking, linked)
    _attach_further(linking, linked, actor)
    return linked


def attach(
    captures: list[Capture],
    customer_id: UUID,
    *,
    business_id: UUID,
    names: Mapping[Name, IdentifierTrust],
    actor: Actor,
) -> LinkResult:
    """Link captures that waited for staff to whom staff named, with what that teaches.

    Also what waited for these `names`. In the caller's transaction, which has locked
    them.
    """
    # A correction is read with what it corrects.
    attached = [capture for capture in captures if capture.corrects_id is None]
    linked = LinkResult(attached=attached, touched={customer_id})
    links = CaptureLink.objects.filter(capture__in=captures)
    links.update(customer=customer_id, rule=LinkRule.MANUAL, linked_at=timezone.now())
    _copy_customers([capture.pk for capture in captures])
    linking = _Linking(captures, business_id)
    outcome = Outcome(customer_id, LinkRule.MANUAL)
    linking.outcomes = {capture.pk: outcome for capture in captures}
    for capture in captures:
        for name, trust in names_of(message_of(capture), outcome, linking.directory):
            linking.resolver.add(name, trust)
    for name, trust in names.items():
        linking.resolver.add(name, trust)
    _attach_further(linking, linked, actor)
    return linked


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


def expected_owners(captures: list[Capture]) -> dict[UUID, UUID | None]:
    """Return whose these captures are by what is known now, making nobody."""
    owners: dict[UUID, UUID | None] = {}
    for business_id in sorted({capture.business_id for capture in captures}):
        of_business = [
            capture for capture in captures if capture.business_id == business_id
        ]
        outcomes = _Linking(of_business, business_id).outcomes
        owners |= {pk: outcome.customer_id for pk, outcome in outcomes.items()}
    return owners


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
        external_ids={key: match.customer_id for key, match in by_id.items()},
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
            if name.source_id is None and _is_external_id(name, directory)
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


def _create(
    linking: _Linking, source: Source, linked: LinkResult, actor: Actor
) -> None:
    """Make the customers that the outcomes name, and note what others have learned."""
    resolver = linking.resolver
    new: dict[UUID, customers.CapturedCustomer] = {}
    for capture in linking.captures:
        pk = linking.outcomes[capture.pk].customer_id
        if pk not in resolver.made:
            continue
        if pk not in new:
            new[pk] = new_customer(pk, linking.parsed[capture.pk])
            new[pk].email = resolver.learned[pk].get("email")
            new[pk].external_id = resolver.learned[pk].get("external_id")
        new[pk].joined_at = min(new[pk].joined_at, capture.occurred_at)
    customers.create_captured_customers(
        source.business, list(new.values()), actor=actor
    )
    linked.new_identifiers = {
        pk: names for pk, names in resolver.learned.items() if pk not in resolver.made
    }


def _makes_customer(item: ParsedCapture) -> bool:
    if item.capture.type == CaptureType.LOGIN:
        return is_success(item.fields) is True
    return item.capture.type not in _NOT_ENOUGH


def new_customer(pk: UUID, item: ParsedCapture) -> customers.CapturedCustomer:
    """Return the columns of a customer whom a message makes."""
    fields, capture = item.fields, item.capture
    return customers.CapturedCustomer(
        id=pk,
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


def _note(linking: _Linking, linked: LinkResult) -> None:
    """Add to the result whose the captures are, and which of them wait."""
    for capture in linking.captures:
        outcome = linking.outcomes[capture.pk]
        linked.customers[capture.pk] = outcome.customer_id
        if outcome.customer_id is not None:
            linked.touched.add(outcome.customer_id)
        elif outcome.question is not None:
            linked.note_waiting(capture.pk, outcome)


def _attach_further(linking: _Linking, linked: LinkResult, actor: Actor) -> None:
    """Attach what waited for these captures, and what waited for that, and so on."""
    business_id = linking.business_id
    for _ in range(_MAX_ROUNDS):
        shared = _store_learned(business_id, linking.resolver)
        lost = _detach(business_id, shared)
        linked.detached += lost
        linked.touched |= set(lost.values())
        links = _waiting_links(linking)
        linking = linking.followed_by([each.capture for each in links])
        if not _attach(links, linking, linked, actor):
            break


def _store_learned(business_id: UUID, resolver: Resolver) -> dict[str, bool]:
    """Store new identifiers; return which anonymous ones several customers have.

    With each, whether only pages say so: their word is a claim.
    """
    new = {n: t for n, t in resolver.changed.items() if n not in resolver.raised}
    if new:
        store_names(business_id, new)
    if resolver.raised:
        raised = {name: resolver.changed[name] for name in resolver.raised}
        _raise_trust(business_id, raised)
    names = (n for n in resolver.changed if n.kind == IdentifierKind.ANONYMOUS_ID)
    is_shared = resolver.directory.is_shared
    return {
        value: not is_shared(value, is_page=False)
        for value in {name.value for name in names}
        if is_shared(value, is_page=True)
    }


def store_names(business_id: UUID, names: Mapping[Name, IdentifierTrust]) -> None:
    """Store identifiers that customers lack."""
    Identifier.objects.bulk_create(
        [
            Identifier(
                business_id=business_id,
                kind=name.kind,
                value=name.value,
                customer_id=name.customer_id,
                source_id=name.source_id,
                trust=names[name],
            )
            for name in sorted(names, key=str)
        ],
        ignore_conflicts=True,
    )


def _raise_trust(business_id: UUID, names: Mapping[Name, IdentifierTrust]) -> None:
    """Note that a server, or staff, have named what was stored with less trust."""
    identifiers = Identifier.objects.filter(
        business=business_id, value__in={name.value for name in names}
    )
    ids = defaultdict(list)
    columns = ("pk", "kind", "value", "customer_id", "source_id")
    for pk, kind, value, customer_id, source_id in identifiers.values_list(*columns):
        name = Name(IdentifierKind(kind), value or "", customer_id, source_id)
        if name in names:
            ids[names[name]].append(pk)
    for trust, pks in ids.items():
        Identifier.objects.filter(pk__in=pks).update(trust=trust)


def _waiting_links(linking: _Linking) -> list[CaptureLink]:
    """Return the locked links of captures that may belong to these customers by now."""
    names, emails = linking.names_and_emails()
    if not (names or emails):
        return []
    spellings = {way for key in emails for way in email_spellings(key)}
    named = Q(capture__email__in=spellings)
    ids = {name.value for name in names if name.kind == IdentifierKind.ANONYMOUS_ID}
    named |= Q(capture__anonymous_ref__in=ids)
    refs = defaultdict(set)
    for name, trust in names.items():
        if name.kind == IdentifierKind.USER_ID:
            refs[name.source_id, trust == IdentifierTrust.PAGE].add(name.value)
    for (source_id, is_claim), values in refs.items():
        of_source = Q(capture__source=source_id) if source_id else Q()
        # What only pages say is good for pages alone.
        of_page = Q(capture__trust=Trust.BROWSER) if is_claim else Q()
        named |= Q(capture__user_ref__in=values) & of_source & of_page
    named |= Q(capture__previous_ref__in={name.value for name in names})
    waiting = CaptureLink.objects.filter(
        Q(review=None)
        | Q(review__kind=ReviewKind.CLAIMED_USER_ID, review__state=ReviewState.OPEN),
        named,
        business=linking.business_id,
        customer=None,
    )
    # The rest follows with the next message that gives these names.
    light = waiting.select_related("capture").defer(*_LARGE)
    # Locked in key order: another message may know the same captures by another name.
    locked = light.select_for_update(of=("self",), no_key=True)
    return list(locked.order_by("pk")[:_MAX_ATTACHED])


def _attach(
    links: list[CaptureLink], linking: _Linking, linked: LinkResult, actor: Actor
) -> bool:
    """Attach captures of earlier days to customers known by now; tell whether any."""
    attached, changed = [], []
    reviews = linking.store_questions(actor) if links else {}
    for waiting in links:
        outcome = linking.outcomes[waiting.capture_id]
        if outcome.customer_id is not None:
            waiting.customer_id, waiting.rule = outcome.customer_id, outcome.rule
            attached.append(waiting)
        elif waiting.capture_id not in reviews:
            continue
        else:
            linked.questioned.append(waiting.capture)
            linked.note_waiting(waiting.capture_id, outcome)
        waiting.review_id = waiting.review_id or reviews.get(waiting.capture_id)
        waiting.linked_at = timezone.now()
        changed.append(waiting)
    if changed:
        columns = ["customer", "rule", "review", "linked_at"]
        CaptureLink.objects.bulk_update(changed, columns)
    if not attached:
        return False
    _copy_customers([waiting.capture_id for waiting in attached])
    _close(attached, actor)
    # What they taught is stored with the values of their customers.
    for customer_id, learned in linking.resolver.learned.items():
        linked.new_identifiers.setdefault(customer_id, {}).update(learned)
    linked.attached += [waiting.capture for waiting in attached]
    linked.touched |= {pk for each in attached if (pk := each.customer_id)}
    return True


def _close(attached: list[CaptureLink], actor: Actor) -> None:
    """Decide the reviews that a server has answered by naming an id with an e-mail."""
    owners = {each.review_id: each.customer_id for each in attached if each.review_id}
    if not owners:
        return
    reviews = IdentityReview.objects.select_for_update(of=("self",), no_key=True)
    claimed = reviews.filter(pk__in=list(owners), kind=ReviewKind.CLAIMED_USER_ID)
    answered = list(claimed.open().order_by("pk"))
    for review in answered:
        review.customer_id = owners[review.pk]
        is_same = review.customer_id == review.user_customer_id
        review.decision = (
            ReviewDecision.SAME_PERSON if is_same else ReviewDecision.OTHER_PERSON
        )
        review.state, review.decided_at = ReviewState.DECIDED, timezone.now()
    IdentityReview.objects.as_actor(actor, reason=_REASON).bulk_update(
        answered, ["customer", "decision", "state", "decided_at"]
    )


def _detach(business_id: UUID, shared: Mapping[str, bool]) -> dict[Capture, UUID]:
    """Take captures that only a shared id had linked away from their customer.

    Where only pages share it, those of pages alone. Returns whose they were.
    """
    if not shared:
        return {}
    names = [name for name, is_claim in shared.items() if not is_claim]
    claims = list(shared)
    links = CaptureLink.objects.filter(
        Q(capture__anonymous_ref__in=names)
        | Q(capture__previous_ref__in=names)
        | Q(capture__anonymous_ref__in=claims, capture__trust=Trust.BROWSER)
        | Q(capture__previous_ref__in=claims, capture__trust=Trust.BROWSER),
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


def missing_names(
    captures: list[Capture],
    links: Mapping[UUID, tuple[UUID | None, str | None]],
    *,
    repair: bool,
) -> list[tuple[UUID, str]]:
    """Return what is not stored of the names of linked captures: (customer, kind).

    `links` are the customer and the rule of each capture. With `repair`, store them,
    and leave user ids of before sources with the sources that brought them.
    """
    missing: list[tuple[UUID, str]] = []
    for business_id in sorted({capture.business_id for capture in captures}):
        of_business = [c for c in captures if c.business_id == business_id]
        directory = load_directory(business_id, of_business, is_exact=True)
        lost = _lost_names(of_business, links, directory)
        missing += [(name.customer_id, name.kind) for name in sorted(lost, key=str)]
        if lost and repair:
            store_names(business_id, lost)
            _raise_trust(business_id, lost)
            _remove_replaced(business_id, lost, directory)
    return missing


def restore_decided(business_id: UUID, captures: list[Capture]) -> None:
    """Store what staff decided about the user ids of these captures, if it was lost."""
    if names := decided_names(business_id, captures):
        store_names(business_id, names)
        _raise_trust(business_id, names)


def decided_names(
    business_id: UUID, captures: list[Capture]
) -> dict[Name, IdentifierTrust]:
    """Return whom staff said that the user ids of these captures mean."""
    reviews = IdentityReview.objects.filter(
        business=business_id,
        source__in={capture.source_id for capture in captures},
        user_ref__in={c.user_ref for c in captures if c.user_ref},
        state=ReviewState.DECIDED,
        customer__erased_at=None,
        # Servers have answered the others.
        reason__isnull=False,
    ).exclude(kind=ReviewKind.CONTRADICTION, decision=ReviewDecision.OTHER_PERSON)
    newest: dict[tuple[UUID, str], Name] = {}
    columns = ("source_id", "user_ref", "customer_id")
    by_time = reviews.exclude(customer=None).order_by("decided_at", "pk")
    for source_id, value, customer_id in by_time.values_list(*columns):
        name = Name(IdentifierKind.USER_ID, value or "", customer_id, source_id)
        newest[source_id, name.value] = name
    return dict.fromkeys(newest.values(), IdentifierTrust.STAFF)


def _lost_names(
    captures: list[Capture],
    links: Mapping[UUID, tuple[UUID | None, str | None]],
    directory: Directory,
) -> dict[Name, IdentifierTrust]:
    stored, resolver = dict(directory.names), Resolver(directory)
    for name, trust in decided_names(captures[0].business_id, captures).items():
        directory.customers.setdefault(name.customer_id, Person(name.customer_id))
        resolver.add(name, trust)
    for capture in captures:
        customer_id, rule = links.get(capture.pk, (None, None))
        if customer_id not in directory.customers or not rule:
            continue
        outcome = Outcome(customer_id, LinkRule(rule))
        for name, trust in names_of(message_of(capture), outcome, directory):
            if outcome.rule in _BY_ID and _has_alike(stored, name):
                continue
            if not _is_of_all(name, stored, directory):
                resolver.add(name, trust)
    return resolver.changed


def _is_of_all(name: Name, stored: Iterable[Name], directory: Directory) -> bool:
    """Tell whether a user id is stored as the company's number of its customer.

    Also of one who was archived since.
    """
    is_captured = (name.customer_id, name.value) in directory.captured_ids
    is_number = _is_external_id(name, directory) and not is_captured
    return is_number and name._replace(source_id=None) in stored


def _is_external_id(name: Name, directory: Directory) -> bool:
    external_id = directory.customers[name.customer_id].external_id
    return name.kind == IdentifierKind.USER_ID and external_id == name.value


def _has_alike(stored: Iterable[Name], name: Name) -> bool:
    # What an anonymous id has taught has no more trust than that id had then.
    return any(each[:3] == name[:3] for each in stored)


def _remove_replaced(
    business_id: UUID, lost: Iterable[Name], directory: Directory
) -> None:
    """Remove user ids without a source that captures brought and now have one."""
    replaced = Q()
    for name in lost:
        without = name._replace(source_id=None)
        if name.source_id is not None and without in directory.names:
            replaced |= Q(value=name.value, customer=name.customer_id)
    if replaced:
        Identifier.objects.filter(
            replaced, business=business_id, kind=IdentifierKind.USER_ID, source=None
        ).delete()
