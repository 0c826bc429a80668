"""Whoever repeats what is refused fills no trail: ten entries, then a number."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby
from typing import Any

import pytest
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit import accounts
from audit.ids import uuid7
from audit.log.refusals import (
    MOST_EVENTS,
    SUMMARY,
    WINDOW,
    close_windows,
    record_refusal,
    record_refusals,
)
from audit.models import Event, Operation, Outcome, RefusalWindow
from audit.tenancy.actors import Actor, OperationContext
from customers.models import Business
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    BusinessFactory,
    CustomerFactory,
    MembershipFactory,
    PinCredentialFactory,
    UserFactory,
)
from tests.factories.audit import PIN

CUSTOMERS = "/admin/customers/customer/"
JSON = "application/json"
TIMES = 50


def support(bakery: Business, rival: Business) -> Client:
    return signed_in(staff(bakery, "support"))


def refused_page(browser: Client, _row: Any) -> Any:
    return browser.get("/admin/customers/membership/add/")


def foreign_page(browser: Client, row: Any) -> Any:
    return browser.post(f"{CUSTOMERS}{row.pk}/change/", {"name": "Mine"})


def foreign_row(browser: Client, row: Any) -> Any:
    return browser.get(f"/api/v1/customers/{row.pk}")


def foreign_choice(browser: Client, row: Any) -> Any:
    return browser.post(
        CUSTOMERS, {"action": "archive", "_selected_action": [str(row.pk)]}
    )


def unknown_action(browser: Client, row: Any) -> Any:
    return browser.post(
        CUSTOMERS, {"action": "melt", "_selected_action": [str(row.pk)]}
    )


def forbidden_lookup(browser: Client, _row: Any) -> Any:
    return browser.get(f"{CUSTOMERS}?password__startswith=a")


def wrong_method(browser: Client, _row: Any) -> Any:
    return browser.put("/api/v1/events", "{}", content_type=JSON)


def refused_endpoint(browser: Client, _row: Any) -> Any:
    return browser.get("/api/v1/events")


def hub_probe(browser: Client, row: Any) -> Any:
    return browser.get(f"/api/admin/customers/{row.unique_id}")


def useless_grant(browser: Client, _row: Any) -> Any:
    body = {"scope": "export", "pin": PIN, "digest": "0" * 64}
    return browser.post("/api/v1/auth/step-up", body, content_type=JSON)


KINDS: dict[str, Callable[[Client, Any], Any]] = {
    call.__name__: call
    for call in (
        refused_page,
        foreign_page,
        foreign_row,
        foreign_choice,
        unknown_action,
        forbidden_lookup,
        wrong_method,
        refused_endpoint,
        hub_probe,
        useless_grant,
    )
}
every_kind = pytest.mark.parametrize("call", KINDS.values(), ids=KINDS)


def refusals(user: Any) -> Any:
    return Event.objects.filter(actor_id=user.pk, outcome=Outcome.REFUSED)


@every_kind
def test_fifty_refusals_are_ten_entries_and_a_number(bakery, rival, call):
    browser, other = support(bakery, rival), support(bakery, rival)
    PinCredentialFactory(user=browser.user)
    row = CustomerFactory(business=rival)

    statements, answers = [], set()
    for _ in range(TIMES):
        with CaptureQueriesContext(connection) as found:
            answers.add(call(browser, row).status_code)
        statements.append(len(found))

    assert len(answers) == 1
    assert refusals(browser.user).count() == MOST_EVENTS
    operations = Operation.objects.filter(actor_id=browser.user.pk)
    assert operations.exclude(route="/test").count() == MOST_EVENTS
    window = RefusalWindow.objects.get(actor_id=browser.user.pk)
    assert window.number == TIMES
    # The same work each time, and less of it once they are only counted.
    assert len(set(statements[2:MOST_EVENTS])) == 1
    assert len(set(statements[MOST_EVENTS + 1 :])) == 1
    assert statements[-1] < statements[MOST_EVENTS - 1]

    call(other, row)
    assert refusals(other.user).count() == 1


def test_each_kind_has_its_own_ten(bakery, rival):
    browser, row = support(bakery, rival), CustomerFactory(business=rival)

    for _ in range(MOST_EVENTS + 2):
        refused_page(browser, row)
        foreign_row(browser, row)

    codes = list(refusals(browser.user).values_list("code", flat=True))
    assert sorted(codes) == ["forbidden"] * MOST_EVENTS + ["not_found"] * MOST_EVENTS


def test_reads_are_all_written_beside_refusals_that_are_counted(bakery, rival):
    browser = signed_in(staff(bakery, "auditor"))
    CustomerFactory(business=bakery)

    for _ in range(MOST_EVENTS + 5):
        browser.get(CUSTOMERS)

    assert Event.objects.filter(action="customer.listed").count() == MOST_EVENTS + 5


def test_keys_addresses_and_commands_are_counted_each_by_itself(bakery):
    def context(ip: str | None = None, route: str = "/t") -> OperationContext:
        return OperationContext(via="api", route=route, ip=ip)

    actors = [
        Actor("key", context(), key_id=bakery.pk),
        Actor("anonymous", context("192.0.2.1")),
        Actor("anonymous", context("192.0.2.2")),
        Actor("anonymous", context()),
        Actor.system("one"),
        Actor.system("two"),
    ]
    for acting in actors:
        for _ in range(MOST_EVENTS + 1):
            record_refusal("t.refused", actor=acting, code="x")

    assert Event.objects.filter(action="t.refused").count() == MOST_EVENTS * len(actors)
    assert RefusalWindow.objects.filter(number=MOST_EVENTS + 1).count() == len(actors)


def test_wrong_codes_and_passwords_are_few(bakery, rival):
    user = PinCredentialFactory(user=staff(bakery)).user
    acting = actor_of(user)
    for _ in range(TIMES):
        with pytest.raises(ValidationError):
            accounts.check_current_password(user, "wrong", actor=acting)

    assert refusals(user).count() <= MOST_EVENTS


# They limit themselves: by account and network, one for each sign-in, one an hour.
LIMITED = {
    "audit/accounts/alarms.py",
    "audit/accounts/sign_in.py",
    "audit/accounts/tokens.py",
    "capture/services/keys.py",
    "capture/services/rejected_requests.py",
}


def test_every_refusal_is_written_by_the_one_door():
    wrote = re.compile(r"outcome=(Outcome\.REFUSED|\"refused\")")
    found = {
        str(path.relative_to(settings.BASE_DIR))
        for app in ("audit", "customers", "capture", "config")
        for path in (settings.BASE_DIR / app).rglob("*.py")
        if wrote.search(path.read_text(encoding="utf-8"))
    }
    reads = {"audit/log/monitoring.py"}
    assert found - reads == LIMITED | {"audit/log/refusals.py"}


# --- what a window comes to -----------------------------------------------------


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until it is moved."""
    start, moved = timezone.now(), [timedelta()]
    monkeypatch.setattr(timezone, "now", lambda: start + moved[0])

    def advance(**kwargs: float) -> None:
        moved[0] += timedelta(**kwargs)

    return advance


