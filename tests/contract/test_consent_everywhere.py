"""A no from any entrance shows at once: what holds, since when, and from where."""

from __future__ import annotations

import base64
import hmac
import json
import re
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.utils import timezone

from audit.tenancy.actors import Actor
from capture import services as captures
from customers import services
from customers.models import ConsentEvent, CustomerStats
from customers.services.consent import attach_restrictions, load_contact_profiles
from customers.tasks import load_import
from tests.conftest import actor_of, form_data, post_confirmed, signed_in, staff
from tests.contract.entrances import load_file, written
from tests.customers.admin.acting import do_act, said
from tests.customers.api.sending import send
from tests.factories import (
    ApiKeyFactory,
    ConsentEventFactory,
    CustomerFactory,
    SourceFactory,
    WebhookEndpointFactory,
)
from tests.jobs import run_jobs

EMAIL = "zelda@example.org"
PAGE = "https://shop.example"
SYSTEM = Actor.system("test")
NEWEST_NO = "No to marketing since"


class Desk:
    """A person who said yes, and everything by which a no can come."""

    def __init__(self, business: Any, folder: Any) -> None:
        self.business, self.folder = business, folder
        self.source = SourceFactory(business=business, name="Shop & Co", slug="shop")
        self.customer = CustomerFactory(
            business=business, email=EMAIL, phone="+47 22000421"
        )
        ConsentEventFactory(
            customer=self.customer,
            wording_version="v3",
            occurred_at="2026-01-01T00:00:00Z",
        )
        services.refresh_stats([self.customer.pk])
        self.colleague = staff(business, "admin")
        self.browser = signed_in(self.colleague)

    def page(self) -> str:
        self._capture("publishable")
        return "from a web page: Shop & Co"

    def server(self) -> str:
        self._capture("secret")
        return "from a server: Shop & Co"

    def signal_of_a_browser(self) -> str:
        key = ApiKeyFactory(source=self.source, kind="publishable", origins=[PAGE])
        body = {"type": "login", "email": EMAIL}
        headers = {
            "Authorization": f"Bearer {key.prefix}",
            "Sec-GPC": "1",
            "Origin": PAGE,
        }
        self._post("/api/v1/captures", body, headers)
        return "from a web page: Shop & Co"

    def webhook(self) -> str:
        endpoint = WebhookEndpointFactory(source=self.source, provider="standard")
        secret = captures.new_standard_secret()
        captures.add_secret(endpoint, secret, actor=SYSTEM)
        person = {"email": EMAIL, "marketing_consent": "no"}
        # Of a type that no adapter knows.
        body = json.dumps({"type": "mail.unsubscribed", "data": person})
        moment = str(int(time.time()))
        key = base64.b64decode(secret.removeprefix("whsec_"))
        mark = hmac.digest(key, f"w-1.{moment}.{body}".encode(), "sha256")
        headers = {
            "webhook-id": "w-1",
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(mark).decode()}",
        }
        path = f"/api/v1/webhooks/standard/{endpoint.pk}"
        answer = Client().post(path, body, "application/json", headers=headers)
        assert answer.status_code == 200, answer.content
        return "from a webhook: Shop & Co"

    def file(self) -> str:
        rows = written(["email", "marketing_consent"], [EMAIL, "nei"])
        load_file(
            rows,
            table="customer",
            business=self.business,
            actor=actor_of(self.colleague),
        )
        return "from a file"

    def file_of_the_former_system(self) -> str:
        path = self.folder / "old.db"
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, a)")
            db.execute("ALTER TABLE users RENAME COLUMN a TO marketing_consent")
            db.execute("INSERT INTO users VALUES (1, ?, 'no')", [EMAIL])
            db.commit()
        options = {"business": self.business.slug, "source": "shop"}
        call_command("import_legacy", str(path), stdout=StringIO(), **options)
        return "from a server: Shop & Co"

    def api(self) -> str:
        path = f"/api/v1/customers/{self.customer.pk}/consents"
        body = {"purpose": "marketing", "action": "withdrawn"}
        answer = send(self.browser, "POST", path, body)
        assert answer.status_code == 201, answer.content
        holds = answer.json()["holds"]
        assert [one["channel"] for one in holds] == ["email", "sms", "call"]
        for one in holds:
            assert (one["is_allowed"], one["rule"]) == (False, "withdrawn")
            assert (one["origin"], one["source"]) == ("staff", None)
            assert one["since"] == answer.json()["occurred_at"]
        return "by staff"

    def act(self) -> str:
        typed = {
            "purpose": "marketing",
            "channel": "all",
            "action": "withdrawn",
            "method": "phone",
        }
        do_act(self.browser, self.customer, "consent", **typed)
        holds = "No marketing by e-mail, SMS or phone from now on."
        assert holds in said(self.browser)
        return "by staff"

    def form(self) -> str:
        path = "/admin/customers/consentevent/add/"
        typed = {
            "customer": self.customer.pk,
            "purpose": "marketing",
            "action": "refused",
        }
        data = form_data(self.browser, path) | typed
        post_confirmed(self.browser, path, data)
        holds = "No marketing by e-mail, SMS or phone from now on."
        assert holds in said(self.browser)
        return "by staff"

    def yes_of(self, kind: str, **fields: Any) -> None:
        """Send a yes under a wording that counts, with a key of one kind."""
        self.source.consent_wording_version = "v3"
        services.save_record(self.source, actor=SYSTEM)
        self._capture(kind, marketing_consent="yes", **fields)

    def _capture(self, kind: str, **fields: Any) -> None:
        key = ApiKeyFactory(source=self.source, kind=kind, origins=[PAGE])
        body = {"type": "consent", "email": EMAIL, "marketing_consent": "no"} | fields
        headers = {"Authorization": f"Bearer {key.prefix}"}
        if kind == "publishable":
            headers["Origin"] = PAGE
        self._post("/api/v1/captures", body, headers)

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> None:
        text = json.dumps(body)
        answer = Client().post(path, text, "application/json", headers=headers)
        assert answer.status_code in (200, 201, 202), answer.content


