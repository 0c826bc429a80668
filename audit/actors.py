"""Who acts: a value built once at the edge and passed down by keyword."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from audit.ids import uuid7

if TYPE_CHECKING:
    from django.http import HttpRequest

Kind = Literal["user", "key", "system", "anonymous"]
Via = Literal["admin", "api", "capture", "command", "job"]


@dataclass
class OperationContext:
    """One request, command or job: what the `Operation` row will say about it.

    The row is written with the first change, by `OperationQuerySet.ensure`;
    `is_saved` turns true when that transaction has committed.
    """

    via: Via
    route: str
    method: str = ""
    ip: str | None = None
    user_agent: str | None = None
    origin: str | None = None
    id: UUID = field(default_factory=uuid7)
    started_at: datetime = field(default_factory=timezone.now)
    is_saved: bool = False
    # The step-up under which it acts; its events name it.
    grant_id: UUID | None = None


@dataclass(frozen=True)
class Actor:
    """Who acts, for which businesses, in which operation.

    `business_ids` is None for whoever may act in all of them.
    """

    kind: Kind
    operation: OperationContext
    id: UUID | None = None
    business_ids: frozenset[UUID] | None = frozenset()
    key_id: UUID | None = None

    @classmethod
    def from_request(cls, request: HttpRequest) -> Actor:
        """Return the signed-in person of a request that the middleware has seen."""
        operation: OperationContext = request.operation  # type: ignore[attr-defined]
        user: Any = request.user
        if not user.is_authenticated:
            return cls(kind="anonymous", operation=operation)
        ids = None if user.is_superuser else frozenset(_business_ids_of(user))
        return cls(kind="user", operation=operation, id=user.pk, business_ids=ids)

    @classmethod
    def system(cls, name: str, *, via: Via = "command") -> Actor:
        """Return the actor of a command or a job, which may act in every business."""
        operation = OperationContext(via=via, route=name)
        return cls(kind="system", operation=operation, business_ids=None)

    @property
    def user_id(self) -> UUID | None:
        """The id of the acting staff member, None for keys and commands."""
        return self.id if self.kind == "user" else None

    def may_see(self, business_id: UUID) -> bool:
        """Tell whether rows of this business are within reach."""
        return self.business_ids is None or business_id in self.business_ids

    def require(self, business_id: UUID) -> None:
        """Raise PermissionDenied unless the actor may act for this business."""
        if not self.may_see(business_id):
            msg = "This business is not yours to act for."
            raise PermissionDenied(msg)


def _no_businesses(_user: Any) -> Iterable[UUID]:
    return ()


_business_ids_of: Callable[[Any], Iterable[UUID]] = _no_businesses


def register_business_source(source: Callable[[Any], Iterable[UUID]]) -> None:
    """Let the app that knows memberships say which businesses a user works for."""
    global _business_ids_of  # noqa: PLW0603 - set once, in AppConfig.ready()
    _business_ids_of = source
