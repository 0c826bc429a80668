"""What staff do all day, in a browser: by mouse, by keys alone, and without script.

Each job begins on the first page. How many clicks it takes at most is asserted, and
what it has done is asked of the services.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.staff import SEARCH, Colleague, Person, person
from tests.factories.audit import PASSWORD, PIN

pytestmark = pytest.mark.e2e

OPTION = "[role=option]"
DESK, PHONE = 1366, 390
AT_DESK = [("mouse", DESK), ("keys", DESK)]
EVERYWHERE = [*AT_DESK, ("mouse", PHONE), ("keys", PHONE)]
PLAIN = [("plain", DESK)]


def done_by(ways: list[tuple[str, int]]) -> Any:
    """Let a job be done in each of these ways."""
    names = [f"{hand}-{width}" for hand, width in ways]
    return pytest.mark.parametrize("way", ways, ids=names)


@pytest.fixture(scope="module")
def staff(colleague: Colleague, bakery_id: str) -> dict[str, Any]:
    return {role: colleague.hire(bakery_id, role) for role in ("support", "admin")}


@pytest.fixture
def support(way, chromium, workplace, colleague, staff) -> Iterator[Person]:
    """Somebody of support, on the first page."""
    cookie = colleague.session_of(staff["support"])
    with person(chromium, workplace.server.url, *way, cookie) as somebody:
        somebody.open()
        yield somebody
        somebody.look()


@pytest.fixture
def admin(way, chromium, workplace, colleague, staff) -> Iterator[Person]:
    """An admin of the bakery, on the first page."""
    cookie = colleague.session_of(staff["admin"])
    with person(chromium, workplace.server.url, *way, cookie) as somebody:
        somebody.open()
        yield somebody
        somebody.look()


def assert_clicks(somebody: Person, most: int) -> None:
    """Hold whoever has script to so many clicks."""
    assert somebody.hand == "plain" or somebody.clicks <= most


def is_on_page_of(somebody: Person, customer: dict[str, str]) -> bool:
    return f"/admin/customers/customer/{customer['pk']}/" in somebody.page.url


def with_other_blanks(phone: str) -> str:
    """Return a number without its country, and with blanks elsewhere."""
    digits = phone.replace(" ", "").removeprefix("+47")
    return f"{digits[:3]} {digits[3:5]} {digits[5:]}"


# --- finding ------------------------------------------------------------------------


@done_by(EVERYWHERE + PLAIN)
def test_a_customer_is_found_by_a_phone_typed_with_blanks(support, customer):
    support.into_search()
    support.type(support.page.locator(SEARCH), with_other_blanks(customer["phone"]))
    if support.hand == "plain":
        support.send()
    else:
        support.page.wait_for_selector(OPTION)
        with support.page.expect_navigation():
            if support.hand == "keys":
                support.press("ArrowDown", "Enter")
            else:
                support.click(support.page.locator(OPTION).first)

    assert_clicks(support, 2)
    assert is_on_page_of(support, customer)
    assert support.page.locator("h1").inner_text() == customer["name"]


@done_by(EVERYWHERE)
def test_the_last_five_digits_of_a_phone_are_enough(support, customer):
    digits = customer["phone"].replace(" ", "")[-5:]
    support.into_search()
    support.type(
        support.page.locator(SEARCH), f"{digits[:1]} {digits[1:3]} {digits[3:]}"
    )
    option = support.page.locator(OPTION, has_text=customer["reference"])
    option.wait_for()
    with support.page.expect_navigation():
        if support.hand == "keys":
            at = support.page.locator(OPTION).all_inner_texts()
            found = [n for n, text in enumerate(at) if customer["reference"] in text]
            support.press(*["ArrowDown"] * (found[0] + 1), "Enter")
        else:
            support.click(option)

    assert_clicks(support, 2)
    assert is_on_page_of(support, customer)


def reveal(somebody: Person, why: str) -> None:
    """Reveal contact data, and confirm with the PIN."""
    page = somebody.page
    somebody.go(page.get_by_role("link", name="Reveal…"))
    somebody.type(page.locator("[name=reason]"), why)
    somebody.send()
    somebody.type(page.locator("[name=step_up_code]"), PIN)
    somebody.send()


# --- writing down -------------------------------------------------------------------


@done_by(EVERYWHERE + PLAIN)
def test_an_issue_is_noted_and_pinned(support, customer, colleague):
    support.find(customer["reference"])
    form = support.act("Note")
    support.type(form.locator("[name=content]"), "The crust was burnt.")
    support.choose(form.locator("[name=note_type]"), "Issue")
    support.tick(form.locator("[name=is_pinned]"))
    support.go(form.locator("footer button"))

    assert_clicks(support, 3)
    assert "The note is saved." in support.message()
    pinned = support.page.locator("section[aria-labelledby=card-notes]")
    assert "The crust was burnt." in pinned.inner_text()
    notes = colleague.look_up(customer["pk"])["notes"]
    assert notes == [["issue", "The crust was burnt.", True]]


@done_by(AT_DESK)
def test_a_ticket_is_opened_and_assigned(support, customer, colleague, staff):
    support.find(customer["reference"])
    form = support.act("Ticket")
    support.type(form.locator("[name=subject]"), "Wrong cake")
    support.type(form.locator("[name=body]"), "It has nuts.")
    support.choose(form.locator("[name=assignee]"), staff["admin"]["username"])
    support.go(form.locator("footer button"))

    assert_clicks(support, 4)
    assert "is open." in support.message()
    tickets = colleague.look_up(customer["pk"])["tickets"]
    assert tickets[0] == ["Wrong cake", staff["admin"]["username"]]
    assert len(tickets) == 2


@done_by(EVERYWHERE + PLAIN)
def test_contact_data_is_revealed_with_a_ticket_number(support, customer, colleague):
    page = support.page
    support.find(customer["reference"])
    assert customer["phone"] not in page.content()
    support.go(page.get_by_role("link", name="Reveal…"))
    support.type(page.locator("[name=reason]"), "ticket #1")
    support.go(page.locator("#content [type=submit]"))
    support.type(page.locator("[name=step_up_code]"), PIN)
    support.go(page.locator("#content [type=submit]"))

    assert_clicks(support, 4)
    assert is_on_page_of(support, customer)
    card = page.locator("section[aria-labelledby=card-contact]").inner_text()
    assert customer["phone"] in card
    assert customer["email"] in card
    newest = page.locator("#timeline [data-entry]").first.inner_text()
    assert "revealed" in newest
    assert "ticket #1" in newest
    assert colleague.look_up(customer["pk"])["reveals"] == ["ticket #1"]


# --- money --------------------------------------------------------------------------


@done_by(AT_DESK + PLAIN)
def test_a_part_of_an_order_is_refunded(support, customer, colleague):
    support.find(customer["reference"])
    form = support.act("Refund")
    support.type(form.locator("[name=amount]"), "12.50")
    support.choose(form.locator("[name=reason_code]"), "Quality")
    support.go(form.locator("footer button"))

    assert_clicks(support, 6)
    assert "goes back" in support.message()
    assert colleague.look_up(customer["pk"])["left"] == ["67.500"]


@done_by(AT_DESK)
def test_credit_is_given_and_the_balance_is_right(support, customer, colleague):
    support.find(customer["reference"])
    form = support.act("Credit")
    support.type(form.locator("[name=amount]"), "15")
    support.choose(form.locator("[name=reason_code]"), "Compensation")
    support.go(form.locator("footer button"))

    assert_clicks(support, 5)
    assert "The balance is 15.00 EUR now." in support.message()
    figures = support.page.locator(".facts").inner_text()
    assert "15.00 EUR" in figures
    assert colleague.look_up(customer["pk"])["credit"] == {"EUR": "15.00"}


@done_by(AT_DESK)
def test_an_invoice_is_sent_after_a_preview(support, customer, colleague):
    support.find(customer["reference"])
    form = support.act("Send an invoice")
    with support.page.context.expect_page() as opened:
        support.click(form.get_by_role("link", name="Preview"))
    preview = opened.value
    preview.wait_for_load_state()
    assert "80.00" in preview.inner_text("body")
    preview.close()
    support.go(form.locator("footer button"))

    assert "is sent for the first time" in support.message()
    [number] = colleague.look_up(customer["pk"])["invoices"]
    assert number in support.message()


# --- marking ------------------------------------------------------------------------


@done_by(AT_DESK + PLAIN)
def test_a_flag_is_added_and_taken_off(support, customer, colleague):
    support.find(customer["reference"])
    form = support.act("Flag")
    support.choose(form.locator("[name=code]"), "another one")
    support.type(form.locator("[name=other]"), "fragile goods")
    support.type(form.locator("[name=reason]"), "Asked for it.")
    support.send()
    assert "Fragile goods" in support.page.locator(".head").inner_text()
    assert colleague.look_up(customer["pk"])["flags"] == ["fragile-goods"]

    form = support.act("Take a flag off")
    support.type(form.locator("[name=reason]"), "No longer.")
    support.send()

    assert_clicks(support, 4)
    assert "No longer flagged" in support.message()
    assert colleague.look_up(customer["pk"])["flags"] == []


@done_by(AT_DESK)
def test_a_customer_is_verified(admin, customer, colleague):
    admin.find(customer["reference"])
    form = admin.act("Verify")
    admin.type(form.locator("[name=reason]"), "Saw the passport.")
    admin.send()

    assert "Verified" in admin.page.locator(".head").inner_text()
    assert colleague.look_up(customer["pk"])["flags"] == ["verified"]


# --- the form -----------------------------------------------------------------------


def choose_mine(somebody: Person, name: str) -> None:
    """Choose one's own value of a field that both have changed."""
    radios = somebody.page.locator(f"[name=_choice_{name}]")
    mine = somebody.page.locator(f"[name=_choice_{name}][value=yours]")
    if somebody.hand == "keys":
        # A group of radios is one stop; arrows choose within.
        somebody.reach(radios.first)
        somebody.press("ArrowDown")
    else:
        somebody.click(mine)
    assert mine.is_checked()


