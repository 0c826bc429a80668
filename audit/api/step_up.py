"""Step-up for frontends: confirm with a PIN, a code or a passkey, see it, end it.

`require_step_up` is what endpoints of every app call where a dangerous act begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response

from audit import accounts
from audit.api.step_up_serializers import (
    ConfirmationSerializer,
    NewPinSerializer,
    PasskeyAnswerSerializer,
    PasskeyOptionsSerializer,
    PasskeyQuestionSerializer,
    StepUpGrantSerializer,
    StepUpStateSerializer,
)
from audit.ids import parse_uuid
from audit.models import Grant, Scope
from audit.rest.exceptions import ApiError
from audit.rest.views import ActionSpec, HubAPIView
from audit.tenancy.actors import Actor

HEADER = "X-Step-Up-Grant"
_DIGEST_LENGTH = 64
_STATUS = {
    "locked": 429,
    "too_many": 429,
    "wrong_code": 400,
    "invalid_code": 400,
    "wrong_passkey": 400,
    "late": 400,
}
_CHALLENGE = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="Confirm this act with your PIN or authenticator.", max_age=300'
)


def binding_of(request: Any) -> str:
    """Return what grants of this request are bound to: its token family or session."""
    family = getattr(request.auth, "pk", None)
    if family is not None:
        return accounts.token_binding(family)
    return accounts.session_binding(request.session.session_key or "")


def require_step_up(
    request: Any, scope: str, *, digest: str | None = None, what: str = ""
) -> Grant:
    """Return the grant for an act that begins here, which its events will name.

    Takes the one that the header `X-Step-Up-Grant` names, else any live one. Raises
    ApiError: 401 `step_up_required` without one (RFC 9470), 403 for a machine key.
    """
    _refuse_keys(request)
    try:
        return accounts.require_grant(
            actor=Actor.from_request(request),
            scope=scope,
            binding=binding_of(request),
            digest=digest,
            grant_id=_named_grant(request),
        )
    except accounts.StepUpRequired as needed:
        raise _required(needed, what) from needed


def _required(needed: accounts.StepUpRequired, what: str) -> ApiError:
    sentence = "Confirm this act with your PIN or authenticator, then repeat it."
    return ApiError(
        401,
        "step_up_required",
        sentence,
        challenge=_CHALLENGE,
        scope=str(needed.scope),
        digest=needed.digest,
        what=what,
        confirm_at=reverse("step_up"),
    )


class IsStaff(BasePermission):
    """Staff who are signed in, with a session or a token; never a machine key."""

    def has_permission(self, request: Request, view: object) -> bool:
        _refuse_keys(request)
        user: Any = request.user
        return bool(user.is_authenticated and user.is_active and user.is_staff)


class _View(HubAPIView):
    permission_classes = (IsStaff,)
    tag = "Signing in"


@method_decorator(sensitive_variables("body", "verify"), name="post")
class StepUpView(_View):
    """POST confirms, GET lists what is confirmed here, DELETE ends it."""

    # For the schema alone.
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "", StepUpGrantSerializer, body=ConfirmationSerializer, takes_key=False
        ),
        "get": ActionSpec("", StepUpStateSerializer),
        "delete": ActionSpec("", None, 204),
    }

    def post(self, request: Request) -> Response:
        """Confirm an act with the own PIN or authenticator."""
        body = _checked(request.data, {"scope", "pin", "totp", "digest"})
        methods = [name for name in ("pin", "totp") if name in body]
        if len(methods) != 1:
            raise _invalid("pin", "Send either pin or totp.")
        method = methods[0]
        act = _act(request, body)
        verify = partial(accounts.verify_step_up, code=body[method], method=method)
        grant = _verify_act(request, verify, act)
        return Response(StepUpGrantSerializer(grant).data)

    def get(self, request: Request) -> Response:
        """List what is confirmed here."""
        user: Any = request.user
        state = accounts.step_up_state(user, binding=binding_of(request))
        return Response(StepUpStateSerializer(state).data)

    def delete(self, request: Request) -> Response:
        """End what is confirmed here."""
        user: Any = request.user
        actor = Actor.from_request(request)
        accounts.end_grants(user, binding=binding_of(request), actor=actor)
        return Response(status=204)


class PasskeyQuestionView(_View):
    """POST asks what a browser needs to let one of the person's passkeys confirm."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "",
            PasskeyOptionsSerializer,
            body=PasskeyQuestionSerializer,
            takes_key=False,
        ),
    }

    def post(self, request: Request) -> Response:
        """Begin to confirm an act with one of the own passkeys."""
        act = _act(request, _checked(request.data, {"scope", "digest"}))
        user: Any = request.user
        try:
            return Response(accounts.ask_for_passkey(user, **act))
        except ValidationError as refused:
            raise _problem(refused) from refused


