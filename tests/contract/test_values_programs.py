"""Each entrance of programs takes a value as the table of its type says.

Batches, one message at a time, clients of others, signed webhooks and the file of a
former system: names, phone numbers, e-mails and times are sent through each that can
take them. Amounts and answers are in files of their own.

Exceptions, each with its reason:

- A value that is a number, a list or an object is no name, phone or e-mail; what is noted
  of such a one the tests of each entrance say.
- The time of a webhook is that of its signature.
"""

from __future__ import annotations

import base64
import hmac
import json
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from audit.tenancy.actors import Actor
from capture import services as captures
from capture.models import Capture, Quarantine
from customers.models import Customer
from tests.conftest import actor_of, staff
from tests.contract.test_values_moments import drawn
from tests.customers.values.tables import table_of
from tests.factories import ApiKeyFactory, SourceFactory, WebhookEndpointFactory
from tests.long import IS_LONG

ACTOR = Actor.system("test")
NOON = "2026-11-30T12"


def lines_of(kind: str) -> list[dict[str, str]]:
    """Return the lines of a table whose value can stand in a message of its own."""
    lines = table_of(kind)
    if kind == "phones":
        lines = [line for line in lines if line["country"] == "NO"]
    if kind == "moments":
        lines = [
            line
            for line in lines
            if "!in_future" not in line.values()
            and line["captured"].removeprefix("n:") < NOON
        ]
    else:
        lines = [line for line in lines if isinstance(json.loads(line["raw"]), str)]
    return [line for line in lines if len(line["raw"]) < 1000]


def some(lines: list[Any]) -> list[Any]:
    """Return the lines for an entrance that takes one message at a time."""
    return lines if IS_LONG else lines[::5]


def person(n: int, keys: dict[str, str], kind: str, raw: str) -> str:
    """Return the members of an object with an e-mail, and a value as JSON."""
    members = [f'"{keys["emails"]}": "p{n}@example.org"'] if kind != "emails" else []
    return ", ".join([*members, f'"{keys[kind]}": {raw}'])


SNAKE = {"names": "full_name", "phones": "phone", "emails": "email",
         "moments": "timestamp"}  # fmt: skip
CAMEL = {"names": "fullName", "phones": "mobileNumber", "emails": "email",
         "moments": "signupDate"}  # fmt: skip
SDK = {"names": "name", "phones": "phone", "emails": "email"}
BATCHES: dict[str, tuple[str, str, Callable[[int, str, str], str], set[str]]] = {
    "native": (
        "/api/v1/captures/batch",
        '{"captures": [%s]}',
        lambda n, kind, raw: (
            '{"type": "signup", "message_id": "m-%d", %s}'
            % (n, person(n, SNAKE, kind, raw))
        ),
        {"names", "phones", "emails", "moments"},
    ),
    "native in camelCase": (
        "/api/v1/captures/batch",
        '{"captures": [%s]}',
        lambda n, kind, raw: (
            '{"type": "signup", "messageId": "m-%d", %s}'
            % (n, person(n, CAMEL, kind, raw))
        ),
        {"names", "phones", "emails", "moments"},
    ),
    "CloudEvents": (
        "/api/v1/captures/batch",
        '{"captures": [%s]}',
        lambda n, kind, raw: (
            '{"specversion": "1.0", "id": "m-%d", "source": "/shop", '
            '"type": "org.example.signup", "data": {%s}}'
            % (n, person(n, CAMEL, kind, raw))
        ),
        {"names", "phones", "emails", "moments"},
    ),
    "an SDK's identify": (
        "/v1/batch",
        '{"batch": [%s]}',
        lambda n, kind, raw: (
            '{"type": "identify", "messageId": "m-%d", "timestamp": %s, '
            '"traits": {"email": "p%d@example.org"}}' % (n, raw, n)
            if kind == "moments"
            else '{"type": "identify", "messageId": "m-%d", "traits": {%s}}'
            % (n, person(n, SDK, kind, raw))
        ),
        {"names", "phones", "emails", "moments"},
    ),
    "an SDK's track": (
        "/v1/batch",
        '{"batch": [%s]}',
        lambda n, kind, raw: (
            '{"type": "track", "event": "Signed Up", "messageId": "m-%d", '
            '"timestamp": %s, "properties": {"email": "p%d@example.org"}}' % (n, raw, n)
            if kind == "moments"
            else '{"type": "track", "event": "Signed Up", "messageId": "m-%d", '
            '"properties": {%s}}' % (n, person(n, SDK, kind, raw))
        ),
        {"names", "phones", "emails", "moments"},
    ),
    "an SDK's context": (
        "/v1/batch",
        '{"batch": [%s]}',
        lambda n, kind, raw: (
            '{"type": "track", "event": "Signed Up", "messageId": "m-%d", '
            '"context": {"traits": {%s}}}' % (n, person(n, SDK, kind, raw))
        ),
        {"names", "phones", "emails"},
    ),
}
_USER = {"names": "user_name", "emails": "user_email", "phones": "phone"}
# Of documents and our own, a message in each request: the keys by kind, and the rest.
ROUTES: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "/api/customer-data/capture-signup": (SNAKE | {"moments": "signup_date"}, {}),
    "/api/v1/tracking/profiles": (SNAKE, {}),
    "/api/v1/tracking/logins": (
        {"emails": "email", "moments": "login_time"},
        {"success": True},
    ),
    "/api/data-capture/payment": (
        {"emails": "user_email", "names": "user_name", "moments": "payment_date"},
        {"payment_status": "pending", "final_price": 1},
    ),
    "/api/data-capture/questionnaire": (
        {"emails": "user_email", "names": "user_name", "moments": "timestamp"},
        {},
    ),
    "/api/data-capture/dashboard": (
        {"emails": "user_email", "names": "user_name", "moments": "timestamp"},
        {},
    ),
}


