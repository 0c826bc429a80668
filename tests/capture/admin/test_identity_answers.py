"""What the answers to an identity review promise holds, once one was given."""

from __future__ import annotations

import pytest
from django.urls import reverse

from capture.models import Capture, CaptureLink, IdentityReview, Payment
from customers import services
from customers.models import Customer
from tests.conftest import actor_of
from tests.factories import ApiKeyFactory, CustomerFactory, SourceFactory

CAPTURES = "/api/v1/captures"
PAGE = "https://shop.example.com"


@pytest.fixture
def page_key(source):
    return ApiKeyFactory(
        source=source, kind="publishable", prefix="pk_test_page", origins=[PAGE]
    )


@pytest.fixture
def send(post, page_key):
    """Send a message of a type, as a server or as a page; return its capture."""
    numbers = iter(range(100))

    def send_one(type_, *, by_page=False, **body):
        message = {"type": type_, "message_id": f"m-{next(numbers)}", **body}
        headers = {"Authorization": f"Bearer {page_key.prefix}", "Origin": PAGE}
        headers = headers if by_page else {}
        done = post(CAPTURES, message, **headers)
        assert done.status_code in (200, 201), done.text
        return Capture.objects.get(message_id=message["message_id"])

    return send_one


@pytest.fixture
def decide(alice):
    """Give one of the answers that the page of the open review offers."""

    def choose(title):
        review = IdentityReview.objects.open().get()
        page = alice.get(
            reverse("admin:capture_identityreview_change", args=[review.pk])
        )
        [answer] = [a for a in page.context["answers"] if a.title == title]
        done = alice.post(
            reverse("admin:capture_identityreview_decide", args=[review.pk]),
            {"answer": answer.value, "reason": "They said so."},
            follow=True,
        )
        assert "Decided." in done.text, done.text
        review.refresh_from_db()
        assert not review.is_open
        return answer.consequence

    return choose


def owner_of(capture):
    return CaptureLink.objects.get(capture=capture).customer


def paid(number="T-1"):
    return {
        "final_price": "10.00",
        "currency": "EUR",
        "payment_status": "completed",
        "transaction_id": number,
    }


@pytest.fixture
def ana(send):
    return owner_of(send("signup", email="ana@example.org", user_id="u-1",
                         full_name="Ana Silva"))  # fmt: skip


@pytest.fixture
def bea(send):
    return owner_of(send("signup", email="bea@example.org", user_id="u-2",
                         full_name="Bea Holm"))  # fmt: skip


@pytest.fixture
def contradiction(send, ana, bea):
    """A payment with Ana's e-mail and Bea's user id."""
    return send("payment", email="ana@example.org", user_id="u-2", **paid())


def test_the_same_person_who_has_the_e_mail(send, decide, contradiction, ana, bea):
    said = decide("Same person: Ana Silva")

    assert said == (
        "The messages belong to Ana Silva, and in Shop the user id means them from now "
        "on. What came before stays with Bea Holm."
    )
    assert owner_of(contradiction) == ana
    assert Payment.objects.get().customer == ana
    assert owner_of(send("login", user_id="u-2", success=True)) == ana
    assert CaptureLink.objects.filter(customer=bea).count() == 1


def test_the_same_person_who_has_the_user_id(send, decide, contradiction, ana, bea):
    said = decide("Same person: Bea Holm")

    assert "Ana Silva keeps the e-mail" in said
    assert owner_of(contradiction) == bea
    again = send("login", email="ana@example.org", user_id="u-2", success=True)
    assert owner_of(again) == bea
    assert owner_of(send("login", email="ana@example.org", success=True)) == ana
    assert owner_of(send("login", user_id="u-2", success=True)) == bea


def test_another_person_than_who_has_the_user_id(send, decide, contradiction, ana, bea):
    said = decide("Other person")

    assert said == (
        "The messages belong to Ana Silva, who has the e-mail. The user id goes on "
        "meaning Bea Holm."
    )
    assert owner_of(contradiction) == ana
    assert owner_of(send("login", user_id="u-2", success=True)) == bea


@pytest.fixture
def new_email(send, ana):
    """A message with Ana's user id and an e-mail of nobody."""
    return send("profile", email="new@example.org", user_id="u-1")


