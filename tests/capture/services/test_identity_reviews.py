"""Messages that nobody but staff can say whose they are, and what staff decide."""

from __future__ import annotations

from itertools import count

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.models import Event
from audit.tenancy.actors import Actor
from capture import services
from capture.choices import ReviewDecision, ReviewKind
from capture.models import Capture, CaptureLink, Identifier, IdentityReview
from customers import services as customers
from customers.models import Booking, ConsentEvent, Contact, Customer
from tests.conftest import actor_of, staff
from tests.factories import CustomerFactory, IdentityReviewFactory, SourceFactory

SAME, OTHER, CHANGED = ReviewDecision
NUMBERS = count()
SYSTEM = Actor.system("test")


def send(source, kind, trust="server", **body):
    body = {"message_id": f"m-{next(NUMBERS)}", **body}
    envelopes = services.build_envelopes(kind, body, trust=trust)
    [result] = services.ingest(envelopes, source=source, actor=Actor.system("test"))
    assert result.status == "accepted", result
    return result


def pay(source, number="T1", trust="server", **names):
    return send(
        source,
        "payment",
        trust,
        transaction_id=number,
        final_price=5,
        payment_status="paid",
        **names,
    )


def decide(decision, customer=None, actor=SYSTEM):
    review = IdentityReview.objects.open().get()
    return services.decide_identity_review(
        review, decision, customer=customer, reason="They called.", actor=actor
    )


def owner_of(result):
    return CaptureLink.objects.get(capture=result.capture_id).customer


def agree():
    return list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


@pytest.fixture
def ana(source):
    """Somebody with an e-mail, as a server says."""
    send(source, "profile", email="ana@b.org")
    return Customer.objects.get(email="ana@b.org")


@pytest.fixture
def ben(source):
    """Somebody with an e-mail and a user id."""
    send(source, "profile", email="ben@b.org", user_id="u-2")
    return Customer.objects.get(email="ben@b.org")


# --- what waits ---------------------------------------------------------------------


def test_an_e_mail_and_a_user_id_of_two_people_wait_and_merge_nobody(source, ana, ben):
    result = pay(source, email="ana@b.org", user_id="u-2")

    assert (result.customer_id, result.warnings) == (None, ["identity_review"])
    review = IdentityReview.objects.get()
    assert (review.kind, review.email, review.user_ref) == (
        ReviewKind.CONTRADICTION, "ana@b.org", "u-2",
    )  # fmt: skip
    assert (review.email_customer, review.user_customer) == (ana, ben)
    assert not Booking.objects.exists()
    assert agree()


def test_a_new_e_mail_with_a_user_id_of_somebody_waits(source, ben):
    assert pay(source, email="new@b.org", user_id="u-2").customer_id is None

    review = IdentityReview.objects.get()
    assert (review.email_customer, review.user_customer) == (None, ben)
    assert Customer.objects.count() == 1


def test_further_messages_join_the_question(source, ana, ben):
    for number in ("T1", "T2"):
        pay(source, number, email="ANA@b.org", user_id="u-2")

    [listed] = services.list_identity_reviews(actor=SYSTEM)
    assert listed.waiting == 2
    assert services.list_waiting(listed).count() == 2


def test_a_user_id_that_only_a_page_named_is_no_proof(source):
    send(source, "signup", "browser", email="eve@b.org", user_id="u-7")

    result = pay(source, user_id="u-7")

    assert result.customer_id is None
    review = IdentityReview.objects.get()
    assert review.kind == ReviewKind.CLAIMED_USER_ID
    assert review.user_customer.email == "eve@b.org"
    # For pages it is: they say both.
    assert owner_of(send(source, "event", "browser", name="x", user_id="u-7"))


def test_a_user_id_that_a_page_named_and_nothing_else_is_that_person(source):
    first = send(source, "signup", "browser", user_id="u-7")

    assert pay(source, user_id="u-7").customer_id == first.customer_id
    assert not IdentityReview.objects.exists()


def test_a_server_that_names_the_e_mail_answers_a_claimed_user_id(source):
    send(source, "signup", "browser", email="eve@b.org", user_id="u-7")
    waited = pay(source, user_id="u-7")

    said = send(source, "profile", email="real@b.org", user_id="u-7")

    assert (
        owner_of(waited) == owner_of(said) == Customer.objects.get(email="real@b.org")
    )
    review = IdentityReview.objects.get()
    assert (review.state, review.decision) == ("decided", OTHER)
    assert Booking.objects.get().customer.email == "real@b.org"
    assert agree()


