"""A form of the admin that is posted twice acts once, whichever page it stands on."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import models
from django.test import Client
from django.urls import reverse

from audit.admin.base import GuardedAdmin, ScopedAdmin
from audit.admin.once import FIELD
from audit.models import IdempotentResponse, RateLimitBucket, RefusalWindow
from capture.models import ApiKey, QuarantineDecision
from customers.models import Credit, Customer, Refund
from tests.conftest import form_data, signed_in, staff
from tests.contract.test_refused_forms import row_with_children
from tests.factories import (
    ApiKeyFactory,
    BookingFactory,
    CustomerFactory,
    PinCredentialFactory,
    QuarantineFactory,
    RefundFactory,
    UserFactory,
)
from tests.factories.audit import PIN

SENT = "This form was already sent; nothing was done twice."
CUSTOMERS = "/admin/customers/customer/"
REFUND = "/admin/customers/refund/add/"
EDITED = {
    model: page
    for model, page in admin.site._registry.items()
    if isinstance(page, ScopedAdmin) and not isinstance(page, GuardedAdmin)
}
_TOKEN = re.compile(rf'name="{FIELD}" value="(\w{{64}})"')


class Browser:
    """Somebody whose forms carry what the page has given them."""

    def __init__(self, client: Client) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.cookies = client.cookies
        self.user = client.user  # type: ignore[attr-defined]  # set by signed_in
        PinCredentialFactory(user=self.user)

    def form(self, path: str, **fields: Any) -> dict[str, Any]:
        """Open a page, and return its form with its token and what is typed in."""
        page = self.client.get(path)
        assert page.status_code == 200, page.status_code
        return {**fields, FIELD: token_of(page)}

    def send(self, path: str, data: dict[str, Any]) -> Any:
        """Send a form, confirm when asked to, send each of both again at once."""
        first = self.client.post(path, data)
        if "carried" not in (first.context or {}):
            return first
        code = {
            first.context["carried_name"]: first.context["carried"],
            first.context["code_name"]: PIN,
            FIELD: token_of(first),
        }
        done = self.client.post(path, code)
        before = everything()
        again = self.client.post(path, code)
        assert again.status_code == 302, again.context.get("error")
        assert everything() == before
        self.client.get(again["Location"])
        return done


def token_of(page: Any) -> str:
    found = set(_TOKEN.findall(page.text))
    # One for each page, however many forms stand on it.
    assert len(found) == 1, found
    return found.pop()


def everything() -> dict[str, Any]:
    """Return every row of ours but the bookkeeping of requests."""
    found: dict[str, Any] = {}
    for app in ("audit", "customers", "capture"):
        for model in apps.get_app_config(app).get_models():
            if model not in (RateLimitBucket, RefusalWindow, IdempotentResponse):
                rows: models.QuerySet[Any] = model._base_manager.order_by("pk")
                found[model._meta.label] = list(rows.values())
    return found


def assert_acts_once(browser: Browser, path: str, data: dict[str, Any]) -> None:
    """Post a form twice; the second leads where the first did and changes nothing."""
    before = everything()
    first = browser.send(path, data)
    assert first.status_code == 302, first.context["errors"]
    once = everything()
    assert once != before

    again = browser.client.post(path, data)

    assert (again.status_code, again["Location"]) == (302, first["Location"])
    # An answer is not asked for, and so nothing is read either.
    assert everything() == once
    assert SENT in browser.client.get(again["Location"], follow=True).text


@pytest.fixture
def boss(owner) -> Browser:
    """The platform's owner, who may do all."""
    return Browser(owner)


# --- pages that change a row ----------------------------------------------------


@pytest.mark.parametrize("model", sorted(EDITED, key=str), ids=lambda m: m._meta.label)
def test_each_page_of_a_row_acts_once(boss, model):
    row = row_with_children(model)
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    path = reverse(name, args=[row.pk])
    page = boss.client.get(path)
    if not page.context["has_change_permission"]:
        pytest.skip("Nobody changes these rows.")
    data = form_data(boss.client, path) | {"change_reason": "because"}
    # A text that may be any text, so that something is changed.
    for field in page.context["adminform"].form:
        if field.html_name in {"name", "notes", "content", "subject", "last_name"}:
            data[field.html_name] = "Changed"
    changed = data | {FIELD: token_of(page)}

    first = boss.send(path, changed)
    assert first.status_code == 302, first.context["errors"]
    once = everything()
    again = boss.client.post(path, changed)

    assert (again.status_code, again["Location"]) == (302, first["Location"])
    assert everything() == once
    assert SENT in boss.client.get(again["Location"]).text


# --- pages that add one, acts, actions ------------------------------------------


