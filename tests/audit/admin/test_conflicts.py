"""Two people who save one row: nothing is lost, and each field is chosen."""

from __future__ import annotations

import threading
import time
from html.parser import HTMLParser
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from audit.models import Event
from audit.tenancy.actors import Actor
from customers import services
from customers.models import Address, Customer
from tests.conftest import form_data, signed_in, staff
from tests.factories import (
    BookingFactory,
    BusinessFactory,
    CustomerFactory,
    NoteFactory,
    TicketFactory,
)

pytestmark = pytest.mark.django_db
SOMEBODY = Actor.system("somebody else")
VALUES = {
    "name": ("Ana", "Ana Silva", "A. Silva"),
    "phone": ("", "+4722000421", "abc"),
    "location": ("", "Oslo", "Bergen"),
    "customer_type": ("", "vip", "regular"),
    "external_id": ("", "17", "18"),
}


class Page(HTMLParser):
    """What the page of a conflict says and would send."""

    def __init__(self, response: Any) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = {}
        self.chosen: dict[str, str] = {}
        self.asked: set[str] = set()
        assert response.status_code == 200
        assert "differences" in response.context, response.context.get("errors")
        self.fields = {one.name: one for one in response.context["differences"]}
        self.text = response.text
        self.feed(response.text[response.text.index('class="card conflict"') :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an input."""
        has = dict(attrs)
        name, value = has.get("name") or "", has.get("value") or ""
        if has.get("type") == "hidden" and name != "csrfmiddlewaretoken":
            self.sent.setdefault(name, []).append(value)
        elif has.get("type") == "radio":
            self.asked.add(name)
            if "checked" in has:
                self.chosen[name] = value

    def form(self, **choices: str) -> dict[str, Any]:
        """Return what is sent after these choices, by the name of the field."""
        made = {f"_choice_{name}": choice for name, choice in choices.items()}
        return {**self.sent, **self.chosen, **made}


def path_of(row: Any) -> str:
    name = row._meta.model_name
    return f"/admin/customers/{name}/{row.pk}/change/"


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery, name="Ana", email="ana@example.org", location="Oslo"
    )


@pytest.fixture
def meanwhile(ana):
    """Change the customer as somebody else does."""

    def change(**columns: Any) -> None:
        services.update_customer(ana, actor=SOMEBODY, reason="by phone", **columns)

    return change


def send(client: Client, page: Page, row: Any, **choices: str) -> Any:
    return client.post(path_of(row), page.form(**choices))


# --- what is shown --------------------------------------------------------------


def test_what_one_of_both_changed_is_chosen_beforehand(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), phone="+4722000421")
    meanwhile(location="Bergen")

    page = Page(alice.post(path_of(ana), data))

    assert set(page.fields) == {"phone", "location"}
    assert page.chosen == {"_choice_phone": "yours", "_choice_location": "theirs"}
    location = page.fields["location"]
    assert (location.theirs, location.yours, location.started) == (
        "Bergen",
        "Oslo",
        "Oslo",
    )
    send(alice, page, ana)
    ana.refresh_from_db()
    assert (ana.phone, ana.location, ana.rev) == ("+4722000421", "Bergen", 3)


def test_what_both_changed_must_be_chosen(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Mine", location="Bergen")
    meanwhile(name="Theirs")
    page = Page(alice.post(path_of(ana), data))
    assert "_choice_name" in page.asked
    assert "_choice_name" not in page.chosen

    again = Page(send(alice, page, ana, location="yours"))

    assert "choose for each field that you both changed" in again.text
    ana.refresh_from_db()
    assert (ana.name, ana.location) == ("Theirs", "Oslo")
    assert again.chosen == {"_choice_location": "yours"}
    assert send(alice, again, ana, name="yours").status_code == 302
    ana.refresh_from_db()
    assert (ana.name, ana.location) == ("Mine", "Bergen")


def test_what_both_changed_alike_is_not_asked_for(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Ana Silva", location="Bergen")
    meanwhile(name="Ana Silva")

    page = Page(alice.post(path_of(ana), data))

    assert set(page.fields) == {"location"}


def test_where_nothing_differs_the_page_says_so_and_saves(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Ana Silva")
    meanwhile(name="Ana Silva")

    page = Page(alice.post(path_of(ana), data))

    assert "No field of this form differs" in page.text
    assert send(alice, page, ana).status_code == 302


def test_who_touched_no_field_of_the_row_is_not_asked(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana))
    meanwhile(name="Theirs")

    assert alice.post(path_of(ana), data).status_code == 302
    ana.refresh_from_db()
    assert (ana.name, ana.rev) == ("Theirs", 2)


def test_it_is_said_who_saved_and_when(alice, bakery, ana):
    colleague = signed_in(staff(bakery, username="kari"))
    data = form_data(alice, path_of(ana), name="Mine")
    theirs = form_data(colleague, path_of(ana), name="Theirs")
    colleague.post(path_of(ana), theirs)

    page = Page(alice.post(path_of(ana), data))

    assert f"kari saved {ana.unique_id} <time" in page.text
    assert f"/admin/customers/customer/{ana.pk}/history/" in page.text
    assert "Theirs" not in page.text[: page.text.index("</title>")]


def test_it_is_recorded_as_a_look_and_as_a_refusal(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Mine")
    meanwhile(name="Theirs")
    known = set(Event.objects.values_list("pk", flat=True))

    alice.post(path_of(ana), data)

    new = Event.objects.exclude(pk__in=known)
    assert set(new.values_list("action", "code")) == {
        ("history.viewed", ""),
        ("access.denied", "stale_version"),
    }


# --- what travels along ---------------------------------------------------------


def test_rows_below_and_the_reason_travel_along(alice, ana, meanwhile):
    rows = {
        "addresses-TOTAL_FORMS": "1",
        "addresses-0-kind": "home",
        "addresses-0-city": 'Oslo "øst"',
        "addresses-0-customer": str(ana.pk),
        "change_reason": "asked\r\nby <mail>",
        "_continue": "1",
    }
    data = form_data(alice, path_of(ana), name="Mine", **rows)
    meanwhile(name="Theirs")

    page = Page(alice.post(path_of(ana), data))
    done = send(alice, page, ana, name="yours")

    assert done["Location"].endswith("/change/")
    assert Address.objects.get().city == 'Oslo "øst"'
    newest = ana.history.order_by("-history_id").first()
    assert newest.history_change_reason.split() == ["asked", "by", "<mail>"]


def test_a_time_and_a_tick_of_theirs_are_taken(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Mine")
    bounced = ana.joined_at.replace(microsecond=0)
    meanwhile(is_email_verified=True, joined_at=bounced)

    page = Page(alice.post(path_of(ana), data))
    send(alice, page, ana)

    ana.refresh_from_db()
    assert (ana.name, ana.is_email_verified, ana.joined_at) == ("Mine", True, bounced)


def test_an_error_comes_before_the_conflict(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Mine", email="x@")
    meanwhile(name="Theirs")

    refused = alice.post(path_of(ana), data)
    assert "email" in refused.context["adminform"].form.errors
    assert "Mine" in refused.text

    data = {**data, "email": "ana@example.org"}
    assert set(Page(alice.post(path_of(ana), data)).fields) == {"name"}


def test_who_is_overtaken_again_is_asked_again(alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Mine", location="Bergen")
    meanwhile(name="Second")
    page = Page(alice.post(path_of(ana), data))
    meanwhile(name="Third")

    again = Page(send(alice, page, ana, name="theirs"))

    # What was left to others is theirs, whatever it has become.
    assert again.chosen == {"_choice_location": "yours"}
    send(alice, again, ana)
    ana.refresh_from_db()
    assert (ana.name, ana.location) == ("Third", "Bergen")


def test_what_is_not_touched_keeps_its_microseconds(alice, ana, meanwhile):
    joined = ana.joined_at.replace(microsecond=482619)
    meanwhile(joined_at=joined)

    alice.post(path_of(ana), form_data(alice, path_of(ana), name="Ana Silva"))

    ana.refresh_from_db()
    assert (ana.name, ana.joined_at) == ("Ana Silva", joined)


# --- any values -----------------------------------------------------------------


def state() -> st.SearchStrategy[dict[str, str]]:
    return st.fixed_dictionaries({k: st.sampled_from(v) for k, v in VALUES.items()})


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    three=st.tuples(state(), state(), state()),
    choices=st.fixed_dictionaries(
        {name: st.sampled_from(("theirs", "yours")) for name in VALUES}
    ),
    is_default=st.booleans(),
)
def test_what_is_stored_is_what_was_chosen(alice, bakery, three, choices, is_default):
    base, mine, theirs = three
    columns = {name: value or None for name, value in base.items()}
    Customer.objects.as_actor(SOMEBODY).update(external_id=None)
    row = CustomerFactory(business=bakery, email=None, **columns)
    data = form_data(alice, path_of(row)) | mine
    changed = {n: v or None for n, v in theirs.items() if v != base[n]}
    services.update_customer(row, actor=SOMEBODY, **changed)

    answer = alice.post(path_of(row), data)
    if answer.status_code == 200:
        page = Page(answer)
        assert set(page.fields) == {n for n in VALUES if mine[n] != theirs[n]}
        both = {n for n, one in page.fields.items() if not one.side}
        assert both == {
            n for n in page.fields if mine[n] != base[n] and theirs[n] != base[n]
        }
        asked = both if is_default else set(page.fields)
        answer = send(alice, page, row, **{n: choices[n] for n in asked})
    else:
        asked = set()
    assert answer.status_code == 302

    row.refresh_from_db()
    for name in VALUES:
        usual = "yours" if mine[name] != base[name] else "theirs"
        choice = choices[name] if name in asked else usual
        expected = theirs[name] if choice == "theirs" else mine[name]
        assert (getattr(row, name) or "") == expected, name


# --- who sees what --------------------------------------------------------------


def test_what_is_masked_is_not_on_the_page(bakery, ana, meanwhile):
    agent = signed_in(staff(bakery, "support"))
    data = form_data(agent, path_of(ana), name="Mine")
    meanwhile(name="Theirs", email="hidden@example.org", phone="+4722000421")

    response = agent.post(
        path_of(ana), data | {"email": "guess@example.org", "phone": "1"}
    )

    assert set(Page(response).fields) == {"name"}
    for text in ("hidden@", "ana@example.org", "+4722000421"):
        assert text not in response.text
    page = Page(response)
    send(agent, page, ana, name="yours", email="yours")
    ana.refresh_from_db()
    assert (ana.name, ana.email) == ("Mine", "hidden@example.org")


HIDDEN = "zoe@hidden.example"


@pytest.fixture
def zoe(bakery):
    """A customer whose name was an address at first, and is a name since."""
    zoe = CustomerFactory(business=bakery, name=HIDDEN, email=None, location="Oslo")
    services.update_customer(zoe, actor=SOMEBODY, reason="asked", name="Zoe")
    return zoe


def test_what_the_history_masks_is_masked_on_the_page(bakery, alice, zoe):
    agent = signed_in(staff(bakery, "support"))
    forged = {"_started_rev": "1", "name": "x"}

    page = Page(agent.post(path_of(zoe), forged))

    assert HIDDEN not in page.text
    assert page.fields["name"].started == "z…@h….example"
    assert page.fields["name"].theirs == "Zoe"
    assert Event.objects.filter(
        action="history.viewed", actor_id=agent.user.pk
    ).exists()
    # Who sees contact data sees it here.
    assert HIDDEN in alice.post(path_of(zoe), forged).text


@pytest.mark.parametrize("changes", [{"external_id": "17"}, {"joined_at_0": "x"}, {}])
def test_no_choice_brings_back_what_is_masked(bakery, zoe, changes):
    agent = signed_in(staff(bakery, "support"))
    data = form_data(agent, path_of(zoe), **changes)
    services.update_customer(zoe, actor=SOMEBODY, reason="asked", customer_type="vip")
    for started, opened in (("1", "1"), ("2", "1"), ("1", "2"), ("0", "1")):
        for name in ("x", None):
            forged = data | {"_started_rev": started, "opened_rev": opened}
            forged |= {"_choice_name": "theirs", "_choice_external_id": "yours"}
            forged["name"] = name
            answer = agent.post(
                path_of(zoe), {k: v for k, v in forged.items() if v is not None}
            )
            assert HIDDEN not in answer.text, (started, opened, name)
    zoe.refresh_from_db()
    assert zoe.name == "Zoe"


def test_what_is_chosen_as_theirs_is_stored_as_it_is(bakery, zoe):
    """However it was shown."""
    agent = signed_in(staff(bakery, "support"))
    data = form_data(agent, path_of(zoe), name="Mine", external_id="17")
    services.update_customer(zoe, actor=SOMEBODY, reason="asked", name="Zoe Q")
    page = Page(agent.post(path_of(zoe), data))
    services.update_customer(zoe, actor=SOMEBODY, reason="asked", name=HIDDEN)

    again = agent.post(path_of(zoe), page.form(name="theirs", external_id="yours"))
    assert HIDDEN not in again.text
    if again.status_code == 200:
        assert send(agent, Page(again), zoe).status_code == 302

    zoe.refresh_from_db()
    assert (zoe.name, zoe.external_id) == (HIDDEN, "17")


def test_nobody_else_gets_the_page(bob, charlie, alice, ana, meanwhile):
    data = form_data(alice, path_of(ana), name="Mine")
    meanwhile(name="Theirs")
    page = Page(alice.post(path_of(ana), data))

    assert send(charlie, page, ana, name="yours").status_code == 404
    assert send(bob, page, ana, name="yours").status_code == 403
    ana.refresh_from_db()
    assert ana.name == "Theirs"


@pytest.mark.parametrize(
    "forged",
    [
        {"_choice_name": "everything"},
        {"_choice_name": ""},
        {"_started_rev": "99"},
        {"_started_rev": "x", "_choice_name": "mine"},
        {"_started_rev": "9" * 5000},
        {"_choice_rev": "yours", "rev": "1"},
    ],
)
def test_a_forged_choice_is_none(alice, ana, meanwhile, forged):
    data = form_data(alice, path_of(ana), name="Mine")
    meanwhile(name="Theirs")
    page = Page(alice.post(path_of(ana), data))

    again = Page(alice.post(path_of(ana), page.form() | forged))

    assert set(again.fields) == {"name"}
    ana.refresh_from_db()
    assert (ana.name, ana.rev) == ("Theirs", 2)


@pytest.mark.parametrize("opened", ["x", "-1", "9" * 40, str(2**31)])
def test_a_forged_revision_is_an_error(alice, ana, opened):
    data = form_data(alice, path_of(ana), name="Mine", opened_rev=opened)

    response = alice.post(path_of(ana), data)

    assert "opened_rev" in response.context["adminform"].form.errors
    ana.refresh_from_db()
    assert ana.name == "Ana"


def test_a_form_without_its_revision_knows_no_start(alice, ana):
    """It is compared with what the request has read."""
    data = form_data(alice, path_of(ana), name="Mine")
    del data["opened_rev"]

    assert alice.post(path_of(ana), data).status_code == 302
    ana.refresh_from_db()
    assert ana.name == "Mine"


# --- pressed twice, at once, and other tables -----------------------------------


def test_the_choices_sent_twice_act_once(alice, ana, meanwhile):
    browser = Client(enforce_csrf_checks=True)
    browser.cookies = alice.cookies
    data = form_data(alice, path_of(ana), name="Mine")
    meanwhile(name="Theirs")
    data["csrfmiddlewaretoken"] = token(browser.get(path_of(ana)))
    response = browser.post(path_of(ana), data)
    chosen = Page(response).form(name="yours")
    chosen["csrfmiddlewaretoken"] = token(response)

    first, second = (browser.post(path_of(ana), chosen) for _ in range(2))

    assert first["Location"] == second["Location"]
    ana.refresh_from_db()
    assert (ana.name, ana.rev) == ("Mine", 3)


def token(response: Any) -> str:
    return response.text.split('name="csrfmiddlewaretoken" value="')[1][:64]


@pytest.mark.django_db(transaction=True)
def test_of_several_at_once_one_is_saved(alice, ana, at_once):
    data = form_data(alice, path_of(ana))
    names = iter(f"Name {n}" for n in range(4))

    def save() -> tuple[int, bool]:
        client = Client()
        client.cookies = alice.cookies
        answer = client.post(path_of(ana), {**data, "name": next(names)})
        return answer.status_code, 'class="card conflict"' in answer.text

    found = at_once(save, 4)

    assert sorted(found) == [(200, True)] * 3 + [(302, False)]
    assert at_once(lambda: Customer.objects.get().rev, 1) == [2]


def wait_until_waited_for() -> None:
    """Return once somebody waits for this transaction; SQLite tells nobody."""
    waiting = (
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    )
    for _ in range(100):
        time.sleep(0.1)
        if connection.vendor == "sqlite":
            return
        with connection.cursor() as cursor:
            cursor.execute(waiting)
            if cursor.fetchone()[0]:
                return


@pytest.mark.django_db(transaction=True)
def test_what_is_being_saved_at_this_moment_is_waited_for(alice, ana, at_once):
    data = form_data(alice, path_of(ana), name="Mine")
    turns, is_written = iter((1, 2)), threading.Event()

    def act() -> str:
        if next(turns) == 1:
            with transaction.atomic():
                services.update_customer(ana, actor=SOMEBODY, name="Theirs")
                is_written.set()
                # The form is read, and checked, before this is committed.
                wait_until_waited_for()
            return "saved"
        is_written.wait(10)
        client = Client()
        client.cookies = alice.cookies
        answer = client.post(path_of(ana), data)
        return "asked" if 'class="card conflict"' in answer.text else str(answer)

    assert sorted(at_once(act, 2)) == ["asked", "saved"]
    assert at_once(lambda: Customer.objects.get().name, 1) == ["Theirs"]


@pytest.mark.parametrize("factory", [TicketFactory, BookingFactory])
def test_tickets_and_bookings_have_the_page_too(alice, bakery, factory):
    row = factory(customer__business=bakery)
    column = "subject" if factory is TicketFactory else "payment_method"
    data = form_data(alice, path_of(row), **{column: "Mine"})
    services.update_instance(row, actor=SOMEBODY, **{column: "Theirs"})

    page = Page(alice.post(path_of(row), data))
    assert page.fields[column].theirs == "Theirs"
    row.refresh_from_db()
    assert getattr(row, column) == "Theirs"

    assert send(alice, page, row, **{column: "yours"}).status_code == 302
    row.refresh_from_db()
    assert getattr(row, column) == "Mine"


def test_another_business_keeps_its_own_revisions(alice, ana, meanwhile):
    other = CustomerFactory(business=BusinessFactory())
    services.update_customer(other, actor=SOMEBODY, name="Foreign")
    data = form_data(alice, path_of(ana), name="Mine")

    assert alice.post(path_of(ana), data).status_code == 302


def test_it_takes_as_many_statements_however_much_there_is(
    alice, ana, meanwhile, assert_flat
):
    data = form_data(alice, path_of(ana), name="Mine")
    meanwhile(name="Theirs")

    def grow() -> None:
        for n in range(20):
            meanwhile(name=f"Theirs {n}")
        NoteFactory.create_batch(20, customer=ana)
        CustomerFactory.create_batch(20, business=ana.business)

    assert_flat(call=lambda: Page(alice.post(path_of(ana), data)), grow=grow)
