"""Long texts that bring slow code to a stop, and how they come in at every entrance."""

from __future__ import annotations

import base64
import contextlib
import gc
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import tablib
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpRequest
from django.test import Client
from django.test.client import ClientHandler
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers

from audit.admin.base import GuardedAdmin, ScopedAdmin
from audit.models import RateLimitBucket
from audit.rest.write_viewsets import WritableViewSet
from capture.api.fixed_routes import ROUTES
from capture.choices import CaptureType
from capture.parsing.body import MAX_ITEM
from customers.cells import csv_line
from customers.sheets import SafeXLSX
from tests.capture.adapters import test_paypal_signatures as signatures
from tests.conftest import form_data, post_confirmed
from tests.contract.doors import asked_about, doors, path_of
from tests.contract.test_refused_forms import editable, forms_of
from tests.house.test_patterns import TooSlowError, limited
from tests.long import sample

# What an item, a column or a cell is filled with, in bytes of UTF-8: the largest item
# that is taken, less what stands around the text.
SIZE = MAX_ITEM - 12_288
# Of CPU, for one request; and for a page on a machine that does nothing else.
CEILING = 10.0
PAGE_SECONDS = 1.0
TOO_MANY = 429
# Of Stripe, where the text is the key, and of standard webhooks, where its base64 is.
SECRET = f"whsec_{base64.b64encode(bytes(32)).decode()}"
PAYPAL = signatures.WEBHOOK
MARKS = "\u0301\u0316"


