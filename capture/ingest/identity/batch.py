"""Captures that are being linked: whose they are, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from uuid import UUID

from audit.tenancy.actors import Actor
from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
)
from capture.ingest.identity.loading import email_key, load_directory, message_of
from capture.ingest.identity.reviews import Reviews
from capture.ingest.projections import ParsedCapture
from capture.ingest.resolver import (
    Directory,
    Name,
    Outcome,
    Resolver,
    names_of,
)
from capture.models import Capture


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
class Linking:
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
    def reviews(self) -> Reviews:
        """The reviews of their sources, e-mails and user ids."""
        return Reviews(self.business_id, self.captures)

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
            and self.directory.is_shared(name.value)
        }
        return {n: t for n, t in names.items() if n not in shared}, emails

    def followed_by(self, captures: list[Capture]) -> Linking:
        """Return the linking of captures that waited; it loads what is not loaded."""
        following = Linking(captures, self.business_id)
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


def expected_owners(captures: list[Capture]) -> dict[UUID, UUID | None]:
    """Return whose these captures are by what is known now, making nobody."""
    owners: dict[UUID, UUID | None] = {}
    for business_id in sorted({capture.business_id for capture in captures}):
        of_business = [
            capture for capture in captures if capture.business_id == business_id
        ]
        outcomes = Linking(of_business, business_id).outcomes
        owners |= {pk: outcome.customer_id for pk, outcome in outcomes.items()}
    return owners
