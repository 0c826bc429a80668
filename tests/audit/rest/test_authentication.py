"""Who a request is, to an endpoint that the hub's own API would have."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import path
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit import accounts
from audit.tenancy.actors import Actor
from tests.conftest import signed_in
from tests.factories import TokenFamilyFactory, UserFactory

pytestmark = pytest.mark.urls(__name__)
PASSWORD = "correct horse battery"


class Who(APIView):
    permission_classes = (IsAuthenticated,)

    def get(self, request: Request) -> Response:
        actor = Actor.from_request(request)  # type: ignore[arg-type]
        family = getattr(request.auth, "pk", None)
        return Response({"user": str(actor.user_id), "family": str(family)})

    post = get


def _urls():
    from config.urls import urlpatterns as ours  # noqa: PLC0415 - its routes stand in this module

    return [path("who", Who.as_view()), *ours]


urlpatterns = _urls()


@pytest.fixture
def ann(db):
    return UserFactory(username="ann", password=PASSWORD)


def bearer(text: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {text}"}


def test_a_token_says_who_and_by_which_family(client, ann):
    tokens = accounts.issue_tokens(ann)

    body = client.get("/who", headers=bearer(tokens.access)).json()

    family = accounts.list_token_families(ann).get()
    assert body == {"user": str(ann.pk), "family": str(family.pk)}


def test_without_anything_it_is_401_with_the_scheme(client, db):
    response = client.get("/who")

    assert (response.status_code, response["WWW-Authenticate"]) == (401, "Bearer")


@pytest.mark.parametrize("text", ["x", "a.b.c", "", "ü"])
def test_a_bad_token_is_401(client, ann, text):
    assert client.get("/who", headers=bearer(text)).status_code == 401


def test_a_token_that_has_ended_is_told_to_be_refreshed(client, ann):
    tokens = accounts.issue_tokens(ann)
    accounts.end_sessions(ann, actor=Actor.system("test"), reason_code="test")

    for token in (tokens.access, "bad"):
        answer = client.get("/api/v1/customers", headers=bearer(token))

        assert answer.status_code == 401
        assert answer["WWW-Authenticate"].startswith("Bearer")
        assert answer.json()["code"] == "invalid_token"
        assert "Refresh it, or sign in again." in answer.json()["message"]


def test_a_bad_token_is_not_saved_by_a_session(ann):
    browser = signed_in(ann)

    assert browser.get("/who").status_code == 200
    assert browser.get("/who", headers=bearer("a.b.c")).status_code == 401


def test_a_revoked_token_ends_with_the_next_request(client, ann):
    tokens = accounts.issue_tokens(ann)
    accounts.end_sessions(ann, actor=Actor.system("test"), reason_code="test")

    assert client.get("/who", headers=bearer(tokens.access)).status_code == 401


def test_a_header_needs_no_csrf_token(ann):
    strict = Client(enforce_csrf_checks=True)
    tokens = accounts.issue_tokens(ann)

    assert strict.post("/who", headers=bearer(tokens.access)).status_code == 200


def test_a_session_needs_a_csrf_token(ann):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ann)

    assert strict.get("/who").status_code == 200
    assert strict.post("/who").status_code == 403


def test_a_family_without_its_token_opens_nothing(client, db):
    family = TokenFamilyFactory()

    assert client.get("/who", headers=bearer(str(family.pk))).status_code == 401


# --- what a caller may send in a while -------------------------------------------


@pytest.fixture
def three_requests(settings):
    settings.STAFF_RATES = {
        "user": (1, 3),
        "visitor": (1, 3),
        "login": (1, 3),
    }


def test_the_budget_of_a_token_is_its_persons(client, ann, three_requests):
    token = accounts.issue_tokens(ann).access
    other = accounts.issue_tokens(UserFactory()).access

    statuses = [client.get("/who", headers=bearer(token)).status_code for _ in range(5)]
    again = client.get("/who", headers=bearer(accounts.issue_tokens(ann).access))

    assert statuses == [200, 200, 200, 429, 429]
    assert (again.status_code, again.json()["code"]) == (429, "rate_limited")
    assert int(again["Retry-After"]) >= 1
    # The same address, and another person.
    assert client.get("/who", headers=bearer(other)).status_code == 200


def test_invented_tokens_use_up_the_budget_of_their_address(client, db, three_requests):
    statuses = [
        client.get("/who", headers=bearer(f"invented{n}")).status_code for n in range(5)
    ]

    assert statuses == [401, 401, 401, 429, 429]


def test_a_token_opens_no_pages_without_end(client, ann, three_requests):
    token = accounts.issue_tokens(ann).access

    statuses = [
        client.get("/admin/login/", headers=bearer(token)).status_code for _ in range(5)
    ]

    assert statuses == [200, 200, 200, 429, 429]
