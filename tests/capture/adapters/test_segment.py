"""Messages of Segment's and RudderStack's clients in our words."""

from __future__ import annotations

from decimal import Decimal

import pytest

from capture.adapters import EVENT_TYPES, read_segment

AT = "2026-11-21T03:53:07.492+00:00"
# As segment-analytics-python sends it.
IDENTIFY = {
    "type": "identify",
    "userId": "u1",
    "anonymousId": None,
    "traits": {"email": "ada@example.org", "name": "Ada", "phone": "+491701"},
    "timestamp": AT,
    "messageId": "6f8b9a30-0c0f-4b5e-9f7e-1a4c1f0f8a11",
    "integrations": {},
    "context": {"library": {"name": "analytics-python", "version": "2.4.0"}},
}
# As segment's browser library sends it.
BROWSER = {
    "timestamp": AT,
    "type": "track",
    "event": "Order Completed",
    "userId": "u1",
    "anonymousId": "a1",
    "properties": {"orderId": "1001", "revenue": Decimal("89.99"), "currency": "eur"},
    "context": {
        "ip": "203.0.113.9",
        "userAgent": "Mozilla/5.0",
        "locale": "de",
        "consent": {"categoryPreferences": {"Marketing": False}},
        "traits": {"email": "ada@example.org", "name": "Ada"},
    },
    "messageId": "ajs-next-1-2",
    "writeKey": "wk",
    "sentAt": "2026-11-21T03:53:08Z",
    "_metadata": {"retryCount": 2},
}
REFUSED = {"marketing_consent": False}
# As rudder-sdk-python sends it: what is known of the person stands in the context.
RUDDER = {
    "type": "identify",
    "channel": "server",
    "userId": 17,
    "context": {"traits": {"email": "ada@example.org", "firstName": "Ada"}},
    "originalTimestamp": AT,
    "messageId": "m1",
}


def read(item, kind=None, names=EVENT_TYPES, **options):
    return read_segment(item, kind, names, **options)


def track(name, properties=None, **changes):
    return {**BROWSER, "event": name, "properties": properties or {}, **changes}


def test_identify():
    item = read(IDENTIFY)

    assert item.issue is None
    assert item.type == "profile"
    assert item.identity.user_id == "u1"
    assert item.identity.anonymous_id is None
    assert item.identity.email == "ada@example.org"
    assert item.identity.phone == "+491701"
    assert (item.message_id, item.timestamp) == (IDENTIFY["messageId"], AT)
    assert item.fields == {"full_name": "Ada", "mobile_number": "+491701"}
    assert item.sent_as["email"] == "traits/email"


def test_rudder_tells_of_the_person_in_the_context():
    item = read(RUDDER)

    assert item.issue is None
    assert item.identity.user_id == "17"
    assert item.identity.email == "ada@example.org"
    assert item.timestamp == AT
    assert item.fields == {"full_name": "Ada"}
    assert item.sent_as["email"] == "context/traits/email"


def test_traits_at_the_root_win():
    context = {"traits": {"email": "old@example.org", "name": "Ada", "phone": "1"}}
    traits = {"email": "new@example.org", "name": None}
    item = read({**IDENTIFY, "traits": traits, "context": context})

    assert item.identity.email == "new@example.org"
    assert item.fields == {"full_name": "Ada", "mobile_number": "1"}


def test_every_trait_that_has_a_column():
    traits = {
        "firstName": "Ada",
        "last_name": "Lovelace",
        "marketingConsent": True,
        "status": "active",
        "address": {"city": "London", "street": "1"},
        "createdAt": "2020-01-01",
    }

    assert read({**IDENTIFY, "traits": traits}).fields == {
        "full_name": "Ada Lovelace",
        "marketing_consent": True,
        "status": "active",
        "location": "London",
        "signup_date": "2020-01-01",
    }


@pytest.mark.parametrize(
    ("own", "of_the_manager", "said", "key"),
    [
        ("no", None, "no", "traits/marketingConsent"),
        (None, "no", "no", "context/consent/categoryPreferences/Marketing"),
        ("  ", "no", "no", "context/consent/categoryPreferences/Marketing"),
        ({}, "no", "no", "context/consent/categoryPreferences/Marketing"),
        ("yes", "no", "no", "context/consent/categoryPreferences/Marketing"),
        ("no", "yes", "no", "traits/marketingConsent"),
        ("yes", "maybe", "yes", "traits/marketingConsent"),
        ({}, None, {}, "traits/marketingConsent"),
    ],
)
def test_consent_is_in_the_traits_or_that_of_a_manager(own, of_the_manager, said, key):
    preferences = {"Marketing": of_the_manager} if of_the_manager else {}
    item = read(
        {
            **IDENTIFY,
            "traits": {"marketingConsent": own},
            "context": {"consent": {"categoryPreferences": preferences}},
        }
    )

    assert item.fields["marketing_consent"] == said
    assert item.sent_as["marketing_consent"] == key
    places = {
        "traits/marketingConsent": own,
        "context/consent/categoryPreferences/Marketing": of_the_manager,
    }
    lost = [
        path for path, value in places.items() if value in ({}, "maybe") and path != key
    ]
    assert item.warnings == tuple(("does_not_fit", f"/{path}") for path in lost)


