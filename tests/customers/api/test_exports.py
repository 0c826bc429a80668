"""Exports of documents 000 and 003, and `/api/v1/exports`: one service for all."""

from __future__ import annotations

import csv
import io

import pytest

from audit.models import Event
from customers import services
from tests.conftest import actor_of, signed_in, staff
from tests.customers.api.exporting import (
    confirmed,
    manifest_of,
    read,
    sha256,
)
from tests.customers.api.sending import post
from tests.factories import (
    ApiKeyFactory,
    BookingFactory,
    BusinessFactory,
    ConsentEventFactory,
    CustomerFactory,
    FlagFactory,
    MembershipFactory,
    NoteFactory,
    PreferencesFactory,
    SourceFactory,
)

FULL = "/api/customer-data/export"
LIST = "/api/admin/customers/export"
ANY = "/api/v1/exports"
FULL_BODY = {
    "format": "csv",
    "columns": ["unique_id", "name", "email"],
    "filters": {"status": "active"},
    "in_clear": True,
    "purpose": "audit",
    "reason": "year-end",
    "recipient": "Tax office",
}
LIST_BODY = {
    "search": "",
    "status": "active",
    "columns": [],
    "inClear": False,
    "purpose": "list",
    "reason": "for the phone round",
}
ANY_BODY = {"profile": "list", "format": "csv", "purpose": "x", "reason": "y"}


@pytest.fixture
def ana(bakery):
    return CustomerFactory(
        business=bakery,
        name="Ana Silva",
        email="ana.silva@example.org",
        phone="+351 912 000 421",
    )


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_full_export_is_a_file_with_a_manifest(alice, bakery, ana, slash):
    CustomerFactory(business=bakery, status="inactive")

    answer = confirmed(alice, FULL + slash, FULL_BODY)

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment; filename=")
    assert answer["Cache-Control"] == "no-store"
    data = b"".join(answer)
    assert data.decode("utf-8-sig").splitlines() == [
        '"unique_id","name","email"',
        f'"{ana.unique_id}","Ana Silva","ana.silva@example.org"',
    ]
    started = Event.objects.get(pk=answer["X-Export-Id"])
    assert (started.action, started.reason) == ("export.started", "year-end")
    assert started.grant_id is not None
    finished = manifest_of(answer)
    assert finished.business_id == bakery.pk
    about = Event.objects.get(action="customer.exported")
    assert (about.subject_id, about.reason) == (ana.pk, "year-end")
    assert about.object_id == str(started.pk)
    assert finished.data == {
        "export_id": str(started.pk),
        "profile": "full",
        "format": "csv",
        "filters": {"status": "active"},
        "columns": ["unique_id", "name", "email"],
        "in_clear": True,
        "purpose": "audit",
        "recipient": "Tax office",
        "rows": 1,
        "left_out": {},
        "sha256": sha256(data),
    }


def test_without_a_confirmation_nothing_is_read_or_written(alice, ana):
    answer = post(alice, FULL, FULL_BODY)

    assert answer.status_code == 401
    body = answer.json()
    assert body["code"] == "step_up_required"
    assert body["scope"] == "export"
    assert "insufficient_user_authentication" in answer["WWW-Authenticate"]
    assert not Event.objects.filter(action__startswith="export").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"columns": ["unique_id", "name", "phone"]},
        {"filters": {}},
        {"reason": "another"},
        {"recipient": "somebody else"},
        {"in_clear": False},
    ],
)
def test_a_confirmation_is_for_one_file(alice, ana, change):
    asked = post(alice, FULL, FULL_BODY).json()["digest"]

    assert post(alice, FULL, FULL_BODY | change).json()["digest"] != asked


def test_a_confirmation_is_used_up(alice, ana):
    read(confirmed(alice, FULL, FULL_BODY))

    assert post(alice, FULL, FULL_BODY).status_code == 401


