"""Grants: what a confirmation allows, and taking it up.

A grant belongs to one person and one session or token. The database alone cannot make
one: each carries a MAC whose key lies outside of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet

from audit import clock
from audit.canonical import canonical_json
from audit.crypto import hmac_hex, is_signature, signature
from audit.log.recording import record
from audit.models import Grant, PinCredential, Scope, User
from audit.tenancy.actors import Actor

_MINUTE = timedelta(minutes=1)
LONGEST_LOCK = timedelta(hours=1)
LIFETIMES = {
    Scope.REVEAL: 10 * _MINUTE,
    Scope.EXPORT: 2 * _MINUTE,
    Scope.REFUND_OVER_LIMIT: 2 * _MINUTE,
    Scope.ERASE: 2 * _MINUTE,
    Scope.MANAGE_ROLES: 5 * _MINUTE,
    Scope.MANAGE_KEYS: 5 * _MINUTE,
    Scope.BULK: 2 * _MINUTE,
    Scope.ACCOUNT: 5 * _MINUTE,
}
# Each of these allows one act, the one whose digest was confirmed.
SINGLE_USE = frozenset({Scope.EXPORT, Scope.REFUND_OVER_LIMIT, Scope.ERASE, Scope.BULK})


# Which permissions a confirmation serves. Apps above add theirs in AppConfig.ready().
_PERMISSIONS: dict[str, set[str]] = defaultdict(
    set, {Scope.REVEAL: {"audit.view_personal", "audit.reveal_personal"}}
)


def register_scope_permissions(scope: str, permissions: Iterable[str]) -> None:
    """Add to the permissions of which a scope confirms the use."""
    _PERMISSIONS[Scope(scope)].update(permissions)


def may_use(scope: str, *, actor: Actor) -> bool:
    """Tell whether the actor has a permission that this scope confirms the use of.

    True for a scope without registered permissions.
    """
    permissions = _PERMISSIONS.get(scope)
    return not permissions or any(
        actor.businesses_for(name) != frozenset() for name in permissions
    )


class StepUpRequired(PermissionDenied):
    """An act that its person has to confirm first: the edge asks, or refuses."""

    # For people: what will happen, where the edge can say it.
    description = ""

    def __init__(self, scope: str, digest: str | None) -> None:
        super().__init__("Confirm this act with your PIN first.")
        self.scope, self.digest = Scope(scope), digest


@dataclass(frozen=True)
class StepUpState:
    """What pages say about a person's step-up in this session."""

    grants: list[Grant]
    has_pin: bool = False
    failed_total: int = 0
    locked_until: datetime | None = None
    is_disabled: bool = False

    @property
    def minutes_left(self) -> int:
        """The minutes until the last live grant ends, begun ones included."""
        ends = max((grant.expires_at for grant in self.grants), default=clock.now())
        return ceil((ends - clock.now()) / _MINUTE)


def session_binding(session_key: str) -> str:
    """Return what grants of a session carry instead of its key."""
    return hmac_hex("step-up binding", "session", session_key)


def token_binding(family_id: UUID) -> str:
    """Return what grants of a token family carry."""
    return hmac_hex("step-up binding", "token", str(family_id))


def digest_of(act: str, **payload: object) -> str:
    """Return the digest of one act; the same payload gives the same digest.

    Takes text, whole numbers, yes and no, null, and lists and objects of them. Keyed,
    because a filter may name a person.
    """
    return hmac_hex("step-up digest", act, canonical_json(payload).decode())


def check_scope(scope: str, digest: str | None) -> Scope:
    """Return the scope; raises ValueError for an unknown one, or without its digest."""
    scope = Scope(scope)
    if scope in SINGLE_USE and digest is None:
        msg = f"A grant for {scope} allows one act: give its digest."
        raise ValueError(msg)
    return scope


def make_grant(
    user: User, *, scope: Scope, method: str, binding: str, digest: str | None
) -> Grant:
    """Write a grant; inside the transaction of the confirmation."""
    now = clock.now()
    grant = Grant(
        user=user,
        scope=scope,
        method=method,
        binding=binding,
        digest=digest if scope in SINGLE_USE else None,
        created_at=now,
        expires_at=now + LIFETIMES[scope],
    )
    grant.mac = signature(*_signed_parts(grant))
    grant.save(force_insert=True)
    return grant