@done_by(AT_DESK)
def test_a_phone_is_edited_while_a_colleague_edits(support, customer, colleague):
    page = support.page
    support.find(customer["reference"])
    reveal(support, "ticket #2")
    acts = page.locator(".acts-bar")
    support.use(["e"], acts.get_by_role("link", name="Edit", exact=True))
    support.type(page.locator("[name=phone]"), "+47 22 99 00 01")
    colleague.update(customer["pk"], phone="+47 22 99 00 02", name="Changed Meanwhile")
    support.use(["Control+s"], page.locator("[name=_save]"))

    assert "Nothing of yours is saved yet" in page.inner_text("#content")
    assert colleague.look_up(customer["pk"])["phone"] == "+47 22 99 00 02"
    choose_mine(support, "phone")
    support.go(page.get_by_role("button", name="Save with these choices"))

    assert "is saved." in support.message()
    stored = colleague.look_up(customer["pk"])
    assert stored["phone"] == "+47 22 99 00 01"
    assert stored["name"] == "Changed Meanwhile"


@done_by(AT_DESK + PLAIN)
def test_the_customer_who_is_there_is_used(support, customer, colleague, bakery_id):
    before = colleague.count_customers(bakery_id)
    page = support.page
    support.go(page.locator("#content [href='/admin/customers/customer/add/']"))
    support.type(page.locator("[name=name]"), "Somebody New")
    support.type(page.locator("[name=phone]"), customer["phone"])
    if support.hand == "plain":
        support.send()
    else:
        support.press("Tab")
    use = page.locator(
        "[data-similar] a", has_text=f"Use this one: {customer['reference']}"
    )
    use.wait_for()
    support.go(use)

    assert_clicks(support, 4)
    assert is_on_page_of(support, customer)
    assert colleague.count_customers(bakery_id) == before


