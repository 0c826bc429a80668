"""What passes by itself is told apart from what is our own fault."""

from __future__ import annotations

import sqlite3

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    InterfaceError,
    InternalError,
    OperationalError,
    connection,
    transaction,
)
from django.db.utils import Error
from django.http import HttpResponse
from django.test import Client
from django.urls import path

from audit.database.outages import gave_way, is_unavailable
from capture.api.endpoint import endpoint
from config import urls

handler500 = urls.handler500


def ask_nothing(*_):
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")
    return HttpResponse()


urlpatterns = [
    path("admin/wrong/", ask_nothing),
    path("api/v1/wrong/", ask_nothing),
    path("api/v1/captures/wrong/", endpoint(ask_nothing, methods=("GET",))),
    *urls.urlpatterns,
]


def sqlite_error(code: int) -> Error:
    error = OperationalError("x")
    error.__cause__ = sqlite3.OperationalError("x")
    error.__cause__.sqlite_errorcode = code
    return error


def server_error(kind: type[Error], cause: psycopg.Error) -> Error:
    error = kind("x")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("code", "passes"),
    [
        (sqlite3.SQLITE_BUSY, True),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, True),
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_READONLY, True),
        (sqlite3.SQLITE_IOERR_WRITE, True),
        (sqlite3.SQLITE_CANTOPEN, True),
        (sqlite3.SQLITE_CORRUPT, True),
        (sqlite3.SQLITE_ERROR, False),
        (sqlite3.SQLITE_MISUSE, False),
        (sqlite3.SQLITE_TOOBIG, False),
    ],
)
def test_what_sqlite_says(code, passes):
    assert is_unavailable(sqlite_error(code)) is passes


@pytest.mark.parametrize(
    ("kind", "cause", "passes"),
    [
        (OperationalError, psycopg.OperationalError("connection refused"), True),
        (OperationalError, psycopg.errors.DiskFull(), True),
        (OperationalError, psycopg.errors.TooManyConnections(), True),
        (OperationalError, psycopg.errors.LockNotAvailable(), True),
        (OperationalError, psycopg.errors.QueryCanceled(), True),
        (OperationalError, psycopg.errors.AdminShutdown(), True),
        (OperationalError, psycopg.errors.DeadlockDetected(), True),
        (InternalError, psycopg.errors.ReadOnlySqlTransaction(), True),
        (InterfaceError, psycopg.InterfaceError("the connection is closed"), True),
        (OperationalError, psycopg.errors.ProgramLimitExceeded(), False),
        (InternalError, psycopg.errors.InFailedSqlTransaction(), False),
        (IntegrityError, psycopg.errors.UniqueViolation(), False),
        (DataError, psycopg.errors.NumericValueOutOfRange(), False),
    ],
)
def test_what_postgresql_says(kind, cause, passes):
    error = server_error(kind, cause)

    assert is_unavailable(error) is passes
    assert gave_way(error) is isinstance(cause, psycopg.errors.DeadlockDetected)


def test_a_fault_of_ours_is_none(db):
    with pytest.raises(Error) as raised, transaction.atomic():
        ask_nothing()

    assert not is_unavailable(raised.value)
    assert not is_unavailable(ValueError("locked"))
    assert not is_unavailable(None)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    "address", ["/admin/wrong/", "/api/v1/wrong/", "/api/v1/captures/wrong/"]
)
def test_a_missing_table_stays_a_500(settings, address):
    settings.ROOT_URLCONF = __name__

    response = Client(raise_request_exception=False).get(address)

    assert response.status_code == 500
    assert "Retry-After" not in response
