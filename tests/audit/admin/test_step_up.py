"""A page that asks for a PIN: before it nothing is done, with it the act as it was."""

from __future__ import annotations

import base64
import logging
import re
from typing import Any
from urllib.parse import quote_plus

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from audit import accounts
from audit.accounts.grants import list_grants
from audit.admin import step_up as edge
from audit.models import Event, Grant, PinCredential, User
from audit.tenancy.actors import OperationContext
from tests.audit.admin.test_user import form_of
from tests.conftest import confirm, enrol, post_confirmed, signed_in, staff
from tests.factories import (
    ApiKeyFactory,
    CustomerFactory,
    PinCredentialFactory,
    UserFactory,
)
from tests.factories.audit import PIN

WRONG = "518364"


@pytest.fixture
def key(bakery):
    return ApiKeyFactory(source__business=bakery)


@pytest.fixture
def rotate(key):
    return reverse("admin:capture_apikey_rotate", args=[key.pk])


def answer(client: Client, page: Any, code: str = PIN, **changes: str) -> Any:
    """Send the code to the page that asks for it."""
    fields = {"step_up_request": page.context["carried"], "step_up_code": code}
    return client.post(page.request["PATH_INFO"], fields | changes)


def hidden_fields(page: Any) -> list[str]:
    return re.findall(r'<input type="hidden" name="([^"]+)"', page.text)


# --- asking ---------------------------------------------------------------------


def test_a_dangerous_act_asks_first_and_runs_with_the_right_code(alice, key, rotate):
    enrol(alice)

    page = alice.post(rotate)
    assert page.status_code == 200
    assert "This will happen: <strong>Rotate" in page.text
    assert 'autocomplete="one-time-code"' in page.text
    assert "no-store" in page["Cache-Control"]
    key.refresh_from_db()
    assert key.expires_at is None

    done = answer(alice, page)
    assert done.status_code == 302
    key.refresh_from_db()
    assert key.expires_at is not None


def test_the_events_of_the_act_name_the_grant(alice, rotate):
    post_confirmed(alice, rotate, {})

    grant = Grant.objects.get()
    named = Event.objects.filter(grant_id=grant.pk).values_list("action", flat=True)
    assert {"step_up.confirmed", "apikey.created", "apikey.changed"} <= set(named)
    assert not Event.objects.filter(action="apikey.changed", grant_id=None).exists()


def test_a_wrong_code_does_nothing_and_says_what_is_left(alice, key, rotate):
    enrol(alice)
    page = alice.post(rotate)
    for left in ("4 tries", "3 tries", "2 tries", "one try"):
        page = answer(alice, page, WRONG)
        assert f"You have {left} left" in page.text
    page = answer(alice, page, WRONG)

    assert "locked until" in page.text
    assert 'name="step_up_code"' not in page.text
    assert "locked until" in answer(alice, page).text
    key.refresh_from_db()
    assert key.expires_at is None


def test_somebody_without_a_pin_is_led_to_it(alice, rotate):
    page = alice.post(rotate)

    assert f"{reverse('admin:account_pin')}?next={quote_plus(rotate)}" in page.text
    assert 'name="step_up_code"' not in page.text


def test_from_level_two_keys_need_an_authenticator(alice, rotate, settings):
    settings.ASSURANCE_LEVEL = 2
    enrol(alice)

    page = alice.post(rotate)

    assert "code of your authenticator" in page.text
    assert 'name="step_up_code"' not in page.text


def test_within_its_minutes_it_asks_once(alice, bakery):
    confirm(alice, "manage_keys")
    for _ in range(2):
        row = ApiKeyFactory(source__business=bakery)
        path = reverse("admin:capture_apikey_rotate", args=[row.pk])
        assert alice.post(path).status_code == 302


def test_who_may_not_is_told_so_and_not_asked(bob, charlie, rotate):
    for client, status in ((bob, 403), (charlie, 404)):
        enrol(client)
        assert client.post(rotate).status_code == status


# --- what is carried along --------------------------------------------------------


def test_the_form_arrives_as_it_was_sent(alice, bakery):
    add = reverse("admin:capture_source_add")
    data = {
        "business": str(bakery.pk),
        "name": 'Shop "<&>" ö',
        "slug": "shop",
        "event_types": "Plan bought = payment",
        "is_active": "on",
    }
    done = post_confirmed(alice, add, data)

    assert done.status_code == 302
    row = alice.get(reverse("admin:capture_source_changelist")).context["cl"]
    assert [r.name for r in row.result_list] == ['Shop "<&>" ö']


def test_secrets_that_were_sent_are_not_in_the_page(owner):
    enrol(owner)
    data = {
        "username": "new",
        "email": "new@example.org",
        "password1": "a very long secret 77",
        "password2": "a very long secret 77",
    }
    page = owner.post(reverse("admin:audit_user_add"), data)

    assert "a very long secret" not in page.text
    assert hidden_fields(page).count("csrfmiddlewaretoken") >= 1
    assert set(hidden_fields(page)) == {"csrfmiddlewaretoken", "step_up_request"}
    assert answer(owner, page).status_code == 302
    assert User.objects.get(username="new").check_password("a very long secret 77")


