"""The search while somebody types: formats, order, who may find by what, its cost."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers import services
from tests.conftest import actor_of, staff
from tests.factories import (
    BusinessFactory,
    ContactFactory,
    CustomerFactory,
    MembershipFactory,
)


@pytest.fixture
def shop(db):
    return BusinessFactory(slug="shop", country="NO")


@pytest.fixture
def ida(shop):
    """Somebody with every kind of name."""
    row = CustomerFactory(
        business=shop,
        name="Ida Lund",
        email="Ida.Lund@Example.no",
        phone="22 11 33 55",
        external_id="A-4711",
    )
    ContactFactory(customer=row, kind="email", email="ida@work.example")
    ContactFactory(customer=row, kind="phone", phone="+46 8 123 456 78")
    return row


@pytest.fixture
def clear(shop):
    """Sees contact data in clear."""
    return actor_of(staff(shop, "admin"))


@pytest.fixture
def masked(shop):
    """Sees contact data masked."""
    return actor_of(staff(shop, "support"))


def hits(text, who, **kwargs):
    found = services.find_customers(text, actor=who, **kwargs)
    return [(hit.customer, hit.matched) for hit in found]


# Whole values, in every way of writing them: found by whoever may find the person.
WHOLE = [
    ("ida.lund@example.no", "email"),
    ("IDA.LUND@EXAMPLE.NO", "email"),
    ("  Ida.Lund@example.no ", "email"),
    ("ida@work.example", "email"),
    ("Ida@Work.Example", "email"),
    ("22113355", "phone"),
    ("22 11 33 55", "phone"),
    ("22-11-33-55", "phone"),
    ("(22) 11 33 55", "phone"),
    ("22.11.33.55", "phone"),
    ("+4722113355", "phone"),
    ("+47 22 11 33 55", "phone"),
    ("+47 (22) 11-33-55", "phone"),
    ("004722113355", "phone"),
    ("00 47 22 11 33 55", "phone"),
    ("4722113355", "phone"),
    ("+46812345678", "phone"),
    ("+46 (0)8 123 456 78", "phone"),
    ("0046 8 12345678", "phone"),
    ("A-4711", "external_id"),
    ("Ida Lund", "name"),
    ("ida lund", "name"),
]
# Parts: found by whoever sees the value in clear, and by nobody else.
PARTS = ["ida.lund@", "lund@example", "example.no", "1133", "113355", "11 33 55"]


@pytest.mark.parametrize(("text", "matched"), WHOLE)
def test_the_whole_value_finds_its_person_in_any_format(
    clear, masked, ida, text, matched
):
    CustomerFactory(business=ida.business, name="Jon Dal", phone="+47 90 00 00 01")

    assert hits(text, clear) == [(ida, matched)]
    assert hits(text, masked) == [(ida, matched)]


@pytest.mark.parametrize("text", PARTS)
def test_a_part_finds_only_where_the_value_is_seen(clear, masked, ida, text):
    assert [row for row, _ in hits(text, clear)] == [ida]
    assert hits(text, masked) == []


@pytest.mark.parametrize("text", ["13355", "1 33 55", "133-55"])
def test_the_last_five_digits_find_where_they_may_be_revealed(
    shop, clear, masked, ida, text
):
    never = actor_of(staff(shop, "marketing"))

    assert [row for row, _ in hits(text, clear)] == [ida]
    assert hits(text, masked) == [(ida, "phone")]
    assert hits(text, never) == []


@pytest.mark.parametrize(
    "text",
    ["3355", "213355", "11335", "2213355", "71 33 55", "Ida 13355", "13355 ida.lund@"],
)
def test_no_other_digits_find_a_masked_number(masked, ida, text):
    assert hits(text, masked) == []


@pytest.mark.parametrize("text", ["ann@", "ann@old", "example.org"])
def test_an_address_that_stands_for_a_name_is_found_whole(shop, clear, masked, text):
    ann = CustomerFactory(business=shop, name="ann@old.example.org")

    assert hits("ann@old.example.org", masked) == [(ann, "name")]
    assert [row for row, _ in hits(text, clear)] == [ann]
    assert hits(text, masked) == []


def test_a_reference_is_found_in_any_case_and_from_its_beginning(clear, ida):
    assert hits(ida.unique_id.lower(), clear) == [(ida, "reference")]
    assert hits(ida.unique_id[:6], clear) == [(ida, "reference")]


def test_exact_hits_come_first_then_beginnings_then_the_rest(shop, clear):
    def person(name: str, **facts):
        return CustomerFactory(business=shop, name=name, **facts)

    # Made in the wrong order: the newest would come first otherwise.
    number = person("Somebody", external_id="anna")
    whole = person("Anna")
    longer = person("Annabel Berg")
    inside = person("Johanna Dal")
    address = person("Other", email="anna@example.org")

    found = hits("anna", clear)

    assert found == [
        (number, "external_id"),
        (whole, "name"),
        (longer, "name"),
        (address, "email"),
        (inside, "name"),
    ]
    # An external id is a name of another system, where the case may count.
    assert hits("ANNA", clear) == found[1:]


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_a_shorter_answer_is_the_beginning_of_a_longer_one(shop, clear, limit):
    for name in ("Dana", "Anna", "Anna", "Annabel", "Hanna"):
        CustomerFactory(business=shop, name=name)

    whole = hits("anna", clear)

    assert len(whole) == 4
    assert hits("anna", clear, limit=limit) == whole[:limit]
    assert hits("anna", clear, limit=limit) == hits("anna", clear, limit=limit)


def test_nobody_is_found_twice(shop, clear):
    row = CustomerFactory(
        business=shop,
        name="a@b.example",
        email="a@b.example",
        external_id="a@b.example",
    )
    ContactFactory(customer=row, kind="email", email="a@b.example")

    assert hits("a@b.example", clear) == [(row, "external_id")]


def test_archived_and_foreign_people_are_not_found(shop, clear, ida, actor):
    CustomerFactory(name="Ida Lund", email="ida.lund@example.no")
    services.archive_customer(ida, actor=actor, reason="asked")

    assert hits("Ida Lund", clear) == []
    assert hits("ida.lund@example.no", clear) == []
    assert hits("ida@work.example", clear) == []
    assert hits("22113355", clear) == []


def test_a_number_is_read_in_the_country_of_each_business(shop, ida):
    swiss = BusinessFactory(slug="swiss", country="CH")
    user = staff(shop)
    MembershipFactory(user=user, business=swiss, role="support")
    anna = CustomerFactory(business=swiss, phone="044 668 18 00")

    assert hits("044 668 18 00", actor_of(user)) == [(anna, "phone")]
    assert hits("22113355", actor_of(user)) == [(ida, "phone")]
    assert hits("22113355", actor_of(user), business_id=swiss.pk) == []


def test_rights_of_one_business_find_no_parts_in_another(shop, ida):
    user = staff(shop, "support")
    MembershipFactory(user=user, role="admin")

    assert hits("lund@example", actor_of(user)) == []


@pytest.mark.parametrize("text", ["", "a", " ", "%", "__", "%%", "\\", "nobody here"])
def test_signs_of_patterns_are_no_patterns(clear, ida, text):
    assert hits(text, clear) == []


@pytest.mark.parametrize("text", ["anna", "22113355", "ida@example.no", "xyz"])
def test_each_statement_is_bounded(shop, clear, text):
    CustomerFactory.create_batch(3, business=shop, name="Anna")

    with CaptureQueriesContext(connection) as asked:
        hits(text, clear, limit=2)

    assert len(asked) <= 5
    for query in asked.captured_queries:
        sql = query["sql"]
        # The rows of ids that are known need no limit of their own.
        assert "LIMIT" in sql or '"id" IN (' in sql, sql


def test_a_full_page_of_exact_hits_looks_no_further(shop, clear):
    CustomerFactory.create_batch(3, business=shop, name="Anna")

    with CaptureQueriesContext(connection) as asked:
        found = hits("anna", clear, limit=3)

    assert len(found) == 3
    assert not any("LIKE" in query["sql"] for query in asked.captured_queries)


@pytest.mark.parametrize("text", ["ida.lund@example.no", "+47 22 11 33 55", None])
def test_a_whole_name_that_is_known_reads_no_table(shop, clear, ida, text):
    with CaptureQueriesContext(connection) as asked:
        found = hits(text or ida.unique_id, clear)

    assert [row for row, _ in found] == [ida]
    assert not any("LIKE" in query["sql"] for query in asked.captured_queries)
