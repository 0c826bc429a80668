"""Sign-ups and sign-ins of a project that has installed Holdfast's apps."""

from __future__ import annotations

from collections.abc import Callable

from audit.tenancy.actors import Actor
from audit.tenancy.scope import tenant_scope
from capture.services.keys import get_or_create_source
from capture.services.tracking_api import capture_one
from customers import services as customers


def direct_sender(
    *, business: str, source: str
) -> Callable[[str, dict[str, object]], None]:
    """Return what `capture.signals.connect` takes in a process with Holdfast's apps.

    `business` is a slug, `source` a name; both are looked up with each event, so that
    nothing asks the database while Django starts.
    """

    def send(kind: str, body: dict[str, object]) -> None:
        actor = Actor.system("signals", via="job")
        # Users of the project are not staff of Holdfast.
        with tenant_scope(None):
            business_instance = customers.get_business(business, actor=actor)
        with tenant_scope({business_instance.pk}):
            source_instance = get_or_create_source(
                business_instance, source, actor=actor
            )
            capture_one(kind, body, source=source_instance, actor=actor)

    return send
