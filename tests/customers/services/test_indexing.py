"""The index of searches: written by every entrance, rebuilt, and emptied."""

from __future__ import annotations

import importlib
from functools import partial
from io import StringIO
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from audit.history.bulk import insert_tracked, update_tracked
from audit.history.writing import Authorship
from audit.privacy.classes import personal_fields
from audit.tenancy.actors import Actor
from capture import services as capture
from customers import services
from customers.models import Contact, Customer, CustomerIndex
from tests.conftest import actor_of, form_data, staff
from tests.contract.entrances import load_file, send_captures, written
from tests.customers.api.sending import send
from tests.factories import BusinessFactory, ContactFactory, CustomerFactory

V1 = "/api/v1/customers"
ADMIN = "/admin/customers/customer/"


def differences() -> list[tuple[object, str]]:
    return list(services.find_index_differences(repair=False))


def index_of(customer: Customer) -> CustomerIndex:
    return CustomerIndex.objects.get(customer=customer)


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery,
        name="Ána Łund",
        email="Ana@Bücher.example",
        phone="+47 22 11 33 55",
        external_id="A-1",
    )


def test_what_is_in_the_index(ana):
    contact = {"kind": "email", "email": "old@example.org", "phone": "12 34"}
    ContactFactory(customer=ana, **contact)

    index = index_of(ana)

    assert (index.name, index.listed_name) == ("ana lund", "ana lund")
    assert index.business_id == ana.business_id
    assert index.reference == ana.unique_id.lower()
    assert index.external_id == "A-1"
    assert index.emails == "\nana@bücher.example\nana@xn--bcher-kva.example\n"
    assert index.phones == "\n4722113355\n"
    assert index.further_emails == "\nold@example.org\n"
    assert index.further_phones == "\n1234\n"
    assert str(index) == index.reference


@pytest.mark.parametrize(
    "name",
    ["a@b.example", "+41 79-555 12 34", "\u0667\u0669 5551234", "Bo 22113355"],
)
def test_a_name_that_is_an_address_is_not_listed(bakery, name):
    index = index_of(CustomerFactory(business=bakery, name=name))

    assert index.name
    assert index.listed_name is None


# --- every entrance ------------------------------------------------------------------


def by_form(alice: Any, ana: Customer) -> None:
    form = form_data(alice, f"{ADMIN}add/", business=str(ana.business_id))
    sent = {"name": "Bö", "email": "bo@example.org", "create_anyway": "on"}
    assert alice.post(f"{ADMIN}add/", form | sent).status_code == 302
    page = f"{ADMIN}{ana.pk}/change/"
    form = form_data(alice, page, name="Änne", email="new@example.org")
    answer = alice.post(
        page, form | {"create_anyway": "on", "change_reason": "married"}
    )
    assert answer.status_code == 302, answer.context["errors"]
    ana.refresh_from_db()
    assert ana.name == "Änne"


def by_api(alice: Any, ana: Customer) -> None:
    new = {"name": "Bö", "email": "bo@example.org", "phone": "+4722000001"}
    sent = [
        send(alice, "POST", V1, new),
        send(alice, "PATCH", f"{V1}/{ana.pk}", {"email": "new@example.org"}),
        send(alice, "PATCH", f"{V1}/{ana.pk}", {"name": "Änne", "phone": None}),
        send(alice, "PATCH", f"{V1}/{ana.pk}", {"external_id": "B-2"}),
    ]
    assert [answer.status_code for answer in sent] == [201, 200, 200, 200]


def by_documents(alice: Any, ana: Customer) -> None:
    path = "/api/customers/bakery"
    wishes = dict.fromkeys(("prefer_sms", "prefer_email", "prefer_call"), False)
    new = {"name": "Bö", "email": "bo@example.org", **wishes}
    answer = alice.post(path, new, "application/json")
    assert answer.status_code == 201, answer.content
    changes = {"name": "Änne", "phone": None}
    answer = alice.patch(f"{path}/{ana.pk}", changes, "application/json")
    assert answer.status_code == 200, answer.content


def by_contacts(alice: Any, ana: Customer) -> None:
    path = f"{V1}/{ana.pk}/contacts"
    further = {"kind": "email", "email": "b@example.org"}
    made = send(alice, "POST", path, further)
    assert made.status_code == 201, made.content
    contact = made.json()["id"]
    changed = {"email": "c@example.org", "phone": "+4722000001"}
    one = f"/api/v1/contacts/{contact}"
    assert send(alice, "PATCH", one, changed).status_code == 200
    assert "c@example.org" in index_of(ana).further_emails
    gone = send(alice, "POST", f"{one}/archive", {"reason": "old"})
    assert gone.status_code in (200, 204), gone.content
    assert "c@example.org" in index_of(ana).further_emails


