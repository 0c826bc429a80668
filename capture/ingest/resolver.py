"""Whose message is it? The one rule, over names held in memory.

A message belongs to whom its e-mail finds, else to whom its user id finds; what only
pages named finds people for pages alone. An e-mail and a user id of different people
are a question to staff: nobody is merged and nobody renamed. An anonymous id that two
customers used, as on a shared computer, finds nobody.

Messages are resolved one after the other, each over what those before it have taught;
what waited for a name is resolved again as soon as the name is learned. So however a
sequence is cut into batches, it ends the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from audit.ids import uuid7
from capture.choices import IdentifierKind, IdentifierTrust, LinkRule, ReviewKind

_RANKS = {trust: rank for rank, trust in enumerate(IdentifierTrust)}
# Rules by which an anonymous or a former id alone has linked a message.
BY_ID = (LinkRule.ANONYMOUS_ID, LinkRule.ALIAS)
_USER, _ANONYMOUS = IdentifierKind.USER_ID, IdentifierKind.ANONYMOUS_ID


@dataclass(frozen=True)
class Message:
    """What one message says of its person. `email` is the key of `typed_email`."""

    source_id: UUID
    email: str | None = None
    typed_email: str | None = None
    user_ref: str | None = None
    previous_ref: str | None = None
    anonymous_ref: str | None = None
    is_page: bool = False
    is_alias: bool = False
    makes_customer: bool = False
    # That of its capture.
    key: UUID = field(default_factory=uuid7)

    @cached_property
    def values(self) -> frozenset[tuple[str, str]]:
        """What other messages of the same person may have in common with it."""
        ids = (self.user_ref, self.anonymous_ref, self.previous_ref)
        values = {("id", value) for value in ids if value}
        return frozenset(values | ({("email", self.email)} if self.email else set()))

    @property
    def anonymous_values(self) -> set[str]:
        """Its ids that may be anonymous ones."""
        return {v for v in (self.anonymous_ref, self.previous_ref) if v}


@dataclass
class Person:
    """A customer, as far as names go. `email` is the key of the current address."""

    pk: UUID
    email: str | None = None
    external_id: str | None = None
    is_archived: bool = False


class Question(NamedTuple):
    """What staff are asked. `email_customer` and `user_customer` are the candidates."""

    kind: ReviewKind
    email: str | None
    user_ref: str | None
    email_customer: UUID | None = None
    user_customer: UUID | None = None

    @property
    def objector_id(self) -> UUID | None:
        """Of whom a *no* holds at once while staff are asked."""
        return self.email_customer or self.user_customer

    @property
    def key(self) -> QuestionKey:
        """What equal questions of one source have in common."""
        return QuestionKey(self.kind, self.email, self.user_ref)


class QuestionKey(NamedTuple):
    """A kind of question about an e-mail key and a user id."""

    kind: str
    email: str | None
    user_ref: str | None


class Name(NamedTuple):
    """An identifier of a customer; without a source it is one of all of them."""

    kind: IdentifierKind
    value: str
    customer_id: UUID
    source_id: UUID | None


@dataclass(frozen=True)
class Outcome:
    """Whose a message is; with a question and without a customer it waits."""

    customer_id: UUID | None = None
    rule: LinkRule | None = None
    question: Question | None = None
    # By what trust it was found; a user id is learned with no more than that.
    trust: IdentifierTrust = IdentifierTrust.STAFF

    @property
    def may_change(self) -> bool:
        """Tell whether what is learned later may tell more about whose it is."""
        if self.customer_id is not None:
            return self.rule in BY_ID
        return self.question is None or (
            self.question.kind == ReviewKind.CLAIMED_USER_ID
        )


@dataclass
class Directory:
    """Who is found by what, in one business; of both live and archived customers.

    `emails` are those of contacts, too; `external_ids` those of live customers,
    `archived_ids` those of archived ones alone.
    `answers` is what staff decided about questions, by source.
    """

    customers: dict[UUID, Person] = field(default_factory=dict)
    emails: dict[str, UUID] = field(default_factory=dict)
    external_ids: dict[str, UUID] = field(default_factory=dict)
    names: dict[Name, IdentifierTrust] = field(default_factory=dict)
    answers: Mapping[tuple[UUID, QuestionKey], UUID | None] = field(
        default_factory=dict
    )
    # Those external ids that captures brought, of before that was stored with names.
    captured_ids: set[tuple[UUID, str]] = field(default_factory=set)
    archived_ids: dict[str, UUID] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._by_value: dict[tuple[IdentifierKind, str], set[Name]] = defaultdict(set)
        for name in self.names:
            self._by_value[name.kind, name.value].add(name)

    def copy(self) -> Directory:
        """Return a directory of its own, in which a resolver may learn."""
        return Directory(
            {pk: replace(person) for pk, person in self.customers.items()},
            dict(self.emails),
            dict(self.external_ids),
            dict(self.names),
            self.answers,
            self.captured_ids,
            self.archived_ids,
        )

    def add(self, name: Name, trust: IdentifierTrust) -> None:
        """Store a name, or the higher of two trusts."""
        before = self.names.get(name)
        if before is None or _RANKS[before] < _RANKS[trust]:
            self.names[name] = trust
            self._by_value[name.kind, name.value].add(name)

    def named(self, kind: IdentifierKind, value: str | None) -> set[Name]:
        """Return the names of one kind and value."""
        return self._by_value.get((kind, value or ""), set())

    def by_email(self, email: str | None) -> Person | None:
        """Return who has an e-mail, now or formerly."""
        return self.customers[self.emails[email]] if email in self.emails else None

    def by_anonymous(
        self, value: str | None, *, is_page: bool
    ) -> tuple[Person | None, IdentifierTrust | None]:
        """Return the one live customer who used an anonymous id, and who says so.

        Other messages than those of pages follow no name that only pages gave.
        """
        names = self._anonymous_names(value, is_page=is_page)
        owners = {name.customer_id for name in names}
        if len(owners) != 1:
            return None, None
        trust = max((self.names[name] for name in names), key=_RANKS.__getitem__)
        return self.customers[owners.pop()], trust

    def by_user(
        self, value: str | None, source_id: UUID
    ) -> tuple[Person | None, IdentifierTrust | None]:
        """Return whom a user id of a source means, and who says so.

        First whom staff decided for, then who is named by servers, the company's
        number, and last whom only pages name. Live customers come before archived ones.
        """
        if not value:
            return None, None
        names = {
            name
            for name in self.named(_USER, value)
            if name.source_id in (None, source_id)
        }
        vouched = {n for n in names if self.names[n] != IdentifierTrust.PAGE}
        live = {name for name in names if self._is_live(name)}
        if owner := self._best(vouched & live):
            return owner
        if self.is_company_number(value):
            return self.customers[self.external_ids[value]], IdentifierTrust.STAFF
        for part in (vouched & live, live - vouched, vouched - live):
            if part:
                return self._best(part) or (None, None)
        archived = self.archived_ids.get(value)
        if archived is not None and self._is_number_of(archived, value):
            return self.customers[archived], IdentifierTrust.STAFF
        return (self._best(names) if names else None) or (None, None)

    def is_company_number(self, value: str) -> bool:
        """Tell whether an external id was brought by staff, a file or the API.

        Such a one is good for every source, one that captures brought for its own.
        """
        pk = self.external_ids.get(value)
        return pk is not None and self._is_number_of(pk, value)

    def _is_number_of(self, pk: UUID, value: str) -> bool:
        if (pk, value) in self.captured_ids:
            return False
        return not any(
            name.customer_id == pk and name.source_id is not None
            for name in self.named(_USER, value)
        )

    def is_shared(self, value: str, *, is_page: bool) -> bool:
        """Tell whether several live customers used an anonymous id.

        For other messages than those of pages: by names that servers or staff gave.
        """
        names = self._anonymous_names(value, is_page=is_page)
        return len({name.customer_id for name in names}) > 1

    def _anonymous_names(self, value: str | None, *, is_page: bool) -> set[Name]:
        live = {n for n in self.named(_ANONYMOUS, value) if self._is_live(n)}
        return {n for n in live if is_page or self.names[n] != IdentifierTrust.PAGE}

    def _is_live(self, name: Name) -> bool:
        return not self.customers[name.customer_id].is_archived

    def _best(self, names: set[Name]) -> tuple[Person, IdentifierTrust] | None:
        """Return who has the names of the highest trust, if that is one customer."""
        if not names:
            return None

        def rank(name: Name) -> tuple[int, bool]:
            return _RANKS[self.names[name]], name.source_id is not None

        best = max(map(rank, names))
        owners = {name.customer_id for name in names if rank(name) == best}
        if len(owners) > 1:
            return None
        trust = list(IdentifierTrust)[best[0]]
        return self.customers[owners.pop()], trust


class Resolver:
    """Resolves messages in their order, and collects what they teach.

    `outcomes` are those of all messages so far. `made` are the keys of customers to be
    made, each with the message that makes it, `learned` the e-mail and external id that
    a customer lacked, `changed` the names that are new or more trusted than before,
    `raised` the latter of them, `shared` the anonymous ids that proved to be of
    several, each with whether only pages say so. `questions` are those about messages,
    answered since or not. Knows nothing of the database.
    """

    def __init__(self, directory: Directory) -> None:
        self.directory = directory
        self.outcomes: dict[UUID, Outcome] = {}
        self.made: dict[UUID, UUID] = {}
        self.learned: dict[UUID, dict[str, str]] = defaultdict(dict)
        self.changed: dict[Name, IdentifierTrust] = {}
        self.raised: set[Name] = set()
        self.shared: dict[str, bool] = {}
        self.questions: dict[UUID, Question] = {}
        # Those that what is learned later may give somebody, or take from them.
        self._loose: dict[UUID, Message] = {}
        self._by_value: dict[tuple[str, str], set[UUID]] = defaultdict(set)
        self._order: dict[UUID, int] = {}
        # Anonymous ids that somebody more has since it was last looked who shares them.
        self._fresh: set[str] = set()
        # What was learned so far, and how much of it a message was resolved over.
        self._version = 0
        self._seen: dict[UUID, int] = {}

    def hold(self, message: Message, outcome: Outcome) -> None:
        """Take in an earlier message that waits, or that an anonymous id has linked.

        In the order of their arrival, before the messages that are resolved.
        """
        self.outcomes[message.key] = outcome
        if outcome.question is not None:
            self.questions[message.key] = outcome.question
        self._keep(message)

    def resolve(self, message: Message) -> Outcome:
        """Return whose a message is; learn what it teaches, and tell who waited."""
        self._settle(message)
        self._follow(message)
        return self.outcomes[message.key]

    def give(self, message: Message, outcome: Outcome) -> None:
        """Give a message to whom staff named; learn what that teaches."""
        self.outcomes[message.key] = outcome
        self._learn(message, outcome)
        self._follow(message)

    def _settle(self, message: Message) -> None:
        """Resolve a message over what is known now."""
        self._seen[message.key] = self._version
        outcome = self._find(message)
        if outcome.question is not None:
            self.questions.setdefault(message.key, outcome.question)
        elif outcome.customer_id is None and message.key in self.questions:
            # It waits for staff all the same.
            outcome = replace(outcome, question=self.questions[message.key])
        self.outcomes[message.key] = outcome
        if outcome.customer_id is not None:
            self._learn(message, outcome)
        if outcome.may_change:
            # As one of an earlier day: whoever waits makes nobody.
            earlier = replace(message, makes_customer=False, typed_email=message.email)
            self._keep(earlier)

    def _keep(self, message: Message) -> None:
        if message.key not in self._loose:
            self._loose[message.key] = message
            self._order[message.key] = len(self._order)
            for value in message.values:
                self._by_value[value].add(message.key)

    def _follow(self, message: Message) -> None:
        """Give what waited for the names of a message to their customer, and so on."""
        given = [message]
        while given := [each for each in given if self._has_customer(each.key)]:
            self._part()
            values = {value for each in given for value in self._telling(each)}
            keys = {key for value in values for key in self._by_value[value]}
            given = []
            for key in sorted(keys, key=self._order.__getitem__):
                if self._waits(key) and self._seen.get(key) != self._version:
                    self._settle(self._loose[key])
                    given.append(self._loose[key])

    def _telling(self, message: Message) -> Iterable[tuple[str, str]]:
        """Yield what finds others of the same person."""
        for kind, value in message.values:
            only_anonymous = value not in (message.user_ref, message.previous_ref)
            is_id = kind == "id" and only_anonymous
            if is_id and self.directory.is_shared(value, is_page=False):
                continue
            yield kind, value

    def _part(self) -> None:
        """Take from customers what only an id that proved to be shared has linked."""
        for value in sorted(self._fresh):
            if not self.directory.is_shared(value, is_page=True):
                continue
            is_claim = not self.directory.is_shared(value, is_page=False)
            self.shared[value] = is_claim
            for key in self._by_value["id", value]:
                each, outcome = self._loose[key], self.outcomes[key]
                if is_claim and not each.is_page:
                    continue
                if value in each.anonymous_values and outcome.rule in BY_ID:
                    self.outcomes[key] = Outcome()
                    self._seen.pop(key, None)
        self._fresh.clear()

    def _has_customer(self, key: UUID) -> bool:
        return self.outcomes[key].customer_id is not None

    def _waits(self, key: UUID) -> bool:
        outcome = self.outcomes[key]
        return outcome.customer_id is None and outcome.may_change

    def _find(self, message: Message) -> Outcome:
        by_email = self.directory.by_email(message.email)
        by_user, claimed = self._by_user(message)
        question = Question(
            ReviewKind.CONTRADICTION,
            message.email,
            message.user_ref,
            by_email.pk if by_email else None,
            by_user.pk if by_user else None,
        )
        by_email, by_user = _live_first(by_email, by_user)
        owner = by_email or by_user
        if owner is None:
            return self._find_nobody(message, claimed)
        if owner.is_archived:
            if not message.makes_customer:
                return self._by_further_names(message)
            return Outcome(
                question=question._replace(kind=ReviewKind.ARCHIVED_CUSTOMER)
            )
        if by_email:
            is_contradiction = by_user not in (None, by_email)
        else:
            is_contradiction = bool(message.email and owner.email)
        if is_contradiction:
            return self._ask(message, question)
        if by_email:
            return Outcome(owner.pk, LinkRule.EMAIL)
        return self._by_user_id(message, owner, question)

    def _by_user(self, message: Message) -> tuple[Person | None, Person | None]:
        """Return whom the user id finds, else who is claimed to be found by it.

        What only pages named finds people for pages alone, unless the customer is
        nothing but this id: there no page can mislead.
        """
        person, trust = self.directory.by_user(message.user_ref, message.source_id)
        if person is None or message.is_page or trust != IdentifierTrust.PAGE:
            return person, None
        if person.email is None and person.external_id == message.user_ref:
            return person, None
        return None, None if person.is_archived else person

    def _by_user_id(
        self, message: Message, owner: Person, question: Question
    ) -> Outcome:
        """Return the outcome for whom a user id finds; a page's e-mail is a claim."""
        outcome = Outcome(owner.pk, LinkRule.USER_ID)
        if not (message.email and message.is_page):
            return outcome
        question = question._replace(kind=ReviewKind.CLAIMED_EMAIL)
        if (message.source_id, question.key) in self.directory.answers:
            return outcome
        return replace(outcome, question=question)

    def _ask(self, message: Message, question: Question) -> Outcome:
        """Return what staff decided about a contradiction, or the question."""
        decided = self.directory.answers.get((message.source_id, question.key))
        owner = self.directory.customers.get(decided) if decided else None
        if owner is None or owner.is_archived:
            return Outcome(question=question)
        return Outcome(owner.pk, LinkRule.MANUAL)

    def _find_nobody(self, message: Message, claimed: Person | None) -> Outcome:
        """Return the outcome of a message whose names are nobody's yet."""
        if message.key in self.questions:
            # No anonymous id answers what staff were asked.
            return Outcome(question=self.questions[message.key])
        if not message.makes_customer or not (message.email or message.user_ref):
            return self._by_further_names(message)
        if claimed is not None and message.email is None:
            question = Question(
                ReviewKind.CLAIMED_USER_ID,
                None,
                message.user_ref,
                user_customer=claimed.pk,
            )
            return Outcome(question=question)
        rule = LinkRule.EMAIL if message.email else LinkRule.USER_ID
        return Outcome(self._make(message), rule)

    def _make(self, message: Message) -> UUID:
        """Return the key of a new customer, with the names that the message gives."""
        person = Person(uuid7())
        self.directory.customers[person.pk] = person
        self.made[person.pk] = message.key
        self._version += 1
        if message.email:
            self._set_email(person, message)
        if message.user_ref:
            trust = IdentifierTrust.PAGE if message.is_page else IdentifierTrust.SERVER
            name = Name(_USER, message.user_ref, person.pk, message.source_id)
            self.add(name, trust)
            # Files and the API find people by it: a page could lead them to its e-mail.
            if not (message.is_page and message.email):
                self._set_external_id(person, message.user_ref)
        return person.pk

    def _by_further_names(self, message: Message) -> Outcome:
        """Return whom a former or an anonymous id finds."""
        by_user, user_trust = self.directory.by_user(
            message.previous_ref, message.source_id
        )
        if user_trust == IdentifierTrust.PAGE and not message.is_page:
            by_user = None
        ways = [(by_user, user_trust, LinkRule.ALIAS)]
        for value, rule in (
            (message.anonymous_ref, LinkRule.ANONYMOUS_ID),
            (message.previous_ref, LinkRule.ALIAS),
        ):
            holder = self.directory.by_anonymous(value, is_page=message.is_page)
            ways.append((*holder, rule))
        for owner, trust, rule in ways:
            if owner is not None and trust is not None and not owner.is_archived:
                return Outcome(owner.pk, rule, trust=trust)
        return Outcome()

    def _learn(self, message: Message, outcome: Outcome) -> None:
        """Learn the names by which a customer was not known yet."""
        if outcome.customer_id is None:
            raise AssertionError
        directory = self.directory
        person = directory.customers[outcome.customer_id]
        is_by_name = outcome.rule in (LinkRule.EMAIL, LinkRule.USER_ID)
        # A page could put its e-mail on anybody.
        may_teach = is_by_name and not message.is_page and person.email is None
        if message.email and may_teach:
            holder = directory.by_email(message.email)
            if holder is None or holder.is_archived:
                self._set_email(person, message)
        for name, trust in names_of(message, outcome, directory):
            self.add(name, trust)
            is_id = name.kind == _USER and trust != IdentifierTrust.PAGE
            if is_id and person.external_id is None:
                self._set_external_id(person, name.value)

    def _set_email(self, person: Person, message: Message) -> None:
        email = message.email or ""
        self._version += 1
        person.email = email
        self.directory.emails[email] = person.pk
        self.learned[person.pk]["email"] = message.typed_email or email

    def _set_external_id(self, person: Person, value: str) -> None:
        """Set the external id, unless another live customer has it."""
        if value not in self.directory.external_ids:
            self._version += 1
            person.external_id = value
            self.directory.external_ids[value] = person.pk
            self.learned[person.pk]["external_id"] = value

    def add(self, name: Name, trust: IdentifierTrust) -> None:
        """Learn a name."""
        before = self.directory.names.get(name)
        self.directory.add(name, trust)
        if before != self.directory.names[name]:
            self._version += 1
            if name.kind == _ANONYMOUS:
                self._fresh.add(name.value)
            if before is not None and name not in self.changed:
                self.raised.add(name)
            self.changed[name] = self.directory.names[name]


