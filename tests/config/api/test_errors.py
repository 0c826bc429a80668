"""Errors of the API: problem documents that repeat nothing of what was sent."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError
from django.http import Http404
from django.test import Client
from django.urls import path
from rest_framework import exceptions, serializers
from rest_framework.authentication import BaseAuthentication
from rest_framework.response import Response
from rest_framework.views import APIView

from config.urls import handler400, handler403, handler404, handler500
from config.urls import urlpatterns as real
from tests.factories import CustomerFactory

SECRET = "ann@example.org"
RAISED = {
    "missing": Http404(SECRET),
    "denied": PermissionDenied(SECRET),
    "throttled": exceptions.Throttled(wait=12.2),
    "rule": ValidationError({"email": ValidationError("Is taken.", code="taken")}),
    "rules": ValidationError(["One.", "Two."]),
    "race": IntegrityError(f"Key (email)=({SECRET}) already exists."),
    "erased": ValidationError("It was erased.", code="erased"),
    "archived": ValidationError("It is archived.", code="archived"),
    "bug": RuntimeError(SECRET),
}


class Row(serializers.Serializer):
    name = serializers.CharField(max_length=5)
    kind = serializers.ChoiceField(choices=["a", "b"])


class Rows(serializers.Serializer):
    items = Row(many=True)


class Open(APIView):
    permission_classes = ()
    authentication_classes = ()

    def post(self, request):
        serializer = Rows(data=request.data)
        serializer.is_valid(raise_exception=True)
        return Response({})

    def put(self, request, name):
        CustomerFactory()
        raise RAISED[name]


class Token(BaseAuthentication):
    def authenticate(self, request):
        raise exceptions.AuthenticationFailed(SECRET)

    def authenticate_header(self, request):
        return 'Bearer realm="api"'


class Locked(Open):
    authentication_classes = (Token,)


class Shut(APIView):
    """Says nothing of permissions."""


urlpatterns = [
    path("api/v1/rows/", Open.as_view()),
    path("api/v1/raised/<name>/", Open.as_view()),
    path("api/v1/locked/", Locked.as_view()),
    path("api/v1/shut/", Shut.as_view()),
    *real,
]
handlers = (handler400, handler403, handler404, handler500)


@pytest.fixture
def api(db, settings) -> Client:
    settings.ROOT_URLCONF = __name__
    return Client(raise_request_exception=False)


def problem(response, status: int, code: str) -> dict:
    assert response.status_code == status
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert (body["status"], body["code"]) == (status, code)
    assert body["request_id"] == response["X-Request-Id"]
    assert body["message"]
    assert body["detail"]
    assert SECRET not in response.content.decode()
    return body


@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("missing", 404, "not_found"),
        ("denied", 403, "permission_denied"),
        ("race", 409, "conflict"),
        ("erased", 409, "erased"),
        ("archived", 409, "archived"),
        ("throttled", 429, "rate_limited"),
        ("rule", 400, "validation_error"),
        ("bug", 500, "internal_error"),
    ],
)
def test_what_is_raised_is_a_problem(api, name, status, code):
    problem(api.put(f"/api/v1/raised/{name}/"), status, code)


def test_a_throttled_caller_learns_how_long_to_wait(api):
    assert api.put("/api/v1/raised/throttled/")["Retry-After"] == "13"


def test_rules_of_services_name_the_field(api):
    body = problem(api.put("/api/v1/raised/rule/"), 400, "validation_error")
    both = problem(api.put("/api/v1/raised/rules/"), 400, "validation_error")

    assert body["errors"] == [
        {"pointer": "/email", "code": "taken", "detail": "Is taken."}
    ]
    assert [one["detail"] for one in both["errors"]] == ["One.", "Two."]


def test_each_mistake_of_a_body_has_its_pointer(api):
    rows = [{"name": "a", "kind": "a"}, {"name": SECRET, "kind": SECRET}]

    response = api.post(
        "/api/v1/rows/", {"items": rows}, content_type="application/json"
    )

    body = problem(response, 400, "validation_error")
    assert [(one["pointer"], one["code"]) for one in body["errors"]] == [
        ("/items/1/name", "max_length"),
        ("/items/1/kind", "invalid_choice"),
    ]


@pytest.mark.parametrize(
    ("method", "options", "status", "code"),
    [
        ("post", {"data": b"{", "content_type": "application/json"},
         400, "malformed"),
        ("post", {"data": SECRET, "content_type": "text/csv"},
         415, "unsupported_media_type"),
        ("delete", {}, 405, "method_not_allowed"),
        ("get", {"headers": {"accept": "text/html"}}, 406, "not_acceptable"),
    ],
)  # fmt: skip
def test_what_the_library_refuses_is_a_problem(api, method, options, status, code):
    response = getattr(api, method)("/api/v1/rows/", **options)

    problem(response, status, code)
    if status == 405:
        assert "POST" in response["Allow"]


def test_who_is_unknown_learns_how_to_sign_in(api):
    response = api.post("/api/v1/locked/")

    problem(response, 401, "authentication_failed")
    assert response["WWW-Authenticate"] == 'Bearer realm="api"'


def test_an_endpoint_that_says_nothing_is_shut(api):
    problem(api.get("/api/v1/shut/"), 401, "not_authenticated")


@pytest.mark.parametrize(
    ("path", "instance"),
    [
        ("/api/v1/customers/ann@example.org", "/api/v1/customers/{customer}"),
        ("/api/v1/customers/api/notes/", "/api/v1/customers/{customer}/notes/"),
        ("/api/v1/customers/v1/notes", "/api/v1/customers/{customer}/notes"),
        ("/api/v1/nothing/ann@example.org", "/api/v1/nothing/{unknown}"),
    ],
)
def test_an_error_names_its_path_without_what_it_holds(alice, path, instance):
    body = alice.get(path).json()

    assert (body["status"], body["instance"]) == (404, instance)


def test_the_trail_keeps_no_address_that_was_asked_for(alice, bob, bakery):
    row = CustomerFactory(business=bakery)
    alice.get(f"/api/v1/customers/{SECRET}")
    alice.get("/api/v1/customers/C-0000-0000")
    alice.get(f"/api/v1/tickets/{row.pk}")

    found = bob.get("/api/v1/events?action=access.denied")

    ids = {event["object_id"] or None for event in found.json()["results"]}
    assert ids == {None, "C-0000-0000", str(row.pk)}
    assert SECRET not in found.text


def test_a_lost_race_is_told_for_each_of_a_bulk(alice, bakery, monkeypatch):
    CustomerFactory(business=bakery, email=SECRET)
    # As if the other one came between the look and the write.
    monkeypatch.setattr(
        "customers.services.customers.clean_instance", lambda *_, **__: None
    )
    items = [{"name": "One", "email": SECRET}, {"name": "Two"}]

    answer = alice.post(
        "/api/v1/customers/bulk", {"items": items}, content_type="application/json"
    )

    [lost, done] = answer.json()["results"]
    assert (lost["status"], lost["code"], done["status"]) == (409, "conflict", 201)
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "key", ["ana.silva@example.org", "+47 22 00 04 21", "sk_live_4242424242"]
)
def test_a_key_that_names_somebody_or_opens_something_is_not_repeated(alice, key):
    body = {"name": "Ana", key: "x", "Postkode": "y"}
    answer = alice.post("/api/v1/customers", body, content_type="application/json")

    assert answer.status_code == 400
    assert key not in answer.text
    pointers = {error["pointer"] for error in answer.json()["errors"]}
    assert "/Postkode" in pointers
    assert len(pointers) == 2

    listed = alice.get("/api/v1/customers", {key: "x"})
    assert listed.status_code == 400
    assert key not in listed.text
