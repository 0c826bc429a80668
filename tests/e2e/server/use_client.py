"""Use a generated client: list, create, change and read customers.

Run by test_generated_client.py in a folder with the client: `use_client.py URL TOKEN`.
"""

from __future__ import annotations

import sys

from hub import AuthenticatedClient
from hub.api.customers import (
    delete_customers_by_customer,
    get_customers,
    get_customers_by_customer,
    patch_customers_by_customer,
    post_customers,
)
from hub.models import (
    CustomerCreate,
    CustomerType,
    CustomerUpdate,
    ProblemDocument,
)


def use(url: str, token: str) -> None:
    """Do what an integrator does first; each answer comes as an object of its type."""
    client = AuthenticatedClient(base_url=url, token=token)

    page = get_customers.sync(client=client, page_size=5, ordering="-created_at")
    assert page.count >= 5
    assert len(page.results) == 5

    new = CustomerCreate(
        name="Ida Lund",
        email="ida.lund.client@example.no",
        customer_type=CustomerType.WALK_IN,
    )
    made = post_customers.sync_detailed(client=client, body=new, idempotency_key="k1")
    assert made.status_code == 201
    again = post_customers.sync_detailed(client=client, body=new, idempotency_key="k1")
    assert again.parsed.id == made.parsed.id

    changed = patch_customers_by_customer.sync(
        str(made.parsed.id),
        client=client,
        body=CustomerUpdate(customer_type=CustomerType.REGULAR),
        if_match=made.headers["ETag"],
    )
    assert changed.customer_type == CustomerType.REGULAR
    stale = patch_customers_by_customer.sync(
        str(made.parsed.id),
        client=client,
        body=CustomerUpdate(name="Somebody"),
        if_match=made.headers["ETag"],
    )
    assert isinstance(stale, ProblemDocument)
    assert stale.code == "stale_version"

    seen = get_customers_by_customer.sync(made.parsed.unique_id, client=client)
    assert seen.name == "Ida Lund"
    gone = delete_customers_by_customer.sync_detailed(
        str(made.parsed.id), client=client
    )
    assert gone.status_code == 204


if __name__ == "__main__":
    use(*sys.argv[1:])