def add_refund(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    row = BookingFactory(paid_amount=100, total_amount=100)
    return REFUND, {
        "booking": row.pk, "amount": "5", "reason_code": "goodwill",
        "status": "succeeded",
    }  # fmt: skip


def add_large_refund(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    path, data = add_refund(browser, actor)
    row = BookingFactory(paid_amount=9000, total_amount=9000)
    return path, data | {"booking": row.pk, "amount": "5000"}


def add_credit(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    row = CustomerFactory()
    return "/admin/customers/credit/add/", {
        "customer": row.pk, "amount": "5", "kind": "issued", "reason_code": "loyalty",
        "currency": row.business.currency,
    }  # fmt: skip


def add_customer(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    business = CustomerFactory().business
    data = form_data(browser.client, f"{CUSTOMERS}add/")
    return f"{CUSTOMERS}add/", {**data, "business": business.pk, "name": "Bea"}


def add_note(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    path = "/admin/customers/note/add/"
    data = form_data(browser.client, path)
    return path, {**data, "customer": CustomerFactory().pk, "content": "Hello"}


def add_membership(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    business = CustomerFactory().business
    return "/admin/customers/membership/add/", {
        "user": UserFactory().username, "business": business.pk, "role": "support",
    }  # fmt: skip


def archive(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    row = CustomerFactory()
    return CUSTOMERS, {"action": "archive", "_selected_action": row.pk, "reason": "x"}


def approve_refund(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    row = RefundFactory(status="requested")
    path = "/admin/customers/refund/"
    return path, {"action": "approve", "_selected_action": row.pk}


def rotate_key(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    return reverse("admin:capture_apikey_rotate", args=[ApiKeyFactory().pk]), {}


def discard(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    path = reverse("admin:capture_quarantine_discard", args=[QuarantineFactory().pk])
    return path, {"reason": "spam"}


def reveal(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    return f"{CUSTOMERS}{CustomerFactory().pk}/reveal/", {"reason": "ticket 7"}


def set_password(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    word = "correct horse battery"
    path = f"/admin/audit/user/{UserFactory().pk}/password/"
    return path, {"password1": word, "password2": word, "usable_password": "true"}


def clear_locks(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    chosen = {"action": "clear_locks", "_selected_action": UserFactory().pk}
    return "/admin/audit/user/", chosen


def review_access(browser: Browser, actor: Any) -> tuple[str, dict[str, Any]]:
    CustomerFactory()
    return "/admin/access-review/", {}


ACTS: dict[str, Callable[..., tuple[str, dict[str, Any]]]] = {
    act.__name__: act
    for act in (
        add_refund, add_large_refund, add_credit, add_customer, add_note,
        add_membership, archive, approve_refund, rotate_key, discard, reveal,
        set_password, clear_locks, review_access,
    )
}  # fmt: skip


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
def test_each_act_is_done_once(boss, actor, act):
    path, fields = act(boss, actor)

    assert_acts_once(boss, path, boss.form(path, **fields))


def test_what_is_shown_once_is_shown_to_whoever_pressed_twice(boss):
    path, _ = rotate_key(boss, None)
    data = boss.form(path)
    boss.send(path, data)
    again = boss.client.post(path, data)

    page = boss.client.get(again["Location"])

    new = ApiKey.objects.order_by("created_at").last()
    assert f"The new key {new}, shown only now: {new.prefix}" in page.text
    stored = " ".join(IdempotentResponse.objects.values_list("response", flat=True))
    assert new.prefix not in stored


# --- what is no repeat ----------------------------------------------------------


def test_each_page_has_a_token_of_its_own(boss):
    path, fields = add_refund(boss, None)

    for number in (1, 2):
        assert boss.send(path, boss.form(path, **fields)).status_code == 302
        assert Refund.objects.count() == number


def test_a_refused_form_may_be_sent_again(boss):
    path, fields = add_refund(boss, None)
    data = boss.form(path, **fields)

    refused = boss.client.post(path, data | {"amount": "x"})
    assert refused.status_code == 200
    assert boss.client.post(path, data).status_code == 302

    assert Refund.objects.count() == 1
    assert boss.client.post(path, data).status_code == 302
    assert Refund.objects.count() == 1


def test_a_form_that_was_sent_does_not_act_with_other_entries(boss):
    path, fields = add_refund(boss, None)
    data = boss.form(path, **fields)
    boss.client.post(path, data)

    changed = boss.client.post(path, data | {"amount": "6"}, follow=True)

    assert "already sent once, with other entries" in changed.text
    assert Refund.objects.count() == 1


def test_the_token_of_one_person_is_nothing_to_another(boss, bakery):
    path, fields = add_note(boss, None)
    customer = Customer.objects.get()
    other = Browser(signed_in(staff(customer.business)))
    data = boss.form(path, **fields)
    assert boss.client.post(path, data).status_code == 302
    other.client.cookies["csrftoken"] = boss.client.cookies["csrftoken"].value

    done = other.client.post(path, data)

    assert done.status_code == 302
    assert customer.notes.count() == 2


def test_a_post_without_a_token_of_a_page_acts_each_time(boss):
    path, fields = add_refund(boss, None)
    boss.client.get(path)
    bare = boss.client.cookies["csrftoken"].value

    for number in (1, 2):
        sent = boss.client.post(path, {**fields, FIELD: bare})
        assert sent.status_code == 302
        assert Refund.objects.count() == number


def test_a_popup_hands_over_the_same_row(boss):
    path = f"{CUSTOMERS}add/?_popup=1"
    _, fields = add_customer(boss, None)
    data = boss.form(path, **fields, _popup="1")

    first, again = (boss.client.post(path, data) for _ in range(2))

    assert "popup_response" in first.text
    assert again.text == first.text
    assert Customer.objects.filter(name="Bea").count() == 1


# --- both at once ---------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("act", [add_refund, add_credit, discard])
def test_two_at_once_act_once(at_once, owner, act):
    boss = Browser(owner)
    path, fields = act(boss, None)
    data = boss.form(path, **fields)
    kinds = {add_refund: Refund, add_credit: Credit, discard: QuarantineDecision}

    def send() -> tuple[int, str]:
        client = Client(enforce_csrf_checks=True)
        client.cookies = boss.client.cookies
        answer = client.post(path, data)
        return answer.status_code, answer.get("Location", "")

    found = at_once(send, times=4)

    assert [status for status, _ in found] == [302] * 4
    assert len({place for _, place in found}) == 1
    assert at_once(kinds[act].objects.count, times=1) == [1]
