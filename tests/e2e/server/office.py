"""A hub with people in it, seen from outside: what its addresses can be asked for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import quote

from tests.e2e import live
from tests.factories.audit import PIN

# What a key sends, so that there is something to read: the second is not taken.
SENT = (
    {"type": "payment", "email": "ana.silva@example.org", "final_price": 12.5},
    {"type": "payment", "email": "no address", "final_price": "much"},
)
# One of each other kind.
WHO = "ana.silva@example.org"
MORE = {
    "/api/customer-data/capture-signup": {"email": WHO, "full_name": "Ana Silva"},
    "/api/data-capture/questionnaire": {"user_email": WHO, "questionnaire": {"a": 1}},
    "/api/data-capture/dashboard": {"user_email": WHO, "dashboard_data": {"a": 1}},
    "/api/v1/tracking/logins": {"email": WHO, "success": True},
}
_PARAMETER = re.compile(r"\{(\w+)\}")
CSRF = "c" * 32
# The addresses of the two descriptions.
DESCRIPTIONS = ("/api/schema/", "/api/schema/contracts/")


@dataclass
class Office:
    """How an admin of the bakery gets in, and a key of the same business."""

    hub: live.Hub
    business: str
    slug: str
    token: str
    session: str
    session_cookie: str
    key: str
    page_key: str
    email: str

    @classmethod
    def open(cls, hub: live.Hub, customers: int) -> Office:
        made = hub._run("-m", "tests.e2e.make_office", str(customers))
        assert made.returncode == 0, made.stderr
        office = cls(hub, **json.loads(made.stdout))
        for n in range(20):
            for body in SENT:
                office.ask(
                    "POST",
                    "/api/v1/captures",
                    body | {"message_id": f"m{n}"},
                    office.key,
                )
        for path, body in MORE.items():
            assert office.ask("POST", path, body, office.key), path
        return office

    def ask(self, method: str, path: str, body: Any = None, token: str = "") -> Any:
        """Return the answer as JSON, or None for one that is no success."""
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "authorization": f"Bearer {token or self.token}",
            "content-type": "application/json",
        }
        answer = live.request(self.hub.server.port, method, path, data, headers)
        return answer.json() if answer.status < 300 and answer.content else None

    def confirm(self) -> None:
        """Confirm with the PIN, for what any number of acts may follow."""
        body = {"scope": "reveal", "pin": PIN}
        assert self.ask("POST", "/api/v1/auth/step-up", body) is not None

    @cached_property
    def schemas(self) -> dict[str, dict[str, Any]]:
        """The descriptions that the server publishes, by their address."""
        return {path: self.ask("GET", f"{path}?format=json") for path in DESCRIPTIONS}

    def known_values(self, schema: dict[str, Any]) -> dict[tuple[str, str], list[str]]:
        """Return what fills the parameters of each path: what the list above names.

        Looked up in the API itself, so that new addresses need nothing here.
        """
        found: dict[tuple[str, str], list[str]] = {}
        for path in schema["paths"]:
            filled = ""
            for part in path.strip("/").split("/"):
                if (name := _PARAMETER.fullmatch(part)) is None:
                    filled += f"/{part}"
                    continue
                values = self._values(name[1], filled)
                if not values:
                    break
                found[path, name[1]] = values
                filled += f"/{quote(values[0], safe='')}"
        return found

    def _values(self, name: str, parent: str) -> list[str]:
        if name == "business":
            return [self.slug, self.business]
        if name == "write_key":
            return [self.page_key, "pk_nobody"]
        if name == "user_email":
            return [self.email, "nobody@example.org"]
        listed = self._listed("/api/v1/customers" if name == "customer" else parent)
        names = ("id", "code", "key")
        return [next(str(row[n]) for n in names if n in row) for row in listed]

    def known_rows(self) -> dict[str, list[str]]:
        """Return ids of rows that bodies name, by the key that names them."""
        lists = {"customer_id": "customers", "ticket_id": "tickets"}
        lists |= {"booking_id": "bookings", "bookingId": "bookings"}
        return {
            key: [row["id"] for row in self._listed(f"/api/v1/{name}")]
            for key, name in lists.items()
        }

    def _listed(self, path: str) -> list[dict[str, Any]]:
        for token in (self.token, self.key):
            page = self.ask("GET", f"{path}?limit=100", token=token)
            page = page or self.ask("GET", path, token=token)
            rows = [page] if isinstance(page, list) else list((page or {}).values())
            for value in rows:
                if isinstance(value, list) and value and isinstance(value[0], dict):
                    return value
        return []
