"""What a guard looks at: who reads, reveals, exports, is refused, and from where."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from audit.log.recording import new_event, record_together
from audit.log.selectors import kind_text, list_events, usernames_by_id
from audit.models import Event, Operation, Outcome
from audit.privacy.masking import mask
from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope

# More than this by one person in an hour is unusual, and said on the page.
UNUSUAL_REVEALS = 200
UNUSUAL_NUMBER = 1000
_HOUR = timedelta(hours=1)
_NEWEST = 50

_REVEALED = Q(action="field.revealed")
_STAFF_ACCESS = (
    Q(action__endswith=".viewed")
    | Q(action__endswith=".listed")
    | Q(action__endswith=".searched")
    | Q(action__endswith=".suggested")
)
_KINDS = (
    (_("Refused attempts"), Q(outcome=Outcome.REFUSED)),
    (_("Revealed contact data"), _REVEALED),
    (
        _("Exports and downloads"),
        Q(action__startswith="export.") | Q(action="file.downloaded"),
    ),
    (_("Sign-ins"), Q(action__startswith="auth.")),
    (_("Staff access"), _STAFF_ACCESS),
)


@dataclass(frozen=True)
class Entry:
    """One event with the name of who did it and the address it came from, masked."""

    event: Event
    who: str
    address: str


@dataclass
class Reader:
    """How much one person has looked at within the last hour."""

    name: str
    reveals: int = 0
    customer_ids: set[str] = field(default_factory=set)

    @property
    def is_unusual(self) -> bool:
        """Tell whether this is more than daily work asks for."""
        return (
            self.reveals >= UNUSUAL_REVEALS or len(self.customer_ids) >= UNUSUAL_NUMBER
        )


def newest_by_kind(*, actor: Actor) -> dict[str, list[Entry]]:
    """Return the fifty newest events of each kind that the actor may see.

    By the name of the kind, for the reader.
    """
    events = list_events(actor=actor)
    newest = {str(name): list(events.filter(q)[:_NEWEST]) for name, q in _KINDS}
    every = [event for of_kind in newest.values() for event in of_kind]
    names = usernames_by_id(event.actor_id for event in every)
    addresses = _addresses({event.operation_id for event in every})
    return {
        name: [
            Entry(
                event,
                names.get(event.actor_id) or kind_text(event.actor_kind),
                addresses.get(event.operation_id, "–"),
            )
            for event in of_kind
        ]
        for name, of_kind in newest.items()
    }


def readers_of_the_hour(*, actor: Actor, now: datetime | None = None) -> list[Reader]:
    """Return who looked at whom within an hour, those who saw most people first."""
    since = (now or timezone.now()) - _HOUR
    events = list_events(actor=actor).filter(
        _STAFF_ACCESS | _REVEALED,
        occurred_at__gte=since,
        actor_kind="user",
    )
    return _readers(events)


def _readers(events: QuerySet[Event]) -> list[Reader]:
    columns = ("actor_id", "action", "subjects")
    readers: dict[UUID | None, Reader] = defaultdict(lambda: Reader(""))
    for actor_id, action, subjects in events.values_list(*columns).iterator():
        reader = readers[actor_id]
        reader.customer_ids.update(subjects)
        reader.reveals += action == "field.revealed"
    names = usernames_by_id(readers)
    for actor_id, reader in readers.items():
        reader.name = names.get(actor_id) or gettext("unknown")
    return sorted(readers.values(), key=lambda r: (-len(r.customer_ids), r.name))


def last_sign_ins(
    user_ids: Iterable[UUID], *, actor: Actor
) -> dict[UUID | None, datetime]:
    """Return when each account signed in last, as far as the actor may know."""
    events = list_events(actor=actor).filter(
        actor_id__in=list(user_ids), action="auth.signed_in"
    )
    grouped = events.order_by().values("actor_id").annotate(last=Max("occurred_at"))
    return dict(grouped.values_list("actor_id", "last"))


def acts_since(
    moment: datetime, user_ids: Iterable[UUID], *, actor: Actor
) -> dict[UUID | None, int]:
    """Return how many entries of the trail each account has made since a moment."""
    events = list_events(actor=actor).filter(
        actor_id__in=list(user_ids), occurred_at__gte=moment
    )
    grouped = events.order_by().values("actor_id").annotate(n=Count("pk"))
    return dict(grouped.values_list("actor_id", "n"))


def _addresses(ids: set[UUID]) -> dict[UUID, str]:
    # Of events that the reader sees. The request of somebody who works for several
    # businesses belongs to none of them.
    with tenant_scope(None):
        ips = dict(Operation.objects.filter(pk__in=ids).values_list("pk", "ip"))
    return {pk: str(mask(ip)) if ip else "–" for pk, ip in ips.items()}


def last_review(business_ids: Iterable[UUID]) -> datetime | None:
    """Return when the access to any of these businesses was reviewed last."""
    reviews = Event.objects.filter(
        action="access.reviewed", business_id__in=list(business_ids)
    )
    last: datetime | None = reviews.aggregate(last=Max("occurred_at"))["last"]
    return last


@transaction.atomic
def record_review(business_ids: Iterable[UUID], *, actor: Actor) -> None:
    """Record a review of the access to these businesses; all or none."""
    reviewed = [
        new_event("access.reviewed", actor=actor, business_id=business_id)
        for business_id in business_ids
    ]
    record_together(reviewed, actor=actor)
