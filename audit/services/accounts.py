"""Staff accounts: the doors to them, and what puts somebody out everywhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables

from audit import clock
from audit.actors import Actor
from audit.keyed import keyed_hash
from audit.models import TokenFamily, User
from audit.models.user import new_stamp
from audit.services.attempts import clear, reserve, wait_text
from audit.services.record import record
from audit.services.refusals import record_refusal

# Flags whose loss ends what was opened with them.
_RIGHTS = ("is_active", "is_staff", "is_superuser")
_TRIES = 10
_WINDOW = timedelta(minutes=15)


def list_users(*, actor: Actor, permission: str = "") -> QuerySet[User]:
    """Return the accounts the actor may see: all, or the own one and colleagues'.

    With `permission` colleagues of businesses where the actor has that right.
    """
    ids = actor.businesses_for(permission) if permission else actor.business_ids
    if ids is None:
        return User.objects.all()
    return User.objects.filter(Q(pk=actor.id) | Q(pk__in=_find_staff(ids)))


def active_users() -> QuerySet[User]:
    """Return all accounts in use: to find one by its exact name, never to be listed."""
    return User.objects.filter(is_active=True)


def names_of(ids: Iterable[UUID | None]) -> dict[UUID | None, str]:
    """Return the user names of accounts, for pages that say who did something."""
    users = User.objects.filter(pk__in={pk for pk in ids if pk is not None})
    return dict(users.values_list("pk", "username"))


def _nobody(_business_ids: Iterable[UUID]) -> Any:
    return ()


_find_staff: Callable[[Iterable[UUID]], Any] = _nobody


def register_staff_source(source: Callable[[Iterable[UUID]], Any]) -> None:
    """Let the app that knows memberships say who works for businesses: ids of users."""
    global _find_staff  # noqa: PLW0603 - set once, in AppConfig.ready()
    _find_staff = source


@transaction.atomic
def end_sessions(user: User, *, actor: Actor, reason_code: str) -> int:
    """Put a user out everywhere: every session and token ends with its next request.

    Returns how many token families were alive. `user` carries the new stamp, so that
    the edge can keep the session of whoever does this to the own account.
    """
    user.security_stamp = new_stamp()
    # The stamp alone: other columns of a form are not written by this.
    User.objects.filter(pk=user.pk).update(security_stamp=user.security_stamp)
    count = _revoke(user.token_families.all(), reason_code)
    facts = {"families": count}
    record("auth.sessions_ended", user, actor=actor, code=reason_code, data=facts)
    if count:
        record("auth.tokens_revoked", user, actor=actor, code=reason_code, data=facts)
    return count


@transaction.atomic
def save_user(user: User, *, actor: Actor, fields: Iterable[str] = ()) -> User:
    """Write an account; whoever loses a right by it is out at once.

    `fields` are the names of the columns that changed, for the entry.
    """
    stored = User.objects.select_for_update().filter(pk=user.pk).first()
    if stored is not None:
        # Read before the lock: what ended sessions meanwhile must not be undone.
        user.security_stamp, user.password = stored.security_stamp, stored.password
    user.save()
    if stored is None:
        record("user.created", user, actor=actor)
        return user
    record("user.changed", user, actor=actor, data={"fields": sorted(fields)})
    if _lost(stored, user):
        end_sessions(user, actor=actor, reason_code="rights_lost")
    return user


@transaction.atomic
def change_password(user: User, password: str, *, actor: Actor) -> None:
    """Give a user a new password, which the caller has validated; sessions end."""
    user.set_password(password)
    user.save(update_fields=["password"])
    follow_new_password(user, actor=actor)


@transaction.atomic
def follow_new_password(user: User, *, actor: Actor) -> None:
    """Do what belongs to a new password that is stored already: entry, sessions end."""
    record("user.changed", user, actor=actor, data={"fields": ["password"]})
    end_sessions(user, actor=actor, reason_code="password_changed")


@sensitive_variables("password")
def check_own_password(user: User, password: str, *, actor: Actor) -> None:
    """Make sure that somebody signed in still knows the own password.

    Raises ValidationError: `wrong_password`, which is an event, and after ten of them
    in a quarter of an hour `too_many`, without looking. Call it outside of any
    transaction: the try must count.
    """
    name = f"own-password:{keyed_hash('user', user.pk.hex)}"
    attempt = reserve(name, _TRIES, _WINDOW, is_doubling=True)
    if not attempt.is_allowed:
        wait = wait_text(attempt.retry_after)
        msg = f"Too many wrong passwords. Wait {wait} and try again."
        params = {"retry_after": attempt.retry_after}
        raise ValidationError(msg, code="too_many", params=params)
    if not user.check_password(password):
        record_refusal("auth.failed", user, actor=actor, code="wrong_password")
        msg = "This is not your password. Type the one that you sign in with."
        raise ValidationError(msg, code="wrong_password")
    clear(name)


def list_token_families(user: User) -> QuerySet[TokenFamily]:
    """Return the sign-ins by token of a user that are alive, the newest first."""
    return live_families().filter(user=user)


@transaction.atomic
def revoke_token_family(family: TokenFamily, *, actor: Actor, code: str) -> bool:
    """End one sign-in by token; false when it had ended already."""
    rows = TokenFamily.objects.filter(pk=family.pk)
    if not _revoke(rows, code):
        return False
    facts = {"families": 1, "family": str(family.pk)}
    record("auth.tokens_revoked", family.user, actor=actor, code=code, data=facts)
    return True


def live_families() -> QuerySet[TokenFamily]:
    """Return token families that are neither revoked nor expired."""
    return TokenFamily.objects.filter(revoked_at=None, expires_at__gt=clock.now())


def _revoke(families: QuerySet[TokenFamily], code: str) -> int:
    alive = families.filter(revoked_at=None, expires_at__gt=clock.now())
    return alive.update(revoked_at=timezone.now(), revoke_code=code)


def _lost(stored: User, user: User) -> bool:
    return any(getattr(stored, n) and not getattr(user, n) for n in _RIGHTS)
