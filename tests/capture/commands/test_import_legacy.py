"""Loading the SQLite files of documents 000 and 001."""

from __future__ import annotations

import base64
import json
import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection, models

from audit.models import Event
from audit.tenancy.actors import Actor
from capture import services
from capture.models import (
    Capture,
    CaptureLink,
    DashboardSnapshot,
    IdentityReview,
    Login,
    Payment,
    Quarantine,
    Questionnaire,
    Sighting,
    Signup,
    Source,
)
from capture.parsing import read_payload
from customers.models import Customer, CustomerStats
from tests.factories import CustomerFactory

CUSTOMERS = """
CREATE TABLE customer_data_immutable (
    id INTEGER PRIMARY KEY,
    customer_id INTEGER NOT NULL,
    unique_id TEXT UNIQUE NOT NULL,
    email TEXT NOT NULL,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    phone TEXT,
    membership_tier TEXT NOT NULL,
    payment_status TEXT NOT NULL,
    payment_method TEXT,
    payment_amount DECIMAL(10,2),
    payment_date TEXT,
    join_date TEXT NOT NULL,
    last_active TEXT,
    status TEXT DEFAULT 'active',
    questionnaire_data TEXT, -- JSON
    account_type TEXT,
    prop_firm TEXT,
    account_size INTEGER,
    trading_experience TEXT,
    risk_tolerance TEXT,
    trading_goals TEXT,
    ip_address TEXT,
    user_agent TEXT,
    signup_source TEXT,
    referral_code TEXT,
    data_capture_complete BOOLEAN DEFAULT 0,
    admin_verified BOOLEAN DEFAULT 0,
    admin_notes TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""
# Only named in the document; this is what such a table has.
USERS = """
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    email TEXT UNIQUE,
    username TEXT,
    password_hash TEXT,
    last_login TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP
);
"""
PAYMENTS = """
CREATE TABLE payment_data (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER,
    user_email TEXT NOT NULL,
    user_name TEXT,
    plan_name TEXT,
    original_price DECIMAL(10,2),
    discount_amount DECIMAL(10,2),
    final_price DECIMAL(10,2),
    coupon_code TEXT,
    payment_method TEXT,
    transaction_id TEXT,
    payment_status TEXT,
    payment_processor TEXT,
    crypto_transaction_hash TEXT,
    crypto_from_address TEXT,
    crypto_amount TEXT,
    ip_address TEXT,
    user_agent TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (user_email) REFERENCES users (email)
);
"""
QUESTIONNAIRES = """
CREATE TABLE questionnaire_data (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER,
    user_email TEXT NOT NULL,
    user_name TEXT,
    trades_per_day TEXT,
    trading_session TEXT,
    crypto_assets TEXT, -- JSON array
    forex_assets TEXT, -- JSON array
    custom_forex_pairs TEXT, -- JSON array
    has_account TEXT,
    account_equity DECIMAL(12,2),
    prop_firm TEXT,
    account_type TEXT,
    account_size DECIMAL(12,2),
    risk_percentage DECIMAL(5,2),
    risk_reward_ratio TEXT,
    account_screenshot TEXT, -- base64 encoded
    screenshot_filename TEXT,
    screenshot_size INTEGER,
    screenshot_type TEXT,
    ip_address TEXT,
    user_agent TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (user_email) REFERENCES users (email)
);
"""
DASHBOARDS = """
CREATE TABLE dashboard_data (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER,
    user_email TEXT NOT NULL,
    user_name TEXT,
    -- Trading State Data
    initial_equity DECIMAL(12,2),
    current_equity DECIMAL(12,2),
    total_pnl DECIMAL(12,2),
    win_rate DECIMAL(5,2),
    total_trades INTEGER,
    winning_trades INTEGER,
    losing_trades INTEGER,
    average_win DECIMAL(10,2),
    average_loss DECIMAL(10,2),
    profit_factor DECIMAL(10,4),
    max_drawdown DECIMAL(10,2),
    current_drawdown DECIMAL(10,2),
    gross_profit DECIMAL(12,2),
    gross_loss DECIMAL(12,2),
    consecutive_wins INTEGER,
    consecutive_losses INTEGER,
    -- Risk Settings
    risk_per_trade DECIMAL(5,2),
    daily_loss_limit DECIMAL(5,2),
    consecutive_losses_limit INTEGER,
    -- Account Balance Info
    account_balance DECIMAL(12,2),
    account_equity_dash DECIMAL(12,2),
    -- Theme and UI
    theme TEXT DEFAULT 'dark',
    -- Complete states (JSON)
    dashboard_state TEXT,
    trading_state TEXT,
    ip_address TEXT,
    user_agent TEXT,
    created_at TEXT DEFAULT CURRENT_TIMESTAMP,
    updated_at TEXT DEFAULT CURRENT_TIMESTAMP,
    FOREIGN KEY (user_email) REFERENCES users (email)
);
"""
AUDIT = """
CREATE TABLE data_capture_audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_email TEXT NOT NULL,
    capture_type TEXT NOT NULL, -- 'payment', 'questionnaire', 'dashboard'
    data_snapshot TEXT, -- JSON snapshot
    source_endpoint TEXT,
    timestamp TEXT DEFAULT CURRENT_TIMESTAMP,
    ip_address TEXT,
    user_agent TEXT,
    status TEXT DEFAULT 'success',
    error_details TEXT,
    FOREIGN KEY (user_email) REFERENCES users (email)
);
"""
SCHEMAS = (CUSTOMERS, USERS, PAYMENTS, QUESTIONNAIRES, DASHBOARDS, AUDIT)

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6"
    "kgAAAABJRU5ErkJggg=="
)
PICTURE = base64.b64encode(PNG).decode()
HASH = "pbkdf2_sha256$600000$NaClNaCl$c2VjcmV0c2VjcmV0"

ANA = {
    "id": 1,
    "customer_id": 101,
    "unique_id": "CUST-0001",
    "email": "ana.silva@example.org",
    "name": "Ana Silva",
    "password_hash": HASH,
    "phone": "+351 912 000 421",
    "membership_tier": "pro",
    "payment_status": "completed",
    "payment_method": "card",
    "payment_amount": 48.5,
    "payment_date": "2024-03-02 09:15:00",
    "join_date": "2024-03-01T18:04:00",
    "last_active": "2024-05-06 07:08:09",
    "status": "inactive",
    "questionnaire_data": '{"q7": "weekly", "risk": 0.50}',
    "account_type": "swing",
    "account_size": 20000,
    "ip_address": "203.0.113.9",
    "user_agent": "Mozilla/5.0",
    "signup_source": "spring-fair",
    "referral_code": "LX-77",
    "admin_notes": "Asked to be called after six.",
    "created_at": "2024-03-01 18:04:05",
    "updated_at": "2024-05-06 07:08:10",
}
BEA = {
    "id": 2,
    "customer_id": 102,
    "unique_id": "CUST-0002",
    "email": "bea@example.org",
    "name": "Bea",
    "password_hash": HASH,
    "membership_tier": "free",
    "payment_status": "none",
    "join_date": "2024-04-01 00:00:00",
}
TEAM = {
    "id": 7,
    "user_id": 103,
    "user_email": "jonas@example.net",
    "user_name": "Jonas Berg",
    "plan_name": "Team",
    "original_price": 120,
    "discount_amount": 20.01,
    "final_price": 99.99,
    "coupon_code": "NOV20",
    "payment_method": "crypto",
    "transaction_id": "TX-77",
    "payment_status": "completed",
    "payment_processor": "CoinGate",
    "crypto_transaction_hash": "0xab12",
    "crypto_from_address": "bc1qxyz",
    "crypto_amount": "0.001234500000000000",
    "ip_address": "2001:DB8::1",
    "user_agent": "Mozilla/5.0",
    "created_at": "2024-06-01 10:00:00",
}
ANSWERS = {
    "user_id": 103,
    "user_email": "Jonas@Example.net",
    "user_name": "Jonas Berg",
    "trades_per_day": "6-10",
    "trading_session": "asia",
    "crypto_assets": '["SOL/USD"]',
    "forex_assets": "[]",
    "custom_forex_pairs": '["NOK/SEK"]',
    "has_account": "no",
    "account_equity": 12000,
    "account_size": 50000,
    "risk_percentage": 0.75,
    "risk_reward_ratio": "1:3",
    "account_screenshot": PICTURE,
    "screenshot_filename": "acc.png",
    "screenshot_size": 1,
    "screenshot_type": "image/gif",
    "created_at": "2024-06-02 11:00:00",
}
BOARD = {
    "user_id": 103,
    "user_email": "jonas@example.net",
    "initial_equity": 50000,
    "current_equity": 50410.2,
    "total_pnl": 410.2,
    "win_rate": 55,
    "total_trades": 20,
    "winning_trades": 11,
    "losing_trades": 9,
    "profit_factor": 1.3125,
    "risk_per_trade": 0.5,
    "daily_loss_limit": 2,
    "consecutive_losses_limit": 4,
    "account_balance": 50410.2,
    "account_equity_dash": 50380,
    "theme": "light",
    "created_at": "2024-06-03 12:00:00",
}


class LegacyFile:
    """A SQLite file that tests fill."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self, *schemas: str) -> LegacyFile:
        with closing(sqlite3.connect(self.path)) as database:
            database.executescript("".join(schemas))
        return self

    def add(self, table: str, *rows: dict[str, Any]) -> LegacyFile:
        with closing(sqlite3.connect(self.path)) as database, database:
            for row in rows:
                names, marks = ", ".join(row), ", ".join("?" * len(row))
                database.execute(
                    f"INSERT INTO {table} ({names}) VALUES ({marks})",
                    list(row.values()),
                )
        return self

    def run(self, sql: str, *values: Any) -> None:
        with closing(sqlite3.connect(self.path)) as database, database:
            database.execute(sql, values)


