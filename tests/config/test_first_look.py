"""What somebody sees who opens the bare address, and where the admin links to."""

from __future__ import annotations

import re

from django.test import Client

from tests.conftest import signed_in
from tests.factories import UserFactory


def test_the_bare_address_leads_to_the_admin(db):
    response = Client().get("/")

    assert (response.status_code, response["Location"]) == (302, "/admin/")


def test_the_icon_that_browsers_ask_for_is_there(db):
    response = Client().get("/favicon.ico")

    assert response.status_code == 302
    assert response["Location"] == "/static/hub/img/favicon.svg"


def test_pages_name_their_icon(db):
    page = Client().get("/admin/login/").content.decode()

    assert '<link rel="icon" href="/static/hub/img/favicon.svg"' in page


def test_view_site_leads_to_the_site_or_is_not_there(db, settings):
    owner = Client()
    owner.force_login(UserFactory(is_superuser=True))

    settings.SITE_URL = "https://www.example.com/"
    page = owner.get("/admin/").text
    assert re.search(r'href="https://www.example.com/">.*View site</a>', page)
    settings.SITE_URL = ""
    assert "View site" not in owner.get("/admin/").text


def test_whoever_has_no_role_is_told_whom_to_ask(db):
    browser = signed_in(UserFactory())

    assert "You have no role in a business" in browser.get("/admin/").text
