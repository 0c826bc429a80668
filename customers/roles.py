"""The permissions of each role, in one table.

A role holds in one business. Each line names tables, and for each role the verbs of
Django's permissions ("view", "add", "change") or further ones. Admin site, API, export,
import and commands check these; docs/security-model.md shows the table.
"""

from __future__ import annotations

from typing import NamedTuple

from customers.choices import Role

_ADMIN, _SUPPORT, _MARKETING, _AUDITOR = (
    Role.ADMIN,
    Role.SUPPORT,
    Role.MARKETING,
    Role.AUDITOR,
)
_ALL_ROLES = tuple(Role)
_WRITE = "view add change"


class Area(NamedTuple):
    """The permissions on some tables: verbs for each role, none if unnamed."""

    title: str
    app: str
    tables: tuple[str, ...]
    verbs: dict[Role, str]


_CUSTOMER_TABLES = ("customer", "address", "contact", "preferences", "flag", "booking")
_CONVERSATIONS = ("note", "ticket", "ticketmessage")
_MONEY = ("refund", "credit", "bookingpayment")
_OWNER_TABLES = ("business", "membership")
_INGEST_TABLES = ("source", "apikey", "webhookendpoint")

AREAS = (
    Area(
        "Customers, bookings",
        "customers",
        _CUSTOMER_TABLES,
        {_ADMIN: _WRITE, _SUPPORT: _WRITE, _MARKETING: "view", _AUDITOR: "view"},
    ),
    Area("Figures", "customers", ("customerstats",), dict.fromkeys(_ALL_ROLES, "view")),
    Area(
        "Consents",
        "customers",
        ("consentevent",),
        {
            _ADMIN: "view add",
            _SUPPORT: "view add",
            _MARKETING: "view",
            _AUDITOR: "view",
        },
    ),
    Area(
        "Notes, tickets",
        "customers",
        _CONVERSATIONS,
        {_ADMIN: _WRITE, _SUPPORT: _WRITE, _AUDITOR: "view"},
    ),
    Area(
        "Refunds, credit, recorded payments",
        "customers",
        _MONEY,
        {_ADMIN: _WRITE, _SUPPORT: _WRITE, _AUDITOR: "view"},
    ),
    Area(
        "Refund and credit above the business's limit",
        "customers",
        ("refund",),
        {_ADMIN: "exceed_limit"},
    ),
    Area(
        "Archive and restore",
        "customers",
        ("customer",),
        {_ADMIN: "archive bulk", _SUPPORT: "archive"},
    ),
    Area("Verify a customer", "customers", ("customer",), {_ADMIN: "verify"}),
    Area("Personal data", "audit", ("personal",), {_ADMIN: "view", _SUPPORT: "reveal"}),
    Area(
        "Business and its limits",
        "customers",
        ("business",),
        {_ADMIN: "view change", _SUPPORT: "view", _MARKETING: "view", _AUDITOR: "view"},
    ),
    Area(
        "People and roles",
        "customers",
        ("membership",),
        {_ADMIN: _WRITE, _AUDITOR: "view"},
    ),
    Area("Accounts", "audit", ("user",), {_ADMIN: "view", _AUDITOR: "view"}),
    Area(
        "Sources, keys, webhooks",
        "capture",
        _INGEST_TABLES,
        {_ADMIN: _WRITE, _AUDITOR: "view"},
    ),
    Area(
        "Captures, list and fields",
        "capture",
        (
            "capture",
            "capturelink",
            "capturedvalue",
            "identifier",
            "sighting",
            "signup",
            "login",
            "payment",
            "paymentreference",
            "questionnaire",
            "dashboardsnapshot",
        ),
        {_ADMIN: "view", _SUPPORT: "view", _AUDITOR: "view"},
    ),
    Area("Payloads", "capture", ("payload",), {_ADMIN: "read"}),
    Area("Corrections", "capture", ("capture",), {_ADMIN: "correct"}),
    Area(
        "Quarantine",
        "capture",
        ("quarantine",),
        {_ADMIN: "view replay discard", _SUPPORT: "view", _AUDITOR: "view"},
    ),
    Area(
        "Decisions on the quarantine, refused requests",
        "capture",
        ("quarantinedecision", "refusalcount"),
        {_ADMIN: "view", _SUPPORT: "view", _AUDITOR: "view"},
    ),
    Area(
        "Identity reviews",
        "capture",
        ("identityreview",),
        {_ADMIN: "view decide", _SUPPORT: "view decide", _AUDITOR: "view"},
    ),
    Area(
        "History of identity reviews",
        "capture",
        ("historicalidentityreview",),
        {_ADMIN: "view", _SUPPORT: "view", _AUDITOR: "view"},
    ),
    Area(
        "History of a customer",
        "customers",
        tuple(f"historical{name}" for name in (*_CUSTOMER_TABLES, *_CONVERSATIONS)),
        {_ADMIN: "view", _SUPPORT: "view", _AUDITOR: "view"},
    ),
    Area(
        "History of money and settings",
        "customers",
        tuple(f"historical{name}" for name in ("refund", *_OWNER_TABLES)),
        {_ADMIN: "view", _AUDITOR: "view"},
    ),
    Area(
        "History of sources and keys",
        "capture",
        tuple(f"historical{name}" for name in _INGEST_TABLES),
        {_ADMIN: "view", _AUDITOR: "view"},
    ),
    Area(
        "Events, requests",
        "audit",
        ("event", "operation"),
        {_ADMIN: "view", _AUDITOR: "view"},
    ),
    Area("Jobs", "audit", ("job",), {_ADMIN: "view cancel", _AUDITOR: "view"}),
    Area(
        "Import, full export",
        "customers",
        ("customer", "address", "contact", "booking", "ticket"),
        {_ADMIN: "import export"},
    ),
    Area(
        "Segments: definitions; the people in them",
        "customers",
        ("segment",),
        {_ADMIN: "view target", _MARKETING: "view target", _AUDITOR: "view"},
    ),
    Area(
        "Export of people who may be sent offers",
        "customers",
        ("marketing",),
        {_ADMIN: "export", _MARKETING: "export"},
    ),
    Area(
        "Manifests of exports",
        "customers",
        ("export",),
        {_ADMIN: "view", _MARKETING: "view", _AUDITOR: "view"},
    ),
)


def _permissions(role: Role) -> frozenset[str]:
    return frozenset(
        f"{area.app}.{verb}_{table}"
        for area in AREAS
        for verb in area.verbs.get(role, "").split()
        for table in area.tables
    )


PERMISSIONS: dict[Role, frozenset[str]] = {role: _permissions(role) for role in Role}

# The permissions that each scope of step-up is about, also those of capture.
SCOPE_PERMISSIONS: dict[str, frozenset[str]] = {
    "export": frozenset(
        permission
        for permissions in PERMISSIONS.values()
        for permission in permissions
        if ".export_" in permission
    ),
    "refund_over_limit": frozenset({"customers.exceed_limit_refund"}),
    "manage_roles": frozenset(
        f"customers.{verb}_{table}"
        for verb in ("add", "change")
        for table in _OWNER_TABLES
    ),
    "bulk": frozenset(
        {"customers.bulk_customer", "capture.replay_quarantine", "audit.cancel_job"}
    ),
    "manage_keys": frozenset(
        f"capture.{verb}_{table}"
        for verb in ("add", "change")
        for table in _INGEST_TABLES
    ),
}
