"""What is wrong with one item costs that item and none of its neighbours."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client

from capture.api.segment import BATCHES, KINDS
from capture.models import Capture, Quarantine

GOOD = b'{"type":"track","event":"Looked","name":"Looked","userId":"u-%d"}'
# What an item can be that no capture comes of: its code, and a part of what is kept.
WRONG = {
    "deep": (b'{"a":' * 150 + b'"end"' + b"}" * 150, "too_deep", '"end"'),
    "deeper": (b'{"a":' + b"[" * 9000 + b"]" * 9000 + b"}", "too_deep", "[[[["),
    "large": (b'{"userId":"u","t":"%s"}' % (b"a" * 600_000), "oversize_item", "aaaa"),
    "keys": (
        json.dumps({"userId": "u", **{f"k{n}": n for n in range(3000)}}).encode(),
        "schema_violation",
        '"k2999"',
    ),
    "long key": (b'{"%s":1}' % (b"k" * 300), "schema_violation", "kkk"),
    "half": (b'{"userId":"u","amount":}', "invalid_json", '"amount":}'),
    "single quotes": (b"{'userId':'u'}", "invalid_json", "'userId'"),
    "word": (b"undefined", "invalid_json", "undefined"),
    "garbage": (b'{"userId":"u"} {"b":1}', "invalid_json", '{"b":1}'),
    "control": (b'{"userId":"a\x01b"}', "invalid_json", "userId"),
    "digits": (b'{"userId":"u","n":1.}', "invalid_json", '"n":1.'),
    "text": (b'"a, ]} text"', "item_not_object", "a, ]} text"),
    "list": (b"[1,[2,{}],3]", "item_not_object", "[1,[2,{}],3]"),
    "nobody": (b'{"type":"track","event":"x"}', "no_identity", '"x"'),
}
# What is repaired and taken.
SLOPPY = {
    "nan": (b"NaN", "non_finite_number"),
    "huge": (b"1e999", "non_finite_number"),
    "twice": (b'1,"n":2', "duplicate_key"),
    "bytes": (b'"\xff\xfe"', "invalid_utf8"),
    "surrogate": (b'"\\ud800"', ""),
    "brackets": (b'"]}],[{ \\"}]"', ""),
}
BATCH, LINES = "/api/v1/captures/batch", "application/x-ndjson"


def listed(key: bytes) -> Any:
    return lambda items: (
        b'{"sentAt":null,"' + key + b'" : [' + b" ,".join(items) + b"]}"
    )


def bare(items: list[bytes]) -> bytes:
    return b"[" + b",\n".join(items) + b"]"


# Every entrance that takes several items at once: path, content type, its form.
ENTRANCES = {
    "captures": (BATCH, "application/json", listed(b"captures"), "/captures"),
    "bare list": (BATCH, "application/json", bare, ""),
    "cloud events": (BATCH, "application/cloudevents-batch+json", bare, ""),
    "lines": (BATCH, LINES, b"\n".join, ""),
    "lines said to be JSON": (BATCH, "application/json", b"\r\n\n".join, ""),
    **{
        name: (f"/v1/{name}", "application/json", listed(b"batch"), "")
        for name in (*BATCHES, "track")
    },
    "sdk list": ("/v1/batch", "application/json", bare, ""),
    "beacon": ("/beacon/v1/batch", "text/plain", listed(b"batch"), ""),
}


@pytest.fixture
def send(key):
    def send(entrance: str, items: list[bytes], **headers: str) -> Any:
        path, kind, form, _ = ENTRANCES[entrance]
        options = {"Authorization": f"Bearer {key.prefix}", **headers}
        return Client().post(path, form(items), content_type=kind, headers=options)

    return send


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_wrong_item_is_kept_by_itself_and_its_neighbours_are_taken(
    send, entrance, wrong
):
    item, code, part = WRONG[wrong]
    answer = send(entrance, [GOOD % 1, GOOD % 2, item, GOOD % 3])

    told = answer.json()
    assert answer.status_code == 200
    assert (told["received"], told["accepted"], told["quarantined"]) == (4, 3, 1)
    assert [r["index"] for r in told["results"]] == [0, 1, 2, 3]
    result = told["results"][2]
    assert (result["status"], result["code"]) == ("quarantined", code)
    assert result["pointer"].startswith(f"{ENTRANCES[entrance][3]}/2")
    assert answer["X-Capture-Quarantined"] == "1"
    row = Quarantine.objects.get()
    assert (str(row.pk), row.code, row.position) == (result["quarantine_id"], code, 2)
    assert part in row.item
    assert "Looked" not in row.item
    assert set(Capture.objects.values_list("user_ref", flat=True)) == {
        "u-1",
        "u-2",
        "u-3",
    }


@pytest.mark.parametrize("sloppy", SLOPPY)
@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_repaired_item_is_noted_and_no_other_with_it(send, entrance, sloppy):
    value, code = SLOPPY[sloppy]
    item = b'{"type":"track","event":"x","name":"x","userId":"u","n":%s}' % value
    told = send(entrance, [GOOD % 1, item, GOOD % 2]).json()

    assert told["accepted"] == 3
    noted = ["".join(result.get("warnings", [])) for result in told["results"]]
    assert [noted[0], noted[2]] == ["", ""]
    assert code in noted[1]


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_all_wrong_items_are_told_of_in_their_order(send, entrance):
    items = [item for item, _, _ in WRONG.values() if len(item) < 100_000]
    good = [GOOD % n for n in range(20)]
    told = send(entrance, [*good, *items, GOOD % 99]).json()

    codes = [code for item, code, _ in WRONG.values() if len(item) < 100_000]
    found = [result.get("code") for result in told["results"]]
    assert found == [None] * 20 + [*codes, None]


@pytest.mark.parametrize("name", KINDS)
def test_a_client_may_batch_on_every_path_of_an_sdk(post, name):
    told = post(f"/v1/{name}", listed(b"batch")([GOOD % 1, b"nope", GOOD % 2])).json()

    assert (told["accepted"], told["quarantined"]) == (2, 1)


def test_an_item_with_too_much_is_found_by_its_id(post):
    item = {"type": "track", "messageId": "m-1", **{f"k{n}": n for n in range(3000)}}
    (result,) = post("/v1/batch", {"batch": [item]}).json()["results"]

    assert (result["code"], result["message_id"]) == ("schema_violation", "m-1")
    assert Quarantine.objects.get().message_id == "m-1"


@pytest.mark.parametrize("path", ["/api/v1/captures", BATCH])
def test_only_a_picture_makes_room_for_a_large_body(post, path):
    started = time.process_time()

    assert post(path, b"[" + b"{}," * 2_000_000 + b"{}]").status_code == 413
    assert time.process_time() - started < 1


@pytest.mark.parametrize("entrance", ["captures", "batch", "lines"])
def test_strict_still_takes_all_or_nothing(send, entrance):
    answer = send(entrance, [GOOD % 1, WRONG["deep"][0]], **{"X-Strict-Mode": "1"})

    assert answer.status_code in (400, 422)
    assert answer.json()["errors"][0]["code"] == "too_deep"
    assert not Capture.objects.exists()


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch":[%s,{"a":1]}' % GOOD,
        b'{"batch":[%s],"sentAt":}' % GOOD,
        b'{"batch":[%s' % GOOD,
        b'{"batch":[%s]} x' % GOOD,
        b'{"batch":[%s]}]' % GOOD,
        b'{"batch":[%s,"unclosed]}' % GOOD,
        b'{"context":%s,"batch":[%s]}' % (b"[" * 200 + b"]" * 200, GOOD),
    ],
)
def test_a_frame_that_cannot_be_read_is_kept_whole(post, body):
    answer = post("/v1/batch", body)

    assert answer.status_code == 400
    row = Quarantine.objects.get(pk=answer.json()["quarantine_id"])
    assert row.item == body.decode()
    assert not Capture.objects.exists()


def test_an_items_key_elsewhere_is_no_list_of_items(post):
    body = b'{"type":"track","userId":"u","event":"x","properties":{"batch":[1,{}]}}'
    assert post("/v1/track", body).json()["accepted"] == 1

    assert json.loads(Capture.objects.get().payload)["properties"] == {"batch": [1, {}]}


def test_an_idempotency_key_covers_unreadable_items(post):
    body = b'{"captures":[%s,nope]}' % GOOD
    first, again = (post(BATCH, body, **{"Idempotency-Key": "k"}) for _ in range(2))

    assert first.status_code == again.status_code == 200
    assert again["Idempotent-Replayed"] == "true"