def test_a_page_s_anonymous_id_is_no_answer_to_a_claimed_user_id(source):
    names = {"user_id": "u-7", "anonymous_id": "n"}
    send(source, "signup", "browser", email="eve@b.org", **names)
    paid = pay(source, **names)

    send(source, "signup", "browser", email="eve@b.org", **names)

    assert owner_of(paid) is None
    assert IdentityReview.objects.open().count() == 1
    assert not Booking.objects.exists()


def test_a_page_s_e_mail_for_somebody_without_is_a_claim(source):
    first = send(source, "signup", user_id="u-1")
    claim = send(source, "profile", "browser", user_id="u-1", email="eve@b.org")

    assert claim.customer_id == first.customer_id
    review = IdentityReview.objects.get()
    assert review.kind == ReviewKind.CLAIMED_EMAIL
    assert Customer.objects.get().email is None


def test_a_payment_of_somebody_archived_makes_no_second_one(source, ana, actor):
    customers.archive_customer(ana, actor=actor, reason="moved away")

    assert pay(source, email="ana@b.org").customer_id is None

    review = IdentityReview.objects.get()
    assert (review.kind, review.email_customer) == (ReviewKind.ARCHIVED_CUSTOMER, ana)
    assert Customer.objects.count() == 1


def test_a_user_id_of_one_source_says_nothing_in_another(source, ben):
    other = SourceFactory(business=source.business)

    result = send(other, "signup", email="cleo@b.org", user_id="u-2")

    assert result.customer_id not in (None, ben.pk)
    assert send(source, "login", user_id="u-2").customer_id == ben.pk
    assert send(other, "login", user_id="u-2").customer_id == result.customer_id
    assert not IdentityReview.objects.exists()
    assert agree()


def test_the_company_s_number_is_good_for_every_source(source):
    customer = CustomerFactory(business=source.business, external_id="C-1")
    other = SourceFactory(business=source.business)

    for each in (source, other, source):
        assert send(each, "login", user_id="C-1").customer_id == customer.pk


def archived_number(source):
    gone = CustomerFactory(business=source.business, email=None, external_id="C-1")
    return customers.archive_customer(gone, actor=SYSTEM, reason="moved away")


@pytest.mark.parametrize("email", [None, "new@b.org"])
def test_the_number_of_somebody_archived_makes_no_second_one(source, email):
    gone = archived_number(source)

    for each in (source, SourceFactory(business=source.business)):
        assert pay(each, email=email, user_id="C-1").customer_id is None

    for review in IdentityReview.objects.all():
        assert (review.kind, review.user_customer) == (
            ReviewKind.ARCHIVED_CUSTOMER, gone,
        )  # fmt: skip
    assert IdentityReview.objects.count() == 2
    assert Customer.objects.get() == gone


def test_who_has_the_number_of_somebody_archived_now_is_meant(source):
    archived_number(source)
    now = CustomerFactory(business=source.business, external_id="C-1")

    assert pay(source, user_id="C-1").customer_id == now.pk


def test_a_user_id_that_reads_as_the_number_of_somebody_archived(source, actor):
    first = send(source, "signup", email="ana@b.org", user_id="1")
    customers.archive_customer(
        Customer.objects.get(pk=first.customer_id), actor=actor, reason="x"
    )
    other = SourceFactory(business=source.business)

    # It is an id of the first source, and no number of the company.
    assert send(other, "signup", email="ben@b.org", user_id="1").customer_id


def test_beside_an_archived_number_another_person_has_it(source):
    gone = archived_number(source)
    paid = pay(source, user_id="C-1")

    decide(OTHER)

    new = owner_of(paid)
    assert (new.external_id, gone.external_id) == ("C-1", "C-1")
    assert pay(source, "T2", user_id="C-1").customer_id == new.pk
    assert agree()


@pytest.mark.parametrize("trust", ["browser", "server"])
def test_a_no_in_a_waiting_message_holds_at_once(source, ana, ben, trust):
    send(
        source, "consent", trust,
        email="ana@b.org", user_id="u-2", marketing_consent="no",
    )  # fmt: skip

    event = ConsentEvent.objects.get()
    assert (event.customer, event.action) == (ana, "refused")


@pytest.mark.parametrize("chosen", ["ana", "ben"])
def test_a_no_that_held_at_once_is_recorded_once_for_each(source, ana, ben, chosen):
    send(source, "consent", email="ana@b.org", user_id="u-2", marketing_consent="no")

    decide(SAME, customer={"ana": ana, "ben": ben}[chosen].pk)

    owners = list(
        ConsentEvent.objects.order_by("pk").values_list("customer", flat=True)
    )
    assert owners == ([ana.pk] if chosen == "ana" else [ana.pk, ben.pk])
    assert agree()


