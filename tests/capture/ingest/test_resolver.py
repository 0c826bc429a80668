"""The rule by which messages find their person, for any sequence of names."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import combinations, pairwise
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.tenancy.actors import Actor
from capture import services
from capture.choices import IdentifierKind, IdentifierTrust, LinkRule
from capture.ingest.resolver import Directory, Message, Name, Person, Resolver
from capture.models import CaptureLink
from customers.models import Customer
from tests.factories import BusinessFactory, SourceFactory

A, B = uuid4(), uuid4()

messages = st.builds(
    Message,
    source_id=st.sampled_from([A, B]),
    email=st.sampled_from([None, "a@x", "b@x", "c@x"]),
    user_ref=st.sampled_from([None, "1", "2"]),
    anonymous_ref=st.sampled_from([None, None, "n"]),
    is_page=st.booleans(),
    makes_customer=st.just(True),
)
sequences = st.lists(messages, max_size=9)
# Also of events, which make nobody and wait for their person.
of_events = st.builds(
    Message,
    source_id=st.sampled_from([A, B]),
    email=st.sampled_from([None, "a@x", "b@x"]),
    user_ref=st.sampled_from([None, "1", "2"]),
    anonymous_ref=st.sampled_from([None, "n", "m"]),
    previous_ref=st.sampled_from([None, None, "1", "n"]),
    is_page=st.booleans(),
    makes_customer=st.booleans(),
)


def person(**columns):
    return Person(uuid4(), **columns)


def directory_of(*people, names=()):
    return Directory(
        {p.pk: p for p in people},
        {p.email: p.pk for p in people if p.email},
        {p.external_id: p.pk for p in people if p.external_id and not p.is_archived},
        dict(names),
    )


def resolve_all(sequence, cuts=()):
    """Return the outcomes of a sequence, loaded anew at each cut."""
    directory, outcomes, earlier = Directory(), {}, {}
    edges = sorted({0, len(sequence), *(n for n in cuts if n < len(sequence))})
    for start, end in pairwise(edges):
        # What the next batch would load.
        resolver = Resolver(directory.copy())
        for each in earlier.values():
            if outcomes[each.key].may_change:
                resolver.hold(each, outcomes[each.key])
        for each in sequence[start:end]:
            resolver.resolve(each)
            earlier[each.key] = replace(each, makes_customer=False)
        directory = resolver.directory
        outcomes |= resolver.outcomes
    return [outcomes[each.key] for each in sequence], directory


def shape(outcomes):
    """Return the outcomes with customers numbered in their order."""
    numbers: dict[UUID | None, int] = {None: -1}

    def number(pk):
        return numbers.setdefault(pk, len(numbers))

    return [
        (
            number(each.customer_id),
            each.rule,
            each.question and each.question.key,
            each.question and number(each.question.email_customer),
            each.question and number(each.question.user_customer),
        )
        for each in outcomes
    ]


def connected(sequence):
    """Return a number for each message: equal ones are of one person."""
    group = list(range(len(sequence)))
    for first, second in combinations(range(len(sequence)), 2):
        a, b = sequence[first], sequence[second]
        same_email = a.email and a.email == b.email
        same_id = a.user_ref and a.user_ref == b.user_ref
        if same_email or (same_id and a.source_id == b.source_id):
            group = [group[first] if g == group[second] else g for g in group]
    return group


def is_server(message):
    return not message.is_page


@given(sequences)
def test_no_customer_has_two_verified_e_mails(sequence):
    outcomes, _ = resolve_all(sequence)

    emails = defaultdict(set)
    for message, outcome in zip(sequence, outcomes, strict=True):
        if is_server(message) and message.email and outcome.customer_id:
            emails[outcome.customer_id].add(message.email)
    assert all(len(each) == 1 for each in emails.values())


@given(st.lists(messages | of_events, max_size=9), st.sets(st.integers(1, 8)))
def test_a_sequence_cut_into_batches_ends_the_same(sequence, cuts):
    whole, _ = resolve_all(sequence)
    cut, _ = resolve_all(sequence, cuts)

    assert shape(whole) == shape(cut)


@given(sequences)
def test_what_pages_send_joins_no_two_whom_servers_do_not_join(sequence):
    sequence = [replace(each, anonymous_ref=None) for each in sequence]
    outcomes, _ = resolve_all(sequence)

    servers = [
        (message, outcome)
        for message, outcome in zip(sequence, outcomes, strict=True)
        if is_server(message)
    ]
    groups = connected([message for message, _ in servers])
    linked = [
        (group, message, outcome.customer_id)
        for group, (message, outcome) in zip(groups, servers, strict=True)
        if outcome.customer_id
    ]
    for (group, one, customer), (group_2, two, customer_2) in combinations(linked, 2):
        if customer == customer_2:
            assert group == group_2
        if one.email and one.email == two.email:
            assert customer == customer_2


@given(sequences)
def test_pages_keep_no_server_s_e_mail_from_its_person(sequence):
    outcomes, _ = resolve_all(sequence)

    for message, outcome in zip(sequence, outcomes, strict=True):
        if is_server(message) and message.email and not message.user_ref:
            assert outcome.customer_id is not None


@given(sequences)
def test_every_message_has_a_customer_or_a_question(sequence):
    outcomes, directory = resolve_all(sequence)

    for message, outcome in zip(sequence, outcomes, strict=True):
        if message.email or message.user_ref:
            assert outcome.customer_id or outcome.question
        assert outcome.customer_id is None or outcome.customer_id in directory.customers


# --- one by one ---------------------------------------------------------------------


def test_whom_staff_decided_for_comes_before_whom_servers_name():
    ann, ben = person(email="a@x"), person(email="b@x")
    names = [
        (Name(IdentifierKind.USER_ID, "1", ann.pk, A), IdentifierTrust.SERVER),
        (Name(IdentifierKind.USER_ID, "1", ben.pk, A), IdentifierTrust.STAFF),
    ]
    directory = directory_of(ann, ben, names=names)

    assert directory.by_user("1", A) == (ben, IdentifierTrust.STAFF)
    assert directory.by_user("1", B) == (None, None)


def test_an_id_of_before_sources_means_its_customer_in_each():
    ann = person()
    name = Name(IdentifierKind.USER_ID, "1", ann.pk, None)
    directory = directory_of(ann, names=[(name, IdentifierTrust.SERVER)])

    for source_id in (A, B):
        outcome = Resolver(directory).resolve(Message(source_id, user_ref="1"))
        assert (outcome.customer_id, outcome.rule) == (ann.pk, LinkRule.USER_ID)


def test_a_live_customer_comes_before_an_archived_one():
    old, new = person(email="a@x", is_archived=True), person()
    names = [(Name(IdentifierKind.USER_ID, "1", new.pk, A), IdentifierTrust.SERVER)]
    resolver = Resolver(directory_of(old, new, names=names))

    outcome = resolver.resolve(Message(A, email="a@x", user_ref="1"))

    assert outcome.customer_id == new.pk
    assert resolver.learned[new.pk]["email"] == "a@x"


@pytest.mark.parametrize("makes_customer", [True, False])
def test_what_makes_nobody_waits_for_nobody_archived(makes_customer):
    old = person(email="a@x", is_archived=True)
    message = Message(A, email="a@x", makes_customer=makes_customer)

    outcome = Resolver(directory_of(old)).resolve(message)

    assert outcome.customer_id is None
    assert bool(outcome.question) is makes_customer


def test_an_anonymous_id_that_a_page_gave_leads_no_server_and_teaches_none():
    eve = person(email="eve@x")
    name = Name(IdentifierKind.ANONYMOUS_ID, "n", eve.pk, None)
    resolver = Resolver(directory_of(eve, names=[(name, IdentifierTrust.PAGE)]))

    event = resolver.resolve(Message(A, user_ref="1", anonymous_ref="n"))
    payment = resolver.resolve(Message(A, user_ref="1", makes_customer=True))

    assert event.customer_id is None
    assert payment.customer_id in resolver.made


def test_a_decided_contradiction_goes_where_staff_said():
    ann, ben = person(email="a@x"), person(email="b@x")
    names = [(Name(IdentifierKind.USER_ID, "1", ben.pk, A), IdentifierTrust.SERVER)]
    directory = directory_of(ann, ben, names=names)
    message = Message(A, email="a@x", user_ref="1", makes_customer=True)
    question = Resolver(directory).resolve(message).question

    directory.answers = {(A, question.key): ben.pk}

    outcome = Resolver(directory).resolve(message)
    assert (outcome.customer_id, outcome.rule) == (ben.pk, LinkRule.MANUAL)


# --- through the database -----------------------------------------------------------

bodies = st.lists(
    st.tuples(
        st.booleans(),
        st.sampled_from(["signup", "payment", "event"]),
        st.sampled_from([None, "a@b.org", "b@b.org"]),
        st.sampled_from([None, "1", "2"]),
        st.booleans(),
    ).filter(lambda each: each[2] or each[3]),
    min_size=2,
    max_size=6,
)


def ingest_all(sequence, cuts):
    """Send a sequence in batches; return whose each message is, numbered."""
    first = SourceFactory(business=BusinessFactory())
    sources = [first, SourceFactory(business=first.business)]
    edges = sorted({0, len(sequence), *(n for n in cuts if n < len(sequence))})
    for start, end in pairwise(edges):
        # A request is of one source and of one key.
        for number in range(start, end):
            is_page, kind, email, user_id, is_second = sequence[number]
            same = number > start and sequence[number - 1][::4] == (is_page, is_second)
            if not same:
                batch = []
            body = {"message_id": f"m-{number}", "email": email, "user_id": user_id}
            body |= {"name": "x"} if kind == "event" else {}
            trust = "browser" if is_page else "server"
            batch += services.build_envelopes(kind, body, trust=trust)
            following = sequence[number + 1] if number + 1 < end else None
            if following is None or following[::4] != (is_page, is_second):
                services.ingest(
                    batch, source=sources[is_second], actor=Actor.system("test")
                )
    links = CaptureLink.objects.filter(business=first.business)
    numbers = {None: -1}
    owners = {
        int(message_id.removeprefix("m-")): pk
        for message_id, pk in links.values_list("capture__message_id", "customer_id")
    }
    return [numbers.setdefault(owners[n], len(numbers)) for n in sorted(owners)]


@pytest.mark.django_db
@settings(max_examples=25)
@given(bodies, st.sets(st.integers(1, 5)))
def test_batches_are_projected_as_they_would_be_one_by_one(sequence, cuts):
    with transaction.atomic():
        one_by_one = ingest_all(sequence, range(1, 6))
        cut = ingest_all(sequence, cuts)
        differences = list(services.rebuild(repair=False, actor=Actor.system("test")))
        emails = Customer.objects.values_list("business", "email_key")
        taken = [each for each in emails if each[1]]
        transaction.set_rollback(True)

    assert one_by_one == cut
    assert differences == []
    assert len(taken) == len(set(taken))