@pytest.fixture
def old(tmp_path) -> LegacyFile:
    # A folder of its own: one test takes the right to write in it away, and what the
    # hub keeps lies elsewhere.
    folder = tmp_path / "old"
    folder.mkdir()
    return LegacyFile(folder / "trading_bots.db")


@pytest.fixture(autouse=True)
def media(settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")


def load(file: LegacyFile, **options: Any) -> tuple[list[str], list[str]]:
    """Run the command; return the lines of both streams."""
    out, err = StringIO(), StringIO()
    options = {"business": "bakery"} | options
    call_command("import_legacy", str(file.path), stdout=out, stderr=err, **options)
    return out.getvalue().splitlines(), err.getvalue().splitlines()


def fails(path: Path, match: str, **options: Any) -> None:
    with pytest.raises(CommandError, match=match):
        load(LegacyFile(path), **options)
    assert not Capture.objects.exists()


def at(*moment: int) -> datetime:
    return datetime(*moment, tzinfo=UTC)  # type: ignore[misc, arg-type]


def capture(message_id: str) -> Capture:
    return Capture.objects.get(message_id=f"legacy:{message_id}")


def payload(message_id: str) -> Any:
    return read_payload(capture(message_id).payload)


def owner(row: Capture) -> Customer:
    customer = CaptureLink.objects.get(capture=row).customer
    assert customer is not None
    return customer


def counts() -> dict[str, int]:
    tables: list[type[models.Model]] = [
        Capture, CaptureLink, Customer, DashboardSnapshot, Login, Payment,
        Quarantine, Questionnaire, Sighting, Signup, Source,
    ]  # fmt: skip
    return {table.__name__: table._default_manager.count() for table in tables}


def everything() -> str:
    """Return all that the database holds, as text."""
    found = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            found += [str(row) for row in cursor.fetchall()]
    return "\n".join(found)


def test_a_row_of_a_customer_tells_all_it_knows(bakery, old):
    old.make(CUSTOMERS).add("customer_data_immutable", ANA, BEA)

    out, err = load(old)

    assert out == [
        "customer_data_immutable: 2 rows read, 6 captures new, 0 known already, "
        "0 problems (notes: 2 secret_redacted)"
    ]
    assert err == []
    signup = Signup.objects.get(email="ana.silva@example.org")
    assert signup.occurred_at == signup.signup_date == at(2024, 3, 1, 18, 4)
    assert (signup.full_name, signup.plan) == ("Ana Silva", "pro")
    assert (signup.signup_source, signup.referral_code) == ("spring-fair", "LX-77")
    assert (signup.user_id, signup.ip_address) == ("101", "203.0.113.9")
    assert signup.user_agent == "Mozilla/5.0"
    assert signup.mobile_number == "+351 912 000 421"
    paid = Payment.objects.get()
    assert (paid.final_price, paid.state, paid.verified) == (
        Decimal("48.500"), "paid", True,
    )  # fmt: skip
    assert paid.occurred_at == at(2024, 3, 2, 9, 15)
    asked = Questionnaire.objects.get()
    assert json.loads(asked.answers or "") == {"q7": "weekly", "risk": 0.5}
    assert asked.account_size == 20000
    assert asked.occurred_at == at(2024, 3, 1, 18, 4, 5)


def test_a_row_of_a_customer_is_kept_whole(bakery, old):
    old.make(CUSTOMERS).add("customer_data_immutable", ANA)

    load(old)

    kept = payload("customer_data_immutable:1")
    assert kept["admin_notes"] == "Asked to be called after six."
    assert kept["unique_id"] == "CUST-0001"
    assert kept["password_hash"] == "[redacted:password]"
    row = capture("customer_data_immutable:1")
    assert (row.adapter, row.trust, row.sent_at) == ("import", "server", None)
    ana = owner(row)
    assert (ana.external_id, ana.status) == ("101", "inactive")
    assert ana.joined_at == at(2024, 3, 1, 18, 4)
    figures = CustomerStats.objects.get(customer=ana)
    assert figures.last_active_at == at(2024, 5, 6, 7, 8, 9)
    assert figures.data_capture_complete
    assert figures.total_spent == Decimal("48.50")
    event = Event.objects.get(action="legacy.imported")
    assert event.business_id == bakery.pk
    assert event.data["customer_data_immutable.new"] == 5


def test_a_line_for_each_table(bakery, old):
    old.make(*SCHEMAS)
    old.add("payment_data", TEAM)
    old.add("questionnaire_data", ANSWERS)
    old.add("dashboard_data", BOARD)
    row = {"user_email": "jonas@example.net", "capture_type": "payment"}
    old.add("data_capture_audit", row)

    out, err = load(old)

    assert [line.partition(" (")[0] for line in out] == [
        "users: 0 rows read, 0 captures new, 0 known already, 0 problems",
        "customer_data_immutable: 0 rows read, 0 captures new, 0 known already, "
        "0 problems",
        "payment_data: 1 rows read, 1 captures new, 0 known already, 0 problems",
        "questionnaire_data: 1 rows read, 1 captures new, 0 known already, 0 problems",
        "dashboard_data: 1 rows read, 1 captures new, 0 known already, 0 problems",
        "data_capture_audit: 1 rows read, 1 captures new, 0 known already, 0 problems",
    ]
    assert err == []


@pytest.fixture
def jonas(bakery, old) -> Customer:
    """Bring a row of each table about one person."""
    old.make(*SCHEMAS)
    old.add("payment_data", TEAM)
    old.add("questionnaire_data", ANSWERS)
    old.add("dashboard_data", BOARD)
    snapshot = {"final_price": 99.99, "card_number": "4111111111111111"}
    old.add(
        "data_capture_audit",
        {
            "user_email": "jonas@example.net",
            "capture_type": "payment",
            "data_snapshot": json.dumps(snapshot),
            "source_endpoint": "/api/data-capture/payment",
            "timestamp": "2024-06-01 10:00:01",
            "status": "error",
            "error_details": "database is locked",
        },
    )
    load(old)
    return Customer.objects.get()


def test_a_payment_of_document_001(jonas):
    assert (jonas.email, jonas.external_id) == ("jonas@example.net", "103")
    assert set(CaptureLink.objects.values_list("customer", flat=True)) == {jonas.pk}
    paid = Payment.objects.get()
    assert paid.final_price == Decimal("99.990")
    assert paid.discount_amount == Decimal("20.010")
    assert paid.crypto_amount == "0.001234500000000000"
    assert (paid.transaction_id, paid.payment_processor) == ("TX-77", "CoinGate")
    assert (paid.ip_address, paid.plan_name) == ("2001:db8::1", "Team")
    assert paid.occurred_at == at(2024, 6, 1, 10)


def test_a_questionnaire_of_document_001(jonas, bakery):
    asked = Questionnaire.objects.get()
    assert asked.crypto_assets == ["SOL/USD"]
    assert asked.custom_forex_pairs == ["NOK/SEK"]
    assert asked.risk_percentage == Decimal("0.75")
    assert (asked.screenshot_type, asked.screenshot_size) == ("image/png", len(PNG))
    assert asked.screenshot_filename == "acc.png"
    path = f"screenshots/{bakery.pk}/{asked.account_screenshot}"
    with default_storage.open(path) as picture:
        assert picture.read() == PNG
    assert asked.occurred_at == at(2024, 6, 2, 11)


def test_a_dashboard_of_document_001(jonas):
    board = DashboardSnapshot.objects.get()
    assert board.current_equity == Decimal("50410.200")
    assert (board.total_trades, board.winning_trades) == (20, 11)
    assert board.profit_factor == Decimal("1.3125")
    assert board.daily_loss_limit == 2
    assert board.consecutive_losses_limit == 4
    assert (board.account_balance, board.theme) == (Decimal("50410.200"), "light")
    assert board.occurred_at == at(2024, 6, 3, 12)


def test_an_entry_of_the_audit_is_an_event(jonas):
    told = capture("data_capture_audit:1")
    assert (told.type, told.event_name) == ("event", "legacy audit: payment")
    assert told.occurred_at == at(2024, 6, 1, 10, 0, 1)
    kept = payload("data_capture_audit:1")
    assert (kept["status"], kept["error_details"]) == ("error", "database is locked")
    assert kept["data_snapshot"]["final_price"] == Decimal("99.99")
    assert "4111111111111111" not in everything()


def test_states_that_the_row_holds_go_before_its_columns(bakery, old):
    state = {"account": {"balance": 1.5}, "ui": {"zoom": 2}}
    trading = {"initialEquity": 7, "performanceMetrics": {"winRate": 60}}
    old.make(DASHBOARDS).add(
        "dashboard_data",
        BOARD
        | {"dashboard_state": json.dumps(state), "trading_state": json.dumps(trading)},
    )

    load(old)

    board = DashboardSnapshot.objects.get()
    assert (board.account_balance, board.initial_equity) == (Decimal("1.5"), 7)
    assert board.win_rate == 60
    # What only a column knows is not lost for it.
    assert board.account_equity_dash == 50380
    assert board.losing_trades == 9
    assert json.loads(board.dashboard_state or "")["ui"] == {"zoom": 2}


def test_an_equal_dashboard_is_a_sighting_and_no_capture(bakery, old):
    later = BOARD | {"created_at": "2024-06-03 13:00:00"}
    changed = later | {"total_pnl": 411, "created_at": "2024-06-03 14:00:00"}
    old.make(DASHBOARDS).add("dashboard_data", BOARD, later, changed)

    out, _ = load(old)

    assert "3 rows read, 2 captures new" in out[0]
    assert "1 dashboards unchanged" in out[0]
    before = counts()
    out, _ = load(old)
    assert "0 captures new, 3 known already" in out[0]
    assert counts() == before


def test_running_it_again_adds_nothing(bakery, old):
    fill(old)
    load(old)
    before = counts()

    out, _ = load(old)

    assert all("0 captures new" in line for line in out[:6])
    assert counts() == before
    assert list(services.rebuild(repair=False, actor=system())) == []


def system() -> Actor:
    return Actor.system("test")


def fill(old: LegacyFile) -> None:
    """Put realistic rows of several people into all six tables."""
    old.make(*SCHEMAS)
    old.add("customer_data_immutable", ANA, BEA)
    old.add(
        "users",
        {
            "id": 101,
            "email": "Ana.Silva@example.org",
            "username": "ana",
            "password_hash": HASH,
            "created_at": "2024-03-01 18:03:00",
            "last_login": "2024-05-01 06:00:00",
        },
        {
            "id": 103,
            "email": "jonas@example.net",
            "username": "jonas77",
            "password_hash": HASH,
            "created_at": "2024-05-31 09:00:00",
        },
    )
    old.add("payment_data", TEAM, TEAM | {"id": 8, "transaction_id": "TX-78"})
    old.add("questionnaire_data", ANSWERS)
    old.add("dashboard_data", BOARD)
    for kind in ("payment", "questionnaire", "dashboard"):
        row = {"user_email": "jonas@example.net", "capture_type": kind}
        old.add("data_capture_audit", row)


def test_one_customer_for_each_person(bakery, old):
    fill(old)

    load(old)

    assert sorted(Customer.objects.values_list("email_key", flat=True)) == [
        "ana.silva@example.org",
        "bea@example.org",
        "jonas@example.net",
    ]
    # Ana stands in both tables: one signup, and a login at the time of the last one.
    assert Signup.objects.filter(email="ana.silva@example.org").count() == 1
    assert capture("users:101").type == "profile"
    assert capture("users:103").type == "signup"
    login = Login.objects.get()
    assert (login.email, login.login_time) == (
        "ana.silva@example.org",
        at(2024, 5, 1, 6),
    )
    jonas = owner(capture("users:103"))
    assert jonas.joined_at == at(2024, 5, 31, 9)
    assert jonas.name == "jonas77"


def test_no_secret_reaches_the_database(bakery, old):
    fill(old)
    old.run("ALTER TABLE payment_data ADD COLUMN cvv TEXT")
    old.run("ALTER TABLE payment_data ADD COLUMN note TEXT")
    old.run("UPDATE payment_data SET cvv = '987', note = 'card 4111 1111 1111 1111'")
    old.add("payment_data", {"user_email": "", "cvv": "654"})

    load(old)

    text = everything()
    assert HASH not in text
    assert "c2VjcmV0" not in text
    assert "4111 1111" not in text
    assert payload("payment_data:7")["cvv"] == "[redacted:cvc]"
    assert "[redacted:cvc]" in quarantined_text()
    assert "654" not in quarantined_text()


def quarantined_text() -> str:
    return "\n".join(row.item or "" for row in Quarantine.objects.all())


def test_a_bad_row_is_kept_and_stops_no_other(bakery, old):
    old.make(PAYMENTS.replace("user_email TEXT NOT NULL", "user_email TEXT"), AUDIT)
    old.add(
        "payment_data",
        TEAM | {"id": 1, "transaction_id": "A"},
        TEAM | {"id": 2, "user_email": None, "user_id": None},
        TEAM | {"id": 3, "final_price": "ninety"},
        TEAM | {"id": 4, "final_price": -5},
        TEAM | {"id": 5, "user_email": "not an address"},
        TEAM | {"id": 6, "user_email": "", "user_id": 0},
        TEAM | {"id": 7, "user_email": None, "transaction_id": "B"},
        TEAM | {"id": 8, "user_id": 0, "transaction_id": "C"},
    )

    out, err = load(old)

    assert "8 rows read, 3 captures new, 0 known already, 5 problems" in out[0]
    assert out[-1] == "Problems are in quarantine, in the admin."
    assert err == [
        "payment_data 2: no_identity /user_email",
        "payment_data 3: amount_invalid /final_price",
        "payment_data 4: amount_invalid /final_price",
        "payment_data 5: schema_violation /user_email",
        "payment_data 6: no_identity /user_email",
    ]
    assert "ninety" not in "".join(out + err)
    assert Quarantine.objects.count() == 5
    # Row 7 has the user id alone, and that is enough; row 8 the e-mail alone.
    assert set(Payment.objects.values_list("customer", flat=True)) == {
        Customer.objects.get().pk
    }
    assert Payment.objects.count() == 3
    before = counts()
    load(old)
    assert counts() == before | {"Sighting": before["Sighting"] + 5}


def test_a_quarantined_row_can_be_repaired_and_has_its_own_time(bakery, old):
    old.make(PAYMENTS).add("payment_data", TEAM | {"final_price": "ninety"})
    load(old)
    row = Quarantine.objects.get()
    fixed = (row.item or "").replace('"ninety"', "90")

    verdict = services.replay_quarantined(row, actor=system(), text=fixed)

    kept = Capture.objects.get(pk=verdict.capture_id)
    assert kept.message_id == "legacy:payment_data:7"
    assert kept.occurred_at == at(2024, 6, 1, 10)
    assert Payment.objects.get().final_price == 90


def test_a_row_that_changed_since_is_not_overwritten(bakery, old):
    old.make(PAYMENTS).add("payment_data", TEAM)
    load(old)
    old.run("UPDATE payment_data SET payment_status = 'refunded'")

    _, err = load(old)

    assert err == ["payment_data 7: message_id_conflict "]
    assert Payment.objects.get().state == "paid"
    assert "refunded" in quarantined_text()


def test_text_that_is_no_utf8_is_kept_exactly(bakery, old):
    old.make(PAYMENTS).add("payment_data", TEAM)
    old.run("UPDATE payment_data SET user_name = CAST(x'4AE96E7300' AS TEXT)")
    old.run("UPDATE payment_data SET coupon_code = x'ff00fe'")

    out, _ = load(old)

    assert "1 binary_value, 1 invalid_utf8" in out[0]
    kept = payload("payment_data:7")
    assert kept["user_name"].encode("utf-8", "surrogateescape") == b"J\xe9ns\0"
    assert base64.b64decode(kept["coupon_code"]) == b"\xff\0\xfe"
    assert (Payment.objects.get().user_name or "").startswith("J?ns")


def test_json_that_is_broken_stays_text(bakery, old):
    old.make(QUESTIONNAIRES, DASHBOARDS)
    old.add("questionnaire_data", ANSWERS | {"crypto_assets": '["SOL/USD"'})
    old.add("dashboard_data", BOARD | {"trading_state": "{" * 500})

    out, err = load(old)

    assert err == []
    assert "1 unreadable_json" in out[0]
    assert payload("questionnaire_data:1")["crypto_assets"] == '["SOL/USD"'
    assert Questionnaire.objects.get().forex_assets == []
    assert payload("dashboard_data:1")["trading_state_text"] == "{" * 500
    assert DashboardSnapshot.objects.get().initial_equity == 50000


def test_screenshots_of_every_kind(bakery, old):
    old.make(QUESTIONNAIRES, AUDIT)
    huge = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(6_000_000)).decode()
    old.add(
        "questionnaire_data",
        ANSWERS | {"account_screenshot": f"data:image/png;base64,{PICTURE}"},
        ANSWERS | {"account_screenshot": PNG},
        ANSWERS | {"account_screenshot": "uploads/acc.png"},
        ANSWERS | {"account_screenshot": huge},
    )
    snapshot = json.dumps({"accountScreenshot": PICTURE})
    row = {"user_email": "jonas@example.net", "data_snapshot": snapshot}
    old.add("data_capture_audit", row | {"capture_type": "questionnaire"})

    out, err = load(old)

    # What is too large to keep is said; the answers beside it are in quarantine.
    assert err == ["questionnaire_data 4: schema_violation /account_screenshot"]
    assert "1 no_picture" in out[0]
    marks = list(Questionnaire.objects.values_list("account_screenshot", flat=True))
    assert len(marks) == 3
    assert len([mark for mark in marks if mark]) == 2
    kept = payload("questionnaire_data:3")
    assert kept["account_screenshot_text"] == "uploads/acc.png"
    told = payload("data_capture_audit:1")["data_snapshot"]["accountScreenshot"]
    assert told.startswith("sha256:")
    assert PICTURE not in everything()
    assert "6-10" in quarantined_text()


