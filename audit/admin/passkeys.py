"""What forms that ask for a passkey share, with the script `hub/js/passkeys.js`.

The script sends the form with `passkey_ask`, and gets what the browser needs. It puts
the passkey's answer into the field `passkey`, and the form is sent as any other.
"""

from __future__ import annotations

from collections.abc import Callable

from django.core.exceptions import ValidationError
from django.http import HttpRequest, JsonResponse

from audit import accounts
from audit.json_text import JsonObject

ASK = "passkey_ask"
ANSWER = "passkey"


def is_asking(request: HttpRequest) -> bool:
    """Tell whether the script asks what the browser needs."""
    return request.method == "POST" and ASK in request.POST


def answer_in(request: HttpRequest) -> JsonObject:
    """Return the passkey's answer that a form brings; empty for what is none."""
    return accounts.parse_passkey_answer(request.POST.get(ANSWER, ""))


def passkey_response(ask: Callable[[], JsonObject]) -> JsonResponse:
    """Return the passkey options as JSON, or a message why there are none."""
    try:
        response = JsonResponse(ask())
    except ValidationError as refused:
        body = {"message": " ".join(refused.messages)}
        params = getattr(refused, "params", None) or {}
        response = JsonResponse(body, status=429 if "retry_after" in params else 400)
        if "retry_after" in params:
            response["Retry-After"] = str(params["retry_after"])
    response["Cache-Control"] = "no-store"
    return response