def by_file(alice: Any, ana: Customer) -> None:
    lines = [["A-1", "Änne", "new@example.org"], ["B-2", "Bö", "bo@example.org"]]
    text = written(["external_id", "name", "email"], *lines)
    options = {"business": ana.business, "actor": actor_of(alice.user)}
    assert not load_file(text, table="customer", **options)
    ana.refresh_from_db()
    assert ana.email == "new@example.org"
    text = written(
        ["customer", "kind", "email"], [ana.unique_id, "email", "c@example.org"]
    )
    assert not load_file(text, table="contact", **options)
    assert "c@example.org" in index_of(ana).further_emails


def by_captures(alice: Any, ana: Customer) -> None:
    person = {"email": "cleo@example.org", "user_id": "u-1"}
    results = send_captures(
        [
            {"type": "signup", **person, "full_name": "Clèo"},
            {"type": "profile", **person, "full_name": "Cléo Ruiz", "phone": "2200"},
            {"type": "login", "email": "dan@example.org", "success": True},
        ],
        ana.business,
    )
    assert {result["status"] for result in results} == {"accepted"}
    assert CustomerIndex.objects.count() == 3


def by_purchase_log(alice: Any, ana: Customer, tmp_path: Any) -> None:
    path = tmp_path / "log.csv"
    path.write_text("customer,date,quantity,amount\nC-9,2026-01-02,1,2.00\n")
    out = StringIO()
    call_command(
        "import_purchases", str(path), business="bakery", stdout=out, stderr=out
    )
    assert CustomerIndex.objects.count() == 2


def by_bulk(alice: Any, ana: Customer) -> None:
    actor = Actor.system("test")
    new = Customer(business=ana.business, name="Bö", email="bo@example.org")
    further = Contact(
        business=ana.business, customer=new, kind="email", email="b@example.org"
    )
    services.bulk_create_customers([new], [[further]], actor=actor, reason="test")
    assert index_of(new).further_emails == "\nb@example.org\n"


def by_updates(alice: Any, ana: Customer) -> None:
    actor = Actor.system("test")
    ana.name = "Änne"
    Customer.objects.as_actor(actor).bulk_update([ana], ["name"])
    assert index_of(ana).name == "anne"
    Customer.objects.as_actor(actor).update(external_id="B-2")
    assert index_of(ana).external_id == "B-2"
    ana.refresh_from_db()
    ana.email = "new@example.org"
    ana.as_actor(actor).save(update_fields=["email"])
    assert index_of(ana).emails == "\nnew@example.org\n"
    ana.name = "Øle"
    update_tracked([ana], ["name"], Authorship(actor))
    assert index_of(ana).name == "ole"
    further = Contact(business=ana.business, customer=ana, kind="phone", phone="5678")
    insert_tracked([further], Authorship(actor))
    assert index_of(ana).further_phones == "\n5678\n"


def by_archiving(alice: Any, ana: Customer) -> None:
    actor = actor_of(alice.user)
    services.archive_customer(ana, actor=actor, reason="test")
    assert not services.list_customers(actor=actor, search="lund")
    archived = {"business": ana.business, "status": "archived"}
    assert services.list_hub_customers(actor=actor, search="lund", **archived).get()
    services.restore_customers([ana.pk], actor=actor, reason="test")
    assert list(services.list_customers(actor=actor, search="lund")) == [ana]


def by_another_owner(alice: Any, ana: Customer) -> None:
    contact = ContactFactory(customer=ana, kind="email", email="c@example.org")
    contact.customer = CustomerFactory(business=ana.business)
    contact.as_actor(Actor.system("test")).save()
    assert index_of(ana).further_emails is None
    assert index_of(contact.customer).further_emails == "\nc@example.org\n"


@pytest.mark.parametrize(
    "enter",
    [
        by_form,
        by_api,
        by_documents,
        by_contacts,
        by_file,
        by_captures,
        by_purchase_log,
        by_bulk,
        by_updates,
        by_archiving,
        by_another_owner,
    ],
)
def test_every_entrance_writes_the_index(alice, ana, enter, tmp_path):
    if enter is by_purchase_log:
        enter = partial(enter, tmp_path=tmp_path)

    enter(alice, ana)

    assert differences() == []
    assert CustomerIndex.objects.count() == Customer.objects.count()


@pytest.mark.django_db(transaction=True)
def test_two_contacts_at_once_are_both_found(actor, at_once):
    ana = CustomerFactory()
    numbers = iter(range(8))

    def add() -> None:
        services.create_instance(
            Contact,
            business_id=ana.business_id,
            actor=actor,
            customer=ana,
            kind="email",
            email=f"n{next(numbers)}@example.org",
        )

    assert at_once(add) == [None] * 8
    [index] = at_once(partial(index_of, ana), 1)
    assert len(index.further_emails.split()) == 8
    assert at_once(differences, 1) == [[]]