def _filled(unit: str) -> Callable[[int], str]:
    def fill(size: int) -> str:
        # As JSON writes it, which is what the entrances measure.
        cost = len(json.dumps(unit, ensure_ascii=False).encode()) - 2
        return unit * (size // cost)

    return fill


TEXTS: dict[str, Callable[[int], str]] = {
    "letters": _filled("a"),
    "digits": _filled("7"),
    "blanks": lambda size: f"x{_filled(' ')(size - 2)}x",
    "lines": lambda size: f"x{_filled(chr(10))(size - 4)}x",
    "at": _filled("@"),
    "addresses": _filled("a@"),
    "phones": _filled("+1 "),
    "brackets": _filled("[({"),
    "quotes": _filled("\"\\'"),
    "markup": _filled("<a href='http://a.b?& "),
    "marks": lambda size: f"a{_filled(MARKS)(size - 1)}",
    "emoji": _filled("👩‍👩‍👧‍👦"),
    "nested": lambda size: ('{"a":' * 90 + "1" + "}" * 90)[: size // 2],
    "numbers": _filled("+1234567,"),
}


def nested(text: str, depth: int = 60) -> Any:
    """Return JSON that is as deep as it may be, with a text at its end."""
    value: Any = text
    for level in range(depth):
        value = {"k": value} if level % 2 else [value]
    return value


# Answers of a door that does not look at what is sent.
_CLOSED = {401, 403, 404, 405}


@contextlib.contextmanager
def requests_timed() -> Iterator[list[float]]:
    """Yield a list that gets the seconds of CPU of each request, streams unread."""
    spent: list[float] = []
    handle = ClientHandler.__call__

    def timed(handler: ClientHandler, environ: dict[str, Any]) -> Any:
        start = time.process_time()
        try:
            return handle(handler, environ)
        finally:
            spent.append(time.process_time() - start)

    with mock.patch.object(ClientHandler, "__call__", timed):
        yield spent


@dataclass
class Meter:
    """Measures the CPU of requests, and keeps what the slowest of a name took.

    A call may be several: a page, its confirmation, the form again. What the test
    itself does between them is not counted. `fed` are the routes that took a POST.
    """

    found: dict[str, float] = field(default_factory=dict)
    fed: set[str] = field(default_factory=set)

    def ask(self, name: str, call: Callable[[], Any]) -> Any:
        """Return the whole answer of a call. Fails at the ceiling, and for a 5xx."""
        answer = self._measured(name, call)
        if answer.status_code == TOO_MANY:
            # No rate is under test, and so many requests are beyond any.
            RateLimitBucket.objects.all().delete()
            answer = self._measured(name, call)
        assert answer.status_code < 500, f"{name}: {answer.status_code}"
        assert answer.status_code != TOO_MANY, name
        request = answer.wsgi_request
        if request.method == "POST" and answer.status_code not in _CLOSED:
            self.fed.add(request.resolver_match.route)
        return answer

    def _measured(self, name: str, call: Callable[[], Any]) -> Any:
        # What the requests before it have left to collect is not its own.
        gc.disable()
        try:
            with limited(CEILING), requests_timed() as spent:
                answer = call()
                start = time.process_time()
                answer.whole = answer.getvalue()
                spent[-1] += time.process_time() - start
        except TooSlowError:
            message = f"{name} takes more than {CEILING} s of CPU."
            raise AssertionError(message) from None
        finally:
            gc.enable()
        self.found[name] = max(*spent, self.found.get(name, 0))
        return answer

    def slowest(self, number: int = 10) -> list[str]:
        """Return the slowest requests, for people."""
        ranked = sorted(self.found.items(), key=lambda pair: -pair[1])[:number]
        return [f"{spent:6.3f} s  {name}" for name, spent in ranked]


# --- captures -----------------------------------------------------------------------

WHO = {"user_email": "hostile@example.org", "user_id": "u-1", "anonymous_id": "a-1"}
NAMED = (
    *("name", "plan_name", "coupon_code", "payment_method", "payment_processor"),
    *("trading_experience", "risk_tolerance", "trading_goals", "failure_reason"),
    *("prop_firm", "device_info", "location", "theme", "referral_code", "phone"),
)
SDK = ("identify", "track", "page", "screen", "group", "alias")


def bodies(kind: str, size: int = SIZE) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield bodies of the largest size that hold a text: in one key, in many, deep."""
    fill = TEXTS[kind]
    share = size // (len(NAMED) + 4)
    yield "one", {"essay": fill(size)}
    yield (
        "many",
        {name: fill(share) for name in NAMED}
        | {
            "answers": {"essay": fill(share)},
            "dashboardData": {"account": {"note": fill(share)}},
            "device": [fill(share)],
        },
    )
    yield "deep", {"answers": nested(fill(size)), "state": 1}
    yield "list", {"essay": [fill(200)[:100]] * (size // 220)}
    yield (
        "cards",
        {
            "essay": ["4111111111111111"] * (size // 19),
            "crypto_assets": [fill(20)] * 5000,
        },
    )
    small = [1, "", 1.5, [], "a", None]
    yield "small", {"essay": small * (size // 28)}
    yield "keys", {f"{n}{fill(200)[:100]}": fill(200)[:100] for n in range(900)}


def capture_paths() -> list[tuple[str, Callable[[dict[str, Any]], Any]]]:
    """Return each door of captures, and how it wraps what a message says."""

    def plain(body: dict[str, Any]) -> Any:
        return {**WHO, **body}

    def native(kind: str) -> Callable[[dict[str, Any]], Any]:
        return lambda body: {"type": kind, **plain(body)}

    def sdk(kind: str) -> Callable[[dict[str, Any]], Any]:
        def wrap(body: dict[str, Any]) -> Any:
            part = "traits" if kind in ("identify", "group") else "properties"
            who = {"userId": "u-1", "traits": {"email": WHO["user_email"]}}
            names = {"event": "Looked", "groupId": "g", "previousId": "p"}
            return {"type": kind, **who, **names, part: body}

        return wrap

    return [
        *((f"/{path}", plain) for path in ROUTES),
        *(("/api/v1/captures", native(kind)) for kind in CaptureType.values),
        ("/api/v1/captures/batch", lambda body: {"captures": [native("event")(body)]}),
        ("/api/v1/captures/validate", native("event")),
        *((f"/v1/{kind}", sdk(kind)) for kind in SDK),
        *((f"/v1/{kind[0]}", sdk(kind)) for kind in SDK),
        *(
            (path, lambda body: {"batch": [sdk("track")(body)]})
            for path in ("/v1/batch", "/v1/b", "/v1/import", "/beacon/v1/batch")
        ),
    ]


def send_captures(meter: Meter, key: str, kind: str) -> None:
    """Send a text to each door of captures: in some place of a message, and as none."""
    text, number = TEXTS[kind], list(TEXTS).index(kind)
    client = Client(
        headers={"Authorization": f"Bearer {key}", "User-Agent": text(8000)}
    )
    shapes = list(bodies(kind))
    # In the short form each door gets every other text.
    for place, (path, wrap) in sample([*enumerate(capture_paths())], 2, start=number):
        # All doors read alike: over all texts each of them gets each shape.
        shape, body = shapes[(place + number) % len(shapes)]
        said = wrap(body) | {"message_id": f"{kind}-{shape}-{path}"[:200]}
        sent = {shape: json.dumps(said, ensure_ascii=False)}
        if (place + number) % len(shapes) == 0:
            sent["no JSON"] = text(SIZE)
            sent["nobody"] = json.dumps({"essay": text(SIZE // 6)})
        for name, raw in sent.items():
            meter.ask(
                f"POST {path} ({kind}, {name})",
                lambda p=path, r=raw: client.post(p, r, "application/json"),
            )


def send_webhooks(meter: Meter, places: Iterable[Any], kind: str) -> None:
    """Deliver a text in a signed event, and in one that nobody signed."""
    text = TEXTS[kind]
    for place in places:
        event = _EVENTS[place.provider](f"evt_{kind}", text(SIZE))
        for raw in (
            json.dumps(event, ensure_ascii=False).encode(),
            text(SIZE).encode(),
        ):
            right, name = _signed(place, raw, kind)
            for mark in (right[name], "0" * 64, text(8000)):
                path = f"/api/v1/webhooks/{place.provider}/{place.pk}"
                meter.ask(
                    f"POST {place.provider} ({kind})",
                    lambda p=path, r=raw, h={**right, name: mark}: Client().post(
                        p, r, "application/json", headers=h
                    ),
                )


_EVENTS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "stripe": lambda name, text: {
        "id": name,
        "type": "payment_intent.succeeded",
        "created": 1_795_000_000,
        "livemode": False,
        "data": {
            "object": {
                "id": f"pi_{name}",
                "amount_received": 1200,
                "currency": "jpy",
                "description": text,
            }
        },
    },
    "paypal": lambda name, text: {
        "id": name,
        "event_type": "PAYMENT.CAPTURE.COMPLETED",
        "create_time": "2026-11-20T10:00:00Z",
        "resource": {
            "id": f"pay_{name}",
            "amount": {"value": "12.00", "currency_code": "EUR"},
            "note_to_payer": text,
        },
    },
    "standard": lambda name, text: {
        "type": "payment.succeeded",
        "timestamp": "2026-11-20T10:00:00Z",
        "data": {
            "transaction_id": f"tx_{name}",
            "amount": "12.00",
            "currency": "EUR",
            "note": text,
        },
    },
}


def _signed(place: Any, raw: bytes, kind: str) -> tuple[dict[str, str], str]:
    """Return the headers of a delivery, and the name of the one that signs it."""
    if place.provider == "paypal":
        known = signatures.headers(raw, at=timezone.now(), webhook=PAYPAL)
        return known, "Paypal-Transmission-Sig"
    now = int(time.time())
    if place.provider == "stripe":
        mark = hmac.new(SECRET.encode(), f"{now}.".encode() + raw, hashlib.sha256)
        return {
            "Stripe-Signature": f"t={now},v1={mark.hexdigest()}"
        }, "Stripe-Signature"
    named = f"wh_{kind}.{now}.".encode() + raw
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    mark = base64.b64encode(hmac.digest(key, named, "sha256")).decode()
    return {
        "webhook-id": f"wh_{kind}",
        "webhook-timestamp": str(now),
        "webhook-signature": f"v1,{mark}",
    }, "webhook-signature"


# --- rows of staff ------------------------------------------------------------------


def change_by_api(meter: Meter, client: Client, row: Any, kind: str) -> None:
    """Write a text into each column of a row that the API takes one for."""
    for door in doors():
        view = getattr(door.view, "cls", None)
        if not (isinstance(view, type) and issubclass(view, WritableViewSet)):
            continue
        if (
            view.model is not type(row)
            or door.view.actions.get("patch") != "partial_update"
        ):
            continue
        values = asked_about(row).values
        # Its slug is one of the texts.
        values["business"] = str(getattr(row, "business_id", row.pk))
        path = path_of(door.route, values)
        body = {
            name: _value_for(made, kind)
            for name, made in view.update_serializer_class().fields.items()
            if isinstance(made, serializers.CharField | serializers.JSONField)
            or type(made) is serializers.ListField
        }
        _until_taken(meter, client.patch, f"PATCH {door.route}", path, body)


def _value_for(made: Any, kind: str) -> Any:
    text = TEXTS[kind](SIZE)
    if isinstance(made, serializers.JSONField | serializers.ListField):
        return [{"sku": text[: SIZE // 4], "note": text[: SIZE // 4]}]
    longest = getattr(made, "max_length", None)
    return text[:longest] if longest else text


def _until_taken(
    meter: Meter, call: Any, name: str, path: str, body: dict[str, Any]
) -> None:
    """Send a change; what is refused of it is left out of the next try."""
    for _ in range(3):
        if not body:
            return
        answer = meter.ask(name, lambda b=body: call(path, b, "application/json"))
        if answer.status_code == 200:
            return
        assert answer.status_code in (400, 413, 422), answer.whole[:500]
        wrong = {
            part
            for error in answer.json().get("errors", ())
            for part in error["pointer"].split("/")[1:2]
        }
        if not wrong & body.keys():
            return  # the row itself is not to be changed
        body = {key: value for key, value in body.items() if key not in wrong}


EDITED = {
    model: page
    for model, page in admin.site._registry.items()
    if isinstance(page, ScopedAdmin) and not isinstance(page, GuardedAdmin)
}


def change_by_form(meter: Meter, client: Client, row: Any, kind: str) -> None:
    """Write a text into each input of a row's page, and into those of rows below it."""
    opts = row._meta
    path = reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])
    page = client.get(path)
    if not page.context["has_change_permission"]:
        return
    data = form_data(client, path)
    names = {name: made for form in forms_of(page) for name, made in _texts(form)}
    sent = {name: _typed(made, kind) for name, made in names.items()}
    for _ in range(3):
        name = f"POST admin {opts.label_lower} ({kind})"
        answer = meter.ask(
            name, lambda d={**data, **sent}: post_confirmed(client, path, d)
        )
        if answer.status_code == 302:
            return
        wrong = {
            bound.html_name
            for form in forms_of(answer)
            for bound in form
            if bound.errors
        }
        sent = {name: value for name, value in sent.items() if name not in wrong}