def test_names_in_any_case_order_and_number(bakery, old):
    old.make(
        'CREATE TABLE "Payment_Data" ("Final_Price" REAL, "userEmail" TEXT, '
        '"ID" INTEGER PRIMARY KEY, "shoe size" TEXT, message_id TEXT, sent_at TEXT);'
        "CREATE TABLE unrelated (x);"
        "CREATE TABLE questionnaire_data (user_email TEXT, risk_reward_ratio TEXT);"
        "CREATE VIEW users AS SELECT 1 AS id, 'x@example.org' AS email;"
    )
    old.add(
        '"Payment_Data"',
        {
            "userEmail": "a@example.org",
            "Final_Price": 0.1,
            '"shoe size"': "42",
            "message_id": "their-own",
            "sent_at": "2030-01-01 00:00:00",
        },
    )
    row = {"user_email": "a@example.org", "risk_reward_ratio": "1:2"}
    old.add("questionnaire_data", row, row)

    out, err = load(old)

    assert [line.split(":")[0] for line in out] == [
        "payment_data",
        "questionnaire_data",
    ]
    assert err == []
    kept = payload("payment_data:1")
    assert kept["shoe size"] == "42"
    assert kept["legacy_message_id"] == "their-own"
    assert kept["Final_Price".lower()] == Decimal("0.1")
    assert capture("payment_data:1").sent_at is None
    # A table without a key is known by the places of its rows.
    assert capture("questionnaire_data:row2").type == "questionnaire"
    assert not Customer.objects.filter(email="x@example.org").exists()


