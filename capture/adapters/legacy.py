"""Rows of the tables that documents 000 and 001 describe, as messages of our routes.

Each row becomes one message that holds the whole row, and further ones for what it
tells besides: a payment, a questionnaire, a login, a last visit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from audit.json_text import JsonObject
from capture.adapters.requirement import snake
from capture.choices import CaptureType
from capture.parsing import ParseError, is_blank, parse_body, plain_value

USERS, CUSTOMERS = "users", "customer_data_immutable"
PAYMENTS = "payment_data"
# In this order, so that people are known before what they did.
LEGACY_TABLES = (
    USERS,
    CUSTOMERS,
    PAYMENTS,
    "questionnaire_data",
    "dashboard_data",
    "data_capture_audit",
)
# Where a row names its person: the user id, the e-mail.
WHO = {
    USERS: (("id",), ("email", "user_email")),
    CUSTOMERS: (("customer_id", "id"), ("email", "user_email")),
}
WHO_ELSE = (("user_id",), ("user_email", "email"))

_JSON = (
    "questionnaire_data",
    "crypto_assets",
    "forex_assets",
    "custom_forex_pairs",
    "dashboard_state",
    "trading_state",
    "data_snapshot",
)
# Keys that mean something to every route, but not in a row.
_OURS = ("message_id", "sent_at", "api_key", "gpc")
LEGACY_TIMES = (
    "join_date",
    "signup_date",
    "joined_at",
    "date_joined",
    "registered_at",
    "created_at",
    "payment_date",
    "timestamp",
    "last_login_at",
    "last_login",
    "last_active",
    "updated_at",
)
_JOINED = LEGACY_TIMES[:6]
_LOGIN = ("last_login_at", "last_login")
_PAID = ("payment_status", "payment_method", "payment_amount", "payment_date")
_NOT_PAID = ("", "none", "pending", "null")
_ANSWERS = (
    "questionnaire_data",
    "account_type",
    "prop_firm",
    "account_size",
    "trading_experience",
    "risk_tolerance",
    "trading_goals",
)
# Where the objects of document 001 hold what has a column too.
_ACCOUNT = {"account_balance": "balance", "account_equity_dash": "equity"}
_PERFORMANCE = {
    "total_pnl": "totalPnl",
    "win_rate": "winRate",
    "total_trades": "totalTrades",
}
_STATE = {"initial_equity": "initialEquity", "current_equity": "currentEquity"}
_METRICS = {
    **_PERFORMANCE,
    "winning_trades": "winningTrades",
    "losing_trades": "losingTrades",
    "average_win": "averageWin",
    "average_loss": "averageLoss",
    "profit_factor": "profitFactor",
    "max_drawdown": "maxDrawdown",
    "current_drawdown": "currentDrawdown",
    "gross_profit": "grossProfit",
    "gross_loss": "grossLoss",
    "consecutive_wins": "consecutiveWins",
    "consecutive_losses": "consecutiveLosses",
}
_RISKS = {
    "risk_per_trade": "riskPerTrade",
    "daily_loss_limit": "dailyLossLimit",
    "consecutive_losses_limit": "consecutiveLossesLimit",
}


@dataclass(frozen=True)
class Part:
    """One message of a row. `times` may tell when it happened, the best one first."""

    suffix: str
    kind: str
    body: JsonObject
    times: tuple[object, ...]

    @property
    def is_dated(self) -> bool:
        """Whether it says nothing but that something happened at a time."""
        return self.suffix in (":login", ":active")


def read_columns(
    columns: Mapping[str, object],
) -> tuple[JsonObject, list[tuple[str, str]]]:
    """Return the values of a row under their names in snake_case, JSON parsed.

    What is not JSON where it should be stays text. Warnings name the column.
    """
    row: JsonObject = {}
    warnings: list[tuple[str, str]] = []
    for name, raw in columns.items():
        key = name if snake(name) in row else snake(name)
        value, note = plain_value(raw)
        if key in _JSON and note is None and isinstance(value, str) and value.strip():
            value, note = _parsed(value)
        if note is not None:
            warnings.append((note, f"/{key}"))
        row[f"legacy_{key}" if key in _OURS else key] = value
    return row, warnings


def read_legacy(table: str, row: JsonObject, *, has_signup: bool = False) -> list[Part]:
    """Return the messages of a row. `has_signup`: another table has the signup."""
    if table == USERS:
        return _user(row, has_signup=has_signup)
    return _READERS[table](row)


def who(table: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return under which names a table has the user id and the e-mail."""
    return WHO.get(table, WHO_ELSE)


def _parsed(text: str) -> tuple[object, str | None]:
    try:
        parsed = parse_body(text.encode())
    except ParseError:
        return text, "unreadable_json"
    return parsed.value, None


def _first(row: JsonObject, names: Iterable[str]) -> object:
    return next((row[name] for name in names if row.get(name) is not None), None)


def _all(row: JsonObject, *names: str) -> tuple[object, ...]:
    return tuple(row[name] for name in names if row.get(name) is not None)


def _only(row: JsonObject, names: Iterable[str]) -> JsonObject:
    return {name: row[name] for name in names if row.get(name) is not None}


def _person(table: str, row: JsonObject) -> JsonObject:
    """Return what names the person, for the further messages of a row."""
    ids, emails = who(table)
    person = {"user_id": _first(row, ids), "email": _first(row, emails)}
    person["name"] = _first(row, ("name", "full_name", "user_name"))
    return {name: value for name, value in person.items() if value is not None}


