"""The form of a business: its settings are inputs, and nobody's JSON is lost."""

from __future__ import annotations

import pytest

from audit.tenancy.actors import Actor
from customers import services
from customers.models import Business
from tests.conftest import form_data, post_confirmed, signed_in, staff

SETTINGS = {
    "consent_wordings": {"2024-01": False, "2025-01": True, "2026-01": True},
    "mappings": {"plan": {"Pro": "professional"}},
    "invoice": {"seller_lines": ["Main street 1", "1010 Vienna"], "footer": "Thanks"},
    "loyalty": True,
}

SYSTEM = Actor.system("test")


@pytest.fixture
def path(bakery):
    bakery.settings = SETTINGS
    bakery.save()
    return f"/admin/customers/business/{bakery.pk}/change/"


def save(client, path, **typed):
    response = post_confirmed(client, path, form_data(client, path) | typed)
    assert response.status_code == 302, response.context["errors"]


def test_each_setting_has_an_input_that_holds_what_is_stored(alice, path):
    form = alice.get(path).context["adminform"].form

    assert form["valid_wordings"].value() == "2025-01\n2026-01"
    assert form["seller_lines"].value() == "Main street 1\n1010 Vienna"
    assert form["invoice_language"].value() is None
    assert form["requires_verified_email"].value() is False


def test_what_was_not_changed_stays_as_it_was(alice, bakery, path):
    save(alice, path, name="Bakery & Sons")

    bakery.refresh_from_db()
    assert (bakery.name, bakery.settings) == ("Bakery & Sons", SETTINGS)


def test_what_is_typed_stands_beside_what_programs_set(alice, bakery, path):
    save(
        alice,
        path,
        valid_wordings="2026-01\r\n2026-11\r\n2024-01",
        requires_verified_email="on",
        seller_lines="New street 2\r\n\r\n  1020 Vienna ",
        invoice_language="de",
    )

    bakery.refresh_from_db()
    assert bakery.settings == {
        "consent_wordings": {
            "2024-01": True,
            "2025-01": False,
            "2026-01": True,
            "2026-11": True,
        },
        "mappings": SETTINGS["mappings"],
        "invoice": {
            "seller_lines": ["New street 2", "1020 Vienna"],
            "footer": "Thanks",
            "language": "de",
        },
        "loyalty": True,
        "require_verified_email": True,
    }
    assert bakery.valid_wordings == ["2024-01", "2026-01", "2026-11"]


def test_a_version_that_no_consent_can_hold_is_refused(alice, bakery, path):
    typed = form_data(alice, path) | {"valid_wordings": "2026-01\n" + "x" * 51}
    page = post_confirmed(alice, path, typed)

    assert "Line 2: A version of the wording has at most 50 characters." in page.text
    bakery.refresh_from_db()
    assert bakery.settings == SETTINGS


def test_settings_of_another_form_come_back_as_they_were(alice, bakery, path):
    odd = {"invoice": {"seller_lines": "one text", "language": 7}, "mappings": {}}
    bakery.settings = odd
    bakery.save()

    save(alice, path, name="Bakery & Sons", invoice_language="")

    bakery.refresh_from_db()
    assert (bakery.name, bakery.settings["mappings"]) == ("Bakery & Sons", {})
    assert bakery.settings["invoice"]["seller_lines"] == "one text"


def test_who_may_not_change_them_reads_them(bakery, path):
    page = signed_in(staff(bakery, "support")).get(path).text

    for words in ("2025-01, 2026-01", "Main street 1, 1010 Vienna", "That of the plat"):
        assert words in page
    assert "<textarea" not in page
    assert "loyalty" in page


def test_a_new_business_has_a_refund_limit(actor):
    assert services.create_business("shop", actor=actor).refund_limit == 100


def test_who_opens_one_without_is_warned(alice, bakery, path):
    assert "There is no refund limit" in alice.get(path).text

    save(alice, path, refund_limit="50")

    assert "There is no refund limit" not in alice.get(path, follow=True).text


def test_settings_from_before_a_rule_keep_nobody_from_saving(alice, bakery, path):
    long = "x" * 60
    for old in (
        {"consent_wordings": {long: True}, "invoice": {"language": "fr"}},
        {"consent_wordings": []},
    ):
        Business.objects.as_actor(SYSTEM).filter(pk=bakery.pk).update(settings=old)
        response = post_confirmed(alice, path, form_data(alice, path, name="Sons"))
        bakery.refresh_from_db()
        if old["consent_wordings"]:
            assert (response.status_code, bakery.name) == (302, "Sons")
            assert bakery.settings == old
        else:
            assert "consent_wordings and mappings in it are objects" in response.text


def test_a_zone_that_the_machine_lost_closes_no_page(alice, bakery, path):
    rows = Business.objects.as_actor(SYSTEM).filter(pk=bakery.pk)
    rows.update(timezone="Atlantis/Old")

    assert "Times in UTC" in alice.get("/admin/").text
    refused = post_confirmed(alice, path, form_data(alice, path, timezone="Old/Town"))
    assert "This is not a time zone" in refused.text
    save(alice, path, timezone="Europe/Oslo")
    assert "Times in Europe/Oslo" in alice.get(path).text
