"""What a page is answered does not depend on who is known, or was."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from audit.tenancy.actors import Actor
from customers import services as customers
from tests.factories import ApiKeyFactory, CustomerFactory, SourceFactory

PAGE = "https://shop.example.com"
SYSTEM = Actor.system("test")
# What a page sends about somebody; the last message is the one that asks.
SIGNUP = {"type": "signup", "email": "x@example.org"}
TRIES = {
    "an e-mail": [SIGNUP],
    "an e-mail and an id": [SIGNUP | {"user_id": "eve"}],
    "an e-mail for an id of its own": [
        {"type": "signup", "user_id": "eve"},
        SIGNUP | {"user_id": "eve"},
    ],
    "an e-mail for an id that has another": [
        {"type": "signup", "user_id": "eve", "email": "eve@example.org"},
        SIGNUP | {"user_id": "eve"},
    ],
    "an e-mail in an event": [
        {"type": "event", "name": "x", "email": "x@example.org", "user_id": "eve"}
    ],
    "an e-mail in an alias": [
        {"type": "alias", "previous_id": "eve", "email": "x@example.org"}
    ],
    "a number": [{"type": "signup", "user_id": "C-1"}],
    "a number and an e-mail": [
        {"type": "signup", "user_id": "C-1", "email": "eve@example.org"}
    ],
    "a login": [{"type": "login", "user_id": "C-1", "success": True}],
}


def post(source, path, body):
    """Post as a page of this source, and return the answer."""
    answer = Client().post(
        path,
        json.dumps(body),
        content_type="application/json",
        headers={"Authorization": f"Bearer pk_{source.slug}", "Origin": PAGE},
    )
    return {"status_code": answer.status_code, **answer.json()}


def nobody(source):
    return None


def somebody(source):
    return CustomerFactory(
        business=source.business, email="x@example.org", external_id="C-1"
    )


def somebody_archived(source):
    customers.archive_customer(somebody(source), actor=SYSTEM, reason="x")


def somebody_else_s(source):
    CustomerFactory(business=source.business, email="x@example.org")
    CustomerFactory(business=source.business, email=None, external_id="C-1")


KNOWN = (nobody, somebody, somebody_archived, somebody_else_s)


def plain(answer):
    """Return an answer without the ids that each has of its own."""
    if isinstance(answer, dict):
        return {k: plain(v) for k, v in answer.items() if not k.endswith("_id")}
    return [plain(one) for one in answer] if isinstance(answer, list) else answer


@pytest.mark.django_db
@pytest.mark.parametrize("name", TRIES)
def test_whoever_is_known_the_answer_is_the_same(name):
    answers = []
    for known in KNOWN:
        source = SourceFactory()
        ApiKeyFactory(
            source=source,
            kind="publishable",
            prefix=f"pk_{source.slug}",
            origins=[PAGE],
        )
        known(source)
        for number, message in enumerate(TRIES[name]):
            one = message | {"message_id": f"m-{number}"}
            single = post(source, "/api/v1/captures", one)
        many = [
            message | {"message_id": f"b-{number}"}
            for number, message in enumerate(TRIES[name])
        ]
        batch = post(source, "/api/v1/captures/batch", {"captures": many})
        answers.append(plain([single, batch]))
        assert single["status_code"] == batch["status_code"] == 200

    assert answers == [answers[0]] * len(KNOWN)
