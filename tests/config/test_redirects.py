"""Nobody is sent anywhere but to a page of ours."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.test import Client

from tests.factories import CustomerFactory, UserFactory
from tests.factories.audit import PASSWORD, PIN

ROOT = Path(__file__).resolve().parents[2]
ELSEWHERE = (
    "//evil.example",
    "///evil.example",
    "\\\\evil.example",
    "/\\evil.example",
    "https://evil.example/",
    "https:evil.example",
    "http:///evil.example",
    "javascript:alert(1)",
    "data:text/html,x",
    " //evil.example",
    "\t//evil.example",
    "https://testserver@evil.example",
    "https://testserver.evil.example",
)
CREDENTIALS = {"username": "ann", "password": "a-long-password"}


@pytest.mark.parametrize("target", ELSEWHERE)
def test_signing_in_leads_to_a_page_of_ours(db, target):
    UserFactory(**CREDENTIALS, is_superuser=True)

    response = Client().post("/admin/login/", {**CREDENTIALS, "next": target})
    by_query = Client().post(f"/admin/login/?next={target}", CREDENTIALS)

    for answer in (response, by_query):
        assert "evil" not in answer.get("Location", "")
        assert not answer.get("Location", "/").startswith(("javascript", "data", "//"))


@pytest.mark.parametrize("target", ELSEWHERE)
def test_no_form_leads_elsewhere(owner, target):
    customer = CustomerFactory()
    path = f"/admin/customers/customer/{customer.pk}"
    forged = f"_changelist_filters={target}&_popup=1&next={target}"

    for response in (
        owner.get(f"{path}/?{forged}"),
        owner.get(f"/admin/logout/?next={target}"),
        owner.post("/admin/logout/", {"next": target}),
    ):
        assert "evil" not in response.get("Location", "")
        assert f'href="{target}' not in response.content.decode()


@pytest.mark.parametrize("target", [*ELSEWHERE, "/healthz", "/admin"])
def test_a_new_pin_leads_to_a_page_of_the_admin(owner, target):
    password = {"password": PASSWORD, "pin": PIN, "again": PIN}

    done = owner.post(f"/admin/account/pin/?{urlencode({'next': target})}", password)

    assert done["Location"] == "/admin/account/pin/"


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "//x/.."])
def test_a_missing_slash_leads_to_a_path_of_ours(owner, target):
    response = owner.get(f"{target}/admin")

    assert not response.get("Location", "/x").startswith(("//", "/\\"))


@pytest.mark.parametrize("target", ["//evil.example", "/\\evil.example", "//x/.."])
@pytest.mark.parametrize("page", ["search/", "customers/customer/"])
def test_a_search_leads_to_a_path_of_ours(owner, target, page):
    responses = (
        owner.get(f"{target}/admin/{page}?q=ann"),
        owner.post(f"{target}/admin/{page}", {"q": "ann"}),
        owner.get(f"/admin/{page}?q={target}&s={target}"),
    )

    for response in responses:
        assert not response.get("Location", "/x").startswith(("//", "/\\", "http"))
        assert "evil" not in response.get("Location", "")


# The third is Django's own check of `next`; `get_full_path` escapes a second slash. The
# host of LOCAL_ORIGIN is a setting; `page_url` reverses the name of an admin page, and
# the address of a match is such a one. `searched_url` keeps the path.
NAMED = (
    "reverse(",
    '"admin:',
    "self.get_success_url(",
    'f"{reverse(',
    "request.get_full_path(",
    "settings.LOCAL_ORIGIN + request.get_full_path(",
    "self.page_url(",
    "self.person_url(",
    "only.url",
    "searched_url(",
)


def test_our_own_code_redirects_to_named_pages_only():
    """A target that a request brings has to pass Django's check first."""
    call = re.compile(r"\b(?:HttpResponse\w*Redirect|redirect)\(\s*([^)]*)")
    wrong = []
    for folder in ("audit", "customers", "capture", "config"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            wrong += [
                f"{path.relative_to(ROOT)}: {target}"
                for target in call.findall(text)
                if not target.startswith(NAMED)
                and "url_has_allowed_host_and_scheme" not in text
            ]

    assert wrong == []