def _live_first(
    first: Person | None, second: Person | None
) -> tuple[Person | None, Person | None]:
    """Leave out an archived customer beside a live one."""
    if first and second and first.is_archived != second.is_archived:
        return (None, second) if first.is_archived else (first, None)
    return first, second


def names_of(
    message: Message, outcome: Outcome, directory: Directory
) -> Iterable[tuple[Name, IdentifierTrust]]:
    """Yield the identifiers that a linked message gives its customer, and their trust.

    Never a user id that servers or staff name for somebody else. What staff decided
    about one message teaches nothing here: the decision has taught it.
    """
    pk = outcome.customer_id
    # Who is known by an anonymous id alone gives it no further name.
    if pk is None or not (message.email or message.user_ref):
        return
    trust = IdentifierTrust.PAGE if message.is_page else IdentifierTrust.SERVER
    anonymous = {message.anonymous_ref}
    if message.previous_ref != message.user_ref:
        anonymous.add(message.previous_ref)
    for value in sorted(filter(None, anonymous)):
        yield Name(_ANONYMOUS, value, pk, None), trust
    if outcome.rule == LinkRule.MANUAL:
        return
    trust = min(trust, outcome.trust, key=_RANKS.__getitem__)
    for value in _user_ids(message):
        owner, owner_trust = directory.by_user(value, message.source_id)
        is_others = owner is not None and owner.pk != pk and not owner.is_archived
        if is_others and owner_trust != IdentifierTrust.PAGE:
            continue
        of_all = Name(_USER, value, pk, None)
        is_of_all = False
        if owner is not None and owner.pk == pk:
            # Of somebody archived, and where staff decided, no more can be told; the
            # name stays as it was.
            is_settled = owner.is_archived or any(
                name.customer_id == pk
                and directory.names[name] == IdentifierTrust.STAFF
                for name in directory.named(_USER, value)
            )
            is_of_all = is_settled and of_all in directory.names
            is_of_all = is_of_all or directory.is_company_number(value)
        source_id = None if is_of_all else message.source_id
        yield of_all._replace(source_id=source_id), trust


def _user_ids(message: Message) -> list[str]:
    """Return the user ids that a message may teach."""
    # A page could claim anybody's user id as its former one.
    values = {None if message.is_page else message.previous_ref}
    if not (message.is_page and message.is_alias):
        values.add(message.user_ref)
    return sorted(filter(None, values))
