"""The search over everything: what it finds for whom, what it masks, what it leaves."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from django.contrib import admin
from django.test import Client
from django.urls import reverse

from audit.admin import search as search_module
from audit.admin.search import SearchGroup, described, register_search_group
from audit.models import Event
from capture.models import Capture, Payment
from customers import services
from customers.models import Booking, Customer, Note, Preferences, Ticket
from tests.conftest import actor_of, search, signed_in, staff
from tests.contract.copies import make_copies
from tests.factories import (
    BookingFactory,
    CaptureFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
    NoteFactory,
    PreferencesFactory,
    RefundFactory,
    SourceFactory,
    TicketFactory,
    UserFactory,
)

PATH = "/admin/search/"
SUGGEST = "/admin/search/suggest/"
EMAIL, PHONE = "ida.lund@mail.test", "+47 22 11 33 55"
MASKED = ("support", "marketing", "auditor")


@pytest.fixture
def ida(bakery):
    bakery.country = "NO"
    bakery.as_actor(actor_of(UserFactory(is_superuser=True))).save()
    row = CustomerFactory(
        business=bakery,
        name="Ida Lund",
        email=EMAIL,
        phone=PHONE,
        external_id="crm-4711",
    )
    ContactFactory(customer=row, kind="email", email="ida@former.test")
    return row


@pytest.fixture
def ida_too(bakery):
    return CustomerFactory(business=bakery, name="Ida Berg", email="berg@mail.test")


def paid_booking(customer: Customer, reference: str) -> Booking:
    paid = {"status": "completed", "total_amount": 10, "paid_amount": 10}
    return BookingFactory(customer=customer, reference=reference, **paid)


def url_of(row: Any) -> str:
    page = "page" if isinstance(row, Customer) else "change"
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_{page}"
    return reverse(name, args=[row.pk])


def find(browser: Client, text: str) -> Any:
    """Search, and return the page of hits or the redirect to a single exact one."""
    response = browser.post(PATH, {"q": text})
    assert response.status_code == 302
    assert text not in response["Location"]
    return browser.get(response["Location"])


def titles(page: Any) -> dict[str, list[str]]:
    return {
        group.title: [hit.description.title for hit in group.matches]
        for group in page.context["groups"]
    }


def suggest(browser: Client, text: str) -> list[dict[str, str]]:
    answer = browser.post(SUGGEST, {"q": text})
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    return answer.json()["suggestions"]


# --- what is found --------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        EMAIL,
        EMAIL.upper(),
        "ida@former.test",
        "22 11 33 55",
        "(+47) 2211-3355",
        "0047 22113355",
        "crm-4711",
    ],
)
def test_a_single_exact_hit_opens_at_once(alice, ida, ida_too, text):
    assert find(alice, text)["Location"] == url_of(ida)


def test_a_reference_opens_its_customer(alice, ida):
    assert find(alice, f" {ida.unique_id.lower()} ")["Location"] == url_of(ida)


@pytest.mark.parametrize("field", ["reference", "external_id", "invoice_number"])
def test_numbers_of_a_booking_open_it(alice, ida, field):
    values = {"external_id": "shop-900", "invoice_number": "R-2026-17"}
    booking = BookingFactory(customer=ida, **values)
    BookingFactory(customer=ida)

    assert find(alice, getattr(booking, field))["Location"] == url_of(booking)


@pytest.mark.parametrize("mark", ["", "#"])
def test_a_number_opens_its_ticket(alice, ida, mark):
    tickets = [TicketFactory(customer=ida) for _ in range(2)]

    found = find(alice, f"{mark}{tickets[0].number:02}")

    assert found["Location"] == url_of(tickets[0])


def test_a_transaction_id_opens_its_payment(alice, bakery):
    body = {"email": EMAIL, "transaction_id": "TX-80", "final_price": 10}
    CaptureFactory(source=SourceFactory(business=bakery), type="payment", body=body)
    payment = Payment.objects.get(transaction_id="TX-80")

    assert find(alice, "TX-80")["Location"] == url_of(payment)


def test_a_message_id_opens_its_capture(alice, bakery):
    capture = CaptureFactory(source=SourceFactory(business=bakery))

    assert find(alice, capture.message_id)["Location"] == url_of(capture)


def test_an_external_id_opens_its_refund(alice, ida):
    refund = RefundFactory(booking__customer=ida, external_id="re_1")

    assert find(alice, "re_1")["Location"] == url_of(refund)


def test_two_exact_hits_are_a_choice(owner, ida, rival):
    twin = CustomerFactory(business=rival, name="Twin", external_id="crm-4711")

    page = find(owner, "crm-4711")

    assert sorted(titles(page)["Customers"]) == ["Ida Lund", "Twin"]
    assert page.text.count(">exact<") == 2
    assert url_of(twin) in page.text


def test_hits_stand_in_groups_with_their_lists(alice, ida, ida_too):
    booking = paid_booking(ida, "LUND-1")
    TicketFactory(customer=ida_too, subject="A lund of bread")
    NoteFactory(customer=ida, content="Ms Lund likes rye, ask at +47 99 88 77 66.")
    RefundFactory(booking=booking)

    page = find(alice, "lund")

    found = titles(page)
    assert found["Customers"] == ["Ida Lund"]
    assert found["Tickets"] == ["#1 A lund of bread"]
    assert found["Notes"] == ["Ms Lund likes rye, ask at …66."]
    assert "Bookings" not in found  # one word without a digit is no reference
    assert titles(find(alice, "lund-"))["Bookings"] == ["LUND-1"]
    key = page.request["QUERY_STRING"].removeprefix("s=")
    [all_url] = [g.all_url for g in page.context["groups"] if g.title == "Customers"]
    assert all_url == f"/admin/customers/customer/?s={key}"
    assert [one.pk for one in alice.get(all_url).context["cl"].result_list] == [ida.pk]


def test_captures_are_found_by_the_whole_address(alice, bakery):
    source = SourceFactory(business=bakery)
    capture = CaptureFactory(source=source, type="login", body={"email": EMAIL})
    other = CustomerFactory(business=bakery, name=EMAIL[:5])

    opened = find(alice, EMAIL)
    page = find(alice, capture.user_ref or EMAIL[:5])

    # The person of the address is meant, not one of many messages.
    assert opened["Location"] == url_of(capture.link.customer)
    assert "Captures" not in titles(page)
    assert other.name in titles(page)["Customers"]


def test_pages_are_found_by_name(alice, bob, db):
    for browser, has in ((alice, True), (signed_in(UserFactory()), False)):
        pages = titles(find(browser, "booking")).get("Pages", [])
        assert ("Bookings" in pages) is has


def test_only_the_first_of_a_group_are_on_the_page(alice, bakery):
    for _ in range(7):
        CustomerFactory(business=bakery, name="Zelda")

    page = find(alice, "zelda")

    assert titles(page)["Customers"] == ["Zelda"] * 5
    assert "More than 5: all in Customers" in page.text


@pytest.mark.parametrize("text", ["", " ", "a", " a "])
def test_too_short_a_text_searches_nothing(alice, ida, text):
    page = alice.post(PATH, {"q": text}, follow=True)

    assert "Type 2 characters or more" in page.text
    assert page.context["groups"] == []
    assert not Event.objects.filter(action="hub.searched").exists()


def test_nothing_found_says_what_to_try(alice, ida):
    page = find(alice, "nobody like that")

    assert "Nothing fits" in page.text


def test_hostile_text_finds_nothing_and_is_only_text(alice, ida):
    for text in ("<script>alert(1)</script>", "%_%", "'; --", "9" * 300, "a\0b", "²²²"):
        page = alice.post(PATH, {"q": text}, follow=True)
        assert page.status_code == 200
        assert "<script>alert" not in page.text


# --- addresses ------------------------------------------------------------------


def test_the_term_stands_in_the_field_alone(alice, bakery):
    page = find(alice, "zq7 nobody")

    assert 'name="q" value="zq7 nobody"' in page.text
    assert "zq7" not in page.text.replace('value="zq7 nobody"', "")


def test_an_old_address_leads_to_one_with_a_key(alice, ida, ida_too):
    response = alice.get(f"{PATH}?q=ida")

    assert response["Location"].startswith(f"{PATH}?s=")
    page = alice.get(response["Location"])
    assert sorted(titles(page)["Customers"]) == ["Ida Berg", "Ida Lund"]


def test_a_key_opens_nothing_for_others(alice, bob, ida, ida_too):
    address = alice.post(PATH, {"q": "ida"})["Location"]

    page = bob.get(address, follow=True)

    assert page.redirect_chain == [(PATH, 302)]
    assert "That search has ended" in page.text
    assert "Ida" not in page.text


@pytest.mark.parametrize("path", [PATH, SUGGEST])
def test_a_search_needs_its_token_and_a_person(alice, path):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alice.cookies

    assert strict.post(path, {"q": "ida"}).status_code == 403
    anonymous = Client().post(path, {"q": "ida"})
    assert "/admin/login/" in anonymous["Location"]
    assert "ida" not in anonymous["Location"]


def test_suggestions_are_asked_for_by_post(alice, ida):
    assert alice.get(SUGGEST, {"q": "ida"}).status_code == 405


def test_two_searches_of_one_page_both_search(alice, ida, ida_too):
    """Whoever goes back and types something else sends the token of the page again."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = alice.cookies
    page = strict.get(PATH)
    token = page.context["csrf_token"]

    found = [
        strict.post(PATH, {"q": text, "csrfmiddlewaretoken": str(token)}, follow=True)
        for text in ("lund", "berg", "lund")
    ]

    named = [titles(page)["Customers"] for page in found]
    assert named == [["Ida Lund"], ["Ida Berg"], ["Ida Lund"]]


