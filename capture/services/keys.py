"""Making and recognising keys."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import TYPE_CHECKING

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from audit import clock, log, maintenance
from audit.crypto import is_outdated, signature, signatures
from audit.tenancy.actors import Actor, OperationContext
from audit.tenancy.scope import tenant_scope
from capture.choices import SCOPE_WRITE, KeyKind
from capture.models import ApiKey, Source
from customers import services as customers

if TYPE_CHECKING:
    from customers.models import Business

_PREFIXES = {KeyKind.PUBLISHABLE: "pk_", KeyKind.SECRET: "sk_"}
_PREFIX_LENGTH = 11


def hash_key(key: str) -> str:
    """Return the keyed hash under which a key is stored."""
    return signature(key)


def create_key(
    source: Source,
    *,
    actor: Actor,
    kind: str,
    origins: list[str] | None = None,
    scopes: list[str] | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is not stored."""
    key = ApiKey(
        business_id=source.business_id,
        source=source,
        kind=kind,
        scopes=scopes or [],
        origins=origins or [],
    )
    return key, issue_key(key, actor=actor)


@transaction.atomic
def issue_key(key: ApiKey, *, actor: Actor) -> str:
    """Give a new key its text, store its hash, and return the text.

    Without scopes it may write. Raises ValidationError when a column does not fit.
    """
    text = _PREFIXES[KeyKind(key.kind)] + secrets.token_urlsafe(24)
    key.prefix, key.key_hash = text[:_PREFIX_LENGTH], hash_key(text)
    key.scopes = key.scopes or [SCOPE_WRITE]
    key.full_clean()
    customers.save_record(key, actor=actor)
    return text


@transaction.atomic
def ensure_page_key(source: Source, text: str, *, actor: Actor, origin: str) -> ApiKey:
    """Return the publishable key of a text, made or opened for one more origin.

    For a key whose text must be the same each time; others come from `create_key`.
    """
    key = ApiKey.objects.filter(key_hash__in=signatures(text)).first() or ApiKey(
        business_id=source.business_id,
        source=source,
        kind=KeyKind.PUBLISHABLE,
        prefix=text[:_PREFIX_LENGTH],
        key_hash=hash_key(text),
        scopes=[SCOPE_WRITE],
    )
    if origin in key.origins:
        return key
    key.origins = [*key.origins, origin]
    key.full_clean()
    return customers.save_record(key, actor=actor)


def find_key(text: str) -> ApiKey | None:
    """Return the valid key of a text; None for unknown, revoked and expired ones.

    Searches the keys of all businesses: the key identifies the business. After a
    change of HASH_KEY the new hash is stored.
    """
    keys = ApiKey.objects.select_related("source", "source__business")
    with tenant_scope(None):
        key = keys.filter(key_hash__in=signatures(text)).first()
        if key is None or not key.is_valid:
            return None
        if is_outdated(key.key_hash):
            # Only now, while its text is here, can it be hashed with the newest key.
            key.key_hash = hash_key(text)
            actor = Actor.system("renew_hash_key")
            customers.save_record(key, actor=actor, reason="hashed with a new key")
    return key


def key_hash_column() -> maintenance.KeyedColumn:
    """Say which keys a new HASH_KEY concerns: each follows when it is used next."""

    def open_keys() -> QuerySet[ApiKey]:
        is_over = Q(expires_at__lte=clock.now())
        return ApiKey.objects.filter(revoked_at=None).exclude(is_over)

    def end(key: ApiKey, actor: Actor) -> bool:
        revoke_key(key, actor=actor, reason="of a former HOLDFAST_HASH_KEY")
        return True

    return maintenance.KeyedColumn(open_keys, "key_hash", end=end)


def get_or_create_source(business: Business, name: str, *, actor: Actor) -> Source:
    """Return the source of a name or slug, made if there is none yet."""
    slug = slugify(name)[:63]
    existing = Source.objects.filter(business=business, slug=slug).first()
    if existing is not None:
        return existing
    source = Source(business=business, slug=slug, name=name)
    source.full_clean()
    return customers.save_record(source, actor=actor)


@transaction.atomic
def rotate_key(
    key: ApiKey, *, actor: Actor, overlap: timedelta = timedelta(days=7)
) -> tuple[ApiKey, str]:
    """Make a key like this one, and let this one end after the overlap.

    Returns the new key and its text. Raises ValidationError for a key that is no
    longer valid.
    """
    actor.require_perm(key.business_id, "capture.change_apikey")
    if not key.is_valid:
        msg = _("This key is no longer valid. Make a new one.")
        raise ValidationError(msg, code="invalid")
    new = ApiKey(
        business_id=key.business_id,
        source=key.source,
        kind=key.kind,
        scopes=key.scopes,
        origins=key.origins,
        requires_origin=key.requires_origin,
        networks=key.networks,
        replaces=key,
    )
    text = issue_key(new, actor=actor)
    end = timezone.now() + overlap
    if key.expires_at is None or key.expires_at > end:
        key.expires_at = end
        customers.save_record(key, actor=actor, reason="rotated")
    return new, text


@transaction.atomic
def revoke_key(key: ApiKey, *, actor: Actor, reason: str = "") -> None:
    """End a key at once. Revoking again changes nothing."""
    actor.require_perm(key.business_id, "capture.change_apikey")
    if key.revoked_at is None:
        key.revoked_at = timezone.now()
        customers.save_record(key, actor=actor, reason=reason or None)


def get_key(prefix: str, *, actor: Actor) -> ApiKey:
    """Return a key by the beginning that pages show; DoesNotExist for foreign ones."""
    keys = customers.list_visible(ApiKey, actor=actor).select_related(
        "source__business"
    )
    return keys.get(prefix=prefix)


def allowed_origin(origin: str) -> bool:
    """Tell whether any valid publishable key may be used from this origin."""
    keys = ApiKey.objects.filter(
        kind=KeyKind.PUBLISHABLE, revoked_at=None, source__is_active=True
    )
    with tenant_scope(None):
        return any(key.allows_origin(origin) for key in keys.only("origins"))


@transaction.atomic
def report_exposed_key(key: ApiKey, operation: OperationContext) -> None:
    """Write down that a secret key came from a web page, once an hour and process.

    It was refused, but it stood where anybody can read it: rotate it.
    """
    if cache.add(f"exposed:{key.pk}", 1, 3600):
        actor = Actor(
            kind="key",
            operation=operation,
            key_id=key.pk,
            business_ids=frozenset({key.business_id}),
        )
        # The request was refused, so nothing was opened for it.
        with tenant_scope(actor.business_ids):
            log.record(
                "key.exposed",
                key,
                actor=actor,
                business_id=key.business_id,
                outcome="refused",
                code="secret_key_in_browser",
            )
