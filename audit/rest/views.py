"""The base of every endpoint for staff: closed until it names a permission."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Container, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any, ClassVar
from uuid import UUID

import orjson
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from audit.crypto import hmac_hex
from audit.json_text import JsonObject
from audit.privacy.classes import business_of
from audit.privacy.masking import SEE_UNMASKED
from audit.rest import idempotency
from audit.rest.exceptions import ApiError
from audit.rest.renderers import ExactJSONRenderer
from audit.rest.serializers import (
    NamesField,
    QuerySerializer,
    StrictSerializer,
    snake_case,
    with_camel_keys,
)
from audit.tenancy.actors import AccessNote, Actor

# Nothing else is answered here, and OPTIONS would only repeat the schema.
_METHODS = ["get", "head", "post", "put", "patch", "delete"]
_STORED_HEADERS = ("ETag", "Location")
# Of an answer whose rows have the keys alone that `fields` names: those of
# application/json have all of them, so that clients need not ask for each.
PARTIAL_TYPE = "application/vnd.holdfast.partial+json"
# As `etag_of` writes it; no revision has more digits.
_TAG = re.compile(r'(?:W/)?"r[0-9]{1,9}"')
_ONCE = "Send it once; several values go into …__in."


def etag_of(rev: int) -> str:
    """Return the entity tag of a revision (RFC 9110)."""
    return f'"r{rev}"'


def parameters_of(query: QueryDict, lists: Container[str] = ()) -> dict[str, str]:
    """Return the parameters of a request by their names as they were sent.

    Of those in `lists` several values may stand with commas between them, or repeat the
    name, as most clients do. Raises ValidationError for others that stand twice: one
    would be ignored.
    """
    names = Counter(snake_case(name) for name, values in query.lists() for _ in values)
    wrong = {
        name: [ErrorDetail(_ONCE, "repeated_parameter")]
        for name in query
        if names[snake_case(name)] > 1 and not _is_list(query, name, lists)
    }
    if wrong:
        raise ValidationError(wrong)
    return {name: ",".join(values) for name, values in query.lists()}


def _is_list(query: QueryDict, name: str, lists: Container[str]) -> bool:
    """Tell whether a parameter is a list, which stands in one spelling alone."""
    spelled = snake_case(name)
    spellings = {each for each in query if snake_case(each) == spelled}
    return spelled in lists and len(spellings) == 1


@dataclass(frozen=True)
class ActionSpec:
    """What one method of an endpoint needs, takes and answers.

    The view checks requests by it and the schema describes it, so the two agree.
    """

    # The name of a permission; empty where the view has a permission class of its own.
    permission: str
    # A serializer of the answer's body; None for one without a body.
    response: Any = None
    status: int = 200
    body: type[StrictSerializer] | None = None
    query: type[QuerySerializer] = QuerySerializer
    # Answers with an ETag and takes If-Match.
    has_versions: bool = False
    # Further success statuses, with their serializers.
    other_responses: Mapping[int, Any] | None = None
    # A POST that changes nothing, or whose answer is a stream, is simply done again.
    takes_key: bool = True
    # Many acts, each done and stored by itself through `do_part`, key or not.
    has_parts: bool = False
    # A serializer of the answer to `fields`, which has a type of its own.
    partial: Any = None
    # Of the answer, where it is no JSON.
    media_type: str = "application/json"
    # What each refusal says, where it is not what it is everywhere.
    refusals: Mapping[int, str] | None = None


class HasHubPermission(BasePermission):
    """Whoever has the permission that the view names for the method, in some business.

    Which rows those are is decided by the selector that returns them.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        if request.method not in view.allowed_methods:
            # 405 follows, and shows nothing.
            return True
        spec, user = view.spec, request.user
        if spec is None or not user.is_authenticated:
            return False
        return bool(user.has_perm(spec.permission))

    def has_object_permission(self, request: Request, view: Any, obj: object) -> bool:
        """Tell whether a row that is seen may be written to: by its business."""
        if request.method in SAFE_METHODS:
            return True
        allowed: bool = view.actor.has_perm(view.required_permission, business_of(obj))
        return allowed


