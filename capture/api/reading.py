"""Reading back: captures, quarantine, counts of a person, and whether all is well."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware

from audit.log import note_shown, note_subjects
from audit.privacy.masking import SEE_CLEAR, mask_fields, mask_within
from audit.rest.exceptions import ApiError
from audit.rest.pagination import CursorError, cursor_page_of
from audit.tenancy.actors import Actor
from capture import services
from capture.api.authentication import key_in_headers, require_key
from capture.api.endpoint import CaptureRequest, Limits, endpoint, read_body, refusal_of
from capture.api.native import single
from capture.api.responses import counted, error_of_result
from capture.choices import SCOPE_READ, CaptureType, KeyKind, Status
from capture.parsing import ParseError, parse_body, payload_text

_PAGE = 50
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_LONGEST_REASON = 2000
_FILTERS = {"cursor", "limit", "type", "customer"}
_QUARANTINE_FILTERS = {"cursor", "limit", "code", "all"}


class Reader:
    """Who reads: a secret key with the scope, or staff with the permission."""

    def __init__(self, visit: CaptureRequest, permission: str) -> None:
        request = visit.request
        text = key_in_headers(request)
        if text is not None:
            visit.key = require_key(request, text, SCOPE_READ)
            if visit.key.kind != KeyKind.SECRET:
                raise ApiError(403, "secret_key_needed", "Read with a secret key.")
            self.actor = visit.actor
            return
        _require_own_page(request)
        user: Any = getattr(request, "user", None)
        if user is None or not (user.is_authenticated and user.is_staff):
            raise ApiError(
                401, "not_authenticated", "Sign in, or send a secret key that may read."
            )
        if not user.has_perm(permission):
            raise ApiError(403, "permission_denied", "Your role may not do this.")
        self.actor = Actor.from_request(request)

    def is_clear(self, row: Any) -> bool:
        """Tell whether contact data of a row is in clear: for keys, and by role."""
        return self.actor.kind == "key" or self.actor.may(SEE_CLEAR, row.business_id)

    def found(self, get: Callable[[], Any], label: str, pk: UUID) -> Any:
        """Return a row. Raises ApiError 404, an event where a person asked."""
        try:
            return get()
        except ObjectDoesNotExist as error:
            if self.actor.kind == "user":
                self.actor.operation.refuse("not_found", label, str(pk))
                self.actor.operation.reader = self.actor
            raise ApiError(404, "not_found", "There is nothing here.") from error

    def may_see_payload(self, row: Any) -> bool:
        """Tell whether what came is shown: to keys that may read, and by role."""
        return self.actor.may("capture.read_payload", row.business_id)


def _captures(visit: CaptureRequest) -> HttpResponse:
    if visit.request.method == "POST":
        return single(visit)
    reader = Reader(visit, "capture.view_capture")
    query = _query(visit.request, _FILTERS)
    kind = query.get("type", "")
    if "type" in query and kind not in CaptureType.values:
        known = ", ".join(CaptureType.values)
        raise ApiError(400, "invalid_parameter", f"type is one of {known}.")
    rows = services.list_captures(
        actor=reader.actor, kind=kind, customer=_uuid(query.get("customer"))
    )
    page = _page(rows, query)
    note_shown("customer.listed", page.rows, actor=reader.actor)
    return JsonResponse(
        {
            "results": [_shown(row, reader) for row in page.rows],
            "next": _next(visit.request, page.next_cursor),
        }
    )


def _capture(visit: CaptureRequest, pk: UUID) -> HttpResponse:
    reader = Reader(visit, "capture.view_capture")
    row = reader.found(
        lambda: services.get_capture(pk, actor=reader.actor), "capture.capture", pk
    )
    note_shown("customer.viewed", [row], actor=reader.actor, target=row)
    corrections = services.corrections_of(row.pk)
    body = _shown(row, reader)
    body["sightings"] = [
        {"received_at": _time(s.received_at), "attempt": s.attempt}
        for s in services.list_sightings(row)[:100]
    ]
    body["corrections"] = [_shown(c, reader) for c in corrections]
    return JsonResponse(body)


def _shown(row: Any, reader: Reader) -> dict[str, Any]:
    is_clear = reader.is_clear(row)
    facts, warnings = row.facts or {}, row.warnings or []
    link = getattr(row, "link", None)
    customer_id = link.customer_id if link else None
    shown: dict[str, Any] = {
        "id": str(row.pk),
        "type": row.type,
        "source": row.source.slug,
        "adapter": row.adapter,
        "trust": row.trust,
        "message_id": row.message_id,
        "message_id_origin": row.message_id_origin,
        "occurred_at": _time(row.occurred_at),
        "received_at": _time(row.received_at),
        "sent_at": _time(row.sent_at),
        "time_source": row.time_source,
        "customer_id": str(customer_id) if customer_id else None,
        "rule": link.rule if link else None,
        "facts": facts if is_clear else mask_fields(facts),
        "warnings": warnings if is_clear else mask_within(warnings),
        "corrects": str(row.corrects_id) if row.corrects_id else None,
        "replay_of": str(row.replay_of_id) if row.replay_of_id else None,
    }
    if reader.may_see_payload(row):
        # Exact digits: as text, which every reader of JSON can take apart itself.
        shown["payload"] = row.payload
    return shown


def _quarantine(visit: CaptureRequest) -> HttpResponse:
    reader = Reader(visit, "capture.view_quarantine")
    query = _query(visit.request, _QUARANTINE_FILTERS)
    if query.get("all", "1") != "1":
        raise ApiError(400, "invalid_parameter", "all is 1, or is left out.")
    rows = services.list_quarantined(
        actor=reader.actor,
        code=query.get("code", ""),
        is_open=query.get("all") != "1",
    )
    page = _page(rows, query)
    note_shown("quarantine.listed", page.rows, actor=reader.actor)
    return JsonResponse(
        {
            "results": [_item(row, reader) for row in page.rows],
            "next": _next(visit.request, page.next_cursor),
        }
    )


def _quarantined(visit: CaptureRequest, pk: UUID) -> HttpResponse:
    reader = Reader(visit, "capture.view_quarantine")
    row = reader.found(
        lambda: services.get_quarantined(pk, actor=reader.actor),
        "capture.quarantine",
        pk,
    )
    note_shown("quarantine.viewed", [row], actor=reader.actor, target=row)
    return JsonResponse(_item(row, reader))


def _item(row: Any, reader: Reader) -> dict[str, Any]:
    decision = row.decisions.first()
    shown: dict[str, Any] = {
        "id": str(row.pk),
        "code": row.code,
        "message": row.message,
        "pointer": row.pointer if reader.is_clear(row) else mask_within(row.pointer),
        "stage": row.stage,
        "source": row.source.slug,
        "adapter": row.adapter,
        "type": row.type,
        "message_id": row.message_id,
        "received_at": _time(row.received_at),
        "times_seen": 1 + row.sightings.count(),
        "state": decision.decision if decision else "open",
        "capture_id": str(decision.capture_id)
        if decision and decision.capture_id
        else None,
    }
    if reader.may_see_payload(row):
        shown["item"] = row.item
    return shown


def _decide(visit: CaptureRequest, pk: UUID, act: str) -> HttpResponse:
    """Replay or discard one item. Staff only; the session's CSRF token is needed."""
    if key_in_headers(visit.request) is not None:
        raise ApiError(403, "staff_only", "Decide in a session of a member of staff.")
    if (visit.request.content_type or "") in _FORMS:
        raise ApiError(415, "unsupported_media_type", "Send application/json.")
    reader = Reader(visit, f"capture.{act}_quarantine")
    _require_csrf(visit.request)
    row = reader.found(
        lambda: services.get_quarantined(pk, actor=reader.actor),
        "capture.quarantine",
        pk,
    )
    body = _decision(visit, act)
    reason = body.get("reason") or ""
    try:
        if act == "discard":
            services.discard_quarantined(row, actor=reader.actor, reason=reason)
            return JsonResponse({"success": True, "state": "discarded"})
        item = body.get("item")
        text = payload_text(item) if item is not None else None
        verdict = services.replay_quarantined(
            row, actor=reader.actor, text=text, reason=reason or None
        )
    except ValidationError as error:
        code = error.code or "invalid"
        raise ApiError(400, code, " ".join(error.messages)) from error
    if verdict.status in (Status.QUARANTINED, Status.CONFLICT):
        raise error_of_result(verdict)
    answer = {
        "success": True,
        "state": "replayed",
        "status": verdict.status,
        "capture_id": str(verdict.capture_id),
    }
    if verdict.items:
        answer |= counted(verdict.items)
    return JsonResponse(answer)


