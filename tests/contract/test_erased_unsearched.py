"""Nobody who was erased is found by what they were called, at any entrance."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.test import Client
from django.utils import timezone

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Customer
from tests.factories import ContactFactory, CustomerFactory

NAME, EMAIL, PHONE = "Xanthippe Quill", "xq@erased.example", "+4722998877"
NUMBER = "K-9"
FORMER = "old.xq@erased.example"
ACTOR = Actor.system("test")
ADDRESSES = [
    "/api/v1/customers?search={}",
    "/api/v1/customers?is_archived=true&search={}",
    "/api/v1/customers/search?q={}",
    "/api/customer-data/get-all?search={}",
    "/api/admin/customers?search={}",
    "/api/customers/bakery?search={}",
    "/api/customers/bakery/search?q={}",
    "/admin/customers/customer/?q={}",
    "/admin/search/?q={}",
]
BOX = {"app_label": "customers", "model_name": "booking", "field_name": "customer"}


def answer_of(client: Client, address: str, text: str) -> str:
    """Return what is answered, but for the text itself."""
    if address == "box":
        answer = client.post("/admin/autocomplete/", BOX | {"term": text})
    else:
        answer = client.get(address.format(quote(text)), follow=True)
    assert answer.status_code == 200, answer.content
    return answer.text.replace(text, "")


@pytest.mark.parametrize("address", [*ADDRESSES, "box"])
def test_an_erased_person_is_not_found(alice, bakery, address):
    person = {"name": NAME, "email": EMAIL, "phone": PHONE, "external_id": NUMBER}
    customer = CustomerFactory(business=bakery, **person)
    ContactFactory(customer=customer, kind="email", email=FORMER)
    is_of_archived = "is_archived" in address
    if is_of_archived:
        services.archive_customer(customer, actor=ACTOR, reason="moved")
    texts = (NAME, "xanthippe", EMAIL, PHONE.strip("+"), NUMBER, FORMER)
    names = (customer.unique_id, str(customer.pk), NAME)

    def matching() -> list[str]:
        pages = {text: answer_of(alice, address, text) for text in texts}
        return [t for t, page in pages.items() if any(name in page for name in names)]

    assert len(matching()) >= 4
    Customer.objects.as_actor(ACTOR).filter(pk=customer.pk).update(
        erased_at=timezone.now(), archived_at=timezone.now()
    )

    assert matching() == []
