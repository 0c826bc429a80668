"""Contact data on every page: masked by role and in lists, revealed, and recorded."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.urls import NoReverseMatch, reverse

from audit.models import Event, Operation
from audit.tenancy.actors import Actor
from capture import services
from capture.models import CapturedValue
from customers.choices import ContactKind
from customers.models import Customer
from tests.conftest import form_data, post_confirmed, search, signed_in, staff
from tests.contract.doors import doors, path_of
from tests.factories import (
    AddressFactory,
    BookingFactory,
    CaptureFactory,
    ContactFactory,
    CustomerFactory,
    SourceFactory,
)

EMAIL, PHONE = "zelda.quint@hidden-host.example", "+49 170 5550199"
STREET, ADDRESS, CORRECTED = "Concealed Lane 77", "192.0.2.7", "+49 170 5550200"
HASH = "0xfeedfacecafe1234567890"
SECRETS = (EMAIL, PHONE, PHONE.replace(" ", ""), STREET, ADDRESS, CORRECTED, HASH)
BODY = {
    "email": EMAIL,
    "user_email": EMAIL,
    "mobile_number": PHONE,
    "phone": PHONE,
    "name": "Zelda",
    "user_id": "u-1",
    "transaction_id": "T-1",
    "final_price": 5,
    "payment_status": "paid",
    "crypto_transaction_hash": HASH,
    "answers": {"reach me": EMAIL},
    "dashboardData": {"account": {"owner": EMAIL}},
}
KINDS = ("signup", "login", "payment", "questionnaire", "dashboard", "profile")


@pytest.fixture
def zelda(bakery) -> Customer:
    """A person whose contact data stands in every table that can hold it."""
    source = SourceFactory(business=bakery)
    for kind in KINDS:
        CaptureFactory(source=source, type=kind, body={**BODY, "message_id": kind})
    zelda = Customer.objects.get(email_key=EMAIL)
    AddressFactory(customer=zelda, business=bakery, line1=STREET, phone=PHONE)
    ContactFactory(customer=zelda, business=bakery, email=EMAIL, phone=PHONE)
    BookingFactory(customer=zelda, business=bakery, payment_method=HASH)
    capture = zelda.capture_links.first().capture
    services.correct_capture(
        capture, {"phone": CORRECTED}, actor=Actor.system("test"), reason="typed wrong"
    )
    return zelda


def pages(business: Any) -> Iterator[tuple[str, bool]]:
    """Yield the address of each page that shows rows of a business; true for lists."""
    for model in admin.site._registry:
        if model._meta.app_label in ("audit", "customers", "capture"):
            stem = f"admin:{model._meta.app_label}_{model._meta.model_name}"
            yield reverse(f"{stem}_changelist"), True
            for row in rows_of(model, business)[:8]:
                yield from ((page, False) for page in pages_of(stem, row))


def rows_of(model: Any, business: Any) -> Any:
    rows = model._base_manager.all()
    columns = {f.attname for f in model._meta.fields}
    return rows.filter(business_id=business.pk) if "business_id" in columns else rows


def pages_of(stem: str, row: Any) -> Iterator[str]:
    for view in ("change", "history", "access"):
        with suppress(NoReverseMatch):
            yield reverse(f"{stem}_{view}", args=[row.pk])
    if hasattr(row, "history"):
        version = row.history.first().history_id
        yield reverse(f"{stem}_simple_history", args=[row.pk, version])


def found_in(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret in text]


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_no_page_tells_contact_data_to_whom_it_is_masked(zelda, bakery, role):
    client = signed_in(staff(bakery, role))
    seen = 0

    for page, _ in pages(bakery):
        response = client.get(page)
        seen += response.status_code == 200
        assert found_in(response.text) == [], page

    assert seen > 15


@pytest.fixture
def named_by_address(zelda, actor) -> Customer:
    """The same person, whose name is their address, and so are other names."""
    zelda.name = EMAIL
    zelda.as_actor(actor).save()
    wishes = zelda.preferences
    wishes.preferred_payment = HASH
    wishes.as_actor(actor).save()
    place, person = zelda.addresses.first(), zelda.contacts.first()
    place.recipient = person.name = person.relation = EMAIL
    place.is_primary = True
    person.kind = ContactKind.ALTERNATIVE
    place.as_actor(actor).save()
    person.as_actor(actor).save()
    return zelda


def answers(zelda: Customer) -> Iterator[str]:
    """Yield the address of each endpoint that is read, asked for this person's rows."""
    for door in doors():
        if door.is_admin or "api/" not in door.route:
            continue
        row = rows_of(door.model, zelda.business).first() if door.model else None
        pk = str(row.pk) if row is not None else "x"
        values = {
            "business": zelda.business.slug,
            "customer": str(zelda.pk),
            "pk": pk,
            "segment": "inactive",
            # Document 001's answer repeats it.
            "user_email": "nobody@example.org",
            "code": "verified",
            "kind": "payment",
        }
        yield path_of(door.route, values)


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
def test_no_answer_tells_contact_data_to_whom_it_is_masked(
    named_by_address, bakery, role
):
    client = signed_in(staff(bakery, role))
    seen, told = 0, {}

    for path in [
        *answers(named_by_address),
        "/api/v1/customers/search?q=zelda",
        f"/api/v1/customers?search={EMAIL}",
        f"/api/customers/bakery/search?q={EMAIL}",
    ]:
        response = client.get(path)
        seen += response.status_code == 200
        if found := found_in(response.getvalue().decode()):
            told[path] = found

    assert told == {}
    assert seen > (30 if role == "marketing" else 50)


