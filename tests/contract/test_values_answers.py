"""A yes or no means the same at every entrance: one table is sent through them all.

Two entrances differ, on purpose. Messages of programs have codes of their own: what is
no answer is `schema_violation` where one is needed, as in a login or a message about
consent, and the warning `does_not_fit` elsewhere; there an empty text is no answer
either. A number that no database holds is null to them, with the warning
`non_finite_number`. And a file of numbers holds their digits, so that `1.0` is refused
there.
"""

from __future__ import annotations

import base64
import csv
import hmac
import json
import sqlite3
import time
from contextlib import closing
from http import HTTPStatus
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.forms import modelform_factory
from django.test import Client
from django.utils.module_loading import import_string
from rest_framework import serializers

from audit.history.writing import history_model
from audit.rest.serializers import StrictSerializer
from audit.tenancy.actors import Actor
from capture import services as captures
from capture.adapters.values import answer
from capture.models import Capture, Login, Quarantine, Signup
from customers import services
from customers.api.fields import AnswerField
from customers.api.serializers.customers import PreferencesUpdateSerializer
from customers.models import ConsentEvent, Customer, CustomerStats, Preferences
from customers.resources import resource_of
from tests.conftest import actor_of, form_data, staff
from tests.contract.entrances import loaded_file, written
from tests.customers.api.sending import send
from tests.customers.values.tables import table_of
from tests.factories import (
    ApiKeyFactory,
    ConsentEventFactory,
    CustomerFactory,
    SourceFactory,
    WebhookEndpointFactory,
)

LINES = table_of("answers")
READ: dict[str, bool | None] = {"yes": True, "no": False, "": None}
MISFIT = "does_not_fit"
# No numbers, so that they are null; the capture says that they came.
NON_FINITE = {"1e400", "NaN"}
ACTOR = Actor.system("test")
ROUTE = "/api/data-capture"
ROUTE_NATIVE = "/api/v1/captures"
SIGNUP = '{"type":"signup","email":"EMAIL"}'
# A no in a few of its spellings, where an entrance takes one message at a time.
NOES = ("false", "No", 0, "0", False, "\uff4e\uff4f", "unsubscribed")


@pytest.fixture
def source(bakery, actor):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    return SourceFactory(business=bakery, slug="shop", consent_wording_version="v3")


@pytest.fixture
def post(source):
    key = ApiKeyFactory(source=source)

    def send(path: str, body: Any) -> Any:
        text = body if isinstance(body, str) else json.dumps(body)
        headers = {"Authorization": f"Bearer {key.prefix}"}
        kind = "application/json"
        return Client().post(path, text, content_type=kind, headers=headers).json()

    return send


def warnings_for(line: dict[str, str], pointer: str) -> list[list[str]] | None:
    """Return the warnings of a message whose optional answer is that of the line."""
    if line["raw"] in NON_FINITE:
        return [["non_finite_number", pointer]]
    return [[MISFIT, pointer]] if line["answer"].startswith("!") else None


def email(n: int) -> str:
    return f"person{n}@example.org"


def consented(business) -> Any:
    """Return somebody who said yes, and may be written to."""
    customer = CustomerFactory(business=business, email="a@example.org")
    ConsentEventFactory(customer=customer, occurred_at="2026-01-01T00:00:00Z")
    services.refresh_stats([customer.pk])
    assert CustomerStats.objects.get(customer=customer).is_opted_in
    return customer


def check_opted_out(customer: Any) -> None:
    """Check the newest answer, the figure, and that no list holds the address."""
    assert ConsentEvent.objects.filter(customer=customer).first().action == "withdrawn"
    assert not CustomerStats.objects.get(customer=customer).is_opted_in
    everybody = Customer.objects.filter(pk=customer.pk)
    export = services.export_customers_for_marketing(
        actor=ACTOR,
        customers=everybody,
        business_id=customer.business_id,
        reason="offers",
    )
    assert list(export.rows) == []
    assert export.left_out == {"withdrawn": 1}


def said_by_email() -> dict[str, bool]:
    events = ConsentEvent.objects.values_list("customer__email", "action")
    return {address: action == "given" for address, action in events}


# --- messages of programs -------------------------------------------------------------


def batch_of(item: str, lines: list[dict[str, str]]) -> str:
    """Return a batch with a message for each line, which has its raw value."""
    items = [
        item.replace("EMAIL", email(n)).replace("RAW", line["raw"])
        for n, line in enumerate(lines)
    ]
    return f"[{','.join(items)}]"


