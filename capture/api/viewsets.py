"""Endpoints that read captures, quarantine, counts of a person, and health."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import wraps
from typing import Any, ClassVar, NoReturn

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import ValidationError
from django.db import DatabaseError, connection
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from rest_framework import exceptions
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.utils.encoders import JSONEncoder

from audit.history.querysets import view_permission
from audit.json_text import JsonObject
from audit.log import note_subjects
from audit.rest.authentication import TokenAuthentication
from audit.rest.exceptions import ApiError
from audit.rest.pagination import KeysetPagination
from audit.rest.renderers import ExactJSONRenderer
from audit.rest.serializers import QuerySerializer
from audit.rest.views import ActionSpec
from audit.rest.viewsets import InstanceViewSet
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
from capture.choices import SCOPE_READ, IngestStatus
from capture.models import ApiKey, Capture, Quarantine
from capture.parsing import ParseError, parse_body, payload_text

# A JWT begins with a brace, in base64.
_JWT_START = "eyJ"
_FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
_TOO_MANY = "Too many requests. Wait as long as Retry-After says."
_SIGN_IN = "Sign in, or send a secret key that may read."
# What refusals say, for the schema.
COMMON = {429: "Too many; wait as long as Retry-After says.", 503: "Try again soon."}
_READING = {
    400: "A parameter is unknown or wrong.",
    401: _SIGN_IN,
    403: "The role or the key may not do this.",
    **COMMON,
}
_READING_ONE = {
    404: "There is no such thing, or it belongs to another business.",
    **_READING,
}
_DECIDING = {
    409: "The same message came before, with a difference.",
    413: "Too large.",
    415: "Only JSON is taken, and no unknown Content-Encoding.",
    422: "It can still not be taken.",
    **_READING_ONE,
}


class ReadingKeyAuthentication(KeyAuthentication):
    """A secret key that may read captures; reading costs it nothing."""

    scope = SCOPE_READ

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        plain = request._request
        text = key_in_headers(plain)
        if text is None:
            return None
        key = require_key(plain, text, self.scope)
        plain.capture_request.key = key  # type: ignore[attr-defined]  # `endpoint` has set it
        require_secret(key)
        return AnonymousUser(), key


class StaffTokenAuthentication(TokenAuthentication):
    """The access token of a member of staff, where no key came beside it."""

    @staticmethod
    def token_in(request: HttpRequest) -> str | None:
        """Return the token; any other text is judged as a key."""
        text = TokenAuthentication.token_in(request)
        is_token = text is not None and text.startswith(_JWT_START)
        return text if is_token and "X-Capture-Key" not in request.headers else None


class StaffSessionAuthentication(SessionAuthentication):
    """The session of a member of staff; who writes also needs its CSRF token."""

    def authenticate(self, request: Request) -> tuple[object, None] | None:
        user = request._request.user
        return (user, None) if user.is_authenticated and user.is_staff else None


class SpacedJSONRenderer(ExactJSONRenderer):
    """Writes JSON as Django does, like every capture endpoint."""

    def render(self, data: object, *_: object) -> bytes:
        return json.dumps(data, cls=JSONEncoder).encode()


class ReadingPagination(KeysetPagination):
    """Pages of which only the next one is named."""

    def get_paginated_response(self, data: object) -> Response:
        return Response({"results": data, "next": self.get_next_link()})


class ReadingViewSet(KeyReaderMixin, InstanceViewSet):
    """What staff read with a token or a session, and servers with a secret key.

    `endpoint` wraps it, and answers and counts its refusals.
    """

    tag = "Reading captures"
    authentication_classes: tuple[type[BaseAuthentication], ...] = (
        StaffTokenAuthentication,
        ReadingKeyAuthentication,
        StaffSessionAuthentication,
    )
    renderer_classes = (SpacedJSONRenderer,)
    pagination_class = ReadingPagination
    cursor_field = "received_at"
    # Of one row, of a list of them, and of the parameters of the list.
    detail_class: ClassVar[type[serializers.SealedMessageSerializer]]
    page_class: ClassVar[type[BaseSerializer]]
    query_class: ClassVar[type[QuerySerializer]]

    @classmethod
    def get_action_specs(cls) -> dict[str, ActionSpec]:
        """Return what each action needs, takes and answers."""
        view, query = view_permission(cls.model), cls.query_class
        return {
            "list": ActionSpec(view, cls.page_class, query=query, refusals=_READING),
            "retrieve": ActionSpec(view, cls.detail_class, refusals=_READING_ONE),
        }

    @classmethod
    def as_endpoint(
        cls, action: str, *, post: Callable[..., HttpResponse] | None = None
    ) -> View:
        """Return the view that answers GET by an action, and POST by ingesting."""
        read = cls.as_view({"get": action})

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

    def perform_content_negotiation(
        self, request: Request, *_: object
    ) -> tuple[BaseRenderer, str]:
        return super().perform_content_negotiation(request, force=True)

    def permission_denied(self, request: Request, *_: object, **__: object) -> NoReturn:
        if request.user.is_authenticated:
            raise ApiError(403, "permission_denied", "Your role may not do this.")
        raise ApiError(401, "not_authenticated", _SIGN_IN)

    def check_query(self, request: Request) -> JsonObject:
        """Return the checked parameters of a list; other actions ignore parameters."""
        if self.spec is None or self.spec.query is QuerySerializer:
            return {}
        return self.spec.query.checked(request.query_params.dict())

    def handle_exception(self, exc: Exception) -> NoReturn:
        if isinstance(exc, exceptions.ValidationError):
            # Of the cursor, which is opened last.
            detail: Any = exc.detail
            raise ApiError(400, "invalid_parameter", *detail["cursor"]) from exc
        if isinstance(exc, ValidationError):
            raise ApiError(400, exc.code or "invalid", " ".join(exc.messages)) from exc
        if isinstance(exc, Http404):
            raise ApiError(404, "not_found", "There is nothing here.") from exc
        if isinstance(exc, exceptions.AuthenticationFailed):
            raise ApiError(401, "invalid_token", str(exc.detail)) from exc
        if isinstance(exc, exceptions.Throttled):
            seconds = getattr(exc, "wait", None)
            wait = {"Retry-After": str(max(int(seconds or 1), 1))}
            raise ApiError(429, "rate_limited", _TOO_MANY, headers=wait) from exc
        raise exc

    def missing(self, model: type[Model], reference: str) -> Http404:
        """Return the 404; what a key asks for in vain is not noted."""
        return Http404() if self.by_key else super().missing(model, reference)

    def serialize(
        self, instances: Iterable[object], *, is_detail: bool = False, **_: object
    ) -> list[JsonObject]:
        """Return what is answered of each; lists show contact data, too, if it may."""
        context = {
            "has_perm": self.actor.has_perm,
            "is_unmasked": self.can_see_unmasked,
        }
        serializer_class = self.detail_class if is_detail else self.serializer_class
        return list(serializer_class(instances, many=True, context=context).data)


class CaptureViewSet(ReadingViewSet):
    """Captures as they came."""

    model = Capture
    serializer_class = serializers.CaptureSerializer
    detail_class = serializers.OneCaptureSerializer
    page_class = serializers.CapturePageSerializer
    query_class = serializers.CaptureQuery

    def get_queryset(self) -> QuerySet[Capture]:
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
    serializer_class = serializers.QuarantinedSerializer
    detail_class = serializers.QuarantinedSerializer
    page_class = serializers.QuarantinePageSerializer
    query_class = serializers.QuarantineQuery
    event_prefix = "quarantine"

    def get_queryset(self) -> QuerySet[Quarantine]:
        params = self.params
        return services.list_quarantined(
            actor=self.actor,
            code=params.get("code", ""),
            is_open=self.action == "list" and "all" not in params,
        ).with_outcome()


class QuarantineDecisionViewSet(ReadingViewSet):
    """Decides on an item in quarantine; for staff alone."""

    model = Quarantine
    authentication_classes = (StaffTokenAuthentication, StaffSessionAuthentication)
    action_specs: ClassVar = {
        "replay": ActionSpec(
            "capture.replay_quarantine",
            serializers.ReplayedSerializer,
            body=serializers.CorrectionSerializer,
            takes_key=False,
            refusals=_DECIDING,
        ),
        "discard": ActionSpec(
            "capture.discard_quarantine",
            serializers.DiscardedSerializer,
            body=serializers.DiscardReasonSerializer,
            takes_key=False,
            refusals=_DECIDING,
        ),
    }

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        is_token = StaffTokenAuthentication.token_in(request._request) is not None
        if not is_token and key_in_headers(request._request) is not None:
            sentence = "Decide as a member of staff, with a token or in a session."
            raise ApiError(403, "staff_only", sentence)
        # Of the plain request; a form is not read to look for a CSRF token in it.
        if (request._request.content_type or "") in _FORMS:
            raise ApiError(415, "unsupported_media_type", "Send application/json.")
        super().initial(request, *args, **kwargs)
        if is_token:
            # Whoever sends it means to.
            return
        try:
            # Of the plain request, too: the library's would read the body for a form.
            SessionAuthentication().enforce_csrf(request._request)  # type: ignore[arg-type]  # takes either
        except exceptions.PermissionDenied as error:
            sentence = "Send the X-CSRFToken of your session."
            raise ApiError(403, "csrf_failed", sentence) from error

    def get_queryset(self) -> QuerySet[Quarantine]:
        return services.list_quarantined(actor=self.actor, is_open=False)

    def body(self, **_: object) -> JsonObject:
        """Return the checked body, read as the ingest routes read theirs."""
        plain: Any = self.request._request
        return self.spec.body.checked(_parse_object(plain.capture_request))  # type: ignore[union-attr]  # each action has one

    def replay(self, request: Request, pk: str) -> Response:
        """Replay an item in quarantine."""
        item = self.get_by_reference(pk)
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
        item = self.get_by_reference(pk)
        reason = self.body()["reason"]
        services.discard_quarantined(item, actor=self.actor, reason=reason)
        return self.respond({"success": True, "state": "discarded"})


class CaptureCountsViewSet(ReadingViewSet):
    """Counts what is known of a person."""

    action_specs: ClassVar = {
        "retrieve": ActionSpec(
            "capture.view_capture", serializers.CountsSerializer, refusals=_READING
        )
    }

    def retrieve(self, request: Request, **_: object) -> Response:
        """Count what is known of a person."""
        user_email = self.kwargs["user_email"]
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


def _parse_object(capture_request: CaptureRequest) -> JsonObject:
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


def _answer(
    view: View, capture_request: CaptureRequest, **kwargs: object
) -> HttpResponse:
    """Return what a view of the library answers.

    The trail names who has signed in also where a key is refused; the library forgets.
    Who came with a token stays named, too.
    """
    request = capture_request.request
    user = request.user
    try:
        return view(request, **kwargs)
    finally:
        if not request.user.is_authenticated:
            request.user = user


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
DECISIONS = {
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
