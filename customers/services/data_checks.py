"""Rows that break a rule of today: they were stored before it. Nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from django.apps import apps
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import models

from audit.database.sealed import SealedModel
from audit.history.models import TrackedModel
from audit.privacy.classes import business_of
from audit.tenancy.actors import Actor
from customers.models import Contact
from customers.models.base import AmountsModel
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


def list_broken_rules(*, actor: Actor) -> Iterator[BrokenRule]:
    """Yield each rule of a column or a model that a row the actor sees breaks.

    Tables one after the other, in chunks of a thousand rows; whoever saves such a row
    is asked to mend a column only if they change it. Constraints of the database and
    rules about several rows are not looked at: those hold, or are kept by a lock.
    """
    for model in apps.get_app_config("customers").get_models():
        if not issubclass(model, TrackedModel | SealedModel):
            continue
        related = {key.name for key in model._meta.fields if key.is_relation}
        queryset = list_visible(model, actor=actor).select_related(*sorted(related))
        for instance in queryset.order_by("pk").iterator(chunk_size=_CHUNK):
            yield from _broken_by(instance, related)


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
