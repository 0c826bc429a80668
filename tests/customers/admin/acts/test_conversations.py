"""Notes, tickets, flags and verifying, from the page of a customer."""

from __future__ import annotations

import pytest

from audit.models import Event
from customers.models import Flag, Note, Ticket, TicketMessage
from tests.conftest import signed_in, staff
from tests.customers.admin.acting import TYPED, act_path, do_act, said, somebody
from tests.factories import FlagFactory


@pytest.fixture
def zelda(bakery):
    return somebody(bakery, name="Zelda")


@pytest.fixture
def support(bakery):
    return signed_in(staff(bakery, "support", username="kim", first_name="Kim"))


def test_a_note_has_its_type_and_its_author(support, zelda):
    do_act(
        support, zelda, "note",
        content="Prefers <b>calls</b>.", note_type="issue", is_pinned="on",
    )  # fmt: skip

    note = Note.objects.get()
    assert (note.content, note.note_type) == ("Prefers <b>calls</b>.", "issue")
    assert (note.is_pinned, note.created_by_id) == (True, support.user.pk)
    message = said(support)
    assert "The note is saved." in message
    assert f"/admin/customers/note/{note.pk}/change/" in message
    assert "calls" not in message


def test_a_ticket_opens_with_the_customers_words(support, zelda):
    typed = {**TYPED["ticket"](zelda), "assignee": support.user.pk}
    do_act(support, zelda, "ticket", **typed)

    ticket, message = Ticket.objects.get(), TicketMessage.objects.get()
    assert (ticket.subject, ticket.priority, ticket.channel) == (
        "Late",
        "high",
        "phone",
    )
    assert ticket.assignee_id == support.user.pk
    assert ticket.first_responded_at is None
    assert (message.ticket, message.body) == (ticket, "Where is it?")
    assert (message.author_kind, message.is_internal) == ("customer", False)
    assert f"Ticket {ticket} is open." in said(support)


def test_an_internal_note_is_no_response(support, zelda):
    typed = {**TYPED["ticket"](zelda), "author_kind": "staff"}
    do_act(support, zelda, "ticket", **typed)

    message = TicketMessage.objects.get()
    assert (message.is_internal, message.author_id) == (True, support.user.pk)
    assert message.ticket.first_responded_at is None


def test_a_ticket_is_assigned_to_colleagues_who_answer_tickets(support, zelda, rival):
    auditor = staff(zelda.business, "auditor", username="noah")
    stranger = staff(rival, "support", username="sam")

    page = support.get(act_path(zelda, "ticket"))
    typed = TYPED["ticket"](zelda)
    refused = [
        do_act(support, zelda, "ticket", **{**typed, "assignee": one.pk})
        for one in (auditor, stranger)
    ]

    choices = dict(page.context["form"].fields["assignee"].choices)
    assert set(choices) == {"", str(support.user.pk)}
    assert choices[str(support.user.pk)] == "Kim"
    assert all("assignee" in one.context["form"].errors for one in refused)
    assert not Ticket.objects.exists()


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ({"code": "restricted"}, "restricted"),
        ({"code": "fragile"}, "fragile"),
        ({"code": "other", "other": "Fragile Goods"}, "fragile-goods"),
    ],
)
def test_a_flag_is_one_that_is_known_or_a_word_in_small_letters(
    support, zelda, typed, code
):
    FlagFactory(customer=somebody(zelda.business, email=None), code="fragile")

    do_act(support, zelda, "flag", reason="asked", **typed)

    flag = Flag.objects.get(customer=zelda)
    assert (flag.code, flag.reason, flag.added_by_id) == (
        code, "asked", support.user.pk,
    )  # fmt: skip
    is_restricted = "Nobody may contact this customer" in said(support)
    assert is_restricted == (code == "restricted")


@pytest.mark.parametrize(
    ("typed", "field"),
    [
        ({"code": ""}, "code"),
        ({"code": "rare"}, "code"),
        ({"code": "restricted", "other": "too"}, "code"),
        ({"code": "other"}, "other"),
        ({"code": "other", "other": "Verified"}, "other"),
    ],
)
def test_a_flag_that_is_unclear_is_refused(support, zelda, typed, field):
    page = do_act(support, zelda, "flag", reason="asked", **typed)

    assert field in page.context["form"].errors
    assert not Flag.objects.exists()


def test_flags_of_another_business_are_no_choice(support, zelda, rival):
    FlagFactory(customer=somebody(rival), code="of-the-rival")

    assert "of-the-rival" not in support.get(act_path(zelda, "flag")).text


def test_a_flag_that_is_there_is_not_added_twice(support, zelda):
    FlagFactory(customer=zelda, code="fragile")

    page = do_act(support, zelda, "flag", code="fragile", reason="asked")

    assert "The customer has this flag already." in page.text


def test_a_flag_is_taken_off_and_the_history_keeps_it(support, zelda):
    typed = TYPED["unflag"](zelda)
    do_act(support, zelda, "unflag", **typed)

    flag = Flag.objects.get()
    assert (flag.removed_reason, flag.removed_by_id) == ("healed", support.user.pk)
    assert "No longer flagged as fragile." in said(support)


def test_verifying_says_who_has_checked(alice, zelda):
    do_act(alice, zelda, "verify", reason="saw the passport")

    flag = Flag.objects.get(code="verified")
    assert (flag.added_by_id, flag.reason) == (alice.user.pk, "saw the passport")
    assert Event.objects.get(action="flag.created").reason == "saw the passport"
    assert "verified already" in do_act(alice, zelda, "verify", reason="again").text


def test_support_neither_verifies_nor_takes_it_back(support, zelda):
    FlagFactory(customer=zelda, code="verified")
    FlagFactory(customer=zelda, code="fragile")

    page = support.get(act_path(zelda, "unflag"))
    refused = do_act(support, zelda, "unflag", code="verified", reason="x")

    assert [key for key, _ in page.context["form"].fields["code"].choices] == [
        "fragile"
    ]
    assert "code" in refused.context["form"].errors
    assert support.get(act_path(zelda, "verify")).status_code == 403


def test_verified_alone_is_no_flag_that_support_takes_off(alice, support, zelda):
    FlagFactory(customer=zelda, code="verified")

    assert (
        "There is no flag to take off." in support.get(act_path(zelda, "unflag")).text
    )
    done = do_act(alice, zelda, "unflag", code="verified", reason="a mistake")

    assert done.status_code == 302
    assert Flag.objects.get().removed_at is not None
