"""What schemathesis has to know of the hub; it loads this module beside the schema.

Each exception from its checks stands here or in test_schemathesis.py, with its reason.
"""

from __future__ import annotations

import os
from typing import Any

import schemathesis
from schemathesis.openapi.checks import RejectedPositiveData

# What a schema can say of a value. A request that fits the schema and is refused for
# one of these is a lie of the schema; for another one it is a rule about rows, states
# and several fields at once, which no schema knows.
SHAPES = frozenset(
    {
        "blank",
        "conflicting_keys",
        "date",
        "datetime",
        "empty",
        "incorrect_type",
        "invalid",
        "invalid_choice",
        "invalid_json",
        "invalid_parameter",
        "malformed",
        "max_decimal_places",
        "max_digits",
        "max_length",
        "max_string_length",
        "max_value",
        "max_whole_digits",
        "min_length",
        "min_value",
        "not_a_dict",
        "not_a_list",
        "null",
        "null_characters_not_allowed",
        "required",
        "surrogate_characters_not_allowed",
        "unknown_field",
        "unknown_parameter",
        "unsupported_media_type",
    }
)
# Whose a row is: in the body, or in the address that the same body is sent to.
OWNERS = ("/customer_id", "/ticket_id")
# Secrets, of which only one is right.
SECRETS = ("/api/v1/auth/step-up", "/api/v1/auth/pin")


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Bring the CSRF cookie along with a session, as a browser does."""
    if "x-csrftoken" in {name.lower() for name in case.headers}:
        case.cookies["csrftoken"] = os.environ["FUZZ_CSRF"]


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """Walk by cursor, or page by number: both at once are refused, as they should."""
    if query and "cursor" in query and {"page", "ordering"} & set(query):
        return {name: value for name, value in query.items() if name != "cursor"}
    return query


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Keep a failure, unless what fits the schema was refused by a rule."""
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    codes = {problem["code"], *(error["code"] for error in problem["errors"])}
    if problem["status"] == 422 and "Sending captures" in case.operation.tags:
        # An item may have any keys; what they mean together is a rule of the pipeline.
        return False
    if "cursor" in (case.query or {}) or case.operation.path in SECRETS:
        # A cursor is taken from the page before, and means nothing else.
        return False
    if any(e["pointer"] in OWNERS for e in problem["errors"]):
        # One body for two addresses: below a customer the address says whose it is.
        return False
    return bool(codes - {"validation_error"} <= SHAPES)
