"""What the description says of requests that read captures, and of their refusals."""

from __future__ import annotations

from typing import Any

from audit.rest.schema import StaffSchema
from audit.rest.views import ActionSpec

KEYS: list[dict[str, list[str]]] = [{"captureKey": []}, {"captureKeyHeader": []}]
COMMON = {429: "Too many; wait as long as Retry-After says.", 503: "Try again soon."}
_READING = {
    400: "A parameter is unknown or wrong.",
    401: "Sign in, or send a secret key that may read.",
    403: "The role or the key may not do this.",
    **COMMON,
}
_NOT_FOUND = {404: "There is no such thing, or it belongs to another business."}
_DECIDING = {
    409: "The same message came before, with a difference.",
    413: "Too large.",
    415: "Only JSON is taken, and no unknown Content-Encoding.",
    422: "It can still not be taken.",
}


class ReadingSchema(StaffSchema):
    """Describes what a key or a session reads, and what a session decides."""

    def get_auth(self) -> list[dict[str, Any]]:
        if self.method == "POST":
            return [{"staffSession": [], "csrfToken": []}]
        return [*KEYS, {"staffSession": []}]

    def refusals(self, spec: ActionSpec) -> dict[int, str]:
        return {
            **_READING,
            **(_NOT_FOUND if "{id}" in self.path else {}),
            **(_DECIDING if self.method == "POST" else {}),
        }
