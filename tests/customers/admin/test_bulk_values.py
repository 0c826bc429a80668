"""Setting a value for many customers: asked, shown, frozen, done once, and by whom."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.jobs.tasks import BATCH_SIZE
from audit.models import Event, Job
from customers import services
from customers.models import Customer, Flag
from tests.conftest import actor_of, signed_in, staff
from tests.customers.admin.test_bulk_acts import make
from tests.factories import CustomerFactory, FlagFactory
from tests.jobs import run_jobs

LIST = "/admin/customers/customer/"
ACTS: list[tuple[str, dict[str, str]]] = [
    ("set_status", {"status": "blocked"}),
    ("set_type", {"customer_type": "vip"}),
    ("add_flag", {"flag": "fragile-goods"}),
    ("remove_flag", {"flag": "fragile-goods"}),
]
every_act = pytest.mark.parametrize(("name", "value"), ACTS)


def chosen(name: str, *customers: Customer, **more: str) -> dict[str, Any]:
    """Return what the list posts when these rows are ticked."""
    return {
        "action": name,
        "_selected_action": [str(customer.pk) for customer in customers],
        **more,
    }


def across(name: str, customer: Customer, **more: str) -> dict[str, Any]:
    """Return what the list posts when all that it found are chosen."""
    return chosen(name, customer, select_across="1", **more)


def hidden(page: Any) -> dict[str, Any]:
    """Return what the form of a page carries on to the next post."""
    form = page.text[page.text.index('class="bulk"') :]
    pairs = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form)
    data: dict[str, Any] = {}
    for name, value in pairs:
        data.setdefault(name, []).append(value)
    return data


def is_set(customer: Customer, name: str) -> bool:
    """Tell whether an act was done to a customer."""
    customer.refresh_from_db()
    flags = Flag.objects.filter(customer=customer, code="fragile-goods")
    return {
        "set_status": customer.status == "blocked",
        "set_type": customer.customer_type == "vip",
        "add_flag": flags.filter(removed_at=None).exists(),
        "remove_flag": flags.exists() and not flags.filter(removed_at=None).exists(),
    }[name]


def ready(business: Any, act: str, **values: Any) -> Customer:
    """Make a customer to whom an act can be done."""
    customer = CustomerFactory(business=business, **values)
    if act == "remove_flag":
        FlagFactory(customer=customer, code="fragile-goods")
    return customer


@every_act
def test_the_value_is_asked_for_then_shown_and_then_set(alice, bakery, name, value):
    ana, bea = ready(bakery, name, name="Ana"), ready(bakery, name, name="Bea")

    asked = alice.post(LIST, chosen(name, ana, bea))
    assert "<strong>2</strong> customers are chosen" in asked.text
    shown = alice.post(LIST, {**hidden(asked), **value})
    assert "Ana" in shown.text
    assert "for 2 customers" in shown.text
    assert not is_set(ana, name)
    done = alice.post(LIST, {**hidden(shown), "reason": "asked by phone"}, follow=True)

    assert is_set(ana, name)
    assert is_set(bea, name)
    [message] = done.context["messages"]
    assert "for 2 customers." in str(message)
    events = Event.objects.filter(reason="asked by phone")
    [event] = events
    assert event.data["count"] == 2
    assert sorted(event.subjects) == sorted([str(ana.pk), str(bea.pk)])
    # The message leads to what was changed.
    [link] = re.findall(r'href="([^"]+)">See what changed', str(message))
    assert link == f"/admin/audit/operation/{event.operation_id}/change/"
    assert alice.get(link).status_code == 200


@every_act
def test_who_is_left_out_is_said_before_and_after(alice, bakery, actor, name, value):
    ana, done = ready(bakery, name, name="Ana"), CustomerFactory(business=bakery)
    archived = ready(bakery, name)
    services.archive_customers([archived.pk], actor=actor, reason="x")
    if name != "remove_flag":
        alice.post(LIST, chosen(name, done, reason="x", **value))
    path = f"{LIST}?archived=all"

    shown = alice.post(path, across(name, ana, **value))

    why = {
        "set_status": "blocked already",
        "set_type": "of this type already",
        "add_flag": "have this flag already",
        "remove_flag": "do not have this flag",
    }[name]
    assert sorted(shown.context["skipped"]) == sorted([(why, 1), ("archived", 1)])
    assert f"left out: {why}" in shown.text
    assert "for 1 customer" in shown.text
    assert "archived <b>All</b>" in shown.text
    after = alice.post(path, {**hidden(shown), "reason": "y"}, follow=True)
    assert "Skipped: " in after.text
    assert why in after.text
    assert is_set(ana, name)
    archived.refresh_from_db()
    assert archived.status == "active"
    assert archived.customer_type is None


def test_where_everybody_is_left_out_nothing_is_done(alice, bakery):
    ana = CustomerFactory(business=bakery, status="blocked")

    page = alice.post(
        LIST, chosen("set_status", ana, status="blocked", reason="x"), follow=True
    )

    assert "Nothing was done. Skipped: 1 blocked already." in page.text
    ana.refresh_from_db()
    assert ana.rev == 1


@every_act
def test_what_was_shown_is_what_is_done(alice, bakery, name, value):
    ana, bea = ready(bakery, name), ready(bakery, name)
    shown = alice.post(LIST, across(name, ana, **value))
    late = ready(bakery, name)

    refused = alice.post(LIST, {**hidden(shown), "reason": "x"})

    assert "The list has changed since. It is 3 now" in refused.text
    assert not any(is_set(customer, name) for customer in (ana, bea, late))
    assert 'value="x"' in refused.text
    again = alice.post(LIST, {**hidden(refused), "reason": "x"}, follow=True)
    assert "for 3 customers." in again.text
    assert all(is_set(customer, name) for customer in (ana, bea, late))


def test_as_many_others_are_not_the_same(alice, bakery, actor):
    rows = CustomerFactory.create_batch(3, business=bakery)
    shown = alice.post(LIST, across("archive", rows[0]))
    services.archive_customers([rows[1].pk], actor=actor, reason="x")
    late = CustomerFactory(business=bakery)

    refused = alice.post(LIST, {**hidden(shown), "reason": "x"})

    assert "The list has changed since." in refused.text
    late.refresh_from_db()
    assert not late.is_archived


def test_a_job_has_the_rows_of_the_moment_it_was_started(alice, bakery, actor):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    alice.post(LIST, across("set_status", rows[0], status="blocked", reason="x"))
    late = CustomerFactory(business=bakery)
    services.set_status_batch([rows[4].pk], actor=actor, reason="y", status="blocked")

    run_jobs()

    assert Job.objects.get().report == {"changed": 100, "left as they were": 1}
    blocked = Customer.objects.filter(status="blocked").count()
    assert blocked == BATCH_SIZE + 1
    late.refresh_from_db()
    assert late.status == "active"


@every_act
def test_each_act_has_a_job(alice, bakery, actor, name, value):
    rows = make(BATCH_SIZE + 1, bakery, actor)
    ids = [row.pk for row in rows]
    if name == "remove_flag":
        services.add_flag_batch(ids, actor=actor, reason="x", code="fragile-goods")

    alice.post(LIST, across(name, rows[0], reason="x", **value))
    run_jobs()

    assert Job.objects.get().report["changed"] == BATCH_SIZE + 1
    assert all(is_set(row, name) for row in (rows[0], rows[-1]))


@every_act
def test_pressed_twice_it_is_done_once(alice, bakery, name, value):
    ana = ready(bakery, name)
    shown = alice.post(LIST, chosen(name, ana, **value))
    data = {**hidden(shown), "reason": "only once"}
    assert "csrfmiddlewaretoken" in data

    first = alice.post(LIST, data)
    second = alice.post(LIST, data, follow=True)

    assert first.status_code == 302
    assert "This form was already sent; nothing was done twice." in second.text
    assert Event.objects.filter(reason="only once").count() == 1


@every_act
@pytest.mark.parametrize("role", ["marketing", "auditor"])
def test_who_may_only_look_changes_nobody(bakery, name, value, role):
    ana = ready(bakery, name)
    client = signed_in(staff(bakery, role, is_staff=True))

    client.post(LIST, chosen(name, ana, reason="x", **value))

    assert not is_set(ana, name)
    assert Event.objects.filter(code="unknown_action").exists()


@every_act
def test_support_changes_one_at_a_time(bakery, name, value):
    ana, bea = ready(bakery, name), ready(bakery, name)
    support = signed_in(staff(bakery, "support", is_staff=True))

    several = support.post(
        LIST, chosen(name, ana, bea, reason="x", **value), follow=True
    )
    assert "Your role acts on one customer at a time." in several.text
    assert not is_set(ana, name)

    support.post(LIST, chosen(name, ana, reason="x", **value))
    assert is_set(ana, name)
    assert not is_set(bea, name)


@every_act
def test_nobody_of_another_business_is_reached(alice, bakery, rival, name, value):
    ana, theirs = ready(bakery, name), ready(rival, name)

    mixed = alice.post(
        LIST, chosen(name, ana, theirs, reason="x", **value), follow=True
    )
    alice.post(LIST, across(name, theirs, reason="x", **value))

    assert "Some of the chosen rows are not here." in mixed.text
    assert is_set(ana, name)
    assert not is_set(theirs, name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("set_status", {"status": "erased"}),
        ("set_type", {"customer_type": "king"}),
        ("add_flag", {"flag": ""}),
        ("add_flag", {"flag": "two words"}),
        ("add_flag", {"flag": "x" * 51}),
    ],
)
def test_a_wrong_value_is_asked_for_again(alice, bakery, name, value):
    ana = CustomerFactory(business=bakery)

    page = alice.post(LIST, chosen(name, ana, reason="x", **value))

    assert page.status_code == 200
    assert "errorlist" in page.text
    assert not Event.objects.filter(reason="x").exists()


def test_no_type_can_be_set(alice, bakery):
    ana = CustomerFactory(business=bakery, customer_type="vip")

    alice.post(LIST, chosen("set_type", ana, customer_type="", reason="x"))

    ana.refresh_from_db()
    assert ana.customer_type is None


# --- the services ---------------------------------------------------------------


SERVICES = {
    "set_status": lambda ids, **by: services.set_status_batch(
        ids, status="blocked", **by
    ),
    "set_type": lambda ids, **by: services.set_type_batch(
        ids, customer_type="vip", **by
    ),
    "add_flag": lambda ids, **by: services.add_flag_batch(ids, code="x", **by),
    "remove_flag": lambda ids, **by: services.remove_flag_batch(ids, code="x", **by),
}


@pytest.mark.parametrize("name", SERVICES)
def test_a_batch_takes_as_many_statements_for_ten_as_for_a_hundred(
    bakery, rival, actor, name
):
    counts = []
    for number, business in ((10, bakery), (BATCH_SIZE, rival)):
        ids = [row.pk for row in make(number, business, actor)]
        if name == "remove_flag":
            services.add_flag_batch(ids, actor=actor, reason="x", code="x")
        with CaptureQueriesContext(connection) as taken:
            assert SERVICES[name](ids, actor=actor, reason="x") == number
        counts.append(len(taken))
    # On SQLite Django inserts no more than 999 values at once.
    more = 5 if connection.vendor == "sqlite" else 0
    assert counts[0] <= counts[1] <= counts[0] + more <= 40


def test_a_blocked_customer_may_be_sent_nothing(bakery, actor):
    bakery.settings = {"consent_wordings": {"v3": True}}
    services.save_record(bakery, actor=actor)
    ana = CustomerFactory(business=bakery, email="ana@example.org")
    services.record_consent(
        ana, actor=actor, purpose="marketing", action="given", channel="email",
        wording_version="v3",
    )  # fmt: skip
    ana.stats.refresh_from_db()
    before = ana.stats.is_opted_in

    services.set_status_batch([ana.pk], actor=actor, reason="x", status="blocked")

    ana.stats.refresh_from_db()
    ana.refresh_from_db()
    assert before
    assert not ana.stats.is_opted_in
    newest = ana.history.order_by("-history_id").first()
    assert (newest.status, newest.history_change_reason, ana.rev) == ("blocked", "x", 2)


def test_one_of_another_business_is_left_out(bakery, rival):
    ana, theirs = CustomerFactory(business=bakery), CustomerFactory(business=rival)
    alice = actor_of(staff(bakery))

    done = services.set_status_batch(
        [ana.pk, theirs.pk], actor=alice, reason="x", status="inactive"
    )

    assert done == 1
    theirs.refresh_from_db()
    assert theirs.status == "active"