def test_a_no_is_read_wherever_it_stands():
    traits = {"marketing_consent": False, "marketingConsent": ""}
    no = {"marketing_consent": "no"}
    for message in (
        {**IDENTIFY, "traits": traits},
        {**IDENTIFY, "traits": {"marketing_consent": "yes"}, **no},
        track("Unsubscribed", properties=no),
        {"type": "page", "userId": "u-1", "properties": no},
        {"type": "screen", "userId": "u-1", **no},
    ):
        assert read(message).fields["marketing_consent"] in (False, "no"), message


@pytest.mark.parametrize(("event", "said"), [("Signed Up", True), ("Logged In", None)])
def test_a_trait_that_comes_with_every_message_is_no_new_answer(event, said):
    traits = {"email": "ada@example.org", "marketing_consent": True}
    item = read(track(event, context={"traits": traits}))

    assert item.fields.get("marketing_consent") is said


def test_what_stands_around_a_message():
    item = read(BROWSER)

    assert (item.ip, item.user_agent) == ("203.0.113.9", "Mozilla/5.0")
    assert item.fields["marketing_consent"] is False
    assert (item.attempt, item.gpc) == (2, None)
    assert item.sent_at == "2026-11-21T03:53:08Z"
    assert not item.clock_trusted


def test_a_purchase():
    item = read(BROWSER)

    assert item.issue is None
    assert (item.type, item.name) == ("payment", "Order Completed")
    assert item.identity.email == "ada@example.org"
    assert item.sent_as["final_price"] == "properties/revenue"
    assert item.fields == {
        "transaction_id": "1001",
        "final_price": Decimal("89.99"),
        "currency": "EUR",
        "payment_status": "completed",
        **REFUSED,
    }


@pytest.mark.parametrize(
    ("properties", "name", "value"),
    [
        ({"revenue": 1, "total": 2, "value": 3}, "final_price", 1),
        ({"total": 2, "value": 3}, "final_price", 2),
        ({"value": "3.50"}, "final_price", "3.50"),
        ({"revenue": None, "total": 2}, "final_price", 2),
        ({"order_id": 1001}, "transaction_id", "1001"),
        ({"order_id": "1", "transaction_id": "pi_1"}, "transaction_id", "pi_1"),
        ({"coupon": "SPRING"}, "coupon_code", "SPRING"),
        ({"discount": 5}, "discount_amount", 5),
        ({"payment_method": "card"}, "payment_method", "card"),
        ({"products": [{"sku": "1"}]}, "products", [{"sku": "1"}]),
        ({"payment_status": "pending"}, "payment_status", "pending"),
    ],
)
def test_properties_of_a_purchase(properties, name, value):
    assert read(track("Order Completed", properties)).fields[name] == value


def test_the_name_of_a_product_is_nobodys():
    item = read(track("Order Completed", {"name": "Gold", "value": 1}))

    assert "full_name" not in item.fields


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("Payment Succeeded", "completed"),
        ("payment failed", "failed"),
        ("Payment Pending", "pending"),
        ("Payment", "completed"),
    ],
)
def test_the_name_says_how_it_went(name, status):
    assert read(track(name, {"value": 1})).fields["payment_status"] == status


def test_a_refund_is_what_went_back():
    item = read(track("Order Refunded", {"order_id": "1", "total": 30}))

    assert item.fields["refund_amount"] == 30
    assert not {"final_price", "amount_refunded"} & item.fields.keys()
    assert item.sent_as["refund_amount"] == "properties/total"


def test_an_updated_order_says_nothing_of_how_it_went():
    updated = read(track("Order Updated", {"order_id": "1", "total": 80}))
    cancelled = read(track("Order Cancelled", {"order_id": "1", "total": 80}))

    assert (updated.type, cancelled.type) == ("payment", "payment")
    assert updated.fields["final_price"] == 80
    assert "payment_status" not in updated.fields
    assert cancelled.fields["payment_status"] == "cancelled"


def test_a_signup():
    properties = {"plan": "Gold", "email": "new@example.org", "referral": "bob"}
    item = read(track("Signed Up", properties))

    assert (item.type, item.name) == ("signup", "Signed Up")
    assert item.identity.email == "ada@example.org"
    assert (
        item.fields
        == {"full_name": "Ada", "plan": "Gold", "referral_code": "bob"} | REFUSED
    )


def test_an_address_in_the_properties_counts_where_there_is_no_other():
    item = read(track("Signed Up", {"email": "new@example.org"}, context={}))

    assert item.identity.email == "new@example.org"
    assert item.sent_as["email"] == "properties/email"


@pytest.mark.parametrize(
    ("name", "properties", "success"),
    [
        ("Signed In", {}, None),
        ("Login Failed", {}, False),
        ("LOGIN FAILED", {"success": True}, False),
        ("Logged In", {"success": False}, False),
    ],
)
def test_logins(name, properties, success):
    item = read(track(name, properties))

    assert item.type == "login"
    assert item.fields.get("success") is success