def test_a_copied_table_keeps_its_ids(bakery, old):
    old.make(PAYMENTS).add("payment_data", TEAM)
    old.run("CREATE TABLE users AS SELECT 55 AS id, 'a@example.org' AS email")

    load(old)

    assert capture("users:55").email == "a@example.org"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        (None, at(2024, 6, 1, 10)),
        ("Europe/Oslo", at(2024, 6, 1, 8)),
    ],
)
def test_times_without_a_zone(bakery, old, zone, expected):
    old.make(PAYMENTS).add("payment_data", TEAM)

    load(old, time_zone=zone)

    row = capture("payment_data:7")
    assert row.occurred_at == expected
    warnings = [code for code, _ in row.warnings or []]
    assert ("naive_timestamp" in warnings) == (zone is None)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2024-06-01T10:00:00+02:00", at(2024, 6, 1, 8)),
        ("2024-06-01 10:00:00.123457", at(2024, 6, 1, 10, 0, 0, 123457)),
        ("2024-06-01", at(2024, 6, 1)),
        (1717236000, at(2024, 6, 1, 10)),
        ("1717236000.5", at(2024, 6, 1, 10, 0, 0, 500000)),
    ],
)
def test_times_in_the_ways_they_are_written(bakery, old, written, expected):
    old.make(PAYMENTS).add("payment_data", TEAM | {"created_at": written})

    load(old)

    assert capture("payment_data:7").occurred_at == expected


