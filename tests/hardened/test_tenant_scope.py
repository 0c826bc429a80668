"""Each transaction is told for which businesses it is, and the next one forgets."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from audit.tenancy.scope import request_tenant_scope, set_tenant_scope, tenant_scope
from config.backends.postgresql.base import forget_reach
from customers.models import Address, Customer
from tests.factories import CustomerFactory
from tests.hardened.conftest import POOL, serving


@pytest.fixture
def customers(ours, theirs):
    """One customer of each business: ours and theirs."""
    return CustomerFactory(business=ours), CustomerFactory(business=theirs)


def seen() -> set:
    return set(Customer._base_manager.values_list("pk", flat=True))


def untold() -> int:
    """Count customers on the open connection without saying for whom."""
    connection.ensure_connection()
    row = connection.connection.execute(
        "SELECT count(*) FROM customers_customer"
    ).fetchone()
    return row[0]


def test_outside_of_requests_everything_is_within_reach(customers):
    assert seen() >= {c.pk for c in customers}


def test_a_statement_without_transaction_sees_its_businesses(ours, customers):
    with tenant_scope({ours.pk}):
        assert seen() == {customers[0].pk}
    with tenant_scope(set()):
        assert seen() == set()
    assert untold() == 0


def test_a_reach_may_change_within_a_transaction(ours, theirs, customers):
    mine, other = customers
    with transaction.atomic(), tenant_scope({ours.pk}):
        assert seen() == {mine.pk}
        with tenant_scope(None):
            assert seen() >= {mine.pk, other.pk}
        assert seen() == {mine.pk}
        with tenant_scope({theirs.pk}):
            assert seen() == {other.pk}
    assert untold() == 0


def test_a_savepoint_that_is_taken_back_takes_nobody_along(ours, customers):
    mine, other = customers
    with transaction.atomic():
        assert seen() >= {mine.pk, other.pk}
        with transaction.atomic(), tenant_scope({ours.pk}):
            assert seen() == {mine.pk}
            transaction.set_rollback(True)
        with tenant_scope({ours.pk}):
            assert seen() == {mine.pk}


def test_after_an_error_the_outer_transaction_goes_on(ours, theirs, customers):
    mine, _ = customers
    with transaction.atomic(), tenant_scope({ours.pk}):
        with pytest.raises(DatabaseError), transaction.atomic(), tenant_scope(None):
            connection.cursor().execute("SELECT 1 / 0")
        assert seen() == {mine.pk}


def test_a_statement_that_fails_alone_leaves_the_connection_usable(ours, customers):
    with tenant_scope({ours.pk}):
        with pytest.raises(DatabaseError):
            connection.cursor().execute("SELECT 1 / 0")
        assert not connection.in_atomic_block
        assert seen() == {customers[0].pk}


def test_what_is_checked_at_the_end_is_checked_for_a_single_statement_too(ours):
    row = Address(business=ours, customer_id=uuid4())
    columns = "id, business_id, customer_id"
    statement = f"INSERT INTO customers_address ({columns}) VALUES (%s, %s, %s)"
    with tenant_scope({ours.pk}), pytest.raises(IntegrityError):
        connection.cursor().execute(statement, [row.pk, ours.pk, row.customer_id])
    assert seen() is not None


@pytest.mark.parametrize("is_atomic", [True, False])
def test_rows_that_are_fetched_bit_by_bit(ours, theirs, is_atomic):
    mine = {CustomerFactory(business=ours).pk for _ in range(5)}
    CustomerFactory(business=theirs)

    def fetch() -> set:
        rows = Customer._base_manager.values_list("pk", flat=True)
        return set(rows.iterator(chunk_size=2))

    with tenant_scope({ours.pk}):
        if is_atomic:
            with transaction.atomic():
                assert fetch() == mine
        else:
            assert fetch() == mine


def test_a_request_reaches_nothing_until_it_is_known_who_asks(ours, customers):
    with request_tenant_scope():
        assert seen() == set()
        set_tenant_scope({ours.pk})
        assert seen() == {customers[0].pk}
    assert seen() >= {c.pk for c in customers}


def test_an_id_that_is_none_is_refused():
    with pytest.raises(ValueError, match="badly formed"), tenant_scope(["*"]):  # type: ignore[list-item]
        pass


def test_a_transaction_that_was_begun_by_hand_is_told(ours, customers):
    with tenant_scope({ours.pk}), transaction.atomic():
        assert seen() == {customers[0].pk}
    with tenant_scope({ours.pk}), connection.cursor() as cursor:
        cursor.execute("BEGIN")
        assert seen() == {customers[0].pk}
        cursor.execute("COMMIT")
    assert untold() == 0


def test_commands_that_refuse_transactions_run(as_owner):
    with connection.cursor() as cursor:
        cursor.execute("VACUUM customers_note")
        cursor.execute(
            "CREATE INDEX CONCURRENTLY passing ON customers_note (created_at)"
        )
        cursor.execute("DROP INDEX CONCURRENTLY passing")


def test_a_connection_of_the_pool_forgets_whom_it_served(hardened, ours, theirs):
    mine = {ours.pk: set(), theirs.pk: set()}
    for business in (ours, theirs):
        for _ in range(3):
            mine[business.pk].add(CustomerFactory(business=business).pk)

    def visit(n: int) -> tuple[bool, int]:
        business = (ours.pk, theirs.pk)[n % 2]
        try:
            with request_tenant_scope():
                nobody = seen()
                set_tenant_scope({business})
                alone = seen()
                with transaction.atomic():
                    together = seen()
            return (alone == together == mine[business] and not nobody), untold()
        finally:
            connection.close()

    with serving(hardened.role_url, pool=POOL), ThreadPoolExecutor(8) as threads:
        visits = list(threads.map(visit, range(64)))

    assert visits == [(True, 0)] * 64


def test_the_pool_is_real(hardened, runtime):
    """Else the test before would say nothing: one connection serves two visits."""

    def backend() -> int:
        connection.ensure_connection()
        pid = connection.connection.info.backend_pid
        connection.close()
        return pid

    with serving(hardened.role_url, pool=POOL):
        assert backend() in {backend() for _ in range(3)}


def test_what_some_sql_set_for_its_session_ends_with_its_use(hardened, ours):
    """As servers do, whose requests share connections (`answer_in_time`)."""
    pool = POOL | {"min_size": 1, "max_size": 1, "reset": forget_reach}
    with serving(hardened.role_url, pool=pool):
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('holdfast.businesses', '*', false)")
        pid = connection.connection.info.backend_pid
        connection.close()

        connection.ensure_connection()
        assert connection.connection.info.backend_pid == pid
        raw = connection.connection
        [row] = raw.execute("SELECT current_setting('holdfast.businesses', true)")
        assert not row[0]
        assert raw.execute("SELECT count(*) FROM customers_business").fetchone() == (0,)
        connection.close()
