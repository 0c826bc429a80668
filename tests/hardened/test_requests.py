"""The application under its runtime role: everything works, nothing foreign shows."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from io import StringIO
from typing import Any

import pytest
from django.contrib import admin
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.http import StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from audit import accounts
from audit.accounts import list_altered_records, totp
from audit.history.querysets import ScopedQuerySet
from audit.maintenance import count_outdated
from audit.middleware import TenancyMiddleware
from audit.models import Event
from audit.tenancy.scope import set_tenant_scope, tenant_scope
from capture.models import ApiKey, Capture, RefusalCount
from capture.services import add_secret
from customers.models import Customer
from tests.audit.accounts.test_second_factor import enrolled, is_correct
from tests.conftest import signed_in
from tests.factories import (
    ApiKeyFactory,
    CaptureFactory,
    CustomerFactory,
    NoteFactory,
    SourceFactory,
    UserFactory,
    WebhookEndpointFactory,
)
from tests.factories.customers import Actor

LIST = "admin:customers_customer_changelist"
PAGE = "admin:customers_customer_change"
MODELS = ("customer", "note", "historicalnote")


@pytest.fixture
def unfiltered(monkeypatch: Any) -> None:
    """Take the first lock away: no queryset filters by business any more."""
    monkeypatch.setattr(ScopedQuerySet, "visible_to", lambda self, *_: self)


@pytest.fixture
def mine(ours):
    return CustomerFactory(business=ours, name="Mine Alone")


@pytest.fixture
def foreign(theirs):
    return CustomerFactory(business=theirs, name="Foreign Person")


def test_without_the_filter_the_list_still_shows_our_rows_only(
    browser, mine, foreign, unfiltered
):
    page = browser.get(reverse(LIST))

    assert [row.pk for row in page.context["cl"].result_list] == [mine.pk]
    assert "Foreign Person" not in page.content.decode()


def test_without_the_filter_a_foreign_page_is_still_missing(
    browser, mine, foreign, unfiltered
):
    assert browser.get(reverse(PAGE, args=[mine.pk])).status_code == 200
    assert browser.get(reverse(PAGE, args=[foreign.pk])).status_code == 404
    history = "admin:customers_customer_history"
    assert browser.get(reverse(history, args=[mine.pk])).status_code == 200
    assert browser.get(reverse(history, args=[foreign.pk])).status_code == 404


def test_without_the_filter_a_foreign_row_cannot_be_written(
    browser, baker, foreign, unfiltered
):
    page = reverse("admin:customers_note_add")
    sent = {"customer": foreign.pk, "content": "hello", "category": "general"}

    answer = browser.post(page, sent)

    assert answer.status_code == 200  # the form again, with what is wrong
    assert answer.context["adminform"].form.errors["customer"]


def test_the_owner_of_the_platform_sees_both(runtime, mine, foreign, unfiltered):
    """The same page, so the tests before fail when policies are gone."""
    owner = signed_in(UserFactory(is_superuser=True))

    page = owner.get(reverse(LIST), {"o": "", "all": ""})

    assert {mine.pk, foreign.pk} <= {r.pk for r in page.context["cl"].result_list}


@pytest.mark.parametrize("app", ["customers", "capture", "audit"])
def test_every_list_opens(browser, mine, app):
    for model in admin.site._registry:
        if model._meta.app_label == app:
            name = f"admin:{app}_{model._meta.model_name}_changelist"
            assert browser.get(reverse(name)).status_code in {200, 403}, name


def test_a_row_is_written_in_the_admin(browser, mine):
    note = NoteFactory(customer=mine)
    page = reverse("admin:customers_note_change", args=[note.pk])
    fields = browser.get(page).context["adminform"].form
    sent = {f.html_name: f.value() or "" for f in fields} | {"content": "Likes rye."}

    answer = browser.post(page, sent)

    assert answer.status_code == 302, answer.context["errors"]
    note.refresh_from_db()
    assert note.content == "Likes rye."
    assert note.history.count() == 2


def test_a_file_is_looked_at_and_loaded(browser, ours, mine, foreign):
    reference = foreign.unique_id
    text = (
        f"reference,name\n,New Person\n{mine.unique_id},Renamed\n{reference},Stolen\n"
    )
    sent = {"import_file": SimpleUploadedFile("list.csv", text.encode())}
    page = reverse("admin:customers_customer_import")

    preview = browser.post(page, sent, follow=True)
    counts = {g["name"]: g["count"] for g in preview.context["groups"]}
    done = browser.post(
        preview.redirect_chain[-1][0], {"update_existing": "on"}, follow=True
    )

    assert counts == {"new": 1, "changed": 1, "unchanged": 0, "rejected": 1}
    assert done.context["report"]["counts"]["changed"] == 1
    names = set(Customer.objects.filter(business=ours).values_list("name", flat=True))
    assert names == {"New Person", "Renamed"}
    call_command("maintain", yes=True)


def test_somebody_signs_in_and_out(runtime, baker):
    client = Client()
    sent = {"username": baker.username, "password": "a long and silent password"}

    wrong = client.post(reverse("admin:login"), sent | {"password": "guess"})
    assert wrong.status_code == 200
    right = client.post(reverse("admin:login"), sent)
    assert right.status_code == 302
    assert client.get(reverse("admin:index")).status_code == 200
    assert client.post(reverse("admin:logout")).status_code == 200


def ask(path: str, body: Any, token: str = "", method: str = "POST") -> Any:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    sent = {"content_type": "application/json", "headers": headers}
    return Client().generic(method, f"/api/v1/auth/{path}", json.dumps(body), **sent)


def test_somebody_works_with_tokens_and_confirms(runtime, baker):
    password = "a long and silent password"
    signed = ask("token", {"username": baker.username, "password": password}).json()
    access = signed["access"]

    pin = ask("pin", {"password": password, "pin": "407182"}, access, "PUT")
    assert pin.status_code == 204, pin.content
    wrong = ask("step-up", {"scope": "manage_roles", "pin": "518364"}, access)
    assert wrong.json()["code"] == "wrong_code"
    right = ask("step-up", {"scope": "manage_roles", "pin": "407182"}, access)
    assert right.status_code == 200, right.content

    assert ask("refresh", {"refresh": signed["refresh"]}).status_code == 200
    assert ask("refresh", {"refresh": signed["refresh"]}).status_code == 401
    assert ask("step-up", {}, access, "GET").status_code == 401
    with tenant_scope(None):
        told = set(Event.objects.values_list("action", flat=True))
    assert {"auth.signed_in", "step_up.failed", "step_up.confirmed"} <= told
    assert "auth.tokens_revoked" in told


# --- capture --------------------------------------------------------------------------


@pytest.fixture
def key(ours):
    source = SourceFactory(business=ours)
    scopes = ["write", "read:captures"]
    return ApiKeyFactory(source=source, scopes=scopes)


def post(path: str, body: Any, key: Any = None, **headers: str) -> Any:
    if key is not None:
        headers["Authorization"] = f"Bearer {key.prefix}"
    return Client().post(path, body, content_type="application/json", headers=headers)


def test_a_capture_comes_in_and_is_read_back(key, ours):
    body = {"user_email": "ana@example.org", "plan_name_payment": "Team",
            "final_price": 12, "transaction_id": "T-9"}  # fmt: skip

    answer = post("/api/data-capture/payment", body, key)

    assert answer.status_code in {200, 201}, answer.content
    with tenant_scope({ours.pk}):
        assert Capture.objects.count() == 1
        assert Customer.objects.get().email_key == "ana@example.org"
    listed = Client().get(
        "/api/v1/captures", headers={"Authorization": f"Bearer {key.prefix}"}
    )
    assert len(listed.json()["results"]) == 1


def test_a_key_reads_nothing_foreign_without_the_filter(key, theirs, unfiltered):
    CaptureFactory(source=SourceFactory(business=theirs))
    headers = {"Authorization": f"Bearer {key.prefix}"}

    assert Client().get("/api/v1/captures", headers=headers).json()["results"] == []


def test_a_batch_and_its_quarantine(key, ours):
    good = {"type": "login", "email": "ana@example.org", "message_id": "m1"}
    answer = post(
        "/api/v1/captures/batch", {"captures": [good, {"type": "payment"}]}, key
    )

    assert answer.status_code in {200, 207}, answer.content
    assert {r["status"] for r in answer.json()["results"]} == {
        "accepted",
        "quarantined",
    }


def test_strangers_are_counted(runtime):
    for _ in range(2):
        answer = post("/api/data-capture/payment", {}, api="no")
        assert answer.status_code == 401

    counted = RefusalCount.objects.filter(business=None, code="invalid_key")
    assert counted.get().count >= 2


def test_a_secret_key_from_a_page_is_reported_in_its_business(key, ours):
    answer = post("/api/data-capture/payment", {}, key, Origin="https://shop.example")

    assert answer.status_code == 403
    with tenant_scope({ours.pk}):
        assert Event.objects.filter(action="key.exposed").count() == 1


def test_a_page_learns_that_its_origin_is_welcome(ours):
    origin = "https://shop.example"
    source = SourceFactory(business=ours)
    ApiKeyFactory(source=source, kind="publishable", origins=[origin])

    answer = Client().options("/api/v1/captures", headers={"Origin": origin})

    assert answer["Access-Control-Allow-Origin"] == origin


def test_a_signed_webhook_is_taken(ours):
    place = WebhookEndpointFactory(source=SourceFactory(business=ours))
    add_secret(place, "whsec_test", actor=Actor.system("test"))
    event = {"id": "evt_1", "type": "payment_intent.succeeded", "livemode": False,
             "created": int(time.time()), "data": {"object": {
                 "id": "pi_1", "amount_received": 1200, "currency": "jpy",
                 "receipt_email": "a@b.org"}}}  # fmt: skip
    raw = json.dumps(event).encode()
    moment = int(time.time())
    mark = hmac.new(b"whsec_test", f"{moment}.".encode() + raw, hashlib.sha256)
    path = f"/api/v1/webhooks/stripe/{place.pk}"

    taken = post(path, raw, **{"Stripe-Signature": f"t={moment},v1={mark.hexdigest()}"})
    forged = post(path, raw, **{"Stripe-Signature": f"t={moment},v1=00"})

    assert (taken.status_code, taken.json()["status"]) == (200, "accepted")
    assert forged.status_code == 400
    with tenant_scope({ours.pk}):
        assert Capture.objects.count() == 1


def test_a_key_of_a_former_hash_key_follows_when_it_is_used(ours, key, settings):
    settings.HASH_KEYS_OLD = [settings.HASH_KEY]
    settings.HASH_KEY = "the next key, as long as it has to be"

    answer = post("/api/data-capture/payment", {"email": "a@b.org"}, key)
    call_command("renew_hash_key", yes=True, stdout=StringIO())

    assert answer.status_code < 400
    with tenant_scope(None):
        assert ApiKey.objects.get(pk=key.pk).key_hash != key.key_hash
        assert "memberships" not in count_outdated()
        assert list_altered_records() == []


def test_the_demo_shop_has_its_key(ours):
    page = Client().get("/demo/")

    assert page.status_code == 200
    assert page.context["key"].startswith("pk_demo_")


# --- the rest -------------------------------------------------------------------------


def test_an_answer_that_is_streamed_stays_within_its_reach(ours, mine, foreign):
    def view(request: Any) -> StreamingHttpResponse:
        set_tenant_scope({ours.pk})
        names = (c.name for c in Customer._base_manager.all())
        return StreamingHttpResponse(f"{name}\n" for name in names)

    answer = TenancyMiddleware(view)(RequestFactory().get("/"))

    assert b"".join(answer) == b"Mine Alone\n"
    assert Customer._base_manager.filter(pk=foreign.pk).exists()


def test_commands_work_under_the_runtime_role(runtime, capsys):
    call_command("seed", customers=3, force=True)
    call_command("maintain", yes=True)
    call_command("rebuild_projections")

    assert "3 generated ones" in capsys.readouterr().out
    assert Customer.objects.count() >= 8


def test_codes_are_used_up(runtime, baker):
    """The columns that say so may change, unlike those that say whose they are."""
    seed, recovery = enrolled(baker)
    step = totp.step_at(time.time())
    later = totp.code_of(seed, step + 1)

    assert is_correct(baker, later)
    assert not is_correct(baker, later)
    assert accounts.check_code(baker, recovery[0], takes_recovery=True).is_correct
    assert not accounts.check_code(baker, recovery[0], takes_recovery=True).is_correct