def test_an_unreadable_time_gives_way_to_the_next(bakery, old):
    old.make(CUSTOMERS).add(
        "customer_data_immutable",
        ANA | {"join_date": "March 1st", "last_active": "today"},
    )

    load(old)

    row = capture("customer_data_immutable:1")
    assert row.occurred_at == at(2024, 3, 1, 18, 4, 5)
    assert Signup.objects.get().signup_date == at(2024, 3, 1, 18, 4, 5)
    active = Capture.objects.filter(message_id__endswith=":active")
    assert not active.exists()


def test_a_payment_that_stands_in_both_tables_counts_once(bakery, old):
    old.make(CUSTOMERS, PAYMENTS)
    old.add("customer_data_immutable", ANA, ANA | {"id": 9, "unique_id": "x"})
    mine = {"user_email": ANA["email"], "final_price": 48.5, "payment_status": "paid"}
    old.add("payment_data", mine | {"transaction_id": "T-1"})
    # The payments first, as the second file would be.
    first = LegacyFile(old.path.with_name("first.db")).make(PAYMENTS)
    first.add("payment_data", mine | {"transaction_id": "T-1"})
    load(first)

    out, _ = load(old)

    assert "2 payments told of by payment_data" in out[0]
    assert Payment.objects.count() == 1
    ana = owner(capture("customer_data_immutable:1"))
    assert CustomerStats.objects.get(customer=ana).total_spent == Decimal("48.50")
    before = counts()
    load(old)
    assert counts() == before


