"""A correction is taken as one of its own, or refused whole."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError

from audit.models import Event
from audit.tenancy.actors import Actor
from capture import services
from capture.models import Capture, Payment, Quarantine

ACTOR = Actor.system("test")
PAYMENT = {"email": "ada@example.org", "final_price": 100, "payment_status": "paid"}
# Each way in which a captured message gets its id: given, from a payment, from content.
ORIGINS = {
    "given": {"message_id": "m-1"},
    "derived": {"transaction_id": "TX-80"},
    "both": {"message_id": "m-1", "transaction_id": "TX-80"},
    "content": {},
}


def capture_of(source, kind: str, body: dict[str, object]) -> Capture:
    envelopes = services.build_envelopes(kind, body, trust="server")
    (verdict,) = services.ingest(envelopes, source=source, actor=ACTOR)
    return Capture.objects.get(pk=verdict.capture_id)


def correct(capture: Capture, **changes: object) -> Capture:
    return services.correct_capture(
        capture, dict(changes), actor=ACTOR, reason="mistyped"
    )


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_payment_is_corrected_whatever_its_id_was_made_of(source, origin):
    capture = capture_of(source, "payment", {**PAYMENT, **ORIGINS[origin]})

    first = correct(capture, final_price=90)
    second = correct(capture, final_price=80)

    assert [first.corrects_id, second.corrects_id] == [capture.pk, capture.pk]
    assert Payment.objects.get().final_price == Decimal(80)
    assert Event.objects.filter(action="capture.corrected").count() == 2
    assert not Quarantine.objects.exists()


@pytest.mark.parametrize("kind", ["signup", "login", "questionnaire", "event"])
def test_every_type_is_corrected(source, kind):
    body = {"email": "ada@example.org", "name": "Ada", "plan": "Team"}
    capture = capture_of(source, kind, body)

    assert correct(capture, plan="Solo").corrects_id == capture.pk


def test_who_loses_a_capture_by_a_correction_loses_its_figures(source):
    for kind in ("signup", "login", "payment"):
        capture_of(source, kind, {"email": "ada@example.org", "final_price": 5})
    last = capture_of(source, "questionnaire", {"email": "ada@example.org", "a": 1})

    correct(last, email="bea@example.org")

    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


def test_a_correction_that_is_not_taken_leaves_nothing(source):
    capture = capture_of(source, "payment", {**PAYMENT, "transaction_id": "TX-80"})

    with pytest.raises(ValidationError):
        correct(capture, final_price="many")

    assert Capture.objects.count() == 1
    assert not Event.objects.filter(action="capture.corrected").exists()
    assert not Quarantine.objects.exists()