def test_a_further_e_mail_of_the_same_person(send, decide, new_email, ana):
    said = decide("Same person: Ana Silva")

    assert "as a further one" in said
    ana.refresh_from_db()
    assert ana.email == "ana@example.org"
    assert owner_of(new_email) == ana
    for email in ("new@example.org", "ana@example.org"):
        assert owner_of(send("login", email=email, success=True)) == ana


def test_a_changed_e_mail(send, decide, new_email, ana):
    said = decide("Change of e-mail")

    assert "still finds them" in said
    ana.refresh_from_db()
    assert ana.email == "new@example.org"
    assert owner_of(new_email) == ana
    for email in ("new@example.org", "ana@example.org"):
        assert owner_of(send("login", email=email, success=True)) == ana


def test_a_new_customer_has_the_new_e_mail(send, decide, new_email, ana):
    said = decide("Other person")

    assert said.startswith("A new customer is made")
    new = owner_of(new_email)
    assert new != ana
    assert new.email == "new@example.org"
    assert owner_of(send("login", user_id="u-1", success=True)) == ana
    ana.refresh_from_db()
    assert ana.email == "ana@example.org"


@pytest.fixture
def of_archived(send, alice, bakery):
    """A payment of somebody archived."""
    gone = CustomerFactory(business=bakery, name="Old One", email="o@example.org")
    services.archive_customer(gone, actor=actor_of(alice.user), reason="moved")
    return send("payment", email="o@example.org", **paid())


def test_an_archived_customer_is_restored(decide, of_archived):
    said = decide("Same person: Old One")

    assert "is restored" in said
    old = owner_of(of_archived)
    assert (old.name, old.is_live) == ("Old One", True)
    assert Payment.objects.get().customer == old
    assert Customer.objects.count() == 1


def test_an_archived_customer_stays_archived(decide, of_archived):
    said = decide("Other person")

    assert "stays archived" in said
    new = owner_of(of_archived)
    assert (new.email, new.is_live) == ("o@example.org", True)
    assert not Customer.objects.get(name="Old One").is_live


@pytest.fixture
def claimed_email(send, bakery):
    """A page puts an e-mail on a user id that a server knows without one."""
    send("signup", user_id="u-9", full_name="Nine")
    return send("profile", by_page=True, user_id="u-9", email="nine@example.org")


def test_a_claimed_e_mail_is_theirs(send, decide, claimed_email):
    nine = Customer.objects.get()
    said = decide("Same person: Nine")

    assert "becomes that of Nine" in said
    nine.refresh_from_db()
    assert nine.email == "nine@example.org"
    assert owner_of(send("login", email="nine@example.org", success=True)) == nine


def test_a_claimed_e_mail_is_not_theirs(send, decide, claimed_email):
    nine = Customer.objects.get()
    said = decide("Other person")

    assert "stays with them" in said
    nine.refresh_from_db()
    assert nine.email is None
    assert owner_of(claimed_email) == nine
    other = owner_of(send("signup", email="nine@example.org"))
    assert other != nine


@pytest.fixture
def claimed_id(send):
    """A server names an id that only a page has put on somebody with an e-mail."""
    send("signup", email="pat@example.org", full_name="Pat")
    send("login", by_page=True, email="pat@example.org", user_id="u-7", success=True)
    return send("payment", user_id="u-7", **paid())


def test_a_claimed_user_id_is_theirs(send, decide, claimed_id):
    pat = Customer.objects.get()
    said = decide("Same person: Pat")

    assert "the user id means them from now on" in said
    assert owner_of(claimed_id) == pat
    assert owner_of(send("login", user_id="u-7", success=True)) == pat


def test_a_claimed_user_id_is_not_theirs(send, decide, claimed_id):
    pat = Customer.objects.get()
    said = decide("Other person")

    assert "for web pages, too" in said
    new = owner_of(claimed_id)
    assert new != pat
    for by_page in (False, True):
        login = send("login", by_page=by_page, user_id="u-7", success=True)
        assert owner_of(login) == new


def test_two_sources_use_an_id_for_different_people(send, bakery, ana, post):
    """The id of one source says nothing in another, so nothing waits."""
    other = ApiKeyFactory(source=SourceFactory(business=bakery), prefix="sk_test_else")
    headers = {"Authorization": f"Bearer {other.prefix}"}
    body = {"type": "signup", "email": "zoe@example.org", "user_id": "u-1"}

    assert post(CAPTURES, body, **headers).status_code in (200, 201)
    assert not IdentityReview.objects.exists()
    assert Customer.objects.count() == 2