# --- consent ------------------------------------------------------------------------


@done_by(AT_DESK + PLAIN)
def test_a_withdrawal_changes_the_answer(support, customer, colleague):
    assert colleague.look_up(customer["pk"])["may_mail"]
    support.find(customer["reference"])
    form = support.act("Consent")
    support.choose(form.locator("[name=channel]"), "e-mail")
    support.choose(form.locator("[name=action]"), "no longer, withdrawn")
    support.choose(form.locator("[name=method]"), "By phone")
    support.go(form.locator("footer button"))

    assert "No marketing by e-mail from now on." in support.message()
    assert_clicks(support, 5)
    notice = support.page.locator(".notice", has_text="No to marketing since")
    assert notice.count() == 1
    assert not colleague.look_up(customer["pk"])["may_mail"]


# --- many ---------------------------------------------------------------------------


@pytest.fixture
def crowd(colleague: Colleague) -> dict[str, Any]:
    """Another business, with more customers than a page of the list shows."""
    business = colleague.open_business("Crowd")
    colleague.make_crowd(business, 60)
    return {"business": business, "admin": colleague.hire(business, "admin")}


@done_by(AT_DESK)
def test_all_that_match_are_archived(way, chromium, workplace, colleague, crowd):
    cookie = colleague.session_of(crowd["admin"])
    with person(chromium, workplace.server.url, *way, cookie) as admin:
        page = admin.page
        admin.open()
        everybody = page.locator("#content a", has_text="All customers").first
        admin.use(["g", "c"], everybody)
        toggle = page.locator("#action-toggle")
        if admin.hand == "keys":
            admin.tick(toggle)
        else:
            admin.click(toggle)
        if admin.hand == "keys":
            # Not through all rows.
            admin.press("a")
        admin.click(page.get_by_role("button", name="Select all that match (60)"))
        admin.choose(page.locator("[name=action]"), "Archive…")
        admin.go(page.get_by_role("button", name="Go"))
        admin.type(page.locator("[name=reason]"), "Closed the shop.")
        admin.send()

        assert_clicks(admin, 6)
        assert "Archived 60 customers." in admin.message()
        counts = colleague.count_customers(crowd["business"])
        assert counts == {"all": 60, "archived": 60}
        admin.look()


