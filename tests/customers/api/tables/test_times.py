"""Times that no zone can show, and days where a time is asked for."""

from __future__ import annotations

import pytest

from tests.customers.api.sending import send
from tests.customers.api.tables.test_customer_related import NEW
from tests.factories import BookingFactory, CustomerFactory

API = "/api/v1"
FIRST, LAST = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"


def codes(answer) -> list[str]:
    return [error["code"] for error in answer.json()["errors"]]


@pytest.mark.parametrize("moment", [FIRST, LAST, "1899-12-31T23:59:59Z"])
@pytest.mark.parametrize(
    "path",
    [
        "customers?joined_at__gte=",
        "customers?stats__last_login_at__lt=",
        "events?occurred_at__gte=",
        "bookings?placed_at__lt=",
        "flags?removed_at__gte=",
    ],
)
def test_a_filter_by_such_a_time_is_400(alice, path, moment):
    answer = alice.get(f"{API}/{path}{moment}")

    assert (answer.status_code, codes(answer)) == (400, ["out_of_range"])


@pytest.mark.parametrize("moment", ["1900-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
def test_a_filter_by_the_first_and_the_last_time_is_taken(alice, moment):
    assert alice.get(f"{API}/customers?joined_at__gte={moment}").status_code == 200


@pytest.mark.parametrize(
    ("path", "name", "value"),
    [
        ("customers/{}", "joined_at", "9999-12-31T23:59:59Z"),
        ("customers/{}", "joined_at", "0001-01-01T00:00:00+14:00"),
        ("customers/{}/bookings", "placed_at", "9999-12-31T23:59:59Z"),
        ("customers/{}/bookings", "starts_at", "2200-01-01T00:00:00Z"),
        ("customers/{}/tickets", "opened_at", "1899-12-31T23:59:59Z"),
        ("customers/{}/consents", "occurred_at", "1066-10-14T09:00:00Z"),
        ("customers/{}/contacts", "valid_to", "9999-12-31T00:00:00Z"),
    ],
)
def test_such_a_time_is_not_written(alice, bakery, path, name, value):
    row = CustomerFactory(business=bakery)
    method = "PATCH" if path.endswith("{}") else "POST"

    rest = NEW.get(path.rpartition("/")[2], {})
    body = rest | {name: value}

    answer = send(alice, method, f"{API}/{path.format(row.pk)}", body)

    found = [e["code"] for e in answer.json()["errors"] if e["pointer"] == f"/{name}"]
    assert answer.status_code == 400
    assert found[0] in {"out_of_range", "overflow"}, answer.content


def test_what_has_happened_is_not_ahead_and_an_old_row_stays_usable(alice, bakery):
    ahead = "2199-12-31T23:59:59Z"
    row = CustomerFactory(business=bakery, joined_at=ahead)
    path = f"{API}/customers/{row.pk}"

    refused = send(alice, "PATCH", path, {"joined_at": "2198-12-31T23:59:59Z"})
    same = send(alice, "PATCH", path, {"joined_at": ahead, "source": "fair"})
    sale = {"placed_at": ahead, "completed_at": ahead, "total_amount": "5"}
    sold = send(alice, "POST", f"{path}/bookings", sale)

    assert [e["code"] for e in refused.json()["errors"]] == ["in_future"]
    assert (same.status_code, same.json()["source"]) == (200, "fair")
    wrong = [(e["pointer"], e["code"]) for e in sold.json()["errors"]]
    assert wrong == [("/placed_at", "in_future"), ("/completed_at", "in_future")]


def test_no_stored_time_breaks_the_figures_of_all(alice, bakery, actor):
    bakery.timezone = "Asia/Tokyo"
    bakery.as_actor(actor).save()
    last = "2199-12-31T23:59:59Z"
    row = CustomerFactory(business=bakery, joined_at=last)
    sale = BookingFactory(customer=row, placed_at=last)
    rule = {"field": "last_purchase_date", "op": "gt", "value": last}
    preview = send(alice, "POST", f"{API}/segments/preview", {"rule": rule})

    assert alice.get(f"{API}/statistics").status_code == 200
    assert alice.get(f"{API}/bookings/{sale.pk}/invoice").status_code != 500
    assert preview.status_code == 200


@pytest.mark.parametrize("value", ["9999-12-31T23:59:59Z", "0001-01-01", "-9999w"])
def test_a_rule_with_such_a_time_is_400(alice, value):
    rule = {"field": "last_purchase_date", "op": "gt", "value": value}

    answer = send(alice, "POST", f"{API}/segments/preview", {"rule": rule})

    assert (answer.status_code, codes(answer)) == (400, ["invalid"])


@pytest.mark.parametrize("value", ["2026-11-20", "2026-11-20T09:00:00"])
def test_a_day_is_no_time_of_a_targeted_list(alice, value):
    path = "/api/v1/tracking/targeted"
    listed = alice.get(f"{path}?joined_after={value}", headers={"X-Business": "bakery"})
    body = {"filters": {"joined_after": value}, "purpose": "x", "reason": "y"}
    exported = send(alice, "POST", f"{API}/exports", {"profile": "full", **body})

    assert (listed.status_code, exported.status_code) == (400, 400)
    assert "RFC 3339" in listed.json()["errors"][0]["detail"]
    assert "RFC 3339" in str(exported.json()["errors"])
    with_time = f"{path}?joined_after=2026-11-20T09:00:00Z"
    assert alice.get(with_time).status_code == 200