def test_with_csrf_enforced_it_works_and_without_the_token_it_does_not(bakery, rotate):
    user = staff(bakery, username="dora")
    PinCredentialFactory(user=user)
    client = Client(enforce_csrf_checks=True)
    client.force_login(user)

    def token(page: Any) -> str:
        found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert found
        return found[1]

    page = client.post(rotate, {"csrfmiddlewaretoken": token(client.get(rotate))})
    assert answer(client, page).status_code == 403
    done = answer(client, page, csrfmiddlewaretoken=token(page))
    assert done.status_code == 302


def test_a_forged_or_foreign_request_does_nothing(alice, bakery, key, rotate):
    enrol(alice)
    page = alice.post(rotate)
    carried = page.context["carried"]
    mark, _, box = carried.rpartition(":")
    flipped = bytearray(base64.b64decode(box, validate=True))
    flipped[-1] ^= 1
    elsewhere = reverse("admin:capture_apikey_revoke", args=[key.pk])
    dora = signed_in(staff(bakery, username="dora"))
    enrol(dora)

    for client, path, text in (
        (alice, rotate, f"{mark}:{base64.b64encode(flipped).decode()}"),
        (alice, rotate, ""),
        (alice, rotate, "not base64 ö"),
        (alice, elsewhere, carried),
        (dora, rotate, carried),
    ):
        fields = {"step_up_request": text, "step_up_code": PIN}
        response = client.post(path, fields)
        assert (response.status_code, response["Location"]) == (302, path)

    key.refresh_from_db()
    assert key.is_valid
    assert key.expires_at is None
    assert not Grant.objects.exists()
    assert set(PinCredential.objects.values_list("failed", flat=True)) == {0}


def test_a_page_left_open_too_long_does_nothing(alice, key, rotate, monkeypatch):
    enrol(alice)
    monkeypatch.setattr(edge, "_PATIENCE", -1)
    page = alice.post(rotate)

    response = answer(alice, page)

    assert response.status_code == 302
    assert not Grant.objects.exists()


def test_a_code_without_its_page_is_nothing(alice, key, rotate):
    enrol(alice)

    page = alice.post(rotate, {"step_up_code": PIN})

    assert "This will happen" in page.text
    assert not Grant.objects.exists()


# --- the act is another transaction ----------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_an_act_that_fails_undoes_neither_try_nor_success(bakery, key, monkeypatch):
    from capture.admin.keys import ApiKeyAdmin  # noqa: PLC0415 - a page to break

    user = staff(bakery, username="dora")
    client = signed_in(user)
    client.raise_request_exception = False
    enrol(client)
    change = reverse("admin:capture_apikey_change", args=[key.pk])

    def fail(*_: Any) -> None:
        raise LookupError

    monkeypatch.setattr(ApiKeyAdmin, "save_model", fail)
    form = {"scopes": ["write"], "origins": "", "networks": ""}
    page = client.post(change, form)
    wrong = answer(client, page, WRONG)
    assert PinCredential.objects.get().failed == 1
    assert answer(client, wrong).status_code == 500

    assert PinCredential.objects.get().failed == 0
    assert Grant.objects.count() == 1
    actions = list(Event.objects.values_list("action", flat=True))
    assert "step_up.failed" in actions
    assert "step_up.confirmed" in actions


def test_deep_inside_a_transaction_it_still_asks_first(owner):
    """`add_view` of accounts runs in a transaction; the code is looked at before."""
    data = {
        "username": "new",
        "email": "new@example.org",
        "password1": "a very long secret 77",
        "password2": "a very long secret 77",
    }
    add = reverse("admin:audit_user_add")
    enrol(owner)
    assert "carried" in owner.post(add, data).context
    assert not User.objects.filter(username="new").exists()

    assert post_confirmed(owner, add, data).status_code == 302
    assert User.objects.filter(username="new").exists()


# --- the session ------------------------------------------------------------------


def test_the_session_key_changes_and_what_is_confirmed_stays(alice, bakery, rotate):
    reveal = confirm(alice, "reveal")
    old = alice.session.session_key
    post_confirmed(alice, rotate, {})

    new = alice.session.session_key
    assert new != old
    user = alice.user
    live = list_grants(user, binding=accounts.session_binding(new))
    assert {grant.scope for grant in live} == {"reveal", "manage_keys"}
    assert reveal.pk in {grant.pk for grant in live}
    assert not list_grants(user, binding=accounts.session_binding(old))


def test_another_session_of_the_person_is_not_confirmed(alice, rotate):
    confirm(alice, "manage_keys")
    other = signed_in(alice.user)

    assert "This will happen" in other.post(rotate).text


def test_pages_say_how_long_it_lasts_and_end_it(alice, rotate):
    assert "Step-up confirmed" not in alice.get("/admin/").text
    confirm(alice, "manage_keys")

    assert "Step-up confirmed, 5 min left" in alice.get("/admin/").text
    assert alice.get(reverse("admin:step_up_end")).status_code == 405
    alice.post(reverse("admin:step_up_end"))

    assert "Step-up confirmed" not in alice.get("/admin/").text
    assert "This will happen" in alice.post(rotate).text