def test_other_tracks_are_events():
    item = read(track("Video Played", {"length": 3}))

    assert (item.type, item.name) == ("event", "Video Played")
    assert item.fields == {"properties": {"length": 3}} | REFUSED


def test_staff_have_a_table_of_their_own():
    names = {"bought it": "payment", "odd": "nonsense", "told": "profile"}

    assert read(track("Bought It", {"value": 1}), names=names).type == "payment"
    assert read(track("Order Completed"), names=names).type == "event"
    assert read(track("odd"), names=names).type == "event"
    assert read(track("told", {"name": "Ada L."}), names=names).fields == {
        "full_name": "Ada L.",
        **REFUSED,
    }


def test_a_stored_message_stays_what_it_was():
    stored = {key: value for key, value in IDENTIFY.items() if key != "type"}

    assert (
        read(track("Bought It", {"value": 1}), names={}, stored_type="payment").fields[
            "final_price"
        ]
        == 1
    )
    assert read(BROWSER, names=EVENT_TYPES, stored_type="event").type == "event"
    assert read(stored, names={}, stored_type="profile").fields["full_name"] == "Ada"
    assert read({"name": "Home"}, names={}, stored_type="page").name == "Home"


@pytest.mark.parametrize("kind", ["page", "screen"])
def test_pages(kind):
    item = read({"type": kind, "name": "Home", "properties": {"url": "/"}})

    assert (item.type, item.name) == ("page", "Home")
    assert item.fields == {"properties": {"url": "/"}}
    assert read({"type": kind, "properties": {"name": "Home"}}).name == "Home"


def test_a_group_is_not_the_person():
    item = read(
        {
            "type": "group",
            "userId": "u1",
            "groupId": "g1",
            "traits": {"name": "Acme", "email": "info@acme.example", "phone": "1"},
            "context": {"traits": {"name": "Ada", "email": "ada@example.org"}},
        }
    )

    assert item.type == "profile"
    assert item.identity.email == "ada@example.org"
    assert item.identity.phone is None
    assert item.fields["full_name"] == "Ada"
    assert item.fields["group_id"] == "g1"
    assert item.fields["group_traits"]["name"] == "Acme"


def test_an_alias():
    item = read({"type": "alias", "userId": "u2", "previousId": "a1"})

    assert item.type == "alias"
    assert (item.identity.user_id, item.identity.previous_id) == ("u2", "a1")


@pytest.mark.parametrize(
    ("given", "kept"),
    [("u1", "u1"), (17, "17"), (0, "0"), (Decimal("1.5"), "1.5")]
    + [(odd, None) for odd in (None, "", "  ", True, {}, ["u1"])],
)
def test_ids_are_text(given, kept):
    item = read({**IDENTIFY, "userId": given, "anonymousId": given})

    assert item.identity.user_id == kept
    assert item.identity.anonymous_id == kept


def test_the_route_may_say_what_it_is():
    assert read({"userId": "u1"}, "identify").type == "profile"
    assert read({"userId": "u1", "event": "x"}, "track").type == "event"


def test_business_time_comes_before_call_time():
    both = {**RUDDER, "timestamp": "2026-01-01T00:00:00Z"}

    assert read(both).timestamp == "2026-01-01T00:00:00Z"
    assert read({**RUDDER, "timestamp": {}}).timestamp == AT


@pytest.mark.parametrize("count", [None, -1, True, "2", 1.5, []])
def test_an_odd_count_of_attempts_is_none(count):
    assert read({**IDENTIFY, "_metadata": {"retryCount": count}}).attempt is None


def test_a_refusal_to_be_followed():
    assert read({**IDENTIFY, "context": {"gpc": True}}).gpc is True
    assert read({**IDENTIFY, "gpc": "1"}).gpc is True
    assert read({**IDENTIFY, "context": {"gpc": "no"}}).gpc is None


@pytest.mark.parametrize(
    ("item", "kind", "code", "pointer"),
    [
        (None, None, "item_not_object", ""),
        ([], "track", "item_not_object", ""),
        ("x", None, "item_not_object", ""),
        ({}, None, "unknown_shape", "/type"),
        ({"type": "merge"}, None, "unknown_shape", "/type"),
        ({"type": ["track"]}, None, "unknown_shape", "/type"),
        ({"type": "track"}, None, "event_name_missing", "/event"),
        ({"type": "track", "event": " "}, None, "event_name_missing", "/event"),
        ({"type": "track", "event": {}}, None, "event_name_missing", "/event"),
        ({"traits": []}, "identify", "traits_not_object", "/traits"),
        ({"traits": "x"}, "group", "traits_not_object", "/traits"),
        (
            {"context": {"traits": 1}},
            "identify",
            "traits_not_object",
            "/context/traits",
        ),
    ],
)
def test_malformed_messages(item, kind, code, pointer):
    found = read(item, kind).issue

    assert (found.code, found.pointer) == (code, pointer)


def test_two_different_answers_are_a_conflict():
    item = read(track("Signed Up", {"plan_type": "a", "planType": "b"}))

    assert item.issue.code == "conflicting_keys"
    assert item.issue.pointer == "/properties/planType"
