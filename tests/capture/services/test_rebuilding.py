"""Projections made again from nothing are the projections that stood."""

from __future__ import annotations

import itertools

import pytest

from audit.tenancy.actors import Actor
from capture import services
from capture.models import (
    Capture,
    CapturedValue,
    CaptureLink,
    Login,
    Payment,
    Signup,
)
from customers import services as customers
from customers.models import CustomerStats
from tests.capture.api.test_routes import DOCUMENTS
from tests.factories import CaptureFactory, CustomerFactory, SourceFactory


def picture() -> dict[str, list[tuple[object, ...]]]:
    left_out = {"id", "linked_at", "created_at", "updated_at", "refreshed_at",
                "computed_at", "ip_address", "user_agent"}  # fmt: skip
    rows = {}
    for model in (CaptureLink, Signup, Login, CustomerStats):
        names = [f.attname for f in model._meta.fields if f.name not in left_out]
        rows[model.__name__] = sorted(map(str, model.objects.values_list(*names)))
    return rows


@pytest.fixture
def history(post, bakery, actor, source):
    """Every document, a failed login before its signup, a changed address."""
    post("/api/v1/tracking/logins", {"email": "mia@example.org", "success": False})
    for path, _, body in DOCUMENTS:
        post(path, body)
    post("/api/v1/tracking/profiles", {"email": "mia@example.org", "user_id": "u-1"})
    post("/api/v1/tracking/logins", {"user_id": "u-1"})
    link = CaptureLink.objects.filter(rule="user_id").get()
    customers.update_customer(link.customer, actor=actor, email="new@example.org")


def test_made_from_nothing_they_are_the_same(history):
    before = picture()
    assert before["Signup"]
    assert before["Login"]
    CaptureLink.objects.all().delete()
    Signup.objects.all().delete()
    Login.objects.all().delete()
    CustomerStats.objects.update(login_count=0, last_active_at=None)

    assert list(services.rebuild(repair=True, actor=Actor.system("test")))

    assert picture() == before
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_looking_changes_nothing(history):
    Signup.objects.update(plan="x")
    before = picture()

    assert list(services.rebuild(repair=False, actor=Actor.system("test")))

    assert picture() == before


def test_a_row_of_another_type_is_removed(source):
    capture = CaptureFactory(source=source)
    Login.objects.create(
        business_id=capture.business_id,
        capture=capture,
        trust="server",
        occurred_at=capture.occurred_at,
        login_time=capture.occurred_at,
    )

    assert [
        d.table for d in services.rebuild(repair=True, actor=Actor.system("test"))
    ] == ["capture.Login"]
    assert not Login.objects.exists()


def test_lost_links_take_no_statement_each(source, assert_flat):
    for n in range(12):
        CaptureFactory(source=source, body={"email": f"p{n}@example.org"})
    counts = iter((1, 1, 10))

    def rebuild():
        lost = Capture.objects.order_by("pk").values_list("pk", flat=True)
        CaptureLink.objects.filter(capture__in=list(lost[: next(counts)])).delete()
        list(services.rebuild(repair=True, actor=Actor.system("test")))

    assert_flat(call=rebuild, grow=lambda: None)
    assert CaptureLink.objects.exclude(customer=None).count() == 12


def test_what_changed_meanwhile_is_looked_at_again(source):
    rows = [
        CaptureFactory(source=source, body={"email": f"p{n:02}@example.org"})
        for n in range(12)
    ]
    Signup.objects.update(plan="broken")

    differences = services.rebuild(repair=True, actor=Actor.system("test"))
    found = [next(differences)]
    # The first ten are written; somebody else repairs the next one before its turn.
    broken = Signup.objects.filter(plan="broken")
    assert broken.count() == 2
    broken.filter(capture=rows[10]).update(plan=None)
    found += differences

    assert len(found) == 11
    assert not broken.exists()