ENTRANCES = [
    Desk.page,
    Desk.server,
    Desk.signal_of_a_browser,
    Desk.webhook,
    Desk.file,
    Desk.file_of_the_former_system,
    Desk.api,
    Desk.act,
    Desk.form,
]


@pytest.fixture
def desk(bakery, actor, tmp_path):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    return Desk(bakery, tmp_path)


def text_of(page: str) -> str:
    text = re.sub(r"<[^>]+>", " ", page).replace("&amp;", "&")
    return re.sub(r"\s+", " ", text)


@pytest.mark.parametrize("say_no", ENTRANCES, ids=lambda one: one.__name__)
def test_a_no_of_any_entrance_is_on_the_page_at_once(desk, say_no):
    address = f"/admin/customers/customer/{desk.customer.pk}/"
    before = text_of(desk.browser.get(address).text)
    assert NEWEST_NO not in before
    assert services.may_contact(desk.customer, "marketing", "email").is_allowed

    origin = say_no(desk)

    after = text_of(desk.browser.get(address).text)
    assert NEWEST_NO in after
    assert f", {origin} ." in after
    tab = text_of(desk.browser.get(f"{address}?tab=consent").text)
    marketing = tab.partition("Marketing")[2].partition("Loyalty")[0]
    assert len(re.findall(r"No withdrawn since \d", marketing)) == 3
    assert marketing.count(origin) == 3
    answers = {
        state.channel: (state.answer, state.origin.kind)
        for state in services.contact_states(desk.customer)
        if state.purpose == "marketing"
    }
    for channel, (answer, _kind) in answers.items():
        decided = services.may_contact(desk.customer, "marketing", channel)
        assert answer == decided
        assert decided.rule == "withdrawn"


def allowed_by_mail(desk: Desk) -> bool:
    answer = services.may_contact(desk.customer, "marketing", "email")
    opted_in = CustomerStats.objects.get(customer=desk.customer).is_opted_in
    attach_restrictions([desk.customer])
    assert answer.is_allowed == opted_in == bool(desk.customer.marketing_consent)
    return answer.is_allowed


OF_HIGHER_TRUST = [
    one for one in ENTRANCES if one not in (Desk.page, Desk.signal_of_a_browser)
]


@pytest.mark.parametrize("say_no", OF_HIGHER_TRUST, ids=lambda one: one.__name__)
def test_a_yes_of_a_page_lifts_no_no_of_higher_trust(desk, say_no):
    ahead = (timezone.now() + timedelta(minutes=4)).isoformat()
    desk.yes_of("publishable", timestamp=ahead)
    assert allowed_by_mail(desk)
    say_no(desk)
    assert not allowed_by_mail(desk)

    for moment in (None, ahead, "2026-02-01T00:00:00Z"):
        desk.yes_of("publishable", **({"timestamp": moment} if moment else {}))

        assert not allowed_by_mail(desk)
        address = f"/admin/customers/customer/{desk.customer.pk}/"
        assert NEWEST_NO in text_of(desk.browser.get(address).text)
    desk.yes_of("secret")
    assert allowed_by_mail(desk)


