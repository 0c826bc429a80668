"""Customers who are blocked, archived or erased, and what may still be done."""

from __future__ import annotations

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from customers import services
from customers.choices import CustomerStatus
from customers.models import Address, Customer, Note
from tests.conftest import confirm, signed_in, staff
from tests.customers.api.sending import send
from tests.factories import AddressFactory, CustomerFactory, NoteFactory

V1 = "/api/v1/customers"


class TestBlocked:
    @pytest.fixture
    def path(self, bakery) -> str:
        self.row = CustomerFactory(business=bakery, status=CustomerStatus.BLOCKED)
        return f"/api/customers/bakery/{self.row.pk}"

    def test_somebody_blocked_stays_so_when_written_back(self, alice, path):
        for _ in range(2):
            assert send(alice, "PUT", path, alice.get(path).json()).status_code == 200

        self.row.refresh_from_db()
        assert self.row.status == CustomerStatus.BLOCKED

    def test_nobody_is_unblocked_by_being_called_active(self, alice, path):
        answer = send(alice, "PATCH", path, {"is_active": True})

        assert (answer.status_code, answer.json()["code"]) == (400, "blocked")
        assert "status" in answer.json()["message"]

    def test_a_block_written_meanwhile_stays(self, actor, bakery):
        loaded = CustomerFactory(business=bakery)
        services.update_customer(loaded, actor=actor, status=CustomerStatus.BLOCKED)

        services.update_customer(loaded, actor=actor, is_active=False)

        loaded.refresh_from_db()
        assert loaded.status == CustomerStatus.BLOCKED


def test_a_removed_address_is_archived_as_it_was(alice, bakery):
    row = CustomerFactory(business=bakery)
    AddressFactory(
        business=bakery, customer=row, line1="Seeweg 4", city="Zug", is_primary=True
    )

    answer = send(alice, "PATCH", f"/api/customers/bakery/{row.pk}", {"address": None})

    assert answer.json()["address"] is None
    place = Address.objects.get()
    assert (place.line1, place.city) == ("Seeweg 4", "Zug")
    assert place.archived_at is not None
    assert place.archive_reason == "address removed"


class TestArchived:
    @pytest.fixture
    def gone(self, bakery, actor) -> Customer:
        row = CustomerFactory(business=bakery, email="gone@example.org")
        return services.archive_customer(row, actor=actor, reason="moved away")

    @pytest.mark.parametrize("rest", ["", "/credits", "/flags", "/timeline", "/notes"])
    def test_they_are_still_read(self, alice, gone, rest):
        assert alice.get(f"{V1}/{gone.pk}{rest}").status_code == 200

    @pytest.mark.parametrize(
        ("method", "rest", "body"),
        [
            ("PATCH", "", {"name": "Back"}),
            ("POST", "/flags", {"code": "vip", "reason": "x"}),
            ("POST", "/credits", {"amount": "5", "reason": "x"}),
        ],
    )
    def test_a_write_says_to_restore_them_first(self, alice, gone, method, rest, body):
        answer = send(alice, method, f"{V1}/{gone.pk}{rest}", body)

        assert (answer.status_code, answer.json()["code"]) == (409, "archived")
        assert "Restore" in answer.json()["message"]

    def test_what_is_held_about_them_can_be_handed_out(self, alice, gone):
        path = f"{V1}/{gone.pk}/export"
        asked = send(alice, "POST", path, {"reason": "they asked"})
        confirm(alice, "export", asked.json().get("digest"))

        link = send(alice, "POST", path, {"reason": "they asked"})

        assert link.status_code == 201, link.content
        assert "gone@example.org" in alice.get(link.json()["link"]).getvalue().decode()

    def test_they_can_come_back(self, alice, gone):
        assert send(alice, "POST", f"{V1}/{gone.pk}/restore", {}).status_code == 200


class TestErased:
    @pytest.fixture
    def erased(self, bakery, actor) -> Customer:
        row = CustomerFactory(business=bakery)
        NoteFactory(business=bakery, customer=row)
        row.erased_at = row.archived_at = timezone.now()
        row.name = row.email = row.phone = None
        row.as_actor(actor).save()
        return row

    @pytest.mark.parametrize(
        ("method", "rest", "body"),
        [
            ("PATCH", "", {"email": "back@example.org"}),
            ("POST", "/restore", {}),
            ("POST", "/archive", {}),
            ("POST", "/flags", {"code": "vip", "reason": "x"}),
        ],
    )
    def test_nothing_is_written_about_them(self, alice, erased, method, rest, body):
        answer = send(alice, method, f"{V1}/{erased.pk}{rest}", body)

        assert (answer.status_code, answer.json()["code"]) == (409, "erased")

    def test_no_service_brings_them_back(self, actor, erased):
        erased.erased_at, erased.name = None, "Back"

        with pytest.raises(ValidationError) as refused:
            services.save_record(erased, actor=actor)
        assert refused.value.code == "erased"

    def test_nothing_is_written_to_what_is_left_of_them(self, actor, erased):
        note = Note.objects.get()

        with pytest.raises(ValidationError) as refused:
            services.save_record(note, actor=actor)
        assert refused.value.code == "erased"


class TestVersions:
    """A write that names an old version is refused, whatever it does."""

    @pytest.fixture
    def row(self, bakery, actor) -> Customer:
        row = CustomerFactory(business=bakery)
        return services.update_customer(row, actor=actor, name="Second version")

    @pytest.mark.parametrize(
        ("method", "path", "body"),
        [
            ("DELETE", "/api/customers/bakery/{}", None),
            ("DELETE", "/api/admin/customers/{}", None),
        ],
    )
    def test_an_old_one_is_refused(self, alice, row, method, path, body):
        path = path.format(row.pk)

        old = send(alice, method, path, body, **{"If-Match": '"r1"'})

        assert (old.status_code, old.json()["code"]) == (412, "stale_version")
        new = send(alice, method, path, body, **{"If-Match": old["ETag"]})
        assert new.status_code == 204, new.content

    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("PATCH", "/api/customers/bakery/{}/preferences"),
            ("DELETE", "/api/v1/customers/{}/flags/vip"),
        ],
    )
    def test_what_has_no_versions_says_so(self, alice, actor, row, method, path):
        services.add_flag(row, "vip", actor=actor, reason="x")
        path = path.format(row.pk)
        body = {"do_not_contact": True} if method == "PATCH" else None

        named = send(alice, method, path, body, **{"If-Match": '"r2"'})

        assert (named.status_code, named.json()["code"]) == (412, "stale_version")
        assert "Leave If-Match out" in named.json()["message"]
        assert send(alice, method, path, body).status_code in (200, 204)


@pytest.mark.parametrize(
    ("facts", "field"),
    [({"email": "A@example.org"}, "email"), ({"external_id": "4711"}, "external_id")],
)
def test_what_another_customer_has_is_named(bakery, actor, facts, field):
    CustomerFactory(business=bakery, email="a@example.org", external_id="4711")

    with pytest.raises(ValidationError) as refused:
        services.create_customer(bakery, actor=actor, name="B", **facts)

    assert list(refused.value.error_dict) == [field]
    assert refused.value.error_dict[field][0].code == "unique"


def test_support_restores_nobody_who_was_erased(bakery):
    row = CustomerFactory(business=bakery)
    row.erased_at = timezone.now()
    row.save()
    support = signed_in(staff(bakery, "support"))

    answer = send(support, "POST", f"{V1}/{row.pk}/restore", {})

    assert answer.status_code == 409
