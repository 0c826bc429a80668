"""What schemathesis has to know of the hub; it loads this module beside the schema.

Each exception from its checks stands here or in test_schemathesis.py, with its reason.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from http.client import MULTIPLE_CHOICES
from typing import Any
from uuid import UUID

import schemathesis
from django.core.exceptions import ValidationError
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

from audit.privacy.invisible import bare
from customers.values.answer import parse_answer

# What a schema can say of a value. A request that fits the schema and is refused for
# one of these is a lie of the schema; for another one it is a rule about rows, states
# and several fields at once, which no schema knows.
SHAPES = frozenset(
    {
        "answer_invalid",
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
# Rows that a body names; what only looks like an id is somebody's at best.
ROWS: dict[str, list[str]] = json.loads(os.environ.get("FUZZ_ROWS", "{}"))
ARCHIVED: set[str] = set()
# Operations that have archived somebody in this run.
ENDED: set[str] = set()
# Secrets, of which only one is right.
SECRETS = (
    "/api/v1/auth/step-up",
    "/api/v1/auth/step-up/passkey",
    "/api/v1/auth/step-up/passkey/begin",
    "/api/v1/auth/pin",
    "/api/v1/auth/token/passkey",
    "/api/v1/auth/token/passkey/begin",
)


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Bring the CSRF cookie along with a session, as a browser does."""
    if "x-csrftoken" in {name.lower() for name in case.headers}:
        case.cookies["csrftoken"] = os.environ["FUZZ_CSRF"]
    # Examples come without having been mapped.
    case.body = map_body(context, case.body)
    given = case.path_parameters or {}
    is_done = _ends(case) and case.operation.label in ENDED
    if given.get("customer") in ARCHIVED and not is_done:
        # Ids that were made in this run are preferred, also once nobody sees them.
        live = [pk for pk in ROWS["customer_id"] if pk not in ARCHIVED]
        given["customer"] = live[len(ARCHIVED) % len(live)]


@schemathesis.hook
def after_call(context: Any, case: Any, response: Any) -> None:
    """Keep in mind whom a call has archived."""
    given = case.path_parameters or {}
    if "customer" in given and _ends(case) and response.status_code < MULTIPLE_CHOICES:
        ARCHIVED.add(given["customer"])
        ENDED.add(case.operation.label)


def _ends(case: Any) -> bool:
    """Tell whether a call archives the customer whom its address names."""
    path = case.operation.path
    is_own = path.endswith("/{customer}") and case.method == "DELETE"
    return bool(is_own or path.endswith("/{customer}/archive"))


@schemathesis.hook
def map_query(context: Any, query: Any) -> Any:
    """Walk by cursor, or page by number: both at once are refused, as they should."""
    if query and "cursor" in query and {"page", "ordering"} & set(query):
        return {name: value for name, value in query.items() if name != "cursor"}
    return query


@schemathesis.hook
def map_body(context: Any, body: Any) -> Any:
    """Name rows that there are, so that a body is not about nobody."""
    if not isinstance(body, dict):
        return body
    return {name: _known(name, value) for name, value in body.items()}


@schemathesis.hook
def map_headers(context: Any, headers: Any) -> Any:
    """Name a business that there is: any other is refused, as foreign ones are."""
    if headers and headers.get("X-Business"):
        return {**headers, "X-Business": os.environ["FUZZ_BUSINESS"]}
    return headers


def _known(name: str, value: Any) -> Any:
    rows = ROWS.get(name, [])
    try:
        return rows[UUID(value).int % len(rows)] if rows else value
    except (AttributeError, TypeError, ValueError):
        return value


# A request that fits the schema may be refused for these all the same.
RULES: tuple[Callable[[Any, dict[str, Any], set[str]], bool], ...] = (
    # An item may have any keys; what they mean together is a rule of the pipeline.
    lambda case, problem, _: (
        problem["status"] == 422 and "Sending captures" in case.operation.tags
    ),
    # A cursor is taken from the page before, and means nothing else.
    lambda case, *_: "cursor" in (case.query or {}),
    lambda case, *_: case.operation.path in SECRETS,
    # Which keys an act needs, and takes, depends on the act.
    lambda case, problem, _: (
        case.operation.path.endswith("/actions") and problem["status"] == 400
    ),
    # A rule about the whole row, or about it and its neighbours.
    lambda case, _, places: "" in places and isinstance(case.body, dict),
    # Rules of segments are a language of their own.
    lambda _, __, places: any("/rule" in place for place in places),
    # What stands beside a row can be chosen with `expand` alone.
    lambda _, __, places: "/fields" in places,
)


def _has_loose_ends(body: Any) -> bool:
    values = body.values() if isinstance(body, dict) else ()
    return any(isinstance(value, str) and bare(value) != value for value in values)


def _says_yes_or_no(body: Any) -> bool:
    """Tell whether a value is a yes or no in another spelling than that of JSON.

    The schema says `boolean`, which makers of clients need; the others are read too.
    """
    values = body.values() if isinstance(body, dict) else ()
    return any(_is_answer(value) for value in values if not isinstance(value, bool))


def _is_answer(value: Any) -> bool:
    try:
        return parse_answer(value) is not None
    except ValidationError:
        return False


def _may_be_accepted(failure: Any, case: Any, response: Any) -> bool:
    """Tell whether what does not fit the schema is nothing wrong all the same."""
    # An optional body left out is nothing wrong, whatever the tool meant by it.
    if "Invalid component: positive test case" in failure.message:
        return True
    # What copying leaves at the ends of a text is cut off before it is measured.
    if "`maxLength`" in failure.message and _has_loose_ends(case.body):
        return True
    if _says_yes_or_no(case.body):
        return True
    # Each item of a batch is refused by itself, in an answer of 200.
    is_batch = case.operation.path.endswith("/bulk")
    return bool(is_batch and response.json()["failed"])


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """Keep a failure, unless what fits the schema was refused by a rule."""
    if isinstance(failure, AcceptedNegativeData):
        return not _may_be_accepted(failure, case, response)
    if not isinstance(failure, RejectedPositiveData):
        return True
    problem = response.json()
    places = {error["pointer"] for error in problem["errors"]}
    codes = {problem["code"], *(error["code"] for error in problem["errors"])}
    if any(is_rule(case, problem, places) for is_rule in RULES):
        return False
    return bool(codes - {"validation_error"} <= SHAPES)
