"""An external id that is another customer's id or reference hides nobody."""

from __future__ import annotations

import pytest

from tests.factories import CustomerFactory

V1 = "/api/v1/customers"


@pytest.fixture(params=["pk", "unique_id"])
def name(request, bakery) -> str:
    """What names the first of two customers, and is the external id of the other."""
    first = CustomerFactory(business=bakery, name="First")
    name = str(getattr(first, request.param))
    CustomerFactory(business=bakery, name="Second", external_id=name)
    return name


@pytest.mark.parametrize(
    "path",
    [
        "/api/customer-data/get/{}",
        "/api/admin/customers/{}",
        "/api/customers/bakery/{}",
        "/api/customers/bakery/{}/metrics",
        "/api/customers/bakery/{}/history",
        "/api/customers/bakery/{}/notes",
        *(
            f"{V1}/{{}}{rest}"
            for rest in (
                "",
                "/credits",
                "/flags",
                "/timeline",
                "/metrics",
                "/stats",
                "/preferences",
                "/notes",
                "/addresses",
            )
        ),
    ],
)
def test_whoever_has_the_id_is_found(alice, name, path):
    assert alice.get(path.format(name)).status_code == 200, path


def test_the_one_who_has_the_id_is_meant(alice, name):
    for path in (
        f"/api/customer-data/get/{name}",
        f"/api/admin/customers/{name}",
        f"/api/customers/bakery/{name}",
        f"{V1}/{name}",
    ):
        body = alice.get(path).json()
        assert body.get("customer", body)["name"] == "First", path