def _whole(table: str, row: JsonObject) -> JsonObject:
    """Return the whole row, with its own id of the person as the user id."""
    body = dict(row)
    user_id = _first(row, who(table)[0])
    if body.get("user_id") not in (None, user_id):
        body["legacy_user_id"] = body["user_id"]
    body["user_id"] = user_id
    if body.get("email_verified") in (0, 1):
        body["email_verified"] = bool(body["email_verified"])
    return body


def _user(row: JsonObject, *, has_signup: bool) -> list[Part]:
    body = _whole(USERS, row)
    if "last_login_at" in body:
        # As a fact of a profile it would be a second login.
        body["last_login"] = body.pop("last_login_at")
    if is_blank(_all(row, "name", "full_name", "user_name")):
        names = " ".join(map(str, _all(row, "first_name", "last_name"))).strip()
        name = names or row.get("username")
        if name:
            body["full_name"] = name
    kind = CaptureType.PROFILE if has_signup else CaptureType.SIGNUP
    parts = [Part("", kind, body, _all(row, *_JOINED))]
    if _first(row, _LOGIN) is not None:
        login = {**_person(USERS, row), "success": True}
        parts.append(Part(":login", CaptureType.LOGIN, login, _all(row, *_LOGIN)))
    return parts


def _customer(row: JsonObject) -> list[Part]:
    person = _person(CUSTOMERS, row)
    joined = _all(row, *_JOINED)
    parts = [Part("", CaptureType.SIGNUP, _whole(CUSTOMERS, row), joined)]
    if _is_paid(row):
        paid = person | _only(row, (*_PAID, "currency", "transaction_id"))
        times = (*_all(row, "payment_date", "created_at"), *joined)
        parts.append(Part(":payment", CaptureType.PAYMENT, paid, times))
    answers = _only(row, _ANSWERS)
    if not is_blank(tuple(answers.values())):
        times = (*_all(row, "created_at"), *joined)
        body = person | answers
        parts.append(Part(":questionnaire", CaptureType.QUESTIONNAIRE, body, times))
    status = row.get("status")
    if isinstance(status, str) and status.strip().lower() not in ("", "active"):
        body = {**person, "status": status.strip().lower()}
        times = _all(row, "last_active", "created_at")
        parts.append(Part(":profile", CaptureType.PROFILE, body, times))
    if row.get("last_active") is not None:
        body = {**person, "name": "legacy last active"}
        body["full_name"] = person.get("name")
        times = _all(row, "last_active")
        parts.append(Part(":active", CaptureType.EVENT, body, times))
    return parts


def _is_paid(row: JsonObject) -> bool:
    status, amount = row.get("payment_status"), row.get("payment_amount")
    status_text = str(status or "").strip().lower()
    if amount in (None, "", 0) or amount == Decimal(0):
        return status_text not in _NOT_PAID
    return True


def _payment(row: JsonObject) -> list[Part]:
    times = _all(row, "payment_date", "created_at", "timestamp", "updated_at")
    return [Part("", CaptureType.PAYMENT, row, times)]


def _questionnaire(row: JsonObject) -> list[Part]:
    times = _all(row, "created_at", "timestamp", "updated_at")
    return [Part("", CaptureType.QUESTIONNAIRE, row, times)]


def _dashboard(row: JsonObject) -> list[Part]:
    """Return the state in the objects of document 001.

    What only a column knows goes into them; what they say themselves stays.
    """
    body = dict(row)
    dashboard = _object(body, "dashboard_state")
    trading = _object(body, "trading_state")
    _fill(dashboard, "account", row, _ACCOUNT)
    _fill(dashboard, "performance", row, _PERFORMANCE)
    _fill(trading, None, row, _STATE)
    _fill(trading, "performanceMetrics", row, _METRICS)
    _fill(trading, "riskSettings", row, _RISKS)
    body |= {"dashboard_data": dashboard, "trading_state": trading}
    times = _all(row, "created_at", "timestamp", "updated_at")
    return [Part("", CaptureType.DASHBOARD, body, times)]


def _object(body: JsonObject, name: str) -> JsonObject:
    """Take an object out of a message; what is none stays there under another name."""
    value = body.pop(name, None)
    if isinstance(value, dict):
        return dict(value)
    if value is not None:
        body[f"{name}_text"] = value
    return {}


def _fill(
    state: JsonObject, place: str | None, row: JsonObject, names: dict[str, str]
) -> None:
    key_name = next((k for k in state if place and snake(k) == snake(place)), place)
    inner = state if key_name is None else state.get(key_name, {})
    if not isinstance(inner, dict):
        return
    present = {snake(key) for key in inner}
    more = {
        key: row[column]
        for column, key in names.items()
        if row.get(column) is not None and snake(key) not in present
    }
    if key_name is None:
        state |= more
    elif more:
        state[key_name] = inner | more


def _audit(row: JsonObject) -> list[Part]:
    body = dict(row)
    name = body.pop("name", None)
    if name is not None:
        body["full_name"] = name
    body["name"] = f"legacy audit: {row.get('capture_type') or 'unknown'}"
    return [Part("", CaptureType.EVENT, body, _all(row, "timestamp", "created_at"))]


_READERS: dict[str, Callable[[JsonObject], list[Part]]] = {
    CUSTOMERS: _customer,
    PAYMENTS: _payment,
    "questionnaire_data": _questionnaire,
    "dashboard_data": _dashboard,
    "data_capture_audit": _audit,
}