def _texts(form: Any) -> Iterator[tuple[str, Any]]:
    for name in editable(form):
        short = name.removeprefix(f"{form.prefix}-") if form.prefix else name
        made = form.fields[short]
        if not hasattr(made, "queryset") and not hasattr(made, "choices"):
            yield name, made


def _typed(made: Any, kind: str) -> str:
    text = TEXTS[kind](SIZE // 4)
    longest = getattr(made, "max_length", None)
    if type(made).__name__ == "JSONField":
        return json.dumps({"note": text})
    return text[:longest] if longest else text


# --- files --------------------------------------------------------------------------


def import_files(meter: Meter, client: Client, kind: str, business: Any) -> None:
    """Send files with a text in each column of each table that is imported."""
    text, number = TEXTS[kind], list(TEXTS).index(kind)
    tables = [
        (model, page)
        for model, page in admin.site._registry.items()
        if hasattr(page, "resource_classes")
    ]
    business.refresh_from_db()
    # The files of all tables are read alike.
    for model, page in tables[number % len(tables) :][:1]:
        stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        row = model._base_manager.filter(business=business).order_by("pk").last()
        [resource] = page.get_resource_classes(HttpRequest())
        made = resource()
        names = [f.column_name for f in made.get_import_fields()]
        wild = [text(SIZE // len(names)) for _ in names]
        known = {"business": business.slug, "id": str(row.pk), "reference": ""}
        tame = [known.get(name, text(30_000)[:30_000]) for name in names]
        lines = csv_line(names) + csv_line(wild) + csv_line(tame) * 20
        table = tablib.Dataset(*[tame] * 20, headers=names)
        files = {
            "0": SimpleUploadedFile("a.csv", lines.encode(), "text/csv"),
            "1": SimpleUploadedFile("a.xlsx", SafeXLSX().export_data(table)),
        }
        for number, file in files.items():
            path = reverse(f"{stem}_import")
            data = {"format": number, "resource": "0", "import_file": file}
            answer = meter.ask(
                f"POST {path} ({kind}, {file.name})",
                lambda p=path, d=data: client.post(p, d),
            )
            form = answer.context.get("confirm_form") if answer.context else None
            if form is not None:
                data = {name: form[name].value() for name in form.fields}
                path = reverse(f"{stem}_process_import")
                meter.ask(
                    f"POST {path} ({kind}, {file.name})",
                    lambda p=path, d=data: client.post(p, d),
                )