def test_the_consent_of_a_message_about_consent(post):
    # People are known already: who answers is not made a customer by it.
    post(f"{ROUTE_NATIVE}/batch", f'{{"captures":{batch_of(SIGNUP, LINES)}}}')
    item = '{"type":"consent","email":"EMAIL","marketing_consent":RAW}'
    body = post(f"{ROUTE_NATIVE}/batch", f'{{"captures":{batch_of(item, LINES)}}}')

    for line, result in zip(LINES, body["results"], strict=True):
        if READ.get(line["answer"]) is None:
            assert result["status"] == "quarantined", line
            assert result["code"] == "schema_violation", line
            assert result["pointer"].endswith("/marketing_consent"), line
        else:
            assert result["status"] == "accepted", line
    expected = {
        email(n): said
        for n, line in enumerate(LINES)
        if (said := READ.get(line["answer"])) is not None
    }
    assert said_by_email() == expected


BATCHES = {
    "native": (
        f"{ROUTE_NATIVE}/batch",
        '{"captures":ITEMS}',
        '{"type":"signup","email":"EMAIL","marketing_consent":RAW}',
        "/marketing_consent",
    ),
    "CloudEvents": (
        f"{ROUTE_NATIVE}/batch",
        '{"captures":ITEMS}',
        '{"specversion":"1.0","id":"EMAIL","source":"/shop","type":"org.example.signup",'
        '"data":{"email":"EMAIL","marketingConsent":RAW}}',
        "/data/marketingConsent",
    ),
    "traits of an SDK": (
        "/v1/batch",
        '{"batch":ITEMS}',
        '{"type":"identify","userId":"EMAIL","messageId":"EMAIL",'
        '"traits":{"email":"EMAIL","marketingConsent":RAW}}',
        "/traits/marketingConsent",
    ),
    "a consent manager": (
        "/v1/batch",
        '{"batch":ITEMS}',
        '{"type":"track","event":"Signed Up","userId":"EMAIL","messageId":"EMAIL",'
        '"properties":{"email":"EMAIL"},'
        '"context":{"consent":{"categoryPreferences":{"Marketing":RAW}}}}',
        "/context/consent/categoryPreferences/Marketing",
    ),
}


@pytest.mark.parametrize("name", BATCHES)
def test_the_consent_of_other_messages(post, name):
    path, whole, item, pointer = BATCHES[name]
    post(path, whole.replace("ITEMS", batch_of(item, LINES)))

    stored = {c.email: c.warnings for c in Capture.objects.all()}
    said = said_by_email()
    for n, line in enumerate(LINES):
        expected = READ.get(line["answer"])
        assert said.get(email(n)) is expected, line
        assert stored[email(n)] == warnings_for(line, pointer), line
    assert len(stored) == len(LINES)


def test_whether_a_login_succeeded(post):
    item = '{"type":"login","email":"EMAIL","success":RAW}'
    whole = f'{{"captures":{batch_of(item, LINES)}}}'
    body = post(f"{ROUTE_NATIVE}/batch", whole)

    succeeded = dict(Login.objects.values_list("email", "success"))
    for n, (line, result) in enumerate(zip(LINES, body["results"], strict=True)):
        expected = READ.get(line["answer"])
        if line["raw"] in {"null", *NON_FINITE}:
            # What is not sent is a success.
            expected = True
        assert succeeded.get(email(n)) is expected, line
        assert (result["status"] == "accepted") is (expected is not None), line


def test_whether_an_address_was_verified(post):
    item = '{"type":"signup","email":"EMAIL","email_verified":RAW}'
    post(f"{ROUTE_NATIVE}/batch", f'{{"captures":{batch_of(item, LINES)}}}')

    verified = dict(Signup.objects.values_list("email", "email_verified"))
    noted = dict(Capture.objects.values_list("email", "warnings"))
    for n, line in enumerate(LINES):
        assert verified[email(n)] is (READ.get(line["answer"]) is True), line
        assert noted[email(n)] == warnings_for(line, "/email_verified"), line