# --- who sees what --------------------------------------------------------------


def in_both(business: Any) -> dict[str, Any]:
    """Make one of each kind of row with the same words."""
    customer = CustomerFactory(business=business, name="Zq7 Person", email=None)
    booking = paid_booking(customer, f"ZQ7-{business.slug}".upper())
    body = {"email": "zq7@mail.test", "transaction_id": "ZQ7-1", "final_price": 1}
    source = SourceFactory(business=business)
    return {
        "customer": customer,
        "booking": booking,
        "ticket": TicketFactory(customer=customer, subject="zq7"),
        "note": NoteFactory(customer=customer, content="zq7"),
        "refund": RefundFactory(booking=booking, external_id="re-zq7"),
        "capture": CaptureFactory(source=source, type="payment", body=body),
        "payment": Payment.objects.get(business=business),
    }


TEXTS = (
    *("zq7", "zq7-", "ZQ7-1", "zq7@mail.test", "m-zq7", "re-zq7"),
    *("ZQ7-BAKERY", "ZQ7-RIVAL"),
)


def reached(browser: Client) -> set[str]:
    """Return the rows that any of the texts leads to."""
    found: set[str] = set()
    for text in TEXTS:
        page = find(browser, text)
        found |= {page["Location"]} if page.status_code == 302 else urls_in(page)
        found |= {one["url"] for one in suggest(browser, text)}
    return found


