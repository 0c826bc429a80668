"""The pages of all acts: who may, pressed twice, refused, archived, two businesses."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import reverse

from audit.models import Event
from audit.tenancy.actors import OperationContext
from customers import services
from customers.admin.acts.registry import FormAct, acts_for, registered_acts
from customers.admin.links import customer_url
from customers.choices import Role
from customers.roles import PERMISSIONS
from tests.conftest import signed_in, staff
from tests.contract.test_forms_once import SENT, Browser, everything
from tests.customers.admin.acting import (
    SYSTEM,
    TYPED,
    act_path,
    do_act,
    paid_booking,
    said,
    somebody,
)
from tests.factories import (
    BookingFactory,
    CaptureFactory,
    FlagFactory,
    MembershipFactory,
    SourceFactory,
    UserFactory,
)

ACTS = {act.name: act for act in registered_acts()}
FORMS = sorted(name for name, act in ACTS.items() if isinstance(act, FormAct))
every_form = pytest.mark.parametrize("name", FORMS)
every_act = pytest.mark.parametrize("name", sorted(ACTS))


@pytest.fixture
def zelda(bakery) -> Any:
    return somebody(bakery, name="Zelda")


def test_each_act_with_a_form_has_typed_values_here():
    assert set(TYPED) == set(FORMS)


def changed_since(before: dict[str, Any]) -> set[str]:
    """Return the tables of customers and captures that differ."""
    now = everything()
    return {k for k in now if not k.startswith("audit.") and now[k] != before[k]}


# --- who may ------------------------------------------------------------------------


@every_act
@pytest.mark.parametrize("role", Role.values)
def test_the_page_opens_for_who_may_and_for_nobody_else(bakery, zelda, name, role):
    if name in TYPED:
        TYPED[name](zelda)
    client = signed_in(staff(bakery, role))
    is_allowed = ACTS[name].permission in PERMISSIONS[Role(role)]

    page = client.get(act_path(zelda, name))

    expected = (200 if name in FORMS else 302) if is_allowed else 403
    assert page.status_code == expected
    if page.status_code == 200:
        assert str(ACTS[name].button) in page.text
        assert Event.objects.filter(action="customer.viewed").count() == 1
    if not is_allowed:
        assert client.post(act_path(zelda, name), {"reason": "x"}).status_code == 403
        assert Event.objects.filter(outcome="refused", actor_id=client.user.pk)


@pytest.mark.parametrize("name", sorted(ACTS.keys() - {"reveal"}))
def test_a_customer_of_another_business_is_like_a_missing_one(charlie, zelda, name):
    typed = TYPED[name](zelda) if name in TYPED else {}
    before = everything()

    for path in (act_path(zelda, name), act_path(zelda.business, name)):
        assert charlie.get(path).status_code == 404
        assert charlie.post(path, typed).status_code == 404

    assert changed_since(before) == set()


def test_an_unknown_act_is_a_missing_page(alice, zelda):
    assert alice.get(act_path(zelda, "dance")).status_code == 404


def test_who_works_in_two_businesses_acts_only_where_the_role_allows(
    bakery, rival, zelda
):
    user = staff(rival, "admin")
    MembershipFactory(user=user, business=bakery, role="marketing")

    assert signed_in(user).get(act_path(zelda, "note")).status_code == 403


# --- doing it -----------------------------------------------------------------------


@every_form
def test_each_act_is_one_operation_and_leads_back_with_a_message(alice, zelda, name):
    typed = TYPED[name](zelda)

    done = do_act(alice, zelda, name, **typed)

    assert done.status_code == 302, done.context["form"].errors
    assert done["Location"] == customer_url(zelda.pk)
    events = Event.objects.filter(actor_id=alice.user.pk, outcome="done")
    acted = events.exclude(action="customer.viewed").exclude(action="step_up.confirmed")
    changed = set(acted.values_list("operation_id", flat=True))
    assert len(changed) == 1, list(acted.values_list("action", flat=True))
    message = said(alice)
    link = reverse("admin:audit_operation_change", args=[*changed])
    assert f'<a href="{link}">What changed</a>' in message
    assert alice.get(link).status_code == 200


@every_form
def test_who_may_not_see_change_sets_gets_no_link_to_one(bakery, zelda, name):
    if ACTS[name].permission not in PERMISSIONS[Role.SUPPORT]:
        pytest.skip("Support does not do this.")
    support = signed_in(staff(bakery, "support"))

    assert do_act(support, zelda, name, **TYPED[name](zelda)).status_code == 302
    assert "What changed" not in said(support)


@every_form
def test_twice_pressed_it_is_done_once(owner, zelda, name):
    browser = Browser(owner)
    path = act_path(zelda, name)
    data = browser.form(path, **{k: str(v) for k, v in TYPED[name](zelda).items()})
    before = everything()

    first = browser.send(path, data)
    assert first.status_code == 302, first.context["form"].errors
    once = everything()
    again = browser.client.post(path, data)

    assert once != before
    assert (again.status_code, again["Location"]) == (302, first["Location"])
    assert everything() == once
    assert SENT in browser.client.get(again["Location"]).text


# --- refused ------------------------------------------------------------------------

# Something wrong in each form, the field that is marked, and what was typed beside it.
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "note": ("content", {"content": " ", "note_type": "issue"}),
    "ticket": ("subject", {"subject": "", "body": "Where is my bread?"}),
    "flag": ("other", {"code": "other", "other": "!!", "reason": "because"}),
    "unflag": ("code", {"code": "nothing", "reason": "because"}),
    "payment": ("amount", {"amount": "5000", "reason": "because"}),
    "reverse-payment": ("payment", {"payment": "nothing", "reason": "because"}),
    "refund": ("amount", {"amount": "5000", "reason": "because"}),
    "refund-failed": ("refund", {"refund": "nothing", "reason": "because"}),
    "approve-refund": ("refund", {"refund": "nothing"}),
    "refuse-refund": ("refund", {"refund": "nothing", "reason": "because"}),
    "credit": ("amount", {"amount": "0.001", "reason": "because"}),
    "invoice": ("booking", {"booking": "nothing"}),
    "verify": ("reason", {"reason": " "}),
    "consent": (
        "occurred_at", {"occurred_at": "2999-01-01T10:00", "evidence": "because"},
    ),
    "preferences": (
        "average_spend", {"average_spend": "much", "best_contact_time": "late"},
    ),
    "archive": ("reason", {"reason": " "}),
    "restore": ("reason", {"reason": ""}),
    "export": ("reason", {"reason": ""}),
}  # fmt: skip


@every_form
def test_a_refused_form_comes_back_filled_in(alice, zelda, name):
    field, wrong = WRONG[name]
    typed = {**TYPED[name](zelda), **wrong}
    before = everything()

    page = do_act(alice, zelda, name, **typed)

    assert page.status_code == 200
    form = page.context["form"]
    assert field in form.errors, form.errors
    assert 'id="refused"' in page.text
    assert f'href="#id_{field}' in page.text
    for key, value in wrong.items():
        # Of a time in one input, with what was chosen beside it.
        assert form[key].value() in (value, [value, None])
    assert "because" not in wrong.values() or "because" in page.text
    assert changed_since(before) == set()


@pytest.mark.parametrize("name", sorted(set(FORMS) - {"restore", "export"}))
def test_an_archived_customer_is_not_acted_on(alice, zelda, name):
    typed = TYPED[name](zelda)
    TYPED["restore"](zelda)

    page = alice.get(act_path(zelda, name))
    refused = do_act(alice, zelda, name, **typed)

    assert page.status_code == refused.status_code == 200
    assert str(ACTS[name].unavailable) in page.text
    assert f">{ACTS[name].button}</button>" not in page.text
    assert str(ACTS[name].unavailable) in refused.text
    assert not Event.objects.filter(actor_id=alice.user.pk).exclude(
        action="customer.viewed"
    )


@pytest.mark.parametrize(
    "name",
    [
        "unflag",
        "payment",
        "reverse-payment",
        "refund",
        "refund-failed",
        "invoice",
        "restore",
    ],
)
def test_where_there_is_nothing_to_act_on_the_page_says_so(alice, zelda, name):
    page = alice.get(act_path(zelda, name))

    assert str(ACTS[name].unavailable) in page.text
    assert f">{ACTS[name].button}</button>" not in page.text


# --- what is offered ----------------------------------------------------------------


def offered(client: Any, customer: Any) -> dict[str, list[str]]:
    """Return the names of the acts that the page of a customer offers."""
    request = RequestFactory().get("/")
    request.user = client.user
    request.operation = OperationContext(via="admin", route="/")
    acts = acts_for(customer, request)
    return {
        "first": [one.act.name for one in acts.first],
        "more": [one.act.name for one in acts.more],
    }


def test_an_admin_is_offered_what_there_is_to_act_on(alice, bakery, zelda):
    assert offered(alice, zelda) == {
        "first": ["note", "ticket", "flag", "credit", "edit"],
        "more": ["verify", "consent", "preferences", "archive", "export"],
    }

    booking = paid_booking(zelda)
    FlagFactory(customer=zelda, code="verified")
    body = {"email": zelda.email, "plan": "Pro"}
    CaptureFactory(source=SourceFactory(business=bakery), body=body)

    assert booking.customer == zelda
    assert offered(alice, zelda) == {
        "first": ["note", "ticket", "flag", "refund", "credit", "edit"],
        "more": [
            "unflag", "invoice", "reverse-payment", "consent", "preferences", "archive",
            "export", "correct",
        ],
    }  # fmt: skip


def test_what_is_offered_follows_the_role_and_the_state(bakery, bob, zelda):
    support = signed_in(staff(bakery, "support"))
    marketing = signed_in(staff(bakery, "marketing"))
    nobody = signed_in(UserFactory())

    assert "reveal" in offered(support, zelda)["more"]
    assert "export" not in offered(support, zelda)["more"]
    for client in (bob, marketing, nobody):
        assert offered(client, zelda) == {"first": [], "more": []}
    TYPED["restore"](zelda)
    zelda.refresh_from_db()
    assert offered(support, zelda)["first"] == ["restore"]


def test_a_payment_is_offered_where_something_is_left_to_pay(alice, zelda):
    BookingFactory(customer=zelda, total_amount=5)

    assert "payment" in offered(alice, zelda)["first"]


def test_nothing_is_offered_for_money_that_went_back(alice, zelda):
    booking = paid_booking(zelda, "0.70")
    for _ in range(7):
        do_act(
            alice, zelda, "refund", booking=booking.pk, amount="0.10",
            reason_code="goodwill",
        )  # fmt: skip

    assert "refund" not in offered(alice, zelda)["first"]


# --- statements ---------------------------------------------------------------------


@every_form
def test_statements_of_a_page_do_not_grow(alice, zelda, name, assert_flat):
    TYPED[name](zelda)
    alice.get(act_path(zelda, name))

    def grow() -> None:
        for number in range(20):
            paid_booking(zelda)
            FlagFactory(customer=zelda, code=f"flag-{number}")
            BookingFactory(customer=zelda)
            staff(zelda.business, "support")
        alice.get("/api/v1/me")

    assert_flat(call=partial(alice.get, act_path(zelda, name)), grow=grow)


def test_offers_are_one_statement(alice, zelda, django_assert_num_queries):
    offered(alice, zelda)

    with django_assert_num_queries(1):
        names = offered(alice, zelda)
    customers = services.list_customers(actor=SYSTEM)
    [loaded] = services.with_state(customers)
    with django_assert_num_queries(0):
        assert offered(alice, loaded) == names


# --- masks --------------------------------------------------------------------------


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_no_page_of_an_act_tells_contact_data_to_whom_it_is_masked(bakery, role):
    secret = "zelda.quint@hidden-host.example"
    hash_ = "0xfeedfacecafe1234567890"
    zelda = somebody(bakery, name=secret, email=secret)
    paid_booking(zelda, payment_method=hash_)
    services.update_preferences(zelda, actor=SYSTEM, preferred_payment=hash_)
    client = signed_in(staff(bakery, role))

    for name in FORMS:
        typed = {**TYPED[name](zelda), "reason": "", "content": ""}
        opened = client.get(act_path(zelda, name))
        refused = client.post(act_path(zelda, name), typed)
        for value in (secret, zelda.phone, hash_):
            assert value not in opened.text + refused.text, name


# --- in a dialog --------------------------------------------------------------------


def test_a_dialog_is_told_where_it_leads_and_keeps_the_message(alice, zelda):
    typed = TYPED["note"](zelda)

    done = alice.post(act_path(zelda, "note"), typed, headers={"X-Dialog": "1"})

    assert done.status_code == 200
    assert done.json() == {"location": customer_url(zelda.pk)}
    assert "The note is saved." in said(alice)


def test_a_dialog_is_told_to_sign_in(client, zelda):
    answer = client.post(act_path(zelda, "note"), {}, headers={"X-Dialog": "1"})

    assert answer.json()["location"].startswith("/admin/login/?next=")