@pytest.mark.parametrize(
    ("path", "body", "no"),
    [
        *((ROUTE_NATIVE, {"type": "consent"}, no) for no in NOES),
        ("/api/v1/tracking/profiles", {}, "no"),
        ("/api/customer-data/capture-signup", {}, "0"),
        (ROUTE_NATIVE, {"type": "login"}, "nein"),
        (f"{ROUTE}/payment", {"final_price": 1, "payment_status": "completed"}, 0),
        (f"{ROUTE}/questionnaire", {}, "OFF"),
        (f"{ROUTE}/dashboard", {"dashboardData": {}}, "f"),
        (ROUTE_NATIVE, {"type": "page", "name": "Home"}, "denied"),
        (ROUTE_NATIVE, {"type": "event", "name": "unsubscribed"}, False),
    ],
    ids=str,
)
def test_an_opt_out_takes_effect_at_once(source, post, path, body, no):
    customer = consented(source.business)

    answer = post(path, {**body, "email": "a@example.org", "marketing_consent": no})

    assert answer.get("warnings", []) == []
    check_opted_out(customer)


def test_an_opt_out_of_a_consent_manager_takes_effect_at_once(source, post):
    customer = consented(source.business)
    consent = {"consent": {"categoryPreferences": {"Marketing": "denied"}}}
    traits = {"email": "a@example.org"}
    item = {"userId": "u-1", "name": "Home", "context": {**consent, "traits": traits}}

    post("/v1/page", item)

    check_opted_out(customer)


def test_an_opt_out_in_a_webhook_takes_effect_at_once(source, sign):
    customer = consented(source.business)
    person = {"email": "a@example.org", "marketing_consent": "no"}

    sign({"type": "profile.updated", "data": person})

    check_opted_out(customer)


@pytest.fixture
def sign(source):
    endpoint = WebhookEndpointFactory(source=source, provider="standard")
    secret = captures.new_standard_secret()
    captures.add_secret(endpoint, secret, actor=ACTOR)
    key = base64.b64decode(secret.removeprefix("whsec_"))

    def send(event: Any) -> None:
        body, moment = json.dumps(event), str(int(time.time()))
        mark = hmac.digest(key, f"w-1.{moment}.{body}".encode(), "sha256")
        headers = {
            "webhook-id": "w-1",
            "webhook-timestamp": moment,
            "webhook-signature": f"v1,{base64.b64encode(mark).decode()}",
        }
        path = f"/api/v1/webhooks/standard/{endpoint.pk}"
        response = Client().post(path, body, "application/json", headers=headers)
        assert response.status_code == HTTPStatus.OK, response.content

    return send


CORRECTED = {
    "native": ({"type": "signup", "email": "a@example.org"}, "marketing_consent", "{}"),
    "an SDK": (
        {"type": "identify", "userId": "u-1", "traits": {"email": "a@example.org"}},
        "traits",
        '{"email": "a@example.org", "marketingConsent": {}}',
    ),
}


@pytest.mark.parametrize("name", CORRECTED)
def test_an_opt_out_that_staff_correct_takes_effect_at_once(source, post, name):
    body, key, form = CORRECTED[name]
    customer = consented(source.business)
    yes = form.replace("{}", '"yes"')
    body = {**body, key: json.loads(yes)}
    post("/v1/identify" if name == "an SDK" else ROUTE_NATIVE, body)
    capture = Capture.objects.get()

    for raw in ('"maybe"', '"nope"', "2"):
        wrong = json.loads(form.replace("{}", raw))
        with pytest.raises(ValidationError, match="Send true or false"):
            captures.correct_capture(capture, {key: wrong}, actor=ACTOR, reason="typo")
    no = json.loads(form.replace("{}", '"nei"'))
    captures.correct_capture(capture, {key: no}, actor=ACTOR, reason="typo")

    check_opted_out(customer)


def test_what_waits_in_quarantine_takes_effect_when_it_is_replayed(source, post):
    customer = consented(source.business)
    item = {"type": "consent", "email": "a@example.org", "marketing_consent": "neither"}
    assert post(ROUTE_NATIVE, item)["code"] == "schema_violation"
    waiting = Quarantine.objects.get()
    assert captures.replay_quarantined(waiting, actor=ACTOR).code == "schema_violation"

    text = json.dumps({**item, "marketing_consent": "withdrawn"})
    captures.replay_quarantined(waiting, actor=ACTOR, text=text, reason="by phone")

    check_opted_out(customer)


