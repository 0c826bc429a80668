"""One person, one customer, whatever they are called and in which order it comes."""

from __future__ import annotations

import pytest

from audit.tenancy.actors import Actor
from capture import services
from capture.models import CaptureLink, Login
from customers.models import Customer, CustomerStats
from tests.factories import CustomerFactory


@pytest.fixture
def send(source):
    def call(kind, body, trust="server"):
        envelopes = services.build_envelopes(kind, body, trust=trust)
        return services.ingest(envelopes, source=source, actor=Actor.system("test"))[0]

    return call


def test_an_e_mail_that_learns_a_user_id_is_found_by_it(send):
    first = send("signup", {"email": "a@example.org"})
    send("profile", {"email": "a@example.org", "user_id": "u-1"})
    by_id = send("login", {"user_id": "u-1"})

    assert by_id.customer_id == first.customer_id
    assert Customer.objects.get().external_id == "u-1"
    assert Customer.objects.get().history.count() == 2


def test_a_user_id_that_learns_an_e_mail_is_found_by_it(send):
    first = send("signup", {"user_id": "u-1"})
    send("profile", {"user_id": "u-1", "email": "A@example.org", "full_name": "Ana"})
    by_email = send("login", {"email": "a@EXAMPLE.org"})

    assert by_email.customer_id == first.customer_id
    customer = Customer.objects.get()
    assert (customer.email, customer.email_key) == ("A@example.org", "a@example.org")
    assert customer.name == "Ana"


def test_a_page_cannot_put_an_e_mail_on_a_known_user_id(send):
    send("signup", {"user_id": "u-1"})
    send("profile", {"user_id": "u-1", "email": "evil@example.org"}, trust="browser")

    assert Customer.objects.get().email is None


def test_what_a_customer_is_known_by_is_never_replaced(send, bakery):
    ana = CustomerFactory(business=bakery, email="a@example.org", external_id="u-1")
    ben = CustomerFactory(business=bakery, email="b@example.org", external_id="u-2")

    send("profile", {"email": "a@example.org", "user_id": "u-2"})
    send("profile", {"email": "a@example.org", "user_id": "u-9"})
    send("profile", {"email": "new@example.org", "user_id": "u-1"})

    for customer, email, ref in ((ana, "a", "u-1"), (ben, "b", "u-2")):
        customer.refresh_from_db()
        assert (customer.email, customer.external_id) == (f"{email}@example.org", ref)


def test_two_who_claim_one_user_id_do_not_stop_each_other(source, actor):
    bodies = [{"email": f"{n}@example.org", "user_id": "u-1"} for n in "ab"]
    for n in "ab":
        services.ingest(
            services.build_envelopes(
                "signup", {"email": f"{n}@example.org"}, trust="server"
            ),
            source=source,
            actor=actor,
        )
    batch = [
        envelope
        for body in bodies
        for envelope in services.build_envelopes("profile", body, trust="server")
    ]

    services.ingest(batch, source=source, actor=actor)

    assert sorted(Customer.objects.values_list("external_id", flat=True), key=str) == [
        None,
        "u-1",
    ]


def test_a_failed_login_before_the_signup_joins_its_person(send):
    failed = send("login", {"email": "a@example.org", "success": False})
    assert failed.customer_id is None

    customer_id = send("signup", {"email": "a@example.org"}).customer_id

    link = CaptureLink.objects.get(capture=failed.capture_id)
    assert (link.customer_id, link.rule) == (customer_id, "email")
    assert Login.objects.get().customer_id == customer_id
    stats = CustomerStats.objects.get()
    assert stats.login_count == 1  # the signup; a failed login is none
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_what_waited_teaches_its_person_the_e_mail(send):
    event = {"name": "x", "email": "a@example.org", "user_id": "u-1"}
    assert send("event", event).customer_id is None

    first = send("signup", {"user_id": "u-1"})

    assert Customer.objects.get().email == "a@example.org"
    assert send("signup", {"email": "a@example.org"}).customer_id == first.customer_id


def test_late_attaching_takes_no_statement_per_person(source, actor, assert_flat):
    def batch(kind, start, **facts):
        return [
            envelope
            for n in range(start, start + 10)
            for envelope in services.build_envelopes(
                kind, {"email": f"p{n}@example.org", **facts}, trust="server"
            )
        ]

    def ingest(envelopes):
        services.ingest(envelopes, source=source, actor=actor)

    for start, size in ((0, 1), (10, 1), (20, 10)):
        ingest(batch("login", start, success=False)[:size])
    starts = iter((0, 10, 20))

    def sign_up():
        start = next(starts)
        ingest(batch("signup", start)[: 10 if start == 20 else 1])

    assert_flat(call=sign_up, grow=lambda: None)
    assert Login.objects.filter(customer=None).count() == 0


@pytest.mark.parametrize(
    ("said", "succeeded", "people"),
    [(True, True, 1), ("true", True, 1), (1, True, 1), (None, True, 1),
     (False, False, 0), ("False", False, 0), (0, False, 0)],
)  # fmt: skip
def test_whether_a_login_succeeded(send, said, succeeded, people):
    send("login", {"email": "a@example.org", "success": said})

    assert Login.objects.get().success is succeeded
    assert Customer.objects.count() == people


@pytest.mark.parametrize("said", ["maybe", 2, [], {}, "", 1.5])
def test_a_login_that_does_not_say_is_refused(source, said):
    (envelope,) = services.build_envelopes(
        "login", {"email": "a@example.org", "success": said}, trust="server"
    )

    assert envelope.issue.pointer == "/success"


def test_a_status_of_long_ago_replaces_the_default_and_no_word_of_staff(source, send):
    long_ago = {"status": "inactive", "timestamp": "2020-01-01T00:00:00Z"}
    staff = CustomerFactory(business=source.business, email="staff@example.org")

    send("profile", {"email": "new@example.org", **long_ago})
    send("profile", {"email": "staff@example.org", **long_ago})

    staff.refresh_from_db()
    assert Customer.objects.get(email="new@example.org").status == "inactive"
    assert staff.status == "active"


def test_a_deletion_at_stripe_makes_nobody_and_is_linked_to_who_is_there(source):
    def tell(kind, number):
        thing = {"id": f"cus_{number}", "object": "customer", "name": "Gone Person"}
        thing["email"] = f"gone{number}@example.org"
        event = {
            "id": f"evt_{kind}_{number}",
            "object": "event",
            "created": 1795900000,
            "type": f"customer.{kind}",
            "data": {"object": thing},
        }
        envelopes = services.build_webhook("stripe", event, trust="webhook")
        [result] = services.ingest(envelopes, source=source, actor=Actor.system("test"))
        return result

    assert tell("deleted", 1).status == "accepted"
    assert not Customer.objects.exists()

    there = tell("created", 2)
    assert tell("deleted", 2).customer_id == there.customer_id
    assert Customer.objects.count() == 1


@pytest.mark.parametrize("verb", ["deleted", "erased", "removed"])
@pytest.mark.parametrize("family", ["profile", "signup", "customer"])
def test_a_deletion_of_any_provider_makes_nobody(source, family, verb):
    event = {"type": f"{family}.{verb}", "data": {"email": "gone@example.org"}}
    envelopes = services.build_webhook(
        "standard", event, trust="webhook", webhook_id=f"evt_{family}_{verb}"
    )

    [result] = services.ingest(envelopes, source=source, actor=Actor.system("test"))

    assert (result.status, result.customer_id) == ("accepted", None)
    assert not Customer.objects.exists()