@pytest.fixture
def norway(bakery):
    bakery.country = "NO"
    bakery.as_actor(actor_of(staff(bakery, "admin"))).save()
    return bakery


@pytest.fixture
def post(norway):
    source = SourceFactory(business=norway, slug="shop")
    key = ApiKeyFactory(source=source)

    def send(path: str, text: str) -> Any:
        headers = {"Authorization": f"Bearer {key.prefix}"}
        return Client().post(path, text, "application/json", headers=headers)

    return send


def check(kind: str, lines: Iterator[tuple[int, dict[str, str]]]) -> None:
    """Compare what was stored of each message with its line of the table."""
    every = Capture.objects.select_related("link__customer")
    # That of a CloudEvent has its source before it.
    stored = {c.message_id.rpartition("#")[2]: c for c in every}
    refused = {
        (quarantined.message_id or "").rpartition("#")[2]: quarantined.code
        for quarantined in Quarantine.objects.all()
    }
    for n, line in lines:
        raw, name = json.loads(line["raw"]), f"m-{n}"
        where = (line, refused.get(name))
        if kind == "emails":
            expected = line["key"] if not line["stored"].startswith("!") else None
            if raw == "ana@example.org\0":
                expected = "ana@example.org"
            if expected:
                assert stored[name].email == expected, where
            elif raw.strip():
                assert refused[name] in {
                    "schema_violation", "invisible_character", "illegal_identity",
                }, where  # fmt: skip
            continue
        capture = stored[name]
        customer = capture.link.customer
        codes = {code for code, _ in capture.warnings or ()}
        if kind == "names":
            expected = line["captured"].lstrip("~") or customer.email
            assert customer.name == expected, where
            is_cut = line["captured"].startswith("~")
            assert ("invisible_name" in codes) == is_cut, where
        elif kind == "phones":
            number = line["number"]
            if number == "!invisible_character" or "\0" in raw:
                continue
            assert ("phone_invalid" in codes) == number.startswith("!"), where
            assert (customer.phone_e164 or "") == number.partition(" ")[0] * (
                not number.startswith("!")
            ), where
        elif line["captured"].startswith("!"):
            # An SDK's is read before it is known to be a time.
            assert codes & {"unreadable_timestamp", "does_not_fit"}, where
        elif line["captured"]:
            moment = drawn(capture.original_timestamp)
            assert moment == line["captured"].removeprefix("n:"), where
            is_naive = line["captured"].startswith("n:")
            assert ("naive_timestamp" in codes) == is_naive, where


