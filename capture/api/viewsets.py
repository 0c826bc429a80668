"""Endpoints that read captures, quarantine, counts of a person, and health."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ObjectDoesNotExist, ValidationError
from django.db import DatabaseError, connection
from django.http import HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder
from rest_framework.viewsets import GenericViewSet

from audit.log import note_access, note_subjects
from audit.rest.exceptions import ApiError
from audit.rest.pagination import KeysetPagination
from audit.rest.renderers import ExactJSONRenderer
from audit.rest.serializers import QuerySerializer
from audit.rest.views import ActionSpec
from capture import services
from capture.api import serializers
from capture.api.authentication import key_in_headers, require_key
from capture.api.endpoint import (
    CaptureRequest,
    Limits,
    View,
    endpoint,
    read_body,
    refusal_of,
)
from capture.api.machine import KeyAuthentication, KeyReaderMixin, require_secret
from capture.api.native import single
from capture.api.responses import counted, error_of_result
from capture.api.viewset_schema import ReadingSchema
from capture.choices import SCOPE_READ, IngestStatus
from capture.models import Capture, Quarantine
from capture.parsing import ParseError, parse_body, payload_text

_VIEW_CAPTURE, _VIEW_QUARANTINE = "capture.view_capture", "capture.view_quarantine"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")


class ReadingKeyAuthentication(KeyAuthentication):
    """A secret key that may read captures; reading costs it nothing."""

    scope = SCOPE_READ

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        plain: Any = request._request
        text = key_in_headers(plain)
        if text is None:
            return None
        plain.capture_request.key = key = require_key(plain, text, self.scope)
        require_secret(key)
        return AnonymousUser(), key


class StaffSessionAuthentication(SessionAuthentication):
    """The session of a member of staff; who writes also needs its CSRF token."""

    def authenticate(self, request: Request) -> tuple[Any, Any] | None:
        user: Any = request._request.user
        return (user, None) if user.is_staff else None


class SpacedJSONRenderer(ExactJSONRenderer):
    """Writes JSON as Django does, like every capture endpoint."""

    def render(self, data: object, *_: object) -> bytes:
        return json.dumps(data, cls=JSONEncoder).encode()


class ReadingViewSet(KeyReaderMixin, GenericViewSet[Any]):
    """What staff read with a session, and servers with a secret key.

    `endpoint` wraps it, and answers and counts its refusals.
    """

    tag = "Reading captures"
    schema = ReadingSchema()
    authentication_classes: tuple[type[BaseAuthentication], ...] = (
        ReadingKeyAuthentication,
        StaffSessionAuthentication,
    )
    renderer_classes = (SpacedJSONRenderer,)
    pagination_class = KeysetPagination
    cursor_field = "received_at"
    model: ClassVar[Any]
    # What access events call these rows.
    event_prefix: ClassVar[str] = "customer"

    @classmethod
    def as_endpoint(
        cls, action: str, *, post: Callable[..., HttpResponse] | None = None
    ) -> View:
        """Return the view that answers GET by an action, and POST by ingesting."""
        read: Any = cls.as_view({"get": action})

        def handle(capture_request: CaptureRequest, **kwargs: object) -> HttpResponse:
            if post is not None and capture_request.request.method == "POST":
                return post(capture_request)
            return _answer(read, capture_request, **kwargs)

        methods = ("GET", "POST") if post else ("GET",)
        # The schema finds the class and the action on the view.
        return wraps(read)(endpoint(handle, methods=methods))

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Nothing: what is allowed here is for `endpoint` to say."""
        return {}

    def perform_content_negotiation(self, request: Request, *_: Any) -> Any:
        return super().perform_content_negotiation(request, force=True)

    def permission_denied(self, request: Request, *_: object, **__: object) -> Any:
        if request.user.is_authenticated:
            raise ApiError(403, "permission_denied", "Your role may not do this.")
        sentence = "Sign in, or send a secret key that may read."
        raise ApiError(401, "not_authenticated", sentence)

    def check_query(self, request: Request) -> dict[str, Any]:
        """Return the checked parameters of a list; other actions ignore parameters."""
        if self.spec is None or self.spec.query is QuerySerializer:
            return {}
        serializer = self.spec.query(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        checked: dict[str, Any] = serializer.validated_data
        return checked

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, exceptions.ValidationError):
            # Of the cursor, which is opened last.
            detail: Any = exc.detail
            raise ApiError(400, "invalid_parameter", *detail["cursor"]) from exc
        if isinstance(exc, ValidationError):
            raise ApiError(400, exc.code or "invalid", " ".join(exc.messages)) from exc
        raise exc

    def get_object(self) -> Any:
        """Return the instance in the path. Raises ApiError 404 (recorded)."""
        pk, actor = self.kwargs["pk"], self.actor
        try:
            return self.get_queryset().get(pk=pk)
        except ObjectDoesNotExist as error:
            if actor.kind == "user":
                label = self.model._meta.label_lower
                actor.operation.refuse("not_found", label, pk)
            raise ApiError(404, "not_found", "There is nothing here.") from error

    def list(self, request: Request) -> Response:
        """List rows, newest first."""
        page = self.paginate_queryset(self.get_queryset()) or []
        note_access(f"{self.event_prefix}.listed", page, actor=self.actor)
        next_link = self.paginator.get_next_link()  # type: ignore[union-attr]  # there is one
        return self.respond({"results": page, "next": next_link})

    def retrieve(self, request: Request, pk: str) -> Response:
        """Show one row."""
        instance = self.get_object()
        action = f"{self.event_prefix}.viewed"
        note_access(action, [instance], actor=self.actor, target=instance)
        return self.respond(instance)

    def respond(self, data: Any, **context: Any) -> Response:
        return super().respond(data, is_unmasked=self.can_see_unmasked, **context)


