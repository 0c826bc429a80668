"""One request, command or job that writes or shows personal data."""

from __future__ import annotations

from functools import partial
from typing import Any, ClassVar

from django.db import connections, models, transaction
from django.utils import timezone

from audit.database.sealed import AppendOnly, SealedModel, sealed_constraints
from audit.fields import NullCharField, NullTextField
from audit.tenancy.actors import Actor, OperationContext
from audit.tenancy.scope import extend_tenant_scope


class OperationQuerySet(models.QuerySet["Operation"]):
    """Operations; a row is written with the first change that names it."""

    def ensure(self, actor: Actor) -> None:
        """Write the actor's operation unless it is there already."""
        context = actor.operation
        if context.is_saved or _waits_for_commit(context, self.db):
            return
        operation = Operation(
            id=context.id,
            business_id=actor.sole_business_id,
            started_at=context.started_at,
            via=context.via,
            method=context.method,
            route=context.route,
            actor_kind=actor.kind,
            actor_id=actor.id,
            key_id=actor.key_id,
            ip=context.ip,
            user_agent=context.user_agent,
            origin=context.origin,
        )
        with extend_tenant_scope(operation.business_id):
            operations = Operation.objects.using(self.db)
            operations.bulk_create([operation], ignore_conflicts=True)

        # Only a committed row is there for good: a rollback takes it away again.
        transaction.on_commit(partial(_remember, context), using=self.db)


def _remember(context: OperationContext) -> None:
    context.is_saved = True


def _waits_for_commit(context: OperationContext, using: str) -> bool:
    """Tell whether the open transaction has written the row of an operation.

    A savepoint that is rolled back takes away its rows, and what was to follow them.
    """
    # The stubs leave out whether an error stops the others.
    waiting: Any = connections[using].run_on_commit
    return any(
        isinstance(follow, partial)
        and follow.func is _remember
        and follow.args[0] is context
        for _, follow, _ in waiting
    )


class Operation(SealedModel):
    """Who acted, when and through which route; address and agent live only here."""

    guard = AppendOnly(dedupe=("id",))
    privacy: ClassVar[dict[str, str]] = {
        "via": "public",
        "method": "public",
        "route": "public",
        "actor_kind": "public",
        "ip": "trace",
        "user_agent": "trace",
        "origin": "trace",
    }

    business_id = models.UUIDField(null=True, db_index=True)
    started_at = models.DateTimeField(default=timezone.now, db_index=True)
    via = models.CharField(max_length=20)
    method = models.CharField(max_length=10, blank=True)
    route = models.CharField(max_length=200)
    actor_kind = models.CharField(max_length=20)
    actor_id = models.UUIDField(null=True, db_index=True)
    key_id = models.UUIDField(null=True)
    ip = NullCharField("address", max_length=45)
    user_agent = NullTextField()
    origin = NullCharField(max_length=255)

    objects = OperationQuerySet.as_manager()

    class Meta:
        ordering = ("-started_at", "-id")
        constraints = (
            *sealed_constraints("audit_operation", ["ip", "user_agent", "origin"]),
        )

    def __str__(self) -> str:
        return f"{self.via} {self.route}"