def test_a_stream_that_breaks_off_leaves_its_beginning(alice, bakery, ana):
    answer = confirmed(alice, FULL, FULL_BODY)
    next(iter(answer))

    assert Event.objects.filter(pk=answer["X-Export-Id"]).exists()
    assert not Event.objects.filter(action="export.finished").exists()
    [known] = alice.get(ANY).json()["exports"]
    assert (known["status"], known["rows"], known["sha256"]) == ("started", None, None)


def test_without_columns_there_are_all(alice, bakery, ana):
    NoteFactory(customer=ana, content="Prefers rye.")
    FlagFactory(customer=ana)
    BookingFactory(
        customer=ana, status="completed", paid_amount="48.5", total_amount="48.5"
    )
    body = {k: v for k, v in FULL_BODY.items() if k != "columns"}

    [row] = read(confirmed(alice, FULL, body))

    assert row["id"] == row["customer_id"] == str(ana.pk)
    assert row["phone"] == "+351 912 000 421"
    assert row["admin_notes"] == "Prefers rye."
    assert row["admin_verified"] == "yes"
    assert (row["total_spent"], row["currency"]) == ("48.50", bakery.currency)
    # What the capture app adds is there, too.
    assert {"membership_tier", "questionnaire_data", "ip_address"} <= set(row)
    assert "password_hash" not in row


def test_the_list_is_masked_unless_in_clear(alice, bakery, ana):
    [masked] = read(confirmed(alice, LIST, LIST_BODY))
    [clear] = read(confirmed(alice, LIST, LIST_BODY | {"inClear": True}))

    assert masked["email"] == "a…@e….org"
    assert ana.phone not in masked.values()
    assert clear["email"] == ana.email
    assert clear["phone"] == ana.phone


def test_the_filters_of_the_list_hold(alice, bakery, ana):
    CustomerFactory(business=bakery, name="Berg")
    body = LIST_BODY | {"search": "berg"}

    [row] = read(confirmed(alice, LIST, body))

    assert row["name"] == "Berg"
    started = Event.objects.get(action="export.started")
    # What was searched for may be an address: it stands where it can be erased.
    assert started.query == "berg"
    assert "berg" not in str(started.data)


@pytest.mark.parametrize("text", ["=1+1", "@SUM(A1)", "-2", "\t=1", "+x"])
def test_no_cell_is_a_formula(alice, bakery, text):
    CustomerFactory(business=bakery, name=text)

    data = b"".join(confirmed(alice, FULL, FULL_BODY)).decode("utf-8-sig")

    assert f'"\'{text}"' in data


def test_an_unknown_column_is_refused_with_the_nearest(alice, ana):
    answer = post(alice, FULL, FULL_BODY | {"columns": ["emial"]})

    assert answer.status_code == 400
    [error] = answer.json()["errors"]
    assert error["code"] == "unknown_column"
    assert error["pointer"] == "/columns"
    assert "email" in error["detail"]
    assert "emial" not in answer.text


def test_a_column_in_camel_case_is_known(alice, ana):
    [row] = read(confirmed(alice, LIST, LIST_BODY | {"columns": ["uniqueId"]}))

    assert row == {"unique_id": ana.unique_id}


@pytest.mark.parametrize("missing", ["purpose", "reason"])
@pytest.mark.parametrize(("path", "body"), [(FULL, FULL_BODY), (LIST, LIST_BODY)])
def test_purpose_and_reason_are_needed(alice, path, body, missing):
    answer = post(alice, path, {k: v for k, v in body.items() if k != missing})

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == f"/{missing}"


@pytest.mark.parametrize("role", ["support", "marketing", "auditor"])
@pytest.mark.parametrize(
    ("path", "body"), [(FULL, FULL_BODY), (LIST, LIST_BODY), (ANY, ANY_BODY)]
)
def test_only_admins_export(bakery, role, path, body):
    answer = post(signed_in(staff(bakery, role)), path, body)

    assert answer.status_code == 403
    assert not Event.objects.filter(action="export.started").exists()


