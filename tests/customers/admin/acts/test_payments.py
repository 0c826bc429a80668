"""The acts with payments, what they say, and the pages that show them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.urls import reverse

from audit.models import Event
from customers import services
from customers.models import Booking, BookingPayment, Refund
from tests.conftest import form_data, signed_in, staff
from tests.customers.admin.acting import SYSTEM, act_path, do_act, said, somebody
from tests.factories import BookingFactory, RefundFactory

PAYMENTS = "/admin/customers/bookingpayment/"


@pytest.fixture
def zelda(bakery) -> Any:
    return somebody(bakery, name="Zelda")


@pytest.fixture
def booking(zelda) -> Booking:
    return BookingFactory(customer=zelda, status="completed", total_amount=60)


def page_of(booking: Booking) -> str:
    return reverse("admin:customers_booking_change", args=[booking.pk])


def test_the_message_says_what_is_paid_now(alice, zelda, booking):
    done = do_act(
        alice, zelda, "payment", booking=booking.pk, amount="40", method="cash",
        received_on="2026-01-05", reference="R-1", reason="at the counter",
    )  # fmt: skip

    assert done.status_code == 302
    message = said(alice)
    assert f"40.00 EUR is recorded for {booking}. Paid 40.00 of 60.00 EUR." in message
    entry = BookingPayment.objects.get()
    assert reverse("admin:customers_bookingpayment_change", args=[entry.pk]) in message
    assert (entry.reference, entry.reason) == ("R-1", "at the counter")
    do_act(
        alice, zelda, "payment", booking=booking.pk, amount="", method="transfer",
        received_on="2026-01-05",
    )  # fmt: skip
    assert "Paid 60.00 of 60.00 EUR." in said(alice)


def test_a_payment_is_taken_back_with_a_reason(alice, zelda, booking):
    entry = services.record_payment(
        booking, actor=SYSTEM, method="cash", amount=Decimal(40)
    )

    do_act(alice, zelda, "reverse-payment", payment=entry.pk, reason="wrong booking")

    assert f"40.00 EUR of {booking} is taken back. Paid 0.00 of 60.00 EUR." in said(
        alice
    )
    assert Event.objects.get(action="payment.reversed").reason == "wrong booking"


def test_an_amount_from_before_is_taken_back(alice, zelda, booking):
    booking.paid_amount, booking.confirmed_amount = 9999, None
    booking.as_actor(SYSTEM).save()

    page = alice.get(act_path(zelda, "reverse-payment"))
    assert "9,999.00 EUR, paid before payments were recorded" in page.text
    do_act(
        alice, zelda, "reverse-payment", payment=f"earlier-{booking.pk}", reason="typo"
    )

    booking.refresh_from_db()
    assert booking.paid_amount == 0


def test_a_refund_that_did_not_arrive(alice, zelda, booking):
    services.record_payment(booking, actor=SYSTEM, method="cash")
    refund = services.request_refund(booking, actor=SYSTEM, reason_code="other")

    do_act(alice, zelda, "refund-failed", refund=refund.pk, reason="account closed")

    assert f"60.00 EUR of {booking} did not go back" in said(alice)
    assert Refund.objects.get().status == "failed"
    booking.refresh_from_db()
    assert booking.status == "completed"


def test_the_page_of_a_booking_shows_payments_and_leads_to_the_acts(
    alice, zelda, booking
):
    services.record_payment(booking, actor=SYSTEM, method="cash", amount=Decimal(40))

    page = alice.get(page_of(booking))

    assert 'name="paid_amount"' not in page.text
    assert "40.00 EUR" in page.text
    links = dict(page.context["booking_acts"])
    assert {*links} == {"Record a payment", "Reverse a payment", "Refund"}
    form = alice.get(links["Record a payment"]).context["form"]
    assert form["booking"].value() == str(booking.pk)
    marketing = signed_in(staff(zelda.business, "marketing"))
    assert marketing.get(page_of(booking)).context["booking_acts"] == []


def test_what_is_posted_beside_the_form_changes_nothing(alice, booking):
    data = form_data(alice, page_of(booking)) | {
        "paid_amount": "9999", "paid_amount_0": "9999", "cancel_reason": "x",
    }  # fmt: skip

    assert alice.post(page_of(booking), data).status_code == 302

    booking.refresh_from_db()
    assert (booking.paid_amount, booking.cancel_reason) == (0, "x")


@pytest.mark.parametrize(
    ("role", "status"),
    [("admin", 200), ("support", 200), ("auditor", 200), ("marketing", 403)],
)
def test_who_sees_payments_and_nobody_writes_them(bakery, booking, role, status):
    entry = services.record_payment(booking, actor=SYSTEM, method="cash")
    browser = signed_in(staff(bakery, role))

    listed = browser.get(PAYMENTS)
    one = browser.get(f"{PAYMENTS}{entry.pk}/change/")

    assert (listed.status_code, one.status_code) == (status, status)
    assert status == 403 or "60.00 EUR" in listed.text
    assert status == 403 or "60.00 EUR" in one.text
    assert browser.get(f"{PAYMENTS}add/").status_code == 403
    assert browser.post(f"{PAYMENTS}{entry.pk}/change/", {}).status_code == 403


def test_another_business_sees_no_payment(charlie, booking):
    entry = services.record_payment(booking, actor=SYSTEM, method="cash")

    assert str(entry.pk) not in charlie.get(PAYMENTS).text
    assert charlie.get(f"{PAYMENTS}{entry.pk}/change/").status_code in (302, 404)


def test_a_list_costs_the_same_for_many_payments(alice, booking, assert_flat):
    def grow() -> None:
        for _ in range(6):
            services.record_payment(
                booking, actor=SYSTEM, method="cash", amount=Decimal("0.5")
            )

    grow()
    assert_flat(call=lambda: alice.get(PAYMENTS), grow=grow)
    assert_flat(call=lambda: alice.get(page_of(booking)), grow=grow)


def test_events_of_money_say_how_much_on_their_page(alice, booking):
    services.record_payment(booking, actor=SYSTEM, method="cash", amount=Decimal(40))
    event = Event.objects.get(action="payment.recorded")

    page = alice.get(reverse("admin:audit_event_change", args=[event.pk]))

    assert "40.00" in page.text
    assert booking.reference in page.text


def test_amounts_of_money_are_shown_with_their_currency(alice, zelda, booking):
    services.record_payment(booking, actor=SYSTEM, method="cash")
    refund = services.request_refund(booking, actor=SYSTEM, reason_code="other")
    credit = services.issue_credit(zelda, actor=SYSTEM, amount=Decimal("7.50"))

    for row, amount in ((refund, "60.00 EUR"), (credit, "7.50 EUR")):
        name = f"admin:customers_{row._meta.model_name}_change"
        assert amount in alice.get(reverse(name, args=[row.pk])).text


def refund_page(refund: Refund) -> str:
    return reverse("admin:customers_refund_change", args=[refund.pk])


@pytest.fixture
def pending(booking) -> Refund:
    services.record_payment(booking, actor=SYSTEM, method="cash")
    return RefundFactory(booking=booking, amount=10, status="requested")


@pytest.mark.parametrize("kind", ["refund", "booking"])
def test_the_pages_of_refund_and_booking_lead_to_the_decision(
    alice, zelda, booking, pending, kind
):
    page = {"refund": refund_page(pending), "booking": page_of(booking)}[kind]
    links = dict(alice.get(page).context["booking_acts"])

    form = alice.get(links["Approve a refund"]).context["form"]
    assert form["refund"].value() == str(pending.pk)
    refused = do_act(
        alice, zelda, "refuse-refund", refund=pending.pk, reason="no proof"
    )

    assert refused.status_code == 302
    assert f"10.00 EUR of {booking} does not go back." in said(alice)
    assert Event.objects.get(action="refund.refused").reason == "no proof"
    links = dict(alice.get(page).context["booking_acts"])
    assert "Approve a refund" not in links


def test_a_refund_is_approved_after_a_confirmation_by_somebody_else(
    alice, zelda, pending
):
    asked = alice.post(act_path(zelda, "approve-refund"), {"refund": pending.pk})
    assert "Give back 10.00 EUR" in asked.text
    pending.refresh_from_db()
    assert pending.status == "requested"

    assert do_act(alice, zelda, "approve-refund", refund=pending.pk).status_code == 302

    pending.refresh_from_db()
    assert pending.status == "succeeded"
    again = do_act(alice, zelda, "approve-refund", refund=pending.pk)
    assert again.status_code == 200


def test_a_refusal_needs_its_reason(alice, zelda, pending):
    page = do_act(alice, zelda, "refuse-refund", refund=pending.pk, reason="")

    assert page.context["form"].errors["reason"]
    pending.refresh_from_db()
    assert pending.status == "requested"


def test_who_may_decide_on_refunds(zelda, pending, rival):
    typed = {"refund": pending.pk, "reason": "x"}
    support = signed_in(staff(zelda.business, "support"))
    assert support.post(act_path(zelda, "approve-refund"), typed).status_code == 403
    assert [*dict(support.get(refund_page(pending)).context["booking_acts"])] == [
        "Refuse a refund"
    ]
    other = signed_in(staff(rival))
    for name in ("approve-refund", "refuse-refund"):
        assert other.post(act_path(zelda, name), typed).status_code == 404
    foreign = RefundFactory(booking__customer__business=rival, status="requested")
    page = do_act(support, zelda, "refuse-refund", refund=foreign.pk, reason="x")
    assert page.context["form"].errors["refund"]
    pending.refresh_from_db()
    assert pending.status == "requested"


def test_a_refund_says_how_it_goes_back(alice, zelda, booking):
    services.record_payment(booking, actor=SYSTEM, method="cash")

    do_act(
        alice, zelda, "refund", booking=booking.pk, reason_code="quality", amount="10",
        method="cash",
    )  # fmt: skip

    assert Refund.objects.get().method == "cash"