def test_values_of_customers_are_written_again(source):
    for n in range(3):
        CaptureFactory(
            source=source, body={"email": f"p{n}@example.org", "full_name": f"N {n}"}
        )
    first, second = CapturedValue.objects.filter(field="name").order_by("pk")[:2]
    CapturedValue.objects.filter(pk=first.pk).update(value="broken")
    CapturedValue.objects.filter(pk=second.pk).update(field="phone")

    found = list(services.rebuild(repair=True, actor=Actor.system("test")))

    assert sorted((d.object_id, d.column) for d in found) == sorted(
        [
            (first.customer_id, "name"),
            (second.customer_id, "name"),
            (second.customer_id, "phone"),
        ]
    )
    names = CapturedValue.objects.filter(field="name")
    assert sorted(names.values_list("value", flat=True)) == ["N 0", "N 1", "N 2"]
    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


@pytest.mark.django_db(transaction=True)
def test_a_repair_beside_captures_ends_in_what_the_captures_say(source, at_once):
    people = [f"p{n}@example.org" for n in range(12)]
    turns = itertools.count()

    def take(n: int) -> None:
        for person in people:
            for kind in ("signup", "payment", "dashboard", "profile"):
                body = {
                    "email": person,
                    "full_name": f"Name {n}",
                    "message_id": f"{kind}-{person}-{n}",
                    "transaction_id": f"t-{person}",
                    "payment_status": "completed",
                    "final_price": "5.00",
                    "dashboard_state": {"n": n // 2},
                }
                made = services.build_envelopes(kind, body, trust="server")
                services.ingest(made, source=source, actor=Actor.system("test"))

    take(next(turns))
    Signup.objects.update(plan="broken")
    Payment.objects.update(plan_name="broken")
    CapturedValue.objects.update(value="broken")
    CustomerStats.objects.update(total_orders=7)

    def act() -> object:
        turn = next(turns)
        if turn % 2:
            return list(services.rebuild(repair=True, actor=Actor.system("test")))
        return take(turn)

    def left() -> object:
        return list(services.rebuild(repair=False, actor=Actor.system("test")))

    results = at_once(act, times=4)

    assert [one for one in results if isinstance(one, Exception)] == []
    assert at_once(left, times=1) == [[]]


def test_an_answer_that_was_not_read_when_it_came_is_recorded(post, bakery):
    actor = Actor.system("test")
    person = {"email": "mia@example.org", "success": False}
    post("/api/v1/tracking/logins", {**person, "marketing_consent": "nein"})
    mia = CustomerFactory(business=bakery, email="mia@example.org")
    # Nobody was known by that address, so that nobody's answer was recorded.
    CaptureLink.objects.update(customer=mia)

    tables = {d.table for d in services.rebuild(repair=False, actor=actor)}
    assert "customers.ConsentEvent" in tables
    assert not mia.consent_events.exists()
    list(services.rebuild(repair=True, actor=actor))

    event = mia.consent_events.get()
    assert (event.action, event.purpose) == ("refused", "marketing")
    assert event.capture_id == Capture.objects.get().pk
    assert list(services.rebuild(repair=False, actor=actor)) == []


def test_who_is_archived_lacks_no_name(bakery, actor, source):
    ana = CustomerFactory(business=bakery, email="ana@example.org", external_id="KD-1")
    CaptureFactory(source=source, body={"email": ana.email, "user_id": "KD-1"})

    customers.archive_customer(ana, actor=actor, reason="moved")

    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


def test_a_decision_about_a_company_number_leaves_no_name_missing(
    bakery, actor, source
):
    ana = CustomerFactory(business=bakery, email="ana@example.org", external_id="KD-1")
    other = SourceFactory(business=bakery)
    for sender in (source, other):
        CaptureFactory(source=sender, body={"email": ana.email, "user_id": "KD-1"})
    changed = {"email": "new@example.org", "user_id": "KD-1"}
    CaptureFactory(source=source, body=changed)
    [review] = services.list_identity_reviews(actor=actor)

    services.decide_identity_review(
        review, "changed_email", reason="They wrote.", actor=actor
    )

    assert list(services.rebuild(repair=False, actor=Actor.system("test"))) == []
