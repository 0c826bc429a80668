"""The base of every endpoint for staff: closed until it names a right."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from audit.actors import Actor
from audit.api.problems import Problem
from audit.api.reading import QuerySerializer, StrictSerializer
from audit.api.rendering import ExactJSONRenderer
from audit.masking import SEE_CLEAR
from audit.privacy import business_of

_Known = TypeVar("_Known", bound=StrictSerializer)


def etag_of(rev: int) -> str:
    """Return the entity tag of a revision (RFC 9110)."""
    return f'"r{rev}"'


class HasRight(BasePermission):
    """Whoever has the right that the view names for the method, in some business.

    Which rows that are is decided by the door that returns them.
    """

    def has_permission(self, request: Request, view: Any) -> bool:
        method = "GET" if request.method == "HEAD" else str(request.method)
        if not hasattr(view, method.lower()) or method == "OPTIONS":
            # 405 follows, and shows nothing.
            return method != "OPTIONS"
        right = view.rights.get(method)
        user: Any = request.user
        return bool(right and user.is_authenticated and user.has_perm(right))


class StaffView(APIView):
    """Answers JSON to a person with a session or a token.

    `rights` names for each method the right it needs; a method without one is refused.
    `query` is the serializer of the address's parameters; others are unknown.
    """

    permission_classes = (HasRight,)
    renderer_classes = (ExactJSONRenderer,)
    rights: ClassVar[Mapping[str, str]] = {}
    query: ClassVar[type[QuerySerializer]] = QuerySerializer

    @cached_property
    def actor(self) -> Actor:
        """Who asks."""
        return Actor.from_request(self.request)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.parameters = self._checked(self.query, request.query_params.dict())

    def body(self, serializer: type[StrictSerializer], **context: Any) -> Any:
        """Return the checked body. Raises ValidationError with what is wrong."""
        return self._checked(serializer, self.request.data, **context)

    def sees_clear(self, row: Any) -> bool:
        """Tell whether the person sees contact data of this row."""
        return self.actor.may(SEE_CLEAR, business_of(row))

    def expected_rev(self) -> int | None:
        """Return the revision that `If-Match` names (RFC 9110), if it does.

        Raises Problem 412 for a tag that no revision has.
        """
        tag = self.request.headers.get("If-Match", "").strip()
        if tag in ("", "*"):
            return None
        number = tag.removeprefix('"r').removesuffix('"')
        if not (tag.startswith('"r') and number.isascii() and number.isdigit()):
            raise Problem(412, "stale_version", "If-Match names no version of this.")
        return int(number[:9])

    def stale(self, rev: int) -> Problem:
        """Return the 412 for a write that somebody else was faster than."""
        sentence = "Somebody changed this meanwhile. Load it again and repeat."
        return Problem(412, "stale_version", sentence, headers={"ETag": etag_of(rev)})

    def finalize_response(
        self, request: Any, response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        response = super().finalize_response(request, response, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        return response

    @staticmethod
    def _checked(kind: type[_Known], data: Any, **context: Any) -> Any:
        serializer = kind(data=data, context=context)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data
