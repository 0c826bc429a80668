"""Who acts: a value built once at the edge and passed down by keyword."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from audit.ids import uuid7
from audit.tenancy.scope import set_tenant_scope, tenant_scope

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from django.http import HttpRequest

    from audit.models import User

Kind = Literal["user", "key", "system", "anonymous"]
Via = Literal["admin", "api", "capture", "command", "job"]


# A UUID, or a reference as `customers.references` makes them.
_REFERENCE = re.compile(
    r"[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}|[A-Z](?:-[0-9A-Z]{4}){2}", re.I
)

# Permissions by business: their names as Django writes them.
Permissions = Mapping[UUID, frozenset[str]]


@dataclass(frozen=True)
class AccessNote:
    """Rows of one kind that a request has shown: what the access event will say."""

    action: str
    business_id: UUID | None
    subjects: tuple[UUID, ...] = ()
    label: str = ""
    object_id: str = ""
    query: str | None = None
    count: int = 0


@dataclass(frozen=True)
class NotedRefusal:
    """What a request tried and was not let: a code, and what it was about."""

    code: str
    label: str = ""
    object_id: str = ""


@dataclass
class OperationContext:
    """One request, command or job: what the `Operation` row will say about it.

    The row is written with the first change, by `OperationQuerySet.ensure`;
    `is_saved` turns true when that transaction has committed. What was shown and what
    was refused is only noted here; the edge writes it when the request is over, so that
    no rollback takes it away.
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
    accesses: list[AccessNote] = field(default_factory=list)
    refused: NotedRefusal | None = None
    # Who reads, when it is not the signed-in person of the request.
    reader: Actor | None = None

    def refuse(self, code: str, label: str = "", object_id: str = "") -> None:
        """Note a refusal; the first one of a request is recorded.

        Of what was asked for, only an id or a reference of our own is kept: anything
        else may be somebody's address.
        """
        if self.refused is None:
            reference = object_id if _REFERENCE.fullmatch(object_id) else ""
            self.refused = NotedRefusal(code[:100], label, reference)


@dataclass(frozen=True)
class Actor:
    """Who acts, for which businesses, in which operation.

    `business_ids` is None for an actor of all businesses. `permissions` say what a
    member of staff may do in each; keys and commands are held by their own scopes, and
    the platform's owner (`is_owner`) may do everything in each.
    """

    kind: Kind
    operation: OperationContext
    id: UUID | None = None
    business_ids: frozenset[UUID] | None = frozenset()
    key_id: UUID | None = None
    permissions: Permissions = field(default_factory=dict)
    is_owner: bool = False

    @classmethod
    def from_request(cls, request: HttpRequest) -> Actor:
        """Return the signed-in person of a request that the middleware has seen.

        From here on the request reaches the rows of the person's businesses.
        """
        actor = cls.from_user(request.user, operation_of(request))
        set_tenant_scope(actor.business_ids)
        return actor

    @classmethod
    def from_user(
        cls, user: User | AnonymousUser, operation: OperationContext
    ) -> Actor:
        """Return a user as the one who acts; without a name for anonymous ones.

        Raises AccountAltered for an account that was changed past the hub.
        """
        if not user.is_authenticated:
            return cls(kind="anonymous", operation=operation)
        user.require_genuine()
        if user.is_superuser:
            return cls("user", operation, id=user.pk, business_ids=None, is_owner=True)
        permissions = permissions_of(user)
        ids = frozenset(permissions)
        return cls(
            "user", operation, id=user.pk, business_ids=ids, permissions=permissions
        )

    @classmethod
    def from_key(cls, key: Any, operation: OperationContext) -> Actor:
        """Return what a key opens as the one who acts: for its own business alone.

        Keys are a table of an app above.
        """
        ids = frozenset({key.business_id})
        return cls("key", operation, key_id=key.pk, business_ids=ids)

    @classmethod
    def system(cls, name: str, *, via: Via = "command") -> Actor:
        """Return the actor of a command or a job, which may act in every business."""
        operation = OperationContext(via=via, route=name)
        return cls(kind="system", operation=operation, business_ids=None)

    def narrow_to(self, business_id: UUID) -> Actor | None:
        """Return the same actor in one of their businesses; None if it is not theirs.

        With the permissions of that business, and never with more than before.
        """
        if self.business_ids is not None and business_id not in self.business_ids:
            return None
        permissions = {
            pk: names for pk, names in self.permissions.items() if pk == business_id
        }
        ids = frozenset({business_id})
        return replace(self, business_ids=ids, permissions=permissions)

    @property
    def owns_platform(self) -> bool:
        """Tell whether what belongs to no business is the actor's.

        Of commands and of the owner, who may have narrowed down to one business.
        """
        return self.is_owner or self.business_ids is None

    @property
    def permission_fingerprint(self) -> str:
        """The permissions by business, as a text that changes with any of them."""
        if self.business_ids is None:
            return "everything"
        if self.is_owner:
            return json.dumps(["everything", *sorted(map(str, self.business_ids))])
        permissions = (
            (str(pk), sorted(names)) for pk, names in self.permissions.items()
        )
        return json.dumps(sorted(permissions))

    @property
    def sole_business_id(self) -> UUID | None:
        """The business of an actor who works for exactly one; the owner for none."""
        ids = () if self.owns_platform else self.business_ids or ()
        return next(iter(ids)) if len(ids) == 1 else None

    @property
    def user_id(self) -> UUID | None:
        """The id of the acting staff member, None for keys and commands."""
        return self.id if self.kind == "user" else None

    def businesses_for(self, permission: str) -> frozenset[UUID] | None:
        """Return the businesses in which the actor may do this; None for all."""
        if self.kind != "user" or self.owns_platform:
            return self.business_ids
        return frozenset(
            pk
            for pk, permissions in self.permissions.items()
            if permission in permissions
        )

    def has_perm(self, permission: str, business_id: UUID | None) -> bool:
        """Tell whether the actor may do this in a business.

        What belongs to no business is the platform owner's and the commands'.
        """
        if business_id is None and self.owns_platform:
            return True
        ids = self.businesses_for(permission)
        return ids is None or business_id in ids

    def require_perm(self, business_id: UUID, permission: str = "") -> None:
        """Raise PermissionDenied unless the actor may act for this business."""
        ids = self.businesses_for(permission) if permission else self.business_ids
        if ids is not None and business_id not in ids:
            msg = "This business is not yours to act for."
            raise PermissionDenied(msg)


def permissions_of(user: User) -> Permissions:
    """Return what an active user may do in each business, looked up once a request."""
    if not user.is_active:
        return {}
    if not hasattr(user, "_permissions"):
        # Who works where is asked before any business is known.
        with tenant_scope(None):
            user._permissions = _find_permissions(user)
    return user._permissions


def _no_permissions(_user: object) -> Permissions:
    return {}


_find_permissions: Callable[[User], Permissions] = _no_permissions


def register_permissions_source(source: Callable[[User], Permissions]) -> None:
    """Let the app that knows memberships say what a user may do where."""
    global _find_permissions  # noqa: PLW0603 - set once, in AppConfig.ready()
    _find_permissions = source


def operation_of(request: Any) -> OperationContext:
    """Return the operation that the middleware has made for a request.

    Of Django's or of REST framework's, neither of which declares it.
    """
    operation: OperationContext = request.operation
    return operation