def _stats(visit: CaptureRequest, user_email: str) -> HttpResponse:
    reader = Reader(visit, "capture.view_capture")
    counts = services.count_captures(user_email, actor=reader.actor)
    # An event in each business that was searched, whether anybody was found or not.
    for business_id, ids in counts.people.items():
        note_subjects(
            "customer.searched",
            ids,
            actor=reader.actor,
            business_id=business_id,
            query=user_email,
        )
    return JsonResponse(
        {
            "user_email": user_email,
            "data_counts": {
                "payments": counts.payments,
                "questionnaires": counts.questionnaires,
                "dashboard_updates": counts.dashboard_updates,
                "activities": counts.activities,
                "audit_records": counts.audit_records,
            },
            "latest_timestamps": {
                name: _second(moment) for name, moment in counts.latest.items()
            },
            "total_data_points": counts.total,
        }
    )


def _health(_visit: CaptureRequest) -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        response = JsonResponse({"status": "unavailable"}, status=503)
        response["Retry-After"] = "1"
        return response
    return JsonResponse({"status": "ok", "service": "data-capture"})


def _require_csrf(request: HttpRequest) -> None:
    check = CsrfViewMiddleware(lambda _: HttpResponse())
    check.process_request(request)
    if check.process_view(request, lambda _: HttpResponse(), (), {}) is not None:
        raise ApiError(403, "csrf_failed", "Send the X-CSRFToken of your session.")


