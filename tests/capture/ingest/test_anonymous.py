"""Anonymous ids and aliases: what joins a person later, and what joins nobody."""

from __future__ import annotations

import pytest

from audit.tenancy.actors import Actor
from capture import services
from capture.models import CaptureLink, Identifier
from customers.choices import ConsentAction
from customers.models import ConsentEvent, Customer
from tests.factories import SourceFactory


def send(source, kind, trust="server", **body):
    envelopes = services.build_envelopes(kind, body, trust=trust)
    (verdict,) = services.ingest(envelopes, source=source, actor=Actor.system("test"))
    assert verdict.status == "accepted", verdict
    return verdict


def owners():
    rows = CaptureLink.objects.order_by("capture__received_at", "capture_id")
    return [str(c.email) if (c := row.customer) else None for row in rows]


def no_differences():
    return list(services.rebuild(repair=False, actor=Actor.system("test"))) == []


@pytest.mark.parametrize("trust", ["browser", "server"])
def test_what_came_before_the_identify_joins_its_person(source, trust):
    for name in ("looked", "looked again"):
        send(source, "event", trust, name=name, anonymous_id="a1")
    send(source, "page", trust, name="home", anonymous_id="a2")
    assert owners() == [None] * 3

    send(source, "profile", trust, email="ana@b.org", anonymous_id="a1")
    send(source, "event", trust, name="later", anonymous_id="a1")

    assert owners() == ["ana@b.org", "ana@b.org", None, "ana@b.org", "ana@b.org"]
    assert no_differences()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0), (0, 2, 1)])
def test_a_shared_computer_mixes_nobody(source, order):
    messages = [
        ("event", {"name": "looked", "anonymous_id": "a1"}),
        ("profile", {"email": "ana@b.org", "anonymous_id": "a1"}),
        ("profile", {"email": "ben@b.org", "anonymous_id": "a1"}),
    ]
    for n in order:
        kind, body = messages[n]
        send(source, kind, **body)

    event = CaptureLink.objects.get(capture__type="event")
    assert (event.customer, event.rule) == (None, None)
    assert Customer.objects.count() == 2
    assert no_differences()


def test_what_a_shared_id_had_attached_is_detached_everywhere(source):
    send(source, "profile", email="ana@b.org", anonymous_id="a1")
    send(
        source,
        "payment",
        anonymous_id="a1",
        transaction_id="T1",
        final_price=5,
        payment_status="paid",
    )
    ana = Customer.objects.get()
    assert ana.payments.count() == 1

    send(source, "profile", email="ben@b.org", anonymous_id="a1")

    assert ana.payments.count() == 0
    assert no_differences()


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2, 0, 1)])
def test_an_alias_joins_what_came_under_both_names(source, order):
    messages = [
        ("event", {"name": "looked", "anonymous_id": "a1"}),
        ("alias", {"user_id": "u1", "previous_id": "a1"}),
        ("profile", {"email": "ana@b.org", "user_id": "u1"}),
    ]
    for n in order:
        kind, body = messages[n]
        send(source, kind, **body)

    assert set(owners()) == {"ana@b.org"}
    assert no_differences()


def test_a_chain_of_aliases_is_followed_and_a_circle_ends(source):
    send(source, "event", name="looked", user_id="u3")
    send(source, "alias", user_id="u2", previous_id="u3")
    send(source, "alias", user_id="u1", previous_id="u2")
    send(source, "alias", user_id="u3", previous_id="u1")
    send(source, "alias", user_id="u1", previous_id="u1")
    send(source, "profile", email="ana@b.org", user_id="u1")

    assert set(owners()) == {"ana@b.org"}
    assert Customer.objects.count() == 1


def test_two_profiles_with_different_e_mails_are_never_joined(source):
    send(source, "profile", email="ana@b.org", user_id="u1")
    send(source, "profile", email="ben@b.org", user_id="u2")
    send(source, "alias", user_id="u1", previous_id="u2")

    assert Customer.objects.count() == 2
    assert Customer.objects.get(external_id="u2").email == "ben@b.org"
    send(source, "event", name="looked", user_id="u2")
    assert owners()[-1] == "ben@b.org"


def test_a_page_cannot_take_over_a_user_id_by_an_alias(source):
    send(source, "profile", "browser", email="eve@b.org", user_id="eve")
    send(source, "alias", "browser", user_id="eve", previous_id="victim")
    send(source, "event", name="looked", user_id="victim")

    assert owners()[-1] is None


def test_names_of_another_business_join_nothing(source, rival):
    send(source, "event", name="looked", anonymous_id="a1")
    other = SourceFactory(business=rival)
    send(other, "profile", email="ana@b.org", anonymous_id="a1")

    assert owners()[0] is None


def test_a_rebuild_finds_names_that_were_lost(source):
    send(source, "profile", email="ana@b.org", anonymous_id="a1", user_id="u1")
    Identifier.objects.all().delete()
    actor = Actor.system("test")

    found = list(services.rebuild(repair=True, actor=actor))

    assert [d.table for d in found] == ["capture.Identifier"] * 2
    assert no_differences()
    assert Identifier.objects.count() == 2


@pytest.mark.parametrize("kind", ["event", "page", "consent", "dashboard"])
def test_a_no_that_waits_for_its_person_is_not_lost(source, kind):
    send(source, kind, name="x", anonymous_id="a1", marketing_consent="no")
    send(source, "signup", anonymous_id="a1", email="ana@b.org")

    assert ConsentEvent.objects.get().action != ConsentAction.GIVEN
    assert no_differences()


def test_a_no_beside_an_unchanged_board_is_not_lost(source):
    send(source, "dashboard", email="ana@b.org", theme="dark")
    send(source, "dashboard", email="ana@b.org", theme="dark", marketing_consent=False)

    assert ConsentEvent.objects.get().action != ConsentAction.GIVEN