@pytest.mark.parametrize("path", [FULL, LIST, ANY])
def test_a_key_is_told_that_persons_export(client, bakery, path):
    source = SourceFactory(business=bakery)
    key = ApiKeyFactory(source=source, scopes=["export", "read:customers"])

    answer = post(client, path, {}, Authorization=f"Bearer {key.prefix}")

    assert answer.status_code == 403
    assert answer.json()["code"] == "keys_cannot_export"
    assert "Persons export" in answer.json()["message"]


def test_a_stranger_is_401(client, bakery):
    assert post(client, FULL, FULL_BODY).status_code == 401


def test_another_businesss_customers_are_in_no_file(alice, ana, rival):
    CustomerFactory(business=rival, name="Rival's")

    rows = read(confirmed(alice, FULL, FULL_BODY))

    assert [row["name"] for row in rows] == ["Ana Silva"]
    answer = post(alice, FULL, FULL_BODY, **{"X-Business": "rival"})
    assert answer.status_code == 404


def test_who_works_for_two_names_one_and_gets_its_rows_alone(bakery, rival, ana):
    user = staff(bakery)
    MembershipFactory(user=user, business=rival, role="admin")
    CustomerFactory(business=rival, name="Rival's")
    browser = signed_in(user)

    assert post(browser, FULL, FULL_BODY).json()["code"] == "business_needed"
    [row] = read(confirmed(browser, FULL, FULL_BODY, **{"X-Business": "rival"}))
    assert row["name"] == "Rival's"


def test_no_right_crosses_over(bakery, rival, ana):
    """An admin elsewhere who is marketing here exports nothing here."""
    user = staff(rival)
    MembershipFactory(user=user, business=bakery, role="marketing")

    answer = post(signed_in(user), FULL, FULL_BODY, **{"X-Business": "bakery"})

    assert answer.status_code == 404


def test_archived_people_are_left_out_unless_asked_for(alice, bakery, ana, actor):
    services.archive_customer(ana, actor=actor, reason="moved")

    assert read(confirmed(alice, LIST, LIST_BODY | {"status": ""})) == []
    [row] = read(confirmed(alice, LIST, LIST_BODY | {"status": "archived"}))
    assert row["status"] == "archived"


def test_the_canonical_path_takes_every_profile(alice, bakery, ana):
    for profile, columns in (("full", 40), ("list", 20)):
        body = ANY_BODY | {"profile": profile}
        answer = confirmed(alice, ANY, body)
        [row] = read(answer)
        assert len(row) >= columns
        assert manifest_of(answer).data["profile"] == profile
    answer = confirmed(alice, ANY, ANY_BODY | {"profile": "marketing"})
    assert read(answer) == []
    assert answer["X-Export-Left-Out"] == "none=1"


def test_a_rule_filters_and_its_mistakes_are_pointed_at(alice, bakery, ana):
    vip = CustomerFactory(business=bakery, customer_type="vip")
    rule = {"field": "customer_type", "op": "eq", "value": "vip"}
    body = ANY_BODY | {"filters": {"rule": {"all": [rule]}}}

    [row] = read(confirmed(alice, ANY, body))
    wrong = ANY_BODY | {"filters": {"rule": {"all": [rule | {"op": "like"}]}}}

    assert row["id"] == str(vip.pk)
    assert Event.objects.get(action="export.finished").data["filters"] == {
        "rule": {"all": [rule]}
    }
    [error] = post(alice, ANY, wrong).json()["errors"]
    assert error["pointer"] == "/filters/rule/all/0/op"


def test_exports_are_listed_with_their_manifests(alice, bakery, ana):
    answer = confirmed(alice, FULL, FULL_BODY)
    data = b"".join(answer)

    body = alice.get(ANY).json()

    [known] = body["exports"]
    assert known["id"] == answer["X-Export-Id"]
    assert known["exported_by"] == {"id": str(alice.user.pk), "name": "alice"}
    assert known["sha256"] == sha256(data)
    assert (known["profile"], known["rows"]) == ("full", 1)
    assert known["filters"] == {"status": "active"}
    assert known["reason"] == "year-end"
    assert body["pagination"]["total"] == 1


