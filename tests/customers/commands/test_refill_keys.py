"""Keys of before a rule changed: written anew, and those of two people listed."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.models import User
from customers.models import Address, Contact, Customer
from tests.factories import (
    AddressFactory,
    ContactFactory,
    CustomerFactory,
    UserFactory,
)

OLD, NEW = "ana@bücher.example", "ana@xn--bcher-kva.example"


def run(**options: bool) -> str:
    out = StringIO()
    call_command("refill_keys", stdout=out, stderr=StringIO(), **options)
    return out.getvalue()


def set_key(instance, **columns: str) -> None:
    """Store a key as an older version would have."""
    names = ", ".join(f"{name} = %s" for name in columns)
    pk = instance._meta.pk.get_db_prep_value(instance.pk, connection)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {instance._meta.db_table} SET {names} WHERE id = %s",
            [*columns.values(), pk],
        )


@pytest.fixture
def old_rows(bakery):
    ana = CustomerFactory(business=bakery, email=OLD, phone="+47 22 12 34 56")
    contact = ContactFactory(customer=ana, business=bakery, kind="email", email=OLD)
    address = AddressFactory(customer=ana, business=bakery, phone="+47 22 12 34 56")
    user = UserFactory(email=OLD)
    for row in (ana, contact, user):
        set_key(row, email_key=OLD)
    set_key(address, phone_e164="+4700")
    return ana, contact, address, user


def test_keys_are_written_anew_and_nothing_else(old_rows):
    ana, contact, address, user = old_rows
    before = Customer.objects.values("name", "email", "phone").get()

    said = run()

    assert "4 differed, 0 of them" in said
    assert f"refilled: customers.Customer {ana.pk} email_key" in said
    assert Customer.objects.get().email_key == NEW
    assert Contact.objects.get().email_key == NEW
    assert Address.objects.get().phone_e164 == "+4722123456"
    assert User.objects.get(pk=user.pk).email_key == NEW
    assert User.objects.get(pk=user.pk).is_genuine
    assert Customer.objects.values("name", "email", "phone").get() == before
    version = ana.history.first()
    assert (version.email_key, version.history_change_reason) == (NEW, "keys refilled")
    assert contact.history.count() == address.history.count() == 2
    assert "0 differed" in run()
    assert ana.history.count() == 2


def test_a_look_changes_nothing(old_rows):
    with pytest.raises(CommandError, match="without --check"):
        run(check=True)

    assert Customer.objects.get().email_key == OLD


def test_two_people_of_one_key_are_listed_and_stay(bakery):
    ana = CustomerFactory(business=bakery, email=OLD)
    set_key(ana, email_key=OLD)
    other = CustomerFactory(business=bakery, email=NEW)
    user, same = UserFactory(email=OLD), UserFactory(email="bo@example.org")
    set_key(user, email_key=OLD)
    set_key(same, email_key=NEW)
    set_key(same, email=NEW)
    out = StringIO()

    with pytest.raises(CommandError, match="archive one of the two"):
        call_command("refill_keys", stdout=out, stderr=StringIO())

    said = out.getvalue()
    assert f"the same person? customers.Customer {ana.pk} and {other.pk}" in said
    assert f"the same address: {user.pk} and {same.pk}" in said
    assert Customer.objects.get(pk=ana.pk).email_key == OLD
    assert ana.history.count() == 1


def test_an_archived_one_keeps_nobody_from_a_key(bakery, alice):
    ana = CustomerFactory(business=bakery, email=OLD)
    set_key(ana, email_key=OLD)
    CustomerFactory(business=bakery, email=NEW, archived_at="2026-01-01T00:00:00Z")

    run()

    assert Customer.objects.get(pk=ana.pk).email_key == NEW


def test_two_that_become_one_in_a_batch_are_listed(bakery):
    first = CustomerFactory(business=bakery, email=OLD)
    set_key(first, email_key=OLD)
    second = CustomerFactory(business=bakery, email="ana@bücher。example")
    set_key(second, email_key="ana@bücher。example")

    with pytest.raises(CommandError):
        run()

    keys = Customer.objects.order_by("pk").values_list("email_key", flat=True)
    assert list(keys) == [NEW, "ana@bücher。example"]


def test_statements_do_not_grow(bakery):
    def stale(number: int) -> None:
        for n in range(number):
            row = CustomerFactory(business=bakery, email=f"a{n}-{number}@bücher.org")
            set_key(row, email_key=f"a{n}-{number}@bücher.org")

    counts = []
    for number in (2, 40):
        stale(number)
        with CaptureQueriesContext(connection) as queries:
            run()
        counts.append(len(queries))

    assert counts[0] == counts[1]
