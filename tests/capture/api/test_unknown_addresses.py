"""What is sent where captures go, and is no address, is refused and counted."""

from __future__ import annotations

import pytest
from django.test import Client

from capture.models import RefusalCount


@pytest.mark.parametrize(
    "path",
    [
        "/v1/nothing",
        "/beacon/nothing",
        "/api/customer-data/nothing",
        "/api/data-capture/nothing",
        "/api/v1/captures/nothing",
        "/api/v1/webhooks/nothing",
    ],
)
def test_an_unknown_address_of_captures_is_counted(db, path):
    answer = Client().post(path, {}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert RefusalCount.objects.get().code == "not_found"


def test_another_unknown_address_is_no_capture_that_was_refused(db):
    answer = Client().post("/api/v1/nothing", {}, content_type="application/json")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer["Cache-Control"] == "no-store"
    assert not RefusalCount.objects.exists()


def test_an_unknown_method_is_named(db):
    answer = Client().generic("TRACE", "/api/v1/nothing")

    assert answer.status_code == 405
    assert answer["Allow"] == "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"
