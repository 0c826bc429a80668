"""The native routes, idempotency, limits, origins, SDK routes and webhooks."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import json
import time
import zlib
from uuid import uuid4

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from audit.models import Event, IdempotentResponse, RateLimitBucket
from audit.tenancy.actors import Actor
from capture import services
from capture.models import (
    Capture,
    Quarantine,
    Questionnaire,
    RefusalCount,
    Sighting,
)
from customers.models import Customer
from tests.factories import ApiKeyFactory, SourceFactory, WebhookEndpointFactory

SINGLE, BATCH = "/api/v1/captures", "/api/v1/captures/batch"
VALIDATE = "/api/v1/captures/validate"
PAGE = "https://shop.example.com"
SECRET = "whsec_test"
ACTOR = Actor.system("test")


@pytest.fixture
def page_key(source):
    return ApiKeyFactory(
        source=source, kind="publishable", prefix="pk_page", origins=[PAGE]
    )


@pytest.fixture
def reader(source):
    return ApiKeyFactory(source=source, scopes=["write", "read:captures"])


def event(**more):
    return {"type": "event", "name": "looked", "user_id": "u1", **more}


# --- one and many -----------------------------------------------------------------


@pytest.mark.parametrize("slash", ["", "/"])
def test_one_capture(post, slash):
    response = post(SINGLE + slash, event(message_id="m1"))

    assert response.status_code == 200
    assert response.json()["status"] == "accepted"
    capture = Capture.objects.get()
    assert (capture.type, capture.event_name) == ("event", "looked")


def test_a_batch_answers_each_item_in_order(post):
    items = [
        event(message_id="m0"),
        event(message_id="m0"),
        {**event(message_id="m0"), "name": "other"},
        {"type": "event", "name": "nobody"},
        "text",
        {"type": "signup", "email": "a@b.org"},
    ]
    response = post(BATCH, {"captures": items, "sent_at": "2026-11-21T06:00:00Z"})

    body = response.json()
    assert response.status_code == 200
    assert response["X-Capture-Quarantined"] == "3"
    assert [r["status"] for r in body["results"]] == [
        "accepted",
        "duplicate",
        "conflict",
        "quarantined",
        "quarantined",
        "accepted",
    ]
    assert [r["index"] for r in body["results"]] == list(range(6))
    assert body["results"][3]["pointer"].startswith("/captures/3")
    assert body["results"][4]["code"] == "item_not_object"
    total = body["accepted"] + body["duplicates"] + body["conflicts"]
    assert total + body["quarantined"] + body["retry"] == body["received"] == 6


def test_a_bare_list_and_lines_are_batches_too(post, key):
    assert post(BATCH, [event(message_id="m1")]).json()["accepted"] == 1
    lines = b'{"type":"event","name":"x","user_id":"u"}\n{"broken\n\n{"type":"page",'
    lines += b'"user_id":"u"}\n'
    response = Client().post(
        BATCH,
        lines,
        content_type="application/x-ndjson",
        headers={"Authorization": f"Bearer {key.prefix}"},
    )
    body = response.json()

    assert [r["status"] for r in body["results"]] == [
        "accepted",
        "quarantined",
        "accepted",
    ]
    assert body["results"][1]["code"] == "invalid_json"


@pytest.mark.parametrize("body", [{}, {"captures": 5}, {"captures": []}, 5, []])
def test_what_is_no_batch_says_so(post, body):
    response = post(BATCH, body)

    assert (response.status_code, response.json()["code"]) == (422, "unknown_shape")


def test_too_many_items_are_refused_with_the_limit(post):
    response = post(BATCH, [{}] * 1001)

    assert response.status_code == 413
    assert response.json()["max_items"] == 1000


def test_strict_refuses_the_batch(post):
    response = post(BATCH, [event(), {"type": "event"}], **{"X-Strict-Mode": "1"})

    assert (response.status_code, response.json()["code"]) == (422, "strict_mode")
    assert response.json()["errors"][0]["pointer"].startswith("/1")
    assert not Capture.objects.exists()


def test_validate_warns_as_ingest_does(post):
    message = {
        "type": "payment",
        "email": "a@example.org",
        "final_price": "1.005",
        "currency": "EUR",
        "payment_status": "completed",
        "phone": "abc",
        "name": "A\u202eb",
        "timestamp": "2026-01-01T10:00:00",
    }
    looked = post(VALIDATE, message).json()["results"]
    taken = post(SINGLE, message).json()
    half = post(VALIDATE, {**message, "currency": None, "final_price": "0.001"}).json()

    assert {each["code"] for each in looked[0]["warnings"]} == set(taken["warnings"])
    assert "amount_rounded" in taken["warnings"]
    assert half["results"][0]["code"] == "amount_invalid"


def test_a_name_that_is_too_long_is_cut_and_noted(post):
    taken = post(
        SINGLE, {"type": "signup", "email": "a@example.org", "name": "x" * 256}
    )

    assert taken.json()["warnings"] == ["does_not_fit"]
    assert Customer.objects.get().name == "x" * 255


def test_validate_stores_nothing_and_finds_everything(post):
    items = [event(), {"type": "payment", "email": "a@b.org", "final_price": -1}]
    body = post(VALIDATE, {"captures": items}).json()

    assert [r["valid"] for r in body["results"]] == [True, False]
    assert body["results"][1]["code"] == "amount_invalid"
    assert body["results"][1]["pointer"] == "/captures/1/final_price"
    assert not Capture.objects.exists()
    assert not Quarantine.objects.exists()


def test_validate_names_every_fault_of_an_item(post):
    item = {"type": "payment", "final_price": "abc", "currency": "zzz"}
    single = post(VALIDATE, item).json()["results"][0]
    several = post(VALIDATE, {"captures": [event(), item]}).json()["results"][1]

    faults = [("no_identity", "/user_email"), ("amount_invalid", "/final_price")]
    faults.append(("currency_unknown", "/currency"))
    for finding, prefix in ((single, "/0"), (several, "/captures/1")):
        assert [(e["code"], e["pointer"]) for e in finding["errors"]] == [
            (code, f"{prefix}{pointer}") for code, pointer in faults
        ]
        # The one that ingest names.
        assert {"code", "pointer", "detail"} <= finding.keys()
        assert finding["code"] == finding["errors"][0]["code"]
    assert post(SINGLE, item).json()["code"] == single["code"]


def test_an_unknown_type_is_an_event_of_that_name(post):
    post(SINGLE, {"type": "course.finished", "user_id": "u1"})

    capture = Capture.objects.get()
    assert (capture.type, capture.event_name) == ("event", "course.finished")


def test_cloud_events_in_both_modes(post, key):
    whole = {
        "specversion": "1.0",
        "id": "1",
        "source": "shop",
        "type": "com.example.signup",
        "data": {"email": "a@b.org"},
    }
    assert post(SINGLE, whole).json()["status"] == "accepted"
    headers = {
        "ce-specversion": "1.0",
        "ce-id": "2",
        "ce-source": "shop",
        "ce-type": "com.example.login",
    }
    response = post(SINGLE, {"email": "a@b.org", "success": True}, **headers)

    assert response.json()["status"] == "accepted"
    assert set(Capture.objects.values_list("type", "message_id")) == {
        ("signup", "shop#1"),
        ("login", "shop#2"),
    }


def test_a_page_learns_no_customer(page_key):
    headers = {"Authorization": "Bearer pk_page", "Origin": PAGE}
    item = {"type": "signup", "email": "a@b.org"}
    for path, body in ((SINGLE, item), (BATCH, [item])):
        response = Client().post(
            path, body, content_type="application/json", headers=headers
        )
        assert str(Customer.objects.get().pk) not in response.content.decode()


# --- bodies -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", lambda b: zlib.compress(b)[2:-4]),
        ("gzip", lambda b: gzip.compress(b[:9]) + gzip.compress(b[9:])),
        ("identity", bytes),
    ],
)
def test_packed_bodies(post, encoding, pack):
    body = json.dumps(event()).encode()
    headers = {"Content-Encoding": encoding} if encoding else {}

    assert post(SINGLE, pack(body), **headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "encoding", "status", "code"),
    [
        (gzip.compress(b" " * 10_000_000), "gzip", 413, "too_large"),
        (gzip.compress(b"{}")[:-3], "gzip", 400, "invalid_encoding"),
        (b"\x1f\x8bnothing", "", 400, "invalid_encoding"),
        (b"{}", "br", 415, "unsupported_encoding"),
    ],
    # Packed bytes hold the time, and a name must not.
    ids=["bomb", "cut", "rubbish", "unknown"],
)
def test_badly_packed_bodies(post, body, encoding, status, code):
    headers = {"Content-Encoding": encoding} if encoding else {}
    response = post(SINGLE, body, **headers)

    assert (response.status_code, response.json()["code"]) == (status, code)


def test_what_is_no_json_is_kept_without_its_secrets(post):
    response = post(SINGLE, b'{"password": "hunter2", broken')

    assert response.status_code == 400
    row = Quarantine.objects.get(pk=response.json()["quarantine_id"])
    assert row.code == "invalid_json"
    assert "broken" in row.item
    assert "hunter2" not in row.item


def test_a_screenshot_becomes_a_private_file(post, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    data = b"\x89PNG\r\n\x1a\n" + b"picture"
    import base64  # noqa: PLC0415 - only here

    encoded = base64.b64encode(data).decode()
    body = {
        "user_email": "a@b.org",
        "accountScreenshot": f"data:image/jpeg;base64,{encoded}",
        "screenshotFilename": "acc.png",
    }
    assert post("/api/data-capture/questionnaire", body).status_code == 200

    row = Questionnaire.objects.get()
    digest = hashlib.sha256(data).hexdigest()
    assert (row.account_screenshot, row.screenshot_type) == (digest, "image/png")
    assert row.screenshot_size == len(data)
    assert encoded not in Capture.objects.get().payload
    path = f"screenshots/{row.business_id}/{digest}"
    with default_storage.open(path) as file:
        assert file.read() == data


@pytest.mark.parametrize("picture", ["AAAA", "no base64!", "A" * 7_000_000])
def test_what_is_no_picture_is_refused(post, picture):
    response = post(
        "/api/data-capture/questionnaire",
        {"user_email": "a@b.org", "accountScreenshot": picture},
    )

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/accountScreenshot"


# --- idempotency ------------------------------------------------------------------


def test_the_same_key_gives_the_same_answer(post):
    headers = {"Idempotency-Key": '"k1"'}
    first = post(SINGLE, event(), **headers)
    again = post(SINGLE, event(), **headers)

    assert again["Idempotent-Replayed"] == "true"
    assert again.content == first.content
    assert "Idempotent-Replayed" not in first
    assert not Sighting.objects.exists()


@pytest.mark.parametrize(
    ("text", "status"),
    [("a key", 200), ("~" * 255, 200), ("~" * 256, 400), ("", 400), ("\xe5", 400),
     ("a\tb", 400)],
)  # fmt: skip
def test_a_key_of_a_request_has_plain_characters(post, text, status):
    answer = post(BATCH, [event()], **{"Idempotency-Key": text})

    assert answer.status_code == status
    assert status == 200 or answer.json()["code"] == "idempotency_key_invalid"


def test_the_same_key_with_another_body_is_refused(post):
    headers = {"Idempotency-Key": "k1"}
    post(SINGLE, event(), **headers)
    response = post(SINGLE, event(name="other"), **headers)

    assert response.status_code == 422
    assert response.json()["code"] == "idempotency_key_reused"


def test_a_request_at_work_is_waited_for_and_a_dead_one_is_not(post, key):
    headers = {"Idempotency-Key": "k1"}
    post(SINGLE, event(), **headers)
    rows = IdempotentResponse.objects.all()
    rows.update(response="")
    busy = post(SINGLE, event(), **headers)
    assert (busy.status_code, busy["Retry-After"]) == (409, "1")

    past = rows.get().locked_until.replace(year=2020)
    rows.update(locked_until=past)
    assert post(SINGLE, event(), **headers).json()["status"] == "duplicate"


def test_a_refused_item_is_answered_the_same_way_again(post):
    headers = {"Idempotency-Key": "k1"}
    first, again = (post(SINGLE, {"type": "event"}, **headers) for _ in range(2))

    assert first.status_code == again.status_code == 422
    assert again["Idempotent-Replayed"] == "true"


# --- keys, rates, origins ---------------------------------------------------------


def test_a_caller_who_sends_too_much_waits(post, settings, clock):
    settings.CAPTURE_RATES = {**settings.CAPTURE_RATES, "secret": (1, 3)}
    codes = [post(SINGLE, event(message_id=str(n))).status_code for n in range(5)]
    refused = post(SINGLE, event())

    assert codes == [200, 200, 200, 429, 429]
    assert 1 <= int(refused["Retry-After"]) <= 60
    assert refused.json()["code"] == "quota_exceeded"
    assert refused["RateLimit"].startswith('"default";r=0')
    assert RefusalCount.objects.get(code="quota_exceeded").count == 3


def test_guessing_keys_is_slow(db, settings, clock):
    settings.CAPTURE_RATES = {**settings.CAPTURE_RATES, "stranger": (1, 2)}
    headers = [{"Authorization": f"Bearer sk_{n}"} for n in range(3)]
    codes = [
        Client().post(SINGLE, {}, "application/json", headers=h).status_code
        for h in headers
    ]

    assert codes == [401, 401, 429]
    assert RateLimitBucket.objects.count() == 1


def test_a_preflight_is_answered_for_welcome_origins_only(page_key):
    good = Client().options(BATCH, headers={"Origin": PAGE})
    other = Client().options(BATCH, headers={"Origin": "https://evil.example"})

    assert good.status_code == other.status_code == 204
    assert good["Access-Control-Allow-Origin"] == PAGE
    assert "idempotency-key" in good["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Origin" not in other
    assert good["Vary"] == other["Vary"] == "Origin"


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (BATCH, b"not json", 400),
        (BATCH, b"x" * 2_000_000, 413),
        ("/v1/track", b"{}", 401),
        ("/v1/nothing", b"{}", 404),
    ],
)
def test_errors_have_the_headers_too(page_key, path, body, status):
    headers = {"Origin": PAGE}
    if status != 401:
        headers["Authorization"] = "Bearer pk_page"
    response = Client().post(path, body, content_type="text/plain", headers=headers)

    assert response.status_code == status
    assert response["Access-Control-Allow-Origin"] == PAGE
    assert "Retry-After" in response["Access-Control-Expose-Headers"]
    assert response["Content-Type"] == "application/problem+json"


def test_a_secret_key_in_a_page_is_refused_and_reported(key):
    headers = {"Authorization": f"Bearer {key.prefix}", "Origin": PAGE}
    for _ in range(2):
        response = Client().post(SINGLE, event(), "application/json", headers=headers)
        assert response.json()["code"] == "secret_key_in_browser"

    assert Event.objects.filter(action="key.exposed").count() == 1


def test_a_key_may_be_bound_to_networks(source):
    ApiKeyFactory(source=source, prefix="sk_net", networks=["198.51.100.0/24"])
    for address, status in (("198.51.100.7", 200), ("203.0.113.9", 403)):
        response = Client(REMOTE_ADDR=address).post(
            SINGLE,
            event(),
            "application/json",
            headers={"Authorization": "Bearer sk_net"},
        )
        assert response.status_code == status


@pytest.mark.parametrize(
    ("proxies", "address"), [(0, "10.0.0.1"), (1, "3.3.3.3"), (2, "2.2.2.2")]
)
def test_only_our_own_proxies_are_believed(key, settings, proxies, address):
    settings.TRUSTED_PROXIES = proxies
    from audit.models import Operation  # noqa: PLC0415 - only here

    Client(REMOTE_ADDR="10.0.0.1").post(
        SINGLE,
        event(),
        "application/json",
        headers={
            "Authorization": f"Bearer {key.prefix}",
            "X-Forwarded-For": "1.1.1.1, 2.2.2.2, 3.3.3.3",
        },
    )

    assert Operation.objects.get(via="capture").ip == address


def test_rotation_overlaps_and_revocation_does_not(post, key):
    new, text = services.rotate_key(key, actor=ACTOR)
    for name in (key.prefix, text):
        headers = {"Authorization": f"Bearer {name}"}
        assert post(SINGLE, event(), **headers).status_code == 200
    assert new.replaces == key
    assert services.last_used(new) is not None

    services.revoke_key(new, actor=ACTOR)
    response = post(SINGLE, event(), Authorization=f"Bearer {text}")
    assert response.status_code == 401


# --- SDK routes -------------------------------------------------------------------


def sdk(path, body, key, **headers):
    return Client().post(
        path,
        body,
        content_type="text/plain",
        headers={"Authorization": f"Bearer {key.prefix}", **headers},
    )


def test_a_batch_of_an_sdk_is_taken_item_by_item(key):
    batch = [
        {"type": "identify", "userId": "u1", "traits": {"email": "a@b.org"},
         "messageId": "1"},
        {"type": "track", "event": "Order Completed", "userId": "u1", "messageId": "2",
         "properties": {"revenue": 9.5, "order_id": "T1", "currency": "EUR"}},
        {"type": "track", "userId": "u1", "messageId": "3"},
        {"type": "nonsense", "userId": "u1"},
        5,
    ]  # fmt: skip
    body = json.dumps({"batch": batch, "writeKey": key.prefix})
    response = sdk("/v1/batch", body, key)

    assert response.status_code == 200
    assert [r.get("code", r["status"]) for r in response.json()["results"]] == [
        "accepted",
        "accepted",
        "event_name_missing",
        "unknown_shape",
        "item_not_object",
    ]
    assert Customer.objects.get().external_id == "u1"
    assert Customer.objects.get().stats.total_purchases == 1


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_path_says_the_kind(key, slash):
    body = {"event": "Looked", "anonymousId": "a1", "messageId": "1"}
    assert sdk(f"/v1/t{slash}", json.dumps(body), key).status_code == 200

    assert Capture.objects.get().event_name == "Looked"
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


def test_staff_may_say_what_an_event_is(key, source):
    source.event_types = {"Plan bought": "payment"}
    source.full_clean()
    from customers.services import save_record  # noqa: PLC0415 - only here

    save_record(source, actor=ACTOR)
    body = {"type": "track", "event": "plan BOUGHT", "userId": "u1", "messageId": "1",
            "properties": {"total": 5, "order_id": "T1"}}  # fmt: skip
    sdk("/v1/batch", json.dumps({"batch": [body]}), key)

    assert Capture.objects.get().type == "payment"


def test_the_beacon_route_takes_the_key_from_the_address(page_key):
    body = json.dumps({"batch": [{"type": "page", "userId": "u1"}]})
    response = Client().post(
        "/beacon/v1/batch?writeKey=pk_page",
        body,
        content_type="text/plain",
        headers={"Origin": PAGE},
    )

    assert response.json()["accepted"] == 1


def test_settings_for_the_browser_library(page_key, key):
    response = Client().get("/v1/projects/pk_page/settings")

    assert response.json()["integrations"]["Segment.io"] == {
        "apiKey": "pk_page",
        "apiHost": "testserver/v1",
        "protocol": "http",
    }
    assert response["Cache-Control"] == "public, max-age=300"
    assert Client().get(f"/v1/projects/{key.prefix}/settings").status_code == 404


# --- webhooks ---------------------------------------------------------------------


def signed(body, secret=SECRET, moment=None):
    moment = int(moment or time.time())
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    mark = hmac.new(secret.encode(), f"{moment}.".encode() + raw, hashlib.sha256)
    return raw, {"Stripe-Signature": f"t={moment},v1={mark.hexdigest()}"}


@pytest.fixture
def place(source):
    place = WebhookEndpointFactory(source=source)
    services.add_secret(place, "whsec_test", actor=ACTOR)
    return place


def deliver(place, raw, headers):
    return Client().post(
        f"/api/v1/webhooks/{place.provider}/{place.pk}",
        raw,
        content_type="application/json",
        headers=headers,
    )


PAID = {
    "id": "evt_1",
    "type": "payment_intent.succeeded",
    "created": 1_795_000_000,
    "livemode": False,
    "data": {
        "object": {
            "id": "pi_1",
            "amount_received": 1200,
            "currency": "jpy",
            "receipt_email": "a@b.org",
        }
    },
}


def test_a_signed_event_is_a_confirmed_payment(place):
    raw, headers = signed(PAID)
    first, again = deliver(place, raw, headers), deliver(place, raw, headers)

    assert (first.status_code, first.json()["status"]) == (200, "accepted")
    assert again.json()["status"] == "duplicate"
    capture = Capture.objects.get()
    assert bytes(capture.raw) == raw
    assert (capture.trust, capture.time_source) == ("webhook", "provider")
    assert Customer.objects.get().stats.spent == {"JPY": "1200"}


@pytest.mark.parametrize(
    ("secret", "shift", "code"),
    [
        ("whsec_other", 0, "bad_signature"),
        ("whsec_test", 86_400, "stale_signature"),
        ("whsec_test", -86_400, "stale_signature"),
    ],
)
def test_what_nobody_signed_just_now_is_kept_aside(place, secret, shift, code):
    raw, headers = signed(PAID, secret, time.time() + shift)
    response = deliver(place, raw, headers)

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert not Capture.objects.exists()
    row = Quarantine.objects.get()
    assert (row.code, row.trust) == (code, "browser")
    assert RefusalCount.objects.filter(code=code).exists()


def test_both_secrets_are_valid_while_they_change(place):
    services.add_secret(place, "whsec_new", actor=ACTOR)
    for n, secret in enumerate(("whsec_test", "whsec_new")):
        raw, headers = signed({**PAID, "id": f"evt_{n}"}, secret)
        assert deliver(place, raw, headers).status_code == 200

    services.retire_old_secrets(place, actor=ACTOR)
    raw, headers = signed({**PAID, "id": "evt_9"}, "whsec_test")
    assert deliver(place, raw, headers).status_code == 400


def test_the_secret_stands_nowhere_in_clear(place):
    assert "whsec_test" not in str(type(place).objects.values())
    assert "whsec_test" not in str(type(place).history.values())
    assert services.secrets_of(place) == ["whsec_test"]


def test_live_and_test_events_are_kept_apart(place):
    from customers.services import save_record  # noqa: PLC0415 - only here

    place.livemode = True
    save_record(place, actor=ACTOR)
    raw, headers = signed(PAID)

    assert deliver(place, raw, headers).json()["code"] == "livemode_mismatch"


def test_an_unknown_event_is_stored_and_acknowledged(place):
    raw, headers = signed({"id": "evt_1", "type": "price.created", "data": {}})

    assert deliver(place, raw, headers).json()["status"] == "accepted"
    assert Capture.objects.get().event_name == "price.created"


def test_secrets_in_an_event_are_masked_in_its_bytes_too(place):
    event = json.loads(json.dumps(PAID))
    event["data"]["object"]["client_secret"] = "pi_1_secret_abc"
    raw, headers = signed(event)
    deliver(place, raw, headers)

    capture = Capture.objects.get()
    assert b"pi_1_secret_abc" not in bytes(capture.raw)
    assert "pi_1_secret_abc" not in capture.payload


def test_an_address_of_nobody_is_404(db):
    response = Client().post(f"/api/v1/webhooks/stripe/{uuid4()}", b"{}", "text/plain")

    assert response.status_code == 404


# --- reading back -----------------------------------------------------------------


def get(path, key=None, client=None, **query):
    headers = {"Authorization": f"Bearer {key.prefix}"} if key else {}
    return (client or Client()).get(path, query, headers=headers)


def test_captures_are_read_page_by_page(post, reader):
    post(BATCH, [event(message_id=f"m{n}") for n in range(5)])
    seen, path, query = [], SINGLE, {"limit": "2"}
    while path:
        body = get(path, reader, **query).json()
        seen += [row["message_id"] for row in body["results"]]
        path, query = body["next"], {}

    assert sorted(seen) == [f"m{n}" for n in range(5)]
    assert len(seen) == 5


def test_who_may_read(  # noqa: PLR0917 - everybody who may ask
    post, key, reader, alice, charlie, bob
):
    pk = post(SINGLE, event()).json()["capture_id"]
    path = f"{SINGLE}/{pk}"

    assert get(path, reader).status_code == 200
    assert get(path, client=alice).status_code == 200
    assert "payload" in get(path, client=alice).json()
    assert "payload" not in get(path, client=bob).json()
    assert get(path, client=charlie).status_code == 404
    assert get(path).status_code == 401
    assert get(path, key).json()["code"] == "scope_missing"
    stranger = ApiKeyFactory(source=SourceFactory(), scopes=["read:captures"])
    assert get(path, stranger).status_code == 404
    assert Event.objects.filter(action="customer.viewed").count() == 4


@pytest.mark.parametrize(
    "query", [{"typo": "1"}, {"type": "x"}, {"limit": "0"}, {"cursor": "x"},
              {"customer": "x"}]
)  # fmt: skip
def test_a_question_that_means_nothing_is_refused(reader, query):
    assert get(SINGLE, reader, **query).status_code == 400


def test_staff_decide_in_a_session_with_its_token(post, alice, bob, reader):
    pk = post(SINGLE, {"type": "event", "name": "x"}).json()["quarantine_id"]
    path = f"/api/v1/quarantine/{pk}"
    assert get(path, client=alice).json()["state"] == "open"

    body = {"item": {"type": "event", "name": "x", "user_id": "u1"}, "reason": "added"}
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(alice.user)
    refused = strict.post(f"{path}/replay", body, content_type="application/json")
    assert refused.json()["code"] == "csrf_failed"
    assert bob.post(f"{path}/replay", body, "application/json").status_code == 403
    keyed = post(f"{path}/replay", body, Authorization=f"Bearer {reader.prefix}")
    assert keyed.json()["code"] == "staff_only"

    done = alice.post(f"{path}/replay", body, "application/json").json()
    assert (done["state"], done["status"]) == ("replayed", "accepted")
    assert get(path, client=alice).json()["state"] == "replayed"


def test_a_discard_needs_a_reason(post, alice, charlie):
    pk = post(SINGLE, {"type": "event", "name": "x"}).json()["quarantine_id"]
    path = f"/api/v1/quarantine/{pk}/discard"

    assert charlie.post(path, {}, "application/json").status_code == 404
    assert alice.post(path, {}, "application/json").status_code == 400
    assert alice.post(path, {"reason": "spam"}, "application/json").status_code == 200


def test_counts_of_a_person_as_the_document_adds_them(post, reader, charlie):
    post("/api/data-capture/payment", {"user_email": "a@b.org", "transaction_id": "1"})
    post("/api/data-capture/dashboard", {"user_email": "a@b.org", "theme": "light"})
    post("/api/data-capture/questionnaire", {"user_email": "a@b.org"})
    post(BATCH, [event(email="A@b.org", message_id=f"e{n}") for n in range(3)])
    path = "/api/data-capture/stats/A%40B.org"
    body = get(path, reader).json()

    assert body["user_email"] == "A@B.org"
    assert body["data_counts"] == {
        "payments": 1,
        "questionnaires": 1,
        "dashboard_updates": 1,
        "activities": 3,
        "audit_records": 6,
    }
    assert body["total_data_points"] == 6
    assert body["latest_timestamps"]["payment"].endswith("Z")
    assert "." not in body["latest_timestamps"]["payment"]

    nobody = get("/api/data-capture/stats/nobody@b.org", reader).json()
    foreign = get(path, client=charlie).json()
    for empty in (nobody, foreign):
        assert set(empty["data_counts"].values()) == {0}
        assert set(empty["latest_timestamps"].values()) == {None}
    assert get(path).status_code == 401


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/healthz", {"status": "ok"}),
        ("/healthz/", {"status": "ok"}),
        ("/api/data-capture/health", {"status": "ok", "service": "data-capture"}),
    ],
)
def test_health(db, path, body):
    assert get(path).json() == body


def test_the_contract_can_be_read(db):
    schema = get("/api/v1/schemas/payment/1").json()
    assert "plan_name_payment" in schema["properties"]
    assert get("/api/v1/schemas/nothing/1").status_code == 404
    assert get("/api/v1/schemas/payment/2").status_code == 404
    paths = get("/api/v1/openapi.json").json()["paths"]
    assert {BATCH, "/v1/batch"} <= set(paths)
    paths = get("/api/schema/contracts").json()["paths"]
    assert "/api/data-capture/payment" in paths


# --- paths that do not exist, and room for pictures --------------------------------


@pytest.mark.parametrize("path", ["/api/nothing", "/api/v1/captures/x", "/v1/x/y"])
@pytest.mark.parametrize("method", ["get", "post", "put", "delete"])
def test_nobody_gets_an_error_page(db, path, method):
    client = Client(enforce_csrf_checks=True)
    response = getattr(client, method)(path)

    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"


def test_a_picture_has_more_room_than_anything_else(post, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    import base64  # noqa: PLC0415 - only here

    picture = base64.b64encode(b"\x89PNG\r\n\x1a\n" + b"A" * 2_000_000).decode()
    item = {"type": "questionnaire", "email": "a@b.org", "accountScreenshot": picture}
    assert post(BATCH, {"captures": [item]}).json()["accepted"] == 1

    other = event(properties={"text": picture})
    for path, body in ((BATCH, {"captures": [other]}), (SINGLE, other)):
        assert post(path, body).status_code == 413


def test_a_page_view_of_somebody_known_moves_their_last_activity(post):
    moments = ["2026-11-20T10:00:00Z", "2026-11-20T09:00:00Z", "2026-11-20T11:00:00Z"]
    post(SINGLE, {"type": "profile", "email": "a@b.org", "timestamp": moments[0]})
    for moment in moments[1:]:
        post(SINGLE, {"type": "page", "email": "a@b.org", "timestamp": moment})

    assert Customer.objects.get().stats.last_active_at.hour == 11
    assert list(services.rebuild(repair=False, actor=ACTOR)) == []


def test_a_profile_of_a_batch_may_tell_of_a_login(post):
    items = [
        {
            "type": "profile",
            "email": "a@b.org",
            "last_login_at": "2026-11-20T10:00:00Z",
        },
        event(),
    ]
    body = post(BATCH, items).json()

    assert [r["status"] for r in body["results"]] == ["accepted", "accepted"]
    assert [r["index"] for r in body["results"]] == [0, 1]
    assert body["received"] == 2
    assert Customer.objects.get().stats.login_count == 1
    assert Capture.objects.count() == 3
