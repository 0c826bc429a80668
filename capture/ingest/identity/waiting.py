"""The stored links that new messages may change, read under a lock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from uuid import UUID

from django.db.models import Q, QuerySet

from audit.emails import email_spellings
from capture.choices import (
    IdentifierKind,
    IdentifierTrust,
    ReviewKind,
    ReviewState,
    Trust,
)
from capture.ingest.resolver import BY_ID, Name
from capture.models import CaptureLink

# So many are changed in one round.
_MAX_LINKS = 1000
_LARGE = ("capture__payload", "capture__raw", "capture__warnings")


def lock_waiting(
    business_id: UUID,
    names: Mapping[Name, IdentifierTrust],
    emails: Collection[str],
    *,
    before: Collection[UUID],
) -> list[CaptureLink]:
    """Return the locked links of captures that wait for these names, but `before`.

    A thousand at most: the rest follows with the next message that gives these names.
    """
    if not (names or emails):
        return []
    spellings = {way for key in emails for way in email_spellings(key)}
    named = Q(capture__email__in=spellings)
    ids = {name.value for name in names if name.kind == IdentifierKind.ANONYMOUS_ID}
    named |= Q(capture__anonymous_ref__in=ids)
    refs = defaultdict(set)
    for name in names:
        if name.kind == IdentifierKind.USER_ID:
            refs[name.source_id].add(name.value)
    for source_id, values in refs.items():
        of_source = Q(capture__source=source_id) if source_id else Q()
        named |= Q(capture__user_ref__in=values) & of_source
    named |= Q(capture__previous_ref__in={name.value for name in names})
    return _locked(
        CaptureLink.objects.filter(
            Q(review=None)
            | Q(
                review__kind=ReviewKind.CLAIMED_USER_ID, review__state=ReviewState.OPEN
            ),
            named,
            business=business_id,
            customer=None,
        ),
        before,
    )


def lock_shared(
    business_id: UUID, shared: Mapping[str, bool], *, before: Collection[UUID]
) -> list[CaptureLink]:
    """Return the locked links that only one of these anonymous ids has made.

    Where only pages say that an id is shared, those of pages: their word is a claim.
    """
    if not shared:
        return []
    names = [name for name, is_claim in shared.items() if not is_claim]
    claims = list(shared)
    return _locked(
        CaptureLink.objects.filter(
            Q(capture__anonymous_ref__in=names)
            | Q(capture__previous_ref__in=names)
            | Q(capture__anonymous_ref__in=claims, capture__trust=Trust.BROWSER)
            | Q(capture__previous_ref__in=claims, capture__trust=Trust.BROWSER),
            business=business_id,
            rule__in=BY_ID,
            customer__isnull=False,
        ),
        before,
        most=None,
    )


def _locked(
    links: QuerySet[CaptureLink],
    before: Collection[UUID],
    most: int | None = _MAX_LINKS,
) -> list[CaptureLink]:
    if before:
        links = links.exclude(pk__in=before)
    light = links.select_related("capture").defer(*_LARGE)
    # Locked in key order: another message may know the same captures by another name.
    locked = light.select_for_update(of=("self",), no_key=True)
    return list(locked.order_by("pk")[:most])
