"""The page of stored rows that break a rule: who sees it, counts, lines, the file."""

from __future__ import annotations

import csv
from io import StringIO

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import Job
from customers.models import Booking, Customer
from tests.conftest import signed_in, staff
from tests.factories import (
    BookingFactory,
    CustomerFactory,
    MembershipFactory,
)
from tests.jobs import run_jobs

PAGE = "/admin/data-checks/"
FILE = f"{PAGE}file/"
AHEAD = "2199-12-31T10:00:00Z"


@pytest.fixture
def broken(bakery):
    """A customer and a sale that no form would take today."""
    customer = CustomerFactory(business=bakery, joined_at=AHEAD)
    return customer, BookingFactory(customer=customer, completed_at=AHEAD)


@pytest.fixture(params=["admin", "auditor"])
def reader(request, bakery):
    return signed_in(staff(bakery, request.param, username="ada"))


def checked(browser) -> str:
    browser.post(PAGE, {})
    run_jobs()
    return browser.get(PAGE).text


def test_a_check_counts_and_lists_what_breaks_a_rule(reader, broken):
    customer, sale = broken
    before = list(Customer.objects.values()), list(Booking.objects.values())
    assert "Check now" in reader.get(PAGE).text

    page = checked(reader)

    assert "<code>in_future</code>" in page
    assert "When it happened: no time that is still to come." in page
    assert f"/admin/customers/customer/{customer.pk}/change/" in page
    assert f"/admin/customers/booking/{sale.pk}/change/" in page
    assert "Last checked" in page
    assert "2199" not in page
    # Nothing is changed by it.
    assert (list(Customer.objects.values()), list(Booking.objects.values())) == before
    job = Job.objects.get()
    assert job.report == {"in_future": 2}
    assert job.done == job.total


def test_the_lines_are_a_file(reader, broken):
    customer, sale = broken
    assert reader.get(FILE).status_code == 404
    checked(reader)

    answer = reader.get(FILE)

    text = b"".join(answer).decode("utf-8-sig")
    rows = list(csv.DictReader(StringIO(text)))
    assert [(r["rule"], r["table"], r["id"], r["column"]) for r in rows] == [
        ("in_future", "customer", str(customer.pk), "joined_at"),
        ("in_future", "booking", str(sale.pk), "completed_at"),
    ]
    assert "2199" not in text
    assert answer["Content-Disposition"].startswith('attachment; filename="data-check-')


def test_nothing_broken_says_so(alice, bakery):
    CustomerFactory(business=bakery)

    assert "Nothing breaks a rule" in checked(alice)


@pytest.mark.parametrize("role", ["support", "marketing"])
@pytest.mark.parametrize("path", [PAGE, FILE])
def test_other_roles_have_no_such_page(bakery, role, path):
    browser = signed_in(staff(bakery, role))

    assert browser.get(path).status_code == 403
    assert browser.post(PAGE, {}).status_code == 403
    assert PAGE not in browser.get("/admin/").text
    assert not Job.objects.exists()


def test_another_business_is_missing_and_its_rows_are_not_looked_at(
    alice, broken, rival
):
    other = CustomerFactory(business=rival, joined_at=AHEAD)
    for path in (PAGE, FILE):
        assert alice.get(f"{path}?business={rival.pk}").status_code == 404
        assert alice.get(f"{path}?business=nonsense").status_code == 404
    assert alice.post(f"{PAGE}?business={rival.pk}", {}).status_code == 404

    page = checked(alice)

    assert str(other.pk) not in page
    assert Job.objects.get().report == {"in_future": 2}
    # Of several businesses one is chosen.
    user = staff(rival, "auditor", username="sam")
    MembershipFactory(user=user, business=broken[0].business, role="auditor")
    sam = signed_in(user)
    assert f"?business={rival.pk}" in sam.get(PAGE).text
    sam.post(f"{PAGE}?business={rival.pk}", {})
    run_jobs()
    theirs = sam.get(f"{PAGE}?business={rival.pk}").text
    assert str(other.pk) in theirs
    assert str(broken[0].pk) not in theirs


def test_a_running_check_is_followed_and_not_started_twice(alice, broken):
    alice.post(PAGE, {})
    alice.post(PAGE, {})

    assert Job.objects.count() == 1
    running = alice.get(PAGE)
    assert running["Refresh"]
    assert "disabled" in running.text
    run_jobs()
    job_page = alice.get(f"/admin/audit/job/{Job.objects.get().pk}/change/").text
    assert f"{PAGE}?business={broken[0].business_id}" in job_page


def test_many_lines_are_pages_at_a_constant_cost(alice, broken, bakery, monkeypatch):
    checked(alice)
    alice.get(PAGE)
    with CaptureQueriesContext(connection) as few:
        alice.get(PAGE)
    CustomerFactory.create_batch(205, business=bakery, joined_at=AHEAD)
    monkeypatch.setattr("customers.tasks._CHECKED", 50)
    first = checked(alice)
    with CaptureQueriesContext(connection) as many:
        alice.get(PAGE)
    assert len(many) <= len(few)
    third = alice.get(f"{PAGE}?p=3").text

    assert "Page 1 of 3" in first
    assert first.count("/change/") - third.count("/change/") == 93
    assert "Page 3 of 3" in alice.get(f"{PAGE}?p=99").text
    assert alice.get(f"{PAGE}?p=x").text.count("Page 1 of 3") == 1
    # More digits than Python reads as a number.
    assert alice.get(f"{PAGE}?p={'9' * 5000}").status_code == 200
    rows = b"".join(alice.get(FILE)).decode().splitlines()
    assert len(rows) == 208


def test_a_check_that_was_killed_goes_on_where_it_stopped(alice, bakery, monkeypatch):
    CustomerFactory.create_batch(5, business=bakery, joined_at=AHEAD)
    monkeypatch.setattr("customers.tasks._CHECKED", 2)
    alice.post(PAGE, {})
    from audit.jobs.tasks import JobContext  # noqa: PLC0415 - patched once

    step, calls = JobContext.step, []

    def stop(self, *args, **kwargs):
        step(self, *args, **kwargs)
        calls.append(1)
        if len(calls) == 2:
            raise SystemExit

    monkeypatch.setattr(JobContext, "step", stop)
    with pytest.raises(SystemExit):
        run_jobs()
    monkeypatch.setattr(JobContext, "step", step)
    Job.objects.update(lease_until="2020-01-01T00:00:00Z")
    run_jobs()

    assert Job.objects.get().report == {"in_future": 5}
    rows = b"".join(alice.get(FILE)).decode().splitlines()
    assert len(rows) == 6
