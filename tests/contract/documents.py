"""What the five documents send, and what comes back: paths, bodies, exact keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.contract.shapes import Also, Maybe

CAPTURED = Also(
    {
        "success": "flag",
        "status": "text",
        "capture_id": "id",
        "customer_id": Maybe("id"),
        "duplicate": "flag",
        "message": "text",
        "warnings": "any",
    },
    {},
)
PAGINATION = {
    "page": "count",
    "limit": "count",
    "total": "count",
    "total_pages": "count",
    "total_is_capped": "flag",
}
HUB_PAGINATION = {
    "page": "count",
    "limit": "count",
    "total": "count",
    "totalPages": "count",
    "totalIsCapped": "flag",
}
STATS = dict.fromkeys(
    (
        "totalOrders",
        "completedOrders",
        "cancelledOrders",
        "openTickets",
        "urgentTickets",
        "addressesCount",
        "contactsCount",
    ),
    "count",
) | {"totalLtv": "amount"}
HUB_ROW = {
    "id": "id",
    "uniqueId": "text",
    "name": "text",
    "email": "text",
    "createdAt": "time",
    "emailVerified": "flag",
    "status": "text",
    "stats": STATS,
    # Ours: W4 takes them in, so they come back.
    "phone": Maybe("text"),
    "customerType": Maybe("text"),
}
HUB_ADDRESS = {
    "id": "id",
    "kind": "text",
    "isPrimary": "flag",
    **{
        name: Maybe("text")
        for name in ("line1", "city", "postalCode", "country", "label", "recipient",
                     "line2", "region", "raw", "phone")
    },
}  # fmt: skip
HUB_DETAIL = {
    **HUB_ROW,
    "flags": "any",
    "currency": "text",
    "bookings": [
        {
            "id": "id",
            "reference": "text",
            "kind": "text",
            "status": "text",
            "totalAmount": "amount",
            "paidAmount": "amount",
            "refundedAmount": "amount",
            "currency": "text",
            "createdAt": "time",
            "completedAt": Maybe("time"),
        }
    ],
    "addresses": [HUB_ADDRESS],
    "contacts": [
        {
            "id": "id",
            "kind": "text",
            "name": Maybe("text"),
            "relation": Maybe("text"),
            "email": Maybe("text"),
            "phone": Maybe("text"),
        }
    ],
    "supportTickets": [
        {
            "id": "id",
            "number": "count",
            "subject": "text",
            "status": "text",
            "priority": "text",
            "createdAt": "time",
            "responses": [{"author": "text", "body": "text", "createdAt": "time"}],
        }
    ],
    "more": "any",
}
PREFERENCES = {
    "favorite_products": Maybe("text"),
    "preferred_payment": Maybe("text"),
    "average_spend": Maybe("amount"),
    "best_contact_time": Maybe("text"),
    "do_not_contact": "flag",
    "can_receive_offers": "flag",
    "can_receive_loyalty": "flag",
}
FIGURES = {
    "total_purchases": "count",
    "total_spent": "amount",
    "total_items_bought": "amount",
    "avg_transaction_value": "amount",
    "first_purchase_date": Maybe("day"),
    "last_purchase_date": Maybe("day"),
    "days_since_last_purchase": Maybe("count"),
    "is_repeat_customer": "flag",
    "repeat_frequency": Maybe("text"),
    "customer_lifetime_value": "amount",
}
CUSTOMER = {
    "id": "id",
    "business_id": "id",
    "unique_id": "text",
    "name": "text",
    "phone": Maybe("text"),
    "email": Maybe("text"),
    "address": Maybe("text"),
    "customer_type": Maybe("text"),
    "is_active": "flag",
    "prefer_sms": "flag",
    "prefer_email": "flag",
    "prefer_call": "flag",
    "created_at": "time",
    "updated_at": "time",
}
NOTE = {
    "id": "id",
    "customer_id": "id",
    "business_id": "id",
    "note_type": "text",
    "content": "text",
    "created_by": {"id": "id", "name": "text"},
    "created_at": "time",
    "updated_at": "time",
}
ONE_CUSTOMER = {
    **CUSTOMER,
    "preferences": PREFERENCES,
    "purchase_history": FIGURES,
    "recent_notes": "any",
}
IMMUTABLE = {
    "id": "id",
    "customer_id": "id",
    "unique_id": "text",
    "email": Maybe("text"),
    "name": "text",
    "phone": Maybe("text"),
    "membership_tier": Maybe("text"),
    "payment_status": Maybe("text"),
    "payment_method": Maybe("text"),
    "payment_amount": Maybe("amount"),
    "payment_date": Maybe("time"),
    "join_date": "time",
    "last_active": Maybe("time"),
    "status": "text",
    "questionnaire_data": "any",
    "account_type": Maybe("text"),
    "prop_firm": Maybe("text"),
    "account_size": Maybe("amount"),
    "trading_experience": Maybe("text"),
    "risk_tolerance": Maybe("text"),
    "trading_goals": Maybe("text"),
    "ip_address": Maybe("text"),
    "user_agent": Maybe("any"),
    "signup_source": Maybe("text"),
    "referral_code": Maybe("text"),
    "data_capture_complete": "flag",
    "admin_verified": "flag",
    "admin_notes": Maybe("text"),
    "credential_seen": "flag",
    "created_at": "time",
    "updated_at": "time",
}
ACTED = {"success": "flag", "action": "text", "operationId": "id"}


@dataclass(frozen=True)
class Said:
    """One request of a document: what is sent, and what comes back."""

    document: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    status: int = 200
    shape: Any = None
    # Sent by a capture key, by staff, or by nobody.
    by: str = "staff"
    # It has to be confirmed with a PIN (step-up) first.
    asks_first: bool = False
    # A call of the document that shares its path with another one.
    counts: bool = True


SIGNUP = {
    "email": "ana.silva@example.org", "name": "Ana Silva", "phone": "+351 912 000 421",
    "membership_tier": "pro", "signup_source": "spring-fair", "referral_code": "LX-77",
    "join_date": "2026-11-20T18:04:00Z", "marketing_consent": False,
    "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99",
    "tracking": {"utm_source": "flyer"},
}  # fmt: skip
PAYMENT = {
    "email": "ana.silva@example.org", "payment_status": "completed",
    "payment_method": "card", "payment_amount": 48.50, "currency": "EUR",
    "payment_date": "2026-11-20T18:09:00Z", "transaction_id": "T-9001",
}  # fmt: skip
QUESTIONNAIRE = {
    "email": "ana.silva@example.org", "account_type": "swing", "prop_firm": "none",
    "account_size": 20000, "trading_experience": "3 years", "risk_tolerance": "low",
    "trading_goals": "income", "answers": {"q7": "weekly"},
}  # fmt: skip
CRYPTO = {
    "user_email": "jonas@example.net", "user_name": "Jonas Berg",
    "plan_name_payment": "Team", "original_price": 120.00, "discount_amount": 20.00,
    "final_price": 100.00, "coupon_code": "NOV20", "payment_method": "crypto",
    "transaction_id": "TX-77", "payment_status": "completed",
    "payment_processor": "CoinGate", "crypto_transaction_hash": "0xab12",
    "crypto_from_address": "bc1q77", "crypto_amount": "0.001234500000000000",
}  # fmt: skip
TRADES = {
    "user_email": "jonas@example.net", "tradesPerDay": "6-10", "tradingSession": "asia",
    "cryptoAssets": ["SOL/USD"], "forexAssets": [], "customForexPairs": ["NOK/SEK"],
    "hasAccount": "no", "accountEquity": 12000, "propFirm": "Apex",
    "accountType": "Funded", "accountSize": 50000, "riskPercentage": 0.75,
    "riskRewardRatio": "1:3",
}  # fmt: skip
DASHBOARD = {
    "user_email": "jonas@example.net",
    "dashboardData": {
        "account": {"balance": 50410.20, "equity": 50380.00},
        "performance": {"totalPnl": 410.20, "winRate": 55.0, "totalTrades": 20},
    },
    "tradingState": {
        "initialEquity": 50000, "currentEquity": 50410.20,
        "performanceMetrics": {
            "winningTrades": 11, "losingTrades": 9, "profitFactor": 1.31,
        },
        "riskSettings": {
            "riskPerTrade": 0.5, "dailyLossLimit": 2.0, "consecutiveLossesLimit": 4,
        },
    },
    "theme": "light",
}  # fmt: skip
IDA = {
    "name": "Ida Lund", "phone": "+47 22 00 00 00", "email": "ida@example.no",
    "address": "Storgata 1, Oslo", "customer_type": "walk_in", "prefer_sms": True,
    "prefer_email": False, "prefer_call": False,
}  # fmt: skip
LEA = {
    "name": "Lea Moor", "email": "lea@example.org", "phone": "+41 44 000 00 00",
    "customerType": "regular",
    "addresses": [
        {"kind": "home", "line1": "Seeweg 4", "city": "Zug", "postalCode": "6300",
         "country": "CH", "isPrimary": True},
    ],
}  # fmt: skip
REFUND = {
    "action": "issue_refund", "bookingId": "{booking}", "amount": 25.00,
    "currency": "EUR", "reasonCode": "quality", "reason": "two items broken",
}  # fmt: skip
CREDIT = {
    "action": "issue_credit", "amount": 10.00, "currency": "EUR",
    "reasonCode": "compensation", "reason": "late delivery",
}  # fmt: skip

_HUB, _004 = "/api/admin/customers", "/api/customers/bakery-nord"
_ACTIONS = f"{_HUB}/{{customer}}/actions"
SAID = [
    # --- document 000
    Said("000", "POST", "/api/customer-data/capture-signup", SIGNUP, 200, CAPTURED,
         "key"),
    Said("000", "POST", "/api/customer-data/capture-payment", PAYMENT, 200, CAPTURED,
         "key"),
    Said("000", "POST", "/api/customer-data/capture-questionnaire", QUESTIONNAIRE, 200,
         CAPTURED, "key"),
    Said("000", "GET", "/api/customer-data/get-all?page=1&page_size=50&search=&status=",
         shape={"success": "flag", "count": "count", "next": Maybe("text"),
                "previous": Maybe("text"), "customers": [IMMUTABLE]}),
    Said("000", "GET", "/api/customer-data/get/{customer}",
         shape={"success": "flag", "customer": IMMUTABLE}),
    Said("000", "POST", "/api/customer-data/export",
         {"format": "csv", "columns": ["unique_id", "name", "email"],
          "filters": {"status": "active"}, "in_clear": True, "purpose": "audit",
          "reason": "year-end", "recipient": "Tax office"}, asks_first=True,
         shape="csv"),
    Said("000", "GET", "/api/customer-data/stats",
         shape={"success": "flag", "as_of": "time", "total_customers": "count",
                "payment_verification": dict.fromkeys(
                    ("none", "claimed", "confirmed", "failed", "refunded"), "count"),
                "data_capture": {"complete": "count", "incomplete": "count",
                                 "completion_rate": Maybe("amount")},
                "captures": {"period_hours": "count", "accepted": "count",
                             "quarantined": "count", "success_rate": Maybe("amount")}}),
    Said("000", "GET", "/healthz", shape={"status": "text"}, by="nobody"),
    # --- document 001
    Said("001", "POST", "/api/data-capture/payment", CRYPTO, 200, CAPTURED, "key"),
    Said("001", "POST", "/api/data-capture/questionnaire", TRADES, 200, CAPTURED,
         "key"),
    Said("001", "POST", "/api/data-capture/dashboard", DASHBOARD, 200, CAPTURED, "key"),
    Said("001", "GET", "/api/data-capture/stats/jonas%40example.net",
         shape={"user_email": "text",
                "data_counts": dict.fromkeys(
                    ("payments", "questionnaires", "dashboard_updates", "activities",
                     "audit_records"), "count"),
                "latest_timestamps": dict.fromkeys(
                    ("payment", "questionnaire", "dashboard"), Maybe("time")),
                "total_data_points": "count"}),
    Said("001", "GET", "/api/data-capture/health", by="nobody",
         shape={"status": "text", "service": "text"}),
    # --- document 002: its five calls; statistics and export are two more
    Said("002", "POST", "/api/v1/tracking/profiles",
         {"email": "mia@example.org", "full_name": "Mia Roth", "signup_method": "email",
          "marketing_consent": True, "status": "active"}, 200, CAPTURED, "key"),
    Said("002", "PATCH", "/api/v1/tracking/profiles",
         {"email": "mia@example.org", "last_login_at": "2026-11-20T05:00:00Z",
          "mobile_number": "+49 30 5550199"}, 200, CAPTURED, "key"),
    Said("002", "POST", "/api/v1/tracking/logins",
         {"email": "mia@example.org", "login_method": "password", "success": False,
          "failure_reason": "wrong password", "device_info": "iPhone"}, 200, CAPTURED,
         "key"),
    Said("002", "GET", "/api/v1/tracking/statistics",
         shape={"as_of": "time", "total_customers": "count",
                "active_customers": "count", "inactive_customers": "count",
                "new_this_week": "count",
                "new_this_month": "count", "marketing_opt_ins": "count",
                "opt_in_rate": Maybe("amount"),
                "logins": {"last_30_days": "count",
                           "mean_per_customer": Maybe("amount")},
                "total_orders": "count", "total_spent": "amount", "currency": "text"}),
    Said("002", "GET", "/api/v1/tracking/targeted?minSpent=10&minOrders=1&page=1",
         shape={"count": "count", "next": Maybe("text"), "previous": Maybe("text"),
                "results": [{"id": "id", "unique_id": "text", "full_name": "text",
                             "email": Maybe("text"), "total_orders": "count",
                             "total_spent": "amount", "last_login_at": Maybe("time"),
                             "contactable": {"email": "flag", "sms": "flag",
                                             "call": "flag", "rule": "text"}}]}),
    Said("002", "POST", "/api/v1/tracking/marketing-export",
         {"segment": "repeat", "channel": "email", "preset": "plain",
          "reason": "November offers"}, asks_first=True, shape="csv"),
    # --- document 003
    Said("003", "GET", f"{_HUB}?search=berg&status=active&sortBy=totalLtv"
         "&sortOrder=desc&page=1&limit=20",
         shape={"customers": [HUB_ROW], "pagination": HUB_PAGINATION,
                "summary": {"totalCustomers": "count", "totalLtv": "amount",
                            "totalOrders": "count", "totalCancellations": "count",
                            "currency": "text"}}),
    Said("003", "POST", _HUB, LEA, 201,
         HUB_DETAIL | {"possibleDuplicates": "any", "bookings": "any",
                       "contacts": "any", "supportTickets": "any"}),
    Said("003", "GET", f"{_HUB}/{{customer}}", shape=HUB_DETAIL),
    Said("003", "PUT", f"{_HUB}/{{customer}}",
         {"name": "Jonas Berg", "email": "jonas@example.net", "emailVerified": True,
          "phone": None, "customerType": "vip", "status": "active"}, shape=HUB_DETAIL),
    Said("003", "PATCH", f"{_HUB}/{{customer}}", {"customerType": "vip"},
         shape=HUB_DETAIL, counts=False),
    Said("003", "DELETE", f"{_HUB}/{{customer}}", {"reason": "asked by phone"}, 204),
    Said("003", "POST", _ACTIONS, REFUND, shape=ACTED | {
        "result": {"refundId": "id", "status": "text", "refundedTotal": "amount"}}),
    Said("003", "POST", _ACTIONS, REFUND | {"amount": 90.00}, 202, ACTED | {
        "result": {"refundId": "id", "status": "text", "needs": "text"}},
        asks_first=True, counts=False),
    Said("003", "POST", _ACTIONS, CREDIT, shape=ACTED | {"result": "any"},
         counts=False),
    Said("003", "POST", _ACTIONS,
         {"action": "add_flag", "flag": "fragile_goods", "reason": "as they said"},
         shape=ACTED | {"result": "any"}, counts=False),
    Said("003", "POST", _ACTIONS,
         {"action": "remove_flag", "flag": "vip_guest", "reason": "no more"},
         shape=ACTED | {"result": "any"}, counts=False),
    Said("003", "POST", _ACTIONS,
         {"action": "export_data", "reason": "access request 12"},
         shape=ACTED | {"result": "any"}, asks_first=True, counts=False),
    Said("003", "POST", _ACTIONS,
         {"action": "resend_invoices", "bookingIds": ["{booking}"]},
         shape=ACTED | {"result": "any"}, counts=False),
    Said("003", "POST", f"{_HUB}/export",
         {"search": "", "status": "active", "columns": [], "inClear": False,
          "purpose": "list", "reason": "the board asked"}, asks_first=True,
         shape="csv"),
    # --- document 004
    Said("004", "POST", f"{_004}/", IDA, 201, ONE_CUSTOMER),
    Said("004", "GET", f"{_004}/?page=1&limit=20&search=&customer_type=vip"
         "&is_active=true&sort_by=created_at&sort_order=desc",
         shape={"customers": [CUSTOMER], "pagination": PAGINATION}),
    Said("004", "GET", f"{_004}/search?q=Jonas&limit=10",
         shape={"customers": [{"id": "id", "unique_id": "text", "name": "text",
                               "phone": Maybe("text"), "email": Maybe("text"),
                               "customer_type": Maybe("text")}]}),
    Said("004", "GET", f"{_004}/repeat?page=1&limit=20",
         shape={"customers": [CUSTOMER | {"purchase_history": FIGURES}],
                "pagination": PAGINATION}),
    Said("004", "GET", f"{_004}/{{customer}}", shape=ONE_CUSTOMER),
    Said("004", "PATCH", f"{_004}/{{customer}}", {"customer_type": "regular"},
         shape=ONE_CUSTOMER),
    Said("004", "DELETE", f"{_004}/{{customer}}", None, 204),
    Said("004", "POST", f"{_004}/{{customer}}/notes",
         {"note_type": "issue", "content": "Call before delivery."}, 201, NOTE),
    Said("004", "GET", f"{_004}/{{customer}}/notes?note_type=issue&page=1&limit=20",
         shape={"notes": [NOTE], "pagination": PAGINATION}),
    Said("004", "PATCH", f"{_004}/{{customer}}/preferences",
         {"do_not_contact": True, "favorite_products": "rye, oat"},
         shape=PREFERENCES | {"id": "id", "customer_id": "id", "business_id": "id",
                              "created_at": "time", "updated_at": "time"}),
    Said("004", "GET", f"{_004}/{{customer}}/history?page=1&limit=20",
         shape={"purchases": [{"id": "id", "reference": "text", "kind": "text",
                               "status": "text", "total_amount": "amount",
                               "refunded_amount": "amount", "items_count": "amount",
                               "currency": "text", "purchased_at": "time"}],
                "summary": FIGURES | {"id": "id", "customer_id": "id",
                                      "business_id": "id", "created_at": "time",
                                      "updated_at": "time"},
                "pagination": PAGINATION}),
    Said("004", "GET", f"{_004}/{{customer}}/metrics",
         shape={"customer": {"id": "id", "name": "text", "customer_type": Maybe("text"),
                             "is_active": "flag"},
                "metrics": FIGURES,
                "loyalty": {"tier": Maybe("text"), "next_tier": Maybe("text"),
                            "purchases_to_next_tier": Maybe("count")},
                "currency": "text"}),
]  # fmt: skip