def require_grant(
    *,
    actor: Actor,
    scope: str,
    binding: str,
    digest: str | None = None,
    grant_id: UUID | None = None,
) -> Grant:
    """Return the actor's live grant for an act, and let the act's events name it.

    One for a single act is used up by one UPDATE, in the caller's transaction if there
    is one: then an act that is rolled back may be repeated while the grant lasts. Pages
    of the admin have none yet, and ask again. Raises StepUpRequired without a grant.
    """
    scope = check_scope(scope, digest)
    digest = digest if scope in SINGLE_USE else None
    grants = _live(actor.user_id, binding).filter(scope=scope, digest=digest)
    if grant_id is not None:
        grants = grants.filter(pk=grant_id)
    for grant in grants:
        if _is_genuine(grant) and _take(grant):
            actor.operation.grant_id = grant.pk
            return grant
    raise StepUpRequired(scope, digest)


def _take(grant: Grant) -> bool:
    if grant.scope not in SINGLE_USE:
        return True
    now = clock.now()
    # Without a join: PostgreSQL would not look at the row again after waiting for it.
    unused = Grant.objects.filter(pk=grant.pk, used_at=None, ended_at=None)
    return bool(unused.filter(expires_at__gt=now).update(used_at=now))


def list_grants(user: User, *, binding: str) -> list[Grant]:
    """Return the person's live grants in this session or token, the last first."""
    return [grant for grant in _live(user.pk, binding) if _is_genuine(grant)]


@transaction.atomic
def end_grants(user: User, *, binding: str | None = None, actor: Actor) -> int:
    """End the person's live grants, here or (without a binding) everywhere.

    Returns how many; an event says so unless there was none.
    """
    now = clock.now()
    grants = Grant.objects.filter(user=user, ended_at=None, expires_at__gt=now)
    if binding is not None:
        grants = grants.filter(binding=binding)
    ended = grants.filter(used_at=None).update(ended_at=now)
    if ended:
        record("step_up.ended", user, actor=actor, data={"grants": ended})
    return ended


@transaction.atomic
def rebind_grants(user: User, *, old: str, new: str) -> None:
    """Let live grants follow their session to its new key."""
    for grant in _live(user.pk, old):
        if _is_genuine(grant):
            grant.binding = new
            grant.mac = signature(*_signed_parts(grant))
            grant.save(update_fields=["binding", "mac"])


def step_up_state(user: User, *, binding: str) -> StepUpState:
    """Return what is confirmed and what is locked; two queries."""
    grants = list_grants(user, binding=binding)
    credential = PinCredential.objects.filter(user=user).first()
    if credential is None:
        return StepUpState(grants)
    return StepUpState(
        grants,
        has_pin=bool(credential.hash),
        failed_total=credential.failed_total,
        locked_until=pin_locked_until(credential),
        is_disabled=credential.disabled_at is not None,
    )


def pin_locked_until(credential: PinCredential) -> datetime | None:
    """Return until when the person's codes are not looked at, None when they are.

    A lock made by a clock that was ahead is over: nobody waits for that error.
    Its count stays, so that the next one lasts longer.
    """
    if credential.locked_until is None or credential.last_locked_at is None:
        return None
    begun = clock.begun(credential.last_locked_at, credential.last_locked_mark)
    if begun is None:
        return None
    length = credential.locked_until - credential.last_locked_at
    until = begun + min(length, LONGEST_LOCK)
    return until if clock.now() < until else None


def _live(user_id: UUID | None, binding: str) -> QuerySet[Grant]:
    """Return the live grants, without those made by a clock that was ahead."""
    now = clock.now()
    return Grant.objects.filter(
        user__in=User.objects.filter(pk__in=[user_id], is_active=True),
        binding=binding,
        created_at__lte=now + clock.SKEW,
        expires_at__gt=now,
        used_at=None,
        ended_at=None,
    ).order_by("-expires_at")


def _is_genuine(grant: Grant) -> bool:
    return is_signature(grant.mac, *_signed_parts(grant))


def _signed_parts(grant: Grant) -> tuple[str, ...]:
    return (
        "step-up grant",
        str(grant.pk),
        str(grant.user_id),
        str(grant.scope),
        str(grant.method),
        grant.binding,
        grant.digest or "",
        grant.created_at.isoformat(),
        grant.expires_at.isoformat(),
    )
