"""Step-up for frontends: confirm with a PIN, a code or a passkey, see it, end it.

`require_step_up` is what endpoints of every app call where a dangerous act begins.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.decorators import method_decorator
from django.views.decorators.debug import sensitive_variables
from rest_framework import exceptions
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
from audit.json_text import JsonObject
from audit.models import Grant, Scope
from audit.rest.exceptions import ApiError
from audit.rest.problems import problem_item
from audit.rest.views import ActionSpec, HubAPIView
from audit.tenancy.actors import Actor

if TYPE_CHECKING:
    from audit.models import User

HEADER = "X-Step-Up-Grant"
_STATUS = {
    "locked": 429,
    "too_many": 429,
    "wrong_code": 400,
    "invalid_code": 400,
    "wrong_passkey": 400,
    "late": 400,
}
# What is said of a field, whatever is wrong with it.
_SENTENCES = {
    "scope": f"scope is one of {', '.join(Scope.values)}.",
    "credential": "Send the credential as the browser made it.",
}
_CHALLENGE = (
    'Bearer error="insufficient_user_authentication", '
    'error_description="Confirm this act with your PIN or authenticator.", max_age=300'
)


def binding_of(request: Request) -> str:
    """Return what grants of this request are bound to: its token family or session."""
    family = getattr(request.auth, "pk", None)
    if family is not None:
        return accounts.token_binding(family)
    return accounts.session_binding(request.session.session_key or "")


def require_step_up(
    request: Request, scope: str, *, digest: str | None = None, what: str = ""
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
        user = request.user
        return bool(user.is_authenticated and user.is_active and user.is_staff)


class _View(HubAPIView):
    permission_classes = (IsStaff,)
    tag = "Signing in"

    @property
    def user(self) -> User:
        """Who confirms; `IsStaff` has let nobody else in."""
        return cast("User", self.request.user)

    @sensitive_variables()
    def body(self, **context: object) -> JsonObject:
        """Return the checked body. Raises ApiError with the first mistake."""
        if not isinstance(self.request.data, dict):
            raise ApiError(400, "malformed", "Send one JSON object.")
        try:
            return super().body(**context)
        except exceptions.ValidationError as error:
            raise self._refusal(error.detail) from error

    @sensitive_variables("body")
    def act(self, body: JsonObject) -> JsonObject:
        """Return what is to be confirmed, and where. Raises ApiError 403."""
        scope, actor = body["scope"], Actor.from_request(self.request)
        if not accounts.may_use(scope, actor=actor):
            # Before the code is looked at: a grant of no use to the person
            # would be an entry that looks like an attack.
            sentence = "You have no permission that this confirms."
            raise ApiError(403, "permission_denied", sentence)
        where = {"binding": binding_of(self.request), "actor": actor}
        return {"scope": scope, "digest": body.get("digest"), **where}

    @sensitive_variables("body", "verify")
    def answer_grant(self, verify: Callable[..., Grant], body: JsonObject) -> Response:
        """Answer the grant that `verify` gives."""
        request, act = self.request, self.act(body)
        try:
            grant = verify(self.user, **act)
        except ValidationError as refused:
            raise _problem(refused) from refused
        if getattr(request.auth, "pk", None) is None:
            # A session gets a new key with each confirmation; its grants follow.
            request.session.cycle_key()
            new = binding_of(request)
            accounts.rebind_grants(self.user, old=act["binding"], new=new)
        return Response(StepUpGrantSerializer(grant).data)

    def _refusal(self, details: Any) -> ApiError:
        name, [detail, *_] = next(iter(details.items()))
        if detail.code == "unknown_field":
            listed = ", ".join(sorted(self.spec.body().fields))  # type: ignore[union-attr,misc]  # only asked where there is one
            return ApiError(400, detail.code, f"Only these are known: {listed}.")
        by_code = {"invalid": str(detail), "required": f"Send {name}."}
        text = by_code.get(detail.code, f"{name} is a text of at most 200 signs.")
        text = _SENTENCES.get(name, text)
        errors = [problem_item(f"/{name}", "invalid", text)]
        return ApiError(400, "validation_error", text, errors=errors)


@method_decorator(sensitive_variables("body", "verify"), name="post")
class StepUpView(_View):
    """POST confirms, GET lists what is confirmed here, DELETE ends it."""

    action_specs: ClassVar[Mapping[str, ActionSpec]] = {
        "post": ActionSpec(
            "", StepUpGrantSerializer, body=ConfirmationSerializer, takes_key=False
        ),
        "get": ActionSpec("", StepUpStateSerializer),
        "delete": ActionSpec("", None, 204),
    }

    def post(self, request: Request) -> Response:
        """Confirm an act with the own PIN or authenticator."""
        body = self.body()
        method = "pin" if "pin" in body else "totp"
        verify = partial(accounts.verify_step_up, code=body[method], method=method)
        return self.answer_grant(verify, body)

    def get(self, request: Request) -> Response:
        """List what is confirmed here."""
        state = accounts.step_up_state(self.user, binding=binding_of(request))
        return Response(StepUpStateSerializer(state).data)

    def delete(self, request: Request) -> Response:
        """End what is confirmed here."""
        actor = Actor.from_request(request)
        accounts.end_grants(self.user, binding=binding_of(request), actor=actor)
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
        act = self.act(self.body())
        try:
            return Response(accounts.ask_for_passkey(self.user, **act))
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
        body = self.body()
        answer = {name: body[name] for name in ("ceremony", "credential")}
        verify = partial(accounts.verify_passkey_step_up, answer=answer)
        return self.answer_grant(verify, body)


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
        body = self.body()
        actor, binding = Actor.from_request(request), binding_of(request)
        try:
            accounts.enrol_pin(self.user, actor=actor, binding=binding, **body)
        except accounts.StepUpRequired as needed:
            raise _required(needed, "Set the own PIN") from needed
        except ValidationError as refused:
            raise _problem(refused) from refused
        return Response(status=204)


def _problem(refused: ValidationError) -> ApiError:
    """Return the answer to a code or a PIN that was not taken."""
    code, params = refused.code or "invalid", refused.params or {}
    more = {"tries_left": params["tries_left"]} if "tries_left" in params else {}
    is_mistake = code.endswith("_pin") or code in ("wrong_password", "code_needed")
    status = 400 if is_mistake else _STATUS.get(code, 403)
    sentence = " ".join(refused.messages)
    return ApiError(status, code, sentence, wait=params.get("retry_after"), **more)


def _refuse_keys(request: Request) -> None:
    header = request.headers.get("Authorization", "")
    _, _, text = header.partition(" ")
    if "X-Capture-Key" in request.headers or text.startswith(("sk_", "pk_")):
        sentence = "A machine key cannot confirm an act. Sign in as a person."
        raise ApiError(403, "keys_cannot_step_up", sentence)


def _named_grant(request: Request) -> UUID | None:
    text = request.headers.get(HEADER)
    return None if text is None else parse_uuid(text) or UUID(int=0)