def test_an_admin_sees_it_on_pages_and_in_no_list(zelda, bakery, alice):
    told = set()
    for page, is_list in pages(bakery):
        found = found_in(alice.get(page).text)
        assert not (is_list and found), page
        told |= set(found)

    assert told >= {EMAIL, PHONE, STREET, ADDRESS, HASH}


def test_captures_read_by_staff_are_masked(zelda, bakery):
    support = signed_in(staff(bakery, "support"))
    [link] = zelda.capture_links.all()[:1]

    one = support.get(f"/api/v1/captures/{link.capture_id}")
    many = support.get("/api/v1/captures")

    assert (one.status_code, many.status_code) == (200, 200)
    assert found_in(one.text + many.text) == []


def test_a_choice_names_nobody_contact_data(zelda, bakery):
    support = signed_in(staff(bakery, "support"))
    query = {
        "app_label": "customers",
        "model_name": "note",
        "field_name": "customer",
        "term": EMAIL,
    }

    answer = support.post(reverse("admin:autocomplete"), query)

    assert [row["id"] for row in answer.json()["results"]] == [str(zelda.pk)]
    assert found_in(answer.text) == []
    [event] = Event.objects.filter(action="customer.searched")
    assert (event.subjects, event.query) == ([str(zelda.pk)], EMAIL)