def test_an_old_database_says_yes_and_no_in_its_own_words(source, tmp_path):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, "
            "marketing_consent, email_verified)"
        )
        words = [json.loads(line["raw"]) for line in LINES]
        # What a column of such a file can hold.
        plain = [word for word in words if isinstance(word, str | int | float | None)]
        rows = [(n, email(n), word, word) for n, word in enumerate(plain, start=1)]
        db.executemany("INSERT INTO users VALUES (?, ?, ?, ?)", rows)
        db.commit()

    options = {"business": source.business.slug, "source": "shop"}
    call_command("import_legacy", str(path), stdout=StringIO(), **options)

    said, verified = (
        said_by_email(),
        dict(Signup.objects.values_list("email", "email_verified")),
    )
    for n, word in enumerate(plain, start=1):
        assert said.get(email(n)) is answer(word), repr(word)
        assert verified[email(n)] is bool(answer(word)), repr(word)


# --- the API of staff -----------------------------------------------------------------

# Not about a row, but how a request is to be answered.
OPTIONS = {"in_clear", "cookie"}
# A few lines of each kind, for entrances that take one value at a time.
SAMPLE = [
    line
    for n, line in enumerate(LINES)
    if n % 15 == 0 or line["answer"] == "" or line["raw"] in ("[]", "0", '"OFF"')
]


def bodies_of_the_api() -> set[type[StrictSerializer]]:
    """Return the serializers of requests; `urls` names all of them."""
    import_string("config.urls.urlpatterns")
    found, further = set(), [StrictSerializer]
    while further:
        found.update(further)
        further = [sub for one in further for sub in one.__subclasses__()]
    return {one for one in found if hasattr(one, "Meta") or one._declared_fields}


def test_every_answer_in_a_request_is_read_by_one_field():
    unread = {
        f"{body.__module__}.{body.__name__}.{name}"
        for body in bodies_of_the_api()
        for name, field in body().fields.items()
        if isinstance(field, serializers.BooleanField)
        and not isinstance(field, AnswerField)
        and name not in OPTIONS
        # What is looked for is nobody's answer: true or false, as in addresses.
        and body.__name__ != "CustomerQuerySerializer"
    }

    assert unread == set()


def test_a_column_that_may_be_null_and_one_that_may_not():
    for line in LINES:
        raw, expected = json.loads(line["raw"]), line["answer"]
        body = PreferencesUpdateSerializer(
            data={"prefer_sms": raw, "do_not_contact": raw}
        )
        errors = {} if body.is_valid() else body.errors
        codes = {name: f"!{details[0].code}" for name, details in errors.items()}
        if expected.startswith("!"):
            assert codes == {"prefer_sms": expected, "do_not_contact": expected}, line
        elif expected:
            wanted = READ[expected]
            values = {"prefer_sms": wanted, "do_not_contact": wanted}
            assert body.validated_data == values, line
        else:
            assert codes == {"do_not_contact": "!null"}, line


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PATCH", "/api/v1/customers/{pk}/preferences"),
        ("PATCH", "/api/customers/{business}/{pk}/preferences"),
    ],
)
def test_preferences_that_staff_send(bakery, alice, method, path):
    customer = CustomerFactory(business=bakery)
    address = path.format(pk=customer.pk, business=bakery.pk)
    needed = {} if "v1" in path else {"business_id": str(bakery.pk)}
    for line in SAMPLE:
        before = customer.preferences.do_not_contact
        body = {**needed, "do_not_contact": json.loads(line["raw"])}
        answer_ = send(alice, method, address, body)
        customer.preferences.refresh_from_db()
        expected = READ.get(line["answer"])
        if expected is None:
            problem = answer_.json()["errors"][0]
            code = line["answer"].removeprefix("!") or "null"
            assert (problem["code"], problem["pointer"]) == (code, "/do_not_contact")
            assert customer.preferences.do_not_contact is before
        else:
            assert answer_.status_code == HTTPStatus.OK, answer_.content
            assert customer.preferences.do_not_contact is expected


def test_an_address_that_staff_say_was_verified(bakery, alice):
    customer = CustomerFactory(business=bakery, email="a@example.org")
    for line in SAMPLE:
        body = {"emailVerified": json.loads(line["raw"])}
        path = f"/api/admin/customers/{customer.pk}"
        answered = send(alice, "PATCH", path, body)
        expected = READ.get(line["answer"])
        is_taken = answered.status_code == HTTPStatus.OK
        assert is_taken is (expected is not None), answered.content
        customer.refresh_from_db()
        assert expected in (None, customer.is_email_verified)


