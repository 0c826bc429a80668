"""Each entrance of programs takes a value as the table of its type says.

Batches, one message at a time, clients of others, signed webhooks and the file of a
former system: names, phone numbers, e-mails and times are sent through each that can
take them. Amounts and answers are in files of their own.

Exceptions, each with its reason:

- A value that is a number, a list or an object is no name, phone or e-mail: what is
  noted of such a one the tests of each entrance say.
- The time of a webhook is that of its signature.
"""

from __future__ import annotations

import base64
import hmac
import json
import sqlite3
import time
from collections.abc import Callable
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


def of_sdk(kind: str, more: str, traits: str) -> Callable[[int, str, str], str]:
    """Return how an SDK writes a message; a time is its own, not the person's."""

    def item(n: int, type_: str, raw: str) -> str:
        at = f', "timestamp": {raw}' if type_ == "moments" else ""
        known = "emails" if type_ == "moments" else type_
        value = f'"p{n}@example.org"' if type_ == "moments" else raw
        values = traits.replace("VALUES", person(n, SDK, known, value))
        return f'{{"type": "{kind}", "messageId": "m-{n}", {more}{values}{at}}}'

    return item


def of_ours(keys: dict[str, str], head: str) -> Callable[[int, str, str], str]:
    """Return how a message of ours is written; N is its number."""

    def item(n: int, type_: str, raw: str) -> str:
        values = person(n, keys, type_, raw)
        return head.replace("N", str(n)).replace("VALUES", values)

    return item


NATIVE, SEGMENT = "/api/v1/captures/batch", "/v1/batch"
ALL = {"names", "phones", "emails", "moments"}
TRACK = '"event": "Signed Up", '
BATCHES: dict[str, tuple[str, str, Callable[[int, str, str], str], set[str]]] = {
    "native": (
        NATIVE,
        "captures",
        of_ours(SNAKE, '{"type": "signup", "message_id": "m-N", VALUES}'),
        ALL,
    ),
    "native in camelCase": (
        NATIVE,
        "captures",
        of_ours(CAMEL, '{"type": "signup", "messageId": "m-N", VALUES}'),
        ALL,
    ),
    "CloudEvents": (
        NATIVE,
        "captures",
        of_ours(
            CAMEL,
            '{"specversion": "1.0", "id": "m-N", "source": "/shop", '
            '"type": "org.example.signup", "data": {VALUES}}',
        ),
        ALL,
    ),
    "identify": (SEGMENT, "batch", of_sdk("identify", "", '"traits": {VALUES}'), ALL),
    "track": (
        SEGMENT,
        "batch",
        of_sdk("track", TRACK, '"properties": {VALUES}'),
        ALL,
    ),
    "context": (
        SEGMENT,
        "batch",
        of_sdk("track", TRACK, '"context": {"traits": {VALUES}}'),
        ALL,
    ),
}
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


def check(kind: str, lines: list[tuple[int, dict[str, str]]]) -> None:
    """Compare what was stored of each message with its line of the table."""
    every = Capture.objects.select_related("link__customer")
    # That of a CloudEvent has its source before it.
    stored = {c.message_id.rpartition("#")[2]: c for c in every}
    refused = {
        (quarantined.message_id or "").rpartition("#")[2]: quarantined.code
        for quarantined in Quarantine.objects.all()
    }
    for n, line in lines:
        name = f"m-{n}"
        if kind == "emails":
            check_email(line, stored.get(name), refused.get(name))
        else:
            CHECKS[kind](line, stored[name], codes_of(stored[name]))


def codes_of(capture: Capture) -> set[str]:
    return {code for code, _pointer in capture.warnings or ()}


def check_email(line: dict[str, str], capture: Capture | None, code: Any) -> None:
    raw = json.loads(line["raw"])
    expected = "" if line["stored"].startswith("!") else line["key"]
    if raw == "ana@example.org\0":
        expected = "ana@example.org"
    if expected:
        assert capture is not None, (line, code)
        assert capture.email == expected, line
    elif raw.strip():
        assert code in REFUSED, line


def check_name(line: dict[str, str], capture: Capture, codes: set[str]) -> None:
    customer = capture.link.customer
    assert customer.name == (line["captured"].lstrip("~") or customer.email), line
    assert ("invisible_name" in codes) == line["captured"].startswith("~"), line


def check_phone(line: dict[str, str], capture: Capture, codes: set[str]) -> None:
    number = line["number"]
    if number == "!invisible_character" or "\0" in json.loads(line["raw"]):
        return
    is_none = number.startswith("!")
    assert ("phone_invalid" in codes) == is_none, line
    assert (capture.link.customer.phone_e164 or "") == ("" if is_none else number), line


def check_moment(line: dict[str, str], capture: Capture, codes: set[str]) -> None:
    expected = line["captured"]
    if expected.startswith("!"):
        # An SDK's is read before it is known to be a time.
        assert codes & {"unreadable_timestamp", "does_not_fit"}, line
    elif expected:
        moment = drawn(capture.original_timestamp)
        assert moment == expected.removeprefix("n:"), line
        assert ("naive_timestamp" in codes) == expected.startswith("n:"), line


REFUSED = {"schema_violation", "invisible_character", "illegal_identity"}
CHECKS = {"names": check_name, "phones": check_phone, "moments": check_moment}
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
        answer = post(path, f'{{"{whole}": [{", ".join(items)}]}}')
        assert answer.status_code in (200, 207, 422), answer.content

    check(kind, lines)


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

    check(kind, lines)


@pytest.mark.parametrize("kind", ["emails", "names", "phones"])
def test_a_signed_webhook(norway, kind):
    source = SourceFactory(business=norway, slug="shop")
    endpoint = WebhookEndpointFactory(source=source, provider="standard")
    secret = captures.new_standard_secret()
    captures.add_secret(endpoint, secret, actor=ACTOR)
    key = base64.b64decode(secret.removeprefix("whsec_"))
    lines = some(list(enumerate(lines_of(kind))))
    for n, line in lines:
        values = person(n, SNAKE, kind, line["raw"])
        body = f'{{"type": "signup", "data": {{{values}}}}}'
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

    check(kind, lines)


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
            expected = "" if line["number"].startswith("!") else line["number"]
            assert (customer.phone_e164 or "") == expected, line