class HubAPIView(APIView):
    """Answers JSON, which no cache keeps.

    `action_specs` says for each method, or action of a viewset, what it needs, takes
    and answers; the schema describes it by that.
    """

    renderer_classes: tuple[type[ExactJSONRenderer], ...] = (ExactJSONRenderer,)
    http_method_names = _METHODS
    action_specs: ClassVar[Mapping[str, ActionSpec]] = {}
    tag: ClassVar[str] = ""

    @property
    def spec(self) -> ActionSpec | None:
        """What this request's method needs, takes and answers."""
        method = str(self.request.method).lower()
        name = getattr(self, "action", None) or ("get" if method == "head" else method)
        return self.action_specs.get(name)

    def body(self, **context: object) -> JsonObject:
        """Return the checked body. Raises ValidationError with what is wrong."""
        serializer_class = (self.spec and self.spec.body) or StrictSerializer
        return serializer_class.checked(self.request.data, **{"view": self, **context})

    def finalize_response(
        self, request: Request, response: Response, *args: object, **kwargs: object
    ) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response


class StaffView(HubAPIView):
    """Answers to a person with a session or a token.

    A method that `action_specs` does not name is refused. A POST with an
    `Idempotency-Key` is done once: who repeats it within a day gets the first answer.
    """

    permission_classes: tuple[type[BasePermission], ...] = (HasHubPermission,)
    # Of a request with a key: a keyed hash of who asks, where and with which key, and
    # one of what was said.
    _key: tuple[str, str] | None = None
    # Answers in camelCase; both spellings are taken everywhere.
    is_camel: ClassVar[bool] = False

    @classmethod
    def as_view(cls, *actions: Any, **initkwargs: Any) -> Any:
        """Return the view. Raises ImproperlyConfigured for a handler without a spec.

        It would be refused to everybody, as if they lacked a permission.
        """
        handlers = actions[0].values() if actions else set(_METHODS) & set(dir(cls))
        for name in handlers:
            if name not in cls.action_specs:
                raise ImproperlyConfigured(
                    f"{cls.__name__}.{name} has no ActionSpec. Add it to action_specs."
                )
        return super().as_view(*actions, **initkwargs)

    @cached_property
    def actor(self) -> Actor:
        """Who asks."""
        return Actor.from_request(self.request)

    @property
    def required_permission(self) -> str:
        """The permission that this request needs."""
        return self.spec.permission if self.spec else ""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Check the request as the library does, then its parameters and its key."""
        super().initial(request, *args, **kwargs)
        spec = self.spec
        self.params = self.check_query(request) if spec else {}
        key = request.headers.get("Idempotency-Key")
        if request.method == "POST" and spec and spec.takes_key and key is not None:
            self._key = self._parse_idempotency_key(key)
            if not spec.has_parts:
                # What `dispatch` calls next.
                view: Any = self
                view.post = partial(self._handle_once, view.post, *self._key)

    def check_query(self, request: Request) -> JsonObject:
        """Return the checked parameters. Raises ValidationError for unknown ones."""
        query = self.spec.query if self.spec else QuerySerializer
        declared = query().fields.items()
        lists = {name for name, each in declared if isinstance(each, NamesField)}
        params = parameters_of(request.query_params, lists)
        return query.checked(params)

    def respond(
        self,
        data: Any,
        *,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        **context: object,
    ) -> Response:
        """Answer with what the method's serializer renders of some data.

        Contact data is masked, unless `is_unmasked` of the context tells of a row that
        this person sees it.
        """
        spec = self.spec or ActionSpec("")
        context = {"has_perm": self.actor.has_perm, **context}
        body = spec.response(data, context=context).data
        if self.is_camel:
            body = with_camel_keys(body)
        return Response(body, status or spec.status, headers=headers)

    def can_see_unmasked(self, instance: object) -> bool:
        """Tell whether the person sees contact data of this instance."""
        return self.actor.has_perm(SEE_UNMASKED, business_of(instance))

    def expected_rev(self, current: int) -> int | None:
        """Return the current revision if `If-Match` names it, None without a name.

        It may name several (RFC 9110), and a proxy that compresses answers makes weak
        tags of ours. Raises ApiError 412, with the current version, for others.
        """
        named = self._named_tags()
        if not named:
            return None
        if not all(map(_TAG.fullmatch, named)):
            sentence = (
                "If-Match names no version of this. Send what ETag said, with its "
                'quotes, like "r1".'
            )
            tag = {"ETag": etag_of(current)}
            raise ApiError(412, "stale_version", sentence, headers=tag)
        if etag_of(current) not in {name.removeprefix("W/") for name in named}:
            raise self.stale(current)
        return current

    def _named_tags(self) -> list[str]:
        """Return the tags of `If-Match`; none where any version will do."""
        text = self.request.headers.get("If-Match", "").strip()
        return [] if text in ("", "*") else [tag.strip() for tag in text.split(",")]

    def stale(self, rev: int) -> ApiError:
        """Return the 412 for a write that somebody else was faster than."""
        sentence = "Somebody changed this meanwhile. Load it again and repeat."
        return ApiError(412, "stale_version", sentence, headers={"ETag": etag_of(rev)})

    def refuse_version(self) -> None:
        """Raise ApiError 412 where `If-Match` names a version of what has none."""
        if self._named_tags():
            sentence = "This has no versions. Leave If-Match out."
            raise ApiError(412, "stale_version", sentence)

    def do_part(
        self, number: int, act: Callable[[], JsonObject]
    ) -> tuple[JsonObject, bool]:
        """Do one of many acts in a transaction of its own, once if there is a key.

        Returns what it answers, which JSON can hold, and whether that was stored by an
        earlier request with this key. Raises ApiError 422 when that said another thing.
        """
        if self._key is None:
            with transaction.atomic():
                return act(), False
        name, fingerprint = self._key
        return self._do_once(hmac_hex("part", name, str(number)), fingerprint, act)

    def _handle_once(
        self,
        act: Callable[..., Response],
        name: str,
        fingerprint: str,
        request: Request,
        *args: object,
        **kw: object,
    ) -> HttpResponseBase:
        """Do an act and keep its answer, in one transaction; or answer as before.

        A refusal rolls both back, so the same key may be sent again; so does a failure
        of what follows the commit.
        """
        done: list[Response] = []

        def answer() -> JsonObject:
            done.append(act(request, *args, **kw))
            return self._storable(done[0])

        stored, is_repeat = self._do_once(name, fingerprint, answer)
        return self._replay(stored) if is_repeat else done[0]

    def _parse_idempotency_key(self, text: str) -> tuple[str, str]:
        if not idempotency.is_plain_key(text):
            raise ApiError(
                400,
                "invalid_idempotency_key",
                "Idempotency-Key has 1 to 255 plain characters. Send a random UUID.",
            )
        request = self.request
        where = (request.path.rstrip("/"), request.headers.get("X-Business", ""))
        who = (str(self.actor.id), self.actor.permission_fingerprint)
        name = hmac_hex("answer", *who, *where, text)
        content = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS).decode()
        return name, hmac_hex("said", request.META.get("QUERY_STRING", ""), content)

    def _do_once(
        self, name: str, fingerprint: str, act: Callable[[], JsonObject]
    ) -> tuple[JsonObject, bool]:
        """Claim a name, act and keep the answer, in one transaction; or say it again.

        The second of what is returned tells whether it was stored before.
        """
        is_done = False
        try:
            with transaction.atomic():
                stored = self._claimed(name, fingerprint)
                if stored is not None:
                    return stored, True
                answer = act()
                idempotency.keep_answer(name, answer)
                is_done = True
        except Exception:
            if is_done:
                # What had to follow the commit, as a mail, failed: not done after all.
                idempotency.forget_answer(name)
            raise
        return answer, False

    def _claimed(self, name: str, fingerprint: str) -> JsonObject | None:
        try:
            return idempotency.claim_answer(name, fingerprint)
        except idempotency.KeyReused as error:
            raise ApiError(
                422,
                "idempotency_key_reused",
                "This key was sent with another request. Take a new one.",
            ) from error

    def _storable(self, response: Response) -> JsonObject:
        accesses = [asdict(note) for note in self.actor.operation.accesses]
        return {
            "status": response.status_code,
            "body": ExactJSONRenderer().render(response.data).decode(),
            "headers": {n: response[n] for n in _STORED_HEADERS if n in response},
            "shown": json.loads(json.dumps(accesses, default=str)),
        }

    def _replay(self, stored: JsonObject) -> HttpResponse:
        operation = self.actor.operation
        for note in stored["shown"]:
            pk = note["business_id"]
            # Whom it shows is an access again.
            note["business_id"] = UUID(pk) if pk else None
            note["subjects"] = tuple(UUID(each) for each in note["subjects"])
            operation.accesses.append(AccessNote(**note))
            operation.reader = self.actor
        headers = {**stored["headers"], "Idempotent-Replayed": "true"}
        return HttpResponse(
            stored["body"],
            status=stored["status"],
            headers=headers,
            content_type="application/json",
        )
