"""Refunds: up to the limit at once, above it in two steps by two people."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Booking, CustomerStats, Refund
from tests.conftest import actor_of, staff
from tests.factories import (
    BookingFactory,
    CreditFactory,
    CustomerFactory,
    RefundFactory,
)


@pytest.fixture
def booking(bakery, actor) -> Booking:
    bakery.refund_limit = 100
    bakery.as_actor(actor).save()
    return BookingFactory(
        customer__business=bakery,
        status="completed",
        total_amount=Decimal(500),
        paid_amount=Decimal(500),
    )


def person(business, role: str = "admin") -> Actor:
    return actor_of(staff(business, role))


def confirmed(acting: Actor):
    """Return what an edge does when it asks; and remember what it was asked."""

    def ask(digest: str, what: str) -> None:
        asked.append(what)
        acting.operation.grant_id = uuid4()

    asked: list[str] = []
    ask.asked = asked  # type: ignore[attr-defined]  # set at run time, not on the type
    return ask


def request(booking, acting, amount: Any, **more: Any) -> Refund:
    values = {"reason_code": "quality", "step_up": confirmed(acting), **more}
    amount = None if amount is None else Decimal(str(amount))
    return services.request_refund(booking, actor=acting, amount=amount, **values)


def code_of(found: pytest.ExceptionInfo[ValidationError]) -> str:
    errors = found.value.error_list if hasattr(found.value, "error_list") else None
    if errors is None:
        errors = [e for part in found.value.error_dict.values() for e in part]
    return str(errors[0].code)


# --- up to the limit -----------------------------------------------------------------


@pytest.mark.parametrize("role", ["admin", "support"])
def test_up_to_the_limit_the_money_goes_at_once(booking, bakery, role):
    acting = person(bakery, role)

    row = request(booking, acting, 100)

    assert (row.status, row.approved_by_id) == ("succeeded", None)
    assert row.requested_by_id == acting.id
    assert row.settled_at is not None
    assert services.refunded_of(booking) == 100


@pytest.mark.parametrize("role", ["marketing", "auditor"])
def test_who_may_not_give_money_back(booking, bakery, role):
    with pytest.raises(PermissionDenied):
        request(booking, person(bakery, role), 1)


def test_a_rival_may_not(booking, rival):
    with pytest.raises(PermissionDenied):
        request(booking, person(rival), 1)


@pytest.mark.parametrize(
    ("amount", "currency", "code"),
    [
        (1, "USD", "currency_differs"),
        ("500.01", "EUR", "refund_exceeds_paid"),
        ("1.005", None, "too_many_decimals"),
    ],
)
def test_what_is_refused(booking, bakery, amount, currency, code):
    with pytest.raises(ValidationError) as found:
        request(booking, person(bakery), amount, currency=currency)

    assert code_of(found) == code
    assert not Refund.objects.exists()


def test_an_amount_fits_the_decimals_of_its_currency(bakery):
    paid = {"status": "completed", "paid_amount": Decimal(5000)}
    yen = BookingFactory(customer__business=bakery, currency="JPY", **paid)
    dinar = BookingFactory(customer__business=bakery, currency="KWD", **paid)
    acting = person(bakery)

    assert request(dinar, acting, "1.005").amount == Decimal("1.005")
    with pytest.raises(ValidationError, match="JPY has no decimals"):
        request(yen, acting, "10.5")


def test_refunds_that_wait_claim_their_money(booking, bakery):
    acting = person(bakery)
    request(booking, acting, 450)

    with pytest.raises(ValidationError, match=r"Only 50\.00 EUR"):
        request(booking, acting, "50.01")


# --- the whole -----------------------------------------------------------------------


def test_without_an_amount_the_rest_goes_and_the_booking_is_refunded(bakery):
    booking = BookingFactory(
        customer__business=bakery,
        status="completed",
        total_amount=Decimal(30),
        paid_amount=Decimal(30),
    )
    acting = person(bakery)
    request(booking, acting, 10)
    booking.refresh_from_db()
    assert booking.status == "completed"

    assert request(booking, acting, None).amount == 20

    booking.refresh_from_db()
    assert booking.status == "refunded"
    newest = booking.history.latest("history_id")
    assert (newest.status, newest.history_user_id) == ("refunded", acting.id)
    with pytest.raises(ValidationError, match="Nothing of this booking is left"):
        request(booking, acting, None)


def test_a_refund_that_failed_after_all_gives_the_status_back(booking, bakery, actor):
    row = services.request_refund(
        booking, actor=actor, amount=Decimal(500), reason_code="other"
    )
    row.status = "failed"
    services.save_record(row, actor=actor)

    booking.refresh_from_db()
    assert booking.status == "completed"


def test_a_cancelled_booking_stays_cancelled(bakery, actor):
    booking = BookingFactory(
        customer__business=bakery, status="cancelled", paid_amount=Decimal(20)
    )
    services.request_refund(booking, actor=actor, reason_code="other")

    booking.refresh_from_db()
    assert booking.status == "cancelled"


def test_the_check_values_of_the_definitions(bakery, actor):
    customer = CustomerFactory(business=bakery)

    def bought(amount: int, status: str) -> Booking:
        paid = {"total_amount": Decimal(amount), "paid_amount": Decimal(amount)}
        return BookingFactory(customer=customer, status=status, **paid)

    bought(100, "completed")
    bought(50, "completed")
    back = bought(30, "completed")
    bought(20, "cancelled")
    services.request_refund(back, actor=actor, reason_code="quality")
    CreditFactory(customer=customer, amount=Decimal(10))

    stats = CustomerStats.objects.get(customer=customer)
    assert (stats.total_orders, stats.total_purchases) == (4, 3)
    assert (stats.total_spent, stats.avg_transaction_value) == (150, 50)
    assert (stats.refunded_orders, stats.cancelled_orders) == (1, 1)
    assert stats.is_repeat_customer
    assert stats.repeat_frequency == "occasional"
    assert not stats.is_high_value


# --- above the limit: four eyes ------------------------------------------------------


@pytest.mark.parametrize("role", ["support", "admin"])
def test_above_the_limit_one_asks_and_another_approves(booking, bakery, role):
    asking, approving = person(bakery, role), person(bakery)
    ask = confirmed(asking)

    row = request(booking, asking, "100.01", step_up=ask)

    assert row.status == "requested"
    assert ask.asked == ["Ask to give back 100.01 EUR"]
    assert services.refunded_of(booking) == 0

    done = services.approve_refund(row, actor=approving, step_up=confirmed(approving))

    assert (done.status, done.requested_by_id) == ("succeeded", asking.id)
    assert done.approved_by_id == approving.id
    assert services.refunded_of(booking) == Decimal("100.01")


def test_nobody_approves_what_they_asked_for(booking, bakery):
    asking = person(bakery)
    row = request(booking, asking, 300)

    with pytest.raises(ValidationError) as found:
        services.approve_refund(row, actor=asking, step_up=confirmed(asking))

    assert code_of(found) == "second_person"
    row.refresh_from_db()
    assert row.status == "requested"


def test_only_who_may_exceed_the_limit_approves(booking, bakery):
    row = request(booking, person(bakery), 300)

    with pytest.raises(PermissionDenied):
        services.approve_refund(row, actor=person(bakery, "support"))


def test_an_approval_is_confirmed(booking, bakery):
    row = request(booking, person(bakery), 300)

    with pytest.raises(ValidationError, match="confirm it"):
        services.approve_refund(row, actor=person(bakery))


def test_a_refused_refund_frees_its_money_and_is_over(booking, bakery):
    asking, refusing = person(bakery), person(bakery)
    row = request(booking, asking, 500)

    refused = services.refuse_refund(row, actor=refusing, reason="no proof")

    assert refused.status == "refused"
    assert row.history.latest("history_id").history_change_reason == "no proof"
    assert request(booking, asking, 500).status == "requested"
    for act, more in (
        (services.approve_refund, {"step_up": confirmed(refusing)}),
        (services.refuse_refund, {"reason": "x"}),
    ):
        with pytest.raises(ValidationError) as found:
            act(row, actor=refusing, **more)
        assert code_of(found) == "not_requested"


# --- the same rule wherever a row is saved -------------------------------------------


def ready(acting: Actor) -> Actor:
    acting.operation.grant_id = uuid4()
    return acting


def test_a_new_row_above_the_limit_cannot_have_succeeded(booking, bakery):
    acting = ready(person(bakery))
    row = Refund(
        business=bakery,
        booking=booking,
        amount=Decimal(300),
        status="succeeded",
        reason_code="other",
        # Whoever saves it has asked for it.
        requested_by_id=staff(bakery).pk,
    )

    with pytest.raises(ValidationError, match="a second person approves it"):
        services.save_record(row, actor=acting)


def test_who_raises_an_amount_has_asked_for_it(booking, bakery):
    first, second = person(bakery), ready(person(bakery))
    row = request(booking, first, 50)
    assert row.status == "succeeded"
    row.amount = Decimal(300)

    with pytest.raises(ValidationError, match="a second person"):
        services.save_record(row, actor=second)

    row.refresh_from_db()
    row.amount, row.status = Decimal(300), "requested"
    services.save_record(row, actor=second)
    assert row.requested_by_id == second.id
    assert services.approve_refund(row, actor=ready(first)).approved_by_id == first.id


@pytest.mark.parametrize("step", ["approved", "failed"])
def test_steps_in_between_are_no_way_round(booking, bakery, step):
    asking = ready(person(bakery))
    row = request(booking, asking, 300)
    row.status = step
    if step == "approved":
        with pytest.raises(ValidationError, match="a second person"):
            services.save_record(row, actor=asking)
        return
    services.save_record(row, actor=asking)
    row.status = "succeeded"
    with pytest.raises(ValidationError, match="a second person"):
        services.save_record(row, actor=asking)


def test_a_command_needs_no_second_person(booking, actor):
    row = RefundFactory(booking=booking, amount=Decimal(300), status="succeeded")

    assert services.refunded_of(booking) == 300
    assert row.approved_by_id is None


# --- no way round the limit ----------------------------------------------------------


def test_the_refunds_of_a_day_count_together_over_bookings(booking, bakery, actor):
    acting = person(bakery, "support")
    paid = {"status": "completed", "paid_amount": Decimal(500)}
    second = BookingFactory(customer=booking.customer, **paid)
    others = BookingFactory(customer__business=bakery, **paid)
    request(booking, acting, 60)

    assert request(second, acting, "40.01").status == "requested"
    assert request(others, acting, 60).status == "succeeded"


def test_a_day_later_another_booking_counts_by_itself(booking, bakery):
    acting = person(bakery, "support")
    second = BookingFactory(
        customer=booking.customer, status="completed", paid_amount=Decimal(500)
    )
    RefundFactory(
        booking=booking,
        amount=Decimal(90),
        status="succeeded",
        created_at=timezone.now() - timedelta(hours=25),
    )

    assert request(second, acting, 60).status == "succeeded"
    assert request(booking, acting, 20).status == "requested"


@pytest.mark.parametrize("limit", [None, 1000])
def test_a_limit_raised_meanwhile_spares_no_second_person(
    booking, bakery, actor, limit
):
    asking = person(bakery)
    row = request(booking, asking, 300)
    bakery.refund_limit = limit
    bakery.as_actor(actor).save()
    row = Refund.objects.get(pk=row.pk)

    with pytest.raises(ValidationError) as found:
        services.approve_refund(row, actor=asking, step_up=confirmed(asking))
    assert code_of(found) == "second_person"
    row.status = "succeeded"
    with pytest.raises(ValidationError, match="a second person"):
        services.save_record(row, actor=ready(asking))

    row.refresh_from_db()
    other = person(bakery)
    with pytest.raises(ValidationError, match="confirm it"):
        services.approve_refund(row, actor=other)
    ask = confirmed(other)
    row.refresh_from_db()
    assert services.approve_refund(row, actor=other, step_up=ask).status == "succeeded"
    assert ask.asked == ["Give back 300.00 EUR"]


def test_a_confirmation_is_for_one_reason(booking, bakery):
    digests = []

    def ask(digest: str, what: str) -> None:
        digests.append(digest)
        raise PermissionDenied

    for reason in ("broken", "late", "late"):
        with pytest.raises(PermissionDenied):
            request(booking, person(bakery), 300, reason=reason, step_up=ask)

    assert digests[0] != digests[1] == digests[2]