class CaptureViewSet(ReadingViewSet):
    """Captures as they came."""

    model = Capture
    queryset = Capture._default_manager.none()
    action_specs: ClassVar = {
        "list": ActionSpec(
            _VIEW_CAPTURE,
            serializers.CapturePageSerializer,
            query=serializers.CaptureQuery,
        ),
        "retrieve": ActionSpec(_VIEW_CAPTURE, serializers.OneCaptureSerializer),
    }

    def get_queryset(self) -> Any:
        params = self.params
        return services.list_captures(
            actor=self.actor,
            kind=params.get("type", ""),
            customer=params.get("customer"),
        )

    def get_object(self) -> Any:
        capture = super().get_object()
        capture.corrections = services.corrections_of(capture.pk)
        capture.newest_sightings = services.list_sightings(capture)[:100]
        return capture


class QuarantineViewSet(ReadingViewSet):
    """What could not be taken."""

    model = Quarantine
    queryset = Quarantine._default_manager.none()
    event_prefix = "quarantine"
    action_specs: ClassVar = {
        "list": ActionSpec(
            _VIEW_QUARANTINE,
            serializers.QuarantinePageSerializer,
            query=serializers.QuarantineQuery,
        ),
        "retrieve": ActionSpec(_VIEW_QUARANTINE, serializers.QuarantinedSerializer),
    }

    def get_queryset(self) -> Any:
        params = self.params
        return services.list_quarantined(
            actor=self.actor,
            code=params.get("code", ""),
            is_open=self.action == "list" and "all" not in params,
        ).with_outcome()