def someone(pk: Any) -> Actor:
    return Actor("user", OperationContext(via="api", route="/t"), id=pk)


def refuse(business: Business, pk: Any, times: int = 1) -> None:
    for _ in range(times):
        record_refusal(
            "access.denied", actor=someone(pk), code="x", business_id=business.pk
        )


def test_the_next_refusal_tells_of_those_before(bakery, clock):
    refuse(bakery, bakery.pk, TIMES)
    clock(minutes=16)

    refuse(bakery, bakery.pk)

    told = Event.objects.get(action=SUMMARY)
    assert (told.code, told.business_id, told.actor_id) == ("x", bakery.pk, bakery.pk)
    assert told.outcome == Outcome.REFUSED
    assert told.data["more"] == TIMES - MOST_EVENTS
    assert told.data["action"] == "access.denied"
    assert told.data["from"] <= told.data["until"]
    assert Event.objects.filter(action="access.denied").count() == MOST_EVENTS + 1
    assert RefusalWindow.objects.get().number == 1


def test_maintenance_tells_of_windows_that_are_over(bakery, rival, clock):
    refuse(bakery, bakery.pk, TIMES)
    refuse(rival, rival.pk, MOST_EVENTS)
    clock(minutes=10)
    refuse(bakery, rival.pk)
    call_command("maintain", yes=True)
    assert RefusalWindow.objects.count() == 3
    clock(minutes=6)

    call_command("maintain")
    assert not Event.objects.filter(action=SUMMARY).exists()
    call_command("maintain", yes=True)

    assert [e.business_id for e in Event.objects.filter(action=SUMMARY)] == [bakery.pk]
    [left] = RefusalWindow.objects.all()
    assert left.actor_id == rival.pk
    operation = Operation.objects.get(route="maintain")
    assert operation.actor_kind == "system"


@pytest.mark.parametrize("hours", [-24, 24 * 365, -24 * 365])
def test_a_clock_that_jumps_neither_floods_nor_goes_dumb(bakery, clock, hours):
    refuse(bakery, bakery.pk, TIMES)
    clock(hours=hours)

    refuse(bakery, bakery.pk, TIMES)
    clock(seconds=WINDOW.total_seconds())
    call_command("maintain", yes=True)

    assert Event.objects.filter(action="access.denied").count() == 2 * MOST_EVENTS
    more = [event.data["more"] for event in Event.objects.filter(action=SUMMARY)]
    assert more == [TIMES - MOST_EVENTS] * 2
    assert not RefusalWindow.objects.exists()


