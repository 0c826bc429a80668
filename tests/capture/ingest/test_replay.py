"""What is in quarantine goes back through the entrance that it came by."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from audit.models import Event
from audit.tenancy.actors import Actor
from capture import services
from capture.envelope import Issue
from capture.models import (
    Capture,
    Login,
    Payment,
    Quarantine,
    QuarantineDecision,
    Sighting,
    Signup,
)
from customers.models import Customer
from tests.factories import QuarantineFactory, WebhookEndpointFactory

ACTOR = Actor.system("test")
TRACK = {"type": "track", "event": "Looked", "userId": "u-1", "messageId": "m-1"}
EVENT = {"type": "event", "name": "Looked", "user_id": "u-1", "message_id": "m-1"}


def replay(row: Quarantine, body: Any = None, **more: Any) -> Any:
    text = None if body is None else body if isinstance(body, str) else json.dumps(body)
    return services.replay_quarantined(row, actor=ACTOR, text=text, **more)


@pytest.fixture
def kept(post):
    """Post a body that is kept, and return the row."""

    def keep(path: str, body: bytes, **headers: str) -> Quarantine:
        answer = post(path, body, **headers)
        assert answer.status_code in (200, 400, 422), answer.content
        return Quarantine.objects.get()

    return keep


def named(n: int, **more: Any) -> dict[str, Any]:
    return {**TRACK, "userId": f"u-{n}", "messageId": f"m-{n}", **more}


# --- whole bodies -----------------------------------------------------------------


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/import", "/v1/b", "/v1/track"])
def test_a_whole_body_of_an_sdk_is_taken_as_the_batch_it_is(kept, path):
    row = kept(path, b'{"batch":[{"type":"track"]}', **{"User-Agent": "SDK/1"})
    body = {"batch": [named(1), named(2)], "writeKey": "pk_x"}

    verdict = replay(row, body, reason="A bracket was missing.")

    assert [item.status for item in verdict.items] == ["accepted", "accepted"]
    captures = Capture.objects.order_by("message_id")
    assert [c.message_id for c in captures] == ["m-1", "m-2"]
    assert {c.replay_of_id for c in captures} == {row.pk}
    assert {c.received_at for c in captures} == {row.received_at}
    assert {(c.adapter, c.trust, c.key_id) for c in captures} == {
        ("segment", row.trust, row.key_id)
    }
    assert "pk_x" not in captures[0].payload
    decision = QuarantineDecision.objects.get()
    assert decision.capture_id in {c.pk for c in captures}
    assert decision.reason == "A bracket was missing. Of 2 items: 2 accepted."


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"captures": [{**EVENT}, {**EVENT, "message_id": "m-2"}]}),
        json.dumps([{**EVENT}, {**EVENT, "message_id": "m-2"}]),
        json.dumps(EVENT) + "\n" + json.dumps({**EVENT, "message_id": "m-2"}),
    ],
)
def test_a_whole_native_body_is_taken_in_each_of_its_forms(kept, text):
    row = kept("/api/v1/captures/batch", b'{"captures":[{]}')

    verdict = replay(row, text)

    assert [item.status for item in verdict.items] == ["accepted", "accepted"]
    assert set(Capture.objects.values_list("adapter", flat=True)) == {"native"}


def test_what_is_still_wrong_in_a_body_is_quarantined_by_itself(kept):
    row = kept("/v1/batch", b'{"batch":[{]}')
    deep = '{"a":' * 120 + "1" + "}" * 120
    items = [named(1), named(2, userId=None), named(3), named(1), named(1, event="x")]
    text = f'{{"batch":[{deep},{",".join(map(json.dumps, items))}]}}'

    verdict = replay(row, text)

    assert [item.code or item.status for item in verdict.items] == [
        "too_deep",
        "accepted",
        "no_identity",
        "accepted",
        "duplicate",
        "message_id_conflict",
    ]
    assert [item.position for item in verdict.items] == list(range(6))
    assert verdict.status == "accepted"
    open_ones = services.list_quarantined(actor=ACTOR)
    assert {(r.code, r.position) for r in open_ones} == {
        ("too_deep", 0),
        ("no_identity", 2),
        ("message_id_conflict", 5),
    }
    told = "Of 6 items: 2 accepted, 1 duplicate, 1 conflict, 2 quarantined."
    assert QuarantineDecision.objects.get().reason == told


def test_a_body_in_which_all_is_wrong_decides_nothing(kept):
    row = kept("/v1/batch", b'{"batch":[{]}')

    verdict = replay(row, {"batch": [{"type": "track"}, 5]})

    assert (verdict.status, verdict.code) == ("quarantined", "event_name_missing")
    assert verdict.pointer == "/0/event"
    assert not QuarantineDecision.objects.exists()
    assert Quarantine.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("nothing", "invalid_json"),
        ('{"batch":[}', "invalid_json"),
        ("[" * 200 + "]" * 199, "too_deep"),
        (json.dumps({"batch": [5] * 2501}), "item_count"),
        ('{"batch":[]}', "item_count"),
    ],
)
def test_text_that_its_entrance_cannot_read_says_why(kept, text, code):
    row = kept("/v1/batch", b'{"batch":[{]}')

    with pytest.raises(ValidationError) as error:
        replay(row, text)

    assert error.value.code == code


def test_a_body_is_replayed_once(kept):
    row = kept("/v1/batch", b'{"batch":[{]}')
    first = replay(row, {"batch": [named(1), {"type": "page", "userId": "u"}]})
    again = replay(row, {"batch": [named(7)]})

    assert (again.status, again.capture_id) == ("duplicate", first.capture_id)
    assert Capture.objects.count() == 2
    # An item without an id has the one that it would have had then.
    assert Capture.objects.filter(message_id__startswith="content:").count() == 1


def test_what_was_sent_again_meanwhile_is_a_duplicate(kept, post):
    row = kept("/v1/batch", b'{"batch":[{]}')
    post("/v1/batch", {"batch": [named(1)]})

    verdict = replay(row, {"batch": [named(1, timestamp=None), named(2)]})

    assert [item.status for item in verdict.items] == ["duplicate", "accepted"]
    assert Capture.objects.count() == 2


@pytest.mark.parametrize(
    ("path", "body", "kind"),
    [
        ("/v1/identify", {"userId": "u", "traits": {"email": "a@b.org"}}, "profile"),
        ("/v1/g", {"userId": "u", "groupId": "g", "traits": {"name": "G"}}, "profile"),
        ("/v1/page/", {"userId": "u", "name": "Start"}, "page"),
        ("/v1/a", {"userId": "u", "previousId": "v"}, "alias"),
        ("/api/v1/captures", EVENT, "event"),
        ("/api/customer-data/capture-signup", {"email": "a@b.org"}, "signup"),
        ("/api/data-capture/dashboard", {"email": "a@b.org"}, "dashboard"),
        ("/api/v1/tracking/logins", {"email": "a@b.org"}, "login"),
        ("/api/v1/tracking/profiles", {"email": "a@b.org"}, "profile"),
    ],
)  # fmt: skip
def test_one_message_is_of_the_kind_that_its_path_says(kept, path, body, kind):
    row = kept(path, b'{"userId":')

    assert replay(row, body).status == "accepted"

    capture = Capture.objects.get()
    assert (capture.type, capture.replay_of_id) == (kind, row.pk)
    if path == "/v1/g":
        # The traits of a group are not those of whoever is in it.
        assert not Customer.objects.filter(name="G").exists()


def test_the_address_and_the_agent_are_those_of_the_request(kept):
    row = kept(
        "/api/customer-data/capture-signup", b'{"email":', **{"User-Agent": "Shop/1"}
    )
    replay(row, {"email": "a@b.org"})

    assert (Signup.objects.get().ip_address, Signup.objects.get().user_agent) == (
        "127.0.0.1",
        "Shop/1",
    )


def test_a_signed_event_that_could_not_be_read_is_one_still(source):
    place = WebhookEndpointFactory(source=source, provider="standard")
    secret = services.new_standard_secret()
    services.add_secret(place, secret, actor=ACTOR)
    moment, raw = str(int(time.time())), b'{"type":"payment.succeeded","data":'
    text = b".".join([b"wh-1", moment.encode(), raw + b" " * 70_000])
    mark = hmac.new(
        base64.b64decode(secret.removeprefix("whsec_")), text, hashlib.sha256
    )
    answer = Client().post(
        f"/api/v1/webhooks/standard/{place.pk}",
        raw + b" " * 70_000,
        content_type="application/json",
        headers={
            "webhook-id": "wh-1",
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(mark.digest()).decode()}",
        },
    )
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_json")
    row = Quarantine.objects.get()
    assert len(row.item) == len(raw) + 70_000

    data = {"email": "a@b.org", "final_price": 5, "transaction_id": "T"}
    assert replay(row, {"type": "payment.succeeded", "data": data}).status == "accepted"

    capture = Capture.objects.get()
    assert (capture.message_id, capture.trust) == ("wh-1", "webhook")
    assert Payment.objects.get().verified


# --- items ------------------------------------------------------------------------


def test_an_item_cut_out_of_a_batch_is_replayed_corrected(kept):
    deep = b'{"a":' * 120 + b"1" + b"}" * 120
    row = kept("/v1/batch", b'{"batch":[%s],"sentAt":"2026-01-01T00:00:00Z"}' % deep)
    with pytest.raises(ValidationError) as error:
        replay(row)
    assert error.value.messages == ["Nest at most 100 levels deep. Correct the text."]

    assert replay(row, TRACK).status == "accepted"
    assert Capture.objects.get().sent_at.isoformat() == "2026-01-01T00:00:00+00:00"


def test_an_item_of_a_page_that_is_not_to_be_followed_stays_one(kept):
    body = {"batch": [{"type": "nonsense", "event": "Looked", "userId": "u"}]}
    row = kept("/v1/batch", json.dumps(body).encode(), **{"Sec-GPC": "1"})

    verdict = replay(row, {**json.loads(row.item), "type": "track"})

    assert verdict.code == "consent_denied_record"
    assert not Capture.objects.exists()


def test_so_does_an_event_with_its_attributes_in_headers(kept):
    headers = {"ce-specversion": "1.0", "ce-id": "7", "ce-source": "s", "Sec-GPC": "1"}
    row = kept("/api/v1/captures", b'{"user_id":"u"}', **headers)

    verdict = replay(row, {**json.loads(row.item), "type": "looked"})

    assert verdict.code == "consent_denied_record"


def test_an_event_with_its_attributes_in_headers_keeps_them(kept):
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "7",
        "ce-source": "shop",
        "ce-type": "com.example.login",
        "ce-time": "2026-03-01T12:00:00Z",
    }
    row = kept("/api/v1/captures", b'{"success":true}', **headers)
    event = json.loads(row.item)
    event["data"]["email"] = "a@b.org"

    assert replay(row, event).status == "accepted"

    capture = Capture.objects.get()
    assert (capture.type, capture.message_id) == ("login", "shop#7")
    assert capture.occurred_at.isoformat() == "2026-03-01T12:00:00+00:00"


def test_a_profile_and_its_login_are_both_taken(kept):
    row = kept("/api/v1/tracking/profiles", b'{"last_login_at":"2026-03-01T12:00:00Z"}')
    body = {"email": "a@b.org", "last_login_at": "2026-03-01T12:00:00Z"}

    assert replay(row, body).status == "accepted"

    assert Login.objects.count() == 1
    assert Quarantine.objects.count() == 1


def test_the_same_content_under_its_id_is_not_captured_twice(kept, post):
    body = {"email": "a@b.org", "message_id": "m-1", "plan": "Pro"}
    row = kept("/api/customer-data/capture-signup", b'{"message_id":"m-1"}')
    post("/api/customer-data/capture-signup", body)

    assert replay(row, body).status == "duplicate"
    assert Capture.objects.count() == Sighting.objects.count() == 1


# --- the ways to it ---------------------------------------------------------------


def test_the_api_tells_of_each_item(kept, alice):
    row = kept("/v1/batch", b'{"batch":[{]}')
    answer = alice.post(
        f"/api/v1/quarantine/{row.pk}/replay",
        json.dumps({"item": {"batch": [named(1), 5]}, "reason": "mended"}),
        content_type="application/json",
    )

    told = answer.json()
    assert (told["state"], told["status"]) == ("replayed", "accepted")
    assert (told["received"], told["accepted"], told["quarantined"]) == (2, 1, 1)
    assert [r["status"] for r in told["results"]] == ["accepted", "quarantined"]
    assert Event.objects.filter(action="quarantine.replayed").count() == 1


def test_the_page_tells_how_many_were_taken(kept, alice):
    row = kept("/v1/batch", b'{"batch":[{]}')
    page = reverse("admin:capture_quarantine_replay", args=[row.pk])
    answer = alice.post(
        page, {"item": json.dumps({"batch": [named(1), 5]}, indent=1)}, follow=True
    )

    assert "1 of 2 items are captures now; 1 are in quarantine" in answer.text


def test_the_command_takes_whole_bodies_that_can_be_read_now(source, capsys):
    for n in range(2):
        envelope = services.build_unreadable(
            json.dumps({"batch": [named(2 * n), named(2 * n + 1)]}),
            Issue("too_deep", "", "Too deep."),
            adapter="segment",
            trust="server",
        )
        services.ingest([envelope], source=source, actor=ACTOR)

    call_command("replay_quarantine", code="too_deep", yes=True)

    assert capsys.readouterr().out == "2 of 2 items are captures now.\n"
    assert Capture.objects.count() == 4


def test_a_replay_takes_the_same_statements_for_many_items(kept, source):
    def statements(size: int) -> int:
        envelope = services.build_unreadable(
            f'{{"batch":[{size}',
            Issue("invalid_json", "", "No JSON."),
            adapter="segment",
            trust="server",
        )
        verdict = services.ingest([envelope], source=source, actor=ACTOR)[0]
        row = Quarantine.objects.get(pk=verdict.quarantine_id)
        items = [
            {**named(n), "messageId": f"s{size}-{n}", "userId": f"s{size}-{n}"}
            for n in range(size)
        ]
        with CaptureQueriesContext(connection) as told:
            assert replay(row, {"batch": items}).status == "accepted"
        return len(told)

    statements(1)
    assert statements(2) == statements(9)


def test_old_items_are_replayed_by_the_rules_of_their_entrance(source):
    row = QuarantineFactory(source=source)
    # An item that was read is one message, whatever it is corrected to.
    verdict = replay(row, {"batch": [named(1)]})

    assert verdict.code == "no_identity"
