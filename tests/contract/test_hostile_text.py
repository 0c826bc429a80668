"""No text that is stored can hang a page, whichever entrance it came in by.

The largest texts that are taken, each the worst for some kind of code, go through every
entrance; then every page and answer of the resolver is opened that could show them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import urljoin

import pytest
from django.contrib import admin
from django.db import models
from django.db.models import Max
from django.db.models.functions import Cast, Length
from django.test import Client
from django.urls import reverse

from audit.fields import long_columns
from audit.models import User
from audit.rest.viewsets import ResourceViewSet
from audit.tenancy.actors import Actor
from capture import services
from capture.choices import Provider
from capture.models import Quarantine
from customers.models import Business, Customer
from tests.capture.adapters.test_paypal_signatures import certificate
from tests.conftest import confirm, signed_in
from tests.contract.doors import Door, asked_about, doors, path_of
from tests.contract.hostile import (
    EDITED,
    PAGE_SECONDS,
    PAYPAL,
    SECRET,
    SIZE,
    TEXTS,
    WHO,
    Meter,
    change_by_api,
    change_by_form,
    import_files,
    send_captures,
    send_webhooks,
)
from tests.contract.posts import (
    asked_in,
    is_of_staff,
    post_to_api,
    post_to_page,
    posts,
    unfed,
)
from tests.contract.test_access import read_matrix
from tests.customers.admin.test_exchange import export
from tests.customers.api.exporting import confirmed
from tests.factories import (
    ApiKeyFactory,
    BookingFactory,
    CustomerFactory,
    IdentityReviewFactory,
    JobFactory,
    MembershipFactory,
    SourceFactory,
    TicketFactory,
    UserFactory,
    WebhookEndpointFactory,
)
from tests.factories.rows import factory_of
from tests.long import IS_LONG, sample

pytestmark = pytest.mark.slow
# A page of a row is opened for so many rows of its table.
ROWS = 6 if IS_LONG else 2
CROWD = 60 if IS_LONG else 8
# The last one stays in what a person has once: not the one whose commas end a tag.
ALL = ["numbers", *(kind for kind in TEXTS if kind != "numbers")]
# The worst for masks, and for normal forms.
KINDS = ALL if IS_LONG else ["addresses", "marks"]
# Longer than any column that has a limit.
LONG = 400
# Columns that nobody fills: made here, or checked to be a few words each.
SHORT = {
    "salt",
    "commitment",
    "fingerprint",
    "raw_signature",
    "sealed_secrets",
    "subjects",
    "data",
    "spent",
    "scopes",
    "origins",
    "networks",
    "event_types",
    "archive_reason",
    "removed_reason",
    # Of one table each.
    "customers.Preferences.preferred_categories",
    "capture.CapturedValue.value",
    "capture.Quarantine.raw",
    "audit.Job.args",
    "audit.Job.cursor",
    "audit.Job.report",
    # Every search cuts its text, or refuses it, at 200.
    "audit.Event.query",
}


@pytest.fixture
def quiet() -> Iterator[None]:
    """Write no lines of the log: thousands of requests are refused."""
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


def test_nothing_stored_can_hang_a_page(db, quiet, record_property):
    entrances, pages, masked = Meter(), Meter(), Meter()

    stored = store(entrances)
    assert unfed(entrances.fed) == []
    empty = empty_columns()
    assert not empty, empty
    # A process makes it once, of nothing that is stored.
    stored.owner.get(reverse("schema"))
    statuses = walk(pages, stored.owner, stored)
    walk(masked, masked_client(stored), stored, every=4)
    write_files(pages, stored)

    # What `test_access` knows as shown was shown here.
    shown = {
        key.split(" ", 1)[1]
        for key, cells in read_matrix().items()
        if key.startswith("GET ") and cells.startswith(("owner 200", "owner 400"))
    }
    assert {r for r in shown if 200 not in statuses.get(r, ())} == set()
    for name, meter in {
        "entrances": entrances,
        "pages": pages,
        "masked pages": masked,
    }.items():
        record_property(name, meter.slowest())
        print(f"\n{name}:", *meter.slowest(), sep="\n")  # noqa: T201 - with -s
    if IS_LONG:
        shown_in = pages.found | masked.found
        assert {n: s for n, s in shown_in.items() if s >= PAGE_SECONDS} == {}


# --- entrances ----------------------------------------------------------------------


def store(meter: Meter) -> SimpleNamespace:
    """Send each text through every entrance, and return whose rows it is in."""
    source = SourceFactory()
    key = ApiKeyFactory(source=source).prefix
    owner = signed_in(UserFactory(is_superuser=True))
    owner.defaults["HTTP_X_BUSINESS"] = str(source.business.pk)
    places = [endpoint(source, provider) for provider in Provider.values]
    # What a bulk act and an import have in common.
    JobFactory(business_id=source.business.pk, reason=TEXTS["addresses"](SIZE))
    crowd(meter, key)
    person = Customer.objects.get(email_key=WHO["user_email"])
    for number, kind in enumerate(KINDS):
        send_captures(meter, key, kind)
        send_webhooks(meter, places, kind)
        for turn, row in enumerate(rows_of_staff(person, source, number)):
            # Both write by the same services.
            change = (change_by_api, change_by_form)[(turn + number) % 2]
            change(meter, owner, row, kind)
        leave_reasons(meter, owner, person, kind)
        go_back(meter, owner, key, person, kind)
        decide_whose(meter, owner, source, person, kind)
        import_files(meter, owner, kind, source.business)
        search(meter, owner, kind)
        come_by(meter, owner, kind)
        knock(meter, source.business, kind, number)
    return SimpleNamespace(owner=owner, business=source.business, person=person)


def endpoint(source: Any, provider: str) -> Any:
    """Return where a provider delivers, with what its signatures are checked by."""
    pinned = {
        "paypal_webhook_id": PAYPAL,
        "certificate": certificate(begins=-9999, ends=9999).decode(),
    }
    more = pinned if provider == Provider.PAYPAL else {}
    place = WebhookEndpointFactory(source=source, provider=provider, **more)
    services.add_secret(place, SECRET, actor=Actor.system("test"))
    return place


def knock(meter: Meter, business: Business, kind: str, number: int) -> None:
    """Send a text to every address of staff; in the short form each gets some text."""
    client = signed_in(UserFactory(is_superuser=True))
    waiting = [door for door in posts() if is_of_staff(door)]
    for door in sample(waiting, len(KINDS), start=number):
        post = post_to_page if door.is_admin else post_to_api
        post(meter, client, door, asked_in(business, door), kind)


def crowd(meter: Meter, key: str) -> None:
    """Let many people send the answers, and the states, that take longest to mask."""
    client = Client(headers={"Authorization": f"Bearer {key}"})
    text = TEXTS["addresses"](SIZE // 2 - 16_000)
    for number in range(CROWD):
        email = f"crowd{number}@example.org" if number else WHO["user_email"]
        who = {"user_email": email, "name": text[:200]}
        lists = ("crypto_assets", "forex_assets", "custom_forex_pairs")
        said = {**who, **dict.fromkeys(lists, [text[:190]] * 9), "essay": text}
        said |= {"preferred_categories": [text[:190]] * 9, "trading_goals": text[:2000]}
        said |= {"trading_experience": text[:2000], "risk_tolerance": text[:2000]}
        said |= {"dashboardData": {"a": text}, "tradingState": {"a": text[:9000]}}
        said |= {"success": False, "failure_reason": text[:2000]}
        paths = ["questionnaire", "dashboard", "payment"]
        once = ["../customer-data/capture-signup", "../v1/tracking/logins"]
        for path in paths if number else [*paths, *once]:
            answer = meter.ask(
                f"POST {path} (crowd)",
                lambda p=path, s=said: client.post(
                    urljoin("/api/data-capture/", p), s, "application/json"
                ),
            )
            assert answer.status_code == 200, answer.whole[:300]


def rows_of_staff(person: Customer, source: Any, number: int) -> Iterator[models.Model]:
    """Yield a row of each table that staff writes, of one person where it has one."""
    booking = BookingFactory(
        customer=person, status="completed", total_amount=10, paid_amount=10
    )
    ticket = TicketFactory(customer=person)
    known = {
        "customer": person,
        "business": person.business,
        "source": source,
        "booking": booking,
        "ticket": ticket,
        "code": f"mark-{number}",
    }
    for model in EDITED:
        if model is Business:
            yield person.business
            continue
        factory = factory_of(model)
        assert factory, f"{model._meta.label} has no factory in tests/factories/."
        asked = {
            name: value
            for name, value in known.items()
            if name in factory._meta.pre_declarations and model is not type(value)
        }
        yield factory(**asked)


def leave_reasons(meter: Meter, client: Client, person: Any, kind: str) -> None:
    """Give a text as the reason of what is kept and never changed."""
    text, below = TEXTS[kind], f"/api/v1/customers/{person.pk}"
    credit = {"amount": "1", "currency": "EUR", "reason": text(500)[:500]}
    consent = {"purpose": "marketing", "channel": "email", "action": "given"}
    consent |= {"wording_version": "v3", "evidence": text(SIZE)}
    posts: list[tuple[str, Callable[[], Any]]] = [
        (path, lambda p=path, b=body: client.post(p, b, "application/json"))
        for path, body in (
            (f"{below}/credits", credit),
            (f"{below}/consents", consent),
        )
    ]
    item = Quarantine.objects.filter(decisions=None).first()
    assert item is not None
    discard = reverse("admin:capture_quarantine_discard", args=[item.pk])
    reason = {"reason": text(2000)[:2000]}
    posts.append(("discard", lambda: client.post(discard, reason)))
    for name, post in posts:
        meter.ask(f"POST {name} ({kind})", post)


def go_back(meter: Meter, client: Client, key: str, person: Any, kind: str) -> None:
    """Fill the lines of a booking, the reasons of its money, and what went back."""
    text = TEXTS[kind](500)[:500]
    booking = BookingFactory(customer=person, status="pending", total_amount=10)
    below = f"/api/v1/bookings/{booking.pk}"
    money = {"amount": "1", "reason": text}
    program = Client(headers={"Authorization": f"Bearer {key}"})
    paid = {**WHO, "transaction_id": f"went-back-{kind}", "currency": "EUR"}
    parts = [{"refund_id": f"{n}{text[:250]}", "refund_amount": 1} for n in range(9)]
    for name, call in (
        (
            "lines",
            lambda: client.patch(
                below, {"lines": [{"description": text}] * 500}, "application/json"
            ),
        ),
        (
            "payment",
            lambda: client.post(
                f"{below}/payments", {**money, "method": "cash"}, "application/json"
            ),
        ),
        (
            "refund",
            lambda: post_confirmed_api(
                client, f"{below}/refunds", {**money, "reason_code": "quality"}
            ),
        ),
        *(
            (
                "refunds of a processor",
                lambda b={**paid, **part}: program.post(
                    "/api/data-capture/payment", b, "application/json"
                ),
            )
            for part in ({"final_price": 90, "payment_status": "completed"}, *parts)
        ),
    ):
        answer = meter.ask(f"{name} ({kind})", call)
        assert answer.status_code < 300, (name, answer.whole[:500])


def post_confirmed_api(client: Client, path: str, body: dict[str, Any]) -> Any:
    """Send, and confirm with the PIN if that is asked for."""
    answer = client.post(path, body, "application/json")
    if answer.status_code == 401:
        needed = answer.json()
        confirm(client, needed["scope"], needed["digest"])
        answer = client.post(path, body, "application/json")
    return answer


def decide_whose(
    meter: Meter, client: Client, source: Any, person: Any, kind: str
) -> None:
    """Decide a review with a text as the reason."""
    review = IdentityReviewFactory(
        source=source,
        email=person.email,
        user_ref=f"whose-{kind}",
        email_customer=person,
        user_customer=CustomerFactory(business=source.business),
    )
    body = {
        "decision": "same_person",
        "customer_id": str(person.pk),
        "reason": TEXTS[kind](2000)[:500],
    }
    answer = meter.ask(
        f"decide ({kind})",
        lambda: client.post(
            f"/api/v1/identity-reviews/{review.pk}/decide", body, "application/json"
        ),
    )
    assert answer.status_code == 200, answer.whole[:500]


def come_by(meter: Meter, client: Client, kind: str) -> None:
    """Sign in with a text, and bring it in every header that is looked at."""
    text = TEXTS[kind](8000)
    names = (
        *("User-Agent", "Referer", "Accept", "Accept-Language", "X-Request-Id"),
        *("If-Match", "Idempotency-Key", "X-Forwarded-For", "traceparent"),
    )
    headers = dict.fromkeys(names, text)
    who = {"username": TEXTS[kind](SIZE), "password": TEXTS[kind](SIZE)}
    for name, call in (
        ("headers", lambda: client.get("/api/v1/notes", headers=headers)),
        ("headers", lambda: client.get("/admin/", headers={"User-Agent": text})),
        ("origin", lambda: client.get("/api/v1/captures", headers={"Origin": text})),
        ("key", lambda: Client().get("/api/v1/me", headers={"Authorization": text})),
        ("sign in", lambda: Client().post("/admin/login/", who)),
        (
            "token",
            lambda: Client().post("/api/v1/auth/token", who, "application/json"),
        ),
    ):
        meter.ask(f"{name} ({kind})", call)


def search(meter: Meter, client: Client, kind: str) -> None:
    """Ask every list for a text, and for one that almost is in the rows."""
    text = TEXTS[kind](1900)
    values = asked_about(Business.objects.first()).values
    number = list(TEXTS).index(kind)
    for place, door in enumerate(doors()):
        is_list = door.is_admin and door.route.count("/") == 3
        view = getattr(door.view, "cls", None)
        is_table = isinstance(view, type) and issubclass(view, ResourceViewSet)
        if not (is_list or is_table or "search" in door.route):
            continue
        if is_table and door.view.actions.get("get") != "list":
            continue
        path = path_of(door.route, values)
        if (place + number) % 3 == 0:
            # It almost is in the rows.
            name = "search" if is_table else "q"
            send = partial(client.post, follow=True) if door.is_admin else client.get
            meter.ask(
                f"search of {door.route} ({kind})",
                lambda p=path, n=name, s=send: s(p, {n: f"{text}!"}),
            )


# --- pages --------------------------------------------------------------------------


def queries(door: Door) -> list[str]:
    """Return with which parameters a page is asked: the most that it shows."""
    view = getattr(door.view, "cls", None)
    found = [""]
    if (
        isinstance(view, type)
        and issubclass(view, ResourceViewSet)
        and (door.view.actions.get("get") == "list")
    ):
        found.append(f"?page_size=200&expand={','.join(view.related)}")
    elif door.route.rstrip("/?$").endswith("timeline"):
        found.append("?limit=100")
    return found


def rows_for(door: Door) -> list[Any]:
    """Return rows of a door's table, of all times."""
    if door.model is None or "(?P" not in door.route + "(?P" * ("<" in door.route):
        return [None] if door.model is None else [door.model._base_manager.last()]
    if door.model is User:
        return list(User.objects.all()[:2])
    rows = list(door.model._base_manager.order_by("pk").values_list("pk", flat=True))
    step = max(-(-len(rows) // ROWS), 1)
    return list(door.model._base_manager.filter(pk__in=rows[::step]))


def masked_client(stored: Any) -> Client:
    """Return somebody who sees every table, and contact data nowhere."""
    auditor = UserFactory()
    MembershipFactory(user=auditor, business=stored.business, role="auditor")
    client = signed_in(auditor)
    client.defaults["HTTP_X_BUSINESS"] = str(stored.business.pk)
    return client


def walk(
    meter: Meter, client: Client, stored: Any, *, every: int = 1
) -> dict[str, set[int]]:
    """Open every address, or every so manieth; return the statuses of each route."""
    statuses: dict[str, set[int]] = {}
    nothing = asked_about(stored.business)
    for door in sample(doors(), every):
        if "logout" in door.route:
            continue
        for row in rows_for(door):
            asked = asked_about(row) if row is not None else nothing
            values = asked.values | {
                "business": str(stored.business.pk),
                "user_email": WHO["user_email"],
            }
            if "(?P<customer>" in door.route:
                values["customer"] = str(stored.person.pk)
            for query in queries(door):
                path = path_of(door.route, values) + query
                answer = meter.ask(f"GET {door.route}", lambda p=path: client.get(p))
                statuses.setdefault(door.route, set()).add(answer.status_code)
    return statuses


def write_files(meter: Meter, stored: Any) -> None:
    """Let every export write all rows."""
    why = {"purpose": "audit", "reason": "year-end"}
    full = {"format": "csv", "columns": [], "filters": {}, "in_clear": True, **why}
    bodies = {
        "/api/customer-data/export": full,
        "/api/v1/exports": {"profile": "list", "format": "csv", **why},
        f"/api/v1/customers/{stored.person.pk}/export": {"reason": "asked for"},
    }
    for path, body in bodies.items():
        answer = meter.ask(
            f"POST {path}", lambda p=path, b=body: confirmed(stored.owner, p, b)
        )
        assert answer.status_code in (200, 201, 202), answer.whole[:500]
    for model, page in admin.site._registry.items():
        if hasattr(page, "resource_classes"):
            path = f"/admin/customers/{model._meta.model_name}/"
            answer = meter.ask(f"POST {path}", lambda p=path: export(stored.owner, p))
            assert answer.status_code == 200


def empty_columns() -> list[str]:
    """Return the columns of any length in which no text arrived."""
    found = []
    for model in admin.site._registry:
        if model._meta.app_label not in ("audit", "customers", "capture"):
            continue
        for name in sorted(long_columns(model) - SHORT):
            text = Cast(name, models.TextField())
            rows = model._base_manager.all()
            if name == "raw":
                text = name
            longest = rows.aggregate(n=Max(Length(text)))["n"] or 0
            label = f"{model._meta.label}.{name}"
            if longest < LONG and label not in SHORT:
                found.append(label)
    return found
