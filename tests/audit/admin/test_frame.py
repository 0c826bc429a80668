"""What the frame of every page says: where one is, who one is, what is confirmed."""

from __future__ import annotations

import re

import pytest
from django.conf import settings as configured
from django.test import Client

from tests.conftest import confirm, signed_in, staff


def test_the_menu_has_what_is_one_s_own(bakery):
    user = staff(bakery, username="ada", first_name="Ada", last_name="Lovelace")
    text = signed_in(user).get("/admin/").text

    assert 'aria-label="ada, your account">AL</summary>' in text
    assert "Signed in as <b>Ada</b>" in text
    for path in ("account/", "account/keys/", "password_change/"):
        assert f'href="/admin/{path}"' in text
    assert 'id="logout-form" method="post" action="/admin/logout/"' in text
    assert "theme-toggle" in text


def test_every_page_says_what_the_installation_is_for(alice, settings):
    settings.ENVIRONMENT = "staging <1>"
    for path in ("/admin/", "/admin/customers/customer/", "/admin/account/pin/"):
        assert "Staging &lt;1&gt;</span>" in alice.get(path).text

    settings.ENVIRONMENT = ""
    assert "Environment:" not in alice.get("/admin/").text


def test_a_confirmation_is_ended_from_the_head_of_a_page(alice):
    assert "Step-up confirmed" not in alice.get("/admin/").text
    confirm(alice, "manage_keys")
    text = alice.get("/admin/").text
    assert "Step-up confirmed, 5 min left" in text
    form = 'method="post" action="/admin/step-up/end/"'
    assert text.count(form) == 1
    # For phones, where the head has no room for it.
    assert alice.get("/admin/account/").text.count(form) == 2

    alice.post("/admin/step-up/end/")

    assert "Step-up confirmed" not in alice.get("/admin/").text


def test_the_sign_in_page_knows_nobody(db):
    text = Client().get("/admin/login/").text

    for part in ("user-tools", "business-switch", "<dialog", "Step-up"):
        assert part not in text


def test_the_way_to_a_page_begins_where_the_menu_does(alice):
    page = alice.get("/admin/search/", headers={"accept-language": "de"}).text

    way = page[page.index('class="crumbs"') :]
    assert '<li><a href="/admin/">Start</a></li>' in way


TEMPLATES = configured.BASE_DIR / "templates"
ROWS = [
    pytest.param(table, id=f"{path.relative_to(TEMPLATES)}-{number}")
    for path in sorted(TEMPLATES.rglob("*.html"))
    for number, table in enumerate(
        re.findall(r'<table class="rows.*?</table>', path.read_text(), re.DOTALL)
    )
]


@pytest.mark.parametrize("table", ROWS)
def test_cells_that_are_drawn_as_cards_on_phones_name_their_column(table):
    body = re.sub(r"<tfoot.*?</tfoot>", "", table, flags=re.DOTALL)

    assert len(re.findall(r"<td\b", body)) == body.count(" data-l=") > 0
