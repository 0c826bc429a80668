"""Projections made again from nothing are the projections that stood."""

from __future__ import annotations

import pytest

from audit.actors import Actor
from capture import services
from capture.models import Capture, CaptureLink, Login, Signup
from customers import services as customers
from customers.models import CustomerStats
from tests.capture.api.test_routes import DOCUMENTS
from tests.factories import CaptureFactory


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
