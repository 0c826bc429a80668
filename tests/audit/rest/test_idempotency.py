"""A POST with an `Idempotency-Key` is done once, whoever repeats it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from audit.models import Event, IdempotentResponse
from audit.rest.idempotency import claim_answer, forget_answer, old_answers
from customers.models import Customer, Membership, Note
from tests.conftest import signed_in, staff
from tests.factories import BusinessFactory, CustomerFactory, UserFactory

PATH = "/api/admin/customers"
ANA = {"name": "Ana Silva", "email": "ana@example.org"}


def send(client: Client, key: str, body: Any = ANA, path: str = PATH) -> Any:
    return client.post(
        path,
        body,
        content_type="application/json",
        headers={"Idempotency-Key": key},
    )


def test_a_repeat_gets_the_first_answer_and_does_nothing(alice):
    first, again = send(alice, "k-1"), send(alice, "k-1")

    assert (first.status_code, again.status_code) == (201, 201)
    assert again.content == first.content
    assert [again[name] for name in ("ETag", "Location")] == [
        first[name] for name in ("ETag", "Location")
    ]
    assert "Idempotent-Replayed" not in first
    assert again["Idempotent-Replayed"] == "true"
    assert again["Content-Type"] == first["Content-Type"]
    assert Customer.objects.count() == 1


def test_a_repeat_shows_people_and_is_an_access_again(alice):
    send(alice, "k-1")
    before = Event.objects.filter(action="customer.viewed").count()

    send(alice, "k-1")

    newest = Event.objects.filter(action="customer.viewed").latest("id")
    assert Event.objects.filter(action="customer.viewed").count() == before + 1
    assert newest.subjects == [str(Customer.objects.get().pk)]


def test_slash_and_spacing_make_no_other_request(alice):
    first = send(alice, "k-1", json.dumps(ANA, indent=2))

    again = send(alice, "k-1", path=f"{PATH}/")

    assert again.content == first.content
    assert Customer.objects.count() == 1


def test_another_body_is_refused(alice):
    send(alice, "k-1")

    response = send(alice, "k-1", ANA | {"name": "Bea"})

    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"
    assert Customer.objects.count() == 1


def test_another_person_path_or_business_is_another_request(alice, bakery):
    second = signed_in(staff(bakery, username="second"))
    both = UserFactory(is_superuser=True)
    owner = signed_in(both)
    customer = CustomerFactory(business=bakery)
    other = BusinessFactory(slug="other")
    send(alice, "k-1")

    send(second, "k-1", ANA | {"email": "b@example.org"})
    noted = send(
        alice, "k-1", {"content": "x"}, f"/api/customers/bakery/{customer.pk}/notes"
    )
    for business in (bakery, other):
        owner.post(
            PATH,
            {"name": "Same"},
            content_type="application/json",
            headers={"Idempotency-Key": "k-2", "X-Business": business.slug},
        )

    assert noted.status_code == 201
    assert Note.objects.count() == 1
    assert Customer.objects.filter(name="Same").count() == 2
    assert Customer.objects.count() == 5


def test_a_refusal_frees_the_key(alice):
    refused = send(alice, "k-1", {"name": ""})

    taken = send(alice, "k-1")

    assert (refused.status_code, taken.status_code) == (400, 201)


def test_whoever_lost_the_right_gets_no_old_answer(alice, actor):
    send(alice, "k-1")
    membership = Membership.objects.get(user=alice.user)
    membership.role = "auditor"
    membership.as_actor(actor).save()

    assert send(alice, "k-1").status_code == 403


def in_bakery(client: Client) -> Any:
    return client.post(
        "/api/v1/customers",
        ANA,
        content_type="application/json",
        headers={"Idempotency-Key": "k-1", "X-Business": "bakery"},
    )


@pytest.fixture
def both(bakery, rival, actor):
    """Somebody who is an admin in two businesses."""
    user = staff(bakery, username="both")
    Membership(user=user, business=rival, role="admin").as_actor(actor).save()
    return signed_in(user)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"role": "support"}, 400),
        ({"role": "auditor"}, 404),
        ({"ended_at": timezone.now()}, 404),
    ],
)
def test_another_role_is_another_request(both, bakery, actor, change, status):
    assert in_bakery(both).status_code == 201
    membership = Membership.objects.get(user=both.user, business=bakery)
    for name, value in change.items():
        setattr(membership, name, value)
    membership.as_actor(actor).save()

    again = in_bakery(both)

    assert again.status_code == status
    assert "Idempotent-Replayed" not in again
    assert b"ana@example.org" not in again.content


def test_the_same_role_is_the_same_request(both):
    first, again = in_bakery(both), in_bakery(both)

    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content


@pytest.mark.django_db(transaction=True)
def test_a_key_is_claimed_in_a_transaction_alone():
    with pytest.raises(transaction.TransactionManagementError):
        claim_answer("name", "said")


@pytest.mark.django_db
@pytest.mark.parametrize("times", [1, 2])
def test_a_key_that_was_just_given_free_is_claimed_again(monkeypatch, times):
    """Another request forgets its answer between our insert and our look."""
    claim = IdempotentResponse.objects.bulk_create
    left = [times]

    def lose(rows: Any, **options: Any) -> Any:
        made = claim(rows, **options)
        if left[0]:
            left[0] -= 1
            forget_answer("name")
        return made

    monkeypatch.setattr(IdempotentResponse.objects, "bulk_create", lose)
    with transaction.atomic():
        if times == 1:
            assert claim_answer("name", "said") is None
        else:
            with pytest.raises(IntegrityError):
                claim_answer("name", "said")


@pytest.mark.parametrize("key", ["", "ä", "x" * 256, "a\tb"])
def test_a_key_that_is_none_is_refused(alice, key):
    response = send(alice, key)

    assert response.status_code == 400
    assert response.json()["code"] == "invalid_idempotency_key"
    assert Customer.objects.count() == 0


def test_the_stored_answer_cannot_be_read_and_ends(alice):
    send(alice, "k-1")

    row = IdempotentResponse.objects.get()
    # With signs that are in no base64: three letters are, now and then.
    text = f"{row.name} {row.fingerprint} {row.response}"
    assert not any(word in text for word in ('"Ana"', "ana@", '"id"'))
    assert "k-1" not in f"{row.name} {row.fingerprint}"
    assert not old_answers().exists()
    assert row.expires_at - timezone.now() <= timedelta(hours=24)

    IdempotentResponse.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert old_answers().count() == 1
    again = send(alice, "k-1")

    assert again.status_code == 400
    assert again.json()["errors"][0]["code"] == "unique"


def test_an_answer_under_somebody_elses_name_is_shown_to_nobody(alice, bakery):
    """As whoever writes to the database moves it to read what was shown once."""
    send(alice, "k-1")
    theirs = IdempotentResponse.objects.get()
    thief = signed_in(staff(bakery))
    send(thief, "mine", {"name": "Eve", "email": "eve@example.org"})
    mine = IdempotentResponse.objects.exclude(pk=theirs.pk).get()
    IdempotentResponse.objects.all().delete()
    for taken in ({"id": theirs.pk}, {"id": mine.pk}):
        facts = {"name": mine.name, "fingerprint": mine.fingerprint}
        expires = {"expires_at": mine.expires_at}
        IdempotentResponse(**taken, **facts, **expires, response=theirs.response).save()

        again = send(thief, "mine", {"name": "Eve", "email": "eve@example.org"})

        assert again.status_code == 422
        assert "Ana" not in again.text
        IdempotentResponse.objects.all().delete()


@pytest.mark.django_db(transaction=True)
def test_repeats_at_once_are_one_act(at_once):
    kari = signed_in(staff(BusinessFactory()))
    cookies = kari.cookies

    def once() -> Any:
        client = Client()
        client.cookies = cookies
        return send(client, "k-1")

    answers = at_once(once)

    assert [answer.status_code for answer in answers] == [201] * 8
    assert len({answer.content for answer in answers}) == 1
    ids = {answer.json()["id"] for answer in answers}
    assert len(ids) == 1
    assert at_once(Customer.objects.count, 1) == [1]