class QuarantineDecisionViewSet(ReadingViewSet):
    """Decides on an item in quarantine; for staff alone."""

    model = Quarantine
    queryset = Quarantine._default_manager.none()
    authentication_classes = (StaffSessionAuthentication,)
    action_specs: ClassVar = {
        "replay": ActionSpec(
            "capture.replay_quarantine",
            serializers.ReplayedSerializer,
            body=serializers.CorrectionSerializer,
            takes_key=False,
        ),
        "discard": ActionSpec(
            "capture.discard_quarantine",
            serializers.DiscardedSerializer,
            body=serializers.DiscardReasonSerializer,
            takes_key=False,
        ),
    }

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        if key_in_headers(request._request) is not None:
            sentence = "Decide in a session of a member of staff."
            raise ApiError(403, "staff_only", sentence)
        # Of the plain request; a form is not read to look for a CSRF token in it.
        if (request._request.content_type or "") in _FORMS:
            raise ApiError(415, "unsupported_media_type", "Send application/json.")
        super().initial(request, *args, **kwargs)
        try:
            # Of the plain request, too: the library's would read the body for a form.
            SessionAuthentication().enforce_csrf(request._request)  # type: ignore[arg-type]  # takes either
        except exceptions.PermissionDenied as error:
            sentence = "Send the X-CSRFToken of your session."
            raise ApiError(403, "csrf_failed", sentence) from error

    def get_queryset(self) -> Any:
        return services.list_quarantined(actor=self.actor, is_open=False)

    def body(self, **_: object) -> dict[str, Any]:
        """Return the checked body, read as the ingest routes read theirs."""
        plain: Any = self.request._request
        serializer = self.spec.body(data=_parse_object(plain.capture_request))  # type: ignore[union-attr,misc]  # each action has one
        serializer.is_valid(raise_exception=True)
        checked: dict[str, Any] = serializer.validated_data
        return checked

    def replay(self, request: Request, pk: str) -> Response:
        """Replay an item in quarantine."""
        item = self.get_object()
        body = self.body()
        correction = body.get("item")
        text = None if correction is None else payload_text(correction)
        result = services.replay_quarantined(
            item, actor=self.actor, text=text, reason=body.get("reason") or None
        )
        if result.status in (IngestStatus.QUARANTINED, IngestStatus.CONFLICT):
            raise error_of_result(result)
        return self.respond(
            {
                "success": True,
                "state": "replayed",
                "status": result.status,
                "capture_id": str(result.capture_id),
                **(counted(result.items) if result.items else {}),
            }
        )

    def discard(self, request: Request, pk: str) -> Response:
        """Discard an item in quarantine."""
        item = self.get_object()
        reason = self.body()["reason"]
        services.discard_quarantined(item, actor=self.actor, reason=reason)
        return self.respond({"success": True, "state": "discarded"})


class CaptureCountsViewSet(ReadingViewSet):
    """Counts what is known of a person."""

    action_specs: ClassVar = {
        "retrieve": ActionSpec(_VIEW_CAPTURE, serializers.CountsSerializer)
    }

    def retrieve(self, request: Request, user_email: str) -> Response:
        """Count what is known of a person."""
        counts = services.count_captures(user_email, actor=self.actor)
        # An event in each business that was searched, whether anybody was found or not.
        for business_id, ids in counts.customer_ids.items():
            note_subjects(
                "customer.searched",
                ids,
                actor=self.actor,
                business_id=business_id,
                query=user_email,
            )
        return self.respond({"user_email": user_email, "counts": counts})


def _parse_object(capture_request: CaptureRequest) -> dict[str, Any]:
    raw = read_body(capture_request, Limits())
    if not raw.strip():
        return {}
    try:
        body = parse_body(raw).value
    except ParseError as error:
        raise refusal_of(error) from error
    if not isinstance(body, dict):
        raise ApiError(400, "invalid_json", "Send one JSON object.")
    return body


def _decide(
    capture_request: CaptureRequest, act: str, **kwargs: object
) -> HttpResponse:
    return _answer(DECISIONS[act], capture_request, **kwargs)


def _answer(view: Any, capture_request: CaptureRequest, **kwargs: Any) -> HttpResponse:
    """Return what a view of the library answers.

    The trail names who has signed in also where a key is refused; the library forgets.
    """
    request: Any = capture_request.request
    user = request.user
    try:
        response: HttpResponse = view(request, **kwargs)
    finally:
        request.user = user
    return response


def _health(_capture_request: CaptureRequest) -> HttpResponse:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        response = JsonResponse({"status": "unavailable"}, status=503)
        response["Retry-After"] = "1"
        return response
    return JsonResponse({"status": "ok", "service": "data-capture"})


# Two paths of the description, and one address.
DECISIONS: dict[str, Any] = {
    act: QuarantineDecisionViewSet.as_view({"post": act})
    for act in ("replay", "discard")
}

captures_view = CaptureViewSet.as_endpoint("list", post=single)
capture_view = CaptureViewSet.as_endpoint("retrieve")
quarantine_view = QuarantineViewSet.as_endpoint("list")
quarantined_view = QuarantineViewSet.as_endpoint("retrieve")
decide_view = endpoint(_decide, methods=("POST",))
stats_view = CaptureCountsViewSet.as_endpoint("retrieve")
health_view = endpoint(_health, methods=("GET",))