def urls_in(page: Any) -> set[str]:
    return {hit.url for group in page.context["groups"] for hit in group.matches}


def test_nothing_of_another_business_is_found(alice, charlie, owner, bakery, rival):
    ours, theirs = in_both(bakery), in_both(rival)
    our_urls = {url_of(row) for row in ours.values()}
    their_urls = {url_of(row) for row in theirs.values()}

    assert reached(alice) & (our_urls | their_urls) == our_urls
    assert reached(charlie) & (our_urls | their_urls) == their_urls
    assert reached(owner) >= our_urls | their_urls


def test_only_what_the_role_may_see_is_found(bakery):
    rows = in_both(bakery)
    browser = signed_in(staff(bakery, "marketing"))

    found = reached(browser)

    visible = {"customer", "booking"}
    for name, row in rows.items():
        assert (url_of(row) in found) is (name in visible), name
    nobody = signed_in(UserFactory())
    assert reached(nobody) == set()


def test_a_role_in_one_business_counts_for_nothing_in_another(bakery, rival):
    user = staff(bakery, "marketing")
    MembershipFactory(user=user, business=rival, role="admin")
    ours, theirs = in_both(bakery), in_both(rival)

    found = reached(signed_in(user))

    assert url_of(theirs["ticket"]) in found
    assert url_of(ours["ticket"]) not in found
    assert url_of(ours["customer"]) in found