# --- one's own account --------------------------------------------------------------


@pytest.fixture
def newcomer(
    way, chromium, workplace, colleague, bakery_id
) -> Iterator[tuple[Person, Any]]:
    """Somebody with an app and without a PIN, who has not signed in yet."""
    account = colleague.hire(bakery_id, "support", has_app=True)
    with person(chromium, workplace.server.url, *way, None) as somebody:
        somebody.open()
        yield somebody, account
        somebody.look()


def sign_in(somebody: Person, username: str, code: str) -> None:
    """Sign in with a password and the code of an app."""
    page = somebody.page
    somebody.type(page.locator("[name=username]"), username)
    somebody.type(page.locator("[name=password]"), PASSWORD)
    somebody.send()
    somebody.type(page.locator("[name=code]"), code)
    somebody.send()
    assert page.url == f"{somebody.base}/admin/"


def switch_theme(somebody: Person) -> None:
    """Switch the theme in the menu of the account, and go on to the account."""
    theme, menu = "document.documentElement.dataset.theme", "#user-tools"
    somebody.click(somebody.page.locator(f"{menu} summary"))
    somebody.click(somebody.page.locator(f"{menu} .theme-toggle"))
    chosen = somebody.page.evaluate(theme)
    assert chosen in ("light", "dark")
    somebody.go(somebody.page.locator(f"{menu} a", has_text="Your account"))
    assert somebody.page.evaluate(theme) == chosen


def switch_shortcuts_off(somebody: Person) -> None:
    """Turn single keys off on the page of the account; from now on Tab leads on."""
    shortcuts = somebody.page.locator("[name=has_shortcuts]")
    somebody.tick(shortcuts)
    somebody.go(somebody.page.get_by_role("button", name="Keep these"))
    assert not shortcuts.is_checked()
    somebody.has_shortcuts = False


def set_pin(somebody: Person, code: str) -> None:
    """Set a first PIN from the page of the account."""
    page = somebody.page
    somebody.go(page.get_by_role("link", name="Set a PIN"))
    somebody.type(page.locator("[name=password]"), PASSWORD)
    somebody.type(page.locator("[name=code]"), code)
    somebody.type(page.locator("[name=pin]"), PIN)
    somebody.type(page.locator("[name=again]"), PIN)
    somebody.send()
    assert "Your PIN is set." in somebody.message()


@done_by(EVERYWHERE)
def test_somebody_new_signs_in_and_settles(newcomer, colleague, customer):
    somebody, account = newcomer
    username, seed = account["username"], account["seed"]

    sign_in(somebody, username, colleague.read_app(seed))
    switch_theme(somebody)
    switch_shortcuts_off(somebody)
    # The code of now has been used to sign in.
    set_pin(somebody, colleague.read_app(seed, later=1))
    somebody.find(customer["reference"])
    reveal(somebody, "ticket #3")

    card = somebody.page.locator("section[aria-labelledby=card-contact]")
    assert customer["phone"] in card.inner_text()
    assert_clicks(somebody, 8)
    assert colleague.preferences_of(username) == {
        "has_pin": True,
        "has_shortcuts": False,
        "confirmed": 1,
    }
