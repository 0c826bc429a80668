"""Making and recognising keys."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from audit.actors import Actor
from capture.choices import SCOPE_WRITE, KeyKind
from capture.models import ApiKey, Source
from customers import services as customers

_PREFIXES = {KeyKind.PUBLISHABLE: "pk_", KeyKind.SECRET: "sk_"}
_SHOWN = 11


def hash_key(key: str) -> str:
    """Return the keyed hash under which a key is stored."""
    pepper = settings.HASH_KEY.encode()
    # Strangers send what they like, half a surrogate pair too.
    text = key.encode(errors="surrogatepass")
    return hmac.new(pepper, text, hashlib.sha256).hexdigest()


def create_key(
    source: Source,
    *,
    actor: Actor,
    kind: str,
    origins: list[str] | None = None,
    scopes: list[str] | None = None,
) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which nobody can read again."""
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
    key.prefix, key.key_hash = text[:_SHOWN], hash_key(text)
    key.scopes = key.scopes or [SCOPE_WRITE]
    key.full_clean()
    customers.save_record(key, actor=actor)
    return text


@transaction.atomic
def ensure_page_key(source: Source, text: str, *, actor: Actor, origin: str) -> ApiKey:
    """Return the publishable key of a text, made or opened for one more origin.

    For a key whose text must be the same each time; others come from `create_key`.
    """
    key = ApiKey.objects.filter(key_hash=hash_key(text)).first() or ApiKey(
        business_id=source.business_id,
        source=source,
        kind=KeyKind.PUBLISHABLE,
        prefix=text[:_SHOWN],
        key_hash=hash_key(text),
        scopes=[SCOPE_WRITE],
    )
    if origin in key.origins:
        return key
    key.origins = [*key.origins, origin]
    key.full_clean()
    return customers.save_record(key, actor=actor)


def find_key(text: str) -> ApiKey | None:
    """Return the valid key of a text; None for unknown, revoked and expired ones."""
    keys = ApiKey.objects.select_related("source", "source__business")
    key = keys.filter(key_hash=hash_key(text)).first()
    return key if key is not None and key.is_valid else None


def get_or_create_source(business: Any, name: str, *, actor: Actor) -> Source:
    """Return the source of a name or slug, made if there is none yet."""
    slug = slugify(name)[:63]
    found = Source.objects.filter(business=business, slug=slug).first()
    if found is not None:
        return found
    source = Source(business=business, slug=slug, name=name)
    source.full_clean()
    return customers.save_record(source, actor=actor)
