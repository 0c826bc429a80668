"""What staff send to decide about an item, and what they ask lists for."""

from __future__ import annotations

import json

import pytest

from capture.models import QuarantineDecision
from tests.factories import QuarantineFactory, SourceFactory


@pytest.fixture
def row(bakery):
    return QuarantineFactory(source=SourceFactory(business=bakery))


def decide(browser, row, act, body, kind="application/json"):
    data = body if isinstance(body, str) else json.dumps(body)
    return browser.post(f"/api/v1/quarantine/{row.pk}/{act}", data, content_type=kind)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"reason": ["because"]}, "invalid"),
        ({"reason": "half\0"}, "invalid"),
        ({"reason": "half \ud83d"}, "invalid"),
        ({"reason": "x" * 2001}, "invalid"),
        ({"reason": "because", "colour": "red"}, "unknown_field"),
        ({"reason": "because", "item": {}}, "unknown_field"),
        ({"reason": " "}, "required"),
        ({}, "required"),
    ],
)
def test_a_wrong_reason_decides_nothing(alice, row, body, code):
    answer = decide(alice, row, "discard", body)

    assert answer.status_code == 400
    assert answer.json()["code"] == code
    assert not QuarantineDecision.objects.exists()


def test_a_correction_is_an_object(alice, row):
    answer = decide(alice, row, "replay", {"item": "text"})

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    "kind",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
    ],
)
def test_a_form_is_refused_before_it_is_read(alice, row, kind):
    answer = decide(alice, row, "discard", "reason=because", kind)

    assert answer.status_code == 415
    assert not QuarantineDecision.objects.exists()


def test_a_reason_discards(alice, row):
    answer = decide(alice, row, "discard", {"reason": "because"})

    assert answer.json() == {"success": True, "state": "discarded"}
    assert QuarantineDecision.objects.get().reason == "because"


@pytest.mark.parametrize(
    "query", ["captures?customer=", "captures?type=", "quarantine?all=null"]
)
def test_an_empty_or_odd_filter_is_refused(alice, query):
    answer = alice.get(f"/api/v1/{query}")

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_parameter")