def test_a_corrected_e_mail_that_contradicts_waits_and_is_decided(source, ana, ben):
    paid = pay(source, user_id="u-2")
    capture = Capture.objects.get(pk=paid.capture_id)

    services.correct_capture(
        capture, {"email": "ana@b.org"}, actor=SYSTEM, reason="typed wrong"
    )
    assert owner_of(paid) is None
    decide(SAME)

    assert owner_of(paid) == Booking.objects.get().customer == ana
    assert agree()


def test_what_waited_for_its_person_and_fits_two_waits_for_staff(source, ben):
    body = {"email": "new@b.org", "anonymous_id": "n", "marketing_consent": "no"}
    early = send(source, "consent", **body, user_id="u-9")

    send(source, "signup", user_id="u-9")
    ninth = Customer.objects.get(external_id="u-9")
    assert owner_of(early) == ninth

    late = send(source, "consent", email="c@b.org", user_id="u-8", marketing_consent=0)
    send(source, "signup", email="d@b.org", user_id="u-8")

    link = CaptureLink.objects.get(capture=late.capture_id)
    assert (link.customer, link.review.kind) == (None, ReviewKind.CONTRADICTION)
    assert ConsentEvent.objects.filter(customer__email="d@b.org").count() == 1
    assert agree()


def test_a_page_s_claim_that_waited_is_no_answer_to_it(source):
    send(source, "event", "browser", name="x", user_id="u-1", email="eve@b.org")

    send(source, "signup", user_id="u-1")

    assert IdentityReview.objects.open().get().kind == ReviewKind.CLAIMED_EMAIL
    assert Customer.objects.get().email is None


def test_a_yes_in_a_waiting_message_waits(source, ana, ben):
    send(source, "consent", email="ana@b.org", user_id="u-2", marketing_consent="yes")

    assert not ConsentEvent.objects.exists()


# --- what staff decide --------------------------------------------------------------


def test_the_same_person_gets_what_waited_and_the_user_id(source, ana, ben):
    waited = pay(source, email="ana@b.org", user_id="u-2")

    review = decide(SAME)

    assert owner_of(waited) == review.customer == ana
    assert Booking.objects.get().customer == ana
    assert ana.stats.total_purchases == 1
    assert pay(source, "T2", email="ana@b.org", user_id="u-2").customer_id == ana.pk
    assert send(source, "login", user_id="u-2").customer_id == ana.pk
    assert agree()


def test_of_two_candidates_the_other_one_may_be_named(source, ana, ben):
    pay(source, email="ana@b.org", user_id="u-2")

    decide(SAME, customer=ben.pk)

    assert Booking.objects.get().customer == ben
    assert pay(source, "T2", email="ana@b.org", user_id="u-2").customer_id == ben.pk
    ana.refresh_from_db()
    assert ana.email == "ana@b.org"
    assert agree()


def test_the_same_person_is_found_by_an_e_mail_that_is_nobody_s(source, ben):
    pay(source, email="new@b.org", user_id="u-2")

    decide(SAME)

    assert pay(source, "T2", email="new@b.org").customer_id == ben.pk
    ben.refresh_from_db()
    assert ben.email == "ben@b.org"


def test_another_person_is_whoever_has_the_e_mail(source, ana, ben):
    pay(source, email="ana@b.org", user_id="u-2")

    decide(OTHER)

    assert Booking.objects.get().customer == ana
    assert send(source, "login", user_id="u-2").customer_id == ben.pk
    assert pay(source, "T2", email="ana@b.org", user_id="u-2").customer_id == ana.pk


def test_another_person_of_a_new_e_mail_is_made(source, ben):
    pay(source, email="New@b.org", user_id="u-2", full_name="Nina")

    review = decide(OTHER)

    nina = Customer.objects.exclude(pk=ben.pk).get()
    assert (nina.email, nina.name, nina.external_id) == ("New@b.org", "Nina", None)
    assert review.customer == Booking.objects.get().customer == nina
    assert pay(source, "T2", email="new@b.org", user_id="u-2").customer_id == nina.pk
    assert not IdentityReview.objects.open().exists()
    assert agree()


def test_a_changed_e_mail_replaces_the_old_one_which_still_finds(source, ben):
    pay(source, email="new@b.org", user_id="u-2")

    decide(CHANGED)

    ben.refresh_from_db()
    assert ben.email == "new@b.org"
    assert Contact.objects.get().email == "ben@b.org"
    for number, email in (("T2", "new@b.org"), ("T3", "ben@b.org")):
        assert pay(source, number, email=email, user_id="u-2").customer_id == ben.pk
    assert Booking.objects.count() == 3
    assert agree()


