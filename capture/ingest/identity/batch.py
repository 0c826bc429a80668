"""Captures that are being linked: whose they are, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from audit.tenancy.actors import Actor
from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
    LinkRule,
    ReviewKind,
)
from capture.ingest.identity.loading import email_key, load_directory, message_of
from capture.ingest.identity.reviews import Reviews
from capture.ingest.identity.waiting import lock_shared, lock_waiting
from capture.ingest.projections import ParsedCapture
from capture.ingest.resolver import (
    Directory,
    Name,
    Outcome,
    Person,
    Question,
    Resolver,
    names_of,
)
from capture.models import Capture, CaptureLink
from customers.services import CapturedCustomer

# The longest chain of messages that waited for each other.
_MAX_ROUNDS = 10


@dataclass
class LinkResult:
    """The customers of captures, and what linking found out about them.

    `customers` has None for the unmatched, `new_identifiers` the ids that a customer
    lacked. `attached` are earlier captures that got a customer, `detached` those that
    lost it because an anonymous id turned out to be shared. `waiting` are captures
    whose customer staff have to name; `questioned` are the earlier ones of them, which
    nobody fitted before. `objections` are of whom a *no* is in captures that wait, or
    waited until a later message of the same batch. `made` are the customers as their
    first messages made them.
    """

    customers: dict[UUID, UUID | None] = field(default_factory=dict)
    new_identifiers: dict[UUID, dict[str, str]] = field(default_factory=dict)
    attached: list[Capture] = field(default_factory=list)
    detached: list[Capture] = field(default_factory=list)
    touched: set[UUID] = field(default_factory=set)
    waiting: set[UUID] = field(default_factory=set)
    objections: dict[UUID, UUID] = field(default_factory=dict)
    questioned: list[Capture] = field(default_factory=list)
    reviews: dict[UUID, UUID] = field(default_factory=dict)
    made: dict[UUID, CapturedCustomer] = field(default_factory=dict)


@dataclass
class Linking:
    """Captures of one business that are being linked, and what they change.

    `decided` is whom staff named for them, if they did, and `names` what that teaches.
    `earlier` are links that these captures may change, by capture: of what waited for
    one of their names, and of what only an anonymous id has linked that they share.
    """

    captures: list[Capture]
    business_id: UUID
    # Of captures that may make a customer, their fields.
    parsed: dict[UUID, ParsedCapture] = field(default_factory=dict)
    decided: Outcome | None = None
    names: Mapping[Name, IdentifierTrust] = field(default_factory=dict)
    earlier: dict[UUID, CaptureLink] = field(default_factory=dict)

    def resolve(self) -> Resolver:
        """Return the resolver that has resolved all, with what waited for them.

        Which that is, only resolving tells; then all is resolved once more with it, in
        the order of arrival. The locks on the earlier links stay until the commit.
        """
        captures = self.captures
        directory, loaded = load_directory(self.business_id, captures), _names(captures)
        resolver = self._resolve(directory.copy())
        for _ in range(_MAX_ROUNDS):
            more = self._further(resolver)
            if not more:
                break
            self.earlier |= {link.capture_id: link for link in more}
            captures = [*self.captures, *(x.capture for x in self.earlier.values())]
            if not _names(captures) <= loaded:
                directory = load_directory(self.business_id, captures)
                loaded = _names(captures)
            resolver = self._resolve(directory.copy())
        return resolver

    def resolve_alone(self) -> Resolver:
        """Return the resolver of these captures, whatever waits for them."""
        return self._resolve(load_directory(self.business_id, self.captures))

    def _resolve(self, directory: Directory) -> Resolver:
        earlier = sorted(self.earlier.values(), key=lambda link: link.pk)
        captures = [*self.captures, *(link.capture for link in earlier)]
        self._reviews = Reviews(self.business_id, captures, directory)
        directory.answers = self._reviews
        resolver = Resolver(directory)
        for link in earlier:
            resolver.hold(message_of(link.capture), _outcome_of(link))
        if self.decided is not None:
            # The names do not find them yet; what was decided does.
            self._reviews.load()
            pk = self.decided.customer_id
            if pk is not None:
                directory.customers.setdefault(pk, Person(pk))
        for name, trust in self.names.items():
            resolver.add(name, trust)
        for capture in self.captures:
            if self.decided is not None:
                resolver.give(message_of(capture), self.decided)
            else:
                resolver.resolve(message_of(capture, self.parsed.get(capture.pk)))
        return resolver

    def _further(self, resolver: Resolver) -> list[CaptureLink]:
        """Return the locked links that are still to be looked at."""
        names, emails = self._names_and_emails(resolver)
        before = [link.pk for link in self.earlier.values()]
        waiting = lock_waiting(self.business_id, names, emails, before=before)
        return [
            *waiting,
            *lock_shared(self.business_id, resolver.shared, before=before),
        ]

    def _names_and_emails(
        self, resolver: Resolver
    ) -> tuple[dict[Name, IdentifierTrust], set[str]]:
        """Return the identifiers and e-mail keys that those with a customer give."""
        names, emails = dict(resolver.changed), set()
        earlier = [
            link.capture for link in self.earlier.values() if link.customer_id is None
        ]
        for capture in (*self.captures, *earlier):
            outcome = resolver.outcomes[capture.pk]
            if outcome.customer_id is None:
                continue
            if key := email_key(capture):
                emails.add(key)
            names |= names_of(message_of(capture), outcome, resolver.directory)
        shared = {
            name
            for name in names
            if name.kind == IdentifierKind.ANONYMOUS_ID
            and resolver.directory.is_shared(name.value, is_page=False)
        }
        return {n: t for n, t in names.items() if n not in shared}, emails

    def store_questions(self, resolver: Resolver, actor: Actor) -> dict[UUID, UUID]:
        """Return the review of each capture that was asked about; open what is missing.

        Also of those that a later message has answered.
        """
        captures = {capture.pk: capture for capture in self.captures}
        captures |= {pk: x.capture for pk, x in self.earlier.items() if not x.review_id}
        questions = {
            captures[pk]: question
            for pk, question in resolver.questions.items()
            if pk in captures
        }
        return self._reviews.store(questions, self.parsed, actor) if questions else {}


def _outcome_of(link: CaptureLink) -> Outcome:
    """Return whose a linked capture is; with a review and nobody, what is asked."""
    if link.review_id is None or link.customer_id is not None:
        rule = LinkRule(link.rule) if link.rule else None
        return Outcome(link.customer_id, rule)
    # Messages cannot answer any other question, so no other is looked at.
    kind = ReviewKind.CLAIMED_USER_ID
    return Outcome(question=Question(kind, None, link.capture.user_ref))


def _names(captures: list[Capture]) -> set[tuple[str, str | None]]:
    """Return the names that a directory of these captures has looked for."""
    return {
        (kind, value)
        for capture in captures
        for kind, value in (
            ("email", email_key(capture)),
            ("user", capture.user_ref),
            ("anonymous", capture.anonymous_ref),
            ("user", capture.previous_ref),
            ("anonymous", capture.previous_ref),
        )
        if value
    }


def expected_owners(captures: list[Capture]) -> dict[UUID, UUID | None]:
    """Return whose these captures are by what is known now, making nobody."""
    owners: dict[UUID, UUID | None] = {}
    for business_id in sorted({capture.business_id for capture in captures}):
        of_business = [
            capture for capture in captures if capture.business_id == business_id
        ]
        outcomes = Linking(of_business, business_id).resolve_alone().outcomes
        owners |= {pk: outcome.customer_id for pk, outcome in outcomes.items()}
    return owners