def test_servers_whose_clocks_differ_by_a_minute_share_a_window(bakery, clock):
    for _ in range(TIMES):
        refuse(bakery, bakery.pk)
        clock(minutes=-1)
        refuse(bakery, bakery.pk)
        clock(minutes=1)

    assert Event.objects.filter(action="access.denied").count() == MOST_EVENTS
    assert RefusalWindow.objects.get().number == 2 * TIMES


# --- somebody of many businesses ------------------------------------------------


def member_of(count: int) -> Client:
    user = UserFactory()
    for business in BusinessFactory.create_batch(count):
        MembershipFactory(user=user, business=business)
    return signed_in(user)


def steps(browser: Client) -> list[str]:
    """Return the statements of a refused request; those of one insert count as one.

    SQLite takes some 45 rows in a statement.
    """
    with CaptureQueriesContext(connection) as found:
        assert refused_page(browser, None).status_code == 403
    begun = [query["sql"].partition(" VALUES ")[0] for query in found.captured_queries]
    return [name for name, _ in groupby(begun)]


def test_a_refusal_takes_as_many_statements_in_2_businesses_as_in_40(bakery, clock):
    few, many = member_of(2), member_of(40)

    for n in range(MOST_EVENTS + 2):
        assert len(steps(many)) == len(steps(few)), n
    clock(minutes=16)
    assert len(steps(many)) == len(steps(few))

    for browser, count in ((few, 2), (many, 40)):
        own = refusals(browser.user)
        told = own.filter(action="access.denied")
        counted = own.filter(action=SUMMARY)
        assert told.count() == (MOST_EVENTS + 1) * count
        assert told.values("business_id").distinct().count() == count
        assert {event.data["more"] for event in counted} == {2}
        assert counted.values("business_id").distinct().count() == count
        windows = RefusalWindow.objects.filter(actor_id=browser.user.pk)
        assert set(windows.values_list("number", flat=True)) == {1}


def test_each_business_tells_of_its_own_ten(bakery, rival):
    user = staff(bakery, "support")
    for _ in range(MOST_EVENTS - 2):
        refused_page(signed_in(user), None)
    MembershipFactory(user=user, business=rival)

    for _ in range(MOST_EVENTS + 1):
        refused_page(signed_in(user), None)

    for business, number in (
        (bakery, 2 * MOST_EVENTS - 1),
        (rival, MOST_EVENTS + 1),
    ):
        assert refusals(user).filter(business_id=business.pk).count() == MOST_EVENTS
        assert RefusalWindow.objects.get(business_id=business.pk).number == number


# --- parallel -------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_parallel_refusals_are_ten_entries_and_none_is_lost(bakery, at_once):
    found = at_once(lambda: refuse(bakery, bakery.pk, 5))
    assert found == [None] * 8

    def count() -> tuple[int, int]:
        events = Event.objects.filter(action="access.denied")
        return events.count(), RefusalWindow.objects.get().number

    assert at_once(count, times=1) == [(MOST_EVENTS, 40)]


@pytest.mark.django_db(transaction=True)
def test_parallel_refusals_in_many_businesses_wait_for_each_other(at_once):
    ids = [uuid7() for _ in range(20)]

    def turn() -> None:
        for _ in range(5):
            who = someone(ids[0])
            record_refusals("access.denied", actor=who, code="x", business_ids=ids)

    assert at_once(turn) == [None] * 8

    def count() -> tuple[int, set[int]]:
        numbers = RefusalWindow.objects.values_list("number", flat=True)
        return Event.objects.filter(action="access.denied").count(), set(numbers)

    assert at_once(count, times=1) == [(MOST_EVENTS * len(ids), {40})]


@pytest.mark.django_db(transaction=True)
def test_parallel_refusals_after_a_window_tell_of_it_once(bakery, at_once):
    def turn() -> None:
        refuse(bakery, bakery.pk, MOST_EVENTS + 3)
        RefusalWindow.objects.update(ends_at=timezone.now())

    def close_or_refuse(numbers=iter(range(8))) -> None:  # noqa: B008 - one for all
        if next(numbers) % 2:
            close_windows(actor=Actor.system("t"))
        else:
            refuse(bakery, bakery.pk)

    assert at_once(turn, times=1) == [None]
    assert at_once(close_or_refuse) == [None] * 8

    def tell() -> list[int]:
        events = Event.objects.filter(action=SUMMARY)
        return [event.data["more"] for event in events]

    assert at_once(tell, times=1) == [[3]]