def test_a_yes_of_a_page_lifts_a_no_of_a_page(desk):
    desk.page()
    assert not allowed_by_mail(desk)

    desk.yes_of("publishable")

    assert allowed_by_mail(desk)


@pytest.mark.parametrize("kind", ["publishable", "secret"])
def test_a_no_of_a_clock_that_is_ahead_counts_at_once(desk, kind):
    ahead = (timezone.now() + timedelta(minutes=4)).isoformat()

    desk.yes_of("secret", timestamp=ahead)
    desk._capture(kind)
    assert not allowed_by_mail(desk)
    # Nor does the yes come into force later.
    events = ConsentEvent.objects.filter(customer=desk.customer)
    assert not events.filter(occurred_at__gt=timezone.now()).exists()
    desk.yes_of("secret")
    desk._capture(kind, timestamp=ahead)
    assert not allowed_by_mail(desk)


def test_whose_yes_counts_is_asked_in_as_many_statements_for_any_history(
    desk, assert_flat
):
    desk.server()
    desk.yes_of("publishable")

    def grow() -> None:
        for n in range(3):
            desk.yes_of("publishable", message_id=f"y-{n}-{len(desk.folder.name)}")
            person = CustomerFactory(business=desk.business)
            ConsentEventFactory(customer=person, action="refused")
            people.append(person)

    people = [desk.customer]
    assert_flat(call=lambda: load_contact_profiles(people), grow=grow)


def test_a_message_names_each_way_and_what_was_never_allowed(desk):
    typed = {
        "purpose": "marketing",
        "channel": "email",
        "action": "withdrawn",
        "method": "phone",
    }
    do_act(desk.browser, desk.customer, "consent", **typed)

    message = said(desk.browser)
    assert "No marketing by e-mail from now on." in message
    assert "Marketing by SMS or phone was never allowed." in message


def test_a_no_in_the_preferences_says_since_when_and_by_whom(desk):
    path = f"/admin/customers/preferences/{desk.customer.preferences.pk}/change/"
    data = form_data(desk.browser, path) | {"prefer_email": "false"}
    post_confirmed(desk.browser, path, data)

    holds = "No marketing by e-mail from now on: the preferences say no to this channel"
    assert holds in said(desk.browser)
    services.update_preferences(
        desk.customer, actor=actor_of(desk.colleague), prefer_sms=True
    )
    state = next(
        state
        for state in services.contact_states(desk.customer)
        if (state.purpose, state.channel) == ("marketing", "email")
    )
    versions = desk.customer.preferences.history.order_by("history_date")
    # Of the version that says no, not of the newest one.
    assert state.since == list(versions)[1].history_date
    assert (state.answer.rule, state.origin.kind) == ("channel_off", "staff")


def test_preferences_of_a_file_are_from_a_file(desk):
    rows = written(["email", "do_not_contact"], [EMAIL, "yes"])
    upload = services.keep_upload(
        rows.encode(),
        name="list.csv",
        kind="csv",
        table=services.IMPORT_TABLES["customer"],
        business=desk.business,
        actor=actor_of(desk.colleague),
    )
    services.preview_import(upload, actor=actor_of(desk.colleague))
    services.confirm_import(
        upload, actor=actor_of(desk.colleague), update_existing=True
    )
    load_import.using(
        actor=actor_of(desk.colleague), business_id=desk.business.pk
    ).enqueue(file=str(upload.pk))
    run_jobs()

    states = services.contact_states(desk.customer)
    kinds = {s.origin.kind for s in states if s.answer.rule == "do_not_contact"}
    assert kinds == {"file"}


def test_what_holds_is_asked_in_as_many_statements_for_any_history(desk, assert_flat):
    def grow() -> None:
        for n in range(5):
            ConsentEventFactory(
                customer=desk.customer, occurred_at=f"2026-01-0{n + 2}T00:00:00Z"
            )
        services.update_preferences(desk.customer, actor=SYSTEM, favorite_products="x")

    assert_flat(call=lambda: services.contact_states(desk.customer), grow=grow)


def test_what_an_answer_does_not_decide_is_not_said_to_be_from_it(desk):
    desk.page()
    services.archive_customer(desk.customer, actor=SYSTEM, reason="moved")
    desk.customer.refresh_from_db()

    states = services.contact_states(desk.customer)
    marketing = [state for state in states if state.purpose == "marketing"]

    assert {state.answer.rule for state in marketing} == {"archived"}
    assert {state.since for state in marketing} == {desk.customer.archived_at}
    assert {(s.origin, s.event_id, s.was_answered) for s in marketing} == {
        (None, None, True)
    }