class PasskeyView(_View):
    """POST confirms an act with what a passkey has answered."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "", StepUpGrantSerializer, body=PasskeyAnswerSerializer, takes_key=False
        ),
    }

    def post(self, request: Request) -> Response:
        """Confirm an act with one of the own passkeys."""
        body = request.data if isinstance(request.data, dict) else {}
        credential = body.get("credential")
        if not isinstance(credential, dict):
            raise _invalid("credential", "Send the credential as the browser made it.")
        texts = {name: body[name] for name in body if name != "credential"}
        sent = _checked(texts, {"scope", "digest", "ceremony"})
        answer = {"ceremony": sent.get("ceremony"), "credential": credential}
        verify = partial(accounts.verify_passkey_step_up, answer=answer)
        grant = _verify_act(request, verify, _act(request, sent))
        return Response(StepUpGrantSerializer(grant).data)


@method_decorator(sensitive_variables("body"), name="put")
class PinView(_View):
    """PUT sets the own PIN, after the whole password and what there is already."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "put": ActionSpec("", None, 204, NewPinSerializer),
    }

    def put(self, request: Request) -> Response:
        """Set the own PIN, after the whole password and a code of what there is.

        `code` is the present PIN, or what the authenticator shows. It is left out after
        a confirmation of the scope `account`, which whoever has only passkeys needs,
        and by whoever has none of them yet.
        """
        body = _checked(request.data, {"password", "pin", "code"})
        for name in ("password", "pin"):
            if name not in body:
                raise _invalid(name, f"Send {name}.")
        user: Any = request.user
        actor, binding = Actor.from_request(request), binding_of(request)
        try:
            accounts.enrol_pin(user, actor=actor, binding=binding, **body)
        except accounts.StepUpRequired as needed:
            raise _required(needed, "Set the own PIN") from needed
        except ValidationError as refused:
            raise _problem(refused) from refused
        return Response(status=204)


@sensitive_variables("body")
def _act(request: Request, body: dict[str, str]) -> dict[str, Any]:
    """Return what is to be confirmed, and where. Raises ApiError for nothing."""
    scope, digest = body.get("scope", ""), body.get("digest")
    if scope not in Scope.values:
        scopes = ", ".join(Scope.values)
        raise _invalid("scope", f"scope is one of {scopes}.")
    if scope in accounts.SINGLE_USE and len(digest or "") != _DIGEST_LENGTH:
        raise _invalid("digest", "Send the digest that the refused act has named.")
    actor = Actor.from_request(request)
    if not accounts.may_use(scope, actor=actor):
        # Before the code is looked at: a grant that serves no right of the person
        # would be an entry that looks like an attack.
        raise ApiError(
            403, "permission_denied", "You have no right that this confirms."
        )
    binding = binding_of(request)
    return {"scope": scope, "digest": digest, "binding": binding, "actor": actor}


@sensitive_variables("verify")
def _verify_act(
    request: Any, verify: Callable[..., Grant], act: dict[str, Any]
) -> Grant:
    user: Any = request.user
    old = binding_of(request)
    try:
        grant = verify(user, **act)
    except ValidationError as refused:
        raise _problem(refused) from refused
    if getattr(request.auth, "pk", None) is None:
        # A session gets a new key with each confirmation; its grants follow.
        request.session.cycle_key()
        accounts.rebind_grants(user, old=old, new=binding_of(request))
    return grant


@sensitive_variables("body")
def _checked(body: object, names: set[str]) -> dict[str, str]:
    """Return a body that is an object of texts. Raises ApiError for anything else."""
    if not isinstance(body, dict):
        raise ApiError(400, "malformed", "Send one JSON object.")
    for name in body:
        if name not in names:
            listed = ", ".join(sorted(names))
            raise ApiError(400, "unknown_field", f"Only these are known: {listed}.")
        if not _is_plain(body[name]):
            raise _invalid(name, f"{name} is a text of at most 200 signs.")
    return {name: str(value) for name, value in body.items()}


def _is_plain(value: object) -> bool:
    longest = 200
    return isinstance(value, str) and len(value) <= longest


def _invalid(name: str, sentence: str) -> ApiError:
    errors = [{"pointer": f"/{name}", "code": "invalid", "detail": sentence}]
    return ApiError(400, "validation_error", sentence, errors=errors)


def _problem(refused: ValidationError) -> ApiError:
    """Return the answer to a code or a PIN that was not taken."""
    code, params = refused.code or "invalid", refused.params or {}
    more = {"tries_left": params["tries_left"]} if "tries_left" in params else {}
    is_mistake = code.endswith("_pin") or code in ("wrong_password", "code_needed")
    status = 400 if is_mistake else _STATUS.get(code, 403)
    sentence = " ".join(refused.messages)
    return ApiError(status, code, sentence, wait=params.get("retry_after"), **more)


def _refuse_keys(request: Any) -> None:
    header = request.headers.get("Authorization", "")
    _, _, text = header.partition(" ")
    if "X-Capture-Key" in request.headers or text.startswith(("sk_", "pk_")):
        sentence = "A machine key cannot confirm an act. Sign in as a person."
        raise ApiError(403, "keys_cannot_step_up", sentence)


def _named_grant(request: Any) -> UUID | None:
    text = request.headers.get(HEADER)
    return None if text is None else parse_uuid(text) or UUID(int=0)