# --- cost ----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 30])
def test_many_take_as_many_statements_as_one(bakery, size):
    def build() -> list[Customer]:
        return [Customer(business=bakery, name="Bö") for _ in range(size)]

    customers = build()
    with CaptureQueriesContext(connection) as queries:
        Customer.objects.as_actor(Actor.system("test")).bulk_create(customers)
    assert len(of_index(queries)) == 1
    for customer in customers:
        customer.name = "Änne"
    with CaptureQueriesContext(connection) as queries:
        update_tracked(customers, ["name"], Authorship(Actor.system("test")))
    assert len(of_index(queries)) == 1
    contacts = [
        Contact(business=bakery, customer=customer, kind="phone", phone="5678")
        for customer in customers
    ]
    with CaptureQueriesContext(connection) as queries:
        insert_tracked(contacts, Authorship(Actor.system("test")))
    assert len(of_index(queries)) == 1
    assert differences() == []


def of_index(queries: CaptureQueriesContext) -> list[str]:
    sent = [query["sql"] for query in queries.captured_queries]
    return [sql for sql in sent if "customers_customerindex" in sql]


def test_what_is_in_no_search_leaves_the_index_alone(alice, ana):
    with CaptureQueriesContext(connection) as queries:
        send(alice, "PATCH", f"{V1}/{ana.pk}", {"location": "Oslo"})

    assert of_index(queries) == []


# --- made anew, and emptied ----------------------------------------------------------


def spoil(ana: Customer) -> None:
    bo = CustomerFactory(business=ana.business, name="Bo")
    CustomerIndex.objects.filter(customer=bo).delete()
    CustomerIndex.objects.filter(customer=ana).update(name="x", emails=None)


def run(command: str, **options: bool) -> str:
    out = StringIO()
    call_command(command, stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


@pytest.mark.parametrize("command", ["rebuild_projections", "refill_keys"])
def test_a_command_makes_it_anew(ana, command):
    spoil(ana)
    before = list(CustomerIndex.objects.order_by("pk").values())

    with pytest.raises(CommandError, match="without --check"):
        run(command, check=True)
    assert list(CustomerIndex.objects.order_by("pk").values()) == before
    text = run(command)

    assert f"customers.CustomerIndex {ana.pk}" in text
    assert differences() == []
    assert index_of(ana).name == "ana lund"
    assert CustomerIndex.objects.count() == 2
    assert "customers.CustomerIndex" not in run(command)


def test_made_from_nothing_it_is_the_same(ana):
    ContactFactory(customer=ana, kind="email", email="old@example.org")
    before = list(CustomerIndex.objects.values())
    CustomerIndex.objects.all().delete()

    list(capture.rebuild(repair=True, actor=Actor.system("test")))

    assert list(CustomerIndex.objects.values()) == before


def test_an_erasure_empties_it(ana):
    ContactFactory(customer=ana, kind="email", email="old@example.org")
    Customer.objects.as_actor(Actor.system("test")).update(erased_at=timezone.now())

    index = index_of(ana)

    personal = [field.attname for field in personal_fields(CustomerIndex)]
    assert len(personal) == 7
    assert {getattr(index, name) for name in personal} == {None}
    assert index.reference == ana.unique_id.lower()
    # What is written of their contacts later stays out, too.
    ContactFactory(customer=ana, kind="email", email="later@example.org")
    assert index_of(ana).further_emails is None
    assert differences() == []


class _Historical:
    """The models as a migration has them: with managers of Django."""

    def get_model(self, app: str, name: str) -> Any:
        state = MigrationExecutor(connection).loader.project_state()
        return state.apps.get_model(app, name)


def test_a_migration_fills_it_in_batches(ana, monkeypatch):
    CustomerFactory.create_batch(4, business=ana.business)
    CustomerFactory(business=BusinessFactory(), name="a@b.example")
    ContactFactory(customer=ana, kind="email", email="old@example.org")
    erased = CustomerFactory(business=ana.business)
    Customer.objects.as_actor(Actor.system("test")).filter(pk=erased.pk).update(
        erased_at=timezone.now()
    )
    before = list(CustomerIndex.objects.order_by("pk").values())
    CustomerIndex.objects.all().delete()
    module = importlib.import_module("customers.migrations.0013_customer_index")
    monkeypatch.setattr(module, "BATCH", 2)

    module.fill(_Historical(), SimpleNamespace(connection=connection, deferred_sql=[]))

    assert list(CustomerIndex.objects.order_by("pk").values()) == before
    assert staff(ana.business)