PAIRS = [
    (entrance, kind) for entrance, batch in BATCHES.items() for kind in sorted(batch[3])
]


@pytest.mark.parametrize(("entrance", "kind"), PAIRS)
def test_a_batch(post, entrance, kind):
    path, whole, item, _kinds = BATCHES[entrance]
    lines = list(enumerate(lines_of(kind)))
    lines = [(n, li) for n, li in lines if li["raw"] not in ("NaN", "1e400")]
    for start in range(0, len(lines), 100):
        items = [item(n, kind, li["raw"]) for n, li in lines[start : start + 100]]
        answer = post(path, whole % ", ".join(items))
        assert answer.status_code in (200, 207, 422), answer.content

    check(kind, iter(lines))


@pytest.mark.parametrize(
    ("path", "kind"),
    [(path, kind) for path, (keys, _) in ROUTES.items() for kind in sorted(keys)],
)
def test_a_message_of_each_route(post, path, kind):
    keys, rest = ROUTES[path]
    lines = some(list(enumerate(lines_of(kind))))
    lines = [(n, li) for n, li in lines if li["raw"] not in ("NaN", "1e400")]
    for n, line in lines:
        # Two boards that are equal would be one message.
        board = {"dashboard_data": {"n": n}} if path.endswith("dashboard") else {}
        more = json.dumps(rest | board | {"message_id": f"m-{n}"})[1:]
        answer = post(path, f"{{{person(n, keys, kind, line['raw'])}, {more}")
        assert answer.status_code in (200, 422), answer.content

    check(kind, iter(lines))


@pytest.mark.parametrize("kind", ["emails", "names", "phones"])
def test_a_signed_webhook(norway, kind):
    source = SourceFactory(business=norway, slug="shop")
    endpoint = WebhookEndpointFactory(source=source, provider="standard")
    secret = captures.new_standard_secret()
    captures.add_secret(endpoint, secret, actor=ACTOR)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    lines = some(list(enumerate(lines_of(kind))))
    for n, line in lines:
        body = '{"type": "signup", "data": {%s}}' % person(n, SNAKE, kind, line["raw"])
        moment = str(int(time.time()))
        mark = hmac.digest(key, f"m-{n}.{moment}.{body}".encode(), "sha256")
        headers = {
            "webhook-id": f"m-{n}",
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(mark).decode()}",
        }
        path = f"/api/v1/webhooks/standard/{endpoint.pk}"
        answer = Client().post(path, body, "application/json", headers=headers)
        assert answer.status_code in (200, 422), answer.content

    check(kind, iter(lines))


@pytest.mark.parametrize("kind", ["names", "phones"])
def test_a_file_of_the_former_system(norway, tmp_path, kind):
    path = tmp_path / "old.db"
    # SQLite has no half a character, and a text of it ends at a NUL.
    lines = [
        (n, line)
        for n, line in enumerate(lines_of(kind))
        if not any(sign in line["raw"] for sign in ("\\ud8", "\\u0000"))
    ]
    with closing(sqlite3.connect(path)) as old, old:
        old.execute("CREATE TABLE users (id TEXT, email TEXT, name TEXT, phone TEXT)")
        for n, line in lines:
            value = json.loads(line["raw"])
            values = (value, None) if kind == "names" else ("Ana", value)
            old.execute(
                "INSERT INTO users VALUES (?, ?, ?, ?)",
                [str(n), f"p{n}@example.org", *values],
            )
    call_command("import_legacy", str(path), business=norway.slug, stdout=StringIO())

    stored = {customer.email: customer for customer in Customer.objects.all()}
    for n, line in lines:
        customer = stored[f"p{n}@example.org"]
        if kind == "names":
            expected = line["captured"].lstrip("~") or customer.email
            assert customer.name == expected, line
        elif line["number"] != "!invisible_character":
            is_number = not line["number"].startswith("!")
            expected = line["number"].partition(" ")[0] if is_number else ""
            assert (customer.phone_e164 or "") == expected, line