@pytest.mark.parametrize("months", [1, 3])
@pytest.mark.parametrize(
    "runs",
    ["sum pay", "pay sum", "sum both", "sum pay sum pay", "pay sum pay", "both sum"],
)
def test_a_payment_in_both_tables_counts_once_in_any_runs(
    bakery, tmp_path, runs, months
):
    files = {
        "sum": LegacyFile(tmp_path / "sum.sqlite3").make(CUSTOMERS),
        "pay": LegacyFile(tmp_path / "pay.sqlite3").make(PAYMENTS),
        "both": LegacyFile(tmp_path / "both.sqlite3").make(CUSTOMERS, PAYMENTS),
    }
    for name, file in files.items():
        if name != "pay":
            file.add("customer_data_immutable", ANA)
        if name != "sum":
            payments = [
                {
                    "id": month,
                    "user_email": ANA["email"],
                    "final_price": 48.5,
                    "payment_status": "paid",
                    "payment_processor": "CoinGate",
                    "transaction_id": f"TX-{month}",
                    "created_at": f"2024-0{4 - month}-02 09:15:00",
                }
                for month in range(1, months + 1)
            ]
            file.add("payment_data", *payments)

    for name in runs.split():
        load(files[name])

    payments = Payment.objects.filter(verified=True)
    assert set(payments.values_list("transaction_id", flat=True)) == {
        f"TX-{month}" for month in range(1, months + 1)
    }
    assert Payment.objects.count() == months
    stats = CustomerStats.objects.get()
    assert (stats.total_spent, stats.total_orders) == (Decimal("48.5") * months, months)
    rebuilt = services.rebuild(repair=False, actor=Actor.system("test"))
    assert list(rebuilt) == []