class TestMaskedForms:
    @pytest.fixture
    def support(self, bakery):
        return signed_in(staff(bakery, "support"))

    @pytest.fixture
    def page(self, zelda):
        return f"/admin/customers/customer/{zelda.pk}/change/"

    def test_what_is_masked_is_neither_overwritten_nor_lost(self, support, zelda, page):
        data = form_data(support, page, name="Zelda Q", email="forged@example.org")
        assert support.post(page, data).status_code == 302

        zelda.refresh_from_db()
        assert (zelda.name, zelda.email) == ("Zelda Q", EMAIL)

    def test_a_reveal_needs_a_reason_and_leaves_an_entry(self, support, zelda, page):
        reveal = reverse("admin:customers_customer_reveal", args=[zelda.pk])

        assert "Write why" in support.post(reveal, {"reason": " "}).text
        assert EMAIL not in support.get(page).text
        assert support.post(reveal, {"reason": "ticket 7"}).status_code == 200
        assert EMAIL not in support.get(page).text
        assert (
            post_confirmed(support, reveal, {"reason": "ticket 7"}).status_code == 302
        )
        assert EMAIL in support.get(page).text
        assert found_in(support.get("/admin/customers/customer/").text) == []

        entry = Event.objects.get(action="field.revealed")
        assert (entry.reason, entry.subject_id) == ("ticket 7", zelda.pk)
        access = reverse("admin:customers_customer_access", args=[zelda.pk])
        assert "ticket 7" in support.get(access).text

    def test_a_reveal_ends(self, clock, support, zelda, page):
        reveal = reverse("admin:customers_customer_reveal", args=[zelda.pk])
        hide = reverse("admin:customers_customer_hide", args=[zelda.pk])
        post_confirmed(support, reveal, {"reason": "ticket 7"})
        assert EMAIL in support.get(page).text
        assert support.get(hide).status_code == 405
        support.post(hide)
        assert EMAIL not in support.get(page).text

        support.post(reveal, {"reason": "ticket 8"})
        clock(minutes=10, seconds=1)
        assert EMAIL not in support.get(page).text

    def test_a_reveal_is_for_one_person_and_one_session(
        self, support, bakery, zelda, page
    ):
        other = signed_in(staff(bakery, "support"))
        reveal = reverse("admin:customers_customer_reveal", args=[zelda.pk])
        post_confirmed(other, reveal, {"reason": "ticket 7"})

        assert EMAIL not in support.get(page).text

    @pytest.mark.parametrize("role", ["marketing", "auditor"])
    def test_not_every_role_may_reveal(self, bakery, zelda, role):
        client = signed_in(staff(bakery, role))
        reveal = reverse("admin:customers_customer_reveal", args=[zelda.pk])

        assert client.post(reveal, {"reason": "ticket 7"}).status_code == 403
        assert not Event.objects.filter(action="field.revealed").exists()

    @pytest.mark.parametrize(
        ("role", "is_offered"),
        [("admin", False), ("support", True), ("auditor", False)],
    )
    def test_the_form_offers_it_to_whom_something_is_masked(
        self, bakery, zelda, role, is_offered
    ):
        client = signed_in(staff(bakery, role))
        form = client.get(reverse("admin:customers_customer_change", args=[zelda.pk]))
        reveal = reverse("admin:customers_customer_reveal", args=[zelda.pk])

        assert (reveal in form.text) is is_offered

    def test_a_stranger_reveals_nothing(self, rival, zelda):
        stranger = signed_in(staff(rival, "support"))
        reveal = reverse("admin:customers_customer_reveal", args=[zelda.pk])

        assert stranger.post(reveal, {"reason": "ticket 7"}).status_code == 404


