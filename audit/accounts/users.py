"""Staff accounts: services that change them, and what ends all their sessions."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.text import format_lazy
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from audit import clock
from audit.accounts.login_attempts import clear, reserve, wait_text
from audit.accounts.mails import notify
from audit.crypto import hmac_hex
from audit.database.signed import AccountAltered, SignedModel
from audit.datetimes import day_and_time_lazy
from audit.history.models import TrackedModel
from audit.log.recording import record
from audit.log.refusals import record_refusal
from audit.models import Authenticator, PinCredential, TokenFamily, User
from audit.models.user import new_stamp
from audit.tenancy.actors import Actor

# Flags whose loss ends what was opened with them.
_ACCESS_FLAGS = ("is_active", "is_staff", "is_superuser")
# How the entry of a released PIN begins in `User.factors`; a moment follows.
_RELEASED = "released:"
# So long after a release its person can still object.
RELEASE_WAIT = timedelta(days=1)
_TRIES = 10
_WINDOW = timedelta(minutes=15)
_SECRETS_GONE = _(
    "Your account was changed past the hub. From {moment} UTC you can set a PIN with "
    "your password."
)


def list_users(*, actor: Actor, permission: str = "") -> QuerySet[User]:
    """Return the accounts the actor may see: all, or their own and colleagues'.

    With `permission` colleagues of businesses where the actor has that permission.
    """
    ids = actor.businesses_for(permission) if permission else actor.business_ids
    if ids is None or actor.owns_platform:
        return User.objects.all()
    return User.objects.filter(Q(pk=actor.id) | Q(pk__in=_find_staff(ids)))


def active_users() -> QuerySet[User]:
    """Return all accounts in use: to find one by its exact name, never to be listed."""
    return User.objects.filter(is_active=True)


def _nobody(_business_ids: Iterable[UUID]) -> QuerySet:
    return User.objects.none()


_find_staff: Callable[[Iterable[UUID]], QuerySet] = _nobody


def register_staff_source(source: Callable[[Iterable[UUID]], QuerySet]) -> None:
    """Let the app that knows memberships say who works for businesses: ids of users."""
    global _find_staff  # noqa: PLW0603 - set once, in AppConfig.ready()
    _find_staff = source


@transaction.atomic
def end_sessions(user: User, *, actor: Actor, reason_code: str) -> int:
    """End every session and token of a user, with its next request.

    Returns how many token families were alive. `user` carries the new stamp, so that
    the edge can keep the session of a person who does this to their own account.
    """
    user.security_stamp = new_stamp()
    # The stamp alone: other columns of a form are not written by this.
    user.save(update_fields=["security_stamp"])
    count = _revoke(user.token_families.all(), reason_code)
    details = {"families": count}
    record("auth.sessions_ended", user, actor=actor, code=reason_code, data=details)
    if count:
        record("auth.tokens_revoked", user, actor=actor, code=reason_code, data=details)
    return count


def check_owner_left(user_id: UUID, *, is_owner: bool) -> None:
    """Raise ValidationError `last_owner` where the last owner would stop being one.

    `is_owner` says whether the account would still have all that an owner needs to come
    in. Owners are locked until the transaction ends, so two cannot remove each other.
    """
    if is_owner:
        return
    users = User.objects.select_for_update()
    owners = users.filter(**dict.fromkeys(_ACCESS_FLAGS, True))
    left = [owner.pk for owner in owners.order_by("pk") if owner.is_genuine]
    if left == [user_id]:
        msg = gettext(
            "This is the last owner of the platform. Make somebody else an owner "
            "first: active, with staff and superuser status."
        )
        raise ValidationError(msg, code="last_owner")


@transaction.atomic
def save_user(user: User, *, actor: Actor, fields: Iterable[str] = ()) -> User:
    """Save an account; a person who loses a permission is signed out at once.

    `fields` are the names of the columns that changed, for the entry. Raises
    AccountAltered for an account that was changed past the hub, and ValidationError for
    the last owner, who stays one.
    """
    is_owner = all(getattr(user, name) for name in _ACCESS_FLAGS)
    check_owner_left(user.pk, is_owner=is_owner)
    stored = User.objects.select_for_update().filter(pk=user.pk).first()
    if stored is not None:
        stored.require_genuine()
        # These have services of their own.
        user.security_stamp, user.password = stored.security_stamp, stored.password
        user.factors = stored.factors
    user.save()
    if stored is None:
        record("user.created", user, actor=actor)
        return user
    record("user.changed", user, actor=actor, data={"fields": sorted(fields)})
    if _lost(stored, user):
        end_sessions(user, actor=actor, reason_code="rights_lost")
    return user


def factors_of(user: User) -> set[str]:
    """Return which second secrets a user has: `pin`, `totp`, a name of each passkey.

    Two queries. Raises AccountAltered when they are not those that the hub has written
    down with the account: a row removed outside of the hub removes no lock.
    """
    account = _with_factors().get(pk=user.pk)
    account.require_genuine()
    factors = _current_factors(account)
    if factors != _noted_factors(account):
        raise AccountAltered(account)
    return factors


def note_factors(user: User, *, add: str = "", remove: str = "") -> None:
    """Store on the account that it has a second secret, or no longer has it.

    Call it in the transaction that writes or removes the secret itself.
    """
    stored = User.objects.select_for_update().get(pk=user.pk)
    entries = (set(stored.factors.split()) | {add}) - {remove, ""}
    user.factors = " ".join(sorted(entries))
    user.save(update_fields=["factors"])


def release_of(user: User) -> datetime | None:
    """Return from when on the password alone sets a PIN; None without a release.

    It is signed with the account, or a writer of the database could release PINs.
    Raises AccountAltered.
    """
    account = User.objects.get(pk=user.pk)
    account.require_genuine()
    return _noted_release(account)


def note_release(user: User, moment: datetime | None) -> None:
    """Store on the account when its PIN was released, or that it no longer is."""
    stored = User.objects.select_for_update().get(pk=user.pk)
    user.factors = _as_text(_noted_factors(stored), moment)
    user.save(update_fields=["factors"])


@transaction.atomic
def accept_account(user: User, *, actor: Actor) -> None:
    """Sign an account and its roles as they are stored, whatever wrote them.

    For operators who have reviewed them. Its sessions and tokens end. A PIN
    that was released waits on; whose second secrets were taken away past the hub waits
    as after a release, or the password alone would open what they had locked.
    """
    User.objects.select_for_update().get(pk=user.pk)
    account = _with_factors().get(pk=user.pk)
    due = _genuine_release(account)
    if _waits_anew(account):
        due = clock.now() + RELEASE_WAIT
        notify(
            account,
            _("Your second secrets are gone"),
            format_lazy(_SECRETS_GONE, moment=day_and_time_lazy(due)),
            actor=actor,
        )
    account.factors = _as_text(_current_factors(account), due)
    account.accept()
    account.save()
    for other in _signed_records(user=user):
        if not other.is_genuine:
            other.accept()
            if isinstance(other, TrackedModel):
                other.as_actor(actor, reason="accepted as it stands")
            other.save()
    record("user.accepted", account, actor=actor)
    end_sessions(account, actor=actor, reason_code="account_accepted")


def describe_account(user: User) -> list[str]:
    """Describe an account as it is stored, one line for each of its records."""
    account = _with_factors().get(pk=user.pk)
    factors = sorted(_current_factors(account))
    lines = [
        f"account {account.username}: active {account.is_active}, staff "
        f"{account.is_staff}, superuser {account.is_superuser}",
        f"second secrets: {', '.join(factors) or 'none'}; written down with the "
        f"account: {', '.join(sorted(_noted_factors(account))) or 'none'}",
    ]
    if due := _noted_release(account):
        lines.append(
            "its PIN was released: a new one can be set with the password alone from "
            f"{due:%Y-%m-%d %H:%M} UTC on"
        )
    if not account.is_genuine:
        lines.append("the account was changed past the hub")
    if _waits_anew(account):
        lines.append(
            "its second secrets are gone: after this a new wait of a day begins, until "
            "the password alone sets a PIN"
        )
    for role in _signed_records(user=user):
        values = ", ".join(f"{n} {getattr(role, n)}" for n in role.signed if n != "id")
        mark = "" if role.is_genuine else "; changed past the hub"
        lines.append(f"{role._meta.verbose_name} {role.pk}: {values}{mark}")
    return lines


def list_altered_records() -> list[SignedModel]:
    """Return accounts and roles that were changed outside of the hub.

    Accounts whose second secrets are not those written down with them are among them.
    """
    accounts: list[SignedModel] = [
        record
        for record in _with_factors()
        if not record.is_genuine or _current_factors(record) != _noted_factors(record)
    ]
    return accounts + [record for record in _signed_records() if not record.is_genuine]


def _signed_records(**conditions: object) -> Iterator[SignedModel]:
    """Yield what other apps keep of accounts, such as roles."""
    for model in apps.get_models():
        if issubclass(model, SignedModel) and model is not User:
            yield from model._base_manager.filter(**conditions)


def _with_factors() -> QuerySet[User]:
    pins = PinCredential.objects.filter(user=OuterRef("pk")).exclude(hash="")
    authenticators = Authenticator.objects.filter(user=OuterRef("pk"))
    users = User.objects.annotate(has_pin=Exists(pins), has_totp=Exists(authenticators))
    return users.prefetch_related("passkeys")


def _current_factors(account: User) -> set[str]:
    factors = {name for name in ("pin", "totp") if getattr(account, f"has_{name}")}
    return factors | {passkey.factor for passkey in account.passkeys.all()}


def _noted_factors(account: User) -> set[str]:
    entries = account.factors.split()
    return {entry for entry in entries if not entry.startswith(_RELEASED)}


def _noted_release(account: User) -> datetime | None:
    """Return the moment of a release as stored, without checking the signature."""
    for entry in account.factors.split():
        if entry.startswith(_RELEASED):
            with suppress(ValueError):
                return datetime.fromisoformat(entry.removeprefix(_RELEASED))
    return None


def _genuine_release(account: User) -> datetime | None:
    return _noted_release(account) if account.is_genuine else None


def _waits_anew(account: User) -> bool:
    """Tell whether an account that is accepted has lost its second secrets.

    The former value of one changed outside of the hub is unknown; an emptied row says
    that there was a PIN.
    """
    if _current_factors(account) or _genuine_release(account):
        return False
    return bool(account.factors) or (
        not account.is_genuine and PinCredential.objects.filter(user=account).exists()
    )


def _as_text(factors: set[str], release: datetime | None) -> str:
    more = {f"{_RELEASED}{release.isoformat()}"} if release is not None else set()
    return " ".join(sorted(factors | more))


@transaction.atomic
def change_password(user: User, password: str, *, actor: Actor) -> None:
    """Give a user a new password, which the caller has validated; sessions end."""
    user.set_password(password)
    user.save(update_fields=["password"])
    follow_new_password(user, actor=actor)


@transaction.atomic
def follow_new_password(user: User, *, actor: Actor) -> None:
    """Record a password change that is stored already, and end the sessions."""
    record("user.changed", user, actor=actor, data={"fields": ["password"]})
    end_sessions(user, actor=actor, reason_code="password_changed")


@sensitive_variables("password")
def check_current_password(user: User, password: str, *, actor: Actor) -> None:
    """Check the password of a signed-in person again.

    Raises ValidationError: `wrong_password`, which is an event, and after ten of them
    in a quarter of an hour `too_many`, without looking. Call it outside of any
    transaction: the try must count.
    """
    name = counter_of_current_password(user)
    attempt = reserve(name, _TRIES, _WINDOW, is_doubling=True)
    if not attempt.is_allowed:
        msg = gettext("Too many wrong passwords. Wait %(wait)s and try again.") % {
            "wait": wait_text(attempt.retry_after)
        }
        params = {"retry_after": attempt.retry_after}
        raise ValidationError(msg, code="too_many", params=params)
    if not user.check_password(password):
        record_refusal("auth.failed", user, actor=actor, code="wrong_password")
        msg = gettext("This is not your password. Type the one that you sign in with.")
        raise ValidationError(msg, code="wrong_password")
    clear(name)


def counter_of_current_password(user: User) -> str:
    """Return the name of the counter of tries by a signed-in person."""
    return f"own-password:{hmac_hex('user', user.pk.hex)}"


def list_token_families(user: User) -> QuerySet[TokenFamily]:
    """Return the sign-ins by token of a user that are alive, the newest first."""
    return live_families().filter(user=user)


@transaction.atomic
def revoke_token_family(family: TokenFamily, *, actor: Actor, code: str) -> bool:
    """End one sign-in by token; false when it had ended already."""
    families = TokenFamily.objects.filter(pk=family.pk)
    if not _revoke(families, code):
        return False
    details = {"families": 1, "family": str(family.pk)}
    record("auth.tokens_revoked", family.user, actor=actor, code=code, data=details)
    return True


def live_families() -> QuerySet[TokenFamily]:
    """Return token families that are neither revoked nor expired."""
    return TokenFamily.objects.filter(revoked_at=None, expires_at__gt=clock.now())


def _revoke(families: QuerySet[TokenFamily], code: str) -> int:
    alive = families.filter(revoked_at=None, expires_at__gt=clock.now())
    return alive.update(revoked_at=timezone.now(), revoke_code=code)


def _lost(stored: User, user: User) -> bool:
    return any(getattr(stored, n) and not getattr(user, n) for n in _ACCESS_FLAGS)
