"""Long lists: counted up to a limit, with pages behind it."""

from __future__ import annotations

import pytest
from django.core.paginator import EmptyPage
from django.db import connection
from django.test.utils import CaptureQueriesContext

from audit.admin.paging import CappedPaginator
from audit.models import User
from tests.factories import UserFactory


@pytest.fixture
def few(monkeypatch):
    """Count no more than four rows and one."""
    monkeypatch.setattr("audit.admin.paging.MOST_COUNTED", 4)


def paginator(per_page: int = 2) -> CappedPaginator:
    return CappedPaginator(User.objects.order_by("pk"), per_page)


def test_as_many_as_the_limit_are_counted_to_the_end(db, few):
    UserFactory.create_batch(4)

    pages = paginator()

    assert (pages.count, pages.is_capped, pages.num_pages) == (4, False, 2)
    with pytest.raises(EmptyPage):
        pages.page(3)


def test_no_more_than_one_above_the_limit_is_counted(db, few):
    UserFactory.create_batch(9)
    pages = paginator()

    with CaptureQueriesContext(connection) as asked:
        assert pages.count == 5

    assert pages.is_capped
    assert len(asked) == 1
    assert "LIMIT 5" in asked[0]["sql"]
    assert "ORDER BY" not in asked[0]["sql"]


def test_pages_go_on_behind_the_limit_and_end(db, few):
    users = sorted(UserFactory.create_batch(9), key=lambda user: user.pk)
    pages = paginator()

    assert list(pages.page(4).object_list) == users[6:8]
    assert list(pages.page(5).object_list) == users[8:]
    with pytest.raises(EmptyPage):
        pages.page(6)


@pytest.mark.parametrize("number", [0, -1, 10**12])
def test_a_number_that_no_page_has_is_refused(db, few, number):
    UserFactory.create_batch(6)

    with pytest.raises(EmptyPage):
        paginator().page(number)
