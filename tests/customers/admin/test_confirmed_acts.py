"""Exports, memberships and large refunds are confirmed; small ones are not."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from audit.models import Event, Grant
from customers.models import Business, Credit, Membership, Refund
from tests.conftest import Actor, confirm, enrol, post_confirmed, signed_in, staff
from tests.customers.admin.test_customer import form_data
from tests.customers.admin.test_exchange import CUSTOMERS, export_data, take
from tests.factories import BookingFactory, CustomerFactory, UserFactory
from tests.factories.audit import PIN

REFUND = "/admin/customers/refund/add/"
CREDIT = "/admin/customers/credit/add/"


def asks(response: Any) -> bool:
    return "This will happen" in response.text


# --- exports ------------------------------------------------------------------


def test_each_export_is_confirmed_by_itself(alice, bakery):
    CustomerFactory(business=bakery)
    enrol(alice)
    fields = export_data(alice, CUSTOMERS)

    page = alice.post(f"{CUSTOMERS}export/", fields)
    assert asks(page)
    assert not Event.objects.filter(action="export.started").exists()

    done = take(alice, post_confirmed(alice, f"{CUSTOMERS}export/", fields))
    assert done["Content-Type"] == "text/csv"
    grant = Grant.objects.get()
    assert grant.used_at is not None
    for action in ("export.started", "export.finished"):
        assert Event.objects.get(action=action).grant_id == grant.pk
    assert asks(alice.post(f"{CUSTOMERS}export/", fields))


def test_a_page_that_asked_confirms_one_file(alice, bakery):
    CustomerFactory(business=bakery)
    enrol(alice)
    path = f"{CUSTOMERS}export/"
    page = alice.post(path, export_data(alice, CUSTOMERS))
    sent = {page.context["carried_name"]: page.context["carried"]}

    wrong = alice.post(path, sent | {page.context["code_name"]: "918273"})
    assert asks(wrong)
    sent = {wrong.context["carried_name"]: wrong.context["carried"]}
    code = {page.context["code_name"]: PIN}
    first = alice.post(path, sent | code)
    assert take(alice, first)["Content-Type"] == "text/csv"

    again = alice.post(first["Location"])

    assert "The file was handed out at" in again.text
    assert Event.objects.filter(action="export.finished").count() == 1
    assert Grant.objects.count() == 1


def test_a_grant_for_one_filter_is_not_for_another(alice, bakery):
    CustomerFactory(business=bakery)
    enrol(alice)
    fields = export_data(alice, CUSTOMERS)
    page = alice.post(f"{CUSTOMERS}export/?status__exact=active", fields)
    digest = _digest_asked(alice, page)
    confirm(alice, "export", digest)

    assert asks(alice.post(f"{CUSTOMERS}export/", fields))
    fewer = {k: v for k, v in fields.items() if "email" not in k}
    assert asks(alice.post(f"{CUSTOMERS}export/?status__exact=active", fewer))
    same = alice.post(f"{CUSTOMERS}export/?status__exact=active", fields)
    assert take(alice, same)["Content-Type"] == "text/csv"


def _digest_asked(client, page) -> str:
    """Return the digest inside of what the page carries, as the server reads it."""
    from audit.admin import step_up  # noqa: PLC0415 - the server's side

    request = page.wsgi_request
    asked = step_up._unsealed(request, page.context["carried"])
    assert asked is not None
    return str(asked.digest)


# --- memberships --------------------------------------------------------------


def test_a_membership_is_given_after_a_confirmation(alice, bakery):
    data = {
        "user": UserFactory().username,
        "business": str(bakery.pk),
        "role": "admin",
    }
    before = Membership.objects.count()
    enrol(alice)

    assert asks(alice.post("/admin/customers/membership/add/", data))
    assert Membership.objects.count() == before
    done = post_confirmed(alice, "/admin/customers/membership/add/", data)

    assert done.status_code == 302
    assert Membership.objects.count() == before + 1
    created = Event.objects.filter(action="membership.created").latest("occurred_at")
    assert created.grant_id == Grant.objects.get().pk


def test_a_role_is_changed_after_a_confirmation(alice, bakery):
    row = Membership.objects.get(user=alice.user)
    path = f"/admin/customers/membership/{row.pk}/change/"
    data = form_data(alice, path, role="auditor")
    enrol(alice)

    assert asks(alice.post(path, data))
    row.refresh_from_db()
    assert row.role == "admin"
    assert post_confirmed(alice, path, data).status_code == 302
    row.refresh_from_db()
    assert row.role == "auditor"


def test_a_new_member_is_named_exactly(alice, bakery):
    UserFactory(username="bruno", is_active=True)
    UserFactory(username="gone", is_active=False)
    enrol(alice)
    data = {"business": str(bakery.pk), "role": "support"}
    add = "/admin/customers/membership/add/"
    confirm(alice, "manage_roles")

    for name in ("bru", "BRUNO", "gone", "x" * 5000):
        page = alice.post(add, data | {"user": name})
        assert "No account has this user name" in page.text
    assert "Null characters" in alice.post(add, data | {"user": "a\0b"}).text
    assert alice.post(add, data | {"user": "bruno"}).status_code == 302
    again = alice.post(add, data | {"user": "bruno"})
    assert "works for the business already" in again.text
    row = Membership.objects.get(user__username="bruno")
    assert (row.business, row.role) == (bakery, "support")


@pytest.mark.parametrize("is_staff", [True, False])
def test_a_member_who_cannot_sign_in_is_named(alice, bakery, is_staff):
    UserFactory(username="dora", is_staff=is_staff)
    add = "/admin/customers/membership/add/"
    data = {"user": "dora", "business": str(bakery.pk), "role": "support"}

    done = post_confirmed(alice, add, data, follow=True)

    assert "dora as support of Bakery" in done.text
    assert ("The account dora cannot sign in" in done.text) is not is_staff


def test_the_limits_of_a_business_change_after_a_confirmation(alice, bakery):
    path = f"/admin/customers/business/{bakery.pk}/change/"
    data = form_data(alice, path, refund_limit="9999")
    enrol(alice)

    assert asks(alice.post(path, data))
    bakery.refresh_from_db()
    assert bakery.refund_limit != Decimal(9999)
    assert post_confirmed(alice, path, data).status_code == 302
    bakery.refresh_from_db()
    assert bakery.refund_limit == Decimal(9999)


# --- refunds and credit -------------------------------------------------------


@pytest.fixture
def booking(actor, bakery):
    bakery.refund_limit = 100
    bakery.as_actor(actor).save()
    return BookingFactory(
        customer__business=bakery,
        status="completed",
        total_amount=500,
        paid_amount=500,
    )


def refund(client, booking, amount: str, **more: str) -> dict[str, Any]:
    return form_data(
        client,
        REFUND,
        booking=str(booking.pk),
        amount=amount,
        reason_code="quality",
        **more,
    )


def test_up_to_the_limit_nothing_is_asked(alice, booking):
    assert alice.post(REFUND, refund(alice, booking, "100")).status_code == 302
    assert Refund.objects.get().amount == 100


def test_above_the_limit_each_refund_is_confirmed(alice, booking):
    data = refund(alice, booking, "100.01")
    enrol(alice)
    page = alice.post(REFUND, data)
    assert asks(page)
    assert "Give back 100.01" in page.text
    assert not Refund.objects.exists()

    assert post_confirmed(alice, REFUND, data).status_code == 302
    assert Refund.objects.get().amount == Decimal("100.01")
    created = Event.objects.get(action="refund.created")
    assert created.grant_id == Grant.objects.get().pk
    assert asks(alice.post(REFUND, data))


def test_a_confirmed_refund_is_for_that_amount(alice, booking):
    enrol(alice)
    page = alice.post(REFUND, refund(alice, booking, "200"))
    confirm(alice, "refund_over_limit", _digest_asked(alice, page))

    assert asks(alice.post(REFUND, refund(alice, booking, "400")))
    assert not Refund.objects.exists()


def test_a_refund_in_another_currency_is_confirmed(alice, booking, actor, bakery):
    bakery.currency = "NOK"
    bakery.as_actor(actor).save()
    enrol(alice)

    assert asks(alice.post(REFUND, refund(alice, booking, "1")))


def test_a_mistake_in_the_form_is_said_before_a_code_is_asked(alice, booking):
    enrol(alice)
    page = alice.post(REFUND, refund(alice, booking, "-400"))

    assert not asks(page)
    assert "zero or more" in page.text


def test_a_refund_is_not_changed_in_a_form(alice, booking):
    typed = {"status": "failed", "external_id": "payment:x", "settled_at_0": "x"}
    alice.post(REFUND, refund(alice, booking, "50", **typed))
    row = Refund.objects.get()
    path = f"/admin/customers/refund/{row.pk}/change/"

    assert (row.status, row.external_id) == ("succeeded", None)
    assert alice.get(path).status_code == 200
    for change in ({"status": "failed"}, {"amount": "300"}):
        assert alice.post(path, change).status_code == 403
    row.refresh_from_db()
    assert (row.status, row.amount) == ("succeeded", 50)


def test_who_may_not_refund_is_not_asked(bob, charlie, booking):
    enrol(bob)
    assert bob.post(REFUND, {"amount": "400"}).status_code == 403
    assert not asks(charlie.post(REFUND, {"booking": str(booking.pk), "amount": "400"}))
    assert not Refund.objects.exists()


def test_credit_above_the_limit_is_confirmed(alice, booking):
    data = form_data(
        alice,
        CREDIT,
        customer=str(booking.customer_id),
        kind="issued",
        amount="300",
        currency="EUR",
        reason_code="other",
    )
    enrol(alice)

    assert asks(alice.post(CREDIT, data))
    assert not Credit.objects.exists()

    assert post_confirmed(alice, CREDIT, data).status_code == 302
    assert Credit.objects.get().amount == 300


# --- the limit of somebody without the right to exceed it ---------------------------


@pytest.fixture
def support(bakery):
    """Somebody who may give back 50 at most."""
    rows = Business.objects.as_actor(Actor.system("test")).filter(pk=bakery.pk)
    rows.update(refund_limit=Decimal(50))
    browser = signed_in(staff(bakery, "support"))
    enrol(browser)
    return browser


def credit(browser, customer, currency: str):
    fields = form_data(
        browser,
        CREDIT,
        customer=str(customer.pk),
        amount="50",
        currency=currency,
        kind="issued",
        reason_code="loyalty",
    )
    return post_confirmed(browser, CREDIT, fields)


def test_parts_of_a_large_refund_count_together(support, bakery):
    paid = {"paid_amount": 1000, "total_amount": 1000, "status": "completed"}
    booking = BookingFactory(customer__business=bakery, **paid)
    fields = {"booking": str(booking.pk), "status": "succeeded", "reason_code": "other"}

    assert post_confirmed(support, REFUND, fields | {"amount": "50"}).status_code == 302
    for amount in ("50", "0.01"):
        made = fields | {"amount": amount}
        page = post_confirmed(support, REFUND, made, follow=True)
        assert "Nothing has gone back yet" in page.text
    statuses = Refund.objects.order_by("created_at").values_list("status", flat=True)
    assert [*statuses] == ["succeeded", "requested", "requested"]


def test_credit_of_a_day_counts_together(support, bakery):
    customer = CustomerFactory(business=bakery)

    assert credit(support, customer, bakery.currency).status_code == 302
    page = credit(support, customer, bakery.currency)

    assert "may exceed the limit" in page.text
    assert Credit.objects.count() == 1
    other = CustomerFactory(business=bakery)
    assert credit(support, other, bakery.currency).status_code == 302


def test_money_of_another_currency_is_above_any_limit(support, bakery):
    customer = CustomerFactory(business=bakery)

    page = credit(support, customer, "KWD")

    assert "may exceed the limit" in page.text
    assert not Credit.objects.exists()


# --- four eyes ----------------------------------------------------------------


@pytest.fixture
def asked(alice, booking):
    """A refund above the limit that Alice asked for."""
    post_confirmed(alice, REFUND, refund(alice, booking, "300"))
    return Refund.objects.get()


REFUNDS = "/admin/customers/refund/"


def decide(client, action: str, *rows: Refund):
    chosen = [str(row.pk) for row in rows]
    data = {"action": action, "_selected_action": chosen}
    assert post_confirmed(client, REFUNDS, data).status_code == 302
    return client.get(REFUNDS)


def test_nobody_approves_their_own_refund_on_a_page(alice, asked):
    assert "a second person approves it" in decide(alice, "approve", asked).text

    asked.refresh_from_db()
    assert asked.status == "requested"


def test_another_admin_approves_in_the_list(bakery, asked):
    other = signed_in(staff(bakery))

    page = decide(other, "approve", asked)

    assert "Approved: the money goes back." in page.text
    asked.refresh_from_db()
    assert (asked.status, asked.approved_by_id) == ("succeeded", other.user.pk)


def test_a_refund_is_refused_in_the_list(bakery, asked):
    other = signed_in(staff(bakery))

    assert "nothing goes back" in decide(other, "refuse", asked).text
    asked.refresh_from_db()
    assert asked.status == "refused"
    assert "nothing waits" in decide(other, "refuse", asked).text


def test_refunds_are_decided_one_by_one(bakery, asked, booking):
    other = signed_in(staff(bakery))
    post_confirmed(other, REFUND, refund(other, booking, "1"))
    rows = list(Refund.objects.all())

    assert "decided by itself" in decide(other, "refuse", *rows).text
    assert set(Refund.objects.values_list("status", flat=True)) == {"requested"}


def test_support_asks_above_the_limit_and_approves_nothing(support, bakery):
    paid = {"paid_amount": 1000, "total_amount": 1000, "status": "completed"}
    booking = BookingFactory(customer__business=bakery, **paid)
    fields = {"booking": str(booking.pk), "status": "requested", "reason_code": "other"}

    made = post_confirmed(support, REFUND, fields | {"amount": "200"}, follow=True)

    assert "Nothing has gone back yet" in made.text
    assert "200.00 EUR" in made.text
    row = Refund.objects.get()
    assert (row.status, row.requested_by_id) == ("requested", support.user.pk)
    # The action is none of theirs; the list comes back as it was.
    assert "the money goes back" not in decide(support, "approve", row).text
    row.refresh_from_db()
    assert row.status == "requested"


def test_a_raised_limit_spares_no_confirmation_on_a_page(bakery, asked, actor):
    bakery.refund_limit = None
    bakery.as_actor(actor).save()
    other = signed_in(staff(bakery))
    enrol(other)
    chosen = {"action": "approve", "_selected_action": [str(asked.pk)]}

    assert "carried" in other.post(REFUNDS, chosen).context
    decide(other, "approve", asked)

    asked.refresh_from_db()
    assert (asked.status, asked.approved_by_id) == ("succeeded", other.user.pk)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"status": "refunded"}, "refunded by its refunds"),
        ({"total_amount": "9"}, "The booking is invoiced"),
        ({"invoice_number": ""}, "The booking is invoiced"),
        ({"external_id": "payment:x"}, "given by payments"),
    ],
)
def test_a_booking_page_keeps_what_others_say(alice, booking, actor, changes, text):
    booking.invoice_number = "2026-000001"
    booking.as_actor(actor).save()
    path = f"/admin/customers/booking/{booking.pk}/change/"
    form = form_data(alice, path)
    assert "credit_used" not in form

    assert text in alice.post(path, form | changes).text

    rev = booking.rev
    booking.refresh_from_db()
    assert booking.rev == rev
