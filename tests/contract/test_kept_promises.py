"""What the API says of itself, case by case: each was once answered otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from customers import services
from customers.models import Address, Booking, Contact, Customer, Ticket
from tests.conftest import actor_of, form_data, signed_in, staff
from tests.customers.admin.test_exchange import confirm, counts, upload
from tests.customers.api.sending import post, send
from tests.factories import (
    AddressFactory,
    BookingFactory,
    ContactFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
)

HUB = "/api/admin/customers"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(business=bakery, name="Ana")


@pytest.fixture
def base(ana):
    return f"/api/v1/customers/{ana.pk}"


def codes(answer: Any) -> list[tuple[str, str]]:
    """Return where and why a request is refused."""
    assert answer.status_code == 400, answer.content
    return [(error["pointer"], error["code"]) for error in answer.json()["errors"]]


# --- purchases ----------------------------------------------------------------------


def test_what_was_cancelled_is_no_purchase(alice, bakery, ana):
    bought = BookingFactory(customer=ana, status="completed", total_amount=8)
    back = BookingFactory(customer=ana, status="refunded", total_amount=5)
    for status in ("cancelled", "pending", "no_show", "draft"):
        BookingFactory(customer=ana, status=status, total_amount=3)

    answer = alice.get(f"/api/customers/{bakery.slug}/{ana.pk}/history").json()

    purchases = {purchase["id"] for purchase in answer["purchases"]}
    assert purchases == {str(bought.pk), str(back.pk)}
    assert answer["pagination"]["total"] == answer["summary"]["total_purchases"] == 2


# --- the primary address ------------------------------------------------------------


def test_moving_house_takes_one_call(alice, ana, base):
    old = AddressFactory(customer=ana, city="Oslo", is_primary=True)

    answer = post(alice, f"{base}/addresses", {"city": "Bergen", "is_primary": True})

    assert answer.status_code == 201, answer.content
    primary = Address.objects.get(customer=ana, is_primary=True)
    assert str(primary.pk) == answer.json()["id"]
    old.refresh_from_db()
    assert not old.is_primary
    last = old.history.latest()
    assert (last.is_primary, last.history_user_id) == (False, alice.user.pk)


def test_another_address_becomes_the_primary_one(alice, ana):
    old, new = (AddressFactory(customer=ana, is_primary=n == 0) for n in range(2))

    answer = send(alice, "PATCH", f"/api/v1/addresses/{new.pk}", {"is_primary": True})

    assert answer.status_code == 200, answer.content
    old.refresh_from_db()
    assert not old.is_primary
    assert answer.json()["is_primary"] is True


def test_an_address_that_is_refused_moves_nothing(alice, ana, base):
    old = AddressFactory(customer=ana, is_primary=True)
    body = {"city": "Bergen", "country": "Nowhere", "is_primary": True}

    assert codes(post(alice, f"{base}/addresses", body)) == [
        ("/country", "country_unknown")
    ]
    old.refresh_from_db()
    assert old.is_primary


def test_nobody_moves_the_address_of_another_business(charlie, ana, base):
    old = AddressFactory(customer=ana, is_primary=True)

    answer = post(charlie, f"{base}/addresses", {"city": "X", "is_primary": True})

    assert answer.status_code == 404
    old.refresh_from_db()
    assert old.is_primary


# --- tickets ------------------------------------------------------------------------


def test_a_ticket_is_opened_with_its_first_message(alice, ana, base):
    body = {"subject": "Late", "priority": "high", "message": "Where is my bread?"}

    answer = post(alice, f"{base}/tickets", body)

    assert answer.status_code == 201, answer.content
    ticket = Ticket.objects.get(pk=answer.json()["id"])
    [message] = ticket.messages.all()
    assert (message.body, message.author_kind) == ("Where is my bread?", "customer")
    assert (ticket.priority, ticket.first_responded_at) == ("high", None)


def test_a_ticket_without_a_message_is_one(alice, base):
    answer = post(alice, f"{base}/tickets", {"subject": "Late"})

    assert answer.status_code == 201
    assert not Ticket.objects.get().messages.exists()


@pytest.mark.parametrize(
    ("message", "code"), [("", "blank"), (None, "null"), (5, "incorrect_type")]
)
def test_a_first_message_that_is_none_opens_no_ticket(alice, base, message, code):
    answer = post(alice, f"{base}/tickets", {"subject": "Late", "message": message})

    assert codes(answer) == [("/message", code)]
    assert not Ticket.objects.exists()


def test_a_first_message_is_as_long_as_any(alice, base):
    answer = post(alice, f"{base}/tickets", {"subject": "x", "message": "x" * 20_001})

    assert codes(answer) == [("/message", "max_length")]


def test_who_may_not_open_tickets_opens_none_with_a_message(bakery, base):
    auditor = signed_in(staff(bakery, "auditor"))

    answer = post(auditor, f"{base}/tickets", {"subject": "x", "message": "x"})

    assert answer.status_code == 403
    assert not Ticket.objects.exists()


# --- contacts -----------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["emergency", "email", "phone", "alternative"])
def test_a_contact_by_whom_nobody_is_reached_is_refused(alice, base, kind):
    body = {"kind": kind, "relation": "sister"}

    answer = post(alice, f"{base}/contacts", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "contact_empty")
    assert not Contact.objects.exists()


@pytest.mark.parametrize("name", ["name", "email", "phone"])
def test_one_datum_is_enough_for_a_contact(alice, base, name):
    value = {"name": "Kari", "email": "k@example.org", "phone": "+4722000000"}[name]

    answer = post(alice, f"{base}/contacts", {"kind": "emergency", name: value})

    assert answer.status_code == 201


def test_the_last_datum_of_a_contact_is_not_taken_away(alice, ana):
    contact = ContactFactory(customer=ana, name="Kari", email=None, phone=None)

    answer = send(alice, "PATCH", f"/api/v1/contacts/{contact.pk}", {"name": None})

    assert answer.json()["code"] == "contact_empty"


def test_an_empty_contact_of_before_keeps_nobody_from_another_change(alice, ana):
    contact = ContactFactory(customer=ana, name=None, email=None, phone=None)

    answer = send(
        alice, "PATCH", f"/api/v1/contacts/{contact.pk}", {"relation": "sister"}
    )

    assert answer.status_code == 200
    broken = services.list_broken_rules(actor=actor_of(alice.user))
    assert [(rule.rule, rule.id) for rule in broken] == [("contact_empty", contact.pk)]


def test_a_file_adds_no_empty_contact(alice, ana):
    text = f"customer,kind,relation\n{ana.unique_id},emergency,sister\n"

    preview = upload(alice, "/admin/customers/contact/", text)

    assert counts(preview) == {"rejected": 1}
    assert "Give a name, an e-mail or a phone number." in preview.text


# --- where somebody came from -------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "field"),
    [("/api/v1/customers", "source"), (HUB, None), ("/api/customers/bakery/", None)],
)
def test_whom_staff_add_did_not_come_from_the_website(alice, bakery, path, field):
    answer = post(alice, path.replace("bakery", bakery.slug), {"name": "Thea"})

    assert answer.status_code == 201, answer.content
    thea = Customer.objects.get()
    assert (thea.source, thea.signup_method) == ("staff", "staff")
    if field:
        assert answer.json()[field] == "staff"
    assert services.get_channels(bakery, actor=actor_of(alice.user)) == {"staff": 1}


def test_what_staff_say_of_it_counts(alice, bakery):
    body = {"name": "Thea", "source": "fair", "signup_method": "paper"}

    post(alice, "/api/v1/customers", body)

    thea = Customer.objects.get()
    assert (thea.source, thea.signup_method) == ("fair", "paper")


def test_the_form_of_the_admin_says_so_too(alice, bakery):
    path = "/admin/customers/customer/add/"
    data = form_data(alice, path, name="Thea", business=str(bakery.pk))

    alice.post(path, data)

    thea = Customer.objects.get()
    assert (thea.source, thea.signup_method) == ("staff", "staff")


def test_whom_a_file_adds_came_by_a_file(alice, bakery):
    confirm(alice, upload(alice, "/admin/customers/customer/", "name\nThea\n"))

    thea = Customer.objects.get()
    assert (thea.source, thea.signup_method) == ("import", "import")


# --- lists --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "by", "order"),
    [(HUB, "sortBy", "sortOrder"), ("/api/customers/{}/", "sort_by", "sort_order")],
)
def test_names_go_from_a_to_z_and_the_rest_from_the_newest(
    alice, bakery, path, by, order
):
    for name in ("Bea", "Ana", "Cia"):
        CustomerFactory(business=bakery, name=name)
    path = path.format(bakery.slug)

    def names(query: str) -> list[str]:
        return [each["name"] for each in alice.get(path + query).json()["customers"]]

    assert names(f"?{by}=name") == ["Ana", "Bea", "Cia"]
    assert names(f"?{by}=name&{order}=desc") == ["Cia", "Bea", "Ana"]
    assert names("") == ["Cia", "Ana", "Bea"]
    assert names(f"?{order}=asc") == ["Bea", "Ana", "Cia"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/customers?joined_at__gte=2026-01-01",
        "/api/v1/tracking/targeted?lastLoginAfter=2026-01-01",
    ],
)
def test_a_day_is_asked_for_its_zone_by_every_list(alice, path):
    [(pointer, code)] = codes(alice.get(path))

    assert code == "zone_missing"
    assert pointer.strip("/") in path


# --- states -------------------------------------------------------------------------


def test_what_is_archived_says_so(alice, ana, base):
    assert send(alice, "DELETE", base).status_code == 204

    assert alice.get(base).json()["status"] == "archived"
    [row] = alice.get("/api/v1/customers?is_archived=true").json()["results"]
    assert row["status"] == "archived"
    post(alice, f"{base}/restore", {})
    assert alice.get(base).json()["status"] == "active"


def test_a_flag_twice_is_a_conflict(alice, ana, base):
    FlagFactory(customer=ana, code="fragile")

    answer = post(alice, f"{base}/flags", {"code": "fragile", "reason": "x"})
    act = {"action": "add_flag", "flag": "fragile", "reason": "x"}
    face = post(alice, f"{HUB}/{ana.pk}/actions", act)

    for refused in (answer, face):
        assert refused.status_code == 409
        assert refused.json()["code"] == "already_flagged"


# --- problems -----------------------------------------------------------------------


def test_a_problem_names_the_path_as_the_description_does(alice, ana):
    booking = BookingFactory(customer=ana)
    paths = alice.get("/api/schema/?format=json").json()["paths"]

    for path in (
        f"/api/v1/bookings/{booking.pk}/refunds",
        f"/api/v1/customers/{ana.pk}/notes",
    ):
        instance = post(alice, path, {"x": 1}).json()["instance"]
        assert instance in paths


SECRET = "zq7-secret-value"


def bodies(alice: Client) -> list[tuple[str, str, dict[str, Any]]]:
    """Return each operation that takes a body, with a wrong value in each key."""
    document = alice.get("/api/schema/?format=json").json()
    schemas = document["components"]["schemas"]
    made = []
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            content = operation.get("requestBody", {}).get("content", {})
            schema = content.get("application/json", {}).get("schema", {})
            name = schema.get("$ref", "").rpartition("/")[2]
            keys = schemas.get(name, {}).get("properties", {})
            if keys:
                made.append((method, path, dict.fromkeys(keys, SECRET)))
    return made


def test_no_refusal_repeats_what_was_sent(alice, ana):
    booking = BookingFactory(customer=ana)
    ids = {"customer": str(ana.pk), "business": "bakery", "segment": "repeat"}
    walked = 0
    for method, path, body in bodies(alice):
        if "/auth/" in path:
            continue
        address = path
        for name, value in ids.items():
            address = address.replace(f"{{{name}}}", value)
        address = address.replace("{id}", str(booking.pk)).replace("{code}", "x")
        lists = {name: [SECRET] for name in body}
        for wrong in (body, {**body, "emial": SECRET}, lists):
            answer = alice.generic(
                method.upper(), address, json.dumps(wrong), "application/json"
            )
            if answer.status_code >= 400:
                assert SECRET not in answer.text, (method, path)
                walked += 1
    assert walked > 80
    assert Booking.objects.count() == 1


def test_amounts_are_texts_but_at_the_addresses_of_the_documents(alice, bakery, ana):
    booking = BookingFactory(
        customer=ana, status="completed", total_amount=8, paid_amount=8
    )
    ana.stats.refresh_from_db()
    services.refresh_stats([ana.pk])

    one = alice.get(f"/api/v1/bookings/{booking.pk}").json()
    document_002 = alice.get("/api/v1/tracking/targeted").json()["results"]
    document_004 = alice.get(f"/api/customers/{bakery.slug}/{ana.pk}/history").json()

    assert one["total_amount"] == "8.00"
    assert [each["total_spent"] for each in document_002] == [8.0]
    assert document_004["purchases"][0]["total_amount"] == 8.0


# --- the description ----------------------------------------------------------------


@pytest.fixture
def document(alice):
    return alice.get("/api/schema/?format=json").json()


def body_of(document: Any, path: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"]
    name = content["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema: dict[str, Any] = document["components"]["schemas"][name]
    return schema


def parameters_of(document: Any, path: str) -> dict[str, dict[str, Any]]:
    parameters = document["paths"][path]["get"].get("parameters", ())
    return {parameter["name"]: parameter for parameter in parameters}


@pytest.mark.parametrize(
    "table", ["addresses", "bookings", "consents", "contacts", "notes", "tickets"]
)
def test_a_body_says_whose_a_row_is_where_the_address_does_not(alice, document, table):
    plain = body_of(document, f"/api/v1/{table}")
    below = body_of(document, f"/api/v1/customers/{{customer}}/{table}")

    assert "customer_id" in plain["required"]
    assert "customer_id" not in below.get("required", [])
    answer = post(alice, f"/api/v1/{table}", {})
    assert ("/customer_id", "required") in codes(answer)
    assert plain["properties"] == below["properties"]


def test_a_message_says_of_which_ticket_it_is(alice, document):
    assert "ticket_id" in body_of(document, "/api/v1/messages")["required"]
    assert ("/ticket_id", "required") in codes(post(alice, "/api/v1/messages", {}))


def test_a_list_says_how_deep_its_pages_go(alice, document):
    page = parameters_of(document, "/api/v1/customers")["page"]
    deepest = page["schema"]["maximum"]

    reached = alice.get(f"/api/v1/customers?page={deepest}&page_size=1")
    beyond = alice.get(f"/api/v1/customers?page={deepest + 1}&page_size=1")

    assert reached.status_code == 200
    assert codes(beyond) == [("/page", "max_value")]
    assert str(deepest) in page["description"]


def test_parameters_say_with_which_others_they_do_not_go(alice, document):
    parameters = parameters_of(document, "/api/v1/customers")
    for name in ("page", "ordering"):
        value = {"page": "1", "ordering": "name"}[name]
        answer = alice.get(f"/api/v1/customers?cursor=&{name}={value}")
        assert codes(answer) == [("/cursor", "conflicting_parameters")]
        assert "`cursor`" in parameters[name]["description"]
        assert f"`{name}`" in parameters["cursor"]["description"]


def test_expand_is_offered_where_something_can_be_expanded(alice, document):
    for path, operations in document["paths"].items():
        if "get" not in operations or "{" in path:
            continue
        expand = parameters_of(document, path).get("expand")
        if expand is not None:
            name = expand["schema"]["items"]["$ref"].rpartition("/")[2]
            assert document["components"]["schemas"][name]["enum"], path
    assert "expand" not in parameters_of(document, "/api/v1/businesses")


def test_times_say_their_bounds(alice, document):
    since = parameters_of(document, "/api/v1/customers")["joined_at__gte"]

    answer = alice.get("/api/v1/customers?joined_at__gte=1899-12-31T00:00:00Z")

    assert codes(answer) == [("/joined_at__gte", "out_of_range")]
    assert "from 1900 on and before 2200" in since["description"]
    placed = body_of(document, "/api/v1/bookings")["properties"]["placed_at"]
    assert "from 1900 on and before 2200" in placed["description"]


def test_whoever_works_for_several_reads_when_to_name_one(bakery, rival, document):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")

    answer = post(signed_in(user), "/api/v1/customers", {"name": "Thea"})

    assert (answer.status_code, answer.json()["code"]) == (400, "business_needed")
    header = parameters_of(document, "/api/v1/customers")["X-Business"]
    assert "business_needed" in header["description"]


def test_manifests_name_the_table(document):
    manifest = document["components"]["schemas"]["Manifest"]["properties"]

    assert "table" in manifest