@pytest.mark.parametrize("role", MASKED)
def test_no_masked_value_is_told(bakery, ida, role):
    source = SourceFactory(business=bakery)
    for _ in range(2):
        CaptureFactory(source=source, type="login", body={"email": "x@mail.test"})
    NoteFactory(customer=ida, content=f"Ida is at {EMAIL} or {PHONE}")
    browser = signed_in(staff(bakery, role))

    answers = [find(browser, text) for text in ("ida", "lund", "x@mail.test", "login")]
    texts = [page.text for page in answers if page.status_code == 200]
    texts += [str(suggest(browser, text)) for text in ("ida", EMAIL, PHONE, "mail")]
    # Parts of what is masked find nobody.
    for part in ("ida.lund@", "mail.test", "2211", "113355"):
        page = find(browser, part)
        assert "Customers" not in titles(page), part
        assert suggest(browser, part) == []

    for text in texts:
        for value in (EMAIL, PHONE, "22113355", "x@mail.test", "ida@former.test"):
            assert value not in text.replace(f'value="{value}"', "")


def test_contact_data_is_masked_on_the_page_and_in_no_suggestion(alice, ida, ida_too):
    """As lists mask it, also for whoever sees it in clear on the page of the row."""
    page = find(alice, "ida")
    assert "i…@m….test · …55" in page.text
    assert EMAIL not in page.text

    hits = suggest(alice, "ida")

    assert [hit["title"] for hit in hits] == ["Ida Berg", "Ida Lund"]
    assert hits[1] == {
        "url": url_of(ida),
        "title": "Ida Lund",
        "detail": ida.unique_id,
        "group": "Customers",
    }
    assert "…" not in str(hits)


def test_an_address_that_stands_for_a_name_is_masked(alice, bakery):
    source = SourceFactory(business=bakery)
    CaptureFactory(source=source, type="login", body={"email": "xq7v@mail.test"})
    CustomerFactory(business=bakery, name="xq7v")

    page, hits = find(alice, "xq7v"), suggest(alice, "xq7v")

    assert "xq7v@mail.test" not in page.text + str(hits)
    assert titles(page)["Customers"] == ["xq7v", "x…@m….test"]


# --- suggestions ----------------------------------------------------------------


def test_suggestions_are_few_and_the_exact_ones_first(alice, ida, bakery):
    for n in range(5):
        CustomerFactory(business=bakery, name=f"Booking {n}")
        BookingFactory(customer=ida, reference=f"BOOKING-{n}")
        TicketFactory(customer=ida, subject=f"booking-{n}")

    hits = suggest(alice, "booking")
    assert [hit["group"] for hit in hits] == [
        *["Customers"] * 3,
        *["Tickets"] * 3,
        "Pages",
    ]

    first, *others = suggest(alice, "booking-3")
    assert (first["title"], first["url"]) == (
        "BOOKING-3",
        url_of(Booking.objects.get(reference="BOOKING-3")),
    )
    assert len(others) <= 7


@pytest.mark.parametrize("text", ["", "i", "  i  "])
def test_nothing_is_suggested_for_less_than_two_characters(alice, ida, text):
    assert suggest(alice, text) == []


# --- the trail ------------------------------------------------------------------


def events(action: str) -> list[tuple[str | None, list[str]]]:
    kept = Event.objects.filter(action=action).order_by("occurred_at", "pk")
    return [(event.query, sorted(event.subjects)) for event in kept]