def test_a_payment_in_both_tables_of_one_file_counts_once(bakery, old):
    old.make(CUSTOMERS, PAYMENTS)
    old.add("customer_data_immutable", ANA)
    mine = {"user_email": ANA["email"], "final_price": 48.5, "payment_status": "paid"}
    old.add("payment_data", mine | {"transaction_id": "T-1"})

    out, _ = load(old)

    assert "1 payments told of by payment_data" in out[0]
    assert Payment.objects.count() == 1
    ana = owner(capture("customer_data_immutable:1"))
    figures = CustomerStats.objects.get(customer=ana)
    assert (figures.total_spent, figures.total_orders) == (Decimal("48.50"), 1)
    before = counts()
    load(old)
    assert counts() == before


def test_an_id_of_two_people_is_a_question_to_staff(bakery, old):
    """The tables of the two documents may both count from 1."""
    old.make(CUSTOMERS, PAYMENTS)
    old.add("customer_data_immutable", ANA | {"customer_id": 1})
    old.add("payment_data", TEAM | {"user_id": 1})

    out, err = load(old)

    assert "1 messages name an e-mail and an id of different people" in "\n".join(out)
    assert err == []
    ana = Customer.objects.get()
    review = IdentityReview.objects.get()
    assert (review.kind, review.user_ref, review.user_customer) == (
        "contradiction", "1", ana,
    )  # fmt: skip
    assert CaptureLink.objects.get(capture=capture("payment_data:7")).customer is None
    before = counts()
    load(old)
    assert counts() == before

    services.decide_identity_review(
        review, "other_person", reason="Two tables.", actor=Actor.system("test")
    )
    assert owner(capture("payment_data:7")).email == "jonas@example.net"
    assert ana.email == "ana.silva@example.org"


def test_an_id_that_the_hub_gives_to_somebody_else_is_a_question(bakery, old):
    other = CustomerFactory(
        business=bakery, email="other@example.org", external_id="103"
    )
    nameless = CustomerFactory(business=bakery, email=None, external_id="101")
    old.make(CUSTOMERS, PAYMENTS).add("payment_data", TEAM)
    old.add("customer_data_immutable", ANA)

    load(old)

    assert CaptureLink.objects.get(capture=capture("payment_data:7")).customer is None
    assert IdentityReview.objects.get().user_customer == other
    # A customer without an e-mail has no other name than the id.
    assert owner(capture("customer_data_immutable:1")) == nameless
    before = counts()
    load(old)
    assert counts() == before


def test_the_other_business_is_not_touched(bakery, rival, old):
    fill(old)
    twin = CustomerFactory(business=rival, email="ana.silva@example.org", name="Twin")

    load(old)

    twin.refresh_from_db()
    assert twin.name == "Twin"
    for table in (Capture, Customer, Payment, Signup, Source, CaptureLink):
        rows: Any = table._default_manager.filter(business=rival)
        assert rows.count() == (1 if table is Customer else 0)


def test_check_says_what_would_happen_and_writes_nothing(bakery, old, tmp_path):
    fill(old)
    old.add("payment_data", TEAM | {"id": 70, "final_price": "ninety"})
    before = everything()

    out, err = load(old, check=True)

    assert out[-1] == "Nothing was written."
    assert "3 rows read, 2 captures would be new, 0 known already, 1 problems" in out[2]
    assert err == ["payment_data 70: amount_invalid /final_price"]
    assert everything() == before
    assert not (tmp_path / "media").exists()
    load(old)
    out, _ = load(old, check=True)
    assert "0 captures would be new, 2 known already, 1 problems" in out[2]


def test_the_file_is_not_touched(bakery, old):
    fill(old)
    content = old.path.read_bytes()
    old.path.chmod(0o444)
    old.path.parent.chmod(0o555)
    try:
        load(old)
    finally:
        old.path.parent.chmod(0o755)

    assert old.path.read_bytes() == content
    beside = [p.name for p in old.path.parent.iterdir() if p.name.startswith("trading")]
    assert beside == [old.path.name]


def test_a_write_ahead_log_is_read_too(bakery, old):
    old.make(PAYMENTS, "PRAGMA journal_mode=WAL;")
    with closing(sqlite3.connect(old.path, isolation_level=None)) as program:
        program.execute("PRAGMA wal_autocheckpoint=0")
        program.execute(
            "INSERT INTO payment_data (id, user_email, final_price, created_at) "
            "VALUES (5, 'a@example.org', 12.5, '2024-01-02 03:04:05')"
        )
        wal = old.path.with_name(old.path.name + "-wal")
        content = (old.path.read_bytes(), wal.read_bytes())
        assert content[1]

        out, _ = load(old)

        assert (old.path.read_bytes(), wal.read_bytes()) == content
    assert "1 rows read, 1 captures new" in out[0]
    assert Payment.objects.get().final_price == Decimal("12.500")