# --- files ----------------------------------------------------------------------------

COLUMNS = ("is_email_verified", "prefer_sms", "do_not_contact", "can_receive_offers")


@pytest.fixture
def importer(bakery):
    return actor_of(staff(bakery, "admin"))


def load(rows: list[list[str]], *, actor: Any, business: Any) -> Any:
    """Load a file of customers; return what the preview found."""
    text = written(*rows)
    return loaded_file(text, table="customer", business=business, actor=actor)[1]


def test_a_file(bakery, importer):
    cells = [
        (line, text)
        for line in LINES
        if isinstance(text := json.loads(line["raw"]), str) and "\0" not in text
    ]
    rows = [["email", "name", *COLUMNS, "marketing_consent"]]
    rows += [
        [email(n), f"P {n}", *[text] * len(COLUMNS), text]
        for n, (_, text) in enumerate(cells)
    ]

    findings = load(rows, actor=importer, business=bakery)

    refused = {reject["line"]: dict(reject["errors"]) for reject in findings["rejects"]}
    stored = {c.email: c for c in Customer.objects.select_related("preferences")}
    said = said_by_email()
    for n, (line, _) in enumerate(cells):
        if line["answer"].startswith("!"):
            sentence = "Send true or false."
            errors = dict.fromkeys((*COLUMNS, "marketing_consent"), sentence)
            assert refused[n + 2] == errors, line
            assert email(n) not in stored
            continue
        customer, expected = stored[email(n)], READ[line["answer"]]
        wishes = customer.preferences
        # A yes needs its wording, and a file has none.
        assert said.get(email(n)) is (False if expected is False else None), line
        assert customer.is_email_verified is (expected is True), line
        assert wishes.prefer_sms is expected, line
        assert wishes.do_not_contact is (expected is True), line
        assert wishes.can_receive_offers is (expected is not False), line


def test_an_opt_out_in_a_file_takes_effect_at_once(bakery, source, importer):
    customer = consented(bakery)
    for column, cell in (("marketing_consent", "Nej"), ("Opt-Out", "ja")):
        rows = [["email", column], ["a@example.org", cell]]
        findings = load(rows, actor=importer, business=bakery)
        check_opted_out(customer)

    # Known already, by then.
    assert findings["counts"]["unchanged"] == 1
    assert customer.consent_events.count() == 2
    assert customer.consent_events.first().method == "import"


def test_a_wish_in_a_file_changes_the_preferences_alone(bakery, importer):
    customer = CustomerFactory(business=bakery, email="a@example.org")
    rev = customer.rev
    rows = [["email", "prefer_email", "do_not_contact"], ["a@example.org", "no", "oui"]]

    findings = load(rows, actor=importer, business=bakery)

    assert findings["counts"]["changed"] == 1
    assert findings["shown"]["changed"][0]["changes"] == [
        ["prefer_email", "", "no"],
        ["do_not_contact", "no", "yes"],
    ]
    wishes = Customer.objects.get(pk=customer.pk).preferences
    assert (wishes.prefer_email, wishes.do_not_contact) == (False, True)
    assert history_model(Preferences).objects.filter(id=wishes.pk).count() == 2
    customer.refresh_from_db()
    assert customer.rev == rev


def test_a_yes_in_a_file_is_not_taken_and_is_noted(bakery, importer):
    CustomerFactory(business=bakery, email="a@example.org")
    rows = [
        ["email", "marketing_consent", "opt_out"],
        ["a@example.org", "yes", ""],
        ["b@example.org", "", "no"],
    ]

    findings = load(rows, actor=importer, business=bakery)

    assert findings["noted"] == 2
    assert not ConsentEvent.objects.exists()


# --- forms ----------------------------------------------------------------------------


def test_a_form():
    """A box that says nothing is a no; a choice has a word of its own for nothing."""
    names = ["do_not_contact", "prefer_sms"]
    form_class = modelform_factory(Preferences, fields=names)
    for line in LINES:
        raw, expected = json.loads(line["raw"]), line["answer"]
        if not isinstance(raw, str) or raw == "unknown":
            continue
        form = form_class(dict.fromkeys(names, raw))
        codes = {n: f"!{e[0].code}" for n, e in form.errors.as_data().items()}
        if expected.startswith("!"):
            assert codes == dict.fromkeys(names, expected), line
            assert form.changed_data == names, line
        else:
            assert not codes, line
            values = {
                "do_not_contact": bool(READ[expected]),
                "prefer_sms": READ[expected],
            }
            assert form.cleaned_data == values, line
    drawn = {"do_not_contact": "on", "prefer_sms": "unknown"}
    assert form_class(drawn).is_valid()
    assert form_class({}).has_changed() is False


