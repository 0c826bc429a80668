"""Where captures are from, for the pages of the hub."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from capture.choices import Trust
from capture.models import Capture
from customers import services as customers

_KINDS = {Trust.BROWSER: "page", Trust.SERVER: "server", Trust.WEBHOOK: "webhook"}


def find_origins(capture_ids: Collection[UUID]) -> dict[UUID, customers.Origin]:
    """Return by what each capture came, and its source; one statement.

    The ids are of rows that the actor was shown: nobody else's sources are named.
    """
    captures = Capture.objects.filter(pk__in=capture_ids).order_by()
    return {
        pk: customers.Origin(_KINDS[Trust(trust)], name)
        for pk, trust, name in captures.values_list("pk", "trust", "source__name")
    }