def _json(visit: CaptureRequest) -> dict[str, Any]:
    raw = read_body(visit, Limits())
    if not raw.strip():
        return {}
    try:
        body = parse_body(raw).value
    except ParseError as error:
        raise refusal_of(error) from error
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_json", "Send one JSON object.")
    return body


def _decision(visit: CaptureRequest, act: str) -> dict[str, Any]:
    """Return what somebody decided and why. Raises ApiError for anything else."""
    body = _json(visit)
    known = ("reason", "item") if act == "replay" else ("reason",)
    if not set(body) <= set(known):
        names = " and ".join(known)
        raise ApiError(400, "unknown_field", f"Send no more than {names}.")
    reason, item = body.get("reason"), body.get("item")
    if reason is not None and not _is_text(reason):
        raise ApiError(400, "invalid", "reason is a text.", pointer="/reason")
    if item is not None and not isinstance(item, dict):
        raise ApiError(400, "invalid", "item is a JSON object.", pointer="/item")
    return body


def _is_text(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > _LONGEST_REASON:
        return False
    return "\0" not in value and not any("\ud800" <= c <= "\udfff" for c in value)


def _query(request: HttpRequest, known: set[str]) -> dict[str, str]:
    unknown = sorted(set(request.GET) - known)
    if unknown:
        names = ", ".join(sorted(known))
        raise ApiError(400, "unknown_parameter", f"Known parameters are {names}.")
    return {name: str(value) for name, value in request.GET.items()}


def _page(rows: Any, query: dict[str, str]) -> Any:
    limit = query.get("limit", str(_PAGE))
    if not (limit.isascii() and limit.isdigit() and 1 <= int(limit[:9]) <= 200):  # noqa: PLR2004
        raise ApiError(400, "invalid_parameter", "limit is a number from 1 to 200.")
    try:
        return cursor_page_of(
            rows, by="received_at", cursor=query.get("cursor", ""), limit=int(limit)
        )
    except CursorError as error:
        raise ApiError(400, "invalid_parameter", str(error)) from error


def _next(request: HttpRequest, cursor: str | None) -> str | None:
    if cursor is None:
        return None
    query = {**{k: str(v) for k, v in request.GET.items()}, "cursor": cursor}
    return f"{request.path}?{urlencode(query)}"


def _uuid(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text is not None else None
    except ValueError as error:
        raise ApiError(400, "invalid_parameter", "customer is a UUID.") from error


def _require_own_page(request: HttpRequest) -> None:
    """Refuse a session that a page of another origin brings."""
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.scheme}://{request.get_host()}":
        raise ApiError(
            403, "foreign_page", "A page of another site cannot read with a session."
        )


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def _second(moment: datetime | None) -> str | None:
    return _time(moment.replace(microsecond=0)) if moment else None


captures_view = endpoint(_captures, methods=("GET", "POST"))
capture_view = endpoint(_capture, methods=("GET",))
quarantine_view = endpoint(_quarantine, methods=("GET",))
quarantined_view = endpoint(_quarantined, methods=("GET",))
decide_view = endpoint(_decide, methods=("POST",))
stats_view = endpoint(_stats, methods=("GET",))
health_view = endpoint(_health, methods=("GET",))
