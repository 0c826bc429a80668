"""Bodies that work, for whoever tries the API in the viewer; by the body's component.

They fit the demo. Whoever sends one twice gets what a second one gets.
"""

from __future__ import annotations

from audit.json_text import JsonObject

_PERSON = {"name": "Thea Holt", "email": "thea.holt@example.no"}
# Without an address, which only one customer can have.
_WHOLE = {"name": "Thea Holt", "email": None, "phone": "+47 22 11 33 44"}
_AMOUNT = {"amount": "5.00", "currency": "EUR"}
_WHY = {"purpose": "monthly report", "reason": "asked for by accounting"}
_RULE = {
    "all": [
        {"field": "total_purchases", "op": "gte", "value": 2},
        {"field": "status", "op": "eq", "value": "active"},
    ]
}

EXAMPLES: JsonObject = {
    "SignIn": {"username": "admin", "password": "the one that the demo printed"},
    "Confirmation": {"scope": "reveal", "pin": "482913"},
    "NewPin": {"password": "your own password", "pin": "482913"},
    "CustomerCreate": {**_PERSON, "customer_type": "walk_in"},
    "CustomerUpdate": {"customer_type": "regular"},
    "CustomerCreateBatch": {
        "items": [_PERSON, {"name": "Per Dahl", "phone": "+47 22 11 33 44"}]
    },
    "AddressCreate": {"kind": "home", "line1": "Storgata 1", "city": "Oslo"},
    "ContactCreate": {"kind": "emergency", "name": "Kari", "phone": "+47 22 00 00 01"},
    "BookingCreate": {
        "kind": "order",
        "status": "completed",
        "currency": "EUR",
        "total_amount": "40.00",
        "paid_amount": "40.00",
        "placed_at": "2026-11-20T18:04:00Z",
    },
    "RecordPayment": {**_AMOUNT, "method": "cash", "reason": "at the counter"},
    "AskRefund": {**_AMOUNT, "reason_code": "quality", "reason": "stale bread"},
    "IssueCredit": {**_AMOUNT, "reason_code": "compensation", "reason": "was late"},
    "SpendCredit": _AMOUNT,
    "AddFlag": {"code": "often-late", "reason": "three times in May"},
    "NoteCreate": {"content": "Likes rye bread.", "note_type": "preference"},
    "TicketCreate": {"subject": "Wrong bread delivered", "priority": "high"},
    "MessageCreate": {"body": "We send another one today.", "is_internal": False},
    "ConsentCreate": {
        "purpose": "marketing",
        "channel": "email",
        "action": "given",
        "method": "phone",
    },
    "PreferencesUpdate": {"prefer_email": True, "do_not_contact": False},
    "RevealBody": {"reason": "call back about ticket 12"},
    "GiveReason": {"reason": "asked for by phone"},
    "Reason": {"reason": "asked for by phone"},
    "RuleBody": {"rule": _RULE},
    "AnyExport": {**_WHY, "profile": "list", "columns": ["unique_id", "name"]},
    "FullExport": {**_WHY, "filters": {"status": "active"}},
    "HubListExport": {**_WHY, "status": "active"},
    "MarketingExport": {
        "segment": "repeat",
        "channel": "email",
        "purpose": "newsletter",
        "reason": "the letter of December",
    },
    "HubCreate": {**_PERSON, "customerType": "walk_in"},
    "HubReplace": {
        **_WHOLE,
        "customerType": "regular",
        "emailVerified": False,
        "status": "active",
    },
    "HubUpdate": {"customerType": "regular"},
    "HubAct": {"action": "addFlag", "flag": "often-late", "reason": "three times"},
    "CreateCustomer": {**_PERSON, "prefer_email": True},
    "ReplaceCustomer": {
        **_WHOLE,
        "address": "Storgata 1, 0155 Oslo",
        "customer_type": "regular",
        "is_active": True,
        "prefer_call": None,
        "prefer_email": True,
        "prefer_sms": False,
    },
    "UpdateCustomer": {"customer_type": "regular"},
    "WriteNote": {"content": "Likes rye bread.", "note_type": "preference"},
    "UpdatePreferences": {"favorite_products": "rye bread", "average_spend": "12.50"},
    "SignupMessage": {"email": _PERSON["email"], "full_name": _PERSON["name"]},
    "PaymentMessage": {
        "user_email": _PERSON["email"],
        "plan_name_payment": "Team",
        "final_price": 100.00,
        "payment_method": "card",
        "payment_status": "completed",
    },
    "QuestionnaireMessage": {
        "user_email": _PERSON["email"],
        "questionnaire_data": {"trading_experience": "none"},
    },
    "DashboardMessage": {
        "user_email": _PERSON["email"],
        "dashboard_data": {"theme": "dark"},
    },
    "LoginMessage": {"email": _PERSON["email"], "success": True},
    "ProfileMessage": {"email": _PERSON["email"], "location": "Oslo"},
    "CaptureItem": {"type": "signup", "email": _PERSON["email"]},
    "Captures": {"captures": [{"type": "login", "email": _PERSON["email"]}]},
    "CapturesOrOne": {"type": "login", "email": _PERSON["email"]},
}


# Where no address says whose it is, the body has to; which one is not for us to know.
_SOMEBODY = "01a1ffc5-01c7-709f-a16d-326a35774431"
_OWNED = {
    f"/api/v1/{name}": "customer_id"
    for name in ("addresses", "bookings", "consents", "contacts", "notes", "tickets")
} | {"/api/v1/messages": "ticket_id"}


def with_examples(path: str, operation: JsonObject) -> None:
    """Put the example of an operation's body beside its schema."""
    for media in operation.get("requestBody", {}).get("content", {}).values():
        name = media["schema"].get("$ref", "").rpartition("/")[2]
        if name in EXAMPLES:
            owner = {_OWNED[path]: _SOMEBODY} if path in _OWNED else {}
            example = EXAMPLES[name]
            media["example"] = {**owner, **example} if owner else example