def test_each_search_is_one_event_with_its_text(alice, ida, ida_too):
    find(alice, "ida")
    find(alice, "nobody")
    find(alice, EMAIL)

    assert events("hub.searched") == [
        ("ida", sorted([str(ida.pk), str(ida_too.pk)])),
        ("nobody", []),
        # It opened at once, and so nobody else was seen.
        (EMAIL, [str(ida.pk)]),
    ]


def test_each_business_has_an_event_of_its_own(owner, ida, rival):
    other = CustomerFactory(business=rival, name="Ida Other")

    find(owner, "ida")

    kept = Event.objects.filter(action="hub.searched")
    assert {(e.business_id, tuple(e.subjects)) for e in kept} == {
        (ida.business_id, (str(ida.pk),)),
        (rival.pk, (str(other.pk),)),
    }


def test_a_suggestion_that_named_somebody_is_an_event(alice, ida):
    suggest(alice, "id")
    suggest(alice, "nobody")
    suggest(alice, "membership")  # a page, and no person

    assert events("hub.suggested") == [("id", [str(ida.pk)])]


def test_what_was_suggested_counts_as_seen(alice, owner, ida):
    suggest(alice, "id")

    readers = owner.get("/admin/security/").context["readers"]

    [reader] = [one for one in readers if one.name == "alice"]
    assert reader.customer_ids == {str(ida.pk)}


# --- the registry ---------------------------------------------------------------


@pytest.fixture
def registry(monkeypatch):
    groups = dict(search_module._groups)
    monkeypatch.setattr(search_module, "_groups", groups)
    return groups


def test_each_app_has_registered_its_groups(registry):
    groups = sorted(registry.values(), key=lambda group: group.order)

    assert [group.title for group in groups] == [
        *("Customers", "Bookings", "Tickets", "Refunds", "Notes"),
        *("Payments", "Captures"),
    ]
    assert len({group.order for group in groups}) == len(groups)


def test_a_further_group_is_searched(alice, ida, registry):
    PreferencesFactory(customer=ida)

    def find_preferences(text: str, *, actor: Any, limit: int) -> Any:
        rows = services.list_visible(Preferences, actor=actor)
        return [(row, True) for row in rows[:limit]]

    group = SearchGroup(
        "Wishes", Preferences, find_preferences, lambda row: described("wish"), order=1
    )
    register_search_group(group)

    assert find(alice, "wish")["Location"] == url_of(Preferences.objects.get())


def test_a_group_is_given_masked_rows_alone(alice, ida, registry):
    seen = []

    def describe(row: Customer) -> Any:
        seen.append((row.email, row.phone))
        return described(row.unique_id)

    customers = registry[Customer]
    register_search_group(
        SearchGroup("Customers", Customer, customers.find, describe, order=1)
    )

    find(alice, "ida")

    assert seen == [("i…@m….test", "…55")]


def test_a_group_without_a_page_is_left_out(alice, ida, registry, monkeypatch):
    NoteFactory(customer=ida, content="zq7")
    assert "Notes" in titles(find(alice, "zq7"))

    monkeypatch.delitem(admin.site._registry, Note)

    assert "Notes" not in titles(find(alice, "zq7"))


# --- costs ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["zq7", "ida", "nothing like it", EMAIL, "ZQ7-", "ZQ7-1", "#1"]
)
@pytest.mark.parametrize("who", ["alice", "owner"])
def test_statements_do_not_grow(request, who, bakery, assert_flat, text):
    browser = request.getfixturevalue(who)
    in_both(bakery)
    CustomerFactory(business=bakery, name="Ida", email=EMAIL)

    def grow(count: int) -> None:
        for model in (Customer, Booking, Ticket, Note, Capture):
            make_copies(model, count)
        browser.get("/api/v1/me")

    def ask() -> None:
        search(browser, PATH, text)
        suggest(browser, text)

    grow(9)
    assert_flat(call=ask, grow=partial(grow, 600))