@pytest.mark.parametrize("decision", [SAME, OTHER])
def test_a_claimed_user_id_is_decided(source, decision):
    claimed = send(source, "signup", "browser", email="eve@b.org", user_id="u-7")
    waited = pay(source, user_id="u-7")

    decide(decision)

    is_same = decision == SAME
    assert (owner_of(waited).pk == claimed.customer_id) is is_same
    assert pay(source, "T2", user_id="u-7").customer_id == owner_of(waited).pk
    assert agree()


def test_a_claimed_e_mail_is_taken(source):
    first = send(source, "signup", user_id="u-1")
    send(source, "profile", "browser", user_id="u-1", email="Ana@b.org")

    decide(SAME)

    assert Customer.objects.get().email == "Ana@b.org"
    assert pay(source, email="ana@b.org").customer_id == first.customer_id


def test_a_claimed_e_mail_that_is_refused_is_not_asked_again(source):
    first = send(source, "signup", user_id="u-1")
    for _ in range(2):
        send(source, "profile", "browser", user_id="u-1", email="eve@b.org")
        if IdentityReview.objects.open().exists():
            decide(OTHER)

    assert IdentityReview.objects.get().decision == OTHER
    assert Customer.objects.get().email is None
    assert pay(source, email="eve@b.org").customer_id != first.customer_id


def test_somebody_archived_comes_back(source, ana, actor):
    customers.archive_customer(ana, actor=actor, reason="moved away")
    pay(source, email="ana@b.org")

    decide(SAME)

    ana.refresh_from_db()
    assert ana.is_live
    assert Booking.objects.get().customer == ana
    assert agree()


def test_beside_somebody_archived_another_person_is_made(source, ana, actor):
    customers.archive_customer(ana, actor=actor, reason="moved away")
    pay(source, email="ana@b.org")

    decide(OTHER)

    other = Customer.objects.live().get()
    assert Booking.objects.get().customer == other
    assert pay(source, "T2", email="ana@b.org").customer_id == other.pk


# --- who and when -------------------------------------------------------------------


def test_a_decision_is_in_the_trail_and_in_the_history(source, ana, ben):
    pay(source, email="ana@b.org", user_id="u-2")

    review = decide(SAME)

    event = Event.objects.get(action="identity_review.decided")
    assert (event.code, event.reason) == (SAME, "They called.")
    assert "ana@b.org" not in str(event.data)
    assert review.history.count() == 2


def test_what_was_decided_is_not_decided_again(source, ana, ben):
    pay(source, email="ana@b.org", user_id="u-2")
    review = IdentityReview.objects.get()
    decide(SAME)

    with pytest.raises(ValidationError) as caught:
        services.decide_identity_review(review, OTHER, reason="x", actor=SYSTEM)

    assert caught.value.code == "already_decided"
    assert Booking.objects.get().customer == ana


@pytest.mark.parametrize(
    ("decision", "reason", "code"),
    [
        (SAME, " ", "required"),
        (CHANGED, "x", "not_possible"),
        ("?", "x", "not_possible"),
    ],
)
def test_what_cannot_be_decided_is_refused(source, ana, decision, reason, code):
    review = IdentityReviewFactory(source=source, email_customer=ana)

    with pytest.raises(ValidationError) as caught:
        services.decide_identity_review(review, decision, reason=reason, actor=SYSTEM)

    [error] = caught.value.error_dict.popitem()[1]
    assert error.code == code


def test_nobody_but_a_candidate_can_be_named(source, ana, ben):
    pay(source, email="ana@b.org", user_id="u-2")
    stranger = CustomerFactory(business=source.business)

    for decision, pk in ((SAME, stranger.pk), (OTHER, ana.pk)):
        with pytest.raises(ValidationError):
            decide(decision, customer=pk)

    assert IdentityReview.objects.open().exists()


def test_who_may_decide(bakery, source):
    review = IdentityReviewFactory(source=source)
    for role, may in (("support", True), ("marketing", False), ("auditor", False)):
        actor = actor_of(staff(bakery, role))
        if not may:
            with pytest.raises(PermissionDenied):
                services.decide_identity_review(review, OTHER, reason="x", actor=actor)
        else:
            assert services.decide_identity_review(
                review, OTHER, reason="x", actor=actor
            )
            review = IdentityReviewFactory(source=source)


def test_reviews_of_another_business_are_not_there(source, rival):
    IdentityReviewFactory(source=source)
    foreign = actor_of(staff(rival))

    assert not services.list_identity_reviews(actor=foreign).exists()
    with pytest.raises(PermissionDenied):
        services.decide_identity_review(
            IdentityReview.objects.get(), OTHER, reason="x", actor=foreign
        )


