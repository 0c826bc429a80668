"""The page of a customer: who sees what of it, and that its figures are its lists."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from audit import log
from audit.tenancy.actors import Actor
from customers import services
from customers.choices import (
    PURCHASE_STATUSES,
    BookingStatus,
    TicketPriority,
    TicketStatus,
)
from tests.conftest import actor_of, signed_in, staff
from tests.factories import (
    AddressFactory,
    BookingFactory,
    BusinessFactory,
    CaptureFactory,
    ConsentEventFactory,
    ContactFactory,
    CreditFactory,
    CustomerFactory,
    FlagFactory,
    IdentityReviewFactory,
    NoteFactory,
    RefundFactory,
    SourceFactory,
    TicketFactory,
    TicketMessageFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
ROLES = ("admin", "support", "marketing", "auditor")
TABS = {
    "overview": set(ROLES),
    "profile": set(ROLES),
    "tickets": {"admin", "support", "auditor"},
    "bookings": set(ROLES),
    "captures": {"admin", "support", "auditor"},
    "consent": set(ROLES),
    "history": {"admin", "support", "auditor"},
    "access": {"admin", "support", "auditor"},
}
# Of whom nothing may stand on a page that is masked.
EMAIL, PHONE, LINE = "ana.silva@example.org", "+47 22 00 04 21", "Storgata 17"


@pytest.fixture
def business():
    return BusinessFactory(timezone="Europe/Oslo")


@pytest.fixture
def customer():
    row = CustomerFactory(name="Ana Silva", email=EMAIL, phone=PHONE)
    AddressFactory(customer=row, line1=LINE)
    ContactFactory(customer=row, kind="email", email="former.ana@example.org")
    return row


def url(customer, query: str = "") -> str:
    return f"/admin/customers/customer/{customer.pk}/{query}"


def opened(customer, role: str = "admin", query: str = "") -> str:
    answer = signed_in(staff(customer.business, role)).get(url(customer, query))
    assert answer.status_code == 200
    return answer.text


def text_of(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


# --- who sees what --------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("tab", TABS)
def test_a_role_opens_its_tabs_and_no_others(customer, role, tab):
    browser = signed_in(staff(customer.business, role))

    answer = browser.get(url(customer, f"?tab={tab}"))
    is_open = role in TABS[tab]
    assert answer.status_code == (200 if is_open else 404)
    links = browser.get(url(customer)).text
    assert (f'href="?tab={tab}"' in links) == is_open


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
@pytest.mark.parametrize("tab", TABS)
def test_contact_data_is_masked_on_the_server(customer, role, tab):
    services.update_customer(
        customer, actor=Actor.system("test"), email="second@example.org"
    )
    NoteFactory(customer=customer, content=f"Write to {EMAIL}.")
    answer = signed_in(staff(customer.business, role)).get(url(customer, f"?tab={tab}"))

    for hidden in (EMAIL, "second@example.org", "former.ana@", PHONE, LINE):
        assert hidden not in answer.text


def test_an_admin_sees_it_in_clear(customer):
    page = opened(customer)

    for text in (EMAIL, PHONE, LINE, "former.ana@example.org"):
        assert text in page


def test_a_page_of_another_business_is_missing(customer):
    foreign = signed_in(staff(BusinessFactory()))
    nowhere = signed_in(staff(customer.business))

    assert foreign.get(url(customer)).status_code == 404
    missing = url(customer).replace(str(customer.pk)[:4], "ffff")
    assert nowhere.get(missing).status_code == 404


def test_who_has_no_role_is_sent_away(customer):
    assert signed_in(UserFactory()).get(url(customer)).status_code == 403


def test_an_unknown_tab_is_missing(customer):
    answer = signed_in(staff(customer.business)).get(url(customer, "?tab=nothing"))

    assert answer.status_code == 404


def test_a_look_at_it_is_recorded(customer):
    user = staff(customer.business, "support")
    signed_in(user).get(url(customer))

    newest = log.list_events_about(customer, actor=Actor.system("test")).first()
    assert newest is not None
    assert (newest.action, newest.actor_id) == ("customer.viewed", user.pk)


def test_the_title_of_the_window_names_nobody(customer):
    title = re.search(r"<title>(.*?)</title>", opened(customer), re.S)

    assert title is not None
    assert "Ana" not in title.group(1)
    assert customer.unique_id in title.group(1)


# --- what it says ---------------------------------------------------------------------


def test_what_must_not_be_overlooked_is_said_in_words(customer):
    TicketFactory(customer=customer, status="open", priority="urgent")
    services.update_preferences(
        customer, actor=Actor.system("test"), do_not_contact=True
    )
    page = text_of(opened(customer))

    assert "Asked not to be contacted" in page
    assert "1 urgent ticket waits" in page


def test_an_archived_customer_says_so(customer):
    services.archive_customer(customer, actor=Actor.system("test"), reason="a double")
    page = text_of(opened(customer))

    assert "Archived" in page
    assert "a double" in page


def test_hostile_texts_are_text(customer):
    script = "<script>window.x=1</script>"
    NoteFactory(customer=customer, content=script, is_pinned=True)
    FlagFactory(customer=customer, code="vip", reason=script)
    TicketFactory(customer=customer, subject=script)
    CustomerFactory(business=customer.business, name=script, phone=PHONE)

    for tab in TABS:
        page = opened(customer, query=f"?tab={tab}")
        assert script not in page


def test_an_empty_customer_has_empty_states():
    bare = CustomerFactory(name="Walk-in 0412", email=None)

    page = text_of(opened(bare))
    assert bare.unique_id in page
    assert "none known" in page
    for tab, words in (
        ("tickets", "No tickets"),
        ("bookings", "No orders"),
        ("consent", "Nothing was asked"),
    ):
        assert words in text_of(opened(bare, query=f"?tab={tab}"))


def test_times_are_those_of_the_business():
    business = BusinessFactory(timezone="Asia/Tokyo")
    row = CustomerFactory(business=business)
    moment = timezone.now().replace(hour=20, minute=0) - timedelta(days=9)
    BookingFactory(customer=row, placed_at=moment)

    page = opened(row, query="?kind=bookings")
    assert ">05:00</time>" in page
    assert "Asia/Tokyo" in page


# --- the timeline ---------------------------------------------------------------------


def test_chips_narrow_the_timeline(customer):
    NoteFactory(customer=customer, content="prefers a call")
    BookingFactory(customer=customer, reference="B-1")

    notes = opened(customer, query="?kind=notes")
    assert "prefers a call" in notes
    assert "B-1" not in notes
    assert "B-1" in opened(customer, query="?kind=bookings")


def test_a_role_has_the_chips_of_its_kinds(customer):
    page = opened(customer, "marketing")

    assert 'href="?kind=bookings#timeline"' in page
    assert 'href="?kind=notes#timeline"' not in page
    assert 'href="?kind=access#timeline"' not in page


def test_a_reveal_stands_in_the_timeline_at_once(customer):
    log.record_reveal(
        customer, actor=Actor.system("test"), subject=customer.pk, reason="#4418"
    )
    page = text_of(opened(customer, "support"))

    assert "Contact data revealed" in page
    assert "#4418" in page


def test_older_entries_follow_each_once(customer):
    start = timezone.now() - timedelta(days=200)
    for n in range(120):
        BookingFactory(
            customer=customer,
            reference=f"B-{n:04}",
            placed_at=start + timedelta(days=n),
        )
    browser = signed_in(staff(customer.business))
    seen, query = [], "?kind=bookings"
    while query:
        page = browser.get(url(customer, query)).text
        seen += re.findall(r"B-\d{4}", page)
        older = re.search(r'href="(\?[^"]*before=[^"#]+)', page)
        query = older.group(1).replace("&amp;", "&") if older else ""

    assert seen == [f"B-{n:04}" for n in reversed(range(120))]


def test_a_note_is_written_in_place(customer):
    browser = signed_in(staff(customer.business, "support"))
    page = browser.get(url(customer)).text
    form = re.search(r'<form class="composer".*?</form>', page, re.S)
    assert form is not None
    action = re.search(r'action="([^"]+)"', form.group())
    assert action is not None
    answer = browser.post(
        action.group(1), {"note_type": "other", "content": "prefers a call back"}
    )

    assert answer["Location"] == url(customer)
    assert "prefers a call back" in browser.get(url(customer)).text


@pytest.mark.parametrize("role", ["marketing", "auditor"])
def test_who_may_write_no_note_has_no_field_for_one(customer, role):
    assert "composer" not in opened(customer, role)


def test_a_wrong_cursor_begins_anew(customer):
    NoteFactory(customer=customer, content="here")

    assert "here" in opened(customer, query="?before=nonsense")


# --- figures --------------------------------------------------------------------------


BOOKINGS = st.lists(
    st.tuples(
        st.sampled_from(BookingStatus.values),
        st.decimals(0, 5000, places=2),
        st.sampled_from(["EUR", "USD"]),
        st.booleans(),
    ),
    max_size=5,
)
TICKETS = st.lists(
    st.tuples(
        st.sampled_from(TicketStatus.values), st.sampled_from(TicketPriority.values)
    ),
    max_size=4,
)
CREDITS = st.lists(st.decimals("0.01", 500, places=2), max_size=3)


@settings(
    max_examples=8,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(bookings=BOOKINGS, tickets=TICKETS, credit=CREDITS)
def test_figures_are_those_of_the_lists_they_open(business, bookings, tickets, credit):
    row = CustomerFactory(business=business)
    for status, amount, currency, is_refunded in bookings:
        is_purchase = status in PURCHASE_STATUSES
        booking = BookingFactory(
            customer=row,
            status=status,
            currency=currency,
            total_amount=amount,
            paid_amount=amount if is_purchase else 0,
            completed_at=timezone.now() if is_purchase else None,
        )
        if is_purchase and is_refunded and amount > 1:
            half = (amount / 2).quantize(Decimal("0.01"))
            RefundFactory(booking=booking, amount=half, status="succeeded")
    for status, priority in tickets:
        TicketFactory(customer=row, status=status, priority=priority)
    for amount in credit:
        CreditFactory(customer=row, amount=amount)
    services.refresh_stats([row.pk])

    for role in ROLES:
        check_figures(row, signed_in(staff(business, role)))


def check_figures(row, browser) -> None:
    page = browser.get(url(row)).text
    figures = dict(
        re.findall(r'class="name">([^<]+)</div><div class="value">([^<]+)', page)
    )
    links = re.findall(r'<a href="\?([^"]+)"><div class="name">([^<]+)', page)
    opens = {name: query.replace("&amp;", "&") for query, name in links}

    def rows_of(query: str) -> list[str]:
        listed = browser.get(url(row, f"?{query}")).text
        table = re.search(r'"sr">(?:Book|Tick|Capt).*?</tbody>', listed, re.S)
        rows = table.group() if table else ""
        return re.findall(r'<tr><th scope="row">.*?</tr>', rows, re.S)

    orders = rows_of(opens["Orders"])
    assert len(orders) == int(figures["Orders"])
    totals: dict[str, Decimal] = {"EUR": Decimal(0)}
    for bought in rows_of(opens["Lifetime value"]):
        amount, currency = re.findall(r"([\d.,-]+) ([A-Z]{3})</td></tr>", bought)[0]
        totals.setdefault(currency, Decimal(0))
        totals[currency] += Decimal(amount.replace(",", ""))
    shown = {
        currency: Decimal(amount.replace(",", ""))
        for amount, currency in re.findall(
            r"([\d.,-]+) ([A-Z]{3})", figures["Lifetime value"]
        )
    }
    assert shown == totals
    if "Open tickets" in figures:
        waiting = rows_of(opens["Open tickets"])
        assert len(waiting) == int(figures["Open tickets"])
    if "Credit" in figures:
        listed = browser.get(url(row, f"?{opens['Credit']}")).text
        left = re.search(r"Left: <b>([^<]+)</b>", listed)
        assert (left.group(1) if left else "0.00 EUR") == figures["Credit"]
    if "Captures" in figures:
        assert len(rows_of(opens["Captures"])) == int(figures["Captures"])


# --- what it costs --------------------------------------------------------------------


def everything(row, times: int = 1) -> None:
    author = staff(row.business)
    source = SourceFactory(business=row.business)
    for n in range(times):
        RefundFactory(booking__customer=row)
        CreditFactory(customer=row)
        services.add_note(row, "text", actor=actor_of(author), is_pinned=n == 0)
        ConsentEventFactory(customer=row)
        TicketMessageFactory(ticket=TicketFactory(customer=row))
        CaptureFactory(source=source, type="login", body={"email": row.email})
        log.record_reveal(row, actor=Actor.system("test"), subject=row.pk, reason="#1")
        CustomerFactory(business=row.business, phone=row.phone)
        IdentityReviewFactory(source=source, email_customer=row)


@pytest.mark.parametrize("role", ROLES)
def test_a_tab_costs_twenty_statements_at_most_however_much_there_is(customer, role):
    everything(customer)
    browser = signed_in(staff(customer.business, role))

    def statements(tab: str) -> list[str]:
        path = url(customer, f"?tab={tab}")
        # What is noted once, or once a minute.
        browser.get(path)
        with CaptureQueriesContext(connection) as asked:
            assert browser.get(path).status_code == 200
        bare = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "SELECT set_config")
        return [q["sql"] for q in asked if not q["sql"].lstrip().startswith(bare)]

    tabs = [tab for tab, roles in TABS.items() if role in roles]
    few = {tab: statements(tab) for tab in tabs}
    everything(customer, times=12)
    many = {tab: statements(tab) for tab in tabs}

    for tab in tabs:
        told = "\n".join(sql[:160] for sql in (*few[tab], "---", *many[tab]))
        # Fewer where no change is among the newest fifty.
        assert len(many[tab]) <= len(few[tab]), told
        assert len(many[tab]) <= 20, told