class TestAccess:
    def entry(self, **facts: Any) -> Event:
        return Event.objects.get(**facts)

    def test_a_list_names_the_people_on_it(self, alice, zelda):
        alice.get("/admin/customers/customer/")

        entry = self.entry(action="customer.listed")
        assert entry.subjects == [str(zelda.pk)]
        assert entry.business_id == zelda.business_id
        assert Operation.objects.filter(pk=entry.operation_id).exists()

    def test_a_search_keeps_what_was_looked_for(self, alice, zelda):
        search(alice, "/admin/customers/customer/", "zelda")
        search(alice, "/admin/customers/customer/", "nobody")

        found = Event.objects.filter(action="customer.searched").order_by("pk")
        assert [e.query for e in found] == ["zelda", "nobody"]
        assert [e.subjects for e in found] == [[str(zelda.pk)], []]

    def test_a_page_is_one_entry_however_much_it_shows(self, alice, zelda):
        page = f"/admin/customers/customer/{zelda.pk}/change/"
        response = alice.get(page)

        entry = self.entry(action="customer.viewed")
        assert entry.object_id == str(zelda.pk)
        assert entry.actor_id == alice.user.pk
        assert "no-store" in response["Cache-Control"]

    def test_history_and_children_are_about_their_person(self, alice, zelda):
        alice.get(f"/admin/customers/customer/{zelda.pk}/history/")
        assert self.entry(action="history.viewed").subject_id == zelda.pk

        booking = zelda.bookings.first()
        alice.get(f"/admin/customers/booking/{booking.pk}/change/")
        assert self.entry(action="customer.viewed").subject_id == zelda.pk

    def test_who_works_for_two_businesses_leaves_an_entry_in_each(
        self, owner, zelda, rival
    ):
        CustomerFactory(business=rival)
        owner.get("/admin/customers/customer/")

        businesses = Event.objects.filter(action="customer.listed")
        assert set(businesses.values_list("business_id", flat=True)) == {
            zelda.business_id,
            rival.pk,
        }

    def test_what_cannot_be_recorded_is_not_shown(self, alice, zelda, broken_trail):
        response = alice.get(f"/admin/customers/customer/{zelda.pk}/change/")

        assert response.status_code == 503
        assert found_in(response.text) == []


@pytest.fixture
def broken_trail(db):
    """A database that takes no more events."""
    refuse = {
        "sqlite": "CREATE TRIGGER no_events BEFORE INSERT ON audit_event "
        "BEGIN SELECT RAISE(ABORT, 'full'); END",
        "postgresql": "ALTER TABLE audit_event ADD CONSTRAINT no_events "
        "CHECK (action = '') NOT VALID",
    }
    mend = {
        "sqlite": "DROP TRIGGER no_events",
        "postgresql": "ALTER TABLE audit_event DROP CONSTRAINT no_events",
    }
    with connection.cursor() as cursor:
        cursor.execute(refuse[connection.vendor])
        yield
        cursor.execute(mend[connection.vendor])


# --- copies of contact data in other places -----------------------------------------


def test_what_was_searched_for_is_masked_for_an_auditor(alice, bob, bakery):
    CustomerFactory(business=bakery, email="secret@example.org")
    search(alice, "/admin/customers/customer/", "secret@example.org")
    event = Event.objects.get(action="customer.searched")
    path = f"/admin/audit/event/{event.pk}/change/"

    assert "secret@example.org" not in bob.get(path).text
    assert "secret@example.org" in alice.get(path).text


def test_captured_values_are_masked_whatever_their_shape(bakery):
    source = SourceFactory(business=bakery)
    item = {
        "type": "signup",
        "email": "ana@example.org",
        "mobile_number": "22 33 44 55",
        "location": "Bakkegata 17, Bergen",
    }
    built = services.build_native(item, trust="server", business_id=bakery.pk)
    services.ingest(built, source=source, actor=Actor.system("test"))
    rows = CapturedValue.objects.filter(field__in=["phone", "location", "email"])
    assert rows.count() >= 2

    for role in ("auditor", "support"):
        browser = signed_in(staff(bakery, role))
        for row in rows:
            path = f"/admin/capture/capturedvalue/{row.pk}/change/"
            assert row.value not in browser.get(path).text


def test_messages_between_pages_are_sealed(alice, bakery):
    """A new key is told in one; Django's own storage would show it in a cookie."""
    source = SourceFactory(business=bakery)
    add = "/admin/capture/apikey/add/"
    fields = form_data(
        alice,
        add,
        source=str(source.pk),
        kind="secret",
        scopes=["write"],
    )
    answer = post_confirmed(alice, add, fields)

    assert answer.status_code == 302
    assert "messages" not in answer.cookies
    stored = alice.session["_messages"]
    assert "sk_" not in stored
    assert "sk_" not in base64.b64decode(stored.rpartition(":")[2]).decode(
        errors="replace"
    )
    assert "shown only now: sk_" in alice.get(answer["Location"]).text