def test_a_form_that_is_posted_to_a_page(bakery, alice):
    customer = CustomerFactory(business=bakery)
    page = f"/admin/customers/preferences/{customer.preferences.pk}/change/"
    for raw, expected in (
        ("nein", False),
        ("ja", True),
        ("perhaps", True),
        ("", False),
    ):
        response = alice.post(page, form_data(alice, page, can_receive_offers=raw))
        is_refused = raw == "perhaps"
        assert (b"Send true or false." in response.content) is is_refused
        customer.preferences.refresh_from_db()
        assert customer.preferences.can_receive_offers is expected


# --- what staff record, and what leaves the hub ---------------------------------------


@pytest.mark.parametrize("purpose", ["newsletter", "offers", "", "marketing "])
def test_an_answer_is_about_a_known_purpose(bakery, alice, actor, purpose):
    customer = CustomerFactory(business=bakery)
    body = {"purpose": purpose, "action": "withdrawn"}

    response = send(alice, "POST", f"/api/v1/customers/{customer.pk}/consents", body)

    (error,) = response.json()["errors"]
    assert (error["pointer"], error["code"]) == ("/purpose", "invalid_choice")
    assert "marketing, loyalty, service" in error["detail"]
    with pytest.raises(ValidationError, match="marketing, loyalty, service"):
        services.record_consent(customer, actor=actor, **body)
    assert not customer.consent_events.exists()


@pytest.mark.parametrize("profile", ["full", "list"])
def test_a_list_of_customers_has_their_restrictions(
    bakery, importer, profile, assert_flat
):
    customer = CustomerFactory(business=bakery, email="a@example.org")
    wishes = {"do_not_contact": True, "prefer_email": False}
    services.update_preferences(customer, actor=importer, **wishes)
    ConsentEventFactory(customer=customer, occurred_at="2026-01-01T00:00:00Z")
    ConsentEventFactory(
        customer=customer, channel="sms", action="refused",
        occurred_at="2026-01-02T00:00:00Z",
    )  # fmt: skip
    ConsentEventFactory(
        customer=customer, purpose="loyalty", action="refused",
        occurred_at="2026-01-03T00:00:00Z",
    )  # fmt: skip

    def exported() -> list[dict[str, str]]:
        plan = services.plan_export(
            bakery, actor=importer, profile=profile, purpose="a test", reason="see"
        )
        parts = b"".join(services.start_export(plan, actor=importer))
        return list(csv.DictReader(StringIO(parts.decode("utf-8-sig"))))

    (row,) = exported()
    assert (row["do_not_contact"], row["prefer_email"]) == ("yes", "no")
    assert (row["prefer_sms"], row["can_receive_offers"]) == ("", "yes")
    consents = [row[f"marketing_consent_{way}"] for way in ("email", "sms", "call")]
    assert consents == ["given", "refused", ""]

    def grow() -> None:
        for more in CustomerFactory.create_batch(3, business=bakery):
            ConsentEventFactory(customer=more)

    assert_flat(call=exported, grow=grow)


def test_the_file_of_a_page_has_them_and_can_be_loaded_again(bakery, source, importer):
    customer = consented(bakery)
    services.update_preferences(customer, actor=importer, do_not_contact=True)
    out = CustomerFactory(business=bakery, email="b@example.org")
    services.record_consent(
        out, actor=importer, purpose="marketing", action="refused", channel=None
    )
    resource = resource_of(services.IMPORT_TABLES["customer"])()
    dataset = resource.export(Customer.objects.order_by("email"))
    rows = [list(dataset.headers), *map(list, dataset)]

    first, second = dataset.dict
    assert first["do_not_contact"] == "yes"
    assert first["marketing_consent_email"] == "given"
    assert (first["marketing_consent"], second["marketing_consent"]) == ("yes", "no")
    findings = load(rows, actor=importer, business=bakery)
    assert findings["counts"] == {"new": 0, "changed": 0, "unchanged": 2, "rejected": 0}
    assert findings["noted"] == 0