def test_pages_tell_of_wrong_codes_and_locks(alice, rotate):
    enrol(alice)
    page = alice.post(rotate)
    answer(alice, page, WRONG)
    assert "1 wrong code since your last right one" in alice.get("/admin/").text
    for _ in range(4):
        answer(alice, page, WRONG)

    assert "Step-up is locked until" in alice.get("/admin/").text
    PinCredential.objects.update(disabled_at="2026-01-01T00:00Z")
    assert "Step-up is off" in alice.get("/admin/").text


def test_a_mark_costs_the_same_for_any_number_of_grants(alice, assert_flat):
    confirm(alice, "reveal")

    assert_flat(
        call=lambda: alice.get("/admin/"),
        grow=lambda: [confirm(alice, "manage_keys") for _ in range(3)],
    )


# --- nothing is left behind --------------------------------------------------------


def test_no_code_reaches_pages_logs_or_events(alice, rotate, caplog):
    enrol(alice)
    with caplog.at_level(logging.DEBUG):
        page = alice.post(rotate)
        wrong = answer(alice, page, WRONG)
        done = answer(alice, wrong)
        home = alice.get("/admin/")

    texts = [page.text, wrong.text, done.text, home.text, caplog.text]
    texts += [str(row) for row in Event.objects.values()]
    texts += [str(dict(alice.session))]
    for text in texts:
        assert PIN not in text
        assert WRONG not in text


@pytest.mark.parametrize("debug", [True, False])
def test_no_code_reaches_an_error_page_or_report(
    request, rotate, settings, monkeypatch, debug
):
    from capture.admin.keys import ApiKeyAdmin  # noqa: PLC0415 - a page to break

    def fail(self: Any, request: Any, *_: Any) -> str:
        seen.append(request.POST.dict())
        raise LookupError

    alice = request.getfixturevalue("alice")
    seen: list[dict[str, str]] = []
    settings.DEBUG = debug
    settings.ADMINS = [("Ops", "ops@example.org")]
    monkeypatch.setattr(ApiKeyAdmin, "rotate", fail)
    enrol(alice)
    alice.raise_request_exception = False
    page = alice.post(rotate, {"harmless": "kept"})
    response = answer(alice, page)

    assert response.status_code == 500
    assert seen == [{"harmless": "kept"}]
    reports = response.text + "".join(str(sent.message()) for sent in mail.outbox)
    assert PIN not in reports


# --- pages that are only opened -----------------------------------------------------


def test_a_page_that_is_opened_comes_back_to_itself(alice, rf):
    from config.admin import HoldfastAdminSite  # noqa: PLC0415 - a page of its own

    enrol(alice)
    site = HoldfastAdminSite()
    request = rf.get("/admin/secret/?q=1")
    shown = site.admin_view(
        lambda req: edge.require_step_up(req, "reveal", what="Show it") and _ok()
    )

    def prepare(made: Any) -> Any:
        made.user, made.session = alice.user, session
        made.operation = _operation()
        made._dont_enforce_csrf_checks = True
        return made

    session = alice.session
    asked = shown(prepare(request)).render()
    sealed = re.search(r'name="step_up_request" value="([^"]+)"', asked.text)
    fields = {"step_up_request": sealed[1], "step_up_code": PIN}
    back = shown(prepare(rf.post("/admin/secret/?q=1", fields)))

    assert (back.status_code, back["Location"]) == (302, "/admin/secret/?q=1")
    assert shown(prepare(rf.get("/admin/secret/?q=1"))).content == b"shown"


def _ok() -> Any:

    return HttpResponse("shown")


def _operation() -> Any:

    return OperationContext(via="admin", route="/test", ip="192.0.2.9")


def test_a_file_cannot_be_kept_while_asking(alice, rf):

    enrol(alice)
    file = SimpleUploadedFile("list.csv", b"x")
    request = rf.post("/admin/upload/", {"name": "kept?", "file": file})
    request.user, request.session = alice.user, alice.session
    request.operation = _operation()

    def load(req: Any) -> Any:
        return edge.require_step_up(req, "manage_keys", what="Load a file")

    asked = edge.guarded(load)(request).render()

    assert "The file you sent cannot be kept" in asked.text


def test_a_confirmation_in_another_tab_loses_no_form(owner, bakery):
    ann = UserFactory(username="ann9")
    enrol(owner)
    url = reverse("admin:audit_user_change", args=[ann.pk])
    waiting = owner.post(url, form_of(ann, first_name="X", is_superuser=None))
    row = CustomerFactory(business=bakery)
    reveal = f"/admin/customers/customer/{row.pk}/reveal/"

    post_confirmed(owner, reveal, {"reason": "another tab"})
    assert answer(owner, waiting).status_code == 302

    ann.refresh_from_db()
    assert ann.first_name == "X"