def test_a_file_that_changes_meanwhile_is_said(bakery, old, monkeypatch):
    old.make(PAYMENTS).add("payment_data", TEAM)
    real = services.import_legacy

    def meanwhile(*args: Any, **kwargs: Any) -> Any:
        report = real(*args, **kwargs)
        os.utime(old.path, (1, 1))
        return report

    monkeypatch.setattr(services, "import_legacy", meanwhile)

    with pytest.raises(CommandError, match="was changed while it was read"):
        load(old)

    assert Payment.objects.exists()


def test_files_that_are_no_database(bakery, tmp_path):
    fails(tmp_path / "none.db", "There is no file .*none.db. Mend the path.")
    fails(tmp_path, "There is no file")
    text = tmp_path / "text.db"
    text.write_text("id,email\n")
    fails(text, "is no SQLite database, or an encrypted one")
    empty = tmp_path / "empty.db"
    empty.touch()
    fails(empty, "is no SQLite database")
    other = LegacyFile(tmp_path / "other.db").make("CREATE TABLE orders (id);")
    fails(other.path, "has none of the tables users, customer_data_immutable")
    assert not Source.objects.exists()


def test_a_damaged_file(bakery, old):
    old.make(PAYMENTS)
    old.add("payment_data", *(TEAM | {"id": n} for n in range(1, 300)))
    content = bytearray(old.path.read_bytes())
    content[4096 * 2 :] = b"\x99" * (len(content) - 4096 * 2)
    old.path.write_bytes(content)

    with pytest.raises(CommandError, match="is damaged or of a newer SQLite"):
        load(old)


def test_wrong_options(bakery, old):
    old.make(PAYMENTS)
    fails(old.path, "No business is called 'nobody'", business="nobody")
    fails(old.path, "No time zone is called 'Mars'", time_zone="Mars")
    fails(old.path, "No time zone is called '../etc'", time_zone="../etc")
    fails(old.path, "needs a letter or a digit", source="!!!")


LONG = "x" * 70_000
STRANGE = [
    "\0", "", " ", "\u202e", LONG, 2**63 - 1, -1, 1e308, float("inf"), b"\xff",
    b"", "[" * 200, '{"a": NaN, "a": 1e999}', "null", "[object Object]",
    "4111111111111111",
    "0000-00-00", "9999-12-31 23:59:59", 10**17, "a@example.org", "-----BEGIN KEY-----",
]  # fmt: skip


def test_no_row_is_too_strange(bakery, old):
    """One row for each strange value, which stands in every column."""
    old.make(*(schema.replace(" UNIQUE", "") for schema in SCHEMAS))
    tables = {
        "customer_data_immutable": ANA,
        "users": {"id": 0, "email": "", "username": "", "created_at": ""},
        "payment_data": TEAM,
        "questionnaire_data": ANSWERS,
        "dashboard_data": BOARD | {"dashboard_state": "", "trading_state": ""},
        "data_capture_audit": {"user_email": "", "capture_type": "", "timestamp": ""}
        | {"data_snapshot": "", "status": "", "error_details": "", "ip_address": ""},
    }
    for table, columns in tables.items():
        for n, value in enumerate(STRANGE, start=1):
            row = dict.fromkeys(columns, value) | {"id": n}
            old.add(table, row)
            person = "email" if "email" in columns else "user_email"
            if value == LONG:
                row = dict.fromkeys(columns, LONG[:7000])
            old.add(table, row | {"id": n + 100, person: f"p{n}@example.org"})

    load(old, time_zone="Pacific/Apia")

    for table in tables:
        for n in [*range(1, len(STRANGE) + 1), *range(101, len(STRANGE) + 101)]:
            message_id = f"legacy:{table}:{n}"
            captured = Capture.objects.filter(message_id=message_id).exists()
            seen = Sighting.objects.filter(message_id=message_id).exists()
            kept = Quarantine.objects.filter(message_id=message_id).exists()
            assert captured or kept or seen, message_id
    assert "4111111111111111" not in everything()
    before = counts() | {"Sighting": 0}
    load(old, time_zone="Pacific/Apia")
    assert counts() | {"Sighting": 0} == before
    assert list(services.rebuild(repair=False, actor=system())) == []


def test_more_rows_than_a_batch(bakery, old):
    old.make(CUSTOMERS).add(
        "customer_data_immutable",
        *(
            ANA
            | {
                "id": n,
                "customer_id": n,
                "unique_id": f"C-{n}",
                "email": f"person{n}@example.org",
            }
            for n in range(1, 121)
        ),
    )

    out, _ = load(old)

    assert "120 rows read, 600 captures new" in out[0]
    assert Customer.objects.count() == Payment.objects.count() == 120


def test_two_spellings_of_one_address_are_one_person(bakery, tmp_path):
    """Of a domain in its letters and as the name system has it, in two tables."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, name TEXT)")
        db.execute("INSERT INTO users VALUES (1, 'a@b\u00fccher.example', 'Ana')")
        db.execute(CUSTOMERS)
        db.execute(
            "INSERT INTO customer_data_immutable (id, customer_id, unique_id, email, "
            "name, password_hash, membership_tier, payment_status, join_date) VALUES "
            "(7, 1, 'C-1', 'A@XN--BCHER-KVA.example', 'Ana', 'x', 'free', 'none', "
            "'2025-01-01T00:00:00Z')"
        )
        db.commit()
    options = {"business": bakery.slug, "source": "old"}
    call_command("import_legacy", str(path), stdout=StringIO(), **options)

    customer = Customer.objects.get()
    assert customer.email_key == "a@xn--bcher-kva.example"
    # One number for one person: it is no shared one, and there is one signup.
    assert customer.external_id == "1"
    codes = {code for c in Capture.objects.all() for code, _ in c.warnings or ()}
    assert "shared_user_id" not in codes
    assert Capture.objects.filter(type="signup").count() == 1
