"""One pipeline: constant statements, exactly one customer, projections that follow."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from audit.tenancy.actors import Actor
from capture import services
from capture.models import Capture, CaptureLink, Login, Payment, Signup
from customers import services as customers
from customers.models import Business, Customer, CustomerStats
from tests.conftest import actor_of, in_parallel
from tests.factories import CaptureFactory, CustomerFactory, SourceFactory


def envelopes(kind: str, *bodies: dict[str, object], trust: str = "server") -> list:
    made = [services.build_envelopes(kind, body, trust=trust)[0] for body in bodies]
    return [
        type(item)(**{**vars(item), "position": number})
        for number, item in enumerate(made)
    ]


def people(n: int, start: int = 0) -> list[dict[str, object]]:
    return [
        {"email": f"p{i}@example.org", "name": f"P {i}", "message_id": f"m-{i}",
         "marketing_consent": True}
        for i in range(start, start + n)
    ]  # fmt: skip


def statements(call: object) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return len(captured)


def test_a_batch_takes_as_many_statements_as_one(source, actor):
    services.ingest(envelopes("signup", *people(1)), source=source, actor=actor)
    one = statements(
        lambda: services.ingest(
            envelopes("signup", *people(1, 1)), source=source, actor=actor
        )
    )
    many = statements(
        lambda: services.ingest(
            envelopes("signup", *people(100, 2)), source=source, actor=actor
        )
    )

    assert Customer.objects.count() == Signup.objects.count() == 102
    # SQLite takes at most 999 values in one statement, so wide rows come in parts.
    parts = 40 if connection.vendor == "sqlite" else 0
    assert one <= many <= one + parts


def test_a_hundred_at_once(source, actor):
    verdicts = services.ingest(
        envelopes("signup", *people(100)), source=source, actor=actor
    )

    assert {verdict.status for verdict in verdicts} == {"accepted"}
    assert [verdict.position for verdict in verdicts] == list(range(100))
    assert len({verdict.customer_id for verdict in verdicts}) == 100
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_repeats_inside_a_batch(source, actor):
    body = people(1)[0]
    other = {**body, "name": "Somebody else"}

    verdicts = services.ingest(
        envelopes("signup", body, body, other), source=source, actor=actor
    )

    assert [v.status for v in verdicts] == ["accepted", "duplicate", "conflict"]
    assert Capture.objects.count() == Customer.objects.count() == 1


def test_several_messages_of_one_new_person_make_one_customer(source, actor):
    services.ingest(
        envelopes(
            "payment",
            {"user_email": "Ana@example.org", "message_id": "1"},
            {"user_email": "ANA@example.org", "message_id": "2", "user_name": "Ana"},
        ),
        source=source,
        actor=actor,
    )

    assert Customer.objects.count() == 1
    assert CaptureLink.objects.filter(customer=Customer.objects.get()).count() == 2


def test_nobody_captures_for_another_business(charlie, source):
    with pytest.raises(PermissionDenied):
        services.ingest(
            envelopes("signup", *people(1)), source=source, actor=actor_of(charlie.user)
        )

    assert not Capture.objects.exists()


def test_what_only_an_archived_customer_fits_waits_and_makes_nobody(
    source, actor, bakery
):
    old = CustomerFactory(business=bakery, email="p0@example.org")
    customers.archive_customer(old, actor=actor, reason="x")

    [result] = services.ingest(
        envelopes("signup", *people(1)), source=source, actor=actor
    )

    assert (result.status, result.customer_id) == ("accepted", None)
    assert result.warnings == ["identity_review"]
    assert Customer.objects.get() == old


def test_an_earlier_signup_that_comes_later_moves_the_joining_date(source, actor):
    for number, day in enumerate((10, 3, 20)):
        services.ingest(
            envelopes(
                "signup",
                {
                    "email": "a@example.org",
                    "signup_date": f"2026-03-{day:02}T00:00:00Z",
                    "message_id": str(number),
                },
            ),
            source=source,
            actor=actor,
        )

    assert Customer.objects.get().joined_at == datetime(2026, 3, 3, tzinfo=UTC)


def test_a_browser_fills_blanks_and_a_server_overwrites(source, actor, bakery):
    CustomerFactory(business=bakery, email="a@example.org", name="Ana")
    told = {"email": "a@example.org", "full_name": "Bea", "mobile_number": "123457"}

    services.ingest(
        envelopes("profile", told, trust="browser"), source=source, actor=actor
    )
    customer = Customer.objects.get()
    assert (customer.name, customer.phone) == ("Ana", "123457")

    services.ingest(
        envelopes("profile", {**told, "message_id": "2"}), source=source, actor=actor
    )
    customer.refresh_from_db()
    assert customer.name == "Bea"


def test_no_capture_unblocks_a_customer(source, actor, bakery):
    CustomerFactory(business=bakery, email="a@example.org", status="blocked")

    services.ingest(
        envelopes("profile", {"email": "a@example.org", "status": "active"}),
        source=source,
        actor=actor,
    )

    assert Customer.objects.get().status == "blocked"


def test_consent_needs_the_wording_of_its_source(actor, bakery):
    bakery.settings = {"consent_wordings": {"v3": True}}
    customers.save_record(bakery, actor=actor)
    silent = SourceFactory(business=bakery)
    worded = SourceFactory(business=bakery, consent_wording_version="v3")
    body = {"email": "a@example.org", "marketing_consent": True}

    services.ingest(envelopes("signup", body), source=silent, actor=actor)
    assert not CustomerStats.objects.get().is_opted_in
    services.ingest(envelopes("signup", body), source=worded, actor=actor)
    assert CustomerStats.objects.get().is_opted_in

    services.ingest(
        envelopes("profile", {**body, "marketing_consent": False}),
        source=worded,
        actor=actor,
    )
    assert not CustomerStats.objects.get().is_opted_in


def test_an_id_that_could_be_personal_is_hashed(source, actor):
    body = {"email": "a@example.org", "message_id": "a@example.org"}
    first = services.ingest(envelopes("signup", body), source=source, actor=actor)
    again = services.ingest(envelopes("signup", body), source=source, actor=actor)

    capture = Capture.objects.get()
    assert capture.message_id.startswith("h1:")
    assert "@" not in capture.message_id
    assert again[0].capture_id == first[0].capture_id


def test_the_clock_of_the_sender_is_corrected(source, actor):
    received = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    envelope = services.build_envelopes(
        "login",
        {
            "email": "a@example.org",
            "timestamp": "2026-11-21T10:00:00Z",
            "sent_at": "2026-11-21T11:00:00Z",
        },
        trust="server",
        received_at=received,
    )
    services.ingest(envelope, source=source, actor=actor)

    capture = Capture.objects.get()
    assert capture.occurred_at == datetime(2026, 11, 21, 11, 0, tzinfo=UTC)
    assert (capture.time_source, capture.skew_ms) == ("skew_corrected", 3_600_000)


def test_a_time_in_the_future_is_clamped(source, actor):
    received = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    envelope = services.build_envelopes(
        "login",
        {"email": "a@example.org", "timestamp": "2030-01-01T00:00:00Z"},
        trust="server",
        received_at=received,
    )
    services.ingest(envelope, source=source, actor=actor)

    assert Capture.objects.get().occurred_at == received


def test_the_named_calls_of_document_002(source, actor):
    services.store_customer_profile(
        source=source, actor=actor, email="mia@example.org", full_name="Mia Roth"
    )
    services.track_login_activity(
        source=source, actor=actor, email="mia@example.org", login_method="password"
    )
    services.track_login_activity(
        source=source, actor=actor, email="no@example.org", success=False
    )
    services.update_customer_profile(
        "mia@example.org",
        {"mobile_number": "+49 30 5550199"},
        source=source,
        actor=actor,
    )

    customer = Customer.objects.get()
    assert (customer.name, customer.phone) == ("Mia Roth", "+49 30 5550199")
    assert Login.objects.count() == 2
    assert CustomerStats.objects.get().login_count == 1
    with pytest.raises(ValueError, match="Enter an e-mail"):
        services.store_customer_profile(source=source, actor=actor, email="nobody")


def test_signups_count_as_logins_only_where_the_business_says_so(
    source, actor, django_capture_on_commit_callbacks
):
    services.ingest(envelopes("signup", *people(1)), source=source, actor=actor)
    assert CustomerStats.objects.get().login_count == 1

    business = Business.objects.get()
    business.signup_is_login = False
    with django_capture_on_commit_callbacks(execute=True):
        customers.save_record(business, actor=actor)

    assert CustomerStats.objects.get().login_count == 0


def test_the_rebuild_finds_and_repairs_what_is_wrong(source, actor):
    CaptureFactory(source=source, body={"email": "a@example.org", "plan": "pro"})
    capture = CaptureFactory(
        source=source, type="login", body={"email": "b@example.org"}
    )
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []

    Signup.objects.update(plan="free")
    Login.objects.all().delete()
    CaptureLink.objects.filter(capture=capture).delete()
    CustomerStats.objects.update(login_count=9)

    found = {
        (d.table, d.column)
        for d in services.rebuild(repair=False, actor=Actor.system("test"))
    }
    assert found == {
        ("capture.Signup", "plan"),
        ("capture.Login", "row"),
        ("capture.CaptureLink", "row"),
        ("customers.CustomerStats", "login_count"),
        ("customers.CustomerStats", "last_login_at"),
        ("customers.CustomerStats", "last_active_at"),
    }
    list(services.rebuild(repair=True, actor=Actor.system("test")))
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []
    assert Signup.objects.get().plan == "pro"


@pytest.mark.parametrize("change", ["UPDATE capture_capture SET type = 'event'",
                                    "DELETE FROM capture_capture"])  # fmt: skip
def test_a_capture_cannot_be_changed(source, change):
    capture = CaptureFactory(source=source)

    with (
        pytest.raises(IntegrityError, match="HF001"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(change)

    capture.refresh_from_db()
    assert capture.type == "signup"


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)
@pytest.mark.django_db(transaction=True)
def test_many_at_once_make_one_capture_and_one_customer(source):
    barrier = threading.Barrier(10)
    statuses, errors = [], []

    def send(number: int) -> None:
        try:
            batch = envelopes(
                "signup",
                {"email": "a@example.org", "message_id": "same"},
                {"email": "a@example.org", "message_id": f"own-{number}"},
            )
            barrier.wait()
            verdicts = services.ingest(batch, source=source, actor=Actor.system("test"))
            statuses.extend(verdict.status for verdict in verdicts)
        except BaseException as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(n,)) for n in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert sorted(statuses) == ["accepted"] * 11 + ["duplicate"] * 9
    assert Customer.objects.count() == 1
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


@pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has one writer at a time"
)
@pytest.mark.django_db(transaction=True)
def test_a_page_and_a_server_with_one_id_at_once_are_both_taken(source):
    """Whichever is first: what a page claims stops no server that confirms it."""

    def send(trust: str) -> list[str]:
        body = {"email": "a@example.org", "message_id": "one", "final_price": 9}
        body |= {"transaction_id": "t-1", "payment_status": "completed"}
        batch = envelopes("payment", body, trust=trust)
        results = services.ingest(batch, source=source, actor=Actor.system("test"))
        return [result.status for result in results]

    trusts = iter(["browser", "server"] * 4)
    outcomes = in_parallel(lambda: (trust := next(trusts), send(trust)), 8)

    assert [one for one in outcomes if isinstance(one, Exception)] == []
    for trust in ("browser", "server"):
        statuses = sorted(s for kind, [s] in outcomes if kind == trust)
        assert statuses == ["accepted", "duplicate", "duplicate", "duplicate"]
    captures = Capture.objects.values_list("trust", "message_id")
    assert sorted(captures) == [("browser", "one"), ("server", "one")]
    payment = Payment.objects.get()
    assert (payment.trust, payment.final_price) == ("server", 9)
    assert Customer.objects.count() == 1


def capture_of(source, actor, kind, **body):
    received = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
    made = services.build_envelopes(
        kind, {"email": "a@example.org", **body}, trust="server", received_at=received
    )
    verdict = services.ingest(made, source=source, actor=actor)[0]
    return Capture.objects.get(pk=verdict.capture_id), verdict


@pytest.mark.parametrize(
    ("time", "warnings"),
    [
        ("2026-11-21T11:00:00Z", []),
        ("2026-11-21T11:00:00", ["naive_timestamp"]),
        ("2030-01-01T00:00:00Z", ["future_timestamp"]),
        ("2001-01-01T00:00:00Z", ["old_timestamp"]),
        ("yesterday", ["unreadable_timestamp"]),
        ("2026-02-30T00:00:00Z", ["unreadable_timestamp"]),
        ("0001-01-01T00:00:00Z", ["unreadable_timestamp"]),
        ("9999-12-31T23:59:59Z", ["unreadable_timestamp"]),
        (-(10**11), ["unreadable_timestamp"]),
        (1763719200, ["old_timestamp"][1:]),
        (1763719200000, []),
    ],
)
def test_what_is_odd_about_a_time_is_noted(source, actor, time, warnings):
    capture, verdict = capture_of(source, actor, "login", login_time=time)

    assert verdict.warnings == warnings
    assert [code for code, _ in capture.warnings or ()] == warnings


def test_nobody_joins_in_the_future(source, actor):
    capture, _ = capture_of(source, actor, "signup", signup_date="2099-01-01T00:00:00Z")

    assert Signup.objects.get().signup_date == capture.received_at
    assert Customer.objects.get().joined_at == capture.received_at
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


@pytest.mark.parametrize("kind", ["signup", "login"])
def test_a_named_address_stands_where_it_can_be_cleared(source, actor, kind):
    capture, _ = capture_of(
        source, actor, kind, ipAddress="2001:0db8::0001", message_id="1"
    )
    capture_of(source, actor, kind, ip_address="no address", message_id="2")

    assert "2001" not in capture.payload
    model = Signup if kind == "signup" else Login
    addresses = model.objects.order_by("capture_id").values_list("ip_address")
    assert list(addresses) == [("2001:db8::1",), (None,)]


def test_python_values_are_captured_as_text(source, actor):
    moment = datetime(2026, 11, 20, 8, 0, 0, 123457, tzinfo=UTC)
    services.track_login_activity(
        source=source, actor=actor, email="a@example.org", login_time=moment
    )

    assert Login.objects.get().login_time == moment
    with pytest.raises(ValueError, match="A object cannot be captured"):
        services.track_login_activity(
            source=source, actor=actor, email="a@example.org", device_info=object()
        )


@pytest.mark.parametrize(
    ("address", "is_taken"),
    [
        (f"{'a' * 64}@{'b' * 62}.{'c' * 62}.{'d' * 59}.org", True),
        (f"{'a' * 64}@{'b' * 62}.{'c' * 62}.{'d' * 60}.org", False),
    ],
)
def test_an_address_fits_its_column_or_is_refused(source, actor, address, is_taken):
    (envelope,) = services.build_envelopes("signup", {"email": address}, trust="server")

    assert (envelope.issue is None) == is_taken
    if is_taken:
        services.ingest([envelope], source=source, actor=actor)
        assert Customer.objects.get().email == address