def test_the_queue_takes_a_constant_number_of_statements(source, assert_flat):
    def read():
        for review in services.list_identity_reviews(actor=SYSTEM, state="open"):
            str((review.source, review.email_customer, review.waiting))

    def grow():
        for _ in range(5):
            IdentityReviewFactory(
                source=source,
                email_customer=CustomerFactory(business=source.business),
            )

    grow()
    assert_flat(call=read, grow=grow)


def test_names_and_answers_that_were_lost_come_back(source, ana, ben):
    waited = pay(source, email="ana@b.org", user_id="u-2")
    decide(SAME)
    pending = pay(source, "T2", email="other@b.org", user_id="u-2")
    CaptureLink.objects.all().delete()
    Identifier.objects.all().delete()

    list(services.rebuild(repair=True, actor=Actor.system("test")))

    assert agree()
    assert owner_of(waited) == ana
    link = CaptureLink.objects.get(capture=pending.capture_id)
    assert (link.customer, link.review.is_open) == (None, True)
    assert send(source, "login", user_id="u-2").customer_id == ana.pk


def test_ids_of_before_sources_become_exact(source, ben):
    Identifier.objects.update(source=None)

    list(services.rebuild(repair=True, actor=Actor.system("test")))

    assert Identifier.objects.get().source == source
    assert agree()
    assert Capture.objects.count() == 1


def test_the_company_s_number_of_somebody_archived_since_stays_good(source, actor):
    customer = CustomerFactory(business=source.business, external_id="C-1")
    send(source, "login", user_id="C-1")

    customers.archive_customer(customer, actor=actor, reason="moved away")

    assert agree()


# --- what may come between ----------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_does(source, at_once):
    for email, user_id in (("ana@b.org", None), ("ben@b.org", "u-2")):
        send(source, "profile", email=email, user_id=user_id)
    pay(source, email="ana@b.org", user_id="u-2")

    answers = at_once(lambda: decide_review(IdentityReview.objects.get(), SAME), 2)

    refused = [each for each in answers if isinstance(each, ValidationError)]
    assert [each.code for each in refused] == ["already_decided"]
    [decided] = [each for each in answers if not isinstance(each, ValidationError)]
    assert decided.decision == SAME


def decide_review(review, decision):
    return services.decide_identity_review(
        review, decision, reason="They called.", actor=Actor.system("test")
    )


def test_every_spelling_of_an_e_mail_joins_one_question(source, ben):
    spellings = (
        "Ana@Bücher.example",
        "ana@xn--bcher-kva.example",
        " ANA@bücher.EXAMPLE",
    )
    for number, email in enumerate(spellings):
        pay(source, f"T{number}", email=email, user_id="u-2")

    [review] = services.list_identity_reviews(actor=SYSTEM)
    assert review.waiting == 3
    decide(CHANGED)
    for number, email in enumerate(spellings):
        assert (
            pay(source, f"L{number}", email=email, user_id="u-2").customer_id == ben.pk
        )
    assert agree()


def test_a_dot_in_an_e_mail_is_another_person_s(source, ben):
    pay(source, "T1", email="an.a@b.org", user_id="u-2")
    pay(source, "T2", email="ana@b.org", user_id="u-2")

    assert IdentityReview.objects.open().count() == 2


@pytest.mark.parametrize("decision", ReviewDecision)
def test_a_candidate_who_is_erased_meanwhile_gets_nothing(source, ben, decision):
    waited = pay(source, email="new@b.org", user_id="u-2")
    for name in ("name", "email", "phone", "external_id"):
        setattr(ben, name, None)
    ben.erased_at = ben.archived_at = timezone.now()
    ben.as_actor(SYSTEM, reason="x").save()

    if decision != OTHER:
        with pytest.raises(ValidationError) as refused:
            decide(decision)
        assert refused.value.error_dict["decision"][0].code == "erased"
        assert IdentityReview.objects.open().exists()
    else:
        decide(decision)
        assert owner_of(waited).email == "new@b.org"
        assert owner_of(waited) != ben


@pytest.mark.parametrize("count", [5, 60])
def test_a_decision_takes_as_many_statements_for_many(source, ana, ben, count):
    for number in range(count):
        send(source, "login", email="ana@b.org", user_id="u-2", success=True,
             message_id=f"l-{number}")  # fmt: skip
    with CaptureQueriesContext(connection) as captured:
        decide(SAME)

    assert len(captured) <= 60
    assert CaptureLink.objects.filter(customer=ana).count() == count + 1