@pytest.mark.parametrize(
    ("role", "seen"), [("admin", 1), ("auditor", 1), ("marketing", 0), ("support", 403)]
)
def test_who_sees_what_was_exported(alice, bakery, ana, role, seen):
    read(confirmed(alice, FULL, FULL_BODY))

    answer = signed_in(staff(bakery, role)).get(ANY)

    if seen == 403:
        assert answer.status_code == 403
    else:
        assert len(answer.json()["exports"]) == seen


def test_another_businesss_exports_are_not_listed(alice, ana, charlie):
    read(confirmed(alice, FULL, FULL_BODY))

    assert charlie.get(ANY).json()["exports"] == []


def test_listing_exports_takes_as_many_queries_for_many(alice, ana, assert_flat):
    def grow() -> None:
        for number in range(5):
            body = FULL_BODY | {"reason": f"again {number}"}
            read(confirmed(alice, FULL, body))

    grow()
    assert_flat(call=lambda: alice.get(ANY), grow=grow)


def test_the_queries_of_a_batch_do_not_grow_with_it(alice, bakery, assert_flat):
    actor = actor_of(alice.user)
    facts = {"purpose": "x", "reason": "y", "unmasked": True}

    def call() -> None:
        plan = services.plan_export(bakery, actor=actor, profile="full", **facts)
        b"".join(services.start_export(plan, actor=actor))

    CustomerFactory.create_batch(2, business=bakery)
    assert_flat(
        call=call, grow=lambda: CustomerFactory.create_batch(20, business=bakery)
    )


def test_a_file_of_several_batches_has_everybody_once(alice, bakery, monkeypatch):
    monkeypatch.setattr("customers.services.exports.exporting._BATCH", 3)
    made = {str(c.pk) for c in CustomerFactory.create_batch(10, business=bakery)}

    rows = read(confirmed(alice, FULL, FULL_BODY | {"columns": ["id"]}))

    assert len(rows) == 10
    assert {row["id"] for row in rows} == made


def test_a_wrong_method_names_the_right_one(alice):
    answer = alice.get(FULL)

    assert answer.status_code == 405
    assert "POST" in answer["Allow"]


def test_a_business_without_customers_has_a_file_of_one_line(owner):
    business = BusinessFactory(slug="new")

    answer = confirmed(owner, FULL, FULL_BODY, **{"X-Business": business.slug})

    assert read(answer) == []
    assert manifest_of(answer).data["rows"] == 0


def test_a_client_may_ask_for_csv(alice, ana):
    assert read(confirmed(alice, FULL, FULL_BODY, Accept="text/csv"))


# --- what somebody does not want ----------------------------------------------------

_WANTED = {
    "do_not_contact": True,
    "prefer_email": False,
    "prefer_sms": True,
    "can_receive_offers": False,
}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (FULL, {**FULL_BODY, "columns": []}),
        (LIST, LIST_BODY),
        (ANY, ANY_BODY),
        (ANY, {**ANY_BODY, "profile": "full"}),
    ],
    ids=["000", "003", "list", "full"],
)
def test_data_leaves_with_its_restrictions(alice, bakery, ana, path, body):
    PreferencesFactory(customer=ana, **_WANTED)
    ConsentEventFactory(customer=ana, channel="email", action="withdrawn")
    ConsentEventFactory(customer=ana, channel="sms", action="given")

    answer = confirmed(alice, path, body)

    text = b"".join(answer).decode("utf-8-sig")
    [row] = csv.DictReader(io.StringIO(text, newline=""))
    assert {name: row[name] for name in _WANTED} == {
        name: "yes" if value else "no" for name, value in _WANTED.items()
    }
    said = {c: row[f"marketing_consent_{c}"] for c in ("email", "sms", "call")}
    assert said == {"email": "withdrawn", "sms": "given", "call": ""}
