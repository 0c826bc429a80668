"""Rows that break a rule of today: they were stored before it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.apps import apps
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models
from django.db.models import OuterRef, Subquery, Sum
from django.utils.translation import gettext

from audit.database.sealed import SealedModel
from audit.history.models import TrackedModel
from audit.privacy.classes import business_of
from audit.tenancy.actors import Actor
from customers.models import Booking, BookingPayment, Contact
from customers.models.base import AmountsModel
from customers.money import from_database
from customers.selectors.customers import list_visible

_CHUNK = 1000


@dataclass(frozen=True)
class BrokenRule:
    """One rule that one row breaks: where it stands, never what is stored there."""

    rule: str
    table: str
    id: UUID
    business: UUID | None
    column: str
    sentence: str


class CheckedChunk(NamedTuple):
    """What some rows break, how many they are, and where the next ones begin."""

    broken: list[BrokenRule]
    size: int
    cursor: list[str]


def list_broken_rules(*, actor: Actor) -> Iterator[BrokenRule]:
    """Yield each rule of a column or a model that a row the actor sees breaks.

    Tables one after the other, in chunks of a thousand rows; whoever saves such a row
    is asked to mend a column only if they change it. Constraints of the database and
    rules about several rows are not looked at: those hold, or are kept by a lock.
    """
    for chunk in check_in_chunks(actor=actor):
        yield from chunk.broken


def check_in_chunks(
    *, actor: Actor, cursor: Sequence[str] = (), size: int = _CHUNK
) -> Iterator[CheckedChunk]:
    """Yield what the rows that the actor sees break, `size` rows at a time.

    Goes on behind the `cursor` of an earlier chunk. One statement for each chunk; no
    lock is held between two of them.
    """
    table, after = (*cursor, "", "")[:2]
    for model in _checked_models():
        name = model._meta.model_name or ""
        if table and name != table:
            continue
        table = ""
        related = {key.name for key in model._meta.fields if key.is_relation}
        queryset = list_visible(model, actor=actor).select_related(*sorted(related))
        if model is Booking:
            queryset = queryset.annotate(recorded=_recorded())
        queryset = queryset.order_by("pk")
        while True:
            rest = queryset.filter(pk__gt=after) if after else queryset
            instances = list(rest[:size])
            if not instances:
                break
            after = str(instances[-1].pk)
            broken = [one for each in instances for one in _broken_by(each, related)]
            broken += [
                _differing(each)
                for each in instances
                if isinstance(each, Booking) and _is_differing(each)
            ]
            yield CheckedChunk(broken, len(instances), [name, after])
            if len(instances) < size:
                break
        after = ""


def count_checked(*, actor: Actor) -> int:
    """Return how many rows a check looks at; one statement for each table."""
    models = _checked_models()
    return sum(list_visible(model, actor=actor).order_by().count() for model in models)


def _checked_models() -> list[type[models.Model]]:
    return [
        model
        for model in apps.get_app_config("customers").get_models()
        if issubclass(model, TrackedModel | SealedModel)
    ]


def _recorded() -> Subquery:
    """Return the sum of the recorded payments of a booking."""
    entries = BookingPayment.objects.filter(booking=OuterRef("pk")).order_by()
    return Subquery(entries.values("booking").annotate(n=Sum("amount")).values("n"))


def _is_differing(booking: Booking) -> bool:
    """Tell whether a paid amount is not the sum of what it follows from.

    Of what was paid before payments were recorded nobody knows.
    """
    if booking.confirmed_amount is None:
        return False
    recorded = from_database(getattr(booking, "recorded", None))
    return booking.paid_amount != booking.confirmed_amount + recorded


def _differing(booking: Booking) -> BrokenRule:
    return BrokenRule(
        rule="paid_differs",
        table="booking",
        id=booking.pk,
        business=booking.business_id,
        column="paid_amount",
        sentence=gettext(
            "What is paid is not what recorded and confirmed payments add up to. "
            "Record a payment, or reverse one."
        ),
    )


def _broken_by(instance: models.Model, related: set[str]) -> Iterator[BrokenRule]:
    if isinstance(instance, AmountsModel | Contact):
        instance.judge_all()
    checks: tuple[Callable[[], None], ...] = (
        partial(instance.clean_fields, exclude=related),
        instance.clean,
    )
    for check in checks:
        try:
            check()
        except ValidationError as error:
            for column, details in error.update_error_dict({}).items():
                for detail in details:
                    yield BrokenRule(
                        rule=detail.code or "invalid",
                        table=instance._meta.model_name or "",
                        id=instance.pk,
                        business=business_of(instance),
                        column="" if column == NON_FIELD_ERRORS else column,
                        sentence=" ".join(detail.messages),
                    )
