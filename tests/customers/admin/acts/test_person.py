"""Consent, preferences, archive, export and reveal, from the page of a customer."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
from django.urls import reverse

from audit.models import Event, Grant
from customers import services
from customers.models import ConsentEvent, Customer, Preferences
from tests.conftest import (
    drawn_data,
    enrol,
    form_data,
    post_confirmed,
    signed_in,
    staff,
)
from tests.customers.admin.acting import (
    SYSTEM,
    TYPED,
    act_path,
    do_act,
    said,
    somebody,
)
from tests.factories import ConsentEventFactory


@pytest.fixture
def zelda(bakery):
    bakery.timezone = "Europe/Oslo"
    bakery.settings = {"consent_wordings": {"v3": True, "v2": False}}
    services.save_record(bakery, actor=SYSTEM)
    return somebody(bakery, name="Zelda")


@pytest.fixture
def support(bakery):
    return signed_in(staff(bakery, "support", username="kim"))


# --- consent ------------------------------------------------------------------------


def test_a_withdrawal_counts_at_once_and_the_message_says_so(support, zelda):
    ConsentEventFactory(customer=zelda, occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert services.may_contact(zelda, "marketing", "email").is_allowed

    do_act(support, zelda, "consent", **TYPED["consent"](zelda))

    event = ConsentEvent.objects.latest("occurred_at")
    assert (event.action, event.method) == ("withdrawn", "phone")
    # Ten o'clock where the business is.
    assert event.occurred_at == datetime(2026, 1, 5, 9, tzinfo=UTC)
    assert event.recorded_by_id == support.user.pk
    answer = services.may_contact(zelda, "marketing", "email")
    assert (answer.is_allowed, answer.rule) == (False, "withdrawn")
    message = said(support)
    assert "No marketing by e-mail from now on." in message
    assert f"/admin/customers/consentevent/{event.pk}/change/" in message


def test_without_a_time_an_answer_follows_one_of_a_moment_ago(support, zelda):
    ConsentEventFactory(customer=zelda)

    do_act(support, zelda, "consent", **{**TYPED["consent"](zelda), "occurred_at": ""})

    assert not services.may_contact(zelda, "marketing", "email").is_allowed
    assert "No marketing by e-mail from now on." in said(support)


def test_an_answer_that_is_older_than_the_newest_changes_nothing(support, zelda):
    ConsentEventFactory(customer=zelda, occurred_at=datetime(2026, 2, 1, tzinfo=UTC))

    do_act(support, zelda, "consent", **TYPED["consent"](zelda))

    assert "Marketing by e-mail is allowed now." in said(support)


@pytest.fixture
def yes(zelda):
    return {**TYPED["consent"](zelda), "action": "given", "channel": "email"}


def test_a_yes_counts_under_a_wording_that_is_valid(support, zelda, yes):
    page = support.get(act_path(zelda, "consent"))
    wordings = page.context["form"].fields["wording_version"].choices
    assert [key for key, _ in wordings] == ["", "v3"]

    do_act(support, zelda, "consent", **yes, wording_version="v3")

    assert "Marketing by e-mail is allowed now." in said(support)


def test_a_yes_that_does_not_count_says_why(support, zelda, yes):
    do_act(support, zelda, "consent", **yes)
    assert "no consent under a valid wording is recorded" in said(support)

    services.update_preferences(zelda, actor=SYSTEM, do_not_contact=True)
    do_act(support, zelda, "consent", **yes, wording_version="v3")
    assert "“do not contact” is set" in said(support)


def test_a_no_may_be_for_every_way_and_a_yes_is_for_one(support, zelda, yes):
    refused = do_act(support, zelda, "consent", **{**yes, "channel": "all"})
    no = {**yes, "channel": "all", "action": "refused"}
    done = do_act(support, zelda, "consent", **no)

    assert "channel" in refused.context["form"].errors
    assert done.status_code == 302
    assert ConsentEvent.objects.get().channel is None
    assert "No marketing by e-mail, SMS or phone from now on." in said(support)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("purpose", "Marketing"),
        ("purpose", "newsletter"),
        ("channel", "pigeon"),
        ("action", "perhaps"),
        ("method", "rumour"),
        ("occurred_at", "2999-01-01T10:00"),
        ("occurred_at", "2026-03-29T02:30"),  # an hour that Oslo leaves out
        ("wording_version", "v2"),
    ],
)
def test_only_what_rules_understand_is_taken(support, zelda, yes, field, value):
    page = do_act(support, zelda, "consent", **{**yes, field: value})

    assert field in page.context["form"].errors
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("purpose", ["Marketing", "newsletter"])
def test_the_page_of_answers_takes_the_same_purposes_alone(support, zelda, purpose):
    ConsentEventFactory(customer=zelda, occurred_at=datetime(2026, 1, 1, tzinfo=UTC))
    add = reverse("admin:customers_consentevent_add")
    typed = form_data(
        support, add, customer=zelda.pk, channel="email", action="withdrawn"
    )

    refused = support.post(add, {**typed, "purpose": purpose})
    done = support.post(add, {**typed, "purpose": "marketing"})

    assert "purpose" in refused.context["adminform"].form.errors
    assert done.status_code == 302
    assert "No marketing by e-mail from now on." in said(support)
    assert ConsentEvent.objects.count() == 2


# --- preferences --------------------------------------------------------------------


def test_preferences_change_where_they_differ(alice, zelda):
    services.update_preferences(zelda, actor=SYSTEM, preferred_categories=["rye"])
    typed = {
        **TYPED["preferences"](zelda),
        "preferred_categories": "rye\r\n\r\n oat \r\nrye",
        "preferred_payment": "card",
        "do_not_contact": "on",
    }

    do_act(alice, zelda, "preferences", **typed)

    preferences = Preferences.objects.get(customer=zelda)
    assert (preferences.prefer_sms, preferences.prefer_email) == (True, None)
    assert preferences.prefer_call is False
    assert preferences.preferred_categories == ["rye", "oat"]
    assert preferences.preferred_payment == "card"
    assert "No marketing by e-mail, SMS or phone from now on" in said(alice)


def test_nothing_is_written_where_nothing_differs(alice, zelda):
    typed = {
        "prefer_sms": "unknown", "prefer_email": "unknown", "prefer_call": "unknown",
        "can_receive_offers": "on", "can_receive_loyalty": "on",
    }  # fmt: skip

    do_act(alice, zelda, "preferences", **typed)

    message = said(alice)
    assert "Nothing was changed." in message
    assert "What changed" not in message
    assert not Event.objects.filter(action="preferences.changed").exists()


def test_what_is_masked_is_neither_seen_nor_typed_over(support, zelda):
    services.update_preferences(zelda, actor=SYSTEM, preferred_payment="IBAN 7788")

    page = support.get(act_path(zelda, "preferences"))
    typed = {**TYPED["preferences"](zelda), "preferred_payment": "mine"}
    do_act(support, zelda, "preferences", **typed)

    assert "IBAN 7788" not in page.text
    assert "preferred_payment" not in page.context["form"].fields
    preferences = Preferences.objects.get(customer=zelda)
    assert preferences.preferred_payment == "IBAN 7788"
    assert preferences.prefer_sms is True


def test_an_old_dialog_takes_back_nothing_that_was_set_meanwhile(alice, zelda):
    page = alice.get(act_path(zelda, "preferences"))
    typed = drawn_data(page.context["form"]) | {"best_contact_time": "evening"}
    del typed["can_receive_loyalty"]
    services.update_preferences(
        zelda, actor=SYSTEM, do_not_contact=True, can_receive_offers=False,
        prefer_sms=False, preferred_categories=["rye"],
    )  # fmt: skip

    do_act(alice, zelda, "preferences", **typed)

    preferences = Preferences.objects.get(customer=zelda)
    assert preferences.do_not_contact
    assert (preferences.can_receive_offers, preferences.prefer_sms) == (False, False)
    assert preferences.preferred_categories == ["rye"]
    # What the person did change.
    assert preferences.best_contact_time == "evening"
    assert not preferences.can_receive_loyalty


def test_a_dialog_that_comes_back_still_knows_what_it_was_drawn_with(alice, zelda):
    page = alice.get(act_path(zelda, "preferences"))
    typed = drawn_data(page.context["form"]) | {"average_spend": "a lot"}
    services.update_preferences(zelda, actor=SYSTEM, do_not_contact=True)
    refused = do_act(alice, zelda, "preferences", **typed)
    assert "average_spend" in refused.context["form"].errors

    again = drawn_data(refused.context["form"]) | {"average_spend": "10"}
    do_act(alice, zelda, "preferences", **again)

    preferences = Preferences.objects.get(customer=zelda)
    assert (preferences.do_not_contact, preferences.average_spend) == (True, 10)


def test_a_dialog_carries_nothing_masked_and_leaves_it_after_a_reveal(support, zelda):
    services.update_preferences(zelda, actor=SYSTEM, preferred_payment="IBAN 7788")
    page = support.get(act_path(zelda, "preferences"))
    assert 'name="initial-do_not_contact"' in page.text
    assert 'name="initial-preferred_payment"' not in page.text
    enrol(support)
    url = reverse("admin:customers_customer_reveal", args=[zelda.pk])
    post_confirmed(support, url, {"reason": "call"})
    assert "IBAN 7788" in support.get(act_path(zelda, "preferences")).text

    typed = drawn_data(page.context["form"]) | {"best_contact_time": "evening"}
    do_act(support, zelda, "preferences", **typed)

    preferences = Preferences.objects.get(customer=zelda)
    assert preferences.preferred_payment == "IBAN 7788"
    assert preferences.best_contact_time == "evening"


# --- archive and restore ------------------------------------------------------------


def test_a_customer_is_archived_and_restored(support, zelda):
    do_act(support, zelda, "archive", reason="moved away")

    zelda.refresh_from_db()
    assert (zelda.is_archived, zelda.archive_reason) == (True, "moved away")
    assert "The customer is archived" in said(support)
    do_act(support, zelda, "restore", reason="came back")
    zelda.refresh_from_db()
    assert not zelda.is_archived
    assert "The customer is back" in said(support)


def test_a_customer_whose_address_is_taken_does_not_come_back(support, zelda):
    do_act(support, zelda, "archive", reason="moved away")
    somebody(zelda.business, email=zelda.email)

    page = do_act(support, zelda, "restore", reason="came back")

    assert "A customer here has this e-mail already." in page.text
    assert Customer.objects.get(pk=zelda.pk).is_archived


# --- export -------------------------------------------------------------------------


def download_of(client):
    return re.search(r'href="(/admin/[^"]+/file/[^"]+)"', said(client)).group(1)


def test_the_file_about_a_person_is_confirmed_and_downloaded_once(alice, zelda):
    typed = {"reason": "asked for it"}
    enrol(alice)
    asked = alice.post(act_path(zelda, "export"), typed)
    assert f"Export everything about {zelda.unique_id}" in asked.text
    assert "Then your browser saves the file" not in asked.text

    done = do_act(alice, zelda, "export", **typed)
    link = download_of(alice)
    file = alice.get(link)

    assert done.status_code == 302
    assert (
        file["Content-Disposition"] == f'attachment; filename="{zelda.unique_id}.json"'
    )
    content = json.loads(b"".join(file.streaming_content))
    assert content["customer"]["email"] == zelda.email
    grant = Grant.objects.get(used_at__isnull=False)
    for action in ("export.requested", "export.started", "export.finished"):
        assert (
            Event.objects.get(action=action, subject_id=zelda.pk).grant_id == grant.pk
        )
    assert "asked" not in link

    again = alice.get(link, follow=True)
    assert "That link worked once, for ten minutes." in again.text
    assert Event.objects.filter(action="export.started").count() == 1


def test_a_link_is_good_for_who_asked_for_it_alone(alice, charlie, support, zelda):
    do_act(alice, zelda, "export", reason="asked for it")
    link = download_of(alice)
    colleague = signed_in(staff(zelda.business))

    assert support.get(link).status_code == 403
    for client in (charlie, colleague):
        assert client.get(link).status_code == 404
    assert not Event.objects.filter(action="export.started").exists()
    forged = reverse("admin:customers_customer_file", args=[zelda.pk, "a:b:c"])
    assert alice.get(forged).status_code == 404


# --- pages that are elsewhere -------------------------------------------------------


@pytest.mark.parametrize(("name", "page"), [("edit", "change"), ("reveal", "reveal")])
def test_acts_with_a_page_elsewhere_lead_there(support, zelda, name, page):
    there = reverse(f"admin:customers_customer_{page}", args=[zelda.pk])

    answer = support.get(act_path(zelda, name))

    assert (answer.status_code, answer["Location"]) == (302, there)
